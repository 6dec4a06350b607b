// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a filter of tc to a rule, and from a rule to the bytes for the card.
 */
#include <linux/if_vlan.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "../agilio.h"
#include "parse.h"

/* A mirror to a VLAN device is a push, an output and a pop */
#define COMPILE_ACTIONS_FOR_ONE	3

static void compile_init(const struct agl_ingress *in, unsigned int room,
			 struct agl_rule *rule)
{
	rule->room = room;
	rule->port = in->port;
	rule->tun = in->tun;
}

/**
 * agl_rule_alloc - an empty rule
 * @in: device that it is on
 * @actions: that there must be room for
 *
 * Return: NULL without memory.
 */
struct agl_rule *agl_rule_alloc(const struct agl_ingress *in, unsigned int actions)
{
	struct agl_rule *rule;

	rule = kzalloc(struct_size(rule, action, actions), GFP_KERNEL);
	if (rule)
		compile_init(in, actions, rule);
	return rule;
}

static int compile_alloc(const struct agl_ingress *in, unsigned int actions,
			 struct agl_compiled *to)
{
	struct agl_rule *rule = to->rule;
	unsigned int room;

	if (!rule || rule->room < actions) {
		kfree(rule);
		to->rule = agl_rule_alloc(in, actions);
		return to->rule ? 0 : -ENOMEM;
	}
	/* Actions are cleared one by one, as they are added */
	room = rule->room;
	memset(rule, 0, sizeof(*rule));
	compile_init(in, room, rule);
	return 0;
}

/*
 * How many actions of ours there can be at most. Of tc's there are as many as
 * user space likes to give: each key of a pedit is one, in a row they are one
 * of ours, and csum is none.
 */
static unsigned int compile_room(const struct flow_action *from)
{
	const struct flow_action_entry *a;
	unsigned int i, room = 0;
	bool in_row = false;

	flow_action_for_each(i, a, from) {
		if (a->id == FLOW_ACTION_MANGLE)
			room += !in_row;
		else if (a->id != FLOW_ACTION_CSUM)
			room += COMPILE_ACTIONS_FOR_ONE;
		in_row = a->id == FLOW_ACTION_MANGLE;
	}
	return room;
}

/* A rule in a shared block can be for another of its ports */
static bool compile_never(const struct agl_request *req,
			  const struct flow_match *from)
{
	const struct flow_dissector_key_meta *key, *mask;

	/* Behind a tunnel it is not so clear where a packet came in */
	if (!req->in->rules ||
	    !dissector_uses_key(from->dissector, FLOW_DISSECTOR_KEY_META))
		return false;
	key = skb_flow_dissector_target(from->dissector, FLOW_DISSECTOR_KEY_META,
					from->key);
	mask = skb_flow_dissector_target(from->dissector, FLOW_DISSECTOR_KEY_META,
					 from->mask);
	return mask->ingress_ifindex == ~0 &&
	       key->ingress_ifindex != req->in->dev->ifindex;
}

/*
 * tc shows a filter packets of one protocol only. iproute2 and Open vSwitch
 * give it as a key, too, but nobody has to; then it narrows the match.
 */
static int compile_protocol(const struct agl_request *req, __be16 protocol,
			    bool matchall, struct agl_rule *rule)
{
	struct agl_fields *k = &rule->key, *m = &rule->mask;
	bool vlan = eth_type_vlan(protocol);

	if (protocol == htons(ETH_P_ALL))
		return 0;
	if (vlan && rule->outer == AGL_TAG_ANY) {
		rule->outer = AGL_TAG_PRESENT;
	} else if (!vlan && rule->outer == AGL_TAG_ANY && !m->eth_type) {
		rule->outer = AGL_TAG_ABSENT;
		k->eth_type = protocol;
		m->eth_type = cpu_to_be16(~0);
	} else if (vlan ? rule->outer == AGL_TAG_PRESENT &&
			  !((k->outer_tpid ^ protocol) & m->outer_tpid) :
			  rule->outer == AGL_TAG_ABSENT &&
			  !((k->eth_type ^ protocol) & m->eth_type)) {
		return 0;
	}
	if (matchall)
		return agl_refuse(req, AGL_REFUSE_KIND,
				  "matchall of protocol 0x%04x: only of protocol all",
				  be16_to_cpu(protocol));
	return agl_refuse(req, AGL_REFUSE_MATCH,
			  "protocol 0x%04x, and keys of another or none",
			  be16_to_cpu(protocol));
}

