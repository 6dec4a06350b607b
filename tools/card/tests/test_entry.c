// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A host that lets DMA through to the card's own BARs: nothing of it may have
 * an effect, least of all in the middle of a packet.
 */
#include "host.h"

#define PF	(&host.card->vnics->pf)
#define CTRL	(&host.card->vnics->ctrl)
#define VF0	(&host.card->vnics->vf[0])
#define WINDOW	((uint64_t)SYS_NSP & ((2u << 20) - 1))

static void setup(void)
{
	host_card(NULL, true);
	host.bars = true;
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_vnic_up(VF0, 0);
	host_vnic_up(PF, AGL_CTRL_RXCSUM);
	/* The first window of BAR 4 shows the service processor's registers */
	card_config_write(host.card, AGL_CFG_SLOT(16),
			  FIELD_PREP(AGL_SLOT_MAP, AGL_SLOT_MAP_BULK) |
			  FIELD_PREP(AGL_SLOT_TARGET, AGL_CPP_TARGET_MU) |
			  FIELD_PREP(AGL_SLOT_BASE_BULK, SYS_NSP >> 19));
	CHECK(card_bar_read(host.card, 4, WINDOW + AGL_NSP_STATUS, 8) ==
	      get_le(mem_ptr(host.card, SYS_NSP, 8), 8));
}

/* The next buffer of a vNIC's ring is somewhere in BAR 4 */
static void buffer_at(struct vnic *v, uint64_t off)
{
	union agl_rx_desc d = {};

	d.fld.addr_hi = htole16((HOST_BARS + off) >> 32);
	d.fld.addr_lo = htole32(HOST_BARS + off);
	memcpy(host.memory + get_le(v->cb + AGL_CB_RXR_ADDR(0), 8) +
	       (queue_fl(v, 0)->rptr & (RING_SIZE - 1)) * 8, &d, 8);
}

/* A frame whose first bytes are a soft reset */
static void frame_of_reset(uint8_t *f)
{
	memset(f, 0, 64);
	put_le(f, FIELD_PREP(AGL_NSP_COMMAND_CODE, AGL_NSP_SOFT_RESET) |
	       AGL_NSP_COMMAND_START, 8);
}

static void test_receive(void)
{
	uint8_t f[64];

	test_begin("a receive buffer at the NSP's registers resets nothing");
	setup();
	frame_of_reset(f);
	/* A miss: behind eight bytes of metadata */
	buffer_at(PF, WINDOW + AGL_NSP_COMMAND - 8);
	card_wire_in(host.card, 0, f, sizeof(f));
	CHECK(host_counter("resets") == 0 && host_counter("firmware_loaded"));
	CHECK(host_counter("reentered") > 0);
	card_wire_in(host.card, 0, f, sizeof(f));
	CHECK(host_counter("fallbacks") == 2);

	test_begin("nor does one of a VF, sent by the PF");
	host_port_up(AGL_PORT_VF(0, 0));
	frame_of_reset(f);
	memmove(f + 8, f, 32);
	put_be32(f, AGL_META_PORTID);
	put_be32(f + 4, AGL_PORT_VF(0, 0));
	buffer_at(VF0, WINDOW + AGL_NSP_COMMAND);
	host_tx(PF, f, 64, 8, NULL);
	CHECK(host_counter("resets") == 0 && host_counter("firmware_loaded"));
	CHECK(host_counter("tx_frames") > 0 && host_counter("reentered") > 8);
}

static void test_command(void)
{
	uint64_t before;

	test_begin("a list of NSP buffers in the BAR reads all ones, and fails");
	setup();
	before = host_counter("reentered");
	card_bar_write(host.card, 4, WINDOW + AGL_NSP_BUFFER, HOST_BARS + WINDOW, 8);
	card_bar_write(host.card, 4, WINDOW + AGL_NSP_COMMAND,
		       64ull << 32 | AGL_NSP_IDENTIFY << 16 |
		       AGL_NSP_COMMAND_DMA | AGL_NSP_COMMAND_START, 8);
	CHECK(host_counter("reentered") > before);
	CHECK(host_counter("nsp_errors") == 1);

	test_begin("a stuck command that goes on is no way in");
	card_fault(host.card, "nsp-stuck=1");
	card_bar_write(host.card, 4, WINDOW + AGL_NSP_COMMAND,
		       64ull << 32 | AGL_NSP_IDENTIFY << 16 |
		       AGL_NSP_COMMAND_DMA | AGL_NSP_COMMAND_START, 8);
	before = host_counter("reentered");
	card_fault(host.card, "nsp-stuck=0");
	CHECK(host_counter("reentered") > before);
	CHECK(host_counter("nsp_errors") == 2);
}

static void test_timer(void)
{
	uint8_t f[64];

	test_begin("nor is a message that a timer or a cable sends");
	setup();
	host_port_up(AGL_PORT_PHYS(0));
	frame_of_reset(f);
	buffer_at(CTRL, WINDOW + AGL_NSP_COMMAND - 16);
	card_cable(host.card, 0, false);
	CHECK(host_counter("reentered") > 0 && !host_counter("resets"));
}

static void test_doorbell(void)
{
	uint64_t runs;

	test_begin("a VF's BAR is shut as well while the card is at work");
	setup();
	runs = host_counter("reconfigs");
	host.card->inside = true;
	CHECK(card_vf_bar_read(host.card, 0, 0, 0, 4) == 0xffffffffffffffff);
	card_vf_bar_write(host.card, 0, 2, 2 * AGL_QC_STRIDE + AGL_QC_ADD_WPTR,
			  1, 4);
	card_flr(host.card, CARD_FN_VF(0));
	card_run(host.card);
	card_timer(host.card);
	host.card->inside = false;
	CHECK(host_counter("reconfigs") == runs && vnic_enabled(VF0));
	CHECK(host_counter("reentered") == 4);
}

static void test_unmask(void)
{
	unsigned int vec = PF->natural;

	test_begin("one write may clear several ICR bytes");
	setup();
	irq_signal(PF, vec, AGL_ICR_RING);
	irq_signal(PF, vec, AGL_ICR_RING);
	CHECK(host.irqs[vec] == 1);
	put_le(PF->cb + AGL_CB_ICR(vec - 2), 0, 4);
	mem_written(host.card, PF->cb + AGL_CB_ICR(vec - 2), 4);
	CHECK(host.irqs[vec] == 2);
}

int main(void)
{
	test_receive();
	test_command();
	test_timer();
	test_doorbell();
	test_unmask();
	return test_end();
}
