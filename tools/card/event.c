// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happened last, with the time that it happened: for tests of how long
 * something takes. Events that follow their like are one with a count, so
 * that a thousand rules don't push a cable out of the ring.
 */
#include <inttypes.h>

#include "chip/chip.h"

static const char *const kinds[] = {
	[EVENT_CABLE_OUT] = "cable-out",
	[EVENT_CABLE_IN] = "cable-in",
	[EVENT_FROM_HOST] = "from-host",
	[EVENT_TO_HOST] = "to-host",
	[EVENT_RECONFIG] = "reconfig",
	[EVENT_RESET] = "reset",
	[EVENT_FIRMWARE] = "firmware",
	[EVENT_FAULT] = "fault",
};

void card_event(struct card *card, enum card_event_kind kind, uint32_t arg)
{
	uint64_t now = card->ops->now(card->host);
	struct card_event *e;

	if (card->events) {
		e = &card->event[(card->events - 1) % CARD_EVENTS];
		if (e->kind == kind && e->arg == arg) {
			e->last = now;
			e->count++;
			return;
		}
	}
	e = &card->event[card->events++ % CARD_EVENTS];
	e->kind = kind;
	e->arg = arg;
	e->first = now;
	e->last = now;
	e->count = 1;
	if (kind == EVENT_CABLE_IN || kind == EVENT_CABLE_OUT)
		memset(card->wire_times, 0, sizeof(card->wire_times));
}

void card_events(struct card *card, card_event_fn fn, void *opaque)
{
	unsigned int from = 0, i;

	if (card->events > CARD_EVENTS)
		from = card->events - CARD_EVENTS;
	for (i = from; i < card->events; i++) {
		const struct card_event *e = &card->event[i % CARD_EVENTS];

		fn(opaque, e->first, e->last, e->count, kinds[e->kind], e->arg);
	}
}

void card_wire_event(struct card *card, unsigned int wire)
{
	struct wire_times *t = &card->wire_times[wire];

	t->last_out = card->ops->now(card->host);
	if (!t->first_out)
		t->first_out = t->last_out;
}
