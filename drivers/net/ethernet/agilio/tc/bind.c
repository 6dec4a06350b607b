// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where tc calls us: blocks on representors, and the rules in them. Rule
 * callbacks run in parallel and without rtnl. 03-flower.md section 6.1.
 */
#include <linux/slab.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "filter.h"
#include "parse.h"

/* Of a kept rule: what has more actions is rare */
#define BIND_KEEP_ACTIONS	8

static LIST_HEAD(bind_blocks);

/**
 * struct bind_rule - a filter on its way in
 * @req: for refusals
 * @common: what all classifiers say of it
 * @from: match and actions; NULL: of a classifier that the card knows nothing of
 * @compiled: as a rule, as far as that is known
 * @image: as the firmware's bytes
 */
struct bind_rule {
	struct agl_request req;
	const struct flow_cls_common_offload *common;
	const struct flow_rule *from;
	struct agl_compiled compiled;
	struct agl_image image;
};

static struct agl_flow_name bind_flow_name(struct agl_filter *f)
{
	return (struct agl_flow_name){
		.cookie = f->name.cookie,
		.port = f->name.in->port,
		.prio = f->prio,
		.only = f->only,
		.takes = f->takes,
		.counts = &f->counts,
		.alike = f->alike,
	};
}

/* The filter is one rule of the card, whatever others there are */
static bool bind_is_plain(const struct bind_rule *r)
{
	return !r->common->chain_index && !r->compiled.next_chain &&
	       r->compiled.range_count == 1;
}

static void bind_take_match(struct bind_rule *r)
{
	r->image.match = r->compiled.match;
	r->image.match_mask = r->compiled.match_mask;
}

static int bind_add_plain(struct agl_filter *f, struct bind_rule *r)
{
	struct agl_flow_name name = bind_flow_name(f);
	struct agilio *agl = f->name.in->agl;
	struct agl_flow *flow;
	int err;

	bind_take_match(r);
	err = agl_encode(&r->req, r->compiled.rule, &r->image);
	if (!err) {
		flow = agl_table_enter(agl, &name, &r->image);
		if (IS_ERR(flow))
			err = agl_explain(&r->req, r->image.before, PTR_ERR(flow));
		else
			f->flow = flow;
	}
	agl_image_release(agl, &r->image);
	return err;
}

static int bind_add(struct agl_filter *f, struct bind_rule *r)
{
	struct agl_ingress *in = f->name.in;

	if (READ_ONCE(in->lost))
		return agl_refuse(&r->req, AGL_REFUSE_OVERLAP,
				  "there was no memory to keep another rule of %s in mind",
				  netdev_name(in->dev));
	if (in->rules && !tc_can_offload(in->dev))
		return agl_refuse(&r->req, AGL_REFUSE_KIND,
				  "hw-tc-offload is off on %s",
				  netdev_name(in->dev));
	/* In a shared block, and about another port */
	if (r->compiled.never)
		return 0;
	return bind_is_plain(r) ? bind_add_plain(f, r) :
				  agl_compose_add(&r->req, f, &r->compiled);
}

/* The card must not act on what this filter would have been first to */
static void bind_note(struct agl_filter *f, struct bind_rule *r)
{
	struct agl_flow_name name = bind_flow_name(f);
	struct agl_flow *flow;
	int err = 0;

	/* Of u32 one filter can be given again */
	if (r->compiled.never || f->flow || f->composed)
		return;
	if (!r->common->chain_index && r->compiled.range_count == 1) {
		bind_take_match(r);
		flow = agl_table_enter_host(f->name.in->agl, &name, &r->image);
		err = PTR_ERR_OR_ZERO(flow);
		if (!err)
			f->flow = flow;
	} else {
		err = agl_compose_note(&r->req, f, &r->compiled);
	}
	if (err)
		WRITE_ONCE(f->name.in->lost, true);
}

static int bind_compile(struct agl_filter *f, struct bind_rule *r)
{
	bool matchall = f->name.type == TC_SETUP_CLSMATCHALL;
	int err;

	if (!r->from) {
		agl_compile_wide(f->name.in, &r->compiled);
		return agl_refuse(&r->req, AGL_REFUSE_KIND,
				  "only flower and matchall rules are offloaded");
	}
	err = agl_compile(&r->req, r->common, r->from, matchall, &r->compiled);
	if (!err && matchall && f->name.in->tun)
		return agl_refuse(&r->req, AGL_REFUSE_KIND,
				  "matchall on %s, which is a tunnel device",
				  netdev_name(f->name.in->dev));
	return err;
}

