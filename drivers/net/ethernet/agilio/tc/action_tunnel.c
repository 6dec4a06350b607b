// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into and out of tunnels. 03-flower.md sections 5.3.3, 5.5, 6.4 and 12.2.
 */
#include <net/gre.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/vxlan.h>

#include "../abi/tunnel.h"
#include "../agilio.h"
#include "actions.h"
#include "parse.h"

/**
 * agl_take_encap - tunnel_key set
 * @l: list that it is added to
 * @a: tc's action
 *
 * What it says is looked at when the packet leaves, and that is also when the
 * card adds the header: edits in between are of the inner packet for both.
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_encap(struct agl_action_list *l, const struct flow_action_entry *a)
{
	if (l->encap)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "a second tunnel_key set in one rule");
	if (!a->tunnel)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel_key set without a tunnel");
	l->encap = a->tunnel;
	agl_action_add(l, AGL_ENCAP);
	return 0;
}

/**
 * agl_take_decap - tunnel_key unset
 * @l: list that it is added to
 * @a: tc's action
 *
 * No bytes: what came out of a tunnel is out of it.
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_decap(struct agl_action_list *l, const struct flow_action_entry *a)
{
	if (l->encap)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel_key unset after set");
	if (!l->rule->tun)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel_key unset on %s, which is no tunnel device",
				  netdev_name(l->req->in->dev));
	l->rule->unset = true;
	l->set = NULL;
	return 0;
}

static int check_flags(struct agl_action_list *l, const struct ip_tunnel_key *key)
{
	IP_TUNNEL_DECLARE_FLAGS(known) = { };

	__set_bit(IP_TUNNEL_CSUM_BIT, known);
	__set_bit(IP_TUNNEL_KEY_BIT, known);
	/* Whether the card sets DF is the firmware's business */
	__set_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, known);
	__set_bit(IP_TUNNEL_GENEVE_OPT_BIT, known);
	if (!ip_tunnel_flags_subset(key->tun_flags, known))
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel_key set with flags other than key, csum, nofrag");
	if (key->label || key->tp_src)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel_key set of a flow label or source port");
	return 0;
}

static int take_port(struct agl_action_list *l, const struct net_device *dev,
		     u8 type, __be16 port)
{
	u16 want = type == AGL_TUN_VXLAN ? AGL_VXLAN_PORT : AGL_GENEVE_PORT;

	if (type == AGL_TUN_GRE)
		return 0;
	if (!port && type == AGL_TUN_VXLAN)
		port = ((struct vxlan_dev *)netdev_priv(dev))->cfg.dst_port;
	if (be16_to_cpu(port) == want)
		return 0;
	return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
			  "tunnel_key set dst_port %u: the card knows %u only",
			  be16_to_cpu(port), want);
}

static int take_opts(struct agl_action_list *l, const struct ip_tunnel_info *info)
{
	struct agl_encap *e = &l->rule->encap;
	const u8 *opts = ip_tunnel_info_opts(info);
	unsigned int at, len, bytes = 0;

	if (!info->options_len)
		return 0;
	if (e->type != AGL_TUN_GENEVE)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel options: the card knows Geneve's only");
	if (!(l->req->in->agl->features & AGL_FEAT_GENEVE_OPT))
		return agl_refuse(l->req, AGL_REFUSE_FEATURE,
				  "Geneve options: this firmware can't");
	for (at = 0; at < info->options_len; at += len) {
		len = 4 + 4 * (opts[at + 3] & 0x1f);
		bytes += 4 + len;
	}
	if (bytes > AGL_PUSH_GENEVE_MAX || at > sizeof(e->opts))
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "geneve_opts take %u bytes in the card, there are %u",
				  bytes, AGL_PUSH_GENEVE_MAX);
	e->opts_len = at;
	memcpy(e->opts, opts, at);
	return 0;
}

/*
 * Software gives the inner packet's congestion bits to the outer header, the
 * card takes the rule's: so in the card are only packets of which they are
 * known.
 */
