// SPDX-License-Identifier: GPL-2.0-or-later
/* However much there is to do, who calls the card gets it back soon. */
#include "host.h"

#define PF	(&host.card->vnics->pf)
#define VF(n)	(&host.card->vnics->vf[n])
/* What one call may do: twice the budget, and the end of what has begun */
#define MOST	(2 * CARD_BUDGET + 2 * 130)

#define FRAME	"020000000001 020000000099 0800 4500002e 00014000 40060000 c0a80105 " \
		"0a000002 04d20050 00000001 00000000 50022000 00000000 000102030405"
/* From a port to a port */
#define RULE(ctx, from, to) "02020280 " ctx " 00000000 00000077 00000000 00000001 " \
	to "02ff0000 " from " 02ff0000 ffffffff 00028000 " to

static uint8_t body[1200], frame[1600];
static size_t len;

static void setup(void)
{
	host_card(NULL, true);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_port_up(AGL_PORT_PHYS(4));
	host_port_up(AGL_PORT_VF(0, 1));
	host_vnic_up(PF, 0);
	host_vnic_up(VF(1), AGL_CTRL_TXCSUM | AGL_CTRL_LSO2);
	while (host_cmsg_rx(&len))
		;
	len = hex(FRAME, frame);
}

static void send(uint8_t type, const char *text)
{
	host_cmsg(type, body, hex(text, body));
}

/* One call of card_run(). Return: what it did of that, at most MOST */
static uint64_t step(const char *counter)
{
	uint64_t before = host_counter(counter), n;

	host.kicked = false;
	card_run(host.card);
	n = host_counter(counter) - before;
	CHECK(n <= MOST);
	return n;
}

/* A rule with 121 outputs to an internal port, for the packets of @port */
static void multiply(const char *port, const char *ctx)
{
	char rule[6000];
	unsigned int i;

	snprintf(rule, sizeof(rule), "0202fe80 %s 00000000 00000077 00000000 "
		 "00000001 00000000 02fe0000 %s 02ff0000 ffffffff "
		 "11050000 0a000002 00000000 00000000 00000000 "
		 "06070000 00000000 00000064 00000020 00054000 00000000 00000000 ",
		 ctx, port);
	for (i = 0; i < 121; i++)
		strcat(rule, "00020010 00000000 ");
	hex(rule, body);
	i = hex(rule, body);
	body[2] = (i - 28 - 16) / 4;
	host_cmsg(AGL_CMSG_FLOW_ADD, body, i);
}

static void test_multiply(void)
{
	unsigned int n = 0;

	test_begin("packets that multiply by way of an internal port");
	setup();
	send(AGL_CMSG_TUN_NEIGH,
	     "0a000002 0a000001 0200000000aa 0200000000bb 30000001");
	multiply("10000000", "00000001");
	body[3] = 0;
	put_be32(body + 4, 2);
	put_be32(body + 32, 0x30000001);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, 28 + 16 + 4 * body[2]);
	CHECK(host_counter("rules") == 2);
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("encaps") <= MOST);
	for (; host.kicked && n < 10000; n++)
		step("encaps");
	CHECK(n && n < 10000 && !host.card->flower->deferred);
	CHECK(host_counter("deferred_full") && host_counter("recirc_over"));
}

static void test_circle(void)
{
	union agl_rx_desc d;
	unsigned int i;

	test_begin("two wires in one segment, with a rule each way");
	setup();
	send(AGL_CMSG_FLOW_ADD, RULE("00000001", "10000000", "10000004"));
	body[3] = 0;
	put_be32(body + 4, 2);
	put_be32(body + 32, 0x10000004);
	put_be32(body + 24, 0x10000000);
	put_be32(body + 48, 0x10000000);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, 52);
	CHECK(host_counter("rules") == 2);
	host.tied = true;
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("wire_in") <= MOST);
	for (i = 0; i < 100; i++)
		CHECK(step("wire_in"));

	test_begin("others have their turn all the same");
	host.hold = true;
	host_tx(VF(1), frame, len, 0, NULL);
	host_cmsg(AGL_CMSG_PORT_ECHO, body, 4);
	step("wire_in");
	CHECK(host_rx(PF, 0, &d) && host_cmsg_rx(&len));
	host.tied = false;
	host.hold = false;
	host_run();
	CHECK(!host.kicked && !host.card->flower->deferred);
}

