// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc looks at filters in the order of their priorities; the card knows no
 * order and takes any rule that matches. So rules that overlap are never in
 * the card together: one that comes after another is refused, and one that is
 * in the card already is parked, for the host to do, until what it must wait
 * for is gone. Rules that the host has are kept in mind for the same reason.
 * 03-flower.md sections 9.4 and 12.1.
 *
 * Each flow counts how many stand before it: who comes asks once whom it
 * overlaps, who goes tells those alone that it stood before. What is counted
 * follows from the two flows and never changes while both are there.
 *
 * A rule that software has no copy of does not leave the card for another
 * one: nobody would do it. So the other one is refused.
 */
#include <linux/slab.h>

#include "../agilio.h"
#include "table.h"

/* tc takes a skip_sw rule that was refused back at once */
#define SETTLE_MS	20

#define BYTES(field, size, single)					\
	{ offsetof(struct agl_match, field), size, single }

/* What rules have in common first, what tells most of them apart after it */
static const struct agl_overlap_bytes order_forth[] = {
	BYTES(tags, 1, false),
	BYTES(fields.eth_type, 2, false),
	BYTES(fields.outer_tpid, 8, false),
	BYTES(fields.enc_key, 4, false),
	BYTES(fields.enc_src, 4, true),
	BYTES(fields.enc_dst, 4, true),
	BYTES(fields.enc_src6, 16, true),
	BYTES(fields.enc_dst6, 16, true),
	BYTES(fields.dst_mac, 6, false),
	BYTES(fields.src_mac, 6, false),
	BYTES(fields.ip_proto, 1, false),
	BYTES(fields.src, 4, true),
	BYTES(fields.dst, 4, true),
	BYTES(fields.src6, 16, true),
	BYTES(fields.dst6, 16, true),
	BYTES(fields.sport, 2, true),
	BYTES(fields.dport, 2, true),
};

static const struct agl_overlap_bytes order_back[] = {
	BYTES(tags, 1, false),
	BYTES(fields.eth_type, 2, false),
	BYTES(fields.dport, 2, true),
	BYTES(fields.sport, 2, true),
	BYTES(fields.dst6, 16, true),
	BYTES(fields.src6, 16, true),
	BYTES(fields.dst, 4, true),
	BYTES(fields.src, 4, true),
	BYTES(fields.ip_proto, 1, false),
	BYTES(fields.src_mac, 6, false),
	BYTES(fields.dst_mac, 6, false),
	BYTES(fields.enc_key, 4, false),
	BYTES(fields.outer_tpid, 8, false),
};

static_assert(AGL_MATCH_WORDS == AGL_OVERLAP_WORDS);

/* Return: the filter of a flow in the chain that is its @i-th, NULL: none */
static const struct agl_step *step_at(const struct agl_flow *flow, unsigned int i,
				      struct agl_step *first)
{
	if (!i) {
		*first = (struct agl_step){ flow->cookie, flow->prio,
					    .alike = flow->alike };
		return first;
	}
	return flow->path && i <= flow->path->len ? &flow->path->step[i - 1] : NULL;
}

/* @prio: of @a's filter where the two part */
static int order_compare(const struct agl_flow *a, const struct agl_flow *b, u32 *prio)
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

	return order_compare(a, b, &prio);
}

/*
 * Two filters of a chain that ask for different states of a connection never
 * have the same packet, whatever it was as it came in. In chain 0 nothing is
 * known of connections yet.
 */
static bool order_apart(const struct agl_flow *a, const struct agl_flow *b)
{
	unsigned int i;

	if (!a->path || !b->path || a->cookie != b->cookie)
		return false;
	for (i = 0; i < min(a->path->len, b->path->len); i++) {
		const struct agl_step *x = &a->path->step[i], *y = &b->path->step[i];

		if (x->cookie != y->cookie)
			return !agl_ct_meets(x->ct, y->ct);
	}
	return false;
}

/* Would @flow, in the card, take packets that are not for it but for @other? */
static bool order_takes_more(const struct agl_flow *flow, const struct agl_flow *other)
{
	return flow->ignored >> 8 && flow->ignored != other->ignored;
}

/*
 * The same match and place in tc's order, and the card can do either but not
 * both: tc is replacing the one by the other
 */
