// SPDX-License-Identifier: GPL-2.0-only
/*
 * The actions of a rule. One row for each kind of tc's; what has no row, or
 * a row without a function, is refused. 03-flower.md sections 5.5, 5.7, 6.4,
 * 6.5 and 12.2.
 */
#include <linux/if_vlan.h>
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_ct.h>
#include <net/ipv6.h>

#include "../agilio.h"
#include "../rule/fields.h"
#include "actions.h"
#include "parse.h"

/**
 * agl_action_add - append an action, and end an open pedit group
 * @l: list, with room
 * @type: of the action
 *
 * Return: the action, empty.
 */
struct agl_action *agl_action_add(struct agl_action_list *l,
				  enum agl_action_type type)
{
	struct agl_action *a = &l->rule->action[l->rule->actions++];

	memset(a, 0, sizeof(*a));
	a->type = type;
	l->set = NULL;
	return a;
}

static const char *csum_names(u32 flags)
{
	if (flags & TCA_CSUM_UPDATE_FLAG_IPV4HDR)
		return "ip";
	if (flags & TCA_CSUM_UPDATE_FLAG_TCP)
		return "tcp";
	if (flags & TCA_CSUM_UPDATE_FLAG_UDP)
		return "udp";
	if (flags & TCA_CSUM_UPDATE_FLAG_ICMP)
		return "icmp";
	if (flags & TCA_CSUM_UPDATE_FLAG_SCTP)
		return "sctp";
	return flags & TCA_CSUM_UPDATE_FLAG_IGMP ? "igmp" : "udplite";
}

static int take_drop(struct agl_action_list *l, const struct flow_action_entry *a)
{
	agl_action_add(l, AGL_DROP);
	l->done = true;
	return 0;
}

/* Return: the number by which a rule knows a device, or agl_refuse()'s */
static int take_device(struct agl_action_list *l, struct net_device *dev)
{
	int device = agl_device_get(l->req->in->agl, dev);

	if (device == -ENODEV)
		return agl_refuse(l->req, AGL_REFUSE_PORT,
				  "output to %s, which is going", netdev_name(dev));
	return device;
}

static int take_output(struct agl_action_list *l, const struct flow_action_entry *a)
{
	struct agl_port *out = agl_port_of(l->req->in->agl, a->dev);
	bool redirect = a->id == FLOW_ACTION_REDIRECT;
	struct agl_action *to;
	int err, device;
	u32 port;

	/* The card repairs checksums whether asked to or not */
	if (l->needs)
		return agl_refuse(l->req, AGL_REFUSE_CSUM,
				  "output after pedit: csum %s is missing",
				  csum_names(l->needs));
	device = take_device(l, a->dev);
	if (device < 0)
		return device;
	if (l->encap || agl_tunnel_type(a->dev)) {
		err = agl_take_tunnel_output(l, a, &port);
		if (err)
			return err;
	} else if (out) {
		port = out->id;
	} else if (is_vlan_dev(a->dev)) {
		return agl_take_vlan_output(l, a, device);
	} else {
		return agl_refuse(l->req, AGL_REFUSE_PORT,
				  "output to %s, which is no port of this card",
				  netdev_name(a->dev));
	}
	to = agl_action_add(l, redirect ? AGL_REDIRECT : AGL_MIRROR);
	to->port = port;
	to->device = device;
	l->done = redirect;
	return 0;
}

/* What comes after the jump is about the packet as it is by now */
static int take_goto(struct agl_action_list *l, const struct flow_action_entry *a)
{
	if (l->needs)
		return agl_refuse(l->req, AGL_REFUSE_CSUM,
				  "goto chain %u after pedit: csum %s is missing",
				  a->chain_index, csum_names(l->needs));
	if (l->encap && !l->rule->encap.type)
		return agl_refuse(l->req, AGL_REFUSE_CHAIN,
				  "goto chain %u after tunnel_key set, without an output",
				  a->chain_index);
	if (!a->chain_index)
		return agl_refuse(l->req, AGL_REFUSE_CHAIN,
				  "goto chain 0, where packets come from");
	l->rule->next_chain = a->chain_index;
	l->done = true;
	return 0;
}

/*
 * The packet as the actions before have left it is looked up, and NAT changes
 * it: what comes after that is in another rule. What has just been committed
 * isn't established, so the host has it.
 */
static int take_ct(struct agl_action_list *l, const struct flow_action_entry *a)
{
	struct agl_rule *r = l->rule;

	if (a->ct.action & TCA_CT_ACT_CLEAR) {
		r->track = AGL_TRACK_CLEAR;
		return 0;
	}
	if (a->ct.action & ~TCA_CT_ACT_NAT)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "ct commit: a new connection is the host's");
	if (l->needs)
		return agl_refuse(l->req, AGL_REFUSE_CSUM,
				  "ct after pedit: csum %s is missing",
				  csum_names(l->needs));
	r->track = AGL_TRACK_ZONE;
	r->zone = a->ct.zone;
	r->nat = a->ct.action & TCA_CT_ACT_NAT;
	r->connections = a->ct.flow_table;
	l->tracked = true;
	return 0;
}

