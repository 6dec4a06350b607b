// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Action lists. 03-flower.md sections 5 and 9.8.
 */
#include "flower.h"

struct work {
	struct card *card;
	uint8_t *p;
	size_t len;
	bool sent;
	bool stop;
};

static void set_masked(uint8_t *p, const uint8_t *mask, const uint8_t *val,
		       size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (p[i] & ~mask[i]) | (val[i] & mask[i]);
}

/* tc semantics: the sum is made anew, a UDP sum of zero stays zero */
static void repair(struct work *w, bool l3)
{
	struct l4_view v;

	l4_parse(w->p, w->len, &v);
	if (v.l3 < 0)
		return;
	if (l3 && v.version == 4)
		csum_ip4_fill(w->p, &v);
	if (v.l4 < 0 || v.fragment)
		return;
	if (v.proto == 17 && v.l4 + 8u <= w->len && !get_be16(w->p + v.l4 + 6))
		return;
	csum_l4_fill(w->p, &v);
}

static void act_output(struct work *w, const uint8_t *a)
{
	port_output(w->card, get_be32(a + 4), w->p, w->len);
	w->sent = true;
	w->stop = get_be16(a + 2) & AGL_OUTPUT_LAST;
}

static void act_push_vlan(struct work *w, const uint8_t *a)
{
	const struct agl_act_push_vlan *push = (const void *)a;

	memmove(w->p - 4, w->p, 12);
	w->p -= 4;
	w->len += 4;
	memcpy(w->p + 12, &push->tpid, 4);
}

static void act_pop_vlan(struct work *w, const uint8_t *a)
{
	uint16_t type = get_be16(w->p + 12);

	(void)a;
	if ((type != 0x8100 && type != 0x88a8) || w->len < 18) {
		w->card->cnt.act_no_header++;
		w->stop = true;
		return;
	}
	memmove(w->p + 4, w->p, 12);
	w->p += 4;
	w->len -= 4;
}

/* Where the ethertype stands behind all tags. Return: 0 if the frame ends */
static size_t type_at(const struct work *w)
{
	size_t at = 12;

	while (at + 6 <= w->len && (get_be16(w->p + at) == 0x8100 ||
				    get_be16(w->p + at) == 0x88a8))
		at += 4;
	return at + 2 <= w->len ? at : 0;
}

/* Return: the first label stack entry, NULL if there is none */
static uint8_t *first_lse(struct work *w)
{
	size_t at = type_at(w);
	uint16_t type = at ? get_be16(w->p + at) : 0;

	if ((type == 0x8847 || type == 0x8848) && at + 6 <= w->len)
		return w->p + at + 2;
	w->card->cnt.act_no_header++;
	return NULL;
}

static void act_push_mpls(struct work *w, const uint8_t *a)
{
	const struct agl_act_push_mpls *push = (const void *)a;
	size_t at = type_at(w);

	if (!at)
		return;
	memmove(w->p - 4, w->p, at + 2);
	w->p -= 4;
	w->len += 4;
	memcpy(w->p + at, &push->type, 2);
	memcpy(w->p + at + 2, &push->lse, 4);
}

static void act_pop_mpls(struct work *w, const uint8_t *a)
{
	const struct agl_act_pop_mpls *pop = (const void *)a;
	uint8_t *lse = first_lse(w);
	size_t at;

	if (!lse) {
		w->stop = true;
		return;
	}
	at = lse - w->p;
	memcpy(lse - 2, &pop->type, 2);
	memmove(w->p + 4, w->p, at);
	w->p += 4;
	w->len -= 4;
}

static void act_set_mpls(struct work *w, const uint8_t *a)
{
	uint8_t *lse = first_lse(w);

	if (lse)
		set_masked(lse, a + 4, a + 8, 4);
}

static void act_set_eth(struct work *w, const uint8_t *a)
{
	const struct agl_act_set_eth *set = (const void *)a;

	set_masked(w->p, set->mask, set->value, 12);
}

/* Return: the IP header of that version, NULL if there is none */
static uint8_t *ip_header(struct work *w, unsigned int version)
{
	struct l4_view v;

	l4_parse(w->p, w->len, &v);
	if (v.l3 >= 0 && v.version == version)
		return w->p + v.l3;
	w->card->cnt.act_no_header++;
	return NULL;
}

static void act_set_ipv4(struct work *w, const uint8_t *a)
{
	uint8_t *ip = ip_header(w, 4);

	if (!ip)
		return;
	set_masked(ip + 12, a + 4, a + 8, 4);
	set_masked(ip + 16, a + 12, a + 16, 4);
	repair(w, true);
}

static void act_set_ipv4_ttl(struct work *w, const uint8_t *a)
{
	const struct agl_act_set_ipv4_ttl *set = (const void *)a;
	uint8_t *ip = ip_header(w, 4);

	if (!ip)
		return;
	set_masked(ip + 8, &set->ttl_mask, &set->ttl, 1);
	set_masked(ip + 1, &set->tos_mask, &set->tos, 1);
	repair(w, true);
}

