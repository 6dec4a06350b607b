// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FLOW_STATS: what was counted since the last message, and only of rules
 * that counted something, or they would never age. 03-flower.md 3.6, 8.1.
 *
 * Two lists, both oldest first: rules that have counted something, which are
 * reported once a period, and the last counts of rules that are gone, which
 * go out as soon as the host has room. Either stays where it is until then.
 */
#include <stdlib.h>

#include "flower.h"

#define RECORDS		60
#define MS		1000000ULL
/* More of them, and the host isn't reading at all */
#define FINALS_MAX	(1u << 18)

void stats_init(struct card *card)
{
	TAILQ_INIT(&card->flower->dirty);
	STAILQ_INIT(&card->flower->finals);
}

static void stats_later(struct card *card, uint64_t ns)
{
	uint64_t at = card->ops->now(card->host) + ns;
	struct flower *f = card->flower;

	if (f->stats_at && f->stats_at <= at)
		return;
	f->stats_at = at;
	card_rearm(card);
}

void stats_count(struct card *card, struct flow_counters *c, size_t len)
{
	c->packets++;
	c->bytes += len + card->cfg.flow_overhead;
	if (fault_flip(card, FLIP_BYTES))
		c->bytes++;
	if (c->dirty)
		return;
	c->dirty = true;
	TAILQ_INSERT_TAIL(&card->flower->dirty, c, link);
	stats_later(card, card->cfg.stats_ms * MS);
}

/* By fault: a context that isn't there, of three kinds */
static void add_bad(struct card *card, struct agl_flow_stats *r)
{
	static const uint32_t ctx[3] = { 0, AGL_CTX_INDEX, UINT32_MAX };
	unsigned int n = card->fault[FAULT_STATS_BAD_CTX].value % 3;

	memset(r, 0, sizeof(*r));
	r->ctx = htobe32(n ? ctx[n] : card->flower->contexts);
	r->packets = htobe32(1);
	r->bytes = htobe64(100);
	r->cookie = UINT64_MAX;
}

/* @r has room for one more */
static bool stats_send(struct card *card, struct agl_flow_stats *r, size_t n)
{
	if (fault_take(card, FAULT_STATS_BAD_CTX))
		add_bad(card, &r[n++]);
	if (!cmsg_send(card, AGL_CMSG_FLOW_STATS, r, n * sizeof(*r)))
		return false;
	card->cnt.stats_msgs++;
	card->cnt.stats_records += n;
	return true;
}

void stats_forget(struct card *card, struct flow_counters *c)
{
	if (c->dirty)
		TAILQ_REMOVE(&card->flower->dirty, c, link);
	c->dirty = false;
	c->packets = 0;
	c->bytes = 0;
}

/* The rule goes, or its context becomes another one's: keep what it counted */
void stats_final(struct card *card, struct flow_counters *c)
{
	struct flower *f = card->flower;
	struct final_counters *last;

	if (c->packets) {
		last = f->finals_used < FINALS_MAX ? malloc(sizeof(*last)) : NULL;
		if (last) {
			last->ctx = c->ctx;
			last->cookie = c->cookie;
			last->packets = c->packets;
			last->bytes = c->bytes;
			STAILQ_INSERT_TAIL(&f->finals, last, link);
			f->finals_used++;
		} else {
			card->cnt.stats_lost++;
		}
	}
	stats_forget(card, c);
}

/* After FAULT_STATS_HELD */
void stats_resume(struct card *card)
{
	card->flower->stats_stuck = false;
	if (!fault_on(card, FAULT_STATS_HELD))
		stats_later(card, 1);
}

static void finals_drop(struct flower *f, unsigned int n)
{
	struct final_counters *last;

	while (n-- && (last = STAILQ_FIRST(&f->finals))) {
		STAILQ_REMOVE_HEAD(&f->finals, link);
		f->finals_used--;
		free(last);
	}
}

/* Return: false if the host has no room, or the budget is spent */
static bool finals_send(struct card *card)
{
	struct agl_flow_stats r[RECORDS + 1];
	struct flower *f = card->flower;
	struct final_counters *last;
	unsigned int n;

	while (!STAILQ_EMPTY(&f->finals)) {
		if (!card_may_spend(card))
			return false;
		n = 0;
		STAILQ_FOREACH(last, &f->finals, link) {
			r[n].ctx = htobe32(last->ctx);
			r[n].packets = htobe32(last->packets);
			r[n].bytes = htobe64(last->bytes);
			r[n].cookie = htobe64(last->cookie);
			if (++n == RECORDS)
				break;
		}
		if (!stats_send(card, r, n))
			return false;
		finals_drop(f, n);
	}
	return true;
}

static bool dirty_send(struct card *card)
{
	struct agl_flow_stats r[RECORDS + 1];
	struct flower *f = card->flower;
	struct flow_counters *c;
	unsigned int n;

	while (!TAILQ_EMPTY(&f->dirty)) {
		if (!card_may_spend(card))
			return false;
		n = 0;
		TAILQ_FOREACH(c, &f->dirty, link) {
			r[n].ctx = htobe32(c->ctx);
			r[n].packets = htobe32(c->packets);
			r[n].bytes = htobe64(c->bytes);
			r[n].cookie = htobe64(c->cookie);
			if (++n == RECORDS)
				break;
		}
		if (!stats_send(card, r, n))
			return false;
		while (n--)
			stats_forget(card, TAILQ_FIRST(&f->dirty));
	}
	return true;
}

/* After messages were worked on: the last counts of what they deleted */
void stats_finals(struct card *card)
{
	struct flower *f = card->flower;

	if (STAILQ_EMPTY(&f->finals) || !f->running || f->stats_stuck ||
	    fault_on(card, FAULT_STATS_HELD))
		return;
	if (!finals_send(card)) {
		f->stats_stuck = true;
		stats_later(card, MS);
	}
}

void stats_timer(struct card *card, uint64_t now)
{
	struct flower *f = card->flower;

	if (!f->stats_at || now < f->stats_at)
		return;
	f->stats_at = 0;
	f->stats_stuck = false;
	if (fault_on(card, FAULT_STATS_HELD))
		return;
	if (finals_send(card) && dirty_send(card))
		return;
	/* With nothing spent the host has no room: it is asked once a period */
	f->stats_stuck = true;
	stats_later(card, card_may_spend(card) ? card->cfg.stats_ms * MS : MS);
}

void stats_clear(struct card *card)
{
	struct flower *f = card->flower;

	finals_drop(f, f->finals_used);
	f->stats_stuck = false;
	f->stats_at = 0;
}
