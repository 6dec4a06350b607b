// SPDX-License-Identifier: GPL-2.0-or-later
/* Queue controller, resets, and what of a vNIC outlives them. */
#include "host.h"

#define PF	(&host.card->vnics->pf)
#define VF(n)	(&host.card->vnics->vf[n])
#define MAC_A	0x02aabbccu
#define MAC_B	0xddeeu

static void up(void)
{
	host_card(NULL, true);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_vnic_up(PF, 0);
}

/* Status words of the PF's first queues: 0 freelist, 1 transmit */
static uint32_t status(unsigned int queue, unsigned int word)
{
	return queue_read(host.card, (4 * PF->natural + queue) * 0x800 + word);
}

static void add(unsigned int queue, uint32_t n)
{
	queue_write(host.card, (4 * PF->natural + queue) * 0x800 + AGL_QC_ADD_WPTR, n);
}

static void test_status(void)
{
	test_begin("QC status: pointers, size, empty, full, overflow, 04 section 5.2");
	up();
	/* Of 256 there are 240 buffers; nothing is to be sent */
	CHECK(status(0, AGL_QC_STS_LO) == 0);
	CHECK(status(0, AGL_QC_STS_HI) == 240);
	CHECK(status(1, AGL_QC_STS_LO) == 1 << 26);
	CHECK(status(1, AGL_QC_STS_HI) == 1 << 26);
	add(0, 15);
	CHECK(status(0, AGL_QC_STS_HI) == 255);
	add(0, 1);
	CHECK(status(0, AGL_QC_STS_LO) == 1 << 27);
	CHECK(host_counter("qc_overflow") == 0);
	add(0, 1);
	CHECK(status(0, AGL_QC_STS_LO) == (1 << 27 | 1 << 30));
	CHECK(host_counter("qc_overflow") == 1);

	test_begin("a ring's size is in its queue, and goes with the ring");
	PF->cb[AGL_CB_RXR_SZ(0)] = 12;
	put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_RING, 4);
	vnic_reconfig(PF);
	CHECK(status(0, AGL_QC_STS_LO) == 1 << 26);
	CHECK(status(0, AGL_QC_STS_HI) == (1 << 26 | 4 << 18));
	put_le(PF->cb + AGL_CB_RXRS_ENABLE, 0, 8);
	put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_RING, 4);
	vnic_reconfig(PF);
	add(0, 0x10000);
	CHECK(host_counter("qc_overflow") == 1);
}

static void set_vf_mac(unsigned int vf)
{
	uint8_t *t = host.card->vnics->vf_cfg, *e = t + AGL_VFCFG_ENTRY(vf);

	put_le(e + AGL_VFCFG_MAC_HI, MAC_A, 4);
	put_le(e + AGL_VFCFG_MAC_LO, MAC_B, 2);
	t[AGL_VFCFG_VF] = vf;
	put_le(t + AGL_VFCFG_UPD, AGL_VFCFG_OP_MAC, 2);
	vfcfg_update(host.card);
}

static bool mac_is(const struct vnic *v, uint32_t hi, uint32_t lo)
{
	return get_le(v->cb + 0x24, 4) == hi && get_le(v->cb + 0x2a, 2) == lo;
}

static void test_flr(void)
{
	test_begin("a VF's reset: its address is that of the PF's table again");
	up();
	set_vf_mac(3);
	CHECK(mac_is(VF(3), MAC_A, MAC_B) && mac_is(VF(2), 0, 0));
	put_le(VF(3)->cb + 0x24, 0x02010203, 4);
	put_le(VF(2)->cb + 0x24, 0x02010203, 4);
	card_flr(host.card, CARD_FN_VF(3));
	card_flr(host.card, CARD_FN_VF(2));
	CHECK(mac_is(VF(3), MAC_A, MAC_B) && mac_is(VF(2), 0, 0));

	test_begin("a reset clears settings and rings, not the MSI-X table");
	host_vnic_up(VF(3), AGL_CTRL_PROMISC);
	put_le(VF(3)->cb + AGL_CB_RSS_CTRL, 0x1234, 4);
	VF(3)->cb[0x2000] = 0x77;
	card_flr(host.card, CARD_FN_VF(3));
	CHECK(!get_le(VF(3)->cb + 0x00, 4) && !get_le(VF(3)->cb + 0x04, 4));
	CHECK(!get_le(VF(3)->cb + 0x08, 8) && !get_le(VF(3)->cb + 0x10, 8));
	CHECK(!get_le(VF(3)->cb + AGL_CB_TXR_ADDR(0), 8));
	CHECK(!get_le(VF(3)->cb + AGL_CB_RSS_CTRL, 4));
	CHECK(VF(3)->cb[0x20] == 0xff && VF(3)->cb[0x2000] == 0x77);
	CHECK(get_le(VF(3)->cb + 0x30, 4) == 0x505);
}

