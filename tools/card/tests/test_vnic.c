// SPDX-License-Identifier: GPL-2.0-or-later
/* Rings, offloads and interrupts with a host made of arrays. */
#include <errno.h>

#include "host.h"

#define PF	(&host.card->vnics->pf)
#define TCP_FRAME							\
	"020000000001 020000000002 0800 4500003c 00014000 40060000 0a000001 "	\
	"0a000002 04d20050 00000001 00000000 50182000 00000000 "		\
	"00010203 04050607 08090a0b 0c0d0e0f 10111213"

static uint8_t packet[9000];

/* A frame to physical port 0, as a representor sends it */
static size_t to_port0(const uint8_t *frame, size_t len)
{
	put_be32(packet, 5);
	put_be32(packet + 4, AGL_PORT_PHYS(0));
	memmove(packet + 8, frame, len);
	return len + 8;
}

static void setup(uint32_t ctrl)
{
	host_card(NULL, true);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_vnic_up(PF, ctrl);
}

static void test_tx(void)
{
	uint8_t f[128];
	size_t len = hex(TCP_FRAME, f);
	struct agl_tx_desc d = {
		.flags = AGL_TXD_CSUM | AGL_TXD_IP4_CSUM | AGL_TXD_TCP_CSUM
	};
	struct l4_view v;

	test_begin("a representor's frame leaves its port unchanged");
	setup(AGL_CTRL_TXCSUM);
	host_tx(PF, packet, to_port0(f, len), 8, NULL);
	CHECK(host.outs == 1 && host.out[0].wire == 0 && host.out[0].len == len);
	CHECK(!memcmp(host.out[0].data, f, len));

	test_begin("transmit checksums are filled in");
	host_tx(PF, packet, to_port0(f, len), 8, &d);
	l4_parse(host.out[1].data, len, &v);
	CHECK(csum_ip4_ok(host.out[1].data, &v));
	CHECK(csum_l4_ok(host.out[1].data, &v));
	/* Worked by hand: header sum of these ten words is 0x26b9 */
	CHECK(get_be16(host.out[1].data + 24) == 0x26b9);

	test_begin("short frames are padded, a bad prepend is not sent");
	host_tx(PF, packet, to_port0(f, 20), 8, NULL);
	CHECK(host.outs == 3 && host.out[2].len == 60);
	packet[3] = 3;
	host_tx(PF, packet, 60, 8, NULL);
	CHECK(host.outs == 3 && host_counter("tx_bad_desc") == 1);
}

static void test_tso(void)
{
	struct agl_tx_desc d = {
		.flags = AGL_TXD_CSUM | AGL_TXD_IP4_CSUM | AGL_TXD_TCP_CSUM |
			 AGL_TXD_LSO,
		.mss = htole16(100), .lso_hdrlen = 54, .l3_offset = 14,
		.l4_offset = 34,
	};
	uint8_t f[1024] = {};
	struct l4_view v;
	unsigned int i;

	test_begin("TSO: lengths, sequence, IP id, flags and sums of each segment");
	setup(AGL_CTRL_LSO2);
	hex(TCP_FRAME, f);
	f[47] = 0x89;		/* CWR, PSH, FIN */
	put_be16(f + 16, 40 + 250);
	for (i = 0; i < 250; i++)
		f[54 + i] = i;
	host_tx(PF, packet, to_port0(f, 54 + 250), 8, &d);
	CHECK(host.outs == 3);
	for (i = 0; i < 3; i++) {
		const uint8_t *s = host.out[i].data;

		l4_parse(s, host.out[i].len, &v);
		CHECK(host.out[i].len == (i < 2 ? 154 : 104));
		CHECK(get_be16(s + 16) == host.out[i].len - 14);
		CHECK(get_be16(s + 18) == 1 + i);
		CHECK(get_be32(s + 38) == 1 + 100 * i);
		CHECK(s[47] == (i == 0 ? 0x80 : i == 1 ? 0 : 0x09));
		CHECK(s[54] == 100 * i);
		CHECK(csum_ip4_ok(s, &v) && csum_l4_ok(s, &v));
	}
}

static void wire_in(uint8_t *f, size_t len)
{
	card_wire_in(host.card, 0, f, len);
}

