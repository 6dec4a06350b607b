// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames and descriptors whose lengths lie. Each frame is in memory of its own
 * size, so that AddressSanitizer sees the first byte behind it.
 */
#include "host.h"

#define PF	(&host.card->vnics->pf)
#define VF0	(&host.card->vnics->vf[0])
#define ETH	"020000000001 020000000002 "
#define IP4(proto) "0800 4500003c 00014000 40" proto "0000 0a000001 0a000002 "
#define IP6(next) "86dd 60000000 0028" next "40 " \
	"fd000000000000000000000000000001 fd000000000000000000000000000002 "
#define L4	"04d20050 00000001 00000000 50182000 00000000 "	\
	"00010203 04050607 08090a0b 0c0d0e0f 10111213"

struct kind {
	const char *name;
	const char *hex;
	size_t l3;
	size_t total;		/* offset of the length in the IP header */
};

static const struct kind kinds[] = {
	{ "TCP in IPv4", ETH IP4("06") L4, 14, 2 },
	{ "UDP in IPv4", ETH IP4("11") L4, 14, 2 },
	{ "TCP in IPv4, two tags", ETH "88a80001 81000002 " IP4("06") L4, 22, 2 },
	{ "TCP in IPv6", ETH IP6("06") L4, 14, 4 },
	{ "UDP in IPv6", ETH IP6("11") L4, 14, 4 },
	{ "hop-by-hop in IPv6", ETH IP6("00") "06000000 00000000 " L4, 14, 4 },
	{ "routing in IPv6", ETH IP6("2b") "11010000 00000000 00000000 00000000 " L4, 14, 4 },
	{ "fragment of IPv6", ETH IP6("2c") "06000001 00000001 " L4, 14, 4 },
	{ "endless options of IPv6", ETH IP6("3c") "3cff0000 00000000 " L4, 14, 4 },
};

static size_t frame_of(const struct kind *k, uint8_t *f)
{
	return hex(k->hex, f);
}

static void look_at(const uint8_t *f, size_t len)
{
	struct l4_view v;
	uint32_t type;

	l4_parse(f, len, &v);
	CHECK(v.l3 <= len && v.l4 <= len && v.l4_end <= len);
	CHECK(!v.l4 || (v.l3 && v.l3 < v.l4 && v.l4 <= v.l4_end));
	CHECK(!v.version == !v.l3);
	if (v.version == 4)
		csum_ip4_ok(f, &v);
	csum_l4_ok(f, &v);
	rss_hash(PF, f, &v, &type);
}

/* All that a frame meets: in from the wire, out of a VF, out of a representor */
static void try_frame(const uint8_t *f, size_t len)
{
	uint8_t *own = malloc(len ? len : 1), meta[8 + 256];
	struct agl_tx_desc d = {
		.flags = AGL_TXD_CSUM | AGL_TXD_IP4_CSUM | AGL_TXD_TCP_CSUM
	};
	union agl_rx_desc rx;

	memcpy(own, f, len);
	look_at(own, len);
	card_wire_in(host.card, 0, own, len);
	free(own);
	if (host_rx(PF, 0, &rx))
		post_again(PF, 0);
	host_tx(VF0, f, len, 0, &d);
	put_be32(meta, AGL_META_PORTID);
	put_be32(meta + 4, AGL_PORT_PHYS(0));
	memcpy(meta + 8, f, len);
	d.flags = AGL_TXD_LSO;
	d.mss = htole16(8);
	d.lso_hdrlen = 54;
	d.l3_offset = 14;
	d.l4_offset = 34;
	host_tx(PF, meta, len + 8, 8, &d);
	while (host_rx(PF, 0, &rx))
		post_again(PF, 0);
}

static void setup(void)
{
	host_card(NULL, true);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_port_up(AGL_PORT_VF(0, 0));
	host_vnic_up(VF0, AGL_CTRL_TXCSUM | AGL_CTRL_LSO2 | AGL_CTRL_GATHER);
	host_vnic_up(PF, AGL_CTRL_RXCSUM | AGL_CTRL_RSS2 | AGL_CTRL_LSO2 |
		     AGL_CTRL_TXCSUM | AGL_CTRL_RXVLAN_V2);
	put_le(PF->cb + AGL_CB_RSS_CTRL, 0x3f7f, 4);
}

