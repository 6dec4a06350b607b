// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a PCI BAR access to a bus command: the slots. 01-platform.md 2.6.
 */
#include "chip.h"

static const unsigned int slot_order[AGL_NUM_BARS] = { 24, 23, 21 };

struct cpp_cmd {
	unsigned int target;
	unsigned int action;
	unsigned int token;
	uint64_t addr;
};

/* Slot 0.0 as a window onto the PCIe unit: SRAM, then the CSRs */
static uint64_t general_read(struct card *card, uint64_t off, unsigned int size)
{
	if (off + size <= sizeof(card->sram))
		return get_le(card->sram + off, size);
	if (off >= AGL_CSR_BASE && off + size <= AGL_CSR_END)
		return get_le((uint8_t *)card->csr + off - AGL_CSR_BASE, size);
	if (off >= AGL_QC_BASE && off + size <= AGL_QC_BASE + AGL_QC_SIZE)
		return cpp_read(card, AGL_CPP_TARGET_LOCAL, 0, 0, off, size);
	return 0;
}

static void general_write(struct card *card, uint64_t off, uint64_t val,
			  unsigned int size)
{
	if (off + size <= sizeof(card->sram)) {
		put_le(card->sram + off, val, size);
	} else if (off >= AGL_CSR_BASE && off + size <= AGL_CSR_END) {
		put_le((uint8_t *)card->csr + off - AGL_CSR_BASE, val, size);
		for (; size >= 4; size -= 4, off += 4, val >>= 32)
			if (off < AGL_CSR_SLOT(AGL_NUM_SLOTS) && off % 4 == 0)
				card->slots[(off - AGL_CSR_BASE) / 4] = val;
	} else if (off >= AGL_QC_BASE &&
		   off + size <= AGL_QC_BASE + AGL_QC_SIZE) {
		cpp_write(card, AGL_CPP_TARGET_LOCAL, 1, 0, off, val, size);
	}
}

/* Return: false if the slot has no bus command of its own */
static bool slot_decode(struct card *card, uint32_t word, unsigned int order,
			uint64_t off, bool write, struct cpp_cmd *cmd)
{
	uint64_t window = ~((1ULL << order) - 1);

	cmd->target = FIELD_GET(AGL_SLOT_TARGET, word);
	cmd->token = FIELD_GET(AGL_SLOT_TOKEN, word);
	switch (FIELD_GET(AGL_SLOT_MAP, word)) {
	case AGL_SLOT_MAP_BULK:
	case AGL_SLOT_MAP_TARGET:
		cmd->action = write;
		cmd->addr = (FIELD_GET(AGL_SLOT_BASE_BULK, word) <<
			     AGL_SLOT_BASE_BULK_SHIFT & window) + off;
		return true;
	case AGL_SLOT_MAP_FIXED:
		cmd->action = FIELD_GET(AGL_SLOT_ACTION, word);
		cmd->addr = (FIELD_GET(AGL_SLOT_BASE_FIXED, word) <<
			     AGL_SLOT_BASE_FIXED_SHIFT & window) + off;
		return true;
	default:
		card->cnt.explicit_kicks++;
		card_log(card, "unaligned access attempted, slot word %08x", word);
		return false;
	}
}

static bool is_general(uint32_t word)
{
	return FIELD_GET(AGL_SLOT_MAP, word) == AGL_SLOT_MAP_GENERAL;
}

static uint64_t slot_read(struct card *card, uint32_t word, unsigned int order,
			  uint64_t off, unsigned int size)
{
	struct cpp_cmd cmd;

	if (fault_on(card, FAULT_SURPRISE))
		return ~0ULL;
	if (is_general(word))
		return general_read(card, off, size);
	if (!slot_decode(card, word, order, off, false, &cmd))
		return 0;
	return cpp_read(card, cmd.target, cmd.action, cmd.token, cmd.addr, size);
}

static void slot_write(struct card *card, uint32_t word, unsigned int order,
		       uint64_t off, uint64_t val, unsigned int size)
{
	struct cpp_cmd cmd;

	if (fault_on(card, FAULT_SURPRISE))
		return;
	if (is_general(word))
		general_write(card, off, val, size);
	else if (slot_decode(card, word, order, off, true, &cmd))
		cpp_write(card, cmd.target, cmd.action, cmd.token, cmd.addr, val,
			  size);
}

/* Return: order of the BAR's slots, *n is the one that @addr falls into */
static unsigned int slot_of(unsigned int bar, uint64_t addr, unsigned int *n)
{
	unsigned int order = slot_order[bar / 2];

	*n = bar / 2 * AGL_SLOTS_PER_BAR +
	     (addr >> order) % AGL_SLOTS_PER_BAR;
	return order;
}

uint64_t card_bar_read(struct card *card, unsigned int bar, uint64_t addr,
		       unsigned int size)
{
	unsigned int n, order = slot_of(bar, addr, &n);
	uint64_t val;

	if (!card_enter(card))
		return ~0ULL;
	val = slot_read(card, card->slots[n], order,
			addr & ((1ULL << order) - 1), size);
	card_leave(card);
	return val;
}

void card_bar_write(struct card *card, unsigned int bar, uint64_t addr,
		    uint64_t val, unsigned int size)
{
	unsigned int n, order = slot_of(bar, addr, &n);

	if (!card_enter(card))
		return;
	slot_write(card, card->slots[n], order, addr & ((1ULL << order) - 1),
		   val, size);
	card_leave(card);
}

void card_config_write(struct card *card, uint32_t addr, uint32_t val)
{
	if (!card->inside && addr >= AGL_CFG_SLOT(0) && addr < AGL_CFG_SLOT(AGL_NUM_SLOTS))
		card->slots[(addr - AGL_CFG_SLOT(0)) / 4] = val;
}
