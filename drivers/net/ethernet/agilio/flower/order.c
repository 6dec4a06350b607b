// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc looks at filters in the order of their priorities; the card knows no
 * order and takes any rule that matches. So rules that overlap are never in
 * the card together: one that comes after another is refused, and one that is
 * in the card already is parked, for the host to do, until what it must wait
 * for is gone. Rules that the host has are kept in mind for the same reason.
 * 03-flower.md sections 9.4 and 12.1.
 */
#include <linux/slab.h>

#include "../agilio.h"
#include "table.h"

/* One match in the card once is fine: its flows are in order there */
static bool takes_turns(const struct agl_flow *a, const struct agl_flow *b)
{
	return a->item->shape == b->item->shape && b->state == AGL_FLOW_CARD;
}

/* Return: the overlapping flow that @flow would have to come after, or NULL */
static struct agl_flow *before(const struct agl_flow *flow, struct agl_item *hit)
{
	for (; hit; hit = hit->hit)
		if (hit->flow->prio <= flow->prio &&
		    !takes_turns(flow, hit->flow))
			return hit->flow;
	return NULL;
}

static int park(struct agilio *agl, struct agl_item *hit,
		const struct agl_flow *first, bool with_equal)
{
	int err = 0;

	for (; hit && !err; hit = hit->hit) {
		struct agl_flow *flow = hit->flow;

		if (flow->state != AGL_FLOW_CARD || flow->pre.used)
			continue;
		if (flow->prio > first->prio ||
		    (with_equal && flow->prio == first->prio))
			err = agl_table_park(agl, flow);
	}
	return err;
}

/* Must every match of the shape be looked at, or are all of them in the card? */
static int find(struct agl_table *t, struct agl_flow *flow, struct agl_item **hits)
{
	return agl_overlap_find(&t->overlaps, flow->item,
				t->host_flows || flow->state != AGL_FLOW_CARD,
				hits);
}

/**
 * agl_order_enter - a flow is going into the card
 * @agl: card; the table's order is locked
 * @flow: its item is set
 * @prio: set if it can't
 *
 * Flows that come after it and overlap it are parked.
 *
 * Return: 0; -EBUSY if it overlaps a flow that comes before, of this priority;
 * -ENOMEM.
 */
int agl_order_enter(struct agilio *agl, struct agl_flow *flow, u32 *prio)
{
	struct agl_flow *other;
	struct agl_item *hits;
	int err;

	err = find(&agl->table, flow, &hits);
	if (err)
		return err;
	other = before(flow, hits);
	if (other) {
		*prio = other->prio;
		return -EBUSY;
	}
	return park(agl, hits, flow, false);
}

/**
 * agl_order_host - a flow is the host's
 * @agl: card; the table's order is locked
 * @flow: its item is set
 *
 * Flows that overlap it and might come after it are parked.
 *
 * Return: 0, -ENOMEM.
 */
int agl_order_host(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_item *hits;
	int err;

	err = find(&agl->table, flow, &hits);
	return err ?: park(agl, hits, flow, true);
}

static void restore(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_item *hits;

	if (!find(&agl->table, flow, &hits) && !before(flow, hits))
		agl_table_restore(agl, flow);
}

/**
 * agl_order_leave - a flow is no more
 * @agl: card; the table's order is locked
 * @flow: out of the card; its item is freed
 *
 * Flows that had to wait for it go back into the card.
 */
void agl_order_leave(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *waiting = NULL;
	struct agl_item *hit = NULL;

	if (t->parked_flows)
		agl_overlap_find(&t->overlaps, flow->item, true, &hit);
	/* Each asks for overlaps in turn, so the answer is noted elsewhere */
	for (; hit; hit = hit->hit)
		if (hit->flow->state == AGL_FLOW_PARKED) {
			hit->flow->waiting = waiting;
			waiting = hit->flow;
		}
	agl_overlap_del(&t->overlaps, flow->item);
	flow->item = NULL;
	for (; waiting; waiting = waiting->waiting)
		restore(agl, waiting);
}
