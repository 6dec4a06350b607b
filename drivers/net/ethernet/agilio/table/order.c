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

/* Return: the filter of a flow in the chain that is its @i-th, NULL: none */
static const struct agl_step *step_at(const struct agl_flow *flow, unsigned int i,
				      struct agl_step *first)
{
	if (!i) {
		*first = (struct agl_step){ flow->cookie, flow->prio };
		return first;
	}
	return flow->path && i <= flow->path->len ? &flow->path->step[i - 1] : NULL;
}

/* @prio: of @a's filter where the two part */
static int compare(const struct agl_flow *a, const struct agl_flow *b, u32 *prio)
{
	struct agl_step first_a, first_b;
	unsigned int i;

	for (i = 0; i < AGL_CHAINS_MAX; i++) {
		const struct agl_step *x = step_at(a, i, &first_a);
		const struct agl_step *y = step_at(b, i, &first_b);

		if (!x || !y)
			return !x - !y;
		*prio = x->prio;
		if (x->prio != y->prio)
			return x->prio < y->prio ? -1 : 1;
		if (x->cookie != y->cookie)
			return 0;
	}
	return 0;
}

/**
 * agl_order_compare - which of two flows does tc come to first?
 * @a: flow
 * @b: another
 *
 * What leaves a chain that no filter in it has taken comes after all that one
 * has.
 *
 * Return: negative: @a; positive: @b; 0: tc does not say.
 */
int agl_order_compare(const struct agl_flow *a, const struct agl_flow *b)
{
	u32 prio;

	return compare(a, b, &prio);
}

/* One match in the card once is fine: its flows are in order there */
static bool takes_turns(const struct agl_flow *a, const struct agl_flow *b)
{
	return a->item->shape == b->item->shape && b->state == AGL_FLOW_CARD;
}

/* Is there an overlapping flow that @flow would have to come after? */
static bool before(const struct agl_flow *flow, struct agl_item *hit, u32 *prio)
{
	for (; hit; hit = hit->hit)
		if (compare(hit->flow, flow, prio) <= 0 &&
		    !takes_turns(flow, hit->flow))
			return true;
	return false;
}

static int park(struct agilio *agl, struct agl_item *hit,
		const struct agl_flow *first, bool with_equal)
{
	int err = 0;

	for (; hit && !err; hit = hit->hit) {
		struct agl_flow *flow = hit->flow;

		if (flow->state != AGL_FLOW_CARD || flow->pre.used)
			continue;
		if (agl_order_compare(first, flow) < with_equal)
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
	struct agl_item *hits;
	int err;

	err = find(&agl->table, flow, &hits);
	if (err)
		return err;
	if (before(flow, hits, prio))
		return -EBUSY;
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
	u32 prio;

	if (!find(&agl->table, flow, &hits) && !before(flow, hits, &prio))
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
