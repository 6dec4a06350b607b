// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way to a tunnel's other end: route, device, next hop.
 * 03-flower.md sections 6.8 and 12.2.
 */
#include <linux/if_vlan.h>
#include <net/ip6_route.h>
#include <net/ipv6_stubs.h>
#include <net/neighbour.h>
#include <net/route.h>

#include "../agilio.h"
#include "tunnel.h"

static struct dst_entry *underlay_route4(struct net *net,
					 const struct in6_addr *dst,
					 struct agl_underlay *u)
{
	struct flowi4 fl = {
		.daddr = dst->s6_addr32[0],
		.saddr = u->src.s6_addr32[0],
		.flowi4_proto = IPPROTO_UDP,
	};
	struct rtable *rt = ip_route_output_key(net, &fl);

	if (IS_ERR(rt))
		return ERR_CAST(rt);
	u->src.s6_addr32[0] = fl.saddr;
	u->ttl = ip4_dst_hoplimit(&rt->dst);
	return &rt->dst;
}

static struct dst_entry *underlay_route6(struct net *net,
					 const struct in6_addr *dst,
					 struct agl_underlay *u)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct flowi6 fl = {
		.daddr = *dst,
		.saddr = u->src,
		.flowi6_proto = IPPROTO_UDP,
	};
	struct dst_entry *d;

	d = ipv6_stub->ipv6_dst_lookup_flow(net, NULL, &fl, NULL);
	if (IS_ERR(d))
		return d;
	u->src = fl.saddr;
	u->ttl = ip6_dst_hoplimit(d);
	return d;
#else
	return ERR_PTR(-EAFNOSUPPORT);
#endif
}

/* Which port of the card a device leaves by, and what tag it adds */
static void underlay_port(struct agilio *agl, struct net_device *dev,
			  struct agl_underlay *u)
{
	const struct agl_port *p;
	int id;

	ether_addr_copy(u->src_mac, dev->dev_addr);
	u->up = netif_running(dev) && netif_carrier_ok(dev);
	if (is_vlan_dev(dev)) {
		u->tpid = vlan_dev_priv(dev)->vlan_proto;
		u->tci = cpu_to_be16(vlan_dev_vlan_id(dev));
		dev = vlan_dev_priv(dev)->real_dev;
	}
	p = agl_port_of(agl, dev);
	if (p) {
		u->port = p->id;
	} else if (netif_is_ovs_master(dev) && agl->features & AGL_FEAT_PRE_TUN) {
		id = agl_internal_get(&agl->tunnels, dev);
		u->port = id > 0 ? AGL_PORT_INTERNAL(id) : 0;
	}
}

/**
 * agl_underlay_find - find the way to an address
 * @agl: card
 * @net: namespace
 * @v6: family
 * @dst: where to, IPv4 in the first word
 * @src: from where, zero: as the route says
 * @u: is set
 *
 * Return: 0, also if the way is not by a port of the card; the route's errno,
 * -ENOMEM. On 0 the caller has a reference to u->neigh.
 */
int agl_underlay_find(struct agilio *agl, struct net *net, bool v6,
		      const struct in6_addr *dst, const struct in6_addr *src,
		      struct agl_underlay *u)
{
	struct dst_entry *d;

	memset(u, 0, sizeof(*u));
	u->src = *src;
	d = v6 ? underlay_route6(net, dst, u) : underlay_route4(net, dst, u);
	if (IS_ERR(d))
		return PTR_ERR(d);
	u->dev = d->dev;
	underlay_port(agl, d->dev, u);
	u->neigh = dst_neigh_lookup(d, dst);
	dst_release(d);
	return u->neigh ? 0 : -ENOMEM;
}
