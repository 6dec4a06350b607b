// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a frame to its key: what is where, in bytes written by hand from
 * 03-flower.md section 4.
 */
#include "host.h"

#define E	"0a0b0c0d0e0f 010203040506 "
#define MAC	"0a0b0c0d0e0f 010203040506 00000000 "
#define PORTS	"04d20050 "
#define TCP(flags) PORTS "00000001 00000000 50" flags "2000 00000000"
#define IP4(frag, proto) "0800 45b80028 0001" frag "40" proto "0000 c0a80105 0a000002 "
#define IP6_A	"fd000000000000000000000000000001 fd0000000000000000000000000000aa "
#define IP6(next) "86dd 6b8fffff 0000" next "3f" IP6_A

static void key_is(const char *name, const char *text, const char *want)
{
	uint8_t frame[256], out[256], mask[256], k[AGL_KEY_MAX] = {};
	size_t len = hex(text, frame), n = hex(want, out);
	struct packet_key key;

	test_begin(name);
	memset(mask, 0xff, sizeof(mask));
	memcpy(mask, out, 8);
	key_extract(host.card, AGL_PORT_PHYS(0), frame, len, &key);
	CHECK(key_build(&key, mask, k));
	CHECK(!memcmp(k, out, n) && !k[n]);
}

/* The packet has no such layers */
static void no_key(const char *name, const char *text, uint8_t layers)
{
	uint8_t frame[256], mask[8] = { layers }, k[AGL_KEY_MAX];
	size_t len = hex(text, frame);
	struct packet_key key;

	test_begin(name);
	key_extract(host.card, AGL_PORT_PHYS(0), frame, len, &key);
	CHECK(!key_build(&key, mask, k));
}

static void test_ipv4(void)
{
	key_is("key: a tag, IPv4, TCP with SYN and PSH",
	       E "81006064" IP4("4000", "06") TCP("0a"),
	       "1e007064 10000000 " MAC PORTS "b806400a c0a80105 0a000002");
	key_is("key: PSH and URG are not seen alone",
	       E IP4("4000", "06") TCP("38"),
	       "1e000000 10000000 " MAC PORTS "b8064000 c0a80105 0a000002");
	key_is("key: FIN, RST, URG",
	       E IP4("4000", "06") TCP("25"),
	       "1e000000 10000000 " MAC PORTS "b8064015 c0a80105 0a000002");
	key_is("key: UDP has ports and no flags",
	       E IP4("4000", "11") TCP("0a"),
	       "1e000000 10000000 " MAC PORTS "b8114000 c0a80105 0a000002");
	key_is("key: ICMP has none",
	       E IP4("4000", "01") TCP("0a"),
	       "1e000000 10000000 " MAC "00000000 b8014000 c0a80105 0a000002");
	key_is("key: a first fragment has ports",
	       E IP4("2000", "06") TCP("02"),
	       "1e000000 10000000 " MAC PORTS "b80640c2 c0a80105 0a000002");
	key_is("key: one in the middle has none",
	       E IP4("2001", "06") TCP("02"),
	       "1e000000 10000000 " MAC "00000000 b8064040 c0a80105 0a000002");
	key_is("key: neither has the last one",
	       E IP4("0001", "06") TCP("02"),
	       "1e000000 10000000 " MAC "00000000 b8064040 c0a80105 0a000002");
	no_key("key: an IPv4 header that is cut has no layer",
	       E "0800 45b80028 00014000 40060000 c0a80105 0a0000", AGL_KEY_IPV4);
	no_key("key: IPv4 that says it is IPv6 has none",
	       E "0800 65b80028 00014000 40060000 c0a80105 0a000002 00000000",
	       AGL_KEY_IPV4);
}

static void test_ipv6(void)
{
	key_is("key: IPv6, UDP",
	       E IP6("11") TCP("02"),
	       "2e000000 10000000 " MAC PORTS "b8113f00 00000000" IP6_A);
	key_is("key: IPv6, ports behind two extension headers",
	       E IP6("00") "3c00 000000000000 0601 0000000000000000000000000000"
	       TCP("02"),
	       "2e000000 10000000 " MAC PORTS "b8063f02 00000000" IP6_A);
	key_is("key: IPv6, a first fragment",
	       E IP6("2c") "06000001 00000000" TCP("02"),
	       "2e000000 10000000 " MAC PORTS "b8063fc2 00000000" IP6_A);
	key_is("key: IPv6, the only fragment",
	       E IP6("2c") "06000000 00000000" TCP("02"),
	       "2e000000 10000000 " MAC PORTS "b8063f42 00000000" IP6_A);
	key_is("key: IPv6, a later fragment",
	       E IP6("2c") "06000009 00000000" TCP("02"),
	       "2e000000 10000000 " MAC "00000000 b8063f40 00000000" IP6_A);
	no_key("key: an IPv6 header that is cut has no layer",
	       E "86dd 6b8fffff 0000113f fd000000000000000000000000000001"
	       "fd0000000000000000000000000000", AGL_KEY_IPV6);
}

static void test_others(void)
{
	key_is("key: MPLS, label, class and bottom of stack, not TTL",
	       E "8847 0007b543 45000000",
	       "06000000 10000000 0a0b0c0d0e0f 010203040506 0007b501");
	no_key("key: what is behind MPLS has no layer",
	       E "8847 0007b543 45b80028 00014000 40060000 c0a80105 0a000002",
	       AGL_KEY_IPV4);
	key_is("key: without QinQ the second tag is the type",
	       E "81006064 81000005" IP4("4000", "06") TCP("02"),
	       "06007064 10000000 " MAC);
	no_key("key: so nothing behind it is read",
	       E "81006064 81000005" IP4("4000", "06") TCP("02"), AGL_KEY_IPV4);
	host.card->flower->features |= AGL_FEAT_VLAN_QINQ;
	key_is("key: with QinQ there are two, and the TCI is there alone",
	       E "88a86064 81000005" IP4("4000", "06") TCP("02"),
	       "1f000000 00000010 10000000 " MAC PORTS
	       "b8064002 c0a80105 0a000002 88a87064 81001005");
	key_is("key: with QinQ and one tag the inner one is zero",
	       E "81006064" IP4("4000", "06") TCP("02"),
	       "1f000000 00000010 10000000 " MAC PORTS
	       "b8064002 c0a80105 0a000002 81007064 00000000");
}

int main(void)
{
	host_card(NULL, true);
	host.card->flower->features &= ~AGL_FEAT_VLAN_QINQ;
	test_ipv4();
	test_ipv6();
	test_others();
	return test_end();
}