static int take_tos(struct agl_action_list *l, u8 tos)
{
	struct agl_rule *r = l->rule;
	u8 mask = r->mask.tos & AGL_ECN_BITS, ecn = r->key.tos & AGL_ECN_BITS;

	if (r->key.eth_type != htons(ETH_P_IP) &&
	    r->key.eth_type != htons(ETH_P_IPV6)) {
		r->encap.tos = tos & ~AGL_ECN_BITS;
		if (r->key.eth_type)
			return 0;
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel_key set without a match on the protocol");
	}
	if (mask != AGL_ECN_BITS) {
		if (ecn)
			return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
					  "tunnel_key set with half of ip_tos' ECN matched");
		r->narrow.tos |= AGL_ECN_BITS;
	}
	/* Congestion that the inner packet had before is not the tunnel's */
	if (ecn == AGL_ECN_CE)
		ecn = 2;
	r->encap.tos = (tos & ~AGL_ECN_BITS) | ecn;
	return 0;
}

/* Software would cut it too, but to what the user doesn't see */
static int check_id(struct agl_action_list *l, u8 type)
{
	u32 id = be32_to_cpu(l->rule->encap.key);

	if (type == AGL_TUN_GRE || id <= AGL_TUN_ID_MAX)
		return 0;
	return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
			  "tunnel_key set id %u: this tunnel's has 24 bits", id);
}

static int take_key(struct agl_action_list *l, const struct net_device *dev,
		    u8 type)
{
	const struct ip_tunnel_info *info = l->encap;
	const struct ip_tunnel_key *key = &info->key;
	struct agl_encap *e = &l->rule->encap;
	u64 features = l->req->in->agl->features;
	int err;

	if (!agl_tunnel_external(dev))
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "tunnel_key set for %s, which isn't external",
				  netdev_name(dev));
	e->type = type;
	e->v6 = ip_tunnel_info_af(info) == AF_INET6;
	if (type == AGL_TUN_GENEVE && !(features & AGL_FEAT_GENEVE))
		return agl_refuse(l->req, AGL_REFUSE_FEATURE,
				  "Geneve: this firmware can't");
	if (e->v6 && !(features & AGL_FEAT_IPV6_TUN))
		return agl_refuse(l->req, AGL_REFUSE_FEATURE,
				  "tunnel over IPv6: this firmware can't");
	if (netif_is_gretap(dev) ? e->v6 : netif_is_ip6gretap(dev) && !e->v6)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "%s is for the other family of addresses",
				  netdev_name(dev));
	e->csum = test_bit(IP_TUNNEL_CSUM_BIT, key->tun_flags);
	e->has_key = test_bit(IP_TUNNEL_KEY_BIT, key->tun_flags);
	e->key = tunnel_id_to_key32(key->tun_id);
	e->ttl = key->ttl;
	if (e->v6) {
		e->dst = key->u.ipv6.dst;
		e->src = key->u.ipv6.src;
	} else {
		e->dst.s6_addr32[0] = key->u.ipv4.dst;
		e->src.s6_addr32[0] = key->u.ipv4.src;
	}
	err = check_id(l, type);
	return err ?: take_port(l, dev, type, key->tp_dst);
}

