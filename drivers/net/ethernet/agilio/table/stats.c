// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flow counters. The firmware pushes what it has counted since the last time;
 * tc reads from here, without a word to the card. 03-flower.md sections 1.5,
 * 3.6 and 8.
 *
 * The last counts of a flow come after it has gone, as the answer to its
 * FLOW_DEL. tc asks for a filter's counts just before it takes the filter out,
 * for the notification of that, and never again; the firmware can't be asked,
 * and nothing says that a delete will follow. So what it had not reported by
 * then, of one period at most, nobody can be told. But a flow of several
 * chains goes with one of its filters and the others stay: these get its last
 * counts, whenever they come.
 *
 * Counts name their flow by its serial number, so those that come late are
 * never the ones of whoever has its context or its filter's cookie now. It is
 * one of 32 bits, as mainline's cookies are.
 */
#include <linux/slab.h>
#include <net/flow_offload.h>

#include "../agilio.h"
#include "table.h"

#define AGL_STATS_OVERHEAD	14
/* Flows that are gone whose last counts are waited for. The oldest's have come */
#define STATS_LATE_MAX		4096

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

/**
 * struct agl_late_part - a filter that a flow counted for
 * @node: in agl_counts.late
 * @counts: the filter's, or NULL when it has gone
 * @late: the flow
 */
struct agl_late_part {
	struct hlist_node node;
	struct agl_counts *counts;
	struct agl_late *late;
};

/**
 * struct agl_late - a flow of several filters that is gone
 * @node: in agl_table.late
 * @age: in agl_table.late_age
 * @serial: its number
 * @left: how many of its filters are there
 * @part: its filters
 */
struct agl_late {
	struct hlist_node node;
	struct list_head age;
	u32 serial;
	unsigned int left;
	struct agl_late_part part[AGL_CHAINS_MAX];
};

/* Under the lock, like all that follows to agl_stats_forget() */
static void stats_late_end(struct agl_table *t, struct agl_late *late)
{
	unsigned int i;

	for (i = 0; i < AGL_CHAINS_MAX; i++)
		if (late->part[i].counts)
			hlist_del(&late->part[i].node);
	hash_del(&late->node);
	list_del(&late->age);
	t->late_count--;
	kfree(late);
}

static void stats_late_part(struct agl_late *late, struct agl_counts *counts)
{
	struct agl_late_part *p = &late->part[late->left++];

	p->counts = counts;
	p->late = late;
	hlist_add_head(&p->node, &counts->late);
}

/**
 * agl_stats_leave - a flow has left the card, its last counts are to come
 * @t: table, its order locked
 * @flow: still found by its context
 *
 * Of one that is a filter alone they are nobody's: the filter goes, too.
 */
void agl_stats_leave(struct agl_table *t, const struct agl_flow *flow)
{
	struct agl_late *late;
	unsigned int i;

	if (!flow->path)
		return;
	late = kzalloc(sizeof(*late), GFP_KERNEL | __GFP_NOFAIL);
	late->serial = flow->serial;
	spin_lock_bh(&t->contexts.lock);
	stats_late_part(late, flow->counts);
	for (i = 0; i < flow->path->len; i++)
		stats_late_part(late, flow->path->step[i].counts);
	hash_add(t->late, &late->node, late->serial);
	list_add_tail(&late->age, &t->late_age);
	if (++t->late_count > STATS_LATE_MAX)
		stats_late_end(t, list_first_entry(&t->late_age, struct agl_late,
						   age));
	spin_unlock_bh(&t->contexts.lock);
}

/**
 * agl_stats_forget - a filter goes
 * @t: table
 * @counts: the filter's
 */
void agl_stats_forget(struct agl_table *t, struct agl_counts *counts)
{
	struct agl_late_part *p;
	struct hlist_node *next;

	/* No flow of it is left that could come to be among them */
	if (hlist_empty(&counts->late))
		return;
	spin_lock_bh(&t->contexts.lock);
	hlist_for_each_entry_safe(p, next, &counts->late, node) {
		hlist_del(&p->node);
		p->counts = NULL;
		if (!--p->late->left)
			stats_late_end(t, p->late);
	}
	spin_unlock_bh(&t->contexts.lock);
}

static void stats_add(struct agl_counts *c, const struct agl_flow_stats *rec)
{
	c->packets += be32_to_cpu(rec->packets);
	c->bytes += stats_bytes(rec);
	c->used = jiffies;
}

/* A flow counts for each filter and each connection of its path */
static void stats_flow(const struct agl_flow *flow, const struct agl_flow_stats *rec)
{
	unsigned int i;

	stats_add(flow->counts, rec);
	for (i = 0; flow->path && i < flow->path->len; i++) {
		const struct agl_step *step = &flow->path->step[i];

		stats_add(step->counts, rec);
		if (step->conn)
			stats_add(step->conn, rec);
	}
}

static void stats_late(struct agl_table *t, const struct agl_flow_stats *rec)
{
	u64 serial = be64_to_cpu(rec->cookie);
	struct agl_late *late;
	unsigned int i;

	hash_for_each_possible(t->late, late, node, (u32)serial) {
		if (late->serial != serial)
			continue;
		for (i = 0; i < AGL_CHAINS_MAX; i++)
			if (late->part[i].counts)
				stats_add(late->part[i].counts, rec);
	}
}

/*
 * Of a pre-tunnel rule the firmware knows no cookie; but what names a flow is
 * that flow's.
 */
static bool stats_is_of(const struct agl_flow *flow, u64 cookie)
{
	if (flow->pre)
		return !cookie || cookie > U32_MAX;
	return flow->serial == cookie;
}

/* Counts from the firmware, in softirq: records, deltas since the last message */
static void stats_rx(struct agilio *agl, struct sk_buff *skb)
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
		if (flow && stats_is_of(flow, be64_to_cpu(rec->cookie)))
			stats_flow(flow, rec);
		else
			stats_late(t, rec);
	}
	spin_unlock(&t->contexts.lock);
	dev_consume_skb_any(skb);
}

/**
 * agl_stats_init - nothing counted
 * @agl: card
 */
void agl_stats_init(struct agilio *agl)
{
	struct agl_table *t = &agl->table;

	hash_init(t->late);
	INIT_LIST_HEAD(&t->late_age);
	agl_cmsg_handle(agl, AGL_CMSG_FLOW_STATS, stats_rx);
}

/**
 * agl_stats_free - the end; all filters are gone
 * @t: table
 */
void agl_stats_free(struct agl_table *t)
{
	WARN_ON(t->late_count);
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
