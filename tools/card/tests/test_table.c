// SPDX-License-Identifier: GPL-2.0-or-later
/* The rule table with many rules, and the counts that leave it. */
#include <time.h>

#include "host.h"

#define PF	(&host.card->vnics->pf)
#define CTRL	(&host.card->vnics->ctrl)
#define VF(n)	(&host.card->vnics->vf[n])

/* An IPv4 source address from port 0 to VF 1 */
#define RULE	"05050280 00000001 00000000 00000077 00000000 00000001 20000040 " \
		"12fe0000 10000000 00000000 0a000000 00000000 "			\
		"12ff0000 ffffffff 00000000 ffffffff 00000000 00028000 20000040"
#define FRAME	"020000000001 020000000099 0800 4500002e 00014000 40060000 0a000000 " \
		"0a000002 04d20050 00000001 00000000 50022000 00000000 000102030405"

static uint8_t body[1200], frame[256];
static size_t len, rule_len;

static void setup(unsigned int contexts)
{
	struct card_config cfg;

	card_config_default(&cfg);
	cfg.contexts = contexts;
	host_card(&cfg, true);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_port_up(AGL_PORT_VF(0, 1));
	host_vnic_up(PF, 0);
	host_vnic_up(VF(1), 0);
	while (host_cmsg_rx(&len))
		;
	len = hex(FRAME, frame);
	/* IPv4 is TOS to flags, source, destination */
	rule_len = hex(RULE, body);
}

/* Rule number @n, and a packet for it */
static void rule(unsigned int n)
{
	body[3] = n ? 0 : AGL_FLOW_MANAGE_MASK;
	put_be32(body + 4, n);
	put_be32(body + 12, 1000 + n);
	put_be32(body + 20, 1 + n);
	put_be32(body + 28 + 12, 0x0a000000 + n);
}

static void hit(unsigned int n)
{
	put_be32(frame + 26, 0x0a000000 + n);
	card_wire_in(host.card, 0, frame, len);
}

static void add(unsigned int n)
{
	rule(n);
	table_add(host.card, body, rule_len);
}

