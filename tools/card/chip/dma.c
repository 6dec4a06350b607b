// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Host memory, which may not answer: no bus mastering, no mapping.
 */
#include "chip.h"

bool dma_read(struct card *card, int fn, uint64_t addr, void *buf, size_t len)
{
	if (!len || card->ops->dma_read(card->host, fn, addr, buf, len))
		return true;
	card->cnt.dma_errors++;
	memset(buf, 0, len);
	return false;
}

bool dma_write(struct card *card, int fn, uint64_t addr, const void *buf,
	       size_t len)
{
	if (!len || card->ops->dma_write(card->host, fn, addr, buf, len))
		return true;
	card->cnt.dma_errors++;
	return false;
}
