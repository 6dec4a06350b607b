// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of the card. Nothing of what is sent here is answered, so what the
 * card has must follow from what was sent: one lock, the table's order, covers
 * the change and the sending of it. 03-flower.md sections 3.5, 6.6 and 8.1.
 *
 * Flows of one match can share an entry: filters of several priorities, or the
 * old and the new one while tc replaces a filter. Software acts on the first
 * of them; so does the card, the others wait behind it.
 */
#include <linux/delay.h>

#include "../agilio.h"
#include "table.h"

#define QUARANTINE_US	40

static const u8 *card_key(const struct agl_flow *flow)
{
	return flow->act + flow->act_len;
}

/**
 * agl_card_message - memory for a message about a flow's entry
 * @flow: flow
 * @gfp: how to allocate
 *
 * Return: NULL without memory.
 */
struct sk_buff *agl_card_message(const struct agl_flow *flow, gfp_t gfp)
{
	return agl_cmsg_alloc(sizeof(struct agl_flow_meta) + 2 * flow->key_len +
			      flow->act_len, gfp);
}

/* The version counts messages in the order of sending */
static void card_send(struct agilio *agl, struct sk_buff *skb, u8 type,
		      const struct agl_flow *flow, bool manage_mask)
{
	struct agl_flow_meta *m = skb_put_zero(skb, sizeof(*m));
	unsigned int act_len = flow->drops ? 0 : flow->act_len;
	unsigned int len = flow->key_len;
	struct agl_key_meta *key;

	m->key_len = len >> AGL_FLOW_LW_SHIFT;
	m->mask_len = len >> AGL_FLOW_LW_SHIFT;
	m->act_len = act_len >> AGL_FLOW_LW_SHIFT;
	m->flags = manage_mask ? AGL_FLOW_MANAGE_MASK : 0;
	m->host_ctx = cpu_to_be32(agl_stats_context(&agl->table, flow->id));
	m->cookie = cpu_to_be64(flow->serial);
	m->version = cpu_to_be64(agl->table.version++);
	m->shortcut = cpu_to_be32(flow->drops ? AGL_SHORTCUT_DROP : flow->shortcut);
	key = skb_put_data(skb, card_key(flow), len);
	key->mask_id = flow->mask->id;
	skb_put_data(skb, flow->mask->bytes, len);
	skb_put_data(skb, flow->act, act_len);
	agl_cmsg_xmit(agl, type, skb);
}

/**
 * agl_card_shares - can two flows have one entry?
 * @a: flow
 * @b: another, of the same match
 *
 * If the card has to compare more for the one than for the other, they can't,
 * and neither if it can't compare what tells them apart and they do different
 * things.
 *
 * Return: whether they can.
 */
bool agl_card_shares(const struct agl_flow *a, const struct agl_flow *b)
{
	return a->mask && a->mask == b->mask &&
	       !memcmp(card_key(a), card_key(b), a->key_len) &&
	       (a->ignored == b->ignored || a->act_sum == b->act_sum);
}

/* Of those in the card that share its entry: the first, or the one that acts */
static struct agl_flow *card_other(const struct agl_flow *flow, bool acts)
{
	struct agl_flow *first = NULL;
	struct agl_item *twin;

	list_for_each_entry(twin, &flow->item->twins, twins) {
		struct agl_flow *other = twin->owner;

		if (other->state != AGL_FLOW_CARD || (acts && !other->acts) ||
		    !agl_card_shares(flow, other))
			continue;
		if (!first || agl_order_compare(other, first) < 0)
			first = other;
	}
	return first;
}

/* A mask id that was just given back has to rest */
static int card_mask(struct agl_masks *m, struct agl_mask *mask)
{
	int err;

	for (;;) {
		err = agl_mask_enter(m, mask);
		if (err != -EAGAIN)
			return err;
		usleep_range(QUARANTINE_US, 2 * QUARANTINE_US);
	}
}

/**
 * agl_card_check - is there room for a flow in the card?
 * @agl: card; the table's order is locked
 * @flow: not in it
 *
 * Return: 0; -ENOSPC if there is no id for its mask; -EEXIST if it has to take
 * the place of another and the firmware can't exchange them.
 */
int agl_card_check(struct agilio *agl, const struct agl_flow *flow)
{
	if (card_other(flow, true))
		return agl->features & AGL_FEAT_FLOW_MOD ? 0 : -EEXIST;
	return flow->mask->entries || agl->table.masks.count ? 0 : -ENOSPC;
}

/**
 * agl_card_add - put a flow into the card
 * @agl: card; the table's order is locked
 * @flow: not in it
 * @skb: from agl_card_message(), gone after the call
 *
 * Return: 0; -ENOSPC if there is no id for its mask.
 */
int agl_card_add(struct agilio *agl, struct agl_flow *flow, struct sk_buff *skb)
{
	struct agl_flow *other = card_other(flow, true);
	struct agl_table *t = &agl->table;
	int err = 0;

	if (!other)
		err = card_mask(&t->masks, flow->mask);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	flow->acts = !other || agl_order_compare(flow, other) <= 0;
	if (!flow->acts) {
		kfree_skb(skb);
		return 0;
	}
	if (other)
		other->acts = false;
	card_send(agl, skb, other ? AGL_CMSG_FLOW_MOD : AGL_CMSG_FLOW_ADD, flow,
		  !other && flow->mask->entries == 1);
	agl_cmsg_kick(agl);
	return 0;
}

/**
 * agl_card_del - take a flow out of the card
 * @agl: card; the table's order is locked
 * @flow: in it
 */
void agl_card_del(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *next;
	struct sk_buff *skb;

	if (!flow->acts)
		return;
	flow->acts = false;
	next = card_other(flow, false);
	skb = agl_card_message(next ?: flow, GFP_KERNEL | __GFP_NOFAIL);
	if (next) {
		next->acts = true;
		card_send(agl, skb, AGL_CMSG_FLOW_MOD, next, false);
	} else {
		card_send(agl, skb, AGL_CMSG_FLOW_DEL, flow,
			  flow->mask->entries == 1);
		agl_mask_leave(&t->masks, flow->mask);
	}
	agl_cmsg_kick(agl);
}
