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
	uint8_t *p = image_symbol(card, AGL_SYM_FEATURES, NULL);

	if (p && !strcmp(card->cfg.profile, "full"))
		put_le(p, FEATURES_FULL, 8);
	else if (p && !strcmp(card->cfg.profile, "old"))
		put_le(p, FEATURES_OLD, 8);
}

/* A smaller card than the firmware's file says, to see it full */
static void contexts_apply(struct card *card)
{
	uint8_t *p = image_symbol(card, AGL_SYM_CTX_COUNT, NULL);

	if (p && card->cfg.contexts)
		put_le(p, card->cfg.contexts, 4);
}

static void combine(struct card *card)
{
	struct flower *f = card->flower;

	f->features = image_value(card, AGL_SYM_FEATURES, 0) &
		      (f->host_mask ? get_le(f->host_mask, 8) : ~0ULL);
	if (f->combined)
		put_le(f->combined, f->features, 8);
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
	unsigned int i;
	char name[64];

	snprintf(name, sizeof(name), AGL_SYM_APP_ID, 0);
	if (image_value(card, name, 0) != AGL_APP_FLOWER) {
		card_log(card, "firmware is not flower: nothing is forwarded");
		return;
	}
	profile_apply(card);
	contexts_apply(card);
	f->host_mask = image_symbol(card, AGL_SYM_HOST_MASK, NULL);
	f->combined = image_symbol(card, AGL_SYM_COMBINED, NULL);
	f->merge_hints = image_symbol(card, AGL_SYM_MERGE_ENABLE, NULL);
	f->contexts = image_value(card, AGL_SYM_CTX_COUNT, 1 << 17);
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

void flower_memory_written(struct card *card, const uint8_t *p)
{
	struct flower *f = card->flower;

	if (f->running && p && f->host_mask && p >= f->host_mask &&
	    p < f->host_mask + 8)
		combine(card);
}