static void test_rx(void)
{
	uint8_t f[128], tagged[132];
	size_t len = hex(TCP_FRAME, f);
	union agl_rx_desc d;
	const uint8_t *p;
	struct l4_view v;

	test_begin("a miss goes to the host with its port id and checksum flags");
	setup(AGL_CTRL_RXCSUM | AGL_CTRL_RXVLAN_V2);
	l4_parse(f, len, &v);
	csum_ip4_fill(f, &v);
	csum_l4_fill(f, &v);
	wire_in(f, len);
	p = host_rx(PF, 0, &d);
	CHECK(p && (d.rxd.meta_len_dd & 0x7f) == 8);
	CHECK(p && get_be32(p) == 5 && get_be32(p + 4) == AGL_PORT_PHYS(0));
	CHECK(p && !memcmp(p + 8, f, len));
	CHECK(le16toh(d.rxd.flags) == (AGL_RXD_EOP | 0x78));

	test_begin("a bad TCP checksum is checked but not OK");
	f[60] ^= 1;
	wire_in(f, len);
	host_rx(PF, 0, &d);
	CHECK(le16toh(d.rxd.flags) == (AGL_RXD_EOP | 0x70));
	f[60] ^= 1;

	test_begin("VLAN strip: metadata first, then the untagged frame");
	memcpy(tagged, f, 12);
	put_be32(tagged + 12, 0x81006064);
	memcpy(tagged + 16, f + 12, len - 12);
	wire_in(tagged, len + 4);
	p = host_rx(PF, 0, &d);
	CHECK(p && get_be32(p) == 0x54);
	CHECK(p && get_be32(p + 4) == 0x80006064);
	CHECK(p && get_be32(p + 8) == AGL_PORT_PHYS(0));
	CHECK(p && le16toh(d.rxd.data_len) == 12 + len && !memcmp(p + 12, f, len));

	test_begin("no freelist credit: dropped and counted");
	for (unsigned int i = 0; i < RING_SIZE; i++)
		wire_in(f, len);
	CHECK(host_counter("rx_no_credit") == 3 + 256 - (RING_SIZE - 16));
	CHECK(get_le(PF->cb + AGL_CB_RX_DISCARDS, 8) == host_counter("rx_no_credit"));
}

static void test_irq(void)
{
	uint8_t f[128];
	size_t len = hex(TCP_FRAME, f);
	unsigned int vec = PF->natural;

	test_begin("ICR: one message until unmasked, then what was pending");
	setup(0);
	wire_in(f, len);
	CHECK(host.irqs[vec] == 1 && PF->cb[AGL_CB_ICR(vec)] == AGL_ICR_RING);
	wire_in(f, len);
	CHECK(host.irqs[vec] == 1);
	PF->cb[AGL_CB_ICR(vec)] = 0;
	vnic_written(PF, AGL_CB_ICR(vec), 1);
	CHECK(host.irqs[vec] == 2);
	PF->cb[AGL_CB_ICR(vec)] = 0;
	vnic_written(PF, AGL_CB_ICR(vec), 1);
	CHECK(host.irqs[vec] == 2);

	test_begin("moderation: by count, and by time from the oldest");
	put_le(PF->cb + AGL_CB_RXR_IRQMOD(0), 3 << 16 | 750, 4);
	setup(0);
	put_le(PF->cb + AGL_CB_RXR_IRQMOD(0), 3 << 16 | 750, 4);
	host_vnic_up(PF, AGL_CTRL_IRQMOD);
	wire_in(f, len);
	wire_in(f, len);
	CHECK(host.irqs[vec] == 0);
	wire_in(f, len);
	CHECK(host.irqs[vec] == 1);
	PF->cb[AGL_CB_ICR(vec)] = 0;
	wire_in(f, len);
	CHECK(host.irqs[vec] == 1 && host.deadline == host.now + 10000);
	host.now = host.deadline;
	card_timer(host.card);
	CHECK(host.irqs[vec] == 2);

	test_begin("moderation of 0 ticks is none, whatever the count");
	setup(0);
	put_le(PF->cb + AGL_CB_RXR_IRQMOD(0), 2 << 16, 4);
	host_vnic_up(PF, AGL_CTRL_IRQMOD);
	wire_in(f, len);
	CHECK(host.irqs[vec] == 1);
}

static void test_reset(void)
{
	unsigned int before;
	uint8_t f[128];
	size_t len = hex(TCP_FRAME, f);

	test_begin("after the PF's reset: no DMA, no interrupt");
	setup(0);
	PF->cb[AGL_CB_LSC] = 7;
	host_vnic_up(PF, 0);
	host_port_up(AGL_PORT_PF(0));
	before = host.dmas;
	memset(host.irqs, 0, sizeof(host.irqs));
	card_flr(host.card, CARD_FN_PF);
	wire_in(f, len);
	host_run();
	card_timer(host.card);
	CHECK(host.dmas == before);
	CHECK(!host.irqs[7] && !host.irqs[PF->natural]);
	CHECK(!vnic_enabled(PF) && !vnic_enabled(&host.card->vnics->ctrl));
}