static bool order_replaces(const struct agl_flow *a, const struct agl_flow *b)
{
	return agl_overlap_same(a->item, b->item) && a->key_len && b->key_len &&
	       a->ignored == b->ignored && !agl_order_compare(a, b) &&
	       !agl_card_shares(a, b);
}

/*
 * Is the filter of a flow that the host has going to be replaced, or by it? Of
 * flows that several chains make that can be any one of their filters.
 */
static bool order_exchanges(const struct agl_flow *flow, const struct agl_flow *other)
{
	struct agl_step first_a, first_b;
	unsigned int i;

	if (flow->key_len)
		return false;
	for (i = 0; i < AGL_CHAINS_MAX; i++) {
		const struct agl_step *a = step_at(flow, i, &first_a);
		const struct agl_step *b = step_at(other, i, &first_b);

		if (!a || !b)
			return !a && !b;
		if (a->cookie != b->cookie && (!a->alike || a->alike != b->alike))
			return false;
	}
	return true;
}

/* Is @flow one whose packets @other must leave alone, wherever it is itself? */
static bool order_before(const struct agl_flow *flow, const struct agl_flow *other)
{
	/* What its key excludes it leaves alone in any case */
	if (agl_narrow_excludes(&other->narrow, &flow->set))
		return false;
	if (agl_overlap_same(flow->item, other->item) &&
	    (agl_card_shares(flow, other) || order_replaces(flow, other) ||
	     order_exchanges(flow, other)))
		return false;
	if (order_apart(flow, other))
		return false;
	return agl_order_compare(flow, other) <= 0 || order_takes_more(other, flow);
}

/* Of those with one match: must @flow wait for @other to change its place? */
static bool order_waits(const struct agl_flow *flow, const struct agl_flow *other)
{
	if (!agl_overlap_same(flow->item, other->item))
		return false;
	if (agl_card_shares(flow, other))
		return other->state == AGL_FLOW_PARKED &&
		       agl_order_compare(other, flow) < 0;
	return other->state == AGL_FLOW_CARD && order_replaces(other, flow);
}

static struct agl_port_rules *order_port(struct agl_table *t, u32 port)
{
	struct agl_port_rules *rules = xa_load(&t->ports, port);

	if (rules)
		return rules;
	rules = kzalloc(sizeof(*rules), GFP_KERNEL);
	if (!rules)
		return NULL;
	agl_overlaps_init(&rules->overlaps, &t->layout);
	if (xa_err(xa_store(&t->ports, port, rules, GFP_KERNEL))) {
		kfree(rules);
		return NULL;
	}
	return rules;
}

/**
 * agl_order_parked - how many flows are parked
 * @t: table
 * @port: ingress
 *
 * Return: how many the host does for as long as others come first.
 */
unsigned int agl_order_parked(struct agl_table *t, u32 port)
{
	struct agl_port_rules *rules = xa_load(&t->ports, port);

	return rules ? READ_ONCE(rules->parked) : 0;
}

/* From here on others count it, or are counted by it. Return: whom it overlaps */
static int order_join(struct agl_table *t, struct agl_flow *flow,
		      const struct agl_image *image, struct agl_item **hits)
{
	flow->rules = order_port(t, flow->port);
	if (!flow->rules)
		return -ENOMEM;
	flow->item = agl_overlap_add(&flow->rules->overlaps, image->match.word,
				     image->match_mask.word);
	if (!flow->item)
		return -ENOMEM;
	flow->item->owner = flow;
	*hits = agl_overlap_find(&flow->rules->overlaps, flow->item);
	return 0;
}

static void order_part(struct agl_flow *flow)
{
	agl_overlap_del(&flow->rules->overlaps, flow->item);
	flow->item = NULL;
}

/*
 * Can it go into the card? Return: 0; -EBUSY: no, what stands before it has
 * priority @prio; -ENOTUNIQ: no, the card could not tell them apart; -EPERM:
 * no, a rule of that priority that is nowhere else would have to leave
 */
