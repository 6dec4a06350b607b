// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A card: put together, driven, looked at, taken apart.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "chip/chip.h"
#include "vnic/vnic.h"
#include "flower/flower.h"

#define LOG_LINES	50
#define LOG_NS		1000000000ULL

/* What the guest can cause it can cause often: so many lines a second */
static bool log_wanted(struct card *card)
{
	uint64_t now = card->ops->now(card->host);
	unsigned int lost = card->log.lost;
	char line[64];

	if (card->log.lines && now - card->log.since < LOG_NS) {
		card->log.lost += card->log.lines == LOG_LINES;
		return card->log.lines < LOG_LINES && ++card->log.lines;
	}
	card->log.since = now;
	card->log.lines = 1;
	card->log.lost = 0;
	if (lost) {
		snprintf(line, sizeof(line), "%u more lines were not shown", lost);
		card->ops->log(card->host, line);
	}
	return true;
}

void card_log(struct card *card, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!log_wanted(card))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	card->ops->log(card->host, line);
}

bool card_enter(struct card *card)
{
	if (card->inside) {
		card->cnt.reentered++;
		return false;
	}
	card->inside = true;
	return true;
}

void card_leave(struct card *card)
{
	card->inside = false;
}

void card_config_default(struct card_config *cfg)
{
	*cfg = (struct card_config) {
		.board = "AMDA0099",
		.profile = "2.14",
		.nsp_minor = 39,
		.nsp_dma = true,
		.stats_ms = 1000,
		.active_ms = 5000,
		.flow_overhead = 14,
	};
}

static const char *config_wrong(const struct card_config *cfg)
{
	if (!board_find(cfg->board))
		return "board must be AMDA0081, AMDA0096, AMDA0097 or AMDA0099";
	if (strcmp(cfg->profile, "2.14") && strcmp(cfg->profile, "full") &&
	    strcmp(cfg->profile, "old"))
		return "profile must be 2.14, full or old";
	if (!cfg->stats_ms || !cfg->active_ms)
		return "stats-ms and active-ms must not be 0";
	return NULL;
}

static void firmware_load(struct card *card)
{
	vnics_bind(card);
	flower_start(card);
}

static void firmware_unload(struct card *card)
{
	flower_stop(card);
	vnics_unbind(card);
}

/* Rooms below call up only by way of these */
static const struct card_firmware_ops firmware_ops = {
	.load = firmware_load,
	.unload = firmware_unload,
	.port_changed = flower_port_changed,
	.vnic_changed = flower_vnic_changed,
	.vf_link = flower_vf_link,
	.cmsg = flower_cmsg,
	.from_host = flower_from_host,
	.qc_read = queue_read,
	.qc_write = queue_write,
};

struct card *card_new(const struct card_config *cfg, const struct card_host *ops,
		      void *host, const char **err)
{
	struct card *card;

	*err = config_wrong(cfg);
	if (*err)
		return NULL;
	*err = "out of memory";
	card = calloc(1, sizeof(*card));
	if (!card)
		return NULL;
	card->cfg = *cfg;
	slot_init(card, ops, host);
	card->fw = &firmware_ops;
	card->board = board_find(cfg->board);
	card->cfg.serial_low += card->board->dsn[5];
	card->vnics = calloc(1, sizeof(*card->vnics));
	card->flower = calloc(1, sizeof(*card->flower));
	if (!card->vnics || !card->flower || !table_init(card)) {
		card_free(card);
		return NULL;
	}
	card->flower->deferred_end = &card->flower->deferred;
	stats_init(card);
	*err = "no such media configuration on this board";
	if (!board_apply_media(card, cfg->media ? cfg->media :
			       card->board->media)) {
		card_free(card);
		return NULL;
	}
	resource_init(card);
	hwinfo_init(card);
	nsp_init(card);
	image_unload(card);
	return card;
}

void card_free(struct card *card)
{
	if (!card)
		return;
	if (card->flower && card->flower->buckets) {
		table_clear(card);
		tunnel_clear(card);
		stats_clear(card);
		pipeline_clear(card);
		free(card->flower->buckets);
	}
	free(card->flower);
	free(card->vnics);
	mem_free(card);
	free(card);
}

uint64_t card_serial_number(const struct card *card)
{
	const uint8_t *d = card->board->dsn;
	uint16_t ifc = FIELD_PREP(AGL_IFC_TYPE, AGL_IFC_TYPE_PCI) |
		       AGL_IFC_CHANNEL_PCI;

	return (uint64_t)get_be32(d) << 32 | (uint64_t)d[4] << 24 |
	       (uint64_t)card->cfg.serial_low << 16 | ifc;
}

