// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FLOW_STATS: what was counted since the last message, and only of rules
 * that counted something, or they would never age. 03-flower.md 3.6, 8.1.
 */
#include "flower.h"

#define RECORDS		60
#define MS		1000000ULL

void stats_count(struct card *card, struct rule *rule, size_t len)
{
	struct flower *f = card->flower;

	rule->packets++;
	rule->bytes += len + card->cfg.flow_overhead;
	if (rule->dirty)
		return;
	rule->dirty = true;
	rule->dirty_next = f->dirty;
	f->dirty = rule;
	if (f->stats_at)
		return;
	f->stats_at = card->ops->now(card->host) + card->cfg.stats_ms * MS;
	card->ops->timer(card->host, f->stats_at);
}

static void fill(struct agl_flow_stats *r, const struct rule *rule)
{
	r->ctx = htobe32(rule->ctx);
	r->packets = htobe32(rule->packets);
	r->bytes = htobe64(rule->bytes);
	r->cookie = htobe64(rule->cookie);
}

static bool send(struct card *card, const struct agl_flow_stats *r, size_t n)
{
	if (!cmsg_send(card, AGL_CMSG_FLOW_STATS, r, n * sizeof(*r)))
		return false;
	card->cnt.stats_msgs++;
	card->cnt.stats_records += n;
	return true;
}

/* Before a context may be used again, its last counts go out */
void stats_flush_rule(struct card *card, struct rule *rule)
{
	struct rule **at = &card->flower->dirty;
	struct agl_flow_stats r;

	if (!rule->dirty)
		return;
	while (*at != rule)
		at = &(*at)->dirty_next;
	*at = rule->dirty_next;
	rule->dirty = false;
	if (!rule->packets)
		return;
	fill(&r, rule);
	send(card, &r, 1);
}

void stats_timer(struct card *card, uint64_t now)
{
	struct flower *f = card->flower;
	struct agl_flow_stats r[RECORDS];
	struct rule *batch[RECORDS];
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
