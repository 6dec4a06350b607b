// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: those in the card, those that wait for others, and those that are
 * the host's. 03-flower.md sections 3.5, 6.6 and 8.1.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "../agilio.h"
#include "table.h"

struct flow_name {
	unsigned long cookie;
	u32 port;
};

static u32 hash_name(const void *data, u32 len, u32 seed)
{
	const struct flow_name *n = data;

	return jhash_3words(lower_32_bits(n->cookie), upper_32_bits(n->cookie),
			    n->port, seed);
}

static u32 hash_flow(const void *data, u32 len, u32 seed)
{
	const struct agl_flow *f = data;
	struct flow_name n = { f->cookie, f->port };

	return hash_name(&n, len, seed);
}

static int compare_flow(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct flow_name *n = arg->key;
	const struct agl_flow *f = obj;

	return f->cookie != n->cookie || f->port != n->port;
}

static const struct rhashtable_params flow_params = {
	.head_offset = offsetof(struct agl_flow, node),
	.key_len = sizeof(struct flow_name),
	.hashfn = hash_name,
	.obj_hashfn = hash_flow,
	.obj_cmpfn = compare_flow,
	.automatic_shrinking = true,
};

/**
 * agl_table_init - an empty table
 * @agl: card, its firmware's symbols known
 *
 * Return: 0, -EINVAL if the firmware's limits make no sense, -ENOMEM.
 */
int agl_table_init(struct agilio *agl)
{
	struct agl_table *t = &agl->table;
	u64 count = BIT(17), units = 1;

	agl_rtsym_value(&agl->chip, AGL_SYM_CTX_COUNT, &count);
	agl_rtsym_value(&agl->chip, AGL_SYM_CTX_SPLIT, &units);
	if (!units || units > FIELD_MAX(AGL_CTX_UNIT) || count < units ||
	    div64_u64(count, units) > FIELD_MAX(AGL_CTX_INDEX)) {
		dev_err(&agl->pdev->dev, "%llu rules in %llu units make no sense\n",
			count, units);
		return -EINVAL;
	}
	t->context_count = count;
	t->units = units;
	agl_order_init(t);
	spin_lock_init(&t->stats_lock);
	agl_masks_init(&t->masks);
	xa_init_flags(&t->contexts, XA_FLAGS_ALLOC);
	return rhashtable_init(&t->flows, &flow_params);
}

/**
 * agl_table_free - give the table's memory back
 * @agl: card; tc has taken all flows out
 */
void agl_table_free(struct agilio *agl)
{
	struct agl_table *t = &agl->table;

	WARN_ON(!xa_empty(&t->contexts));
	agl_order_free(t);
	xa_destroy(&t->contexts);
	rhashtable_destroy(&t->flows);
}

/**
 * agl_table_find - a flow of tc
 * @t: table
 * @cookie: tc's
 * @port: ingress, port id
 *
 * Return: NULL if it isn't there. Call under rcu_read_lock().
 */
struct agl_flow *agl_table_find(struct agl_table *t, unsigned long cookie,
				u32 port)
{
	struct flow_name n = { cookie, port };

	return rhashtable_lookup(&t->flows, &n, flow_params);
}

/* Behind the actions is the key, or what a pre-tunnel rule has instead */
static struct agl_flow *flow_alloc(const struct agl_image *image)
{
	bool pre = image->pre.used;
	size_t act_len = pre ? 0 : image->act_len;
	size_t key_len = pre ? sizeof(image->link) : image->key_len;
	struct agl_flow *f;

	f = kzalloc(sizeof(*f) + act_len + key_len, GFP_KERNEL);
	if (!f)
		return NULL;
	f->ignored = image->ignored;
	f->pre = image->pre;
	f->key_len = key_len;
	f->act_len = act_len;
	memcpy(f->act, image->act, act_len);
	if (pre) {
		memcpy(f->act, &image->link, key_len);
		return f;
	}
	f->shortcut = image->shortcut;
	f->act_sum = jhash(image->act, act_len, image->shortcut);
	memcpy(f->act + act_len, image->key, key_len);
	return f;
}

static void flow_init(struct agl_flow *f, const struct agl_flow_name *name)
{
	f->cookie = name->cookie;
	f->port = name->port;
	f->prio = name->prio;
	f->path = name->path;
	f->only = name->only;
	f->used = jiffies;
	INIT_LIST_HEAD(&f->list);
}

static int context_get(struct agl_table *t, struct agl_flow *flow)
{
	int err = xa_alloc_cyclic(&t->contexts, &flow->id, flow,
				  XA_LIMIT(0, t->context_count - 1),
				  &t->next_context, GFP_KERNEL);

	if (err < 0)
		return err == -EBUSY ? -ENOSPC : err;
	atomic_inc(&t->contexts_used);
	return 0;
}

static void context_put(struct agl_table *t, struct agl_flow *flow)
{
	xa_erase(&t->contexts, flow->id);
	atomic_dec(&t->contexts_used);
}

/* Under the order */
static int enter(struct agilio *agl, struct agl_flow *flow, struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	int err;

	if (!flow->pre.used) {
		flow->mask = agl_mask_get(&t->masks, image->mask, image->key_len);
		if (!flow->mask)
			return -ENOMEM;
	}
	err = agl_order_enter(agl, flow, image, &image->before);
	if (err && flow->mask)
		agl_mask_put(flow->mask);
	return err;
}

