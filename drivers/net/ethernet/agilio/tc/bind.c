// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where tc calls us: blocks on representors, and the rules in them. Rule
 * callbacks run in parallel and without rtnl. 03-flower.md section 6.1.
 */
#include <linux/slab.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "compose.h"
#include "parse.h"

static LIST_HEAD(block_cbs);

/* One rule of the card for the filter */
static int add_plain(const struct agl_request *req,
		     const struct agl_flow_name *name,
		     struct agl_compiled *compiled, struct agl_image *image)
{
	struct agilio *agl = req->in->agl;
	int err;

	err = agl_encode(req, compiled->rule, image);
	if (!err)
		err = agl_explain(req, image->before,
				  agl_table_add(agl, name, image));
	agl_image_release(agl, image);
	return err;
}

/* The card must not act on what this filter would have been first to */
static void note(const struct agl_request *req,
		 const struct flow_cls_common_offload *common,
		 struct agl_compiled *compiled, struct agl_image *image)
{
	struct agl_flow_name name = { req->cookie, req->in->port, common->prio,
				      agl_is_only(common) };

	if (common->chain_index || compiled->range_count > 1)
		agl_compose_add(req, common, compiled, true);
	else
		agl_table_note(req->in->agl, &name, image);
}

static int rule_replace(const struct agl_ingress *in,
			const struct flow_cls_common_offload *common,
			unsigned long cookie, const struct flow_rule *from,
			bool matchall)
{
	struct agl_request req = { in, cookie, common->extack };
	struct agl_flow_name name = { cookie, in->port, common->prio,
				      agl_is_only(common) };
	struct agl_compiled *compiled;
	struct agl_image *image;
	int err = -ENOMEM;

	compiled = kmalloc(sizeof(*compiled), GFP_KERNEL);
	image = kmalloc(sizeof(*image), GFP_KERNEL);
	if (!compiled || !image)
		goto out;
	err = agl_compile(&req, from, matchall, compiled);
	if (err == -ENOMEM)
		goto out_rule;
	image->match = compiled->match;
	image->match_mask = compiled->match_mask;
	if (!err && (common->chain_index || compiled->rule->next_chain ||
		     compiled->range_count > 1))
		err = agl_compose_add(&req, common, compiled, false);
	else if (!err)
		err = add_plain(&req, &name, compiled, image);
	if (err && err != -ENOMEM)
		note(&req, common, compiled, image);
	if (!err && in->rules)
		atomic_inc(in->rules);
out_rule:
	kfree(compiled->rule);
out:
	kfree(image);
	kfree(compiled);
	return err;
}

static int rule_destroy(const struct agl_ingress *in, unsigned long cookie)
{
	int err = agl_table_del(in->agl, cookie, in->port);

	if (err)
		err = agl_compose_del(in->agl, cookie, in->port);
	if (!err && in->rules)
		atomic_dec(in->rules);
	return err;
}

static int rule_stats(const struct agl_ingress *in, unsigned long cookie,
		      struct flow_stats *stats)
{
	int err = agl_stats_read(in->agl, cookie, in->port, stats);

	return err ? agl_compose_stats(in->agl, cookie, in->port, stats) : 0;
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
		return rule_stats(in, f->cookie, &f->stats);
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
		return rule_stats(in, f->cookie, &f->stats);
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