static void lengths_of(const struct kind *k)
{
	static const uint16_t wrong[] = {
		0, 1, 7, 8, 19, 20, 21, 27, 28, 39, 40, 41, 59, 60, 61, 62, 100,
		1500, 0x7fff, 0x8000, 65494, 65495, 65496, 65515, 65534, 65535
	};
	uint8_t f[256];
	size_t len = frame_of(k, f), i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		put_be16(f + k->l3 + k->total, wrong[i]);
		try_frame(f, len);
	}
	frame_of(k, f);
	for (i = 0; i <= len; i++)
		try_frame(f, i);
}

static void test_frames(void)
{
	unsigned int i, ihl;
	uint8_t f[256];
	size_t len;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(name, sizeof(name), "%s: every length and truncation",
			 kinds[i].name);
		test_begin(name);
		setup();
		lengths_of(&kinds[i]);
		CHECK(host_counter("wire_in") > 26);
		CHECK(host_counter("fallbacks") > 26);
	}
	test_begin("IPv4 header lengths from 0 to 15");
	setup();
	len = frame_of(&kinds[0], f);
	for (ihl = 0; ihl < 16; ihl++) {
		f[14] = 0x40 | ihl;
		try_frame(f, len);
		put_be16(f + 16, 4 * ihl);
		try_frame(f, 14 + 4 * ihl < 34 ? 34 : 14 + 4 * ihl);
	}
}

static void expect_flags(uint16_t total, uint16_t flags, const char *why)
{
	union agl_rx_desc d = {};
	uint8_t f[256];
	size_t len = frame_of(&kinds[0], f);
	struct l4_view v;

	l4_parse(f, len, &v);
	csum_l4_fill(f, &v);
	put_be16(f + 16, total);
	csum_ip4_fill(f, &v);
	card_wire_in(host.card, 0, f, len);
	CHECK(host_rx(PF, 0, &d));
	post_again(PF, 0);
	check(le16toh(d.rxd.flags) == (AGL_RXD_EOP | flags), why, __FILE__,
	      __LINE__);
}

static void test_wrong_is_no_l4(void)
{
	test_begin("a length that does not fit leaves the IP header's sum alone");
	setup();
	expect_flags(60, AGL_RXD_IP4_CSUM | AGL_RXD_IP4_CSUM_OK |
		     AGL_RXD_TCP_CSUM | AGL_RXD_TCP_CSUM_OK, "right");
	expect_flags(0, AGL_RXD_IP4_CSUM | AGL_RXD_IP4_CSUM_OK, "total 0");
	expect_flags(19, AGL_RXD_IP4_CSUM | AGL_RXD_IP4_CSUM_OK, "total 19");
	expect_flags(20, AGL_RXD_IP4_CSUM | AGL_RXD_IP4_CSUM_OK |
		     AGL_RXD_TCP_CSUM, "no room for TCP");
	expect_flags(61, AGL_RXD_IP4_CSUM | AGL_RXD_IP4_CSUM_OK, "past the end");
}

/* Descriptors */

static struct agl_tx_desc lso(void)
{
	return (struct agl_tx_desc) {
		.flags = AGL_TXD_LSO | AGL_TXD_CSUM | AGL_TXD_IP4_CSUM |
			 AGL_TXD_TCP_CSUM,
		.mss = htole16(10), .lso_hdrlen = 54, .l3_offset = 14,
		.l4_offset = 34,
	};
}

/* Sent by a VF, which nobody trusts. Return: whether it was refused */
static bool refused(const struct agl_tx_desc *d, const uint8_t *f, size_t len,
		    size_t meta)
{
	uint64_t before = host_counter("tx_bad_desc");
	uint64_t frames = host_counter("tx_frames");
	bool bad;

	host_tx(VF0, f, len, meta, d);
	bad = host_counter("tx_bad_desc") == before + 1;
	CHECK(!bad || host_counter("tx_frames") == frames);
	return bad;
}

