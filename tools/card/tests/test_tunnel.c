// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tunnels, against the worked bytes of 03-flower.md sections 13.2, 13.3 and
 * 13.6. Frames and checksums were made by a program of its own.
 */
#include "host.h"

#define PF	(&host.card->vnics->pf)
#define VF(n)	(&host.card->vnics->vf[n])

#define INNER	"020000000001 020000000002 0800 4500002200010000401166c60a010001" \
		"0a010002 0035270f000e9a5c 616263646566"
#define OUTER_ETH "0200000000bb 0200000000aa "
#define IP_IN	"0800 451e00540001000063114378 0a000002 0a000001 "
#define VXLAN_IN OUTER_ETH IP_IN "11d712b500400000 08000000 00006400" INNER
#define TAGGED(tag) OUTER_ETH tag IP_IN "11d712b500400000 08000000 00006400" INNER
#define GRE_IN	OUTER_ETH "0800 451e004c00010000632f4362 0a000002 0a000001"	\
		"20006558 00000064" INNER
#define IP6_1	"fd000000000000000000000000000001"
#define IP6_2	"fd000000000000000000000000000002"
#define GENEVE6_IN OUTER_ETH "86dd 61e00000 004c1163" IP6_2 IP6_1		\
		"11d717c1004c9578 03006558 00006400 01028001 00010002 01030000" INNER

#define TUN_MAC_BB	"0000 0001 0003 0200000000bb"
#define RULE_HEAD(lens)	lens "80 00000001 00000000 00000077 00000000 00000001 "
/* 13.2 with VF 1 as output */
#define VXLAN_RULE RULE_HEAD("0a0a02") "20000040"				\
	"92fe0000 50000002 00000000 00000000 00000000 "				\
	"0a000002 0a000001 00000000 00000000 00006400 "				\
	"92ff0000 ffffffff 00000000 00000000 00000000 "				\
	"ffffffff ffffffff 00000000 00000000 ffffff00 00028000 20000040"

static uint8_t body[1200], frame[512], inner[256];
static size_t len, inner_len;

static void setup_profile(const struct card_config *cfg)
{
	host_card(cfg, true);
	put_le(host.card->flower->host_mask, 0x80001fff, 8);
	mem_written(host.card, host.card->flower->host_mask, 8);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_port_up(AGL_PORT_PHYS(4));
	host_port_up(AGL_PORT_VF(0, 1));
	host_vnic_up(PF, 0);
	host_vnic_up(VF(1), 0);
	while (host_cmsg_rx(&len))
		;
	inner_len = hex(INNER, inner);
}

static void setup(void)
{
	setup_profile(NULL);
}

static void send(uint8_t type, const char *text)
{
	host_cmsg(type, body, hex(text, body));
}

static void our_ips(bool v6, const char *addr)
{
	memset(body, 0, sizeof(body));
	body[3] = 1;
	hex(addr, body + 4);
	if (v6)
		host_cmsg(AGL_CMSG_TUN_IPS_V6, body, 68);
	else
		host_cmsg(AGL_CMSG_TUN_IPS, body, 132);
}

static bool vf1_got(const uint8_t *want, size_t n)
{
	union agl_rx_desc d;
	const uint8_t *p = host_rx(VF(1), 0, &d);

	return p && le16toh(d.rxd.data_len) == n && !memcmp(p, want, n);
}

/* The frame came to the host as it was, with that port in front */
static bool fallback_of(const uint8_t *want, size_t n, uint32_t port)
{
	union agl_rx_desc d;
	const uint8_t *p = host_rx(PF, 0, &d);

	return p && get_be32(p) == 5 && get_be32(p + 4) == port &&
	       le16toh(d.rxd.data_len) == n + 8 && !memcmp(p + 8, want, n);
}

static void in(unsigned int wire, const char *text)
{
	len = hex(text, frame);
	card_wire_in(host.card, wire, frame, len);
}