static void test_caps(void)
{
	struct card_config cfg;
	unsigned int bit;

	test_begin("capabilities can be taken away, and are not on then");
	for (bit = 1; bit < 32; bit++) {
		card_config_default(&cfg);
		cfg.cap_off = 1u << bit;
		host_card(&cfg, true);
		host_vnic_up(PF, 0xffffffff);
		CHECK(!(get_le(PF->cb + AGL_CB_CAP, 4) >> bit & 1));
		CHECK(!(PF->ctrl >> bit & 1));
		CHECK(PF->ctrl == get_le(PF->cb + AGL_CB_CAP, 4));
	}

	test_begin("a reconfiguration that can't be done is refused, as a whole");
	setup(0);
	PF->cb[AGL_CB_RXR_SZ(1)] = 7;
	put_le(PF->cb + AGL_CB_CTRL, 0, 4);
	put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_GEN | AGL_UPDATE_RING, 4);
	vnic_reconfig(PF);
	CHECK(get_le(PF->cb + AGL_CB_UPDATE, 4) & AGL_UPDATE_ERR);
	CHECK(vnic_enabled(PF) && host_counter("reconfig_errors") == 1);
	CHECK(get_le(PF->cb + AGL_CB_TXRS_ENABLE, 8) == 3);
	PF->cb[AGL_CB_RXR_SZ(1)] = 19;
	vnic_reconfig(PF);
	CHECK(host_counter("reconfig_errors") == 2);
	PF->cb[AGL_CB_RXR_SZ(1)] = 18;
	put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_GEN | AGL_UPDATE_RING, 4);
	vnic_reconfig(PF);
	CHECK(!get_le(PF->cb + AGL_CB_UPDATE, 4) && !vnic_enabled(PF));
}

static void test_octets(void)
{
	uint8_t f[64];

	test_begin("broadcast, multicast and unicast octets add up");
	setup(0);
	memset(f, 0, sizeof(f));
	memset(f, 255, 6);
	wire_in(f, sizeof(f));
	/* Four bytes of ones are no broadcast */
	f[5] = 0;
	wire_in(f, sizeof(f));
	f[0] = 2;
	wire_in(f, sizeof(f));
	CHECK(get_le(PF->cb + AGL_CB_RX_BC_OCTETS, 8) == 64);
	CHECK(get_le(PF->cb + AGL_CB_RX_MC_OCTETS, 8) == 64);
	CHECK(get_le(PF->cb + AGL_CB_RX_UC_OCTETS, 8) == 64);
	CHECK(get_le(PF->cb + AGL_CB_RX_BC_FRAMES, 8) == 1);
	CHECK(get_le(PF->cb + AGL_CB_RX_MC_FRAMES, 8) == 1);
}

static uint64_t mac_stat(unsigned int port, unsigned int off)
{
	size_t n;
	uint8_t *p = image_symbol(host.card, "_mac_stats", 4, &n);

	return get_le(p + 0x200 * port + off, 8);
}

static void test_mac_stats(void)
{
	/* Without FCS; by class of size with it, 02-vnic.md section 12.5 */
	static const struct {
		size_t len;
		unsigned int rx, tx;
	} size[] = {
		{ 60, 0x080, 0x168 }, { 61, 0x088, 0x1a0 }, { 123, 0x088, 0x1a0 },
		{ 124, 0x0c0, 0x1a8 }, { 251, 0x0c0, 0x1a8 }, { 252, 0x0c8, 0x170 },
		{ 507, 0x0c8, 0x170 }, { 508, 0x090, 0x178 }, { 1019, 0x090, 0x178 },
		{ 1020, 0x098, 0x1b0 }, { 1514, 0x098, 0x1b0 }, { 1515, 0x0d0, 0x1b8 },
	};
	uint8_t f[1600] = {};
	unsigned int i, rx, tx;

	test_begin("MAC statistics: each frame in its class of size, each way");
	setup(0);
	host.card->flower->phys[0].mtu = 1501;
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		rx = mac_stat(0, size[i].rx);
		tx = mac_stat(0, size[i].tx);
		wire_in(f, size[i].len);
		host_tx(PF, packet, to_port0(f, size[i].len), 8, NULL);
		CHECK(mac_stat(0, size[i].rx) == rx + 1);
		CHECK(mac_stat(0, size[i].tx) == tx + 1);
	}
	CHECK(mac_stat(0, 0x050) == i && mac_stat(0, 0x188) == i);
	CHECK(mac_stat(0, 0x070) == i && mac_stat(0, 0x060) == i);

	test_begin("MAC statistics: octets with FCS and padding, kinds of address, tags");
	setup(0);
	wire_in(f, 30);
	memset(f, 255, 6);
	wire_in(f, 100);
	f[5] = 0;
	put_be16(f + 12, 0x8100);
	wire_in(f, 100);
	host_tx(PF, packet, to_port0(f, 100), 8, NULL);
	f[0] = 2;
	host_tx(PF, packet, to_port0(f, 30), 8, NULL);
	CHECK(mac_stat(0, 0x000) == 64 + 2 * 104 && mac_stat(0, 0x140) == 104 + 64);
	CHECK(mac_stat(0, 0x060) == 1 && mac_stat(0, 0x190) == 1);
	CHECK(mac_stat(0, 0x068) == 1 && mac_stat(0, 0x198) == 1);
	CHECK(mac_stat(0, 0x030) == 1 && mac_stat(0, 0x160) == 0);
	CHECK(mac_stat(0, 0x020) == 1 && mac_stat(0, 0x150) == 2);
	CHECK(mac_stat(4, 0x050) == 0 && mac_stat(4, 0x188) == 0);
}