static const char *header_name(enum flow_action_mangle_base header)
{
	static const char * const names[] = {
		[FLOW_ACT_MANGLE_UNSPEC] = "offset",
		[FLOW_ACT_MANGLE_HDR_TYPE_ETH] = "eth",
		[FLOW_ACT_MANGLE_HDR_TYPE_IP4] = "ip",
		[FLOW_ACT_MANGLE_HDR_TYPE_IP6] = "ip6",
		[FLOW_ACT_MANGLE_HDR_TYPE_TCP] = "tcp",
		[FLOW_ACT_MANGLE_HDR_TYPE_UDP] = "udp",
	};

	return header < ARRAY_SIZE(names) ? names[header] : "?";
}

/* Is it certain that the packet has the header? */
static int check_header(struct agl_action_list *l, enum flow_action_mangle_base header)
{
	const struct agl_rule *r = l->rule;
	/* Not behind a label that was pushed */
	bool ip = l->type == r->key.eth_type;
	bool ok = false;

	if (header == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
		ok = true;
	else if (header == FLOW_ACT_MANGLE_HDR_TYPE_IP4)
		ok = ip && r->key.eth_type == htons(ETH_P_IP);
	else if (header == FLOW_ACT_MANGLE_HDR_TYPE_IP6)
		ok = ip && r->key.eth_type == htons(ETH_P_IPV6);
	else if (header == FLOW_ACT_MANGLE_HDR_TYPE_TCP)
		ok = ip && r->key.ip_proto == IPPROTO_TCP;
	else if (header == FLOW_ACT_MANGLE_HDR_TYPE_UDP)
		ok = ip && r->key.ip_proto == IPPROTO_UDP;
	if (ok)
		return 0;
	return agl_refuse(l->req, AGL_REFUSE_EDIT,
			  "pedit of %s without a match on that protocol",
			  header_name(header));
}

/* The checksum of the payload, as far as the match tells which that is */
static u32 l4_csum(const struct agl_rule *r)
{
	switch (r->key.ip_proto) {
	case IPPROTO_TCP:
		return TCA_CSUM_UPDATE_FLAG_TCP;
	case IPPROTO_UDP:
		return TCA_CSUM_UPDATE_FLAG_UDP;
	case 0:
		return TCA_CSUM_UPDATE_FLAG_TCP | TCA_CSUM_UPDATE_FLAG_UDP;
	default:
		return 0;
	}
}

static int note_csums(struct agl_action_list *l, enum flow_action_mangle_base header)
{
	const struct agl_fields *m = &l->set->set.mask;
	u32 l4 = l4_csum(l->rule);

	if (header == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
		return 0;
	if (header == FLOW_ACT_MANGLE_HDR_TYPE_IP4) {
		l->needs |= TCA_CSUM_UPDATE_FLAG_IPV4HDR;
		l->may |= TCA_CSUM_UPDATE_FLAG_IPV4HDR;
	}
	l->may |= l4;
	if (m->src || m->dst || m->sport || m->dport ||
	    !ipv6_addr_any(&m->src6) || !ipv6_addr_any(&m->dst6))
		l->needs |= l4;
	if (header == FLOW_ACT_MANGLE_HDR_TYPE_IP6 &&
	    l->rule->key.ip_proto == IPPROTO_ICMPV6 &&
	    (!ipv6_addr_any(&m->src6) || !ipv6_addr_any(&m->dst6)))
		return agl_refuse(l->req, AGL_REFUSE_EDIT,
				  "pedit of ip6 addresses: the card leaves ICMPv6's checksum");
	return 0;
}

static int edit_byte(struct agl_action_list *l, enum flow_action_mangle_base header,
		     unsigned int at, u8 value, u8 mask)
{
	const struct agl_field *f = agl_field_in_header(header, at);
	u8 *to_value, *to_mask;
	unsigned int i;

	if (!f)
		return agl_refuse(l->req, AGL_REFUSE_EDIT,
				  "pedit of byte %u of %s: the card can't set it",
				  at, header_name(header));
	i = f->at + at - f->header_at;
	to_value = (u8 *)&l->set->set.value + i;
	to_mask = (u8 *)&l->set->set.mask + i;
	*to_value = (*to_value & ~mask) | (value & mask);
	*to_mask |= mask;
	if (agl_field_bits(f, &l->set->set.mask) & f->cannot_set)
		return agl_refuse(l->req, AGL_REFUSE_EDIT,
				  "pedit of byte %u of %s, bits 0x%02x: not settable",
				  at, header_name(header), mask);
	return 0;
}

/*
 * Of a fragment software makes the payload's checksum anew from what is there,
 * and edits ports wherever they would be; the card leaves it alone. So in the
 * card are only whole packets.
 */
static int whole_packets(struct agl_action_list *l, enum flow_action_mangle_base header)
{
	struct agl_rule *r = l->rule;

	if (header == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
		return 0;
	/* Behind two tags software takes the inner one for the header */
	if (r->inner == AGL_TAG_PRESENT || l->tags > 1)
		return agl_refuse(l->req, AGL_REFUSE_EDIT,
				  "pedit of %s behind two VLAN tags",
				  header_name(header));
	if (r->key.frag & AGL_FRAG_ANY)
		return agl_refuse(l->req, AGL_REFUSE_EDIT,
				  "pedit of %s in fragments", header_name(header));
	r->narrow.frag |= AGL_FRAG_ANY;
	return 0;
}

static int take_pedit(struct agl_action_list *l, const struct flow_action_entry *a)
{
	u32 keep = a->mangle.mask, value = a->mangle.val;
	const u8 *v = (const u8 *)&value;
	const u8 *k = (const u8 *)&keep;
	unsigned int i;
	int err;

	err = check_header(l, a->mangle.htype);
	if (!err)
		err = whole_packets(l, a->mangle.htype);
	if (err)
		return err;
	if (value & keep)
		return agl_refuse(l->req, AGL_REFUSE_EDIT,
				  "pedit value 0x%08x has bits outside of its mask",
				  be32_to_cpu((__force __be32)value));
	if (!l->set) {
		struct agl_action *to = agl_action_add(l, AGL_SET);

		to->set.type = l->rule->key.eth_type;
		to->set.proto = l->rule->key.ip_proto;
		l->set = to;
	}
	for (i = 0; i < sizeof(value) && !err; i++)
		if (k[i] != 0xff)
			err = edit_byte(l, a->mangle.htype, a->mangle.offset + i,
					v[i], ~k[i]);
	return err ?: note_csums(l, a->mangle.htype);
}

/* No bytes: the card has done it already, if it was due */
static int take_csum(struct agl_action_list *l, const struct flow_action_entry *a)
{
	u32 odd = a->csum_flags & ~l->may;

	if (odd)
		return agl_refuse(l->req, AGL_REFUSE_CSUM,
				  "csum %s, which no pedit before it changes",
				  csum_names(odd));
	l->needs &= ~a->csum_flags;
	l->set = NULL;
	return 0;
}

/**
 * struct kind - a kind of tc's actions
 * @name: as tc calls it
 * @take: adds it to the list, NULL if the card can't do it
 * @why: what the user reads then; or what is to be known of it if it can
 * @device: it names one
 */
struct kind {
	const char *name;
	int (*take)(struct agl_action_list *l, const struct flow_action_entry *a);
	const char *why;
	bool device;
};

static const struct kind kinds[NUM_FLOW_ACTIONS] = {
	[FLOW_ACTION_DROP] = { "drop", take_drop },
	[FLOW_ACTION_REDIRECT] = { "mirred egress redirect", take_output,
		.device = true, .why = "to a port of the card, or a VLAN or tunnel device" },
	[FLOW_ACTION_MIRRED] = { "mirred egress mirror", take_output,
		.device = true, .why = "likewise, before a redirect" },
	[FLOW_ACTION_VLAN_PUSH] = { "vlan push", agl_take_vlan_push },
	[FLOW_ACTION_VLAN_POP] = { "vlan pop", agl_take_vlan_pop,
		.why = "of a tag that the rule matches or pushed" },
	[FLOW_ACTION_MANGLE] = { "pedit", take_pedit,
		.why = "set, with csum, not in fragments" },
	[FLOW_ACTION_CSUM] = { "csum", take_csum, .why = "what pedit before it changes" },
	[FLOW_ACTION_MPLS_PUSH] = { "mpls push", agl_take_mpls_push },
	[FLOW_ACTION_MPLS_POP] = { "mpls pop", agl_take_mpls_pop },
	[FLOW_ACTION_MPLS_MANGLE] = { "mpls modify", agl_take_mpls_modify },
	[FLOW_ACTION_ACCEPT] = { "pass", .why = "the host has to do that" },
	[FLOW_ACTION_TRAP] = { "trap", .why = "the host has to do that" },
	[FLOW_ACTION_GOTO] = { "goto chain", take_goto,
		.why = "up to nine in a row; not before a tunnel's output" },
	[FLOW_ACTION_REDIRECT_INGRESS] = { "mirred ingress redirect",
		agl_take_internal, .device = true,
		.why = "only of tunnel packets to an internal port of Open vSwitch" },
	[FLOW_ACTION_MIRRED_INGRESS] = { "mirred ingress mirror",
		.why = "the host has to do that" },
	[FLOW_ACTION_VLAN_MANGLE] = { "vlan modify", agl_take_vlan_modify,
		.why = "of a tag that the rule matches; its DEI bit is lost" },
	[FLOW_ACTION_TUNNEL_ENCAP] = { "tunnel_key set", agl_take_encap,
		.why = "once, to an external device; GRE is sent without csum" },
	[FLOW_ACTION_TUNNEL_DECAP] = { "tunnel_key unset", agl_take_decap,
		.why = "on a tunnel device" },
	[FLOW_ACTION_ADD] = { "pedit add", .why = "the card can only set" },
	[FLOW_ACTION_MARK] = { "skbedit mark", .why = "it is the host's" },
	[FLOW_ACTION_PTYPE] = { "skbedit ptype", agl_take_ptype,
		.why = "host, only before mirred ingress redirect" },
	[FLOW_ACTION_PRIORITY] = { "skbedit priority", .why = "it is the host's" },
	[FLOW_ACTION_RX_QUEUE_MAPPING] = { "skbedit queue_mapping",
		.why = "it is the host's" },
	[FLOW_ACTION_SAMPLE] = { "sample", .why = "the card can't" },
	[FLOW_ACTION_POLICE] = { "police", .why = "not yet offloaded" },
	[FLOW_ACTION_CT] = { "ct", take_ct,
		.why = "zone, nat and clear, before goto chain; commit is the host's" },
	[FLOW_ACTION_GATE] = { "gate", .why = "the card can't" },
	[FLOW_ACTION_PPPOE_PUSH] = { "push of PPPoE", .why = "the card can't" },
	[FLOW_ACTION_VLAN_PUSH_ETH] = { "vlan push_eth", .why = "the card can't" },
	[FLOW_ACTION_VLAN_POP_ETH] = { "vlan pop_eth", .why = "the card can't" },
	[FLOW_ACTION_CONTINUE] = { "continue",
		.why = "the card looks at one rule for a packet" },
};

/* The card counts once a second, for those as well that ask for no counters */
static int check_hw_stats(const struct agl_request *req,
			  const struct flow_action_entry *a)
{
	if (a->hw_stats & (FLOW_ACTION_HW_STATS_DELAYED |
			   FLOW_ACTION_HW_STATS_DISABLED))
		return 0;
	return agl_refuse(req, AGL_REFUSE_ACTION,
			  "hw_stats immediate: the card reports once a second");
}

static int take(struct agl_action_list *l, const struct flow_action_entry *a)
{
	const struct kind *k = a->id < ARRAY_SIZE(kinds) ? &kinds[a->id] : NULL;

	if (!k || !k->name)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "action %u is unknown to the driver", a->id);
	if (!k->take)
		return agl_refuse(l->req, AGL_REFUSE_ACTION, "action %s: %s",
				  k->name, k->why);
	if (l->done)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "action %s after the packet is gone", k->name);
	if (l->tracked && a->id != FLOW_ACTION_GOTO)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "action %s after ct: only goto chain can follow",
				  k->name);
	/* tc keeps such an action when the device goes, or it is for a block's */
	if (k->device && !a->dev)
		return agl_refuse(l->req, AGL_REFUSE_PORT,
				  "action %s to no device: it is gone, or a block is meant",
				  k->name);
	return k->take(l, a);
}

