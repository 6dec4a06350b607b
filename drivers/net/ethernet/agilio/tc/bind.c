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

static LIST_HEAD(block_cbs);

static struct agl_rule *rule_alloc(const struct agl_repr *r, unsigned int actions)
{
	struct agl_rule *rule;

	rule = kmalloc(struct_size(rule, action, actions), GFP_KERNEL);
	if (!rule)
		return NULL;
	memset(rule, 0, sizeof(*rule));
	rule->room = actions;
	rule->port = r->id;
	return rule;
}

static int compile(const struct agl_request *req, const struct flow_rule *from,
		   struct agl_image *image)
{
	struct agilio *agl = req->repr->agl;
	struct agl_rule *rule;
	int err;

	rule = rule_alloc(req->repr, from->action.num_entries);
	if (!rule)
		return -ENOMEM;
	err = agl_parse_match(req, from, agl->features, rule);
	if (!err)
		err = agl_parse_actions(req, from, rule);
	if (err)
		goto out;
	if (agl_encode_match(rule, agl->features, image))
		err = agl_refuse(req, AGL_REFUSE_SIZE,
				 "the match is longer than %u bytes",
				 AGL_KEY_LIMIT);
	else if (agl_encode_actions(rule, image))
		err = agl_refuse(req, AGL_REFUSE_SIZE,
				 "the actions are longer than %u bytes",
				 AGL_ACT_LIST_MAX);
out:
	kfree(rule);
	return err;
}

static int explain(const struct agl_request *req, int err)
{
	struct agl_table *t = &req->repr->agl->table;

	switch (err) {
	case -ENOSPC:
		return agl_refuse(req, AGL_REFUSE_FULL,
				  "the card is full: %u rules of %u, %u masks of %u",
				  atomic_read(&t->flows.nelems),
				  t->context_count,
				  AGL_MASK_ID_MAX - READ_ONCE(t->masks.count),
				  AGL_MASK_ID_MAX);
	case -EEXIST:
		return agl_refuse(req, AGL_REFUSE_DUPLICATE,
				  "a rule with this match is in the card already");
	case -ETIMEDOUT:
		return agl_refuse(req, AGL_REFUSE_DEVICE,
				  "the card does not take messages");
	default:
		return err;
	}
}

static int flower_replace(struct agl_repr *r, struct flow_cls_offload *f)
{
	struct agl_request req = { r, f->cookie, f->common.extack };
	struct agl_image *image;
	int err;

	if (f->common.chain_index)
		return agl_refuse(&req, AGL_REFUSE_CHAIN,
				  "chain %u: the card has only chain 0",
				  f->common.chain_index);
	image = kmalloc(sizeof(*image), GFP_KERNEL);
	if (!image)
		return -ENOMEM;
	err = compile(&req, flow_cls_offload_flow_rule(f), image);
	if (!err) {
		err = agl_table_add(r->agl, f->cookie, r->id, f->common.prio,
				    image);
		err = explain(&req, err);
	}
	if (!err)
		atomic_inc(&r->rules);
	kfree(image);
	return err;
}

static int flower_destroy(struct agl_repr *r, struct flow_cls_offload *f)
{
	int err = agl_table_del(r->agl, f->cookie, r->id);

	if (!err)
		atomic_dec(&r->rules);
	return err;
}

static int flower_callback(struct agl_repr *r, struct flow_cls_offload *f)
{
	switch (f->command) {
	case FLOW_CLS_REPLACE:
		return flower_replace(r, f);
	case FLOW_CLS_DESTROY:
		return flower_destroy(r, f);
	case FLOW_CLS_STATS:
		return agl_stats_read(r->agl, f->cookie, r->id, &f->stats);
	default:
		return -EOPNOTSUPP;
	}
}

static int block_callback(enum tc_setup_type type, void *data, void *priv)
{
	struct flow_cls_common_offload *common = data;
	struct agl_repr *r = priv;
	struct agl_request req = { r, 0, common->extack };

	if (!tc_can_offload_extack(r->netdev, common->extack))
		return -EOPNOTSUPP;
	if (type == TC_SETUP_CLSFLOWER)
		return flower_callback(r, data);
	return agl_refuse(&req, AGL_REFUSE_KIND, "only flower rules are offloaded");
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
