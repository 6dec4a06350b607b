// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a filter of tc to a rule, and from a rule to the bytes for the card.
 */
#include <linux/slab.h>

#include "../agilio.h"
#include "parse.h"

/* A mirror to a VLAN device is a push, an output and a pop */
#define ACTIONS_FOR_ONE		3

/**
 * agl_rule_alloc - an empty rule
 * @in: device that it is on
 * @actions: of tc that there must be room for
 *
 * Return: NULL without memory.
 */
struct agl_rule *agl_rule_alloc(const struct agl_ingress *in, unsigned int actions)
{
	struct agl_rule *rule;

	actions *= ACTIONS_FOR_ONE;
	rule = kmalloc(struct_size(rule, action, actions), GFP_KERNEL);
	if (!rule)
		return NULL;
	memset(rule, 0, sizeof(*rule));
	rule->room = actions;
	rule->port = in->port;
	rule->tun = in->tun;
	return rule;
}

/**
 * agl_compile - a filter of tc as a rule
 * @req: filter
 * @from: tc's match and actions
 * @matchall: it asks nothing of a packet: what its match has is no match
 * @to: also when the filter is refused its match is known, or what is known
 *	of it; the caller frees the rule
 *
 * Return: 0, or agl_refuse()'s; -ENOMEM: nothing is known.
 */
int agl_compile(const struct agl_request *req, const struct flow_rule *from,
		bool matchall, struct agl_compiled *to)
{
	int err = 0;

	to->range_count = 1;
	to->rule = agl_rule_alloc(req->in, from->action.num_entries);
	if (!to->rule)
		return -ENOMEM;
	if (!matchall)
		err = agl_parse_match(req, from, req->in->agl->features, to->rule);
	if (err)
		agl_forget_ranges(to->rule, to->range);
	else
		err = agl_take_ranges(req, to);
	agl_match_of(to->rule, &to->match, &to->match_mask);
	return err ?: agl_parse_actions(req, from, to->rule);
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

	image->local = NULL;
	image->endpoint = NULL;
	image->peer = NULL;
	memset(&image->pre, 0, sizeof(image->pre));
	err = agl_take_ends(req, rule, image);
	if (err)
		return err;
	image->ignored = rule->ignored;
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
	if (image->local)
		agl_local_put(agl, image->local);
	if (image->endpoint)
		agl_endpoint_put(agl, image->endpoint);
	if (image->peer)
		agl_endpoint_put(agl, image->peer);
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
	case -ENOSPC:
		return agl_refuse(req, AGL_REFUSE_FULL,
				  "the card is full: %u rules of %u, %u masks of %u",
				  atomic_read(&t->contexts_used),
				  t->context_count,
				  AGL_MASK_ID_MAX - READ_ONCE(t->masks.count),
				  AGL_MASK_ID_MAX);
	case -EEXIST:
		return agl_refuse(req, AGL_REFUSE_DUPLICATE,
				  "a rule with this match is in the card already");
	case -ENOTUNIQ:
		return agl_refuse(req, AGL_REFUSE_DUPLICATE,
				  "enc_flags alone tell it from a rule in the card");
	case -ETIMEDOUT:
		return agl_refuse(req, AGL_REFUSE_DEVICE,
				  "the card does not take messages");
	default:
		return err;
	}
}