static int order_check(const struct agl_flow *flow, const struct agl_item *hits,
		       u32 *prio)
{
	const struct agl_item *hit;

	for (hit = hits; hit; hit = hit->hit) {
		const struct agl_flow *other = hit->owner;
		int order = order_compare(other, flow, prio);

		if (order_before(other, flow))
			return order > 0 || (other->state != AGL_FLOW_HOST &&
					     other->ignored != flow->ignored) ?
			       -ENOTUNIQ : -EBUSY;
		if (order_waits(flow, other) && !order_replaces(flow, other))
			return -EBUSY;
		if (other->only && (other->state == AGL_FLOW_CARD || other->away) &&
		    order_before(flow, other))
			return -EPERM;
	}
	return 0;
}

static int order_card_add(struct agilio *agl, struct agl_flow *flow,
			  struct sk_buff *skb)
{
	int err;

	if (!flow->pre) {
		/* The card must know the address before the rule */
		agl_local_use(agl, flow->ends.local, true);
		err = agl_card_add(agl, flow, skb);
		if (err)
			agl_local_use(agl, flow->ends.local, false);
		return err;
	}
	flow->pre->ctx = agl_stats_context(&agl->table, flow->id);
	return agl_pre_tun_add(agl, flow->pre);
}

static void order_card_del(struct agilio *agl, struct agl_flow *flow)
{
	if (flow->pre) {
		agl_pre_tun_del(agl, flow->pre);
		return;
	}
	agl_card_del(agl, flow);
	agl_local_use(agl, flow->ends.local, false);
}

static void order_park(struct agilio *agl, struct agl_flow *flow)
{
	flow->state = AGL_FLOW_PARKED;
	flow->rules->waiting++;
	flow->rules->parked++;
	order_card_del(agl, flow);
}

static void order_unpark(struct agl_flow *flow)
{
	flow->rules->waiting--;
	flow->rules->parked--;
	list_del_init(&flow->list);
}

/* Those that come after it leave the card; so does what it replaces */
static void order_make_room(struct agilio *agl, const struct agl_flow *flow,
			    const struct agl_item *hits)
{
	const struct agl_item *hit;

	for (hit = hits; hit; hit = hit->hit) {
		struct agl_flow *other = hit->owner;

		if (other->state == AGL_FLOW_CARD &&
		    (order_replaces(flow, other) ||
		     (!other->only && order_before(flow, other))))
			order_park(agl, other);
	}
}

static void order_count(struct agl_flow *flow, const struct agl_item *hits)
{
	const struct agl_item *hit;

	for (hit = hits; hit; hit = hit->hit) {
		struct agl_flow *other = hit->owner;

		flow->before += order_before(other, flow);
		other->before += order_before(flow, other);
	}
}

/**
 * agl_order_enter - a flow is going into the card
 * @agl: card; the table's order is locked
 * @flow: it has all but an item
 * @image: its match
 * @prio: set if it can't
 *
 * Flows that come after it and overlap it are parked.
 *
 * Return: 0; -EBUSY if it overlaps a flow that comes before, of this priority;
 * -EPERM if it comes before a flow of this priority that can't leave the card;
 * agl_outer_check()'s;
 * -ENOTUNIQ if the card could not tell it from another; agl_card_check()'s;
 * -ENOSPC; -ENOMEM.
 */
int agl_order_enter(struct agilio *agl, struct agl_flow *flow,
		    const struct agl_image *image, u32 *prio)
{
	struct agl_item *hits;
	struct sk_buff *skb;
	int err;

	/* Nothing may be changed for a flow that has no memory */
	skb = agl_card_message(flow, GFP_KERNEL);
	err = skb ? order_join(&agl->table, flow, image, &hits) : -ENOMEM;
	if (err)
		goto err_skb;
	err = order_check(flow, hits, prio);
	if (!err)
		err = agl_outer_check(&agl->table, flow, prio);
	if (!err && flow->mask)
		err = agl_card_check(agl, flow);
	if (err)
		goto err_part;
	order_count(flow, hits);
	order_make_room(agl, flow, hits);
	agl_outer_enter(agl, flow);
	err = order_card_add(agl, flow, skb);
	if (flow->pre)
		kfree_skb(skb);
	if (!err) {
		flow->state = AGL_FLOW_CARD;
		return 0;
	}
	flow->rules->waiting++;
	agl_order_leave(agl, flow);
	return err;

err_part:
	order_part(flow);
err_skb:
	kfree_skb(skb);
	return err;
}