static void test_segments(void)
{
	struct agl_tx_desc d = {
		.flags = AGL_TXD_CSUM | AGL_TXD_IP4_CSUM | AGL_TXD_TCP_CSUM |
			 AGL_TXD_LSO,
		.mss = htole16(16), .lso_hdrlen = 54, .l3_offset = 14,
		.l4_offset = 34,
	};
	unsigned int i, n, all = 0;

	test_begin("segments of TSO count as the frames that they are");
	setup();
	send(AGL_CMSG_FLOW_ADD, RULE("00000001", "20000040", "10000000"));
	len = 54 + 60 * 16;
	put_be16(frame + 16, len - 14);
	host.hold = true;
	for (i = 0; i < 200; i++)
		host_tx(VF(1), frame, len, 0, &d);
	CHECK(host_counter("tx_frames") == 0);
	for (n = 0; host.kicked; n++)
		all += step("tx_frames");
	CHECK(all == 200 * 60 && n > 4);
}

/* Recirculation slower than the frames that need it, and none is lost */
static void test_backpressure(void)
{
	struct agl_tx_desc d = {
		.flags = AGL_TXD_CSUM | AGL_TXD_IP4_CSUM | AGL_TXD_TCP_CSUM |
			 AGL_TXD_LSO,
		.mss = htole16(16), .lso_hdrlen = 54, .l3_offset = 14,
		.l4_offset = 34,
	};
	unsigned int i;

	test_begin("packets that come around hold new ones back");
	setup();
	send(AGL_CMSG_TUN_NEIGH,
	     "0a000002 0a000001 0200000000aa 0200000000bb 30000001");
	send(AGL_CMSG_FLOW_ADD,
	     "02020e80 00000001 00000000 00000077 00000000 00000001 00000000"
	     "02fe0000 20000040 02ff0000 ffffffff "
	     "11050000 0a000002 00000000 00000000 00000000 "
	     "06070000 00000000 00000064 00000020 00054000 00000000 00000000 "
	     "00028010 50000002");
	send(AGL_CMSG_FLOW_ADD,
	     "02020200 00000002 00000000 00000077 00000000 00000001 10000000"
	     "02fe0000 30000001 02ff0000 ffffffff 00028000 10000000");
	CHECK(host_counter("rules") == 2);
	len = 54 + 60 * 16;
	put_be16(frame + 16, len - 14);
	host.hold = true;
	for (i = 0; i < 100; i++)
		host_tx(VF(1), frame, len, 0, &d);
	host.hold = false;
	host_run();
	CHECK(host_counter("wire_out") == 100 * 60);
	CHECK(host_counter("deferred_full") == 0);
}

/* QEMU may bring a frame before it comes to what was rung for earlier */
static void test_doorbell(void)
{
	test_begin("a rule that was rung for before a frame is there for it");
	setup();
	host.hold = true;
	send(AGL_CMSG_FLOW_ADD, RULE("00000001", "10000000", "10000004"));
	host.hold = false;
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("lookup_hits") == 1);
	test_end();
}

static void test_log(void)
{
	unsigned int i;

	test_begin("errors that a guest causes are counted, not all shown");
	setup();
	host.now = 5000000000ull;
	host.log_lines = 0;
	for (i = 0; i < 1000; i++)
		host_cmsg(AGL_CMSG_TUN_MAC, body, 3);
	CHECK(host_counter("cmsg_bad") == 1000);
	CHECK(host.log_lines && host.log_lines <= 100);
	i = host.log_lines;
	host.now += 1000000000;
	host_cmsg(AGL_CMSG_TUN_MAC, body, 3);
	CHECK(host.log_lines == i + 2);
}

int main(void)
{
	test_multiply();
	test_circle();
	test_segments();
	test_backpressure();
	test_doorbell();
	test_log();
	return test_end();
}
