// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Action lists. 03-flower.md sections 5 and 9.8.
 */
#include "flower.h"

struct work {
	struct card *card;
	const struct transit *in;
	const struct rule *rule;
	uint8_t *p;
	size_t len;
	bool sent;
	bool stop;
	struct tunnel tun;
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
	if (!v.l3)
		return;
	if (l3 && v.version == 4)
		csum_ip4_fill(w->p, &v);
	if (!v.l4 || v.fragment)
		return;
	if (v.proto == 17 && l4_len(&v) >= 8 && !get_be16(w->p + v.l4 + 6))
		return;
	csum_l4_fill(w->p, &v);
}

/* By way of a device of the host's: its rules are looked up */
static void go_around(struct work *w, uint32_t port, const uint8_t *frame,
		      size_t len)
{
	struct transit again = {
		frame, len, frame, len, port, w->in->pass + 1, w->rule
	};

	pipeline_again(w->card, &again);
}

/* @port: that the neighbour's device is, or that its rules led to */
static void output_tunnel(struct work *w, uint32_t port)
{
	uint8_t *out = w->card->flower->work[w->in->pass].outer;
	size_t len;

	if (!w->tun.neigh || !w->tun.set) {
		w->card->cnt.act_no_header++;
		card_log(w->card, "tunnel output without a tunnel");
		return;
	}
	len = encap(w->card, &w->tun, w->p, w->len, out);
	if (!len) {
		w->card->cnt.out_too_long++;
		return;
	}
	neigh_used(w->card, w->tun.neigh);
	if (FIELD_GET(AGL_PORT_TYPE, port) == AGL_PORT_TYPE_INTERNAL)
		go_around(w, port, out, len);
	else
		port_output(w->card, port, out, len);
}

static void act_output(struct work *w, const uint8_t *a)
{
	uint16_t flags = get_be16(a + 2);

	if (flags & AGL_OUTPUT_USE_TUN)
		output_tunnel(w, w->tun.neigh ? w->tun.neigh->port : 0);
	/* Two rules in one: the second one's output of what the first one sends */
	else if (w->tun.set)
		output_tunnel(w, get_be32(a + 4));
	else
		port_output(w->card, get_be32(a + 4), w->p, w->len);
	w->sent = true;
	w->stop = flags & AGL_OUTPUT_LAST;
}

/* The neighbour has been found by action_ready() */
static void act_pre_tunnel(struct work *w, const uint8_t *a)
{
	const struct agl_act_pre_tunnel *pre = (const void *)a;

	w->tun.neigh = neigh_find(w->card,
				  be16toh(pre->flags) & AGL_PRE_TUNNEL_IPV6,
				  pre->dst);
}

static void act_set_tunnel(struct work *w, const uint8_t *a)
{
	w->tun.set = (const void *)a;
	if (w->tun.opts_len != w->tun.set->opt_lw * 4u) {
		w->card->cnt.flow_bad_action++;
		card_log(w->card, "SET_TUNNEL says %u bytes of options, there are %zu",
			 w->tun.set->opt_lw * 4, w->tun.opts_len);
	}
}

/* Each goes in front of those that are there */
static void act_push_geneve(struct work *w, const uint8_t *a)
{
	size_t n = 4 + 4 * (a[7] & 0x1f);

	if (w->tun.opts_len + n > sizeof(w->tun.opts))
		return;
	memmove(w->tun.opts + n, w->tun.opts, w->tun.opts_len);
	memcpy(w->tun.opts, a + 4, n);
	w->tun.opts_len += n;
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
	if (v.version == version)
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
	if (!v.l4 || v.proto != proto || l4_len(&v) < 8) {
		w->card->cnt.act_no_header++;
		return;
	}
	set_masked(w->p + v.l4, a + 4, a + 8, 4);
	repair(w, false);
}

#define LEN_IN_ACTION	0

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
	[AGL_ACT_PRE_TUNNEL]	= { 5, act_pre_tunnel },
	[AGL_ACT_SET_TUNNEL]	= { 7, act_set_tunnel },
	[AGL_ACT_PUSH_GENEVE]	= { LEN_IN_ACTION, act_push_geneve },
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

static bool length_ok(const uint8_t *a, size_t len)
{
	uint8_t op = a[0], want;

	if (op >= AGL_ACT_OPS || !ops[op].run || len < 4)
		return false;
	want = ops[op].len_lw;
	if (want == LEN_IN_ACTION)
		want = len < 8 ? 0 : 2 + (a[7] & 0x1f);
	return want && a[1] == want && len >= 4u * want;
}

bool action_check(struct card *card, const uint8_t *acts, size_t len,
		  uint32_t shortcut)
{
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = (size_t)acts[at + 1] << AGL_FLOW_LW_SHIFT;
		if (!length_ok(acts + at, len - at)) {
			card->cnt.flow_bad_action++;
			card_log(card, "action %u of %zu bytes: not known yet",
				 acts[at], n);
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

/* What the list's head asks for must be there before anything is done */
bool action_ready(struct card *card, const struct rule *rule,
		  const struct transit *in)
{
	const struct agl_act_pre_tunnel *pre;
	size_t at;
	bool v6;

	for (at = 0; at < rule->act_len;
	     at += rule->acts[at + 1] << AGL_FLOW_LW_SHIFT) {
		if (rule->acts[at] != AGL_ACT_PRE_TUNNEL)
			continue;
		pre = (const void *)(rule->acts + at);
		v6 = be16toh(pre->flags) & AGL_PRE_TUNNEL_IPV6;
		if (neigh_find(card, v6, pre->dst))
			continue;
		neigh_ask(card, in->port, v6, pre->dst);
		return false;
	}
	return true;
}

void action_run(struct card *card, const struct rule *rule,
		const struct transit *in)
{
	struct work w = {
		.card = card, .in = in, .rule = rule, .len = in->len,
	};
	size_t at;

	if (rule->shortcut == AGL_SHORTCUT_DROP) {
		card->cnt.act_drop++;
		return;
	}
	w.p = card->flower->work[in->pass].inner + FLOWER_HEADROOM;
	memcpy(w.p, in->frame, in->len);
	for (at = 0; at < rule->act_len && !w.stop;
	     at += rule->acts[at + 1] << AGL_FLOW_LW_SHIFT)
		ops[rule->acts[at]].run(&w, rule->acts + at);
	if (!w.sent)
		card->cnt.act_no_output++;
}
