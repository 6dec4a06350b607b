// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows whose output device, tunnel's end or MAC address can't be used now, or
 * no more, are parked: the host has their packets. A flow counts what it
 * misses; what goes or comes tells its own flows alone.
 *
 * Of a flow that only the card has the host would do nothing: its packets would
 * be for whatever comes after it. Software drops what a filter sends to a device
 * that is down or has gone, so such a flow stays in the card and drops.
 */
#include <linux/slab.h>

#include "../agilio.h"
#include "table.h"

static void depend_park(struct agilio *agl, struct agl_flow *flow)
{
	if (flow->state == AGL_FLOW_CARD)
		agl_table_park(agl, flow);
}

static void depend_return(struct agilio *agl, struct agl_flow *flow)
{
	if (flow->state != AGL_FLOW_PARKED)
		return;
	list_del_init(&flow->list);
	agl_table_restore(agl, flow);
}

/**
 * agl_depend_drops - what becomes of a flow while something is away?
 * @flow: flow
 *
 * Copies that it sends elsewhere would go on in software: the card knows only
 * all or nothing.
 *
 * Return: true: it drops; false: it is parked.
 */
bool agl_depend_drops(const struct agl_flow *flow)
{
	return flow->only && flow->one_way && !flow->decaps;
}

static void depend_exchange(struct agilio *agl, struct agl_flow *flow, bool drops)
{
	if (flow->drops == drops)
		return;
	depend_park(agl, flow);
	flow->drops = drops;
	depend_return(agl, flow);
}

static void depend_miss(struct agilio *agl, struct agl_flow *flow)
{
	if (agl_depend_drops(flow))
		depend_exchange(agl, flow, true);
	else
		depend_park(agl, flow);
}

/**
 * agl_depend_change - something is away, or here again
 * @agl: card; the table's order is locked
 * @dep: it
 * @away: whether
 */
void agl_depend_change(struct agilio *agl, struct agl_dep *dep, bool away)
{
	struct agl_dep_link *l;

	if (dep->away == away)
		return;
	dep->away = away;
	list_for_each_entry(l, &dep->flows, list) {
		cond_resched();
		l->flow->away += away ? 1 : -1;
		if (l->flow->away)
			depend_miss(agl, l->flow);
		else if (l->flow->drops)
			depend_exchange(agl, l->flow, false);
		else
			depend_return(agl, l->flow);
	}
}

static void depend_set(struct agilio *agl, struct agl_dep *dep, bool away)
{
	struct agl_table *t = &agl->table;

	mutex_lock(&t->order);
	agl_depend_change(agl, dep, away);
	mutex_unlock(&t->order);
}

static void depend_end(struct agilio *agl, struct agl_dep *dep)
{
	struct agl_table *t = &agl->table;
	struct agl_dep_link *l, *next;

	mutex_lock(&t->order);
	list_for_each_entry_safe(l, next, &dep->flows, list) {
		cond_resched();
		list_del_init(&l->list);
		l->dep = NULL;
		l->flow->away += !dep->away;
		depend_miss(agl, l->flow);
		/* In software it goes on, for packets that nobody here knows */
		if (l->flow->by_device && l == l->flow->link)
			agl_order_widen(agl, l->flow);
	}
	mutex_unlock(&t->order);
}

const struct agl_dep_ops agl_table_dep_ops = {
	.set = depend_set,
	.end = depend_end,
	.refresh = agl_table_retag,
	.own_mac = agl_outer_mac,
};

/**
 * agl_depend_count - how many links a flow needs
 * @image: flow as bytes
 *
 * Return: 0 and more.
 */
unsigned int agl_depend_count(const struct agl_image *image)
{
	return image->devices + !!image->ends.endpoint + !!image->ends.mac +
	       !!image->ends.local;
}

static void depend_link(struct agl_flow *flow, struct agl_dep *dep)
{
	struct agl_dep_link *l = &flow->link[flow->links++];

	l->flow = flow;
	l->dep = dep;
	list_add_tail(&l->list, &dep->flows);
	flow->away += dep->away;
}

/**
 * agl_depend_attach - a flow depends on what its bytes were made of
 * @agl: card; the table's order is locked
 * @flow: has room for its links; its away is set
 * @image: its bytes
 *
 * Return: 0; -ENODEV if a device has gone since, -ENOMEM.
 */
int agl_depend_attach(struct agilio *agl, struct agl_flow *flow,
		      const struct agl_image *image)
{
	struct agl_outer *outer;
	unsigned int i;

	for (i = 0; i < image->devices; i++) {
		struct agl_dep *dep = agl_device_dep(&agl->tunnels,
						     image->device[i]);

		if (!dep) {
			agl_depend_detach(agl, flow);
			return -ENODEV;
		}
		depend_link(flow, dep);
	}
	if (image->ends.endpoint)
		depend_link(flow, &image->ends.endpoint->dep);
	if (image->ends.mac)
		depend_link(flow, &image->ends.mac->dep);
	if (!image->ends.local)
		return 0;
	outer = agl_outer_get(&agl->table, flow->port, image);
	if (!outer) {
		agl_depend_detach(agl, flow);
		return -ENOMEM;
	}
	depend_link(flow, &outer->dep);
	flow->decaps = true;
	return 0;
}

/**
 * agl_depend_detach - a flow is no more
 * @agl: card
 * @flow: out of the card; the table's order is locked
 */
void agl_depend_detach(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_outer *outer = NULL;

	if (flow->decaps)
		outer = container_of(flow->link[flow->links - 1].dep,
				     struct agl_outer, dep);
	while (flow->links)
		list_del_init(&flow->link[--flow->links].list);
	if (outer)
		agl_outer_put(&agl->table, outer);
	flow->decaps = false;
}
