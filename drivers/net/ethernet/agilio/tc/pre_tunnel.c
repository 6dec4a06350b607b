// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule that gives a physical port's packets to an internal port of Open
 * vSwitch: in the card it lets tunnel packets through to decapsulation, all
 * others go to the host, where the rule does what it says. 03-flower.md
 * section 6.7.
 */
#include <linux/if_packet.h>
#include <net/ipv6.h>

#include "../agilio.h"
#include "actions.h"
#include "parse.h"

/**
 * agl_take_ptype - skbedit ptype
 * @l: list that it is added to
 * @a: tc's action
 *
 * No bytes: it says what the host should think of a packet that it gets.
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_ptype(struct agl_action_list *l, const struct flow_action_entry *a)
{
	if (a->ptype != PACKET_HOST)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "skbedit ptype %u: only host makes sense here",
				  a->ptype);
	l->to_host = true;
	return 0;
}

static int refuse(struct agl_action_list *l, const char *why)
{
	return agl_refuse(l->req, AGL_REFUSE_TUNNEL, "to internal port %s",
			  why);
}

/* The card looks at addresses and one tag: anything else would be more */
static int check_match(struct agl_action_list *l, const struct net_device *dev)
{
	const struct agl_rule *r = l->rule;
	struct agl_fields m = r->mask;

	if (!is_broadcast_ether_addr(m.dst_mac) ||
	    !ether_addr_equal(r->key.dst_mac, dev->dev_addr))
		return refuse(l, "needs dst_mac, its own");
	if (l->req->in->agl->features & AGL_FEAT_DECAP_V2 &&
	    !is_broadcast_ether_addr(m.src_mac))
		return refuse(l, "needs src_mac with this firmware");
	if (r->key.eth_type != htons(ETH_P_IP) &&
	    r->key.eth_type != htons(ETH_P_IPV6))
		return refuse(l, "needs protocol ip or ipv6");
	if (r->inner == AGL_TAG_PRESENT)
		return refuse(l, "can't have two VLAN tags");
	/* Only what is whole can be decapsulated: nofrag asks nothing */
	if (r->key.frag)
		return refuse(l, "can't be for fragments");
	memset(m.dst_mac, 0, sizeof(m.dst_mac));
	memset(m.src_mac, 0, sizeof(m.src_mac));
	m.eth_type = 0;
	m.outer_tpid = 0;
	m.outer_tci = 0;
	m.frag = 0;
	if (memchr_inv(&m, 0, sizeof(m)))
		return refuse(l, "can match MAC addresses and a tag only");
	return 0;
}

static int check_tag(struct agl_action_list *l)
{
	const struct agl_rule *r = l->rule;
	u16 mask = be16_to_cpu(r->mask.outer_tci);

	if (r->outer != AGL_TAG_PRESENT)
		return r->actions ? refuse(l, "can't have other actions") : 0;
	if ((mask & AGL_TCI_VID) != AGL_TCI_VID)
		return refuse(l, "needs a whole vlan_id");
	if (r->actions != 1 || r->action[0].type != AGL_POP_VLAN)
		return refuse(l, "needs vlan pop, and nothing else");
	return 0;
}

/**
 * agl_take_internal - mirred ingress redirect
 * @l: list that it is added to
 * @a: tc's action
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_internal(struct agl_action_list *l, const struct flow_action_entry *a)
{
	struct agl_port *from = agl_port_of(l->req->in->agl, l->req->in->dev);
	u64 features = l->req->in->agl->features;
	int err;

	if (!netif_is_ovs_master(a->dev))
		return agl_refuse(l->req, AGL_REFUSE_PORT,
				  "ingress of %s: only internal ports of Open vSwitch",
				  netdev_name(a->dev));
	if (!(features & (AGL_FEAT_PRE_TUN | AGL_FEAT_DECAP_V2)))
		return agl_refuse(l->req, AGL_REFUSE_FEATURE,
				  "to an internal port: this firmware can't");
	if (!l->to_host || !from || !agl_port_is_phys(from))
		return refuse(l, "needs a physical port and skbedit ptype host");
	err = check_match(l, a->dev);
	if (!err)
		err = check_tag(l);
	if (err)
		return err;
	l->rule->internal = a->dev;
	l->done = true;
	return 0;
}

/**
 * agl_make_pre_tunnel - what the card has to be told of such a rule
 * @req: rule
 * @rule: its internal port is set
 * @image: its pre is set
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_make_pre_tunnel(const struct agl_request *req, const struct agl_rule *rule,
			struct agl_image *image)
{
	struct agl_pre_link *link = &image->pre.link;

	image->ends.mac = agl_mac_get(&req->in->agl->tunnels, rule->key.dst_mac);
	if (!image->ends.mac)
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "%s is down: it can't be a tunnel's end",
				  netdev_name(rule->internal));
	link->v6 = rule->key.eth_type == htons(ETH_P_IPV6);
	ether_addr_copy(link->own, rule->key.dst_mac);
	ether_addr_copy(link->peer, rule->key.src_mac);
	link->tpid = rule->outer == AGL_TAG_PRESENT ?
			   be16_to_cpu(rule->key.outer_tpid) : AGL_NEIGH_NO_TAG;
	image->pre.used = true;
	image->pre.mac = image->ends.mac;
	image->pre.tci = rule->outer == AGL_TAG_PRESENT ?
			 be16_to_cpu(rule->key.outer_tci) : AGL_NEIGH_NO_TAG;
	return 0;
}