/**
 * agl_order_host - a flow is the host's
 * @agl: card; the table's order is locked
 * @flow: it has all but an item
 * @image: its match
 *
 * Flows that overlap it and might come after it are parked; if tc may be going
 * to take it back, when that is over.
 *
 * Return: 0, -ENOMEM.
 */
int agl_order_host(struct agilio *agl, struct agl_flow *flow,
		   const struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	struct agl_item *hits;
	int err;

	err = order_join(t, flow, image, &hits);
	if (err)
		return err;
	flow->state = AGL_FLOW_HOST;
	flow->rules->waiting++;
	order_count(flow, hits);
	if (flow->only) {
		list_add_tail(&flow->list, &t->unsettled);
		schedule_delayed_work(&t->settle, msecs_to_jiffies(SETTLE_MS));
	} else {
		order_make_room(agl, flow, hits);
		agl_outer_enter(agl, flow);
	}
	return 0;
}

/* tc has kept a rule that was refused: it was no skip_sw one, but verbose */
static void order_settle(struct work_struct *work)
{
	struct agl_table *t = container_of(to_delayed_work(work),
					   struct agl_table, settle);
	struct agilio *agl = container_of(t, struct agilio, table);
	struct agl_flow *flow, *next;

	mutex_lock(&t->order);
	list_for_each_entry_safe(flow, next, &t->unsettled, list) {
		list_del_init(&flow->list);
		order_make_room(agl, flow,
				agl_overlap_find(&flow->rules->overlaps,
						 flow->item));
		agl_outer_enter(agl, flow);
	}
	mutex_unlock(&t->order);
}

/**
 * agl_order_init - nobody is there
 * @t: table
 */
void agl_order_init(struct agl_table *t)
{
	agl_overlap_lay_out(&t->layout, 0, order_forth, ARRAY_SIZE(order_forth));
	agl_overlap_lay_out(&t->layout, 1, order_back, ARRAY_SIZE(order_back));
	agl_outers_init(t);
	mutex_init(&t->order);
	xa_init(&t->ports);
	INIT_LIST_HEAD(&t->retry);
	INIT_LIST_HEAD(&t->unsettled);
	INIT_DELAYED_WORK(&t->settle, order_settle);
}

/**
 * agl_order_free - give memory back
 * @t: table; all flows have left
 */
void agl_order_free(struct agl_table *t)
{
	struct agl_port_rules *rules;
	unsigned long port;

	cancel_delayed_work_sync(&t->settle);
	agl_outers_free(t);
	xa_for_each(&t->ports, port, rules) {
		agl_overlaps_free(&rules->overlaps);
		kfree(rules);
	}
	xa_destroy(&t->ports);
}

/* Is nothing in the way of a parked flow any more? */
static bool order_is_free(const struct agl_flow *flow)
{
	struct agl_item *twin;

	/* What is nowhere else was there before what stands before it */
	if ((flow->away && !flow->drops) || (flow->before && !flow->only))
		return false;
	list_for_each_entry(twin, &flow->item->twins, twins)
		if (order_waits(flow, twin->owner))
			return false;
	return true;
}

/* Return: whether it is in the card again, or has to wait anyway */
static bool order_restore(struct agilio *agl, struct agl_flow *flow)
{
	struct sk_buff *skb;

	if (!order_is_free(flow))
		return true;
	if (flow->mask && agl_card_check(agl, flow))
		return false;
	skb = agl_card_message(flow, GFP_KERNEL);
	if (!skb)
		return false;
	/* Those with its match look at its state */
	if (order_card_add(agl, flow, flow->pre ? NULL : skb)) {
		if (flow->pre)
			kfree_skb(skb);
		return false;
	}
	flow->state = AGL_FLOW_CARD;
	order_unpark(flow);
	return true;
}

/* Flows go back into the card, and with them those that wait behind them */
static void order_return(struct agilio *agl, struct list_head *back)
{
	struct agl_flow *flow, *other;
	struct agl_item *twin;

	while (!list_empty(back)) {
		flow = list_first_entry(back, struct agl_flow, list);
		list_del_init(&flow->list);
		if (!order_restore(agl, flow))
			list_add_tail(&flow->list, &agl->table.retry);
		list_for_each_entry(twin, &flow->item->twins, twins) {
			other = twin->owner;
			if (flow->state == AGL_FLOW_CARD &&
			    other->state == AGL_FLOW_PARKED &&
			    list_empty(&other->list))
				list_add_tail(&other->list, back);
		}
	}
}

