/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Masks of flows, and the firmware's names for them.
 */
#ifndef AGILIO_MASK_H
#define AGILIO_MASK_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "../abi/key.h"

#define AGL_MASK_BUCKETS	256

/**
 * struct agl_mask - a mask of flows
 * @node: in its bucket
 * @users: flows with it
 * @entries: how many of the card's entries have it; while there is one it has
 *	an id
 * @id: the firmware's name for it
 * @len: bytes
 * @bytes: the mask
 */
struct agl_mask {
	struct hlist_node node;
	refcount_t users;
	unsigned int entries;
	u8 id;
	u8 len;
	u8 bytes[] __counted_by(len);
};

/**
 * struct agl_masks - masks in use and ids that are free
 * @bucket: by hash of the bytes
 * @freed: when each id was given back, in ns
 * @ring: free ids, oldest first
 * @head: oldest
 * @count: how many
 *
 * All of it is guarded by the table's order.
 */
struct agl_masks {
	struct hlist_head bucket[AGL_MASK_BUCKETS];
	u64 freed[AGL_MASK_ID_MAX + 1];
	u8 ring[AGL_MASK_ID_MAX];
	unsigned int head;
	unsigned int count;
};

void agl_masks_init(struct agl_masks *m);
struct agl_mask *agl_mask_get(struct agl_masks *m, const u8 *bytes, u8 len);
void agl_mask_put(struct agl_mask *mask);
int agl_mask_enter(struct agl_masks *m, struct agl_mask *mask);
void agl_mask_leave(struct agl_masks *m, struct agl_mask *mask);

#endif