/**
 * agl_parse_actions - the actions of a rule
 * @req: rule
 * @from: tc's
 * @rule: match is there already; its actions are set
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_parse_actions(const struct agl_request *req,
		      const struct flow_rule *from, struct agl_rule *rule)
{
	const struct flow_action_entry *a;
	struct agl_action_list l = {
		.req = req,
		.rule = rule,
		.type = rule->key.eth_type,
		.tags = (rule->outer == AGL_TAG_PRESENT) +
			(rule->inner == AGL_TAG_PRESENT),
		.prio = agl_known_prio(rule),
	};
	unsigned int i;
	int err = 0;

	flow_action_for_each(i, a, &from->action) {
		err = check_hw_stats(req, a) ?: take(&l, a);
		if (err)
			return err;
	}
	if (l.to_host && !rule->internal)
		return agl_refuse(req, AGL_REFUSE_ACTION,
				  "action skbedit ptype: it is the host's");
	/* The card drops what reaches the end of a list, the host would keep it */
	if (l.tracked && !rule->next_chain)
		return agl_refuse(req, AGL_REFUSE_ACTION,
				  "ct without goto chain: nothing is known behind it");
	if (!l.done)
		return agl_refuse(req, AGL_REFUSE_ACTION,
				  "the last action must be redirect, drop or goto chain");
	return 0;
}