static void test_rss(void)
{
	/* Microsoft's published verification vector, IPv4 with TCP */
	static const char key[] =
		"6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
		"6a42b73bbeac01fa";
	uint8_t f[128];
	struct l4_view v;
	uint32_t type;

	test_begin("Toeplitz hash of the published vector");
	setup(0);
	hex(key, PF->cb + AGL_CB_RSS_KEY);
	put_le(PF->cb + AGL_CB_RSS_CTRL, AGL_RSS_IPV4_TCP, 4);
	hex(TCP_FRAME, f);
	hex("420995bb a18e6450 0aea06e6", f + 26);
	l4_parse(f, 74, &v);
	CHECK(rss_hash(PF, f, &v, &type) == 0x51ccc178);
	CHECK(type == AGL_HASH_IPV4_TCP);
	put_le(PF->cb + AGL_CB_RSS_CTRL, 0, 4);
	CHECK(rss_hash(PF, f, &v, &type) == 0x323e8fc2);
}

static void filter(uint32_t command, uint16_t vid)
{
	uint8_t *m = PF->cb + AGL_CB_MBOX;

	put_le(m + AGL_MBOX_CMD, command, 8);
	put_le(m + AGL_MBOX_DATA, vid, 2);
	put_le(m + AGL_MBOX_DATA + 2, 0x8100, 2);
	put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_MBOX, 4);
	vnic_reconfig(PF);
}

static bool passes(uint16_t tci)
{
	uint64_t before = host_counter("rx_filtered");
	uint8_t f[64] = { 0x02 };

	put_be16(f + 12, 0x8100);
	put_be16(f + 14, tci);
	vnic_rx(PF, 0, f, sizeof(f));
	return host_counter("rx_filtered") == before;
}

static void test_filter(void)
{
	struct card_config cfg;
	uint8_t *ret;

	card_config_default(&cfg);
	cfg.ctag_filter = true;
	test_begin("mailbox: the VLAN filter passes what was added");
	host_card(&cfg, true);
	host_vnic_up(PF, AGL_CTRL_CTAG_FILTER);
	CHECK(!passes(100) && passes(0) && passes(0xe000));
	filter(AGL_MBOX_CTAG_ADD, 100);
	CHECK(!get_le(PF->cb + AGL_CB_MBOX + AGL_MBOX_RET, 4));
	CHECK(passes(100) && passes(0x6064) && !passes(101));
	filter(AGL_MBOX_CTAG_DEL, 100);
	CHECK(!passes(100));

	test_begin("mailbox: what is unknown, wrong or not switched on is refused");
	ret = PF->cb + AGL_CB_MBOX + AGL_MBOX_RET;
	filter(77, 100);
	CHECK(get_le(ret, 4) == EOPNOTSUPP);
	filter(AGL_MBOX_CTAG_ADD, 0);
	CHECK(get_le(ret, 4) == EINVAL);
	setup(0);
	filter(AGL_MBOX_CTAG_ADD, 100);
	CHECK(get_le(PF->cb + AGL_CB_MBOX + AGL_MBOX_RET, 4) == EOPNOTSUPP);
	CHECK(passes(100));
}

int main(void)
{
	host_card(NULL, true);
	test_tx();
	test_tso();
	test_rx();
	test_irq();
	test_reset();
	test_caps();
	test_octets();
	test_mac_stats();
	test_rss();
	test_filter();
	return test_end();
}
