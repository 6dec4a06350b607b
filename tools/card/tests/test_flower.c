// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules and actions, against the worked bytes of 03-flower.md section 13.
 */
#include "host.h"

#define PF	(&host.card->vnics->pf)
#define VF(n)	(&host.card->vnics->vf[n])

/* 13.1 without the message header: port 0, 192.168.1.0/24, TCP 80 to VF 1 */
#define ADD_13_1							\
	"0a0a0280 0001ffff 00000000 12345678 00000000 00000000 20000040 "	\
	"1eff0000 10000000 02000000 00010000 00000000 00000000 00000050 "	\
	"00060000 c0a80100 00000000 "						\
	"1eff0000 ffffffff ffffffff ffff0000 00000000 00000000 0000ffff "	\
	"00ff0000 ffffff00 00000000 00028000 20000040"
#define FRAME_13_1							\
	"020000000001 020000000099 0800 4500002e 00014000 40060000 c0a80105 "	\
	"0a000002 04d20050 00000001 00000000 50022000 00000000 000102030405"

static uint8_t body[1200], frame[256];
static size_t len;

static void setup(void)
{
	host_card(NULL, true);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_port_up(AGL_PORT_PHYS(4));
	host_port_up(AGL_PORT_VF(0, 1));
	host_vnic_up(PF, 0);
	host_vnic_up(VF(1), 0);
	while (host_cmsg_rx(&len))
		;
	len = hex(FRAME_13_1, frame);
}

static bool vf1_got(const uint8_t *want, size_t n)
{
	union agl_rx_desc d;
	const uint8_t *p = host_rx(VF(1), 0, &d);

	return p && le16toh(d.rxd.data_len) == n && !memcmp(p, want, n);
}

static bool fallback_came(void)
{
	union agl_rx_desc d;

	return host_rx(PF, 0, &d);
}

static void test_lookup(void)
{
	static const unsigned int bits[] = { 5, 23, 28, 37 };
	unsigned int i;

	test_begin("worked rule 13.1 takes its packet to VF 1");
	setup();
	host_cmsg(AGL_CMSG_FLOW_ADD, body, hex(ADD_13_1, body));
	CHECK(host_counter("rules") == 1 && host_counter("masks") == 1);
	card_wire_in(host.card, 0, frame, len);
	CHECK(vf1_got(frame, len) && !fallback_came());

	test_begin("one bit off in a matched field is a miss");
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		frame[bits[i]] ^= 1;
		card_wire_in(host.card, 0, frame, len);
		/* Byte 28 is the last one of 192.168.1.x's prefix */
		CHECK(fallback_came());
		frame[bits[i]] ^= 1;
	}
	card_wire_in(host.card, 1, frame, len);
	CHECK(fallback_came());
	CHECK(host_counter("lookup_misses") == 5);

	test_begin("unmatched bits don't matter");
	frame[29] ^= 0xff;
	frame[11] ^= 0xff;
	card_wire_in(host.card, 0, frame, len);
	CHECK(vf1_got(frame, len));
}

static void test_stats(void)
{
	const uint8_t *m;
	size_t n;

	test_begin("FLOW_STATS as in 13.7, and only when something was counted");
	setup();
	host_cmsg(AGL_CMSG_FLOW_ADD, body, hex(ADD_13_1, body));
	host.now = 5000000000ull;
	for (int i = 0; i < 3; i++)
		card_wire_in(host.card, 0, frame, len);
	CHECK(!host_cmsg_rx(&n) && host.deadline == 6000000000ull);
	host.now = host.deadline;
	card_timer(host.card);
	m = host_cmsg_rx(&n);
	CHECK(m && n == 28 && get_be32(m) == 0x00000f01);
	CHECK(m && get_be32(m + 4) == 0x1ffff && get_be32(m + 8) == 3);
	CHECK(m && get_be32(m + 16) == 3 * (len + 14));
	CHECK(m && get_be32(m + 24) == 0x12345678);
	CHECK(host.deadline == 0);

	test_begin("a delete reports the last counts first");
	card_wire_in(host.card, 0, frame, len);
	host_cmsg(AGL_CMSG_FLOW_DEL, body, hex(ADD_13_1, body));
	m = host_cmsg_rx(&n);
	CHECK(m && get_be32(m + 8) == 1);
	CHECK(host_counter("rules") == 0 && host_counter("masks") == 0);
}