/* A packet as it comes in: nothing has looked for its connection */
static const struct agl_ct_match compile_untracked = {
	.mask = { U16_MAX, U16_MAX, U32_MAX,
		  { U32_MAX, U32_MAX, U32_MAX, U32_MAX } },
};

/* Only packets of connections that are established go by the card */
static int compile_ct(const struct agl_request *req, const struct agl_ct_match *ct)
{
	u16 host = TCA_FLOWER_KEY_CT_FLAGS_NEW | TCA_FLOWER_KEY_CT_FLAGS_RELATED |
		   TCA_FLOWER_KEY_CT_FLAGS_INVALID;

	if (!(ct->key.state & host) &&
	    !(ct->key.state & TCA_FLOWER_KEY_CT_FLAGS_TRACKED &&
	      ct->mask.state & ~ct->key.state & TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED))
		return 0;
	return agl_refuse(req, AGL_REFUSE_MATCH,
			  "ct_state new, rel, inv or -est: such packets are the host's");
}

/* What is known of the match of a rule with @err so far; if in doubt more */
static void compile_match(const struct agl_rule *rule, int err,
			  struct agl_compiled *to)
{
	agl_match_of(rule, &to->match, &to->match_mask);
	to->exact = !err && to->range_count == 1 && !rule->ignored;
}

/* All but the match and the memory */
static void compile_reset(struct agl_compiled *to)
{
	to->exact = false;
	to->never = false;
	to->next_chain = 0;
	to->range_count = 1;
	to->range[0] = (struct agl_ports){};
	to->ct = (struct agl_ct_match){};
}

/**
 * agl_compile_wide - a filter of which nothing is known
 * @in: device that it is on
 * @to: matches every packet; its rule's memory is kept
 */
void agl_compile_wide(const struct agl_ingress *in, struct agl_compiled *to)
{
	compile_reset(to);
	memset(&to->match, 0, sizeof(to->match));
	memset(&to->match_mask, 0, sizeof(to->match_mask));
}

static int compile_rule(const struct agl_request *req,
			const struct flow_cls_common_offload *common,
			const struct flow_rule *from, bool matchall,
			struct agl_compiled *to)
{
	struct agl_rule *rule = to->rule;
	int err = 0;

	if (!matchall)
		err = agl_parse_match(req, from, req->in->agl->features, rule);
	rule->tun6 = rule->tun && (!ipv6_addr_any(&rule->mask.enc_src6) ||
				   !ipv6_addr_any(&rule->mask.enc_dst6));
	if (err)
		agl_forget_ranges(rule, to->range);
	else
		err = agl_take_ranges(req, to);
	if (!err)
		err = compile_protocol(req, common->protocol, matchall, rule);
	compile_match(rule, err, to);
	return err ?: compile_ct(req, &to->ct) ?: agl_parse_actions(req, from, rule);
}

/**
 * agl_compile - a filter of tc as a rule
 * @req: filter
 * @common: its protocol
 * @from: tc's match and actions
 * @matchall: it asks nothing of a packet: what its match has is no match
 * @to: also when the filter is refused its match is known, or what is known
 *	of it; the memory of its rule is used again, the caller frees it
 *
 * Return: 0, or agl_refuse()'s; -ENOMEM.
 */
int agl_compile(const struct agl_request *req,
		const struct flow_cls_common_offload *common,
		const struct flow_rule *from, bool matchall,
		struct agl_compiled *to)
{
	unsigned int room = compile_room(&from->action);
	int err;

	if (room > AGL_ACTIONS_MAX) {
		agl_compile_wide(req->in, to);
		return agl_refuse(req, AGL_REFUSE_SIZE,
				  "%u actions: the card's list has room for %u",
				  room, AGL_ACTIONS_MAX);
	}
	compile_reset(to);
	to->never = !matchall && compile_never(req, &from->match);
	if (!matchall && agl_ct_take(&from->match, &to->ct) && !common->chain_index)
		to->never |= !agl_ct_meets(&compile_untracked, &to->ct);
	if (to->never)
		return 0;
	err = compile_alloc(req->in, room, to);
	if (err) {
		agl_compile_wide(req->in, to);
		return err;
	}
	err = compile_rule(req, common, from, matchall, to);
	to->next_chain = to->rule->next_chain;
	return err;
}

