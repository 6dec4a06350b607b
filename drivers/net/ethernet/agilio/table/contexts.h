/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGILIO_CONTEXTS_H
#define AGILIO_CONTEXTS_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct agl_flow;

/**
 * struct agl_contexts - statistics contexts
 * @flow: whose each is, NULL: it is free
 * @ring: numbers of free ones, the one that has been free for longest first
 * @count: how many there are
 * @free: how many are free
 * @head: where in @ring the first is
 * @lock: guards these, flows that are being counted for, and counts of filters
 */
struct agl_contexts {
	struct agl_flow **flow;
	u32 *ring;
	u32 count;
	u32 free;
	u32 head;
	spinlock_t lock; /* contexts, and what is counted under them */
};

int agl_contexts_init(struct agl_contexts *c, u32 count);
void agl_contexts_free(struct agl_contexts *c);
int agl_context_get(struct agl_contexts *c, struct agl_flow *flow, u32 *id);
void agl_context_put(struct agl_contexts *c, u32 id);
struct agl_flow *agl_context_flow(const struct agl_contexts *c, u32 id);

#endif