/* Something has left the card: those that there was no room for, as far as there is */
static void order_retry(struct agilio *agl)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	LIST_HEAD(back);

	while (!list_empty(&t->retry)) {
		flow = list_first_entry(&t->retry, struct agl_flow, list);
		list_move(&flow->list, &back);
		order_return(agl, &back);
		if (flow->state == AGL_FLOW_PARKED && !list_empty(&flow->list))
			break;
	}
}

/* @hit: those that a flow overlaps. Who waited for it alone is added to @back */
static void order_uncount(const struct agl_flow *flow, struct agl_item *hit,
			  struct list_head *back)
{
	for (; hit; hit = hit->hit) {
		struct agl_flow *other = hit->owner;

		other->before -= order_before(flow, other);
		if (!other->before && other->state == AGL_FLOW_PARKED)
			list_move_tail(&other->list, back);
	}
}

/**
 * agl_order_widen - it isn't known any more what outer header a flow is for
 * @agl: card; the table's order is locked
 * @flow: parked, and not to return
 *
 * It can be any. Without memory it keeps the one that it had.
 */
void agl_order_widen(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_overlaps *overlaps = &flow->rules->overlaps;
	struct agl_match *m = kmalloc_array(2, sizeof(*m), GFP_KERNEL);
	struct agl_item *hits, *wide = NULL;
	LIST_HEAD(back);

	hits = agl_overlap_find(overlaps, flow->item);
	if (m) {
		agl_overlap_words(flow->item, m[0].word, m[1].word);
		agl_match_any_outer(&m[0]);
		agl_match_any_outer(&m[1]);
		wide = agl_overlap_add(overlaps, m[0].word, m[1].word);
		kfree(m);
	}
	if (!wide)
		return;
	order_uncount(flow, hits, &back);
	order_part(flow);
	flow->item = wide;
	wide->owner = flow;
	flow->before = 0;
	hits = agl_overlap_find(overlaps, wide);
	order_count(flow, hits);
	order_make_room(agl, flow, hits);
	order_return(agl, &back);
}

/**
 * agl_order_leave - a flow is no more
 * @agl: card; the table's order is locked
 * @flow: it leaves the card; its item is freed
 *
 * Flows that had to wait for it alone go back into the card.
 */
void agl_order_leave(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_port_rules *rules = flow->rules;
	struct agl_item *hit = NULL;
	LIST_HEAD(back);

	if (flow->state == AGL_FLOW_CARD)
		order_card_del(agl, flow);
	if (rules->waiting)
		hit = agl_overlap_find(&rules->overlaps, flow->item);
	order_uncount(flow, hit, &back);
	if (flow->state == AGL_FLOW_PARKED)
		order_unpark(flow);
	else if (flow->state == AGL_FLOW_HOST)
		rules->waiting--;
	list_del_init(&flow->list);
	agl_outer_leave(agl, flow);
	order_part(flow);
	order_return(agl, &back);
	if (flow->state == AGL_FLOW_CARD)
		order_retry(agl);
}

/**
 * agl_table_park - take a flow out of the card, for the host to do
 * @agl: card; the table's order is locked
 * @flow: in the card; those that wait behind it leave with it
 */
void agl_table_park(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_item *twin;

	list_for_each_entry(twin, &flow->item->twins, twins) {
		struct agl_flow *other = twin->owner;

		if (other->state == AGL_FLOW_CARD &&
		    agl_card_shares(flow, other) &&
		    agl_order_compare(flow, other) < 0)
			order_park(agl, other);
	}
	order_park(agl, flow);
}

/**
 * agl_table_restore - put a parked flow back into the card
 * @agl: card; the table's order is locked
 * @flow: from agl_table_park()
 *
 * If that fails it stays with the host, until there is room again.
 */
void agl_table_restore(struct agilio *agl, struct agl_flow *flow)
{
	LIST_HEAD(back);

	list_add(&flow->list, &back);
	order_return(agl, &back);
}
