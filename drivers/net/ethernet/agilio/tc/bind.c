// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where tc calls us: blocks on representors, and the rules in them. Rule
 * callbacks run in parallel and without rtnl. 03-flower.md section 6.1.
 */
#include <linux/slab.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "../flower/encode.h"
#include "parse.h"

/* A mirror to a VLAN device is a push, an output and a pop */
#define AGL_ACTIONS_FOR_ONE	3

static LIST_HEAD(block_cbs);

static struct agl_rule *rule_alloc(const struct agl_ingress *in,
				   unsigned int actions)
{
	struct agl_rule *rule;

	actions *= AGL_ACTIONS_FOR_ONE;
	rule = kmalloc(struct_size(rule, action, actions), GFP_KERNEL);
	if (!rule)
		return NULL;
	memset(rule, 0, sizeof(*rule));
	rule->room = actions;
	rule->port = in->port;
	rule->tun = in->tun;
	return rule;
}

static int encode(const struct agl_request *req, const struct agl_rule *rule,
		  struct agl_image *image)
{
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

static void image_release(struct agilio *agl, struct agl_image *image)
{
	if (image->local)
		agl_local_put(agl, image->local);
	if (image->endpoint)
		agl_endpoint_put(agl, image->endpoint);
}

/* A matchall rule asks nothing of a packet: what its match has is no match */
static int compile(const struct agl_request *req, const struct flow_rule *from,
		   bool matchall, struct agl_image *image)
{
	struct agl_rule *rule;
	int err = 0;

	image->local = NULL;
	image->endpoint = NULL;
	memset(&image->pre, 0, sizeof(image->pre));
	rule = rule_alloc(req->in, from->action.num_entries);
	if (!rule)
		return -ENOMEM;
	if (!matchall)
		err = agl_parse_match(req, from, req->in->agl->features, rule);
	agl_match_of(rule, &image->match, &image->match_mask);
	if (!err)
		err = agl_parse_actions(req, from, rule);
	if (!err)
		err = agl_take_ends(req, rule, image);
	if (!err)
		err = encode(req, rule, image);
	if (err)
		image_release(req->in->agl, image);
	kfree(rule);
	return err;
}

static int explain(const struct agl_request *req, u32 before, int err)
{
	struct agl_table *t = &req->in->agl->table;

	switch (err) {
	case -EBUSY:
		return agl_refuse(req, AGL_REFUSE_OVERLAP,
				  "overlaps a rule of pref %u, which comes first",
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

static int rule_replace(const struct agl_ingress *in,
			const struct flow_cls_common_offload *common,
			unsigned long cookie, const struct flow_rule *from,
			bool matchall)
{
	struct agl_request req = { in, cookie, common->extack };
	struct agl_flow_name name = { cookie, in->port, common->prio };
	struct agl_image *image;
	int err;

	if (common->chain_index)
		return agl_refuse(&req, AGL_REFUSE_CHAIN,
				  "chain %u: the card has only chain 0",
				  common->chain_index);
	image = kmalloc(sizeof(*image), GFP_KERNEL);
	if (!image)
		return -ENOMEM;
	err = compile(&req, from, matchall, image);
	if (!err) {
		err = agl_table_add(in->agl, &name, image);
		if (err) {
			image_release(in->agl, image);
			err = explain(&req, image->before, err);
		}
	}
	/* The card must not act on what this rule would have been first to */
	if (err && err != -ENOMEM)
		agl_table_note(in->agl, &name, image);
	if (!err && in->rules)
		atomic_inc(in->rules);
	kfree(image);
	return err;
}

static int rule_destroy(const struct agl_ingress *in, unsigned long cookie)
{
	int err = agl_table_del(in->agl, cookie, in->port);

	if (!err && in->rules)
		atomic_dec(in->rules);
	return err;
}

static int flower(const struct agl_ingress *in, struct flow_cls_offload *f)
{
	switch (f->command) {
	case FLOW_CLS_REPLACE:
		return rule_replace(in, &f->common, f->cookie,
				    flow_cls_offload_flow_rule(f), false);
	case FLOW_CLS_DESTROY:
		return rule_destroy(in, f->cookie);
	case FLOW_CLS_STATS:
		return agl_stats_read(in->agl, f->cookie, in->port, &f->stats);
	default:
		return -EOPNOTSUPP;
	}
}

static int mall(const struct agl_ingress *in, struct tc_cls_matchall_offload *f)
{
	struct agl_request req = { in, f->cookie, f->common.extack };

	switch (f->command) {
	case TC_CLSMATCHALL_REPLACE:
		if (in->tun || f->common.protocol != htons(ETH_P_ALL))
			return agl_refuse(&req, AGL_REFUSE_KIND,
					  "matchall: only protocol all, on a representor");
		return rule_replace(in, &f->common, f->cookie, f->rule, true);
	case TC_CLSMATCHALL_DESTROY:
		return rule_destroy(in, f->cookie);
	case TC_CLSMATCHALL_STATS:
		return agl_stats_read(in->agl, f->cookie, in->port, &f->stats);
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * agl_tc_rules - a rule comes, goes, or its counters are read
 * @type: kind of classifier
 * @data: of that kind
 * @in: device that the rule is on
 *
 * Return: 0, agl_refuse()'s, -ENOENT, -ENOMEM.
 */
int agl_tc_rules(enum tc_setup_type type, void *data, const struct agl_ingress *in)
{
	struct flow_cls_common_offload *common = data;
	struct agl_request req = { in, 0, common->extack };

	switch (type) {
	case TC_SETUP_CLSFLOWER:
		return flower(in, data);
	case TC_SETUP_CLSMATCHALL:
		return mall(in, data);
	default:
		return agl_refuse(&req, AGL_REFUSE_KIND,
				  "only flower and matchall rules are offloaded");
	}
}

static int block_callback(enum tc_setup_type type, void *data, void *priv)
{
	struct flow_cls_common_offload *common = data;
	struct agl_repr *r = priv;

	if (!tc_can_offload_extack(r->netdev, common->extack))
		return -EOPNOTSUPP;
	return agl_tc_rules(type, data, &r->ingress);
}

/**
 * agl_setup_tc - ndo_setup_tc of representors
 * @dev: representor
 * @type: only TC_SETUP_BLOCK
 * @data: of the type
 *
 * Return: 0, -EOPNOTSUPP, errors of the block.
 */
int agl_setup_tc(struct net_device *dev, enum tc_setup_type type, void *data)
{
	struct flow_block_offload *f = data;

	if (type != TC_SETUP_BLOCK)
		return -EOPNOTSUPP;
	f->unlocked_driver_cb = true;
	return flow_block_cb_setup_simple(f, &block_cbs, block_callback, dev,
					  netdev_priv(dev), true);
}