static void set_ipv6(struct work *w, const uint8_t *a, size_t off)
{
	uint8_t *ip = ip_header(w, 6);
	unsigned int i;

	if (!ip)
		return;
	for (i = 0; i < 4; i++)
		set_masked(ip + off + 4 * i, a + 4 + 8 * i, a + 8 + 8 * i, 4);
	repair(w, false);
}

static void act_set_ipv6_src(struct work *w, const uint8_t *a)
{
	set_ipv6(w, a, 8);
}

static void act_set_ipv6_dst(struct work *w, const uint8_t *a)
{
	set_ipv6(w, a, 24);
}

static void act_set_ipv6_tc(struct work *w, const uint8_t *a)
{
	const struct agl_act_set_ipv6_tc *set = (const void *)a;
	uint8_t *ip = ip_header(w, 6);
	uint32_t word, mask;

	if (!ip)
		return;
	set_masked(ip + 7, &set->hl_mask, &set->hl, 1);
	mask = (uint32_t)set->tc_mask << 20;
	word = get_be32(ip);
	word = (word & ~mask) | ((uint32_t)set->tc << 20 & mask);
	/* tc edits class and label as one word of 28 bits */
	mask = be32toh(set->label_mask) & 0x0fffffff;
	word = (word & ~mask) | (be32toh(set->label) & mask);
	put_be32(ip, word);
	repair(w, false);
}

static void act_set_tp(struct work *w, const uint8_t *a)
{
	struct l4_view v;
	uint8_t proto = a[0] == AGL_ACT_SET_TCP ? 6 : 17;

	l4_parse(w->p, w->len, &v);
	if (v.l4 < 0 || v.proto != proto || v.l4 + 8u > w->len) {
		w->card->cnt.act_no_header++;
		return;
	}
	set_masked(w->p + v.l4, a + 4, a + 8, 4);
	repair(w, false);
}

static const struct {
	uint8_t len_lw;
	void (*run)(struct work *w, const uint8_t *a);
} ops[AGL_ACT_OPS] = {
	[AGL_ACT_OUTPUT]	= { 2, act_output },
	[AGL_ACT_PUSH_VLAN]	= { 2, act_push_vlan },
	[AGL_ACT_POP_VLAN]	= { 1, act_pop_vlan },
	[AGL_ACT_PUSH_MPLS]	= { 2, act_push_mpls },
	[AGL_ACT_POP_MPLS]	= { 1, act_pop_mpls },
	[AGL_ACT_SET_MPLS]	= { 3, act_set_mpls },
	[AGL_ACT_SET_ETH]	= { 7, act_set_eth },
	[AGL_ACT_SET_IPV4]	= { 5, act_set_ipv4 },
	[AGL_ACT_SET_IPV4_TTL]	= { 2, act_set_ipv4_ttl },
	[AGL_ACT_SET_IPV6_SRC]	= { 9, act_set_ipv6_src },
	[AGL_ACT_SET_IPV6_DST]	= { 9, act_set_ipv6_dst },
	[AGL_ACT_SET_IPV6_TC]	= { 4, act_set_ipv6_tc },
	[AGL_ACT_SET_UDP]	= { 3, act_set_tp },
	[AGL_ACT_SET_TCP]	= { 3, act_set_tp },
};

static bool shortcut_agrees(const uint8_t *acts, size_t len, uint32_t shortcut)
{
	switch (shortcut) {
	case AGL_SHORTCUT_NULL:
	case AGL_SHORTCUT_USER:
		return true;
	case AGL_SHORTCUT_DROP:
		return !len;
	case AGL_SHORTCUT_POP_VLAN:
		return len == 4 && acts[0] == AGL_ACT_POP_VLAN;
	default:
		return len == 8 && acts[0] == AGL_ACT_OUTPUT &&
		       get_be32(acts + 4) == shortcut;
	}
}

bool action_check(struct card *card, const uint8_t *acts, size_t len,
		  uint32_t shortcut)
{
	size_t at, n;

	for (at = 0; at < len; at += n) {
		uint8_t op = acts[at];

		n = (size_t)acts[at + 1] << AGL_FLOW_LW_SHIFT;
		if (op >= AGL_ACT_OPS || !ops[op].run || !n ||
		    acts[at + 1] != ops[op].len_lw || at + n > len) {
			card->cnt.flow_bad_action++;
			card_log(card, "action %u of %zu bytes: not known yet",
				 op, n);
			return false;
		}
	}
	if (!shortcut_agrees(acts, len, shortcut)) {
		card->cnt.flow_bad_shortcut++;
		card_log(card, "shortcut %08x disagrees with the actions",
			 shortcut);
	}
	return true;
}

void action_run(struct card *card, const struct rule *rule,
		const uint8_t *frame, size_t len)
{
	struct work w = { .card = card, .len = len };
	size_t at;

	if (rule->shortcut == AGL_SHORTCUT_DROP) {
		card->cnt.act_drop++;
		return;
	}
	w.p = card->flower->work + FLOWER_HEADROOM;
	memcpy(w.p, frame, len);
	for (at = 0; at < rule->act_len && !w.stop;
	     at += rule->acts[at + 1] << AGL_FLOW_LW_SHIFT)
		ops[rule->acts[at]].run(&w, rule->acts + at);
	if (!w.sent)
		card->cnt.act_no_output++;
}
