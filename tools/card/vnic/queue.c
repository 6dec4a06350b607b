// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queue controller: four queues per ring pair, of which a vNIC uses
 * freelist, transmit and configuration. 02-vnic.md section 3.
 */
#include "vnic.h"

#define QC_FL		0
#define QC_TX		1
#define QC_CONFIG	2

/* Status words, 04-firmware-image.md section 5.2 */
#define QC_EMPTY	BIT(26)
#define QC_FULL		BIT(27)
#define QC_OVERFLOW	BIT(30)
#define QC_SIZE		GENMASK(21, 18)
#define QC_SIZE_MIN	8

struct queue *queue_tx(struct vnic *v, unsigned int ring)
{
	return &v->card->vnics->qc[4 * (v->natural + ring) + QC_TX];
}

struct queue *queue_fl(struct vnic *v, unsigned int ring)
{
	return &v->card->vnics->qc[4 * (v->natural + ring) + QC_FL];
}

static struct vnic *vnic_of_natural(struct card *card, unsigned int n)
{
	struct vnics *all = card->vnics;

	if (n >= VNIC_NATURAL_PF)
		return &all->pf;
	if (n == VNIC_NATURAL_CTRL)
		return &all->ctrl;
	return n < all->vfs ? &all->vf[n] : NULL;
}

static uint32_t queue_used(const struct queue *q)
{
	return (q->wptr - q->rptr) & AGL_QC_PTR_MASK;
}

static uint32_t queue_state(const struct queue *q)
{
	return (queue_used(q) ? 0 : QC_EMPTY) |
	       (q->count && queue_used(q) >= q->count ? QC_FULL : 0) |
	       (q->over ? QC_OVERFLOW : 0);
}

static uint32_t queue_size(const struct queue *q)
{
	return q->count ? FIELD_PREP(QC_SIZE, __builtin_ctz(q->count) - QC_SIZE_MIN) : 0;
}

uint64_t queue_read(struct card *card, uint64_t off)
{
	struct queue *q = &card->vnics->qc[off / AGL_QC_STRIDE];

	if (off % AGL_QC_STRIDE >= AGL_QC_STS_LO && fault_take(card, FAULT_QC_ONES))
		return ~0ULL;
	switch (off % AGL_QC_STRIDE) {
	case AGL_QC_STS_LO:
		return q->rptr | queue_state(q);
	case AGL_QC_STS_HI:
		return q->wptr | queue_size(q) | queue_state(q);
	default:
		return 0;
	}
}

void queue_write(struct card *card, uint64_t off, uint32_t val)
{
	unsigned int n = off / AGL_QC_STRIDE;
	struct vnic *v = vnic_of_natural(card, n / AGL_QC_PER_RING);
	struct queue *q = &card->vnics->qc[n];

	if (!v || !v->cb)
		return;
	if (off % AGL_QC_STRIDE == AGL_QC_ADD_RPTR) {
		q->rptr = (q->rptr + val) & AGL_QC_PTR_MASK;
		return;
	}
	if (off % AGL_QC_STRIDE != AGL_QC_ADD_WPTR)
		return;
	if (n % AGL_QC_PER_RING == QC_CONFIG) {
		if (val)
			vnic_reconfig(v);
		return;
	}
	if (q->count && val > q->count - queue_used(q)) {
		q->over = true;
		card->cnt.qc_overflow++;
		card_log(card, "queue %u: %u more than it has room for", n, val);
	}
	/* By nothing: the ring is looked at again, should it have stood still */
	q->wptr = (q->wptr + val) & AGL_QC_PTR_MASK;
	if (n % AGL_QC_PER_RING == QC_TX) {
		v->work = true;
		card->ops->kick(card->host);
	}
}