static void test_lso(void)
{
	struct agl_tx_desc d = lso();
	uint8_t f[8192] = {};
	size_t len = frame_of(&kinds[0], f);
	unsigned int i;

	test_begin("TSO: offsets, header and segments are what the packet has");
	setup();
	CHECK(!refused(&d, f, len, 0));
	CHECK(host_counter("tx_frames") == 2);
	for (i = 0; i < 256; i++) {
		d = lso();
		d.l3_offset = i;
		CHECK(refused(&d, f, len, 0) == (i != 14));
		d = lso();
		d.l4_offset = i;
		CHECK(refused(&d, f, len, 0) == (i != 34));
		d = lso();
		d.lso_hdrlen = i;
		CHECK(refused(&d, f, len, 0) == (i != 54));
	}
	d = lso();
	d.mss = 0;
	CHECK(refused(&d, f, len, 0));
	f[46] = 0xf0;
	d.mss = htole16(10);
	d.lso_hdrlen = 94;
	CHECK(refused(&d, f, len, 0));

	test_begin("TSO: 64 segments at most, and only of TCP");
	setup();
	d = lso();
	len = frame_of(&kinds[0], f);
	put_be16(f + 16, 40 + 640);
	CHECK(!refused(&d, f, 54 + 640, 0));
	CHECK(host_counter("tx_frames") == 64);
	put_be16(f + 16, 40 + 641);
	CHECK(refused(&d, f, 54 + 641, 0));
	len = frame_of(&kinds[1], f);
	CHECK(refused(&d, f, len, 0));
	put_be16(f + 16, 0);
	CHECK(refused(&d, f, len, 0));
}

static void test_checksum_flags(void)
{
	struct agl_tx_desc d = {};
	uint8_t f[256];
	size_t len;

	test_begin("checksum flags that are not the packet's are refused");
	setup();
	len = frame_of(&kinds[1], f);
	d.flags = AGL_TXD_CSUM | AGL_TXD_IP4_CSUM | AGL_TXD_UDP_CSUM;
	CHECK(!refused(&d, f, len, 0));
	d.flags = AGL_TXD_CSUM | AGL_TXD_IP4_CSUM | AGL_TXD_TCP_CSUM;
	CHECK(refused(&d, f, len, 0));
	len = frame_of(&kinds[3], f);
	CHECK(refused(&d, f, len, 0));
	d.flags = AGL_TXD_CSUM | AGL_TXD_TCP_CSUM;
	CHECK(!refused(&d, f, len, 0));
	len = frame_of(&kinds[7], f);
	CHECK(refused(&d, f, len, 0));

	test_begin("what CTRL does not have on is not done");
	host_vnic_up(VF0, 0);
	len = frame_of(&kinds[3], f);
	CHECK(!refused(&d, f, len, 0));
	CHECK(host_counter("tx_not_enabled") == 1);
	d = lso();
	len = frame_of(&kinds[0], f);
	CHECK(refused(&d, f, len, 0));
}

static void test_metadata(void)
{
	uint8_t f[256] = {};
	size_t meta;

	test_begin("metadata that is longer than the data is refused");
	setup();
	/* Bytes of the packet before must not serve as a prepend */
	put_be32(f, AGL_META_PORTID);
	put_be32(f + 4, AGL_PORT_PF(0));
	host_tx(PF, f, 80, 8, NULL);
	for (meta = 5; meta < 128; meta++)
		CHECK(refused(NULL, f, 4, meta));
}

static void tx_raw(const struct agl_tx_desc *d, unsigned int n)
{
	unsigned int q = VF0->natural;

	for (unsigned int i = 0; i < n; i++)
		memcpy(host.memory + get_le(VF0->cb + AGL_CB_TXR_ADDR(0), 8) +
		       host.tx_at[q]++ % RING_SIZE * 16, d, 16);
	queue_write(host.card, (4 * q + 1) * AGL_QC_STRIDE + AGL_QC_ADD_WPTR, n);
	host_run();
}

