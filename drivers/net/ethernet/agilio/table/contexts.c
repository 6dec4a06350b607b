// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics contexts: which flow the card counts for under which number. As
 * many as the firmware has are there from the beginning, a list of those that
 * are free and a flow for each other: numbers are taken and given back for each
 * rule, and looked up for each count. 03-flower.md section 8.1.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "contexts.h"

/**
 * agl_contexts_init - all are free
 * @c: contexts
 * @count: how many
 *
 * Return: 0, -ENOMEM.
 */
int agl_contexts_init(struct agl_contexts *c, u32 count)
{
	u32 i;

	c->flow = kvcalloc(count, sizeof(*c->flow), GFP_KERNEL);
	c->ring = kvmalloc_array(count, sizeof(*c->ring), GFP_KERNEL);
	if (!c->flow || !c->ring) {
		agl_contexts_free(c);
		return -ENOMEM;
	}
	for (i = 0; i < count; i++)
		c->ring[i] = i;
	spin_lock_init(&c->lock);
	c->count = count;
	c->free = count;
	c->head = 0;
	return 0;
}

/**
 * agl_contexts_free - the end; all have been given back
 * @c: contexts
 */
void agl_contexts_free(struct agl_contexts *c)
{
	kvfree(c->flow);
	kvfree(c->ring);
	c->flow = NULL;
	c->ring = NULL;
}

/**
 * agl_context_get - take the one that has been free for the longest time
 * @c: contexts
 * @flow: what is counted under it
 * @id: its number
 *
 * Return: 0, -ENOSPC.
 */
int agl_context_get(struct agl_contexts *c, struct agl_flow *flow, u32 *id)
{
	int err = -ENOSPC;

	spin_lock_bh(&c->lock);
	if (c->free) {
		*id = c->ring[c->head];
		c->head = c->head + 1 == c->count ? 0 : c->head + 1;
		WRITE_ONCE(c->free, c->free - 1);
		c->flow[*id] = flow;
		err = 0;
	}
	spin_unlock_bh(&c->lock);
	return err;
}

/**
 * agl_context_put - give one back
 * @c: contexts
 * @id: its number
 *
 * Nobody is counting for its flow any more after that.
 */
void agl_context_put(struct agl_contexts *c, u32 id)
{
	u32 at;

	spin_lock_bh(&c->lock);
	c->flow[id] = NULL;
	at = c->head + c->free;
	c->ring[at >= c->count ? at - c->count : at] = id;
	WRITE_ONCE(c->free, c->free + 1);
	spin_unlock_bh(&c->lock);
}

/**
 * agl_context_flow - whom a count is for
 * @c: contexts; their lock is held for as long as the flow is looked at
 * @id: number
 *
 * Return: NULL if it is nobody's.
 */
struct agl_flow *agl_context_flow(const struct agl_contexts *c, u32 id)
{
	return id < c->count ? c->flow[id] : NULL;
}
