// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: those in the card, those that wait for others, and those that are
 * the host's. 03-flower.md sections 3.5, 6.6 and 8.1.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "../agilio.h"
#include "table.h"

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
	if (agl_contexts_init(&t->contexts, count))
		return -ENOMEM;
	t->units = units;
	agl_order_init(t);
	agl_masks_init(&t->masks);
	agl->tunnels.dep_ops = &agl_table_dep_ops;
	agl_stats_init(agl);
	return 0;
}

/**
 * agl_table_free - give the table's memory back
 * @agl: card; tc has taken all flows out
 */
void agl_table_free(struct agilio *agl)
{
	struct agl_table *t = &agl->table;

	WARN_ON(t->contexts.free != t->contexts.count);
	agl_order_free(t);
	agl_stats_free(t);
	agl_contexts_free(&t->contexts);
}

/* Nobody finds it any more */
static void flow_free(struct agl_flow *flow)
{
	kfree(flow->link);
	kfree(flow->pre);
	kfree(flow);
}

/* Behind the actions is the key, or zeros of a pre-tunnel rule */
static struct agl_flow *flow_alloc(const struct agl_image *image)
{
	bool pre = image->pre.used;
	size_t act_len = pre ? 0 : image->act_len;
	size_t key_len = pre ? sizeof(u32) : image->key_len;
	struct agl_flow *f;

	f = kmalloc(sizeof(*f) + act_len + key_len, GFP_KERNEL);
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->ignored = image->ignored;
	f->narrow = image->narrow;
	f->set = agl_narrow_of(&image->match.fields);
	f->key_len = key_len;
	f->act_len = act_len;
	memcpy(f->act, image->act, act_len);
	f->link = kmalloc_array(agl_depend_count(image), sizeof(*f->link), GFP_KERNEL);
	if (pre)
		f->pre = kmemdup(&image->pre, sizeof(image->pre), GFP_KERNEL);
	if (!f->link || (pre && !f->pre)) {
		flow_free(f);
		return NULL;
	}
	if (pre) {
		memset(f->act, 0, key_len);
		return f;
	}
	f->shortcut = image->shortcut;
	f->one_way = image->one_way;
	f->by_device = image->by_device;
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
	f->takes = name->takes;
	f->counts = name->counts;
	f->alike = name->alike;
	INIT_LIST_HEAD(&f->list);
}

/* Under the order */
static int enter(struct agilio *agl, struct agl_flow *flow, struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	int err;

	err = agl_depend_attach(agl, flow, image);
	if (err)
		return err;
	flow->drops = flow->away && agl_depend_drops(flow);
	err = -ENOMEM;
	if (!flow->pre) {
		flow->mask = agl_mask_get(&t->masks, image->mask, image->key_len);
		if (!flow->mask)
			goto err_detach;
	}
	err = agl_order_enter(agl, flow, image, &image->before);
	if (err)
		goto err_mask;
	/* It misses something from the beginning */
	if (flow->away && !flow->drops)
		agl_table_park(agl, flow);
	return 0;

err_mask:
	if (flow->mask)
		agl_mask_put(flow->mask);
err_detach:
	agl_depend_detach(agl, flow);
	return err;
}

/**
 * agl_table_enter - put a flow into the card
 * @agl: card
 * @name: of the filter that it begins with
 * @image: its bytes; the references in it are taken if this succeeds
 *
 * Return: the flow; -ENOSPC if the card has no room for the rule or its mask;
 * -EEXIST if there is another with the same match and the firmware can't
 * exchange them; -ENOTUNIQ if there is one that the card could not tell from
 * it; -EBUSY if one overlaps it and comes first, of priority image->before;
 * -EPERM if one that software has no copy of overlaps it and comes after it,
 * likewise; agl_outer_check()'s, likewise; -ENODEV if a device that it puts out
 * to has gone; -ETIMEDOUT if the card takes no messages; -ENOMEM.
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
	err = agl_context_get(&t->contexts, flow, &flow->id);
	if (err)
		goto err_free;
	flow->ends = image->ends;
	mutex_lock(&t->order);
	flow->serial = ++t->serial;
	/* The way there may have moved since the actions were encoded */
	agl_retag_actions(flow);
	err = enter(agl, flow, image);
	if (err)
		agl_context_put(&t->contexts, flow->id);
	mutex_unlock(&t->order);
	if (err)
		goto err_free;
	memset(&image->ends, 0, sizeof(image->ends));
	return flow;

err_free:
	flow_free(flow);
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
	flow->set = agl_narrow_of(&image->match.fields);
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
 * @flow: freed
 */
void agl_table_leave(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_table *t = &agl->table;
	bool host = flow->state == AGL_FLOW_HOST;

	agl_cmsg_room(agl);
	mutex_lock(&t->order);
	agl_order_leave(agl, flow);
	agl_depend_detach(agl, flow);
	if (flow->mask)
		agl_mask_put(flow->mask);
	if (!host) {
		agl_stats_leave(t, flow);
		agl_context_put(&t->contexts, flow->id);
	}
	mutex_unlock(&t->order);
	agl_ends_put(agl, &flow->ends);
	flow_free(flow);
}