static void test_descriptors(void)
{
	struct agl_tx_desc d = {
		.dma_len = htole16(64), .data_len = htole16(64),
		.addr_lo = htole32(7 << 20), .offset_eop = AGL_TXD_EOP,
	};

	test_begin("data_len is the sum of the descriptors' lengths");
	setup();
	tx_raw(&d, 1);
	CHECK(!host_counter("tx_bad_desc"));
	d.data_len = htole16(63);
	tx_raw(&d, 1);
	CHECK(host_counter("tx_bad_desc") == 1);

	test_begin("a packet longer than 64 KiB is refused, not cut");
	d.offset_eop = 0;
	d.dma_len = htole16(65535);
	d.data_len = htole16(65534);
	tx_raw(&d, 1);
	CHECK(host_counter("tx_bad_desc") == 1);
	d.offset_eop = AGL_TXD_EOP;
	tx_raw(&d, 1);
	CHECK(host_counter("tx_bad_desc") == 2);

	test_begin("a chain without an end is given up after 64 descriptors");
	d.offset_eop = 0;
	d.dma_len = 0;
	tx_raw(&d, 64);
	CHECK(host_counter("tx_bad_desc") == 2);
	tx_raw(&d, 1);
	CHECK(host_counter("tx_bad_desc") == 3);
	CHECK(queue_tx(VF0, 0)->rptr == queue_tx(VF0, 0)->wptr);

	test_begin("several descriptors need GATHER");
	d.dma_len = htole16(32);
	d.data_len = htole16(64);
	tx_raw(&d, 1);
	d.offset_eop = AGL_TXD_EOP;
	tx_raw(&d, 1);
	CHECK(host_counter("tx_frames") == 2);
	host_vnic_up(VF0, 0);
	d.offset_eop = 0;
	tx_raw(&d, 1);
	d.offset_eop = AGL_TXD_EOP;
	tx_raw(&d, 1);
	CHECK(host_counter("tx_frames") == 2);
	CHECK(host_counter("tx_bad_desc") == 4);

	test_begin("the ring goes on after what was refused");
	d.offset_eop = AGL_TXD_EOP;
	d.dma_len = htole16(64);
	d.data_len = htole16(64);
	tx_raw(&d, 1);
	CHECK(host_counter("tx_frames") == 3);
}

static void test_dma_errors(void)
{
	struct agl_tx_desc d = {
		.dma_len = htole16(64), .data_len = htole16(64),
		.addr_lo = htole32(HOST_MEMORY - 32), .offset_eop = AGL_TXD_EOP,
	};
	uint8_t f[64] = {};
	union agl_rx_desc rx;

	test_begin("memory that does not answer stops the ring, and is counted");
	setup();
	host.dma_may_fail = true;
	tx_raw(&d, 1);
	CHECK(host_counter("dma_errors") == 1 && !host_counter("tx_frames"));
	CHECK(queue_tx(VF0, 0)->rptr != queue_tx(VF0, 0)->wptr);
	d.addr_lo = htole32(7 << 20);
	host.tx_at[VF0->natural]--;
	tx_raw(&d, 1);
	CHECK(host_counter("tx_frames") == 1);

	test_begin("a frame that can't be written is dropped, the buffer stays");
	while (host_rx(PF, 0, &rx))
		post_again(PF, 0);
	rx.raw = 0;
	rx.fld.addr_lo = htole32(HOST_MEMORY - 32);
	memcpy(host.memory + get_le(PF->cb + AGL_CB_RXR_ADDR(0), 8) +
	       host.rx_at[PF->natural] % RING_SIZE * 8, &rx, 8);
	card_wire_in(host.card, 0, f, sizeof(f));
	CHECK(host_counter("dma_errors") == 2);
	CHECK(!host_rx(PF, 0, &rx));
	CHECK(get_le(PF->cb + AGL_CB_RX_ERRORS, 8) == 1);
}

static void test_encap(void)
{
	struct neigh n = { .src_mac = { 2, 3, 4, 5, 6, 7 } };
	struct agl_act_set_tunnel set = {
		.type_index = htobe32(FIELD_PREP(AGL_SET_TUNNEL_TYPE,
						 AGL_TUN_VXLAN)),
		.flags = htobe16(AGL_TUN_FLAG_CSUM), .tpid = htobe16(0x1234),
	};
	struct tunnel t = { .neigh = &n, .set = &set };
	static uint8_t inner[VNIC_FRAME_MAX], out[VNIC_FRAME_MAX + ENCAP_ROOM];
	struct l4_view v;
	size_t len;

	test_begin("a tunnel's outer tag may have any TPID");
	setup();
	len = encap(host.card, &t, inner, 64, out);
	CHECK(len == 14 + 4 + 20 + 8 + 8 + 64 && !memcmp(out + 6, n.src_mac, 6));
	put_be16(out + 12, 0x8100);
	l4_parse(out, len, &v);
	CHECK(v.l4 == 38 && v.l4_end == len);
	CHECK(csum_ip4_ok(out, &v) && csum_l4_ok(out, &v));

	test_begin("a tunnel's packet is not longer than IP can say");
	CHECK(encap(host.card, &t, inner, 65535 - 36, out) == 18 + 65535);
	CHECK(encap(host.card, &t, inner, 65535 - 35, out) == 0);
}

int main(void)
{
	test_encap();
	test_frames();
	test_wrong_is_no_l4();
	test_lso();
	test_checksum_flags();
	test_metadata();
	test_descriptors();
	test_dma_errors();
	return test_end();
}
