// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts: the ICR bytes, and moderation. 02-vnic.md section 8.
 */
#include "vnic.h"

void irq_signal(struct vnic *v, uint8_t vec, uint8_t cause)
{
	uint8_t *icr = v->cb + AGL_CB_ICR(vec);

	if (*icr) {
		/* Said again once the host clears the byte */
		v->irq_pending[vec / 64] |= BIT_ULL(vec % 64);
		v->card->cnt.irqs_pending++;
		return;
	}
	*icr = cause;
	v->card->cnt.irqs++;
	v->card->ops->msix(v->card->host, v->fn, vec);
}

void irq_unmasked(struct vnic *v, unsigned int vec)
{
	if (!(v->irq_pending[vec / 64] & BIT_ULL(vec % 64)))
		return;
	v->irq_pending[vec / 64] &= ~BIT_ULL(vec % 64);
	irq_signal(v, vec, vec == v->lsc && vec != AGL_CB_NO_VECTOR ? AGL_ICR_LSC :
								     AGL_ICR_RING);
}

static void ring_signal(struct vnic *v, struct vnic_ring *r)
{
	r->unsignalled = 0;
	irq_signal(v, r->vec, AGL_ICR_RING);
}

/* One more completion in @r that the host does not know of */
void irq_ring_event(struct vnic *v, struct vnic_ring *r)
{
	uint64_t now = v->card->ops->now(v->card->host);

	if (!r->unsignalled++)
		r->oldest = now;
	/* 04 section 5.2: without a time there is no waiting for a count */
	if (!r->delay || (r->frames && r->unsignalled >= r->frames)) {
		ring_signal(v, r);
		return;
	}
	if (!v->card->vnics->deadline ||
	    r->oldest + r->delay < v->card->vnics->deadline) {
		v->card->vnics->deadline = r->oldest + r->delay;
		card_rearm(v->card);
	}
}

static void vnic_timer(struct vnic *v, uint64_t now, uint64_t *next)
{
	unsigned int i;

	if (!vnic_enabled(v))
		return;
	for (i = 0; i < 2 * v->rings; i++) {
		struct vnic_ring *r = i & 1 ? &v->tx[i / 2] : &v->rx[i / 2];

		if (!r->on || !r->unsignalled || !r->delay)
			continue;
		if (r->oldest + r->delay <= now)
			ring_signal(v, r);
		else if (!*next || r->oldest + r->delay < *next)
			*next = r->oldest + r->delay;
	}
}

void irq_timer(struct card *card, uint64_t now)
{
	struct vnics *n = card->vnics;
	uint64_t next = 0;
	unsigned int i;

	vnic_timer(&n->pf, now, &next);
	vnic_timer(&n->ctrl, now, &next);
	for (i = 0; i < n->vfs; i++)
		vnic_timer(&n->vf[i], now, &next);
	n->deadline = next;
}
