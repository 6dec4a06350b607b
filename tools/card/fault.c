// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults: the table of them, and those that are a matter of the slot and not
 * of the card: DMA that fails, interrupts that get lost, a card pulled out.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "chip/chip.h"
#include "vnic/vnic.h"
#include "flower/flower.h"

enum fault_kind {
	FAULT_FLAG,		/* 1 or 0 */
	FAULT_COUNT,		/* that often, 0 is off */
	FAULT_VALUE,		/* any number, or off */
	FAULT_OWN,		/* parses its value itself */
};

struct fault_type {
	const char *name;
	enum fault_kind kind;
	bool (*parse)(struct card_fault *f, const char *value);
	void (*print)(const struct card_fault *f, char *value, size_t len);
	void (*changed)(struct card *card);
	const char *help;
};

static bool parse_u32(const char *text, uint32_t *n)
{
	unsigned long long v;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoull(text, &end, 0);
	*n = v;
	return !*end && v <= UINT32_MAX;
}

/* delay:MS[:CODE] or err:E[:CODE] */
static bool nsp_parse(struct card_fault *f, const char *value)
{
	char what[8], code[16] = "", arg[16];
	int n, end = 0;

	n = sscanf(value, "%7[a-z]:%15[0-9]%n:%15[0-9]%n", what, arg, &end,
		   code, &end);
	if (n < 2 || value[end] || !parse_u32(arg, &f->value))
		return false;
	f->code = FAULT_NSP_ANY;
	f->delay = !strcmp(what, "delay");
	if (*code && !parse_u32(code, &f->code))
		return false;
	f->on = true;
	return f->delay || (!strcmp(what, "err") && f->value && f->value < 256);
}

static void nsp_print(const struct card_fault *f, char *value, size_t len)
{
	int n = snprintf(value, len, "%s:%" PRIu32, f->delay ? "delay" : "err",
			 f->value);

	if (f->code != FAULT_NSP_ANY)
		snprintf(value + n, len - n, ":%" PRIu32, f->code);
}

static const char *const flips[FLIPS] = {
	[FLIP_TTL] = "ttl",
	[FLIP_MAC] = "mac",
	[FLIP_ADDR] = "addr",
	[FLIP_PORT] = "port",
	[FLIP_VLAN] = "vlan",
	[FLIP_CSUM] = "csum",
	[FLIP_OUTPUT] = "output",
	[FLIP_BYTES] = "bytes",
};

static bool flip_parse(struct card_fault *f, const char *value)
{
	for (f->value = 0; f->value < FLIPS; f->value++)
		if (!strcmp(value, flips[f->value])) {
			f->on = true;
			return true;
		}
	return false;
}

static void flip_print(const struct card_fault *f, char *value, size_t len)
{
	snprintf(value, len, "%s", flips[f->value]);
}

static void ctrl_changed(struct card *card)
{
	card->ops->kick(card->host);
}

static void garbage_changed(struct card *card)
{
	struct card_fault *f = &card->fault[FAULT_CMSG_GARBAGE];
	uint32_t i;

	for (i = 0; f->on && i < f->value; i++)
		cmsg_send_garbage(card, card->garbage++);
	f->on = false;
}

/* What piled up while nobody did it */
static void surprise_changed(struct card *card)
{
	card_rearm(card);
	card->ops->kick(card->host);
}

static void updates_changed(struct card *card)
{
	if (!fault_on(card, FAULT_UPDATE_MUTE))
		vnics_resume(card);
}

