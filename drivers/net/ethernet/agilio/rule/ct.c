// SPDX-License-Identifier: GPL-2.0-only
/*
 * What conntrack says of a packet, and what filters ask of it.
 */
#include <linux/string.h>
#include <net/flow_offload.h>
#include <net/pkt_cls.h>

#include "ct.h"

static void ct_take(const struct flow_dissector_key_ct *from, struct agl_ct *to)
{
	to->state = from->ct_state;
	to->zone = from->ct_zone;
	to->mark = from->ct_mark;
	memcpy(to->labels, from->ct_labels, sizeof(to->labels));
}

/* A packet that is tracked is one of these */
#define CT_KINDS (TCA_FLOWER_KEY_CT_FLAGS_NEW | TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED | \
		  TCA_FLOWER_KEY_CT_FLAGS_RELATED | TCA_FLOWER_KEY_CT_FLAGS_INVALID)

/**
 * agl_ct_take - what a filter of tc asks of a connection
 * @from: tc's match
 * @to: zero, and so it stays if it doesn't ask
 *
 * Return: whether it may have asked.
 */
bool agl_ct_take(const struct flow_match *from, struct agl_ct_match *to)
{
	u8 *key = (u8 *)&to->key, *mask = (u8 *)&to->mask;
	size_t i;

	if (!dissector_uses_key(from->dissector, FLOW_DISSECTOR_KEY_CT))
		return false;
	ct_take(skb_flow_dissector_target(from->dissector, FLOW_DISSECTOR_KEY_CT,
					  from->key), &to->key);
	ct_take(skb_flow_dissector_target(from->dissector, FLOW_DISSECTOR_KEY_CT,
					  from->mask), &to->mask);
	for (i = 0; i < sizeof(to->key); i++)
		key[i] &= mask[i];
	/* Who asks for one of them has asked that it isn't another, too */
	if (to->key.state & CT_KINDS) {
		to->mask.state |= CT_KINDS | TCA_FLOWER_KEY_CT_FLAGS_TRACKED;
		to->key.state |= TCA_FLOWER_KEY_CT_FLAGS_TRACKED;
	}
	return true;
}

/**
 * agl_ct_meets - can one packet be both?
 * @a: what is asked, or known
 * @b: likewise
 *
 * Return: false if a bit says that it can't.
 */
bool agl_ct_meets(const struct agl_ct_match *a, const struct agl_ct_match *b)
{
	const u8 *x = (const u8 *)&a->key, *y = (const u8 *)&b->key;
	const u8 *p = (const u8 *)&a->mask, *q = (const u8 *)&b->mask;
	size_t i;

	for (i = 0; i < sizeof(a->key); i++)
		if ((x[i] ^ y[i]) & p[i] & q[i])
			return false;
	return true;
}
