// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tunnel devices: which kind they are, and whether the card does with their
 * packets what they would do. 03-flower.md sections 6.3, 6.4 and 9.6.
 */
#include <linux/if_link.h>
#include <net/geneve.h>
#include <net/gre.h>
#include <net/ip6_tunnel.h>
#include <net/ip_tunnels.h>
#include <net/l3mdev.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>
#include <net/vxlan.h>
#include <net/xfrm.h>

#include "../abi/tunnel.h"
#include "../agilio.h"
#include "actions.h"
#include "parse.h"

/**
 * agl_tunnel_type - which tunnel a device is for
 * @dev: any device
 *
 * Return: AGL_TUN_, 0 if it is for none that the card knows.
 */
u8 agl_tunnel_type(const struct net_device *dev)
{
	if (netif_is_vxlan(dev))
		return AGL_TUN_VXLAN;
	if (netif_is_geneve(dev))
		return AGL_TUN_GENEVE;
	if (netif_is_gretap(dev) || netif_is_ip6gretap(dev))
		return AGL_TUN_GRE;
	return 0;
}

/**
 * agl_tunnel_net - the namespace of a tunnel device's outer packets
 * @dev: tunnel device
 *
 * Return: namespace; Geneve has no word for one that isn't its own.
 */
struct net *agl_tunnel_net(const struct net_device *dev)
{
	if (netif_is_vxlan(dev))
		return ((struct vxlan_dev *)netdev_priv(dev))->net;
	if (netif_is_gretap(dev))
		return ((struct ip_tunnel *)netdev_priv(dev))->net;
	if (netif_is_ip6gretap(dev))
		return ((struct ip6_tnl *)netdev_priv(dev))->net;
	return dev_net(dev);
}

/**
 * agl_tunnel_net_cookie - the same as a name that can be kept
 * @dev: tunnel device
 *
 * Return: the cookie; 0 if the namespace may have gone: it outlives the device
 * only while this is registered.
 */
u64 agl_tunnel_net_cookie(const struct net_device *dev)
{
	u64 cookie = 0;

	rcu_read_lock();
	if (READ_ONCE(dev->reg_state) == NETREG_REGISTERED)
		cookie = agl_tunnel_net(dev)->net_cookie;
	rcu_read_unlock();
	return cookie;
}

/**
 * struct traits - what a tunnel device's settings mean for the card
 * @external: it takes its orders from metadata
 * @zero_csum6: over IPv6 it takes packets without UDP checksum, as the card
 * @plain: nothing in them that the card doesn't know
 *
 * All false is the safe answer.
 */
struct traits {
	bool external;
	bool zero_csum6;
	bool plain;
};

/*
 * In a VRF it hears only what comes in there. The namespace may have gone with
 * the device, see agl_tunnel_net_cookie().
 */
static bool vxlan_in_vrf(const struct vxlan_dev *vxlan)
{
	bool in;

	rcu_read_lock();
	in = READ_ONCE(vxlan->dev->reg_state) != NETREG_REGISTERED ||
	     l3mdev_master_upper_ifindex_by_index_rcu(vxlan->net,
						      vxlan->cfg.remote_ifindex);
	rcu_read_unlock();
	return in;
}

static struct traits vxlan_traits(const struct vxlan_dev *vxlan)
{
	const struct vxlan_config *c = &vxlan->cfg;
	u32 odd = VXLAN_F_GPE | VXLAN_F_REMCSUM_TX | VXLAN_F_REMCSUM_RX |
		  VXLAN_F_VNIFILTER | VXLAN_F_IPV6_LINKLOCAL;

	return (struct traits){
		.external = c->flags & VXLAN_F_COLLECT_METADATA,
		.zero_csum6 = c->flags & VXLAN_F_UDP_ZERO_CSUM6_RX,
		.plain = !(c->flags & odd) && !vxlan_in_vrf(vxlan),
	};
}

/* Geneve keeps its settings to itself, but tells them to user space */
static struct traits geneve_traits(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;
	struct sk_buff *skb = nlmsg_new(ops->get_size(dev), GFP_KERNEL);
	/* An external one takes packets without checksum */
	struct traits t = { .zero_csum6 = true };

	if (!skb)
		return t;
	if (!ops->fill_info(skb, dev)) {
		t.external = nla_find((struct nlattr *)skb->data, skb->len,
				      IFLA_GENEVE_COLLECT_METADATA);
		t.plain = !nla_find((struct nlattr *)skb->data, skb->len,
				    IFLA_GENEVE_INNER_PROTO_INHERIT);
	}
	kfree_skb(skb);
	return t;
}

static struct traits traits_of(const struct net_device *dev)
{
	struct traits t = { .zero_csum6 = true, .plain = true };

	if (netif_is_vxlan(dev))
		return vxlan_traits(netdev_priv(dev));
	if (netif_is_geneve(dev))
		return geneve_traits(dev);
	if (netif_is_gretap(dev))
		t.external = ((struct ip_tunnel *)netdev_priv(dev))->collect_md;
	else
		t.external = ((struct ip6_tnl *)netdev_priv(dev))->parms.collect_md;
	return t;
}

/**
 * agl_tunnel_external - does a tunnel device take its orders from metadata?
 * @dev: tunnel device
 *
 * Return: whether tunnel_key and enc_ keys mean anything to it.
 */
bool agl_tunnel_external(const struct net_device *dev)
{
	return traits_of(dev).external;
}

/* Which policy is for which packet isn't known before there is one */
static bool net_has_ipsec(const struct net *net, int dir)
{
#ifdef CONFIG_XFRM
	return READ_ONCE(net->xfrm.policy_count[dir]) ||
	       READ_ONCE(net->xfrm.policy_default[dir]) == XFRM_USERPOLICY_BLOCK;
#else
	return false;
#endif
}

/* The namespace may have gone with the device, as agl_tunnel_net_cookie() says */
static bool tunnel_has_ipsec(const struct net_device *dev, int dir)
{
	bool has;

	rcu_read_lock();
	has = READ_ONCE(dev->reg_state) != NETREG_REGISTERED ||
	      net_has_ipsec(agl_tunnel_net(dev), dir);
	rcu_read_unlock();
	return has;
}

/**
 * agl_check_tunnel_dev - does the card do what a tunnel device would?
 * @req: rule
 * @dev: tunnel device that it is on, or puts out to
 * @in: it is on it
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_check_tunnel_dev(const struct agl_request *req,
			 const struct net_device *dev, bool in)
{
	if (!in && !(dev->flags & IFF_UP))
		return agl_refuse(req, AGL_REFUSE_PORT,
				  "output to %s, which is down", netdev_name(dev));
	if (!traits_of(dev).plain)
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "%s: the card can't do its gpe, remcsum, vnifilter or VRF",
				  netdev_name(dev));
	if (tunnel_has_ipsec(dev, in ? XFRM_POLICY_IN : XFRM_POLICY_OUT))
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "%s: an IPsec policy might be for its packets",
				  netdev_name(dev));
	return 0;
}

/**
 * agl_check_zero_csum6 - are packets without UDP checksum taken over IPv6?
 * @req: rule on a tunnel device, over IPv6
 *
 * The card takes them.
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_check_zero_csum6(const struct agl_request *req)
{
	if (traits_of(req->in->dev).zero_csum6)
		return 0;
	return agl_refuse(req, AGL_REFUSE_TUNNEL,
			  "%s without udp6zerocsumrx: the card takes such packets",
			  netdev_name(req->in->dev));
}
