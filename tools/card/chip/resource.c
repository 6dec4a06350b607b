// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The resource table and the checksum that names its entries.
 * 01-platform.md section 3.
 */
#include "chip.h"

#define RESOURCES	5	/* what resource_init() adds */
#define OTHER_IFC	0x0a11

static uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
	int bit;

	crc ^= (uint32_t)byte << 24;
	for (bit = 0; bit < 8; bit++)
		crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
	return crc;
}

/* POSIX cksum: CRC over the data, then over its length */
uint32_t cksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = 0;
	size_t i;

	for (i = 0; i < len; i++)
		crc = crc_byte(crc, p[i]);
	for (i = len; i; i >>= 8)
		crc = crc_byte(crc, i);
	return ~crc;
}

static void resource_add(struct card *card, unsigned int n, const char *name,
			 uint64_t addr, uint32_t size)
{
	struct agl_res_entry *e;

	e = (void *)mem_ptr(card, AGL_RES_TABLE_ADDR + n * sizeof(*e),
			    sizeof(*e));
	memcpy(e->name, name, strlen(name));
	e->key = htole32(n ? cksum(e->name, sizeof(e->name)) :
			 AGL_RES_TABLE_KEY);
	e->target = AGL_CPP_TARGET_MU;
	e->action = AGL_CPP_ACTION_RW;
	e->page_offset = htole32(addr >> AGL_RES_PAGE_SHIFT);
	e->page_count = htole32(size >> AGL_RES_PAGE_SHIFT);
}

/* FAULT_LOCK_HELD */
void resource_locks(struct card *card)
{
	bool held = fault_on(card, FAULT_LOCK_HELD);
	struct agl_res_entry *e;
	unsigned int n;

	for (n = 0; n < RESOURCES; n++) {
		e = (void *)mem_ptr(card, AGL_RES_TABLE_ADDR + n * sizeof(*e),
				    sizeof(*e));
		e->lock = htole32(held ? AGL_MUTEX_LOCKED(OTHER_IFC) :
					 AGL_MUTEX_UNLOCKED(OTHER_IFC));
	}
}

void resource_init(struct card *card)
{
	resource_add(card, 0, AGL_RES_NAME_TABLE, AGL_RES_TABLE_ADDR,
		     AGL_RES_TABLE_SIZE);
	resource_add(card, 1, AGL_RES_NAME_NSP, SYS_NSP, 0x100);
	resource_add(card, 2, AGL_RES_NAME_HWINFO, SYS_HWINFO, SYS_HWINFO_SIZE);
	resource_add(card, 3, AGL_RES_NAME_NFFW, SYS_NFFW, 0x1000);
	resource_add(card, 4, AGL_RES_NAME_DIAG, SYS_DIAG, SYS_DIAG_SIZE);
}
