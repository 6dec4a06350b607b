// SPDX-License-Identifier: GPL-2.0-only
/*
 * The filters that tc has shown us, by name.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "filter.h"
#include "parse.h"

#define FILTER_TRIES	1000
#define FILTER_TRY_US	100

static u32 filter_hash(const void *data, u32 len, u32 seed)
{
	const struct agl_filter_name *name = data;

	return hash_64((name->cookie ^ seed) * GOLDEN_RATIO_64 ^
		       (uintptr_t)name->in ^ name->type, 32);
}

static int filter_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct agl_filter_name *want = arg->key;
	const struct agl_filter *f = obj;

	return f->name.cookie != want->cookie || f->name.in != want->in ||
	       f->name.type != want->type;
}

static const struct rhashtable_params filter_params = {
	.head_offset = offsetof(struct agl_filter, node),
	.key_offset = offsetof(struct agl_filter, name),
	.key_len = sizeof(struct agl_filter_name),
	.hashfn = filter_hash,
	.obj_cmpfn = filter_compare,
	.automatic_shrinking = true,
};

/**
 * agl_filters_init - no filters
 * @agl: card
 *
 * Return: 0, -ENOMEM.
 */
int agl_filters_init(struct agilio *agl)
{
	agl_zones_init(agl, &agl_compose_ct_ops);
	return rhashtable_init(&agl->filters, &filter_params);
}

/**
 * agl_filters_free - the end; all bindings are gone, and their filters
 * @agl: card
 */
void agl_filters_free(struct agilio *agl)
{
	WARN_ON(atomic_read(&agl->filters.nelems));
	rhashtable_destroy(&agl->filters);
	agl_zones_free(agl);
}

/**
 * agl_ingress_init - a device without filters
 * @in: device, what others set of it is set
 */
void agl_ingress_init(struct agl_ingress *in)
{
	mutex_init(&in->lock);
	xa_init(&in->chains);
}

/**
 * agl_ingress_exit - the end of a device
 * @in: device; its filters are gone
 */
void agl_ingress_exit(struct agl_ingress *in)
{
	xa_destroy(&in->chains);
	mutex_destroy(&in->lock);
}

/* The table grows in the background: one that is full just now has room soon */
static int filter_insert(struct rhashtable *filters, struct agl_filter *f)
{
	unsigned int i;
	int err;

	for (i = 0; i < FILTER_TRIES; i++) {
		err = rhashtable_lookup_insert_fast(filters, &f->node,
						    filter_params);
		if (!err || err == -EEXIST)
			break;
		usleep_range(FILTER_TRY_US, 2 * FILTER_TRY_US);
	}
	return err;
}

/**
 * agl_filter_add - keep a filter in mind
 * @name: its name
 * @common: its chain and priority
 *
 * Return: the filter, or the one that has this name: of bpf one program can be
 * two filters, of u32 one filter can be given again; -EEXIST for others.
 * -ENOMEM: after that the device takes no rules for the card, as it isn't known
 * what this one shields.
 */
struct agl_filter *agl_filter_add(const struct agl_filter_name *name,
				  const struct flow_cls_common_offload *common)
{
	struct rhashtable *filters = &name->in->agl->filters;
	struct agl_filter *f, *old;
	int err;

	f = kmalloc(sizeof(*f), GFP_KERNEL | __GFP_NOFAIL);
	*f = (struct agl_filter){
		.name = *name,
		.prio = common->prio,
		.chain = common->chain_index,
		.only = agl_is_only(common),
		.uses = 1,
		.counts.used = jiffies,
	};
	err = filter_insert(filters, f);
	if (!err) {
		atomic_inc(&name->in->filters);
		return f;
	}
	kfree(f);
	if (err == -EEXIST && name->type != TC_SETUP_CLSU32 &&
	    name->type != TC_SETUP_CLSBPF)
		return ERR_PTR(err);
	if (err == -EEXIST) {
		/* tc gives and takes filters of one classifier under rtnl */
		old = rhashtable_lookup_fast(filters, name, filter_params);
		if (name->type == TC_SETUP_CLSBPF)
			old->uses++;
		return old;
	}
	WRITE_ONCE(name->in->lost, true);
	return ERR_PTR(-ENOMEM);
}

/* What was made of it goes first, the name last */
static void filter_end(struct agl_filter *f)
{
	struct agl_ingress *in = f->name.in;
	struct agilio *agl = in->agl;

	if (f->composed)
		agl_compose_del(f);
	if (f->flow)
		agl_table_leave(agl, f->flow);
	if (f->in_card && in->rules)
		atomic_dec(in->rules);
	rhashtable_remove_fast(&agl->filters, &f->node, filter_params);
	agl_stats_forget(&agl->table, &f->counts);
	atomic_dec(&in->filters);
	kfree_rcu(f, rcu);
}

/**
 * agl_filter_del - tc has taken a filter out
 * @name: its name
 *
 * Return: 0, -ENOENT if tc wasn't told that the card does it, as tc counts.
 */
int agl_filter_del(const struct agl_filter_name *name)
{
	struct agl_filter *f;
	bool in_card;

	/* Nobody else deletes it: tc has one filter of that name */
	f = rhashtable_lookup_fast(&name->in->agl->filters, name, filter_params);
	if (!f)
		return -ENOENT;
	in_card = f->in_card;
	if (!--f->uses)
		filter_end(f);
	return in_card ? 0 : -ENOENT;
}

/**
 * agl_filter_stats - counts of a filter since the last read
 * @name: its name
 * @to: they are added here
 *
 * Waits for nobody.
 *
 * Return: 0, -ENOENT if the card doesn't do it.
 */
int agl_filter_stats(const struct agl_filter_name *name, struct flow_stats *to)
{
	struct agilio *agl = name->in->agl;
	struct agl_filter *f;
	int err = -ENOENT;

	rcu_read_lock();
	f = rhashtable_lookup(&agl->filters, name, filter_params);
	if (f && READ_ONCE(f->in_card)) {
		agl_stats_read(agl, &f->counts, to);
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

static struct agl_filter *filter_first(struct agl_ingress *in)
{
	struct rhashtable_iter iter;
	struct agl_filter *f;

	rhashtable_walk_enter(&in->agl->filters, &iter);
	rhashtable_walk_start(&iter);
	do {
		f = rhashtable_walk_next(&iter);
	} while (f && (f == ERR_PTR(-EAGAIN) || f->name.in != in));
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return f;
}

/**
 * agl_filters_forget - a binding is gone, and all filters that came through it
 * @in: device; tc calls for it no more
 *
 * There are none left, but of what tc hadn't the memory to take out.
 */
void agl_filters_forget(struct agl_ingress *in)
{
	struct agl_filter *f;

	while (atomic_read(&in->filters)) {
		f = filter_first(in);
		if (f)
			filter_end(f);
		cond_resched();
	}
	agl_bind_forget(in);
	in->lost = false;
}