static void test_errors(void)
{
	size_t n = hex(ADD_13_1, body);

	test_begin("duplicates, unknown masks and missing rules are counted");
	setup();
	host_cmsg(AGL_CMSG_FLOW_ADD, body, n);
	body[3] = 0;
	host_cmsg(AGL_CMSG_FLOW_ADD, body, n);
	CHECK(host_counter("flow_dup") == 1 && host_counter("rules") == 1);
	body[28 + 1] = 17;
	host_cmsg(AGL_CMSG_FLOW_ADD, body, n);
	CHECK(host_counter("mask_unknown") == 1);
	host_cmsg(AGL_CMSG_FLOW_DEL, body, n);
	CHECK(host_counter("flow_missing") == 1);

	test_begin("short, unknown and wrongly framed messages are counted");
	host_cmsg(AGL_CMSG_FLOW_ADD, body, 20);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, n - 1);
	CHECK(host_counter("cmsg_bad") == 2);
	host_cmsg(31, body, 132);
	CHECK(host_counter("cmsg_unknown") == 1);
	host_cmsg(AGL_CMSG_TUN_IPS, body, 131);
	CHECK(host_counter("cmsg_bad") == 3);
	hex(ADD_13_1, body);
	body[n - 8] = 24;
	host_cmsg(AGL_CMSG_FLOW_ADD, body, n);
	CHECK(host_counter("flow_bad_action") == 1);

	test_begin("overlapping rules: the oldest wins, the conflict is counted");
	setup();
	host_cmsg(AGL_CMSG_FLOW_ADD, body, hex(ADD_13_1, body));
	hex("03030080 0001fffe 00000000 00000001 00000000 00000001 80000000 "
	    "12fe0000 10000000 00000000 12ff0000 ffffffff 00000000", body);
	/* IPv4 layer is three long words */
	n = hex("05050080 0001fffe 00000000 00000001 00000000 00000001 80000000 "
		"12fe0000 10000000 00000000 00000000 00000000 "
		"12ff0000 ffffffff 00000000 00000000 00000000", body);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, n);
	CHECK(host_counter("rules") == 2);
	card_wire_in(host.card, 0, frame, len);
	CHECK(vf1_got(frame, len) && host_counter("lookup_conflicts") == 1);
}

/* A rule "everything on port 0" with an action list, its packet's fate */
static void with_actions(const char *acts)
{
	uint8_t a[1024];
	size_t n = hex(acts, a), at;

	setup();
	at = hex("02020080 00000001 00000000 00000001 00000000 00000001 00000000 "
		 "02ff0000 10000000 02ff0000 ffffffff", body);
	body[2] = n / 4;
	memcpy(body + at, a, n);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, at + n);
	CHECK(host_counter("rules") == 1);
}

#define OUT_VF1 "00028000 20000040"

static void action(const char *name, const char *acts, const char *before,
		   const char *after)
{
	uint8_t in[256], want[256];
	size_t in_len, want_len;
	char list[512];
	struct l4_view v;

	test_begin(name);
	snprintf(list, sizeof(list), "%s " OUT_VF1, acts);
	with_actions(list);
	in_len = hex(before, in);
	want_len = hex(after, want);
	card_wire_in(host.card, 0, in, in_len);
	l4_parse(want, want_len, &v);
	CHECK(vf1_got(want, want_len));
}

#define E	"020000000001 020000000002 "
/* UDP, checksums worked out by a program of its own, not this code */
#define IP4_BARE	"4500002200010000401166c80a0000010a000002"
#define IP4	"0800" IP4_BARE
#define UDP	"0035270f000ebb7f 010203040506"