static void test_decap(void)
{
	test_begin("VXLAN: worked rule 13.2 takes the inner packet to VF 1");
	setup();
	our_ips(false, "0a000001");
	send(AGL_CMSG_TUN_MAC, TUN_MAC_BB);
	send(AGL_CMSG_FLOW_ADD, VXLAN_RULE);
	CHECK(host_counter("rules") == 1);
	in(0, VXLAN_IN);
	CHECK(vf1_got(inner, inner_len));
	in(1, VXLAN_IN);
	CHECK(vf1_got(inner, inner_len));

	test_begin("VXLAN: one bit off in the VNI or an address is a miss");
	frame[48] ^= 1;
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	frame[48] ^= 1;
	/* One more in the address, one less in the header's checksum */
	frame[29]++;
	frame[25]--;
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	frame[29]--;
	frame[25]++;

	test_begin("an address that is not ours, or a wrong header checksum: no tunnel");
	our_ips(false, "0a000009");
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	our_ips(false, "0a000001");
	frame[24] ^= 1;
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	CHECK(host_counter("decaps") == 4);

	test_begin("a MAC address of one port counts on that port only");
	send(AGL_CMSG_TUN_MAC, "0000 0001 0401 0200000000bb");
	in(0, VXLAN_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	in(1, VXLAN_IN);
	CHECK(vf1_got(inner, inner_len));
	send(AGL_CMSG_TUN_MAC, "0002 0001 0000 0200000000bb");
	in(1, VXLAN_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(4)));
	CHECK(host_counter("tun_macs") == 0);
}

static void test_decap_others(void)
{
	test_begin("GRE with a key");
	setup();
	our_ips(false, "0a000001");
	send(AGL_CMSG_TUN_MAC, TUN_MAC_BB);
	send(AGL_CMSG_FLOW_ADD, RULE_HEAD("0c0c02") "20000040"
	     "13fe0000 00000001 50000001 00000000 00000000 00000000 "
	     "0a000002 0a000001 00041e63 00006558 00000064 00000000 "
	     "13ff0000 00000001 ffffffff 00000000 00000000 00000000 "
	     "ffffffff ffffffff 0004ffff 0000ffff ffffffff 00000000 "
	     "00028000 20000040");
	CHECK(host_counter("rules") == 1);
	in(0, GRE_IN);
	CHECK(vf1_got(inner, inner_len));

	test_begin("Geneve over IPv6 with options");
	setup();
	our_ips(true, IP6_1);
	send(AGL_CMSG_TUN_MAC, TUN_MAC_BB);
	/* 8 + 4 + 44 + 32 bytes */
	send(AGL_CMSG_FLOW_ADD, RULE_HEAD("161602") "20000040"
	     "03fe0000 000000e0 50000004" IP6_2 IP6_1
	     "00001e63 00000000 00006400 01028001 00010002 "
	     "00000000 00000000 00000000 00000000 00000000 00000000 "
	     "03ff0000 000000e0 ffffffff"
	     "ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff"
	     "0000ffff 00000000 ffffff00 ffffffff ffffffff "
	     "00000000 00000000 00000000 00000000 00000000 00000000 "
	     "00028000 20000040");
	CHECK(host_counter("rules") == 1);
	in(0, GENEVE6_IN);
	CHECK(vf1_got(inner, inner_len));
	frame[14 + 40 + 8 + 8 + 7] ^= 1;
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));

	test_begin("Geneve over IPv6 is not what a rule about IPv4 means");
	setup();
	our_ips(true, IP6_1);
	send(AGL_CMSG_TUN_MAC, TUN_MAC_BB);
	/* 8 + 4 + 20 bytes, none of them matched */
	send(AGL_CMSG_FLOW_ADD, RULE_HEAD("080802") "20000040"
	     "03fe0000 00000020 50000004 00000000 00000000 00000000 00000000 00000000 "
	     "03ff0000 00000020 ffffffff 00000000 00000000 00000000 00000000 00000000 "
	     "00028000 20000040");
	CHECK(host_counter("rules") == 1);
	in(0, GENEVE6_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
}

/* @text with one byte changed is no packet of a tunnel: it stays as it is */
static void no_tunnel(const char *text, unsigned int at, uint8_t bits)
{
	uint64_t before = host_counter("decaps");

	len = hex(text, frame);
	frame[at] ^= bits;
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	CHECK(host_counter("decaps") == before);
}

static void test_no_tunnel(void)
{
	test_begin("headers that are no tunnel's, or of one that isn't known");
	setup();
	our_ips(false, "0a000001");
	our_ips(true, IP6_1);
	send(AGL_CMSG_TUN_MAC, TUN_MAC_BB);
	no_tunnel(VXLAN_IN, 42, 0x08);		/* no VNI */
	no_tunnel(VXLAN_IN, 37, 0x01);		/* another UDP port */
	no_tunnel(GRE_IN, 34, 0x40);		/* routing */
	no_tunnel(GRE_IN, 35, 0x01);		/* version 1 */
	no_tunnel(GRE_IN, 37, 0x01);		/* no Ethernet in it */
	no_tunnel(GRE_IN, 5, 0x01);		/* to another MAC address */
	no_tunnel(GENEVE6_IN, 62, 0x40);	/* version 1 */
	no_tunnel(GENEVE6_IN, 65, 0x01);	/* no Ethernet in it */
	no_tunnel(GENEVE6_IN, 62, 0x3f);	/* options longer than the packet */
	in(0, VXLAN_IN);
	in(0, GRE_IN);
	in(0, GENEVE6_IN);
	CHECK(host_counter("decaps") == 3);
}

