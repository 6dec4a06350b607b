/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CARD_EVENT_H
#define CARD_EVENT_H

#include <stdint.h>

#define CARD_EVENTS	256

/* What @arg is */
enum card_event_kind {
	EVENT_CABLE_OUT,	/* wire */
	EVENT_CABLE_IN,
	EVENT_FROM_HOST,	/* type of a control message */
	EVENT_TO_HOST,
	EVENT_RECONFIG,		/* first natural queue of the vNIC */
	EVENT_RESET,
	EVENT_FIRMWARE,
	EVENT_FAULT,		/* place in the list of them */
};

struct card_event {
	enum card_event_kind kind;
	uint32_t arg;
	uint32_t count;
	uint64_t first;		/* ns */
	uint64_t last;
};

/* Frames out of a wire since a cable was last plugged or pulled; 0: none */
struct wire_times {
	uint64_t first_out;	/* ns */
	uint64_t last_out;
};

#endif
