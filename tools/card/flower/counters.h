/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CARD_FLOW_COUNTERS_H
#define CARD_FLOW_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* What a statistics context has counted since its last report */
struct flow_counters {
	TAILQ_ENTRY(flow_counters) link;
	bool dirty;		/* on the list of what is to be reported */
	uint32_t ctx;
	uint64_t cookie;
	uint64_t packets;
	uint64_t bytes;
};

TAILQ_HEAD(flow_counters_list, flow_counters);

/* The last counts of a rule that is gone; the host had no buffer yet */
struct final_counters {
	STAILQ_ENTRY(final_counters) link;
	uint32_t ctx;
	uint64_t cookie;
	uint64_t packets;
	uint64_t bytes;
};

STAILQ_HEAD(final_counters_list, final_counters);

#endif