/**
 * agl_table_enter - put a flow into the card that has no name in the table
 * @agl: card
 * @name: of the filter that it begins with
 * @image: its bytes; the references in it are taken if this succeeds
 *
 * Return: the flow; -ENOSPC if the card has no room for the rule or its mask;
 * -EEXIST if there is another with the same match and the firmware can't
 * exchange them; -ENOTUNIQ if there is one that the card could not tell from
 * it; -EBUSY if one overlaps it and comes first, of priority image->before;
 * -EPERM if one that software has no copy of overlaps it and comes after it,
 * likewise; -ETIMEDOUT if the card takes no messages; -ENOMEM.
 */
struct agl_flow *agl_table_enter(struct agilio *agl,
				 const struct agl_flow_name *name,
				 struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	int err;

	err = agl_cmsg_room(agl);
	if (err)
		return ERR_PTR(err);
	flow = flow_alloc(image);
	if (!flow)
		return ERR_PTR(-ENOMEM);
	flow_init(flow, name);
	err = context_get(t, flow);
	if (err)
		goto err_free;
	flow->local = image->local;
	flow->endpoint = image->endpoint;
	flow->peer = image->peer;
	mutex_lock(&t->order);
	/* The way there may have moved since the actions were encoded */
	agl_retag_actions(flow);
	err = enter(agl, flow, image);
	if (err)
		context_put(t, flow);
	mutex_unlock(&t->order);
	if (err)
		goto err_free;
	image->local = NULL;
	image->endpoint = NULL;
	image->peer = NULL;
	return flow;

err_free:
	kfree_rcu(flow, rcu);
	return ERR_PTR(err);
}

/**
 * agl_table_enter_host - keep a flow in mind that is the host's
 * @agl: card
 * @name: of the filter that it begins with
 * @image: its match
 *
 * Flows that would come after it leave the card.
 *
 * Return: the flow, -ENOMEM.
 */
struct agl_flow *agl_table_enter_host(struct agilio *agl,
				      const struct agl_flow_name *name,
				      const struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	if (!flow)
		return ERR_PTR(-ENOMEM);
	flow_init(flow, name);
	mutex_lock(&t->order);
	err = agl_order_host(agl, flow, image);
	mutex_unlock(&t->order);
	if (!err)
		return flow;
	kfree(flow);
	return ERR_PTR(err);
}

/**
 * agl_table_leave - forget a flow, and take it out of the card
 * @agl: card
 * @flow: it has no name in the table; freed
 */
void agl_table_leave(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_table *t = &agl->table;
	bool host = flow->state == AGL_FLOW_HOST;

	agl_cmsg_room(agl);
	mutex_lock(&t->order);
	agl_order_leave(agl, flow);
	if (flow->mask)
		agl_mask_put(flow->mask);
	if (!host)
		context_put(t, flow);
	mutex_unlock(&t->order);
	if (flow->local)
		agl_local_put(agl, flow->local);
	if (flow->endpoint)
		agl_endpoint_put(agl, flow->endpoint);
	if (flow->peer)
		agl_endpoint_put(agl, flow->peer);
	kfree_rcu(flow, rcu);
}

static int give_name(struct agilio *agl, struct agl_flow *flow)
{
	int err;

	if (IS_ERR(flow))
		return PTR_ERR(flow);
	err = rhashtable_insert_fast(&agl->table.flows, &flow->node, flow_params);
	if (err)
		agl_table_leave(agl, flow);
	return err;
}

/**
 * agl_table_add - put a flow into the card
 * @agl: card
 * @name: of the flow
 * @image: its bytes; the references in it are taken if this returns 0
 *
 * Return: 0; agl_table_enter()'s.
 */
int agl_table_add(struct agilio *agl, const struct agl_flow_name *name,
		  struct agl_image *image)
{
	return give_name(agl, agl_table_enter(agl, name, image));
}

/**
 * agl_table_note - keep a flow in mind that is the host's
 * @agl: card
 * @name: of the flow
 * @image: its match
 *
 * Return: 0; agl_table_enter_host()'s.
 */
int agl_table_note(struct agilio *agl, const struct agl_flow_name *name,
		   const struct agl_image *image)
{
	return give_name(agl, agl_table_enter_host(agl, name, image));
}

/**
 * agl_table_del - forget a flow, and take it out of the card
 * @agl: card
 * @cookie: tc's name for it
 * @port: ingress, port id
 *
 * Return: 0, -ENOENT if it was not for the card.
 */
int agl_table_del(struct agilio *agl, unsigned long cookie, u32 port)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	bool ours;

	/* Nobody else can delete it: tc has one filter of that name */
	rcu_read_lock();
	flow = agl_table_find(t, cookie, port);
	rcu_read_unlock();
	if (!flow)
		return -ENOENT;
	ours = flow->state != AGL_FLOW_HOST;
	rhashtable_remove_fast(&t->flows, &flow->node, flow_params);
	agl_table_leave(agl, flow);
	return ours ? 0 : -ENOENT;
}
