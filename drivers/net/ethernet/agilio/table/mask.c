// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mask ids. The firmware keeps the masks, the host names them.
 * 03-flower.md section 4.5.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "../agilio.h"
#include "table.h"

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

static struct hlist_head *bucket(struct agl_masks *m, const u8 *bytes, u8 len)
{
	return &m->bucket[jhash(bytes, len, 0) % AGL_MASK_BUCKETS];
}

static struct agl_mask *mask_new(struct agl_masks *m, const u8 *bytes, u8 len)
{
	struct agl_mask *mask;
	u8 id;

	if (!m->count)
		return ERR_PTR(-ENOSPC);
	id = m->ring[m->head];
	if (m->freed[id] && ktime_get_ns() - m->freed[id] < QUARANTINE_NS)
		return ERR_PTR(-EAGAIN);
	mask = kmalloc(struct_size(mask, bytes, len), GFP_ATOMIC);
	if (!mask)
		return ERR_PTR(-ENOMEM);
	m->head = (m->head + 1) % AGL_MASK_ID_MAX;
	m->count--;
	mask->id = id;
	mask->len = len;
	refcount_set(&mask->users, 1);
	memcpy(mask->bytes, bytes, len);
	return mask;
}

/**
 * agl_mask_get - take a reference to a mask
 * @m: masks; the table's lock is held
 * @bytes: the mask
 * @len: its bytes
 * @first: set if the card doesn't know the mask yet
 *
 * Return: the mask; -ENOSPC if all ids are in use; -EAGAIN if the next free
 * id needs up to 40 us more; -ENOMEM.
 */
struct agl_mask *agl_mask_get(struct agl_masks *m, const u8 *bytes, u8 len,
			      bool *first)
{
	struct hlist_head *head = bucket(m, bytes, len);
	struct agl_mask *mask;

	/* All bytes are compared: an equal hash is not an equal mask */
	hlist_for_each_entry(mask, head, node) {
		if (mask->len != len || memcmp(mask->bytes, bytes, len))
			continue;
		refcount_inc(&mask->users);
		*first = false;
		return mask;
	}
	mask = mask_new(m, bytes, len);
	if (IS_ERR(mask))
		return mask;
	hlist_add_head(&mask->node, head);
	*first = true;
	return mask;
}

/**
 * agl_mask_is_last - whether the next agl_mask_put() is the last
 * @mask: the table's lock is held
 *
 * Return: true if no other entry has it.
 */
bool agl_mask_is_last(const struct agl_mask *mask)
{
	return refcount_read(&mask->users) == 1;
}

/**
 * agl_mask_put - drop a reference
 * @m: masks; the table's lock is held
 * @mask: freed if this was the last
 */
void agl_mask_put(struct agl_masks *m, struct agl_mask *mask)
{
	if (!refcount_dec_and_test(&mask->users))
		return;
	hlist_del(&mask->node);
	m->ring[(m->head + m->count++) % AGL_MASK_ID_MAX] = mask->id;
	m->freed[mask->id] = ktime_get_ns();
	kfree(mask);
}