/*
 * It is large, and to clear it costs more than to make a rule. So one of them
 * is kept for each device; filters that come at the same time have their own.
 */
static struct bind_rule *bind_rule_get(struct agl_ingress *in)
{
	struct bind_rule *r = xchg(&in->spare, NULL);

	if (r)
		return r;
	return kzalloc(sizeof(*r), GFP_KERNEL | __GFP_NOFAIL);
}

static void bind_rule_free(struct bind_rule *r)
{
	if (r)
		kfree(r->compiled.rule);
	kfree(r);
}

static void bind_rule_put(struct agl_ingress *in, struct bind_rule *r)
{
	struct agl_rule *rule = r->compiled.rule;

	if (rule && rule->room > BIND_KEEP_ACTIONS) {
		r->compiled.rule = NULL;
		kfree(rule);
	}
	bind_rule_free(xchg(&in->spare, r));
}

/**
 * agl_bind_forget - a binding is gone
 * @in: device; tc calls for it no more
 */
void agl_bind_forget(struct agl_ingress *in)
{
	bind_rule_free(xchg(&in->spare, NULL));
}

/*
 * Does software show packets that match to nobody after this filter? What
 * Open vSwitch gives to an internal port goes on from there, into a tunnel
 * too. Of what isn't known the answer is yes.
 */
static bool bind_takes(const struct flow_rule *from)
{
	const struct flow_action_entry *a;
	unsigned int i;

	if (!from)
		return true;
	flow_action_for_each(i, a, &from->action) {
		switch (a->id) {
		case FLOW_ACTION_ACCEPT:
		case FLOW_ACTION_PTYPE:
		case FLOW_ACTION_VLAN_POP:
			break;
		case FLOW_ACTION_REDIRECT_INGRESS:
			if (a->dev && netif_is_ovs_master(a->dev))
				break;
			return true;
		default:
			return true;
		}
	}
	return false;
}

static int bind_replace(const struct agl_filter_name *name,
			const struct flow_cls_common_offload *common,
			const struct flow_rule *from)
{
	struct agl_filter *f = agl_filter_add(name, common);
	struct bind_rule *r;
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	f->takes = bind_takes(from);
	r = bind_rule_get(name->in);
	r->req = (struct agl_request){ name->in, name->cookie, common->extack,
				       common->chain_index };
	r->common = common;
	r->from = from;
	r->image.before = 0;
	err = bind_compile(f, r);
	f->alike = r->compiled.exact ? r->from->match.mask : NULL;
	if (!err)
		err = bind_add(f, r);
	if (err) {
		bind_note(f, r);
	} else {
		WRITE_ONCE(f->in_card, true);
		if (name->in->rules)
			atomic_inc(name->in->rules);
	}
	bind_rule_put(name->in, r);
	return err;
}

static int bind_flower(struct agl_ingress *in, struct flow_cls_offload *f)
{
	struct agl_filter_name name = { in, TC_SETUP_CLSFLOWER, f->cookie };

	switch (f->command) {
	case FLOW_CLS_REPLACE:
		return bind_replace(&name, &f->common,
				    flow_cls_offload_flow_rule(f));
	case FLOW_CLS_DESTROY:
		return agl_filter_del(&name);
	case FLOW_CLS_STATS:
		return agl_filter_stats(&name, &f->stats);
	default:
		return -EOPNOTSUPP;
	}
}

static int bind_matchall(struct agl_ingress *in, struct tc_cls_matchall_offload *f)
{
	struct agl_filter_name name = { in, TC_SETUP_CLSMATCHALL, f->cookie };

	switch (f->command) {
	case TC_CLSMATCHALL_REPLACE:
		return bind_replace(&name, &f->common, f->rule);
	case TC_CLSMATCHALL_DESTROY:
		return agl_filter_del(&name);
	case TC_CLSMATCHALL_STATS:
		return agl_filter_stats(&name, &f->stats);
	default:
		return -EOPNOTSUPP;
	}
}

