// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Accesses to BARs and vendor registers, and commands of the service processor
 * with buffers of any shape.
 */
#include "fuzz.h"

#define PF		(&host.card->vnics->pf)
#define BUFFER		(3u << 20)	/* in the host's memory */
#define WINDOW		((uint64_t)SYS_NSP & ((2u << 20) - 1))

static const uint32_t bar_size[] = {
	CARD_BAR0_SIZE, CARD_BAR2_SIZE, CARD_BAR4_SIZE
};

static void op_access(struct input *in)
{
	unsigned int what = take(in, 1), bar = what % 3;
	unsigned int size = 1 << (what >> 4) % 4;
	uint64_t addr = take(in, 4) % (bar_size[bar] - 7);

	if (what & 0x80)
		card_bar_read(host.card, 2 * bar, addr, size);
	else
		card_bar_write(host.card, 2 * bar, addr, take(in, size), size);
	host_run();
}

static void op_slot(struct input *in)
{
	unsigned int n = take(in, 1) % AGL_NUM_SLOTS;

	card_config_write(host.card, AGL_CFG_SLOT(n), take(in, 4));
}

/* A write to somewhere that matters: memory behind a window, or a queue */
static void op_memory(struct input *in)
{
	static const uint64_t where[] = {
		SYS_NSP, SYS_NFFW, SYS_HWINFO, 0x2002a00000ull, 0x2002be8000ull,
		0x2002bf0000ull, 0x2002705d10ull, 0x9c003d09c0ull,
	};
	uint64_t addr = where[take(in, 1) % ARRAY_SIZE(where)];
	unsigned int size = 1 << take(in, 1) % 4;

	addr += take(in, 2);
	card_config_write(host.card, AGL_CFG_SLOT(17),
			  FIELD_PREP(AGL_SLOT_MAP, AGL_SLOT_MAP_BULK) |
			  FIELD_PREP(AGL_SLOT_TARGET, AGL_CPP_TARGET_MU) |
			  FIELD_PREP(AGL_SLOT_BASE_BULK,
				     (addr & ~((2ull << 20) - 1)) >> 19));
	card_bar_write(host.card, 4, (2u << 20) + (addr & ((2u << 20) - 1)),
		       take(in, size), size);
	host_run();
}

static void op_queue(struct input *in)
{
	unsigned int off = take(in, 2) % 4 * 4 + take(in, 1) * AGL_QC_STRIDE;

	queue_write(host.card, off % AGL_QC_SIZE, take(in, 3));
	queue_read(host.card, off % AGL_QC_SIZE);
	host_run();
}

static void nsp_buffer(struct input *in, unsigned int how, uint8_t *bytes,
		       size_t len)
{
	uint64_t buffer = get_le(mem_ptr(host.card, SYS_NSP +
					 AGL_NSP_DFLT_BUFFER, 8), 8);
	uint8_t *list = host.memory + BUFFER, *p;
	unsigned int i, n = how >> 4;

	if (how & 1) {
		/* A list of chunks, some of them strange */
		put_le(list, how & 2 ? take(in, 4) : n, 4);
		for (i = 0; i < n; i++) {
			put_le(list + 16 + 16 * i, take(in, how & 4 ? 4 : 1), 4);
			put_le(list + 24 + 16 * i, how & 8 ? take(in, 5) :
			       BUFFER + 4096, 8);
		}
		memcpy(list + 4096, bytes, len);
		buffer = BUFFER;
	} else if (how & 2) {
		buffer = take(in, 8);
	} else {
		p = mem_ptr(host.card, buffer & AGL_NSP_BUFFER_ADDR, len);
		if (p)
			memcpy(p, bytes, len);
	}
	put_le(mem_ptr(host.card, SYS_NSP + AGL_NSP_BUFFER, 8), buffer, 8);
}

static void op_command(struct input *in)
{
	unsigned int code = take(in, 1) % 32, how = take(in, 1);
	uint32_t option = how & 0x80 ? take(in, 4) : take(in, 2);
	size_t len = take(in, 2) % 2048;
	uint8_t *bytes = take_bytes(in, len);
	unsigned int start = AGL_NSP_COMMAND_START |
			     (how & 1 ? AGL_NSP_COMMAND_DMA : 0);

	/* 64 MiB buffers are right, and only slow */
	option %= 4 << 20;
	nsp_buffer(in, how, bytes, len);
	card_bar_write(host.card, 4, WINDOW + AGL_NSP_COMMAND,
		       (uint64_t)option << 32 | code << 16 | start, 8);
	free(bytes);
	host_run();
}

static void op_vf(struct input *in)
{
	unsigned int vf = take(in, 1) % 64, bar = take(in, 1) & 2;
	uint64_t addr = take(in, 3) % (bar ? CARD_VF_BAR2_SIZE : CARD_VF_BAR0_SIZE);
	unsigned int size = 1 << take(in, 1) % 4;

	card_vf_bar_write(host.card, vf, bar, addr, take(in, size), size);
	card_vf_bar_read(host.card, vf, bar, addr, size);
	host_run();
}

static void op_frame(struct input *in)
{
	size_t len = take(in, 1);
	uint8_t *f = take_bytes(in, len);

	card_wire_in(host.card, take(in, 1) & 1, f, len);
	free(f);
}

static void op_other(struct input *in)
{
	unsigned int what = take(in, 1);

	host.now += 1000000ull * what;
	if (what & 1)
		card_flr(host.card, what >> 1);
	else if (what & 2)
		card_cable(host.card, what >> 2 & 3, what & 16);
	else
		card_timer(host.card);
}

static void (*const ops[])(struct input *in) = {
	op_access, op_slot, op_memory, op_queue, op_command, op_vf, op_frame,
	op_other, op_command, op_memory,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	host_card(NULL, true);
	host.dma_may_fail = true;
	host.bars = true;
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_vnic_up(PF, AGL_CTRL_RXCSUM);
	card_config_write(host.card, AGL_CFG_SLOT(0), 0x60000000);
	card_config_write(host.card, AGL_CFG_SLOT(16),
			  FIELD_PREP(AGL_SLOT_MAP, AGL_SLOT_MAP_BULK) |
			  FIELD_PREP(AGL_SLOT_TARGET, AGL_CPP_TARGET_MU) |
			  FIELD_PREP(AGL_SLOT_BASE_BULK, SYS_NSP >> 19));
	while (in.left)
		ops[take(&in, 1) % ARRAY_SIZE(ops)](&in);
	return 0;
}