static void test_actions(void)
{
	action("PUSH_VLAN", "01020000 81006064", E IP4 UDP,
	       E "81006064" IP4 UDP);
	action("PUSH_VLAN of 802.1ad", "01020000 88a80001", E "81006064" IP4 UDP,
	       E "88a80001 81006064" IP4 UDP);
	action("POP_VLAN", "02010000", E "81006064" IP4 UDP, E IP4 UDP);
	action("PUSH_MPLS behind a tag", "03028847 0007b543",
	       E "81006064" IP4 UDP, E "81006064 88470007b543" IP4_BARE UDP);
	action("POP_MPLS", "04010800", E "88470007b543" IP4_BARE UDP, E IP4 UDP);
	action("SET_MPLS, the label", "08030000 fffff000 0004d000",
	       E "88470007b543" IP4_BARE UDP, E "88470004d543" IP4_BARE UDP);
	action("SET_ETHERNET, part of the bits",
	       "07070000 ffffffffffff 00000000000f 0a0b0c0d0e0f 000000000005",
	       E IP4 UDP, "0a0b0c0d0e0f 020000000005" IP4 UDP);
	action("SET_IPV4_ADDRS repairs both checksums",
	       "09050000 ffffffff 0a00004d 00000000 00000000", E IP4 UDP,
	       E "0800 45000022000100004011667c0a00004d0a000002"
	       "0035270f000ebb33 010203040506");
	action("SET_IPV4_ADDRS in front of a payload of odd length",
	       "09050000 ffffffff 0a00004d 00000000 00000000",
	       E "0800 4500002100010000401166c90a0000010a000002"
	       "0035270f000d3b87 0102030485",
	       E "0800 4500002100010000 4011667d0a00004d0a000002"
	       "0035270f000d3b3b 0102030485");
	action("SET_IPV4_ADDRS, the destination, part of the bits",
	       "09050000 00000000 00000000 0000ffff 0000034d", E IP4 UDP,
	       E "0800 4500002200010000401163 7d 0a0000010a00034d"
	       "0035270f000eb834 010203040506");
	action("SET_IPV4_TTL_TOS", "0a02fffc 3fb80000", E IP4 UDP,
	       E "0800 45b80022000100003f1167100a0000010a000002" UDP);
	action("SET_UDP, destination port", "0e030000 0000ffff 00001f90",
	       E IP4 UDP, E IP4 "00351f90000ec2fe 010203040506");
	action("SET_UDP of a packet without payload", "0e030000 0000ffff 00001f90",
	       E "0800 4500001c00010000401166ce0a0000010a000002 0035270f0008c497",
	       E "0800 4500001c00010000401166ce0a0000010a000002 00351f900008cc16");
	action("SET_UDP leaves a checksum of zero", "0e030000 0000ffff 00001f90",
	       E IP4 "0035270f000e0000 010203040506",
	       E IP4 "00351f90000e0000 010203040506");
	action("SET_IPV4 of a fragment leaves L4 alone",
	       "09050000 ffffffff 0a00004d 00000000 00000000",
	       E "0800 45000022000120014011 46c7 0a0000010a000002" UDP,
	       E "0800 45000022000120014011 467b 0a00004d0a000002" UDP);
	action("SET_IPV6_TC_HL_FL: label word has class and label",
	       "0d0400ff 0000003f 0ff00000 0b800000",
	       E "86dd 6000000000003b40 fd000000000000000000000000000001 "
	       "fd000000000000000000000000000002",
	       E "86dd 6b80000000003b3f fd000000000000000000000000000001 "
	       "fd000000000000000000000000000002");
	action("SET_IPV6_SRC", "0b090000 00000000 00000000 00000000 00000000 "
	       "00000000 00000000 ffffffff 00000077",
	       E "86dd 6000000000003b40 fd000000000000000000000000000001 "
	       "fd000000000000000000000000000002",
	       E "86dd 6000000000003b40 fd000000000000000000000000000077 "
	       "fd000000000000000000000000000002");
	action("SET_IPV6_DST", "0c090000 00000000 00000000 00000000 00000000 "
	       "00000000 00000000 ffffffff 00000088",
	       E "86dd 6000000000003b40 fd000000000000000000000000000001 "
	       "fd000000000000000000000000000002",
	       E "86dd 6000000000003b40 fd000000000000000000000000000001 "
	       "fd000000000000000000000000000088");
	action("SET_TCP, source port",
	       "0f030000 ffff0000 1f900000",
	       E "0800 4500002800010000400666cd0a0000010a000002"
	       "00500051 00000001 00000002 50100100 9a2e0000",
	       E "0800 4500002800010000400666cd0a0000010a000002"
	       "1f900051 00000001 00000002 50100100 7aee0000");
}

