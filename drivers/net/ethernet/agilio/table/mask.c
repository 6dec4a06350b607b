// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mask ids. The firmware keeps the masks, the host names them.
 * 03-flower.md section 4.5.
 */
#include <linux/jhash.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mask.h"

/* The card may still be matching packets against the id's last mask */
#define QUARANTINE_NS	(40 * NSEC_PER_USEC)

/**
 * agl_masks_init - no masks, all ids free
 * @m: masks
 */
void agl_masks_init(struct agl_masks *m)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	/* From the top: id 0 is never used */
	for (i = 0; i < AGL_MASK_ID_MAX; i++)
		m->ring[i] = AGL_MASK_ID_MAX - i;
	m->count = AGL_MASK_ID_MAX;
}

static struct hlist_head *mask_bucket(struct agl_masks *m, const u8 *bytes, u8 len)
{
	return &m->bucket[jhash(bytes, len, 0) % AGL_MASK_BUCKETS];
}

/**
 * agl_mask_get - take a reference to a mask
 * @m: masks; the table's order is locked
 * @bytes: the mask
 * @len: its bytes
 *
 * Return: the mask, NULL without memory.
 */
struct agl_mask *agl_mask_get(struct agl_masks *m, const u8 *bytes, u8 len)
{
	struct hlist_head *head = mask_bucket(m, bytes, len);
	struct agl_mask *mask;

	/* All bytes are compared: an equal hash is not an equal mask */
	hlist_for_each_entry(mask, head, node) {
		if (mask->len != len || memcmp(mask->bytes, bytes, len))
			continue;
		refcount_inc(&mask->users);
		return mask;
	}
	mask = kmalloc(struct_size(mask, bytes, len), GFP_KERNEL);
	if (!mask)
		return NULL;
	mask->entries = 0;
	mask->id = 0;
	mask->len = len;
	refcount_set(&mask->users, 1);
	memcpy(mask->bytes, bytes, len);
	hlist_add_head(&mask->node, head);
	return mask;
}

/**
 * agl_mask_put - drop a reference
 * @mask: freed if this was the last; the table's order is locked
 */
void agl_mask_put(struct agl_mask *mask)
{
	if (!refcount_dec_and_test(&mask->users))
		return;
	WARN_ON(mask->entries);
	hlist_del(&mask->node);
	kfree(mask);
}

/**
 * agl_mask_enter - the card is to have an entry with a mask
 * @m: masks; the table's order is locked
 * @mask: mask; the card doesn't know it if mask->entries is 1 afterwards
 *
 * Return: 0; -ENOSPC if all ids are in use; -EAGAIN if the next free one needs
 * up to 40 us more.
 */
int agl_mask_enter(struct agl_masks *m, struct agl_mask *mask)
{
	u8 id;

	if (mask->entries++)
		return 0;
	mask->entries = 0;
	if (!m->count)
		return -ENOSPC;
	id = m->ring[m->head];
	if (m->freed[id] && ktime_get_ns() - m->freed[id] < QUARANTINE_NS)
		return -EAGAIN;
	m->head = (m->head + 1) % AGL_MASK_ID_MAX;
	m->count--;
	mask->entries = 1;
	mask->id = id;
	return 0;
}

/**
 * agl_mask_leave - the card has an entry with the mask no more
 * @m: masks; the table's order is locked
 * @mask: mask; its id is free when it has no entry
 */
void agl_mask_leave(struct agl_masks *m, struct agl_mask *mask)
{
	if (--mask->entries)
		return;
	m->ring[(m->head + m->count++) % AGL_MASK_ID_MAX] = mask->id;
	m->freed[mask->id] = ktime_get_ns();
}