/* Everything from VF 1: 13.3, VXLAN with key 100 to 10.0.0.2 */
#define ENCAP_RULE RULE_HEAD("02020e") "00000000"				\
	"02fe0000 20000040 02ff0000 ffffffff "					\
	"11050000 0a000002 00000000 00000000 00000000 "				\
	"06070000 00000000 00000064 00000020 00054000 00000000 00000000 "	\
	"00028010 50000002"
/* Where its output is in the message */
#define ENCAP_OUTPUT (28 + 16 + 20 + 28)
#define NEIGH_13_6 "0a000002 0a000001 0200000000aa 0200000000bb 10000000"

static void test_encap(void)
{
	const uint8_t *m;
	struct l4_view v;
	uint8_t want[64];
	size_t n;

	test_begin("encapsulation without a neighbour: the host gets packet and question");
	setup();
	send(AGL_CMSG_FLOW_ADD, ENCAP_RULE);
	CHECK(host_counter("rules") == 1);
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(fallback_of(inner, inner_len, AGL_PORT_VF(0, 1)));
	m = host_cmsg_rx(&n);
	CHECK(m && n == 20 && m[2] == AGL_CMSG_NO_NEIGH &&
	      get_be32(m + 4) == AGL_PORT_VF(0, 1) && get_be32(m + 8) == 0x0a000002);
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(fallback_of(inner, inner_len, AGL_PORT_VF(0, 1)));
	CHECK(!host_cmsg_rx(&n));

	test_begin("worked list 13.3 with the neighbour of 13.6");
	send(AGL_CMSG_TUN_NEIGH, NEIGH_13_6);
	m = host_cmsg_rx(&n);
	CHECK(m && m[2] == AGL_CMSG_TUN_NEIGH && n == 28);
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(host.outs == 1 && host.out[0].wire == 0);
	hex("0200000000aa 0200000000bb 0800 45000054 00000000 40116697 "
	    "0a000001 0a000002", want);
	CHECK(!memcmp(host.out[0].data, want, 34));
	hex("12b50040", want);
	CHECK(!memcmp(host.out[0].data + 36, want, 4));
	hex("0800000000006400", want);
	CHECK(!memcmp(host.out[0].data + 42, want, 8));
	CHECK(!memcmp(host.out[0].data + 50, inner, inner_len));
	l4_parse(host.out[0].data, host.out[0].len, &v);
	CHECK(get_be16(host.out[0].data + 40) && csum_l4_ok(host.out[0].data, &v));

	test_begin("ACTIVE_TUNS for what was used, once");
	CHECK(host.deadline);
	host.now = host.deadline + 5000000000ull;
	card_timer(host.card);
	while ((m = host_cmsg_rx(&n)) && m[2] != AGL_CMSG_ACTIVE_TUNS)
		;
	CHECK(m && n == 4 + 12 + 16 && get_be32(m + 8) == 1 &&
	      get_be32(m + 16) == 0x0a000002 && get_be32(m + 20) == 0x10000000);
	host.now += 10000000000ull;
	card_timer(host.card);
	CHECK(!host_cmsg_rx(&n));

	test_begin("a deleted neighbour is one that isn't there");
	send(AGL_CMSG_TUN_NEIGH, "0a000002 00000000 000000000000 000000000000 00000000");
	CHECK(host_counter("neighs") == 0);
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(fallback_of(inner, inner_len, AGL_PORT_VF(0, 1)) && host.outs == 1);
}

/* The source port of what leaves for the inner packet with one byte changed */
static uint16_t source_port_of(unsigned int at)
{
	unsigned int n = host.outs;

	inner[at] ^= 1;
	host_tx(VF(1), inner, inner_len, 0, NULL);
	inner[at] ^= 1;
	CHECK(host.outs == n + 1);
	return get_be16(host.out[n % HOST_FRAMES].data + 34);
}