static void del(unsigned int n)
{
	rule(n);
	body[3] = 0;
	table_del(host.card, body, rule_len);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double churn(unsigned int rules, bool hits)
{
	double took, from = seconds();
	unsigned int i;

	for (i = 0; i < rules; i++)
		add(i);
	took = seconds() - from;
	for (i = 0; hits && i < rules; i++)
		hit(i);
	from = seconds();
	for (i = rules; i--;)
		del(i);
	return took + seconds() - from;
}

static void test_churn(void)
{
	double idle, dirty;

	test_begin("100,000 rules in and out, with counts unreported at most 8 times");
	setup(200000);
	churn(1000, true);
	idle = churn(100000, false);
	dirty = churn(100000, true);
	CHECK(host_counter("rules") == 0 && host_counter("flow_missing") == 0);
	CHECK(host_counter("lookup_hits") == 101000);
	CHECK(host_counter("flow_add") == 201000 && host_counter("flow_dup") == 0);
	CHECK(dirty < 8 * idle);
	if (dirty >= 8 * idle)
		printf("# idle %.3f s, dirty %.3f s\n", idle, dirty);
}

static void test_grow(void)
{
	unsigned int i;

	test_begin("the table grows, and each rule is found as before");
	setup(20000);
	for (i = 0; i < 5000; i++)
		add(i);
	CHECK(host.card->flower->order > 10 && host_counter("rules") == 5000);
	for (i = 0; i < 5000; i++)
		hit(i);
	CHECK(host_counter("lookup_hits") == 5000);
	for (i = 1; i < 5000; i += 2)
		del(i);
	for (i = 0; i < 5000; i++)
		hit(i);
	CHECK(host_counter("lookup_hits") == 7500);
	CHECK(host_counter("lookup_misses") == 2500);

	test_begin("masks of layers that a packet lacks are passed over");
	memset(frame + 12, 0x99, 2);
	hit(0);
	CHECK(host_counter("lookup_misses") == 2501);
	CHECK(host_counter("lookup_conflicts") == 0);
}

static void test_mod(void)
{
	test_begin("FLOW_MOD of a full table, and with another mask");
	setup(1);
	add(0);
	rule(1);
	put_be32(body + 4, 0);
	table_add(host.card, body, rule_len);
	CHECK(host_counter("rules") == 1 && host_counter("flow_full") == 1);
	rule(0);
	put_be32(body + rule_len - 4, 0x10000000);
	put_be32(body + 24, 0x10000000);
	put_be32(body + 20, 10);
	table_mod(host.card, body, rule_len);
	CHECK(host_counter("flow_full") == 1 && host_counter("flow_missing") == 0);
	CHECK(host_counter("flow_mod") == 1);
	hit(0);
	CHECK(host.outs == 1 && host.out[0].wire == 0);
	body[28 + 20 + 15] = 0;
	body[28 + 15] = 0;
	put_be32(body + 20, 11);
	table_mod(host.card, body, rule_len);
	CHECK(host_counter("mask_unknown") == 1);
}

static void test_version(void)
{
	test_begin("a message that is older than the last one is refused");
	setup(10);
	add(0);
	add(5);
	add(4);
	CHECK(host_counter("flow_old_version") == 1 && host_counter("rules") == 2);
	rule(5);
	table_mod(host.card, body, rule_len);
	CHECK(host_counter("flow_old_version") == 2);
	del(5);
	CHECK(host_counter("flow_old_version") == 3 && host_counter("rules") == 1);
	del(0);
	/* Another driver begins where it likes */
	add(0);
	CHECK(host_counter("flow_old_version") == 4 && host_counter("rules") == 1);
}

/* Take everything that the card has for the host. Return: FLOW_STATS */
static unsigned int stats(uint64_t *packets, unsigned int *records)
{
	unsigned int n = 0, i;
	const uint8_t *m;
	size_t l;

	while ((m = host_cmsg_rx(&l))) {
		if (m[2] != AGL_CMSG_FLOW_STATS)
			continue;
		n++;
		for (i = 0; i < (l - 4) / 24; i++) {
			(*records)++;
			*packets += get_be32(m + 4 + 24 * i + 4);
		}
	}
	return n;
}

static void test_finals(void)
{
	unsigned int i, n, records = 0;
	uint64_t packets = 0;

	test_begin("last counts wait until the host has a buffer");
	setup(1000);
	for (i = 0; i < 100; i++)
		add(i);
	for (i = 0; i < 300; i++)
		hit(i % 100);
	for (i = 0; i < RING_SIZE; i++)
		host_cmsg(AGL_CMSG_PORT_ECHO, body, 4);
	CHECK(host_counter("cmsg_tx_dropped"));
	while (host_cmsg_rx(&len))
		;
	for (i = 0; i < 90; i++)
		del(i);
	card_run(host.card);
	CHECK(!stats(&packets, &records));
	/* Time and again nothing, and then everything, once */
	for (i = 0; i < 5; i++) {
		CHECK(host.deadline > host.now);
		host.now = host.deadline;
		card_timer(host.card);
	}
	host_ctrl_up();
	host.now = host.deadline;
	card_timer(host.card);
	n = stats(&packets, &records);
	CHECK(records == 100 && packets == 300 && n == 3);
	CHECK(host_counter("stats_lost") == 0 && !host.deadline);

	test_begin("130 rules that have counted are reported in three messages");
	setup(1000);
	for (i = 0; i < 130; i++)
		add(i);
	for (i = 0; i < 130; i++)
		hit(i);
	packets = 0;
	records = 0;
	host.now = host.deadline;
	card_timer(host.card);
	CHECK(stats(&packets, &records) == 3 && records == 130 && packets == 130);

	test_begin("deletes that come together are reported together, at once");
	setup(1000);
	for (i = 0; i < 50; i++)
		add(i);
	for (i = 0; i < 50; i++)
		hit(i);
	host.hold = true;
	for (i = 0; i < 50; i++) {
		rule(i);
		body[3] = 0;
		host_cmsg(AGL_CMSG_FLOW_DEL, body, rule_len);
	}
	host.hold = false;
	host_run();
	packets = 0;
	records = 0;
	CHECK(stats(&packets, &records) == 1 && records == 50 && packets == 50);

	test_begin("a firmware that is reset reports nothing of before");
	add(0);
	hit(0);
	flower_stop(host.card);
	CHECK(!host.deadline && host_counter("rules") == 0);
}

static void test_limits(void)
{
	uint32_t a = 1, b = 2, dst;
	struct rate_limits l = { .every = 100 };
	unsigned int i, n = 0;
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	uint16_t index;
	size_t m;

	test_begin("a limit for each subject, whatever is asked in between");
	CHECK(rate_limit(&l, &a, 4, 1000) && rate_limit(&l, &b, 4, 1000));
	CHECK(!rate_limit(&l, &a, 4, 1050) && !rate_limit(&l, &b, 4, 1099));
	CHECK(rate_limit(&l, &a, 4, 1100) && !rate_limit(&l, &a, 4, 1150));

	test_begin("40 destinations without a neighbour are asked for once each");
	setup(10);
	host.now = 1000000000;
	for (i = 0; i < 120; i++) {
		dst = htobe32(0x0a000000 + i % 40);
		neigh_ask(host.card, AGL_PORT_VF(0, 1), false, (uint8_t *)&dst);
	}
	while (host_cmsg_rx(&m))
		n++;
	CHECK(n == 40);
	host.now += 100000000;
	neigh_ask(host.card, AGL_PORT_VF(0, 1), false, (uint8_t *)&dst);
	CHECK(host_cmsg_rx(&m));

	test_begin("TUN_MAC with three addresses in it");
	m = hex("0000 0003 0003 020000000001 0103 020000000002 0203 020000000003",
		body);
	host_cmsg(AGL_CMSG_TUN_MAC, body, m - 1);
	CHECK(host_counter("cmsg_bad") == 1 && host_counter("tun_macs") == 0);
	host_cmsg(AGL_CMSG_TUN_MAC, body, m);
	CHECK(host_counter("tun_macs") == 3);
	mac[5] = 3;
	CHECK(tunnel_mac(host.card, mac, &index) && index == 0x0203);
	body[1] = AGL_TUN_MAC_DEL;
	body[3] = 2;
	host_cmsg(AGL_CMSG_TUN_MAC, body, m - 8);
	CHECK(host_counter("tun_macs") == 1 && tunnel_mac(host.card, mac, &index));
}

int main(void)
{
	test_churn();
	test_grow();
	test_mod();
	test_version();
	test_finals();
	test_limits();
	return test_end();
}
