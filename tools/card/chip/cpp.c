// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The internal bus: memory with its atomics, XPB, ARM and the queue
 * controller. 01-platform.md section 2.
 */
#include "chip.h"

/* 04-firmware-image.md section 1.8 */
static const uint32_t imb_words[16] = {
	[1] = 0x5288, [2] = 0x2618, [6] = 0x5cb0, [7] = 0x7600, [9] = 0x5184,
	[10] = 0x2041, [12] = 0x4300, [14] = 0x2040, [15] = 0x1000,
};

static uint32_t xpb_read(uint64_t addr)
{
	if (addr == AGL_XPB_PL_DEVICE_ID)
		return 0x62006020;
	if (addr >= AGL_XPB_IMB_TABLE && addr < AGL_XPB_IMB_TABLE + 64)
		return imb_words[(addr - AGL_XPB_IMB_TABLE) / 4];
	return 0;
}

static uint64_t mu_read(struct card *card, unsigned int action,
			unsigned int token, uint64_t addr, unsigned int size)
{
	uint8_t *p = mem_ptr(card, addr, size);
	uint64_t old;

	if (!p) {
		card->cnt.cpp_unmapped++;
		return 0;
	}
	old = get_le(p, size);
	if (action == AGL_MU_TEST_SET_IMM_ACTION &&
	    token == AGL_MU_TEST_SET_IMM_TOKEN)
		put_le(p, old | AGL_MU_TEST_SET_IMM_BITS << (addr & 4), size);
	else if (action > 1 && action != AGL_MU_ATOMIC_READ_ACTION)
		card->cnt.cpp_bad++;
	return old;
}

uint64_t cpp_read(struct card *card, unsigned int target, unsigned int action,
		  unsigned int token, uint64_t addr, unsigned int size)
{
	switch (target) {
	case AGL_CPP_TARGET_MU:
		return mu_read(card, action, token, addr, size);
	case AGL_CPP_TARGET_XPB:
		return xpb_read(addr);
	case AGL_CPP_TARGET_ARM:
		return 0;
	case AGL_CPP_TARGET_LOCAL:
		if (addr >= AGL_QC_BASE && addr < AGL_QC_BASE + AGL_QC_SIZE)
			return card->fw->qc_read(card, addr - AGL_QC_BASE);
		return 0;
	default:
		card->cnt.cpp_bad++;
		return 0;
	}
}

void cpp_write(struct card *card, unsigned int target, unsigned int action,
	       unsigned int token, uint64_t addr, uint64_t val,
	       unsigned int size)
{
	uint8_t *p;

	if (target == AGL_CPP_TARGET_LOCAL) {
		if (addr >= AGL_QC_BASE && addr < AGL_QC_BASE + AGL_QC_SIZE)
			card->fw->qc_write(card, addr - AGL_QC_BASE, val);
		return;
	}
	if (target != AGL_CPP_TARGET_MU || token ||
	    (action != 1 && action != AGL_MU_ATOMIC_WRITE_ACTION)) {
		card->cnt.cpp_bad++;
		return;
	}
	p = mem_ptr(card, addr, size);
	if (!p) {
		card->cnt.cpp_unmapped++;
		return;
	}
	put_le(p, val, size);
	if (addr + size > SYS_NSP + AGL_NSP_COMMAND &&
	    addr < SYS_NSP + AGL_NSP_COMMAND + 8)
		nsp_command(card);
	else
		mem_written(card, p, size);
}
