// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Start, stop and feature agreement. 03-flower.md section 1.
 */
#include <stdlib.h>

#include "flower.h"

#define FEATURES_FULL	0x80001fffULL
#define FEATURES_OLD	0x8000007fULL

static void profile_apply(struct card *card)
{
	uint8_t *p = card->image.features.p;

	if (p && !strcmp(card->cfg.profile, "full"))
		put_le(p, FEATURES_FULL, 8);
	else if (p && !strcmp(card->cfg.profile, "old"))
		put_le(p, FEATURES_OLD, 8);
}

/* A smaller card than the firmware's file says, to see it full */
static void contexts_apply(struct card *card)
{
	uint8_t *p = card->image.ctx_count.p;

	if (p && card->cfg.contexts)
		put_le(p, card->cfg.contexts, 4);
}

static void combine(struct card *card)
{
	struct flower *f = card->flower;

	f->features = object_value(&card->image.features, 0) &
		      (f->host_mask ? get_le(f->host_mask, 8) : ~0ULL);
	if (f->combined)
		put_le(f->combined, f->features, 8);
}

static void host_mask_written(struct card *card, size_t off, size_t size)
{
	if (card->flower->running)
		combine(card);
}

static void port_init(struct port *p, uint32_t id, bool exists)
{
	memset(p, 0, sizeof(*p));
	p->id = id;
	p->exists = exists;
	p->mtu = VNIC_MTU_MAX;
}

void flower_start(struct card *card)
{
	struct flower *f = card->flower;
	struct image *img = &card->image;
	unsigned int i;

	if (object_value(&img->app_id, 0) != AGL_APP_FLOWER) {
		card_log(card, "firmware is not flower: nothing is forwarded");
		return;
	}
	profile_apply(card);
	contexts_apply(card);
	f->host_mask = img->host_mask.p;
	f->combined = img->combined.p;
	f->merge_hints = img->merge_enable.p;
	f->contexts = object_value(&img->ctx_count, 1 << 17);
	if (f->contexts > FLOWER_CONTEXTS_MAX)
		f->contexts = FLOWER_CONTEXTS_MAX;
	mem_listen(card, f->host_mask, 8, host_mask_written);
	combine(card);
	for (i = 0; i < ARRAY_SIZE(f->phys); i++)
		port_init(&f->phys[i], AGL_PORT_PHYS(i), card->ports[i].present);
	port_init(&f->pf, AGL_PORT_PF(0), true);
	for (i = 0; i < ARRAY_SIZE(f->vf); i++)
		port_init(&f->vf[i], AGL_PORT_VF(0, i), i < card->vnics->vfs);
	f->running = true;
}

void flower_stop(struct card *card)
{
	struct flower *f = card->flower;

	f->running = false;
	table_clear(card);
	tunnel_clear(card);
	pipeline_clear(card);
	stats_clear(card);
	f->merge_hints = NULL;
	f->host_mask = NULL;
	f->combined = NULL;
	card_rearm(card);
}
