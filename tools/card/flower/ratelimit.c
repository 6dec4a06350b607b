// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions that the host is asked once in a while and not once a packet: for
 * each subject its own limit. A subject has a few places of a hash; while
 * none of them is free it has to wait, which is a limit as well.
 */
#include "flower.h"

#define WAYS	8

bool rate_limit(struct rate_limits *l, const void *key, size_t len, uint64_t now)
{
	struct rate_limit *free = NULL, *r;
	const uint8_t *p = key;
	uint32_t h = 2166136261u;
	unsigned int i;

	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	h ^= h >> 16;
	for (i = 0; i < WAYS; i++) {
		r = &l->r[(h + i) % RATE_LIMITS];
		if (r->until <= now)
			free = free ? free : r;
		else if (r->len == len && !memcmp(r->key, key, len))
			return false;
	}
	if (!free)
		return false;
	memcpy(free->key, key, len);
	free->len = len;
	free->until = now + l->every;
	return true;
}