static void test_source_port(void)
{
	/* Addresses, ports and protocol; not ID, TTL, checksum, payload */
	static const unsigned int in[] = { 23, 26, 29, 30, 33, 34, 35, 36, 37 };
	static const unsigned int out[] = { 5, 11, 19, 22, 25, 38, 41, 45 };
	uint16_t port;
	unsigned int i;

	test_begin("the outer source port is the inner flow's, above 49151");
	setup();
	send(AGL_CMSG_TUN_NEIGH, NEIGH_13_6);
	send(AGL_CMSG_FLOW_ADD, ENCAP_RULE);
	port = source_port_of(45);
	CHECK(port >= 49152);
	for (i = 0; i < ARRAY_SIZE(in); i++)
		CHECK(source_port_of(in[i]) != port);
	for (i = 0; i < ARRAY_SIZE(out); i++)
		CHECK(source_port_of(out[i]) == port);
}

static void test_encap_others(void)
{
	uint8_t want[128];
	size_t n;

	test_begin("Geneve over IPv6: options in the opposite order of the list");
	setup();
	send(AGL_CMSG_TUN_NEIGH_V6,
	     IP6_2 IP6_1 "0200000000aa 0200000000bb 10000004");
	send(AGL_CMSG_FLOW_ADD, RULE_HEAD("020213") "00000000"
	     "02fe0000 20000040 02ff0000 ffffffff "
	     "11050001" IP6_2
	     "1a020000 01030000 1a030000 01028001 00010002 "
	     "06070000 00000000 00000064 00000040 0804401e 00000000 03006558 "
	     "00028010 50000004");
	CHECK(host_counter("rules") == 1);
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(host.outs == 1 && host.out[0].wire == 1);
	n = hex("0200000000aa 0200000000bb 86dd 61e00000 004c1140" IP6_1 IP6_2, want);
	CHECK(!memcmp(host.out[0].data, want, n));
	CHECK(!get_be16(host.out[0].data + 60));
	n = hex("03006558 00006400 01028001 00010002 01030000", want);
	CHECK(!memcmp(host.out[0].data + 62, want, n));
	CHECK(!memcmp(host.out[0].data + 62 + n, inner, inner_len));

	test_begin("GRE: eight bytes, no checksum though asked for");
	setup();
	send(AGL_CMSG_TUN_NEIGH, NEIGH_13_6);
	send(AGL_CMSG_FLOW_ADD, RULE_HEAD("02020e") "00000000"
	     "02fe0000 20000040 02ff0000 ffffffff "
	     "11050000 0a000002 00000000 00000000 00000000 "
	     "06070000 00000000 00000064 00000010 00054000 00000000 00000000 "
	     "00028010 50000001");
	host_tx(VF(1), inner, inner_len, 0, NULL);
	n = hex("2000655800000064", want);
	CHECK(host.outs == 1 && host.out[0].data[23] == 47);
	CHECK(!memcmp(host.out[0].data + 34, want, n));
	CHECK(!memcmp(host.out[0].data + 34 + n, inner, inner_len));
}

static void test_pre_tunnel(void)
{
	const uint8_t *m;
	size_t n;

	test_begin("a MAC address of an internal port wants a pre-tunnel rule");
	setup();
	our_ips(false, "0a000001");
	send(AGL_CMSG_TUN_MAC, "0000 0001 000b 0200000000bb");
	send(AGL_CMSG_FLOW_ADD, VXLAN_RULE);
	in(0, VXLAN_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	send(AGL_CMSG_PRE_TUN_RULE, "00000000 000b ffff 00000005");
	in(0, VXLAN_IN);
	CHECK(vf1_got(inner, inner_len));

	test_begin("its context counts what is let through, hit or miss");
	frame[48] ^= 1;
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	host.now = host.deadline;
	card_timer(host.card);
	m = host_cmsg_rx(&n);
	CHECK(m && n == 4 + 2 * 24);
	CHECK(m && get_be32(m + 4) == 5 && get_be32(m + 8) == 2);
	send(AGL_CMSG_PRE_TUN_RULE, "00000001 000b ffff 00000000");
	in(0, VXLAN_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));

	test_begin("pre-tunnel rules that are there twice, not there, one too many");
	for (n = 0; n < AGL_PRE_TUN_MAX; n++) {
		hex("00000000 000b 0000 00000005", body);
		put_be16(body + 6, n);
		host_cmsg(AGL_CMSG_PRE_TUN_RULE, body, 12);
	}
	CHECK(host_counter("flow_dup") == 0 && host_counter("tun_full") == 0);
	host_cmsg(AGL_CMSG_PRE_TUN_RULE, body, 12);
	CHECK(host_counter("flow_dup") == 1);
	put_be16(body + 6, n);
	host_cmsg(AGL_CMSG_PRE_TUN_RULE, body, 12);
	CHECK(host_counter("tun_full") == 1);
	body[3] = AGL_PRE_TUN_DEL;
	host_cmsg(AGL_CMSG_PRE_TUN_RULE, body, 12);
	CHECK(host_counter("flow_missing") == 1);
}