/* A hash table of u32 asks nothing of a packet, its keys do */
static int bind_u32(struct agl_ingress *in, struct tc_cls_u32_offload *f)
{
	struct agl_filter_name name = { in, TC_SETUP_CLSU32, f->knode.handle };
	struct agl_request req = { in, f->hnode.handle, f->common.extack };

	switch (f->command) {
	case TC_CLSU32_NEW_KNODE:
	case TC_CLSU32_REPLACE_KNODE:
		return bind_replace(&name, &f->common, NULL);
	case TC_CLSU32_DELETE_KNODE:
		return agl_filter_del(&name);
	case TC_CLSU32_NEW_HNODE:
	case TC_CLSU32_REPLACE_HNODE:
		return agl_refuse(&req, AGL_REFUSE_KIND,
				  "only flower and matchall rules are offloaded");
	default:
		return -EOPNOTSUPP;
	}
}

static int bind_bpf(struct agl_ingress *in, struct tc_cls_bpf_offload *f)
{
	struct agl_filter_name name = { in, TC_SETUP_CLSBPF };
	int err = 0, gone = 0;

	if (f->command != TC_CLSBPF_OFFLOAD)
		return -EOPNOTSUPP;
	if (f->prog) {
		name.cookie = (unsigned long)f->prog;
		err = bind_replace(&name, &f->common, NULL);
	}
	if (f->oldprog) {
		name.cookie = (unsigned long)f->oldprog;
		gone = agl_filter_del(&name);
	}
	return f->prog ? err : gone;
}

/**
 * agl_tc_rules - a rule comes, goes, or its counters are read
 * @type: kind of classifier
 * @data: of that kind
 * @in: device that the rule is on
 *
 * Return: 0, agl_refuse()'s, -ENOENT, -ENOMEM.
 */
int agl_tc_rules(enum tc_setup_type type, void *data, struct agl_ingress *in)
{
	struct flow_cls_common_offload *common = data;
	struct agl_request req = { in, 0, common->extack };

	switch (type) {
	case TC_SETUP_CLSFLOWER:
		return bind_flower(in, data);
	case TC_SETUP_CLSMATCHALL:
		return bind_matchall(in, data);
	case TC_SETUP_CLSU32:
		return bind_u32(in, data);
	case TC_SETUP_CLSBPF:
		return bind_bpf(in, data);
	default:
		return agl_refuse(&req, AGL_REFUSE_KIND,
				  "only flower and matchall rules are offloaded");
	}
}

static int bind_callback(enum tc_setup_type type, void *data, void *priv)
{
	struct agl_repr *r = priv;

	return agl_tc_rules(type, data, &r->ingress);
}

/* After the last callback */
static void bind_release(void *priv)
{
	struct agl_repr *r = priv;

	agl_filters_forget(&r->ingress);
}

static int bind_block(struct agl_repr *r, struct flow_block_offload *f)
{
	struct flow_block_cb *cb;

	if (flow_block_cb_is_busy(bind_callback, r, &bind_blocks))
		return -EBUSY;
	cb = flow_block_cb_alloc(bind_callback, r, r, bind_release);
	if (IS_ERR(cb))
		return PTR_ERR(cb);
	flow_block_cb_add(cb, f);
	list_add_tail(&cb->driver_list, &bind_blocks);
	return 0;
}

static int bind_unblock(struct agl_repr *r, struct flow_block_offload *f)
{
	struct flow_block_cb *cb;

	cb = flow_block_cb_lookup(f->block, bind_callback, r);
	if (!cb)
		return -ENOENT;
	flow_block_cb_remove(cb, f);
	list_del(&cb->driver_list);
	return 0;
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
	struct agl_repr *r = netdev_priv(dev);
	struct flow_block_offload *f = data;

	if (type != TC_SETUP_BLOCK ||
	    f->binder_type != FLOW_BLOCK_BINDER_TYPE_CLSACT_INGRESS)
		return -EOPNOTSUPP;
	f->driver_block_list = &bind_blocks;
	f->unlocked_driver_cb = true;
	return f->command == FLOW_BLOCK_BIND ? bind_block(r, f) :
					       bind_unblock(r, f);
}