static const struct fault_type types[FAULTS] = {
	[FAULT_NSP_STUCK] = {
		"nsp-stuck", FAULT_FLAG, NULL, NULL, nsp_resume,
		"the service processor takes no command; 0: it does what waits"
	},
	[FAULT_NSP] = {
		"nsp", FAULT_OWN, nsp_parse, nsp_print, nsp_resume,
		"delay:MS[:CODE] busy that long with each command, or with CODE; "
		"err:E[:CODE] it fails with E"
	},
	[FAULT_DROP_CMSG] = {
		"drop-cmsg", FAULT_COUNT, NULL, NULL, NULL,
		"the next N control messages from the host are lost"
	},
	[FAULT_DROP_REPLY] = {
		"drop-reply", FAULT_COUNT, NULL, NULL, NULL,
		"the next N control messages to the host are lost"
	},
	[FAULT_MUTE_TYPE] = {
		"mute-type", FAULT_VALUE, NULL, NULL, NULL,
		"the next control message of that type from the host is lost"
	},
	[FAULT_CTRL_DEAD] = {
		"ctrl-dead", FAULT_FLAG, NULL, NULL, ctrl_changed,
		"nobody takes what is on the control vNIC's transmit ring"
	},
	[FAULT_CMSG_GARBAGE] = {
		"cmsg-garbage", FAULT_COUNT, NULL, NULL, garbage_changed,
		"N hostile control messages at once: each type short, long, of "
		"ones, of noise; 272 are one of each"
	},
	[FAULT_STATS_BAD_CTX] = {
		"stats-bad-ctx", FAULT_COUNT, NULL, NULL, NULL,
		"the next N FLOW_STATS have one more record, of a context that "
		"isn't there"
	},
	[FAULT_STATS_HELD] = {
		"stats-held", FAULT_FLAG, NULL, NULL, stats_resume,
		"no FLOW_STATS are sent; 0: all that waits"
	},
	[FAULT_UPDATE_DEAD] = {
		"update-dead", FAULT_FLAG, NULL, NULL, vnics_resume,
		"no vNIC acknowledges a reconfiguration; 0: it does what waits"
	},
	[FAULT_UPDATE_MUTE] = {
		"update-mute", FAULT_COUNT, NULL, NULL, updates_changed,
		"the next N reconfigurations are not acknowledged; 0 or off: those "
		"that wait are done"
	},
	[FAULT_UPDATE_ERR] = {
		"update-err", FAULT_COUNT, NULL, NULL, NULL,
		"the next N reconfigurations are refused: nothing is applied"
	},
	[FAULT_QC_ONES] = {
		"qc-ones", FAULT_COUNT, NULL, NULL, NULL,
		"the next N reads of a queue's pointers give all ones"
	},
	[FAULT_SURPRISE] = {
		"surprise", FAULT_FLAG, NULL, NULL, surprise_changed,
		"pulled out: reads of BARs give all ones, writes and wires "
		"nothing, no DMA, no interrupt; 0: back as it was"
	},
	[FAULT_DMA_FAIL] = {
		"dma-fail", FAULT_COUNT, NULL, NULL, NULL,
		"the next N DMA operations fail: nothing is read or written"
	},
	[FAULT_FLIP] = {
		"flip", FAULT_OWN, flip_parse, flip_print, NULL,
		"an action that is done wrong: ttl, mac, addr, port, vlan, csum; "
		"output: frames of rules don't leave; bytes: one too many is counted"
	},
	[FAULT_IRQ_LOST] = {
		"irq-lost", FAULT_COUNT, NULL, NULL, NULL,
		"the next N interrupts don't arrive"
	},
	[FAULT_RX_OFFSET] = {
		"rx-offset", FAULT_VALUE, NULL, NULL, vnics_limits,
		"RX_OFFSET in the control BARs of PF and VFs"
	},
	[FAULT_START_TXQ] = {
		"start-txq", FAULT_VALUE, NULL, NULL, vnics_limits,
		"START_TXQ there"
	},
	[FAULT_MAX_MTU] = {
		"max-mtu", FAULT_VALUE, NULL, NULL, vnics_limits,
		"MAX_MTU there"
	},
	[FAULT_MAX_TXRINGS] = {
		"max-txrings", FAULT_VALUE, NULL, NULL, vnics_limits,
		"MAX_TXRINGS there"
	},
	[FAULT_MAX_RXRINGS] = {
		"max-rxrings", FAULT_VALUE, NULL, NULL, vnics_limits,
		"MAX_RXRINGS there"
	},
	[FAULT_CAP_OFF] = {
		"cap-off", FAULT_VALUE, NULL, NULL, vnics_limits,
		"bits that CAP of PF, VFs and representors doesn't have"
	},
	[FAULT_LOCK_HELD] = {
		"lock-held", FAULT_FLAG, NULL, NULL, resource_locks,
		"another interface holds the locks of the resource table"
	},
};