/* 13.6, and: no tag or VLAN 20, context 5; the group that it isn't for */
#define NEIGH_V2(tag) NEIGH_13_6 tag " 00000005 00000000"

static void test_decap_v2(void)
{
	struct card_config cfg;
	const uint8_t *m;
	size_t n;

	card_config_default(&cfg);
	cfg.profile = "full";
	test_begin("decap v2: the neighbour that a packet is from lets it in");
	setup_profile(&cfg);
	our_ips(false, "0a000001");
	send(AGL_CMSG_TUN_MAC, "0000 0001 000b 0200000000bb");
	send(AGL_CMSG_FLOW_ADD, VXLAN_RULE);
	in(0, VXLAN_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	send(AGL_CMSG_TUN_NEIGH, NEIGH_V2("ffff ffff"));
	in(0, VXLAN_IN);
	CHECK(vf1_got(inner, inner_len));
	while (host_cmsg_rx(&n))
		;
	host.now = host.deadline;
	card_timer(host.card);
	while ((m = host_cmsg_rx(&n)) && m[2] != AGL_CMSG_FLOW_STATS)
		;
	CHECK(m && n == 4 + 2 * 24 && get_be32(m + 4) == 5 && get_be32(m + 8) == 1);

	test_begin("decap v2: not with another tag, nor without a rule's context");
	send(AGL_CMSG_TUN_NEIGH, NEIGH_V2("8100 0014"));
	in(0, VXLAN_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	send(AGL_CMSG_TUN_NEIGH, NEIGH_13_6 "ffff ffff ffffffff 00000000");
	in(0, VXLAN_IN);
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));

	test_begin("decap v2: with the neighbour's tag, and no other one");
	send(AGL_CMSG_TUN_NEIGH, NEIGH_V2("8100 0014"));
	in(0, TAGGED("81000014"));
	CHECK(vf1_got(inner, inner_len));
	in(0, TAGGED("81000015"));
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	in(0, TAGGED("88a80014"));
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));
	in(0, TAGGED("81000014 81000014"));
	CHECK(fallback_of(frame, len, AGL_PORT_PHYS(0)));

	test_begin("a neighbour without MAC addresses is counted");
	send(AGL_CMSG_TUN_NEIGH, "0a000002 0a000001 000000000000 0200000000bb 10000000"
	     "ffff ffff 00000005 00000000");
	CHECK(host_counter("neigh_no_mac") == 1);
}

#define TO_INTERNAL "0a000002 0a000001 0200000000aa 0200000000bb 30000001"

static void test_internal(void)
{
	const uint8_t *m;
	union agl_rx_desc d;
	const uint8_t *p;
	size_t n;

	test_begin("underlay on an internal port: around again, or to the host");
	setup();
	send(AGL_CMSG_TUN_NEIGH, TO_INTERNAL);
	send(AGL_CMSG_FLOW_ADD, ENCAP_RULE);
	host_tx(VF(1), inner, inner_len, 0, NULL);
	p = host_rx(PF, 0, &d);
	CHECK(p && get_be32(p + 4) == 0x30000001 &&
	      le16toh(d.rxd.data_len) == 8 + 50 + inner_len);
	put_le(host.card->flower->merge_hints, 1, 4);
	hex(RULE_HEAD("020202") "10000000"
	    "02fe0000 30000001 02ff0000 ffffffff 00028000 10000000", body);
	/* The mask is there, and this is another context */
	body[3] = 0;
	body[7] = 2;
	host_cmsg(AGL_CMSG_FLOW_ADD, body, 28 + 16 + 8);
	while (host_cmsg_rx(&n))
		;
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(host.outs == 1 && host.out[0].wire == 0);
	m = host_cmsg_rx(&n);
	CHECK(m && m[2] == AGL_CMSG_MERGE_HINT && n == 32 &&
	      get_be32(m + 4) == 1 && get_be32(m + 8) == 1 && get_be32(m + 20) == 2);

	test_begin("the host has made the two one: outer headers, and that port");
	hex(ENCAP_RULE, body);
	put_be16(body + ENCAP_OUTPUT + 2, 0x8000);
	put_be32(body + ENCAP_OUTPUT + 4, 0x10000000);
	host_cmsg(AGL_CMSG_FLOW_MOD, body, 28 + 16 + 56);
	host.outs = 0;
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(host.outs == 1 && host.out[0].wire == 0 &&
	      host.out[0].len == 50 + inner_len);
	CHECK(!memcmp(host.out[0].data, "\x02\0\0\0\0\xaa\x02\0\0\0\0\xbb", 12));

	test_begin("a packet can't go around forever");
	setup();
	send(AGL_CMSG_TUN_NEIGH, TO_INTERNAL);
	send(AGL_CMSG_FLOW_ADD, ENCAP_RULE);
	hex(ENCAP_RULE, body);
	body[3] = 0;
	put_be32(body + 32, 0x30000001);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, 28 + 16 + 56);
	CHECK(host_counter("rules") == 2);
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(host_counter("recirc_over") == 1 && host.outs == 0);
}

