// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flow counters. The firmware pushes what it has counted since the last time;
 * tc reads from here, without a word to the card. 03-flower.md sections 1.5,
 * 3.6 and 8.
 */
#include <net/flow_offload.h>

#include "../agilio.h"
#include "table.h"

#define AGL_STATS_OVERHEAD	14

/**
 * agl_stats_context - the firmware's number of a statistics context
 * @t: table
 * @id: ours, below the number of contexts
 *
 * The firmware wants them from the top, unit by unit.
 *
 * Return: its number, host byte order.
 */
u32 agl_stats_context(const struct agl_table *t, u32 id)
{
	u32 index = t->contexts.count / t->units - 1 - id / t->units;

	return FIELD_PREP(AGL_CTX_UNIT, id % t->units) |
	       FIELD_PREP(AGL_CTX_INDEX, index);
}

/* Return: our number, or the number of contexts if there is no such one */
static u32 context_id(const struct agl_table *t, u32 ctx)
{
	u32 index = FIELD_GET(AGL_CTX_INDEX, ctx);
	u32 unit = FIELD_GET(AGL_CTX_UNIT, ctx);

	if (index >= t->contexts.count / t->units || unit >= t->units)
		return t->contexts.count;
	return (t->contexts.count / t->units - 1 - index) * t->units + unit;
}

/*
 * The firmware adds 14 bytes to the length of each packet, with its Ethernet
 * header and without FCS (05-observed-behaviour.md section 0.2). Users get what
 * Open vSwitch counts for the same packets in software.
 */
static u64 stats_bytes(const struct agl_flow_stats *rec)
{
	u64 more = (u64)AGL_STATS_OVERHEAD * be32_to_cpu(rec->packets);
	u64 bytes = be64_to_cpu(rec->bytes);

	return bytes > more ? bytes - more : 0;
}

/* Under the lock: a flow counts for each filter of its path */
static void stats_add(const struct agl_flow *flow, u32 packets, u64 bytes)
{
	unsigned int i = 0, more = flow->path ? flow->path->len : 0;
	struct agl_counts *c = flow->counts;

	do {
		c->packets += packets;
		c->bytes += bytes;
		c->used = jiffies;
		if (i < more)
			c = flow->path->step[i].counts;
	} while (i++ < more);
}

/**
 * agl_stats_rx - counts from the firmware, in softirq
 * @agl: card
 * @skb: records, deltas since the last message; it is gone after the call
 */
void agl_stats_rx(struct agilio *agl, struct sk_buff *skb)
{
	const struct agl_flow_stats *rec;
	struct agl_table *t = &agl->table;
	size_t len;

	rec = agl_cmsg_body(skb, &len);
	spin_lock(&t->contexts.lock);
	for (; len >= sizeof(*rec); len -= sizeof(*rec), rec++) {
		u32 id = context_id(t, be32_to_cpu(rec->ctx));
		struct agl_flow *flow;

		flow = agl_context_flow(&t->contexts, id);
		/*
		 * The last counts of a deleted flow aren't those of the next.
		 * Of a pre-tunnel rule the firmware knows no cookie.
		 */
		if (!flow || (!flow->pre &&
			      flow->cookie != be64_to_cpu(rec->cookie)))
			continue;
		stats_add(flow, be32_to_cpu(rec->packets), stats_bytes(rec));
	}
	spin_unlock(&t->contexts.lock);
	dev_consume_skb_any(skb);
}

/**
 * agl_stats_read - counts of a filter since the last read
 * @agl: card
 * @counts: the filter's
 * @to: they are added here
 */
void agl_stats_read(struct agilio *agl, struct agl_counts *counts,
		    struct flow_stats *to)
{
	struct agl_table *t = &agl->table;

	spin_lock_bh(&t->contexts.lock);
	flow_stats_update(to, counts->bytes, counts->packets, 0, counts->used,
			  FLOW_ACTION_HW_STATS_DELAYED);
	counts->bytes = 0;
	counts->packets = 0;
	spin_unlock_bh(&t->contexts.lock);
}