static void take_device(struct agl_image *image, u32 id)
{
	unsigned int i;

	if (!id)
		return;
	for (i = 0; i < image->devices; i++)
		if (image->device[i] == id)
			return;
	/* More than there is room for don't fit into the action list either */
	if (image->devices < ARRAY_SIZE(image->device))
		image->device[image->devices++] = id;
}

/* What must be there as it is for as long as the rule is in the card */
static void take_devices(const struct agl_rule *rule, struct agl_image *image)
{
	unsigned int i;

	image->devices = 0;
	image->by_device = rule->device;
	image->one_way = true;
	take_device(image, rule->device);
	for (i = 0; i < rule->actions; i++) {
		image->one_way &= rule->action[i].type != AGL_MIRROR;
		if (rule->action[i].type == AGL_REDIRECT ||
		    rule->action[i].type == AGL_MIRROR)
			take_device(image, rule->action[i].device);
	}
}

/**
 * agl_encode - a rule as the firmware's bytes
 * @req: rule, or the filter that it was made for
 * @rule: complete
 * @image: has references also when this fails
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_encode(const struct agl_request *req, struct agl_rule *rule,
	       struct agl_image *image)
{
	int err;

	memset(&image->ends, 0, sizeof(image->ends));
	memset(&image->pre, 0, sizeof(image->pre));
	err = agl_take_ends(req, rule, image);
	if (err)
		return err;
	image->ignored = rule->ignored;
	image->narrow = rule->narrow;
	take_devices(rule, image);
	if (rule->internal)
		return agl_make_pre_tunnel(req, rule, image);
	if (agl_encode_match(rule, req->in->agl->features, image))
		return agl_refuse(req, AGL_REFUSE_SIZE,
				  "the match is longer than %u bytes",
				  AGL_KEY_LIMIT);
	if (agl_encode_actions(rule, image))
		return agl_refuse(req, AGL_REFUSE_SIZE,
				  "the actions are longer than %u bytes",
				  AGL_ACT_LIST_MAX);
	return 0;
}

/**
 * agl_image_release - give back the references that nobody has taken
 * @agl: card
 * @image: of a rule
 */
void agl_image_release(struct agilio *agl, struct agl_image *image)
{
	agl_ends_put(agl, &image->ends);
}

/**
 * agl_explain - why the table has not taken a rule
 * @req: rule, or the filter that it was made for
 * @before: priority of what comes first, if that is the reason
 * @err: agl_table_enter()'s
 *
 * Return: agl_refuse()'s, -ENOMEM.
 */
int agl_explain(const struct agl_request *req, u32 before, int err)
{
	struct agl_table *t = &req->in->agl->table;

	switch (err) {
	case -EBUSY:
		return agl_refuse(req, AGL_REFUSE_OVERLAP,
				  "overlaps a rule of pref %u, which comes first",
				  before);
	case -EPERM:
		return agl_refuse(req, AGL_REFUSE_OVERLAP,
				  "comes before a skip_sw rule of pref %u, which can't leave",
				  before);
	case -EADDRNOTAVAIL:
		return agl_refuse(req, AGL_REFUSE_OVERLAP,
				  "a port's rule of pref %u is first to take this tunnel's packets",
				  before);
	case -EADDRINUSE:
		return agl_refuse(req, AGL_REFUSE_OVERLAP,
				  "the card takes such packets out of tunnels: not with skip_sw");
	case -ENOSPC:
		return agl_refuse(req, AGL_REFUSE_FULL,
				  "the card is full: %u rules of %u, %u masks of %u",
				  t->contexts.count - READ_ONCE(t->contexts.free),
				  t->contexts.count,
				  AGL_MASK_ID_MAX - READ_ONCE(t->masks.count),
				  AGL_MASK_ID_MAX);
	case -EEXIST:
		return agl_refuse(req, AGL_REFUSE_DUPLICATE,
				  "a rule with this match is in the card already");
	case -ENOTUNIQ:
		return agl_refuse(req, AGL_REFUSE_DUPLICATE,
				  "enc_flags alone tell it from a rule in the card");
	case -ENODEV:
		return agl_refuse(req, AGL_REFUSE_PORT,
				  "a device that it needs has gone, or changed");
	case -ETIMEDOUT:
		return agl_refuse(req, AGL_REFUSE_DEVICE,
				  "the card does not take messages");
	default:
		return err;
	}
}