static bool fault_parse(const struct fault_type *t, struct card_fault *f,
			const char *value)
{
	if (!strcmp(value, "off"))
		return true;
	if (t->kind == FAULT_OWN)
		return t->parse(f, value);
	if (!parse_u32(value, &f->value))
		return false;
	f->on = t->kind == FAULT_VALUE || f->value;
	return t->kind != FAULT_FLAG || f->value < 2;
}

static bool fault_set(struct card *card, unsigned int id, const char *value)
{
	struct card_fault f = {};

	if (!fault_parse(&types[id], &f, value))
		return false;
	if (!card_enter(card))
		return false;
	card->fault[id] = f;
	card_event(card, EVENT_FAULT, id);
	if (types[id].changed)
		types[id].changed(card);
	card_leave(card);
	return true;
}

bool card_fault(struct card *card, const char *what)
{
	const char *eq = strchr(what, '=');
	unsigned int i;

	if (!strcmp(what, "off")) {
		for (i = 0; i < FAULTS; i++)
			if (card->fault[i].on)
				fault_set(card, i, "off");
		return true;
	}
	for (i = 0; eq && i < FAULTS; i++)
		if (!strncmp(what, types[i].name, eq - what) &&
		    !types[i].name[eq - what])
			return fault_set(card, i, eq + 1);
	return false;
}

void card_faults(struct card *card, card_fault_fn fn, void *opaque)
{
	char value[48];
	unsigned int i;

	for (i = 0; i < FAULTS; i++) {
		const struct card_fault *f = &card->fault[i];

		if (!f->on)
			strcpy(value, "off");
		else if (types[i].print)
			types[i].print(f, value, sizeof(value));
		else
			snprintf(value, sizeof(value), "%" PRIu32, f->value);
		fn(opaque, types[i].name, value, types[i].help);
	}
}

/* Between the card and its slot */

static bool dma_fails(struct card *card)
{
	card_spend(card, 1);
	return fault_on(card, FAULT_SURPRISE) || fault_take(card, FAULT_DMA_FAIL);
}

static bool slot_dma_read(void *host, int fn, uint64_t addr, void *buf,
			  size_t len)
{
	struct card *card = host;

	return !dma_fails(card) &&
	       card->slot->dma_read(card->slot_host, fn, addr, buf, len);
}

static bool slot_dma_write(void *host, int fn, uint64_t addr, const void *buf,
			   size_t len)
{
	struct card *card = host;

	return !dma_fails(card) &&
	       card->slot->dma_write(card->slot_host, fn, addr, buf, len);
}

static void slot_msix(void *host, int fn, unsigned int vector)
{
	struct card *card = host;

	if (fault_on(card, FAULT_SURPRISE) || fault_take(card, FAULT_IRQ_LOST))
		card->cnt.irqs_lost++;
	else
		card->slot->msix(card->slot_host, fn, vector);
}

static void slot_wire_out(void *host, unsigned int wire, const void *frame,
			  size_t len)
{
	struct card *card = host;

	if (fault_on(card, FAULT_SURPRISE))
		return;
	if (wire < CARD_MAX_WIRES)
		card_wire_event(card, wire);
	card->slot->wire_out(card->slot_host, wire, frame, len);
}

static void slot_kick(void *host)
{
	struct card *card = host;

	card->slot->kick(card->slot_host);
}

static void slot_timer(void *host, uint64_t deadline)
{
	struct card *card = host;

	card->slot->timer(card->slot_host, deadline);
}

static uint64_t slot_now(void *host)
{
	struct card *card = host;

	return card->slot->now(card->slot_host);
}

static void slot_log(void *host, const char *line)
{
	struct card *card = host;

	if (card->slot->log)
		card->slot->log(card->slot_host, line);
}

static const struct card_host slot_ops = {
	.dma_read = slot_dma_read,
	.dma_write = slot_dma_write,
	.msix = slot_msix,
	.wire_out = slot_wire_out,
	.kick = slot_kick,
	.timer = slot_timer,
	.now = slot_now,
	.log = slot_log,
};

void slot_init(struct card *card, const struct card_host *ops, void *host)
{
	card->slot = ops;
	card->slot_host = host;
	card->ops = &slot_ops;
	card->host = card;
}
