// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FLOW_STATS: what was counted since the last message, and only of rules
 * that counted something, or they would never age. 03-flower.md 3.6, 8.1.
 */
#include "flower.h"

#define RECORDS		60
#define MS		1000000ULL

void stats_count(struct card *card, struct flow_counters *counters, size_t len)
{
	struct flower *f = card->flower;

	counters->packets++;
	counters->bytes += len + card->cfg.flow_overhead;
	if (counters->dirty)
		return;
	counters->dirty = true;
	counters->dirty_next = f->dirty;
	f->dirty = counters;
	if (f->stats_at)
		return;
	f->stats_at = card->ops->now(card->host) + card->cfg.stats_ms * MS;
	card_rearm(card);
}

static void fill(struct agl_flow_stats *r, const struct flow_counters *counters)
{
	r->ctx = htobe32(counters->ctx);
	r->packets = htobe32(counters->packets);
	r->bytes = htobe64(counters->bytes);
	r->cookie = htobe64(counters->cookie);
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
static bool send(struct card *card, struct agl_flow_stats *r, size_t n)
{
	if (fault_take(card, FAULT_STATS_BAD_CTX))
		add_bad(card, &r[n++]);
	if (!cmsg_send(card, AGL_CMSG_FLOW_STATS, r, n * sizeof(*r)))
		return false;
	card->cnt.stats_msgs++;
	card->cnt.stats_records += n;
	return true;
}

/* Before a context may be used again, its last counts go out */
void stats_flush(struct card *card, struct flow_counters *counters)
{
	struct flow_counters **at = &card->flower->dirty;
	struct agl_flow_stats r[2];

	if (!counters->dirty)
		return;
	while (*at != counters)
		at = &(*at)->dirty_next;
	*at = counters->dirty_next;
	counters->dirty = false;
	if (!counters->packets)
		return;
	fill(&r[0], counters);
	send(card, r, 1);
	counters->packets = 0;
	counters->bytes = 0;
}

void stats_timer(struct card *card, uint64_t now)
{
	struct flower *f = card->flower;
	struct agl_flow_stats r[RECORDS + 1];
	struct flow_counters *batch[RECORDS];
	unsigned int n, i;

	if (!f->stats_at || now < f->stats_at)
		return;
	f->stats_at = 0;
	while (f->dirty) {
		for (n = 0; n < RECORDS && f->dirty; n++) {
			batch[n] = f->dirty;
			fill(&r[n], f->dirty);
			f->dirty = f->dirty->dirty_next;
		}
		if (!send(card, r, n)) {
			/* No room at the host: keep the counts, try again */
			for (i = 0; i < n; i++) {
				batch[i]->dirty_next = f->dirty;
				f->dirty = batch[i];
			}
			f->stats_at = now + card->cfg.stats_ms * MS;
			return;
		}
		for (i = 0; i < n; i++) {
			batch[i]->dirty = false;
			batch[i]->packets = 0;
			batch[i]->bytes = 0;
		}
	}
}
