// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tunnel devices that aren't "external": their packets carry no metadata for
 * filters, so it is the device that says what the outer header has to be, and
 * what is put there. 03-flower.md sections 4.4 and 5.3.3.
 */
#include <net/geneve.h>
#include <net/gre.h>
#include <net/ip6_tunnel.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/vxlan.h>

#include "../agilio.h"
#include "actions.h"
#include "parse.h"

/**
 * struct ends - what such a device gets
 * @v6: outer header is IPv6
 * @keyed: it has a key or id
 * @key: that
 * @dport: UDP port
 * @local: our address, IPv4 in the first word
 * @remote: the other one, zero: any
 */
struct ends {
	bool v6;
	bool keyed;
	__be32 key;
	__be16 dport;
	struct in6_addr local;
	struct in6_addr remote;
};

static void vxlan_ends(const struct vxlan_dev *vxlan, struct ends *e)
{
	const struct vxlan_config *c = &vxlan->cfg;

	e->v6 = c->saddr.sa.sa_family == AF_INET6;
	e->keyed = true;
	e->key = c->vni;
	e->dport = c->dst_port;
	if (e->v6)
		e->local = c->saddr.sin6.sin6_addr;
	else
		e->local.s6_addr32[0] = c->saddr.sin.sin_addr.s_addr;
}

static bool key_only(const unsigned long *flags)
{
	IP_TUNNEL_DECLARE_FLAGS(known) = { };

	__set_bit(IP_TUNNEL_KEY_BIT, known);
	return ip_tunnel_flags_subset(flags, known);
}

/* Return: whether only addresses and the key choose its packets */
static bool gre_ends(const struct ip_tunnel *t, struct ends *e)
{
	e->keyed = test_bit(IP_TUNNEL_KEY_BIT, t->parms.i_flags);
	e->key = t->parms.i_key;
	e->local.s6_addr32[0] = t->parms.iph.saddr;
	e->remote.s6_addr32[0] = t->parms.iph.daddr;
	return key_only(t->parms.i_flags) && !t->parms.link;
}

static bool gre6_ends(const struct ip6_tnl *t, struct ends *e)
{
	e->v6 = true;
	e->keyed = test_bit(IP_TUNNEL_KEY_BIT, t->parms.i_flags);
	e->key = t->parms.i_key;
	e->local = t->parms.laddr;
	e->remote = t->parms.raddr;
	return key_only(t->parms.i_flags) && !t->parms.link;
}

static void put_ends(const struct ends *e, struct agl_fields *k,
		     struct agl_fields *m)
{
	bool any = ipv6_addr_any(&e->remote);

	k->enc_key = e->key;
	m->enc_key = cpu_to_be32(e->dport ? 0xffffff : ~0);
	k->enc_dport = e->dport;
	m->enc_dport = cpu_to_be16(e->dport ? 0xffff : 0);
	if (e->v6) {
		k->enc_dst6 = e->local;
		memset(&m->enc_dst6, 0xff, sizeof(m->enc_dst6));
		k->enc_src6 = e->remote;
		memset(&m->enc_src6, any ? 0 : 0xff, sizeof(m->enc_src6));
	} else {
		k->enc_dst = e->local.s6_addr32[0];
		m->enc_dst = cpu_to_be32(~0);
		k->enc_src = e->remote.s6_addr32[0];
		m->enc_src = any ? 0 : cpu_to_be32(~0);
	}
}

/**
 * agl_take_fixed - what a tunnel device without metadata adds to a match
 * @req: rule on a tunnel device
 * @rule: its fields are there
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_fixed(const struct agl_request *req, struct agl_rule *rule)
{
	struct net_device *dev = req->in->dev;
	struct agl_fields *m = &rule->mask;
	struct ends e = {};
	bool plain = true;
	int device;

	if (agl_tunnel_external(dev))
		return 0;
	if (memchr_inv(&m->enc_key, 0,
		       sizeof(*m) - offsetof(struct agl_fields, enc_key)))
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "enc_ keys on %s, which isn't external",
				  netdev_name(dev));
	if (netif_is_geneve(dev))
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "%s isn't external: Geneve keeps its addresses to itself",
				  netdev_name(dev));
	device = agl_device_get(req->in->agl, dev);
	if (device < 0)
		return device == -ENODEV ?
		       agl_refuse(req, AGL_REFUSE_TUNNEL, "%s is going",
				  netdev_name(dev)) : device;
	rule->device = device;
	if (netif_is_vxlan(dev))
		vxlan_ends(netdev_priv(dev), &e);
	else if (netif_is_gretap(dev))
		plain = gre_ends(netdev_priv(dev), &e);
	else
		plain = gre6_ends(netdev_priv(dev), &e);
	if (ipv6_addr_any(&e.local))
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "%s has no local address: the card needs it",
				  netdev_name(dev));
	/* A key of 0 is for the card like none, for the device it is not */
	if (!plain || !e.keyed || (!e.key && !e.dport))
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "%s: the card needs a key but 0, no csum, seq or dev",
				  netdev_name(dev));
	put_ends(&e, &rule->key, m);
	return 0;
}

/**
 * agl_take_fixed_output - an output to a tunnel device that knows where to
 * @l: list that it is for
 * @dev: tunnel device
 * @tos: outer TOS that the device wants
 *
 * Only of IPv4 GRE everything stands in the device: VXLAN looks a packet's
 * destination up in its forwarding table, Geneve keeps its settings to itself
 * and GRE over IPv6 adds an option.
 *
 * Return: 0: rule->encap is set but for what depends on @tos; or agl_refuse()'s.
 */
int agl_take_fixed_output(struct agl_action_list *l, const struct net_device *dev,
			  u8 *tos)
{
	struct agl_encap *e = &l->rule->encap;
	const struct ip_tunnel *t;

	if (!netif_is_gretap(dev) || agl_tunnel_external(dev))
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "output to %s without tunnel_key set",
				  netdev_name(dev));
	t = netdev_priv(dev);
	if (!t->parms.iph.daddr || !t->parms.iph.ttl || t->parms.iph.tos & 1)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "%s: the card needs a remote address, a ttl and a tos",
				  netdev_name(dev));
	if (!key_only(t->parms.o_flags) || t->encap.type != TUNNEL_ENCAP_NONE ||
	    t->parms.link || t->fwmark)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "%s: the card can't do its csum, seq, encap, dev or fwmark",
				  netdev_name(dev));
	e->type = AGL_TUN_GRE;
	e->has_key = test_bit(IP_TUNNEL_KEY_BIT, t->parms.o_flags);
	e->key = t->parms.o_key;
	e->ttl = t->parms.iph.ttl;
	e->dst.s6_addr32[0] = t->parms.iph.daddr;
	e->src.s6_addr32[0] = t->parms.iph.saddr;
	*tos = t->parms.iph.tos;
	return 0;
}