static void most_pushes(void)
{
	char list[2100] = "";
	unsigned int i;

	for (i = 0; i < 126; i++)
		strcat(list, "0102000081000005");
	strcat(list, "0002800010000000");
	with_actions(list);
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("out_too_long") + host_counter("wire_out") +
	      host_counter("out_port_down") == 1);
}

static void test_output(void)
{
	test_begin("mirror sees the packet before later changes");
	with_actions("00020000 10000004 01020000 81000005 " OUT_VF1);
	card_wire_in(host.card, 0, frame, len);
	CHECK(host.outs == 1 && host.out[0].wire == 1);
	CHECK(!memcmp(host.out[0].data, frame, len));

	test_begin("pop without a tag drops, and is counted");
	with_actions("02010000 " OUT_VF1);
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("act_no_header") == 1 && host_counter("outputs") == 0);

	test_begin("a list without an output drops, and is counted");
	with_actions("01020000 81006064");
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("act_no_output") == 1 && host_counter("outputs") == 0);
	CHECK(host_counter("fallbacks") == 0);

	test_begin("as many pushes as a list can have stay inside the buffer");
	most_pushes();

	test_begin("hairpin, MTU and a port that is down");
	with_actions("00028000 10000000");
	card_wire_in(host.card, 0, frame, len);
	CHECK(host.outs == 1 && host.out[0].wire == 0);
	{
		static uint8_t big[1600];

		memcpy(big, frame, 14);
		big[12] = 0x12;
		card_wire_in(host.card, 0, big, 1514);
		CHECK(host.outs == 2);
		card_wire_in(host.card, 0, big, 1515);
		CHECK(host.outs == 2 && host_counter("out_too_long") == 1);
	}
	card_cable(host.card, 0, false);
	card_wire_in(host.card, 0, frame, len);
	CHECK(host.outs == 2 && host_counter("in_port_down") == 1);
}

/* A rule with that shortcut and list. Return: whether it was found wrong */
static bool shortcut_wrong(uint32_t shortcut, const char *acts)
{
	uint64_t before;
	uint8_t a[64];
	size_t n = hex(acts, a), at;

	setup();
	before = host_counter("flow_bad_shortcut");
	at = hex("02020080 00000001 00000000 00000001 00000000 00000001 00000000 "
		 "02ff0000 10000000 02ff0000 ffffffff", body);
	body[2] = n / 4;
	put_be32(body + 24, shortcut);
	memcpy(body + at, a, n);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, at + n);
	CHECK(host_counter("rules") == 1);
	return host_counter("flow_bad_shortcut") != before;
}

static void test_shortcuts(void)
{
	test_begin("a shortcut says what the list says, or it is counted");
	CHECK(!shortcut_wrong(AGL_SHORTCUT_NULL, OUT_VF1));
	CHECK(!shortcut_wrong(AGL_SHORTCUT_NULL, "01020000 81006064 " OUT_VF1));
	CHECK(!shortcut_wrong(AGL_SHORTCUT_USER, OUT_VF1));
	CHECK(!shortcut_wrong(AGL_SHORTCUT_DROP, ""));
	CHECK(shortcut_wrong(AGL_SHORTCUT_DROP, OUT_VF1));
	CHECK(!shortcut_wrong(AGL_SHORTCUT_POP_VLAN, "02010000"));
	CHECK(shortcut_wrong(AGL_SHORTCUT_POP_VLAN, "02010000 " OUT_VF1));
	CHECK(!shortcut_wrong(0x20000040, OUT_VF1));
	CHECK(shortcut_wrong(0x20000080, OUT_VF1));
	CHECK(shortcut_wrong(0x20000040, "01020000 81006064 " OUT_VF1));

	test_begin("USER sends to the host, DROP nowhere");
	shortcut_wrong(AGL_SHORTCUT_USER, OUT_VF1);
	card_wire_in(host.card, 0, frame, len);
	CHECK(fallback_came());
	shortcut_wrong(AGL_SHORTCUT_DROP, "");
	card_wire_in(host.card, 0, frame, len);
	CHECK(!fallback_came() && host_counter("act_drop") == 1);
}

