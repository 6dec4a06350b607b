/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CARD_FLOW_COUNTERS_H
#define CARD_FLOW_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/* What a statistics context has counted since its last report */
struct flow_counters {
	struct flow_counters *dirty_next;
	bool dirty;
	uint32_t ctx;
	uint64_t cookie;
	uint64_t packets;
	uint64_t bytes;
};

#endif