/* 50 us on the PF's receive ring */
static void moderate_pf(void)
{
	unsigned int ticks = 50 * AGL_ME_FREQ_DEFAULT / 16;

	put_le(PF->cb + AGL_CB_RXR_IRQMOD(0), 0xffu << 16 | ticks, 4);
	host_vnic_up(PF, AGL_CTRL_IRQMOD);
}

static void test_timers(void)
{
	unsigned int vec = PF->natural;

	test_begin("an interrupt due in 50 us waits for no statistics");
	setup();
	send(AGL_CMSG_TUN_NEIGH, NEIGH_13_6);
	send(AGL_CMSG_FLOW_ADD, ENCAP_RULE);
	moderate_pf();
	host.now = 1000000;
	in(0, OUTER_ETH IP_IN);
	CHECK(host.deadline == 1050000 && !host.irqs[vec]);
	host.now = 1010000;
	host_tx(VF(1), inner, inner_len, 0, NULL);
	CHECK(host_counter("encaps") == 1 && host.deadline == 1050000);
	host.now = host.deadline;
	card_timer(host.card);
	CHECK(host.irqs[vec] == 1);

	test_begin("after it come the statistics, then ACTIVE_TUNS, then nothing");
	CHECK(host.deadline == 1010000 + 1000000000ull);
	host.now = host.deadline;
	card_timer(host.card);
	CHECK(host_counter("stats_msgs") == 1);
	CHECK(host.deadline == 1010000 + 5000000000ull);
	host.now = host.deadline;
	card_timer(host.card);
	CHECK(!host.deadline);
}

static void test_malformed(void)
{
	static const uint8_t types[] = {
		AGL_CMSG_TUN_MAC, AGL_CMSG_TUN_IPS, AGL_CMSG_TUN_IPS_V6,
		AGL_CMSG_TUN_NEIGH, AGL_CMSG_TUN_NEIGH_V6, AGL_CMSG_PRE_TUN_RULE,
	};
	unsigned int i;

	test_begin("tunnel messages of a wrong size are refused");
	setup();
	memset(body, 0xff, sizeof(body));
	for (i = 0; i < ARRAY_SIZE(types); i++)
		host_cmsg(types[i], body, 11);
	CHECK(host_counter("cmsg_bad") == ARRAY_SIZE(types));
	host_cmsg(AGL_CMSG_TUN_IPS, body, 132);
	host_cmsg(AGL_CMSG_TUN_IPS_V6, body, 68);
	CHECK(host_counter("cmsg_bad") == ARRAY_SIZE(types) + 2);

	test_begin("packets cut off anywhere do no harm");
	our_ips(false, "0a000001");
	our_ips(true, IP6_1);
	send(AGL_CMSG_TUN_MAC, TUN_MAC_BB);
	for (i = 14; i < 130; i++) {
		uint8_t *exact = malloc(i);

		hex(GENEVE6_IN, frame);
		memcpy(exact, frame, i);
		card_wire_in(host.card, 0, exact, i);
		hex(VXLAN_IN, frame);
		memcpy(exact, frame, i < 98 ? i : 98);
		card_wire_in(host.card, 0, exact, i < 98 ? i : 98);
		free(exact);
		host_vnic_up(PF, 0);
	}
}

int main(void)
{
	test_decap();
	test_decap_others();
	test_no_tunnel();
	test_encap();
	test_encap_others();
	test_source_port();
	test_pre_tunnel();
	test_decap_v2();
	test_internal();
	test_timers();
	test_malformed();
	return test_end();
}
