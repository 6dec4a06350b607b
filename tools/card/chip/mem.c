// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memories behind target 7, sparse: pages exist once they are touched.
 */
#define _DEFAULT_SOURCE
#include <sys/mman.h>

#include "chip.h"

#define EMEM_SIZE	(4ULL << 30)
#define CACHE_SIZE	(8u << 20)
#define IMEM_SIZE	(4u << 20)
#define ARM_SIZE	(16u << 20)
#define CTM_SIZE	(256u << 10)

static size_t island_size(unsigned int island)
{
	switch (island) {
	case 1:
		return ARM_SIZE;
	case 24 ... 26:
		return CACHE_SIZE;
	case 28:
	case 29:
		return IMEM_SIZE;
	default:
		return CTM_SIZE;
	}
}

static uint8_t *area_ptr(struct mem_area *area, size_t size, uint64_t off,
			 size_t len)
{
	void *p;

	if (off >= size || len > size - off)
		return NULL;
	if (!area->p) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		area->p = p;
		area->size = size;
	}
	return area->p + off;
}

uint8_t *mem_ptr(struct card *card, uint64_t addr, size_t len)
{
	uint64_t locality = addr >> AGL_MU_LOCALITY_SHIFT & 3;
	unsigned int island;

	if (locality == AGL_MU_LOCALITY_DIRECT) {
		island = FIELD_GET(AGL_MU_ISLAND, addr);
		return area_ptr(&card->island[island], island_size(island),
				addr & 0xffffffff, len);
	}
	/* Plain addresses: bit 37 says external memory, [36:35] which unit */
	if (locality || !(addr >> 37 & 1) || (addr >> 35 & 3) > 2)
		return NULL;
	return area_ptr(&card->emem[addr >> 35 & 3], EMEM_SIZE,
			addr & ((1ULL << 35) - 1), len);
}

/* The translation that IMB word 0x7600 stands for, 01-platform.md 2.4 */
uint64_t mem_addr(unsigned int island, uint64_t offset, bool direct)
{
	if (!direct && island >= 24 && island <= 26)
		return 1ULL << 37 | (uint64_t)(island - 24) << 35 | offset;
	return AGL_MU_LOCALITY_DIRECT << AGL_MU_LOCALITY_SHIFT |
	       (uint64_t)island << 32 | offset;
}

static void area_clear(struct mem_area *area)
{
	if (area->p)
		madvise(area->p, area->size, MADV_DONTNEED);
}

/* All but island 1, where the service processor keeps its tables */
void mem_clear_firmware(struct card *card)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(card->island); i++)
		if (i != 1)
			area_clear(&card->island[i]);
	for (i = 0; i < ARRAY_SIZE(card->emem); i++)
		area_clear(&card->emem[i]);
}

void mem_listen(struct card *card, const uint8_t *p, size_t size,
		void (*written)(struct card *card, size_t off, size_t size))
{
	if (p && card->listening < CARD_LISTENERS)
		card->listeners[card->listening++] =
			(struct listener) { p, size, written };
}

void mem_listen_none(struct card *card)
{
	card->listening = 0;
}

/* The host wrote @size bytes at @p */
void mem_written(struct card *card, const uint8_t *p, size_t size)
{
	unsigned int i;

	for (i = 0; i < card->listening; i++) {
		const struct listener *l = &card->listeners[i];
		const uint8_t *from = p > l->p ? p : l->p;
		const uint8_t *to = p + size < l->p + l->size ? p + size :
								l->p + l->size;

		if (from < to)
			l->written(card, from - l->p, to - from);
	}
}

void mem_free(struct card *card)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(card->island); i++)
		if (card->island[i].p)
			munmap(card->island[i].p, card->island[i].size);
	for (i = 0; i < ARRAY_SIZE(card->emem); i++)
		if (card->emem[i].p)
			munmap(card->emem[i].p, card->emem[i].size);
}
