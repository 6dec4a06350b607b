/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share: bytes to be eaten, and the tests' host with
 * memory that may not answer and BARs that DMA reaches.
 */
#ifndef CARD_FUZZ_H
#define CARD_FUZZ_H

#include "tests/host.h"

struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	for (; bytes--; in->left -= in->left > 0)
		v = v << 8 | (in->left ? *in->p++ : 0);
	return v;
}

/* Bytes in memory of their own, so that the first one behind is seen */
static inline uint8_t *take_bytes(struct input *in, size_t n)
{
	uint8_t *p = malloc(n + !n);

	if (n > in->left)
		n = in->left;
	memcpy(p, in->p, n);
	in->p += n;
	in->left -= n;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