/* A VF with a port VLAN: its driver sees no tag, rules and wires do */
static void test_vst(void)
{
	uint8_t in[256], want[256];
	size_t in_len, want_len;

	test_begin("a port VLAN: pushed from the VF, popped to it, that one only");
	with_actions(OUT_VF1);
	VF(1)->vst_tci = 0x6064;
	in_len = hex(E "8100a064" IP4 UDP, in);
	want_len = hex(E IP4 UDP, want);
	card_wire_in(host.card, 0, in, in_len);
	CHECK(vf1_got(want, want_len));
	in[15]++;
	card_wire_in(host.card, 0, in, in_len);
	CHECK(vf1_got(in, in_len));
	in_len = hex(E IP4 UDP, in);
	card_wire_in(host.card, 0, in, in_len);
	CHECK(vf1_got(in, in_len) && host_counter("outputs") == 3);
	host_tx(VF(1), in, in_len, 0, NULL);
	want_len = hex(E "81006064" IP4 UDP, want);
	{
		union agl_rx_desc d;
		const uint8_t *p = host_rx(PF, 0, &d);

		CHECK(p && le16toh(d.rxd.data_len) == 8 + want_len &&
		      !memcmp(p + 8, want, want_len));
	}
}

static void test_ports(void)
{
	struct agl_port_reify reify = { .port = htobe32(AGL_PORT_VF(0, 1)) };
	const uint8_t *m;
	uint8_t want[16];
	size_t n;

	test_begin("port messages as in 13.5");
	host_card(NULL, true);
	host_ctrl_up();
	host_cmsg(AGL_CMSG_PORT_REIFY, body, hex("20000040 00000001", body));
	m = host_cmsg_rx(&n);
	CHECK(m && n == hex("00000601 20000040 00000001", want) &&
	      !memcmp(m, want, n));
	/* VF 1 is not enabled: its representor has no link */
	m = host_cmsg_rx(&n);
	CHECK(m && n == hex("00000801 20000040 00000000", want) &&
	      !memcmp(m, want, n));
	host_vnic_up(VF(1), 0);
	m = host_cmsg_rx(&n);
	CHECK(m && m[9] == AGL_PORT_MOD_LINK);
	host_cmsg(AGL_CMSG_PORT_REIFY, body, hex("10000000 00000001", body));
	host_cmsg_rx(&n);
	host.card->ports[0].configured = true;
	host_cmsg(AGL_CMSG_MAC_REPR, body,
		  hex("00000002 00000000 01000404", body));
	m = host_cmsg_rx(&n);
	CHECK(m && n == hex("00000801 10000000 00010000", want) &&
	      !memcmp(m, want, n));
	/* Port 4 is not reified: nothing is said of it */
	CHECK(!host_cmsg_rx(&n));
	host_cmsg(AGL_CMSG_PORT_MOD, body, hex("10000000 00032328", body));
	m = host_cmsg_rx(&n);
	CHECK(m && n == hex("00000801 10000000 00032328", want) &&
	      !memcmp(m, want, n));

	test_begin("no message for a port that the host gave up");
	host_cmsg(AGL_CMSG_PORT_REIFY, &reify, sizeof(reify));
	host_cmsg_rx(&n);
	while (host_cmsg_rx(&n))
		;
	card_flr(host.card, CARD_FN_VF(1));
	CHECK(!host_cmsg_rx(&n));
}

/* Control messages from anyone: no crash, no leak */
static void test_fuzz(void)
{
	test_begin("20,000 random control messages and frames");
	setup();
	srand(2);
	for (int i = 0; i < 20000; i++) {
		size_t n = hex(ADD_13_1, body);
		int k;

		for (k = 0; k < rand() % 6; k++)
			body[rand() % n] = rand();
		if (rand() % 4 == 0)
			n = rand() % (n + 1);
		host_cmsg(rand() % 40, body, n);
		memcpy(body, frame, len);
		for (k = 0; k < rand() % 6; k++)
			body[rand() % len] = rand();
		card_wire_in(host.card, rand() % 3, body, rand() % (len + 1));
	}
	CHECK(host_counter("cmsg_rx") > 20000);
}

int main(void)
{
	test_lookup();
	test_stats();
	test_errors();
	test_actions();
	test_output();
	test_shortcuts();
	test_vst();
	test_ports();
	test_fuzz();
	return test_end();
}