static void test_reload(void)
{
	struct card_config cfg;
	size_t len;
	uint8_t *file;
	int error = 0;

	test_begin("firmware loaded again: no vNIC has anything of before");
	card_config_default(&cfg);
	cfg.ctag_filter = true;
	host_card(&cfg, true);
	host_ctrl_up();
	host_vnic_up(PF, AGL_CTRL_CTAG_FILTER);
	VF(1)->vst_tci = 0x6064;
	PF->vlans[3] = 0xff;
	nsp_soft_reset(host.card);
	file = host_read_file(getenv("CARD_STANDIN"), &len);
	nsp_firmware_load(host.card, file, len, &error);
	free(file);
	CHECK(!error && PF->cb && !vnic_enabled(PF));
	CHECK(!VF(1)->vst_tci && !PF->vlans[3]);
}

static void test_tlv(void)
{
	struct card_config cfg;

	test_begin("TLVs: past the statistics to a clock of 633, 04 section 3.5");
	card_config_default(&cfg);
	cfg.repr_cap = true;
	host_card(&cfg, true);
	CHECK(get_le(PF->cb + 0x58, 4) == (1 << 16 | (0x2200 - 0x5c)));
	CHECK(get_le(PF->cb + 0x2200, 4) == (3 << 16 | 4));
	CHECK(get_le(PF->cb + 0x2204, 4) == 633);
	CHECK(get_le(PF->cb + 0x2208, 4) == (7 << 16 | 4));
	CHECK(get_le(PF->cb + 0x2210, 4) == 2 << 16);
}

static void test_moderation(void)
{
	uint8_t f[64] = { 2 };
	unsigned int vec = PF->natural;
	uint64_t before;

	test_begin("moderation that isn't switched on is none");
	up();
	put_le(PF->cb + AGL_CB_RXR_IRQMOD(0), 3 << 16 | 750, 4);
	host_vnic_up(PF, 0);
	card_wire_in(host.card, 0, f, sizeof(f));
	CHECK(host.irqs[vec] == 1);

	test_begin("rings made anew owe no interrupt of before, on any vector");
	for (vec = 0; vec < 256; vec += 51) {
		up();
		PF->cb[AGL_CB_RXR_VEC(0)] = vec;
		put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_RING, 4);
		vnic_reconfig(PF);
		queue_write(host.card, 4 * PF->natural * 0x800 + AGL_QC_ADD_WPTR, 64);
		before = host_counter("irqs_pending");
		card_wire_in(host.card, 0, f, sizeof(f));
		card_wire_in(host.card, 0, f, sizeof(f));
		CHECK(host.irqs[vec] == 1 && host_counter("irqs_pending") == before + 1);
		put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_RING, 4);
		vnic_reconfig(PF);
		PF->cb[AGL_CB_ICR(vec)] = 0;
		vnic_written(PF, AGL_CB_ICR(vec), 1);
		CHECK(host.irqs[vec] == 1);
	}
}

static void test_pending(void)
{
	unsigned int vec;

	test_begin("of any vector: what was pending is signalled once");
	for (vec = 0; vec < 256; vec += 51) {
		up();
		irq_signal(PF, vec, AGL_ICR_RING);
		irq_signal(PF, vec, AGL_ICR_RING);
		irq_signal(PF, vec ^ 64, AGL_ICR_RING);
		CHECK(host.irqs[vec] == 1);
		PF->cb[AGL_CB_ICR(vec)] = 0;
		vnic_written(PF, AGL_CB_ICR(vec), 1);
		CHECK(host.irqs[vec] == 2 && PF->cb[AGL_CB_ICR(vec)] == AGL_ICR_RING);
		PF->cb[AGL_CB_ICR(vec)] = 0;
		vnic_written(PF, AGL_CB_ICR(vec), 1);
		CHECK(host.irqs[vec] == 2 && host.irqs[vec ^ 64] == 1);
	}
}

int main(void)
{
	host_card(NULL, true);
	test_status();
	test_flr();
	test_reload();
	test_tlv();
	test_moderation();
	test_pending();
	return test_end();
}