/**
 * agl_take_tunnel_output - an output to a tunnel device, or after
 * tunnel_key set
 * @l: list that it is for
 * @a: tc's action
 * @port: port id to put out to
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_tunnel_output(struct agl_action_list *l,
			   const struct flow_action_entry *a, u32 *port)
{
	u8 type = agl_tunnel_type(a->dev), tos;
	int err;

	if (!type)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "output to %s after tunnel_key set: not a tunnel",
				  netdev_name(a->dev));
	if (l->rule->encap.type)
		return agl_refuse(l->req, AGL_REFUSE_TUNNEL,
				  "a second output into a tunnel");
	err = agl_check_tunnel_dev(l->req, a->dev, false);
	if (err)
		return err;
	*port = AGL_PORT_TUNNEL(type);
	l->rule->encap.net = agl_tunnel_net_cookie(a->dev);
	if (!l->encap) {
		err = agl_take_fixed_output(l, a->dev, &tos);
		if (err)
			return err;
		agl_action_add(l, AGL_ENCAP);
		return take_tos(l, tos);
	}
	err = take_key(l, a->dev, type);
	if (!err)
		err = check_flags(l, &l->encap->key);
	if (!err)
		err = take_opts(l, l->encap);
	if (!err)
		err = take_tos(l, l->encap->key.tos);
	return err;
}

static int explain_endpoint(const struct agl_request *req,
			    const struct agl_encap *e, int err)
{
	char dst[sizeof("0000:0000:0000:0000:0000:0000:255.255.255.255")];

	snprintf(dst, sizeof(dst), e->v6 ? "%pI6c" : "%pI4", &e->dst);
	switch (err) {
	case -ENODEV:
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "the route to %s is by no port of this card", dst);
	case -ENONET:
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "the namespace that sends to %s has gone", dst);
	case -EXDEV:
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "rules of another namespace send to %s", dst);
	case -EADDRINUSE:
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "rules with another src_ip send to %s", dst);
	default:
		return err;
	}
}

static int take_local(const struct agl_request *req, const struct agl_rule *rule,
		      struct agl_image *image)
{
	struct in6_addr addr = rule->key.enc_dst6;

	if (!rule->tun6) {
		memset(&addr, 0, sizeof(addr));
		addr.s6_addr32[0] = rule->key.enc_dst;
	}
	image->ends.local = agl_local_get(req->in->agl, rule->tun6, &addr);
	if (!IS_ERR(image->ends.local))
		return 0;
	if (PTR_ERR(image->ends.local) == -ENOSPC)
		agl_refuse(req, AGL_REFUSE_FULL,
			   "the card has room for %u local tunnel addresses",
			   rule->tun6 ? AGL_TUN_IPS6_MAX : AGL_TUN_IPS_MAX);
	return PTR_ERR(image->ends.local);
}

/*
 * With decap v2 the card lets packets in by the neighbour that they are from:
 * so it must have that. Without one they are the host's.
 */
static void take_peer(const struct agl_request *req, const struct agl_rule *rule,
		      struct agl_image *image)
{
	struct agl_encap from = {
		.v6 = rule->tun6,
		.net = agl_tunnel_net_cookie(req->in->dev),
	};
	bool exact = rule->tun6 ?
		     !memchr_inv(&rule->mask.enc_src6, 0xff, sizeof(from.dst)) :
		     rule->mask.enc_src == htonl(INADDR_BROADCAST);

	if (!exact || !(req->in->agl->features & AGL_FEAT_DECAP_V2))
		return;
	if (rule->tun6)
		from.dst = rule->key.enc_src6;
	else
		from.dst.s6_addr32[0] = rule->key.enc_src;
	image->ends.peer = agl_endpoint_get(req->in->agl, &from, AGL_END_WATCHED);
	if (IS_ERR(image->ends.peer))
		image->ends.peer = NULL;
}

/**
 * agl_take_ends - what a rule needs of both ends of its tunnels
 * @req: rule
 * @rule: match and actions are there; the encapsulation is completed
 * @image: has the references, also when this fails
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_ends(const struct agl_request *req, struct agl_rule *rule,
		  struct agl_image *image)
{
	struct agl_encap *e = &rule->encap;
	struct agl_endpoint *end;
	int err = 0;

	if (rule->tun) {
		/* The card carries no mark inwards: the host has what is marked */
		rule->narrow.enc_tos = AGL_ECN_BITS & ~rule->mask.enc_tos;
		err = take_local(req, rule, image);
		if (err)
			image->ends.local = NULL;
		else
			take_peer(req, rule, image);
	}
	if (err || !e->type)
		return err;
	image->ends.pinned = !ipv6_addr_any(&e->src);
	end = agl_endpoint_get(req->in->agl, e, image->ends.pinned ?
			       AGL_END_PINNED : AGL_END_ROUTED);
	if (IS_ERR(end))
		return explain_endpoint(req, e, PTR_ERR(end));
	image->ends.endpoint = end;
	return 0;
}