/* 0 is never */
static uint64_t earlier(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/*
 * There is one timer and there are several things to wait for. Only this
 * function sets it, to the first of them; whoever changes a deadline calls it.
 */
void card_rearm(struct card *card)
{
	uint64_t at = card->vnics->deadline;

	at = earlier(at, card->flower->stats_at);
	at = earlier(at, card->flower->tun.active_at);
	at = earlier(at, card->nsp_at);
	if (fault_on(card, FAULT_SURPRISE))
		at = 0;
	if (at == card->timer_at)
		return;
	card->timer_at = at;
	card->ops->timer(card->host, at);
}

void card_timer(struct card *card)
{
	uint64_t now = card->ops->now(card->host);

	if (!card_enter(card))
		return;
	card_budget(card);
	if (!fault_on(card, FAULT_SURPRISE)) {
		nsp_timer(card, now);
		stats_timer(card, now);
		tunnel_timer(card, now);
		irq_timer(card, now);
	}
	/* It has fired, or somebody looks after it: set it in any case */
	card->timer_at = CARD_TIMER_UNKNOWN;
	card_rearm(card);
	card_leave(card);
}

void card_run(struct card *card)
{
	struct vnics *n = card->vnics;
	bool more = false;
	unsigned int i;

	if (fault_on(card, FAULT_SURPRISE) || !card_enter(card))
		return;
	card_budget(card);
	more |= pipeline_drain(card);
	/* What goes in a circle must not keep the host's packets away */
	card_budget(card);
	/* Control messages first: a rule is there before the packets after it */
	if (!fault_on(card, FAULT_CTRL_DEAD))
		more |= vnic_tx_run(&n->ctrl);
	more |= vnic_tx_run(&n->pf);
	for (i = 0; i < n->vfs && card_may_spend(card); i++)
		more |= vnic_tx_run(&n->vf[(n->first_vf + i) % n->vfs]);
	if (i < n->vfs) {
		/* They get their turn first */
		n->first_vf = (n->first_vf + i) % n->vfs;
		more = true;
	}
	more |= pipeline_drain(card);
	stats_finals(card);
	if (more)
		card->ops->kick(card->host);
	card_leave(card);
}

uint64_t card_vf_bar_read(struct card *card, unsigned int vf, unsigned int bar,
			  uint64_t addr, unsigned int size)
{
	struct vnics *n = card->vnics;

	if (vf >= n->vfs || card->inside || fault_on(card, FAULT_SURPRISE))
		return ~0ULL;
	if (bar == 0)
		return addr + size <= AGL_CB_SIZE ?
		       get_le(n->vf[vf].cb + addr, size) : 0;
	if (addr >= AGL_QC_PER_RING * AGL_QC_STRIDE)
		return 0;
	return queue_read(card, AGL_QC_PER_RING * AGL_QC_STRIDE *
			  n->vf[vf].natural + addr);
}

void card_vf_bar_write(struct card *card, unsigned int vf, unsigned int bar,
		       uint64_t addr, uint64_t val, unsigned int size)
{
	struct vnics *n = card->vnics;

	if (fault_on(card, FAULT_SURPRISE) || !card_enter(card))
		return;
	if (vf < n->vfs && !bar && addr + size <= AGL_CB_SIZE) {
		put_le(n->vf[vf].cb + addr, val, size);
		vnic_written(&n->vf[vf], addr, size);
	} else if (vf < n->vfs && bar &&
		   addr < AGL_QC_PER_RING * AGL_QC_STRIDE) {
		queue_write(card, AGL_QC_PER_RING * AGL_QC_STRIDE *
			    n->vf[vf].natural + addr, val);
	}
	card_leave(card);
}

unsigned int card_wires(const struct card *card)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(card->ports); i++)
		n += card->ports[i].present;
	return n;
}

void card_cable(struct card *card, unsigned int wire, bool plugged)
{
	unsigned int i;

	if (!card_enter(card))
		return;
	for (i = 0; i < ARRAY_SIZE(card->ports); i++) {
		struct phys_port *p = &card->ports[i];

		if (!p->present || p->wire != wire || p->cable == plugged)
			continue;
		p->cable = plugged;
		card_event(card, plugged ? EVENT_CABLE_IN : EVENT_CABLE_OUT, wire);
		flower_port_changed(card, p);
	}
	card_leave(card);
}

void card_counters(struct card *card, card_counter_fn fn, void *opaque)
{
	unsigned int i;
	char name[32];

#define X(n) fn(opaque, #n, card->cnt.n);
	CARD_COUNTERS(X)
#undef X
	fn(opaque, "rules", card->flower->rules);
	fn(opaque, "rules_limit", card->flower->contexts);
	fn(opaque, "masks", card->flower->masks_used);
	fn(opaque, "masks_limit", AGL_MASK_ID_MAX);
	fn(opaque, "tun_macs", card->flower->tun.macs_used);
	fn(opaque, "tun_ips", card->flower->tun.ips_used);
	fn(opaque, "tun_ips6", card->flower->tun.ips6_used);
	fn(opaque, "neighs", card->flower->tun.neighs_used);
	fn(opaque, "neighs_limit", NEIGH_LIMIT);
	fn(opaque, "features", card->flower->features);
	fn(opaque, "firmware_loaded", card->image.loaded);
	fn(opaque, "now_ns", card->ops->now(card->host));
	for (i = 0; i < CARD_MAX_WIRES; i++) {
		snprintf(name, sizeof(name), "wire%u_first_out_ns", i);
		fn(opaque, name, card->wire_times[i].first_out);
		snprintf(name, sizeof(name), "wire%u_last_out_ns", i);
		fn(opaque, name, card->wire_times[i].last_out);
	}
}
