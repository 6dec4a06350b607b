// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames, descriptors and control messages in any order, with rules in the
 * table, receive checksums on and VFs that transmit. An operation is a byte and
 * what it needs; most take a template and change some bytes of it, as random
 * bytes get no further than the first check.
 */
#include "fuzz.h"

#define PF		(&host.card->vnics->pf)
#define VF(n)		(&host.card->vnics->vf[n])
#define ETH		"0200000000bb 020000000002 "
#define IP4(proto)	"0800 4500003c 00014000 40" proto "0000 0a000002 0a000001 "
#define L4		"04d20050 00000001 00000000 50182000 00000000 "	\
			"00010203 04050607 08090a0b 0c0d0e0f 10111213"
#define INNER		ETH "0800 4500002200010000401166c80a010001 0a010002 "	\
			"0035270f000e9a5c 616263646566"
#define IP6_1		"fd000000000000000000000000000001"
#define IP6_2		"fd000000000000000000000000000002"
#define HEAD(lens)	lens " 00000001 00000000 00000077 00000000 00000001 "
#define OUT_VF1		"00028000 20000040 "
#define ALL_OF(port)	"02fe0000 " port " 02ff0000 ffffffff "

static const char *const frames[] = {
	ETH IP4("06") L4,
	ETH IP4("11") L4,
	ETH "81000064 " IP4("06") L4,
	ETH "88a80001 81000064 0800 4500003c 00014000 40060000 0a000002 0a000001 " L4,
	ETH "86dd 60000000 00280640 " IP6_2 IP6_1 L4,
	ETH "86dd 60000000 00300040 " IP6_2 IP6_1 "06000000 00000000" L4,
	ETH "86dd 60000000 00302c40 " IP6_2 IP6_1 "11000001 00000001" L4,
	ETH "8847 0007b543 4500003c 00014000 40060000 0a000002 0a000001 " L4,
	ETH "0806 0001080006040001 020000000002 0a000002 000000000000 0a000001",
	ETH "0800 451e00540001000063114378 0a000002 0a000001 "
		"11d712b500400000 08000000 00006400" INNER,
	ETH "0800 451e004c00010000632f4362 0a000002 0a000001 "
		"20006558 00000064" INNER,
	ETH "86dd 61e00000 004c1163" IP6_2 IP6_1
		"11d717c1004c9578 03006558 00006400 01028001 00010002 01030000" INNER,
};

#define BODY_MAX	1200

struct message {
	uint8_t type;
	const char *body;
};

/* The first of them are in the card when an input starts */
#define PREPARED	9
static const struct message messages[] = {
	{ AGL_CMSG_TUN_MAC, "0000 0001 0003 0200000000bb" },
	{ AGL_CMSG_TUN_NEIGH,
	  "0a000002 0a000001 0200000000aa 0200000000bb 10000000" },
	/* Everything of port 4: rewritten in many ways, mirrored and sent on */
	{ AGL_CMSG_FLOW_ADD, HEAD("02021780") "00000000 " ALL_OF("10000004")
	  "09050000 ffffffff 0a00004d 00000000 00000000 "
	  "0a02fffc 3fb80000 0e030000 0000ffff 00001f90 "
	  "0f030000 0000ffff 00001f90 0d0400ff 0000003f 0ff00000 0b800000 "
	  "01020000 81006064 00020000 10000000 " OUT_VF1 },
	/* Of VF 0: into a tunnel; the second shape is 13.2's */
	{ AGL_CMSG_FLOW_ADD, HEAD("02020e80") "00000000 " ALL_OF("20000000")
	  "11050000 0a000002 00000000 00000000 00000000 "
	  "06070000 00000000 00000064 00000020 00054000 00000000 00000000 "
	  "00028010 50000002" },
	{ AGL_CMSG_FLOW_ADD, HEAD("0a0a0280") "20000040 "
	  "92fe0000 50000002 00000000 00000000 00000000 "
	  "0a000002 0a000001 00000000 00000000 00006400 "
	  "92ff0000 ffffffff 00000000 00000000 00000000 "
	  "ffffffff ffffffff 00000000 00000000 ffffff00 " OUT_VF1 },
	{ AGL_CMSG_FLOW_ADD, HEAD("0c0c0280") "20000040 "
	  "13fe0000 00000001 50000001 00000000 00000000 00000000 "
	  "0a000002 0a000001 00041e63 00006558 00000064 00000000 "
	  "13ff0000 00000001 ffffffff 00000000 00000000 00000000 "
	  "ffffffff ffffffff 0004ffff 0000ffff ffffffff 00000000 " OUT_VF1 },
	{ AGL_CMSG_FLOW_ADD, HEAD("16160280") "20000040 "
	  "03fe0000 000000e0 50000004" IP6_2 IP6_1
	  "00001e63 00000000 00006400 01028001 00010002 "
	  "00000000 00000000 00000000 00000000 00000000 00000000 "
	  "03ff0000 000000e0 ffffffff"
	  "ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff"
	  "0000ffff 00000000 ffffff00 ffffffff ffffffff "
	  "00000000 00000000 00000000 00000000 00000000 00000000 " OUT_VF1 },
	{ AGL_CMSG_TUN_IPS, "00000001 0a000001" },
	{ AGL_CMSG_TUN_IPS_V6, "00000001" IP6_1 },
	{ AGL_CMSG_FLOW_ADD,
	  "0a0a0280 0001ffff 00000000 12345678 00000000 00000000 20000040 "
	  "1eff0000 10000000 02000000 00010000 00000000 00000000 00000050 "
	  "00060000 c0a80100 00000000 1eff0000 ffffffff ffffffff ffff0000 "
	  "00000000 00000000 0000ffff 00ff0000 ffffff00 00000000 " OUT_VF1 },
	{ AGL_CMSG_FLOW_DEL, HEAD("02020e80") "00000000 " ALL_OF("20000000") },
	{ AGL_CMSG_TUN_NEIGH_V6, IP6_2 IP6_1
	  "0200000000aa 0200000000bb 10000000" },
	{ AGL_CMSG_PRE_TUN_RULE, "00000000 00030000 00000001 00000000" },
	{ AGL_CMSG_PORT_REIFY, "20000040 00000001" },
	{ AGL_CMSG_PORT_MOD, "10000000 01002328" },
	{ AGL_CMSG_MAC_REPR, "00000002 00000000 01000404" },
	{ AGL_CMSG_PORT_ECHO, "10000000 00000000" },
	{ AGL_CMSG_LAG_CONFIG, "00000000 00000000 00000000" },
};

/* Bodies of a fixed size are padded to it */
static size_t template(const struct message *m, uint8_t *body)
{
	size_t len;

	memset(body, 0, BODY_MAX);
	len = hex(m->body, body);
	if (m->type == AGL_CMSG_TUN_IPS)
		return sizeof(struct agl_tun_ips);
	return m->type == AGL_CMSG_TUN_IPS_V6 ? sizeof(struct agl_tun_ips6) : len;
}

/* Change some bytes, and the length now and then */
static size_t mutate(struct input *in, uint8_t *p, size_t len, size_t max)
{
	unsigned int n = take(in, 1), i;

	for (i = 0; i < n % 8 && len; i++) {
		size_t at = take(in, 1) % len;

		p[at] = take(in, 1);
	}
	if (n & 0x80) {
		size_t longer = take(in, 2) % (max + 1);

		if (longer > len)
			memset(p + len, 0x5a, longer - len);
		len = longer;
	}
	return len;
}

static void op_message(struct input *in)
{
	const struct message *m = &messages[take(in, 1) % ARRAY_SIZE(messages)];
	unsigned int type = take(in, 1);
	uint8_t body[BODY_MAX];
	size_t len = template(m, body);

	len = mutate(in, body, len, sizeof(body));
	host_cmsg(type & 0x80 ? type & 0x3f : m->type, body, len);
}

static size_t any_frame(struct input *in, uint8_t *f, size_t max)
{
	size_t len;

	len = hex(frames[take(in, 1) % ARRAY_SIZE(frames)], f);
	return mutate(in, f, len, max);
}

static void op_wire(struct input *in)
{
	unsigned int wire = take(in, 1) % 3;
	uint8_t f[2048], *own;
	size_t len = any_frame(in, f, sizeof(f));

	own = malloc(len + !len);
	memcpy(own, f, len);
	card_wire_in(host.card, wire, own, len);
	free(own);
}

static void op_transmit(struct input *in)
{
	unsigned int who = take(in, 1) % 3;
	struct agl_tx_desc d = {
		.flags = take(in, 1), .mss = htole16(take(in, 1)),
		.lso_hdrlen = 54, .l3_offset = 14, .l4_offset = 34,
	};
	uint8_t odd = take(in, 1), f[2048 + 8] = {};
	size_t len, meta = who == 2 ? 8 : 0;

	put_be32(f, AGL_META_PORTID);
	put_be32(f + 4, odd & 8 ? take(in, 4) : AGL_PORT_PHYS(0));
	len = any_frame(in, f + meta, 2048) + meta;
	if (odd & 1)
		d.lso_hdrlen = take(in, 1);
	if (odd & 2)
		d.l3_offset = take(in, 1);
	if (odd & 4)
		d.l4_offset = take(in, 1);
	if (odd & 16)
		meta = take(in, 1) & 127;
	host_tx(who == 2 ? PF : VF(who), f, len, meta, &d);
}

/* Descriptors as they come, of buffers anywhere */
static void op_descriptors(struct input *in)
{
	unsigned int who = take(in, 1) % 3, n = take(in, 1) % 8, i;
	struct vnic *v = who == 2 ? PF : VF(who);
	uint64_t ring = get_le(v->cb + AGL_CB_TXR_ADDR(0), 8);
	uint8_t *d;

	for (i = 0; i < n; i++) {
		d = take_bytes(in, 16);
		d[0] &= 1;
		if (ring < HOST_MEMORY - RING_SIZE * 16)
			memcpy(host.memory + ring +
			       host.tx_at[v->natural]++ % RING_SIZE * 16, d, 16);
		free(d);
	}
	queue_write(host.card, (4 * v->natural + 1) * AGL_QC_STRIDE +
		    AGL_QC_ADD_WPTR, n);
	host_run();
}

/* The host takes what has come and gives the buffers back */
static void op_receive(struct input *in)
{
	struct vnic *all[] = { PF, VF(0), VF(1), &host.card->vnics->ctrl };
	union agl_rx_desc d;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		while (host_rx(all[i], 0, &d))
			post_again(all[i], 0);
}

static void op_vf(struct input *in)
{
	unsigned int vf = take(in, 1) % 3, bar = take(in, 1) & 2;
	uint64_t addr = take(in, 2) % (bar ? CARD_VF_BAR2_SIZE : CARD_VF_BAR0_SIZE);
	unsigned int size = 1 << take(in, 1) % 4;

	card_vf_bar_write(host.card, vf, bar, addr, take(in, size), size);
	card_vf_bar_read(host.card, vf, bar, addr, size);
	host_run();
}

static void op_time(struct input *in)
{
	host.now += take(in, 2) * 1000000;
	if (host.deadline && host.deadline <= host.now)
		card_timer(host.card);
}

static void op_other(struct input *in)
{
	unsigned int what = take(in, 1);

	if (what & 1)
		card_cable(host.card, what >> 2 & 3, what & 2);
	else if (what & 2)
		card_flr(host.card, what >> 2 & 3);
	else
		host_vnic_up(what & 4 ? PF : VF(what >> 3 & 1), take(in, 4));
}

static void (*const ops[])(struct input *in) = {
	op_message, op_wire, op_transmit, op_descriptors, op_receive, op_vf,
	op_time, op_other, op_wire, op_message,
};

static void prepare(void)
{
	uint8_t body[BODY_MAX];
	unsigned int i;
	size_t len;

	host_card(NULL, true);
	host.dma_may_fail = true;
	host.bars = true;
	put_le(host.card->flower->host_mask, 0x80001fff, 8);
	mem_written(host.card, host.card->flower->host_mask, 8);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_port_up(AGL_PORT_PHYS(4));
	host_port_up(AGL_PORT_VF(0, 0));
	host_port_up(AGL_PORT_VF(0, 1));
	host_vnic_up(PF, AGL_CTRL_RXCSUM | AGL_CTRL_TXCSUM | AGL_CTRL_LSO2 |
		     AGL_CTRL_RSS2 | AGL_CTRL_RXVLAN_V2 | AGL_CTRL_IRQMOD);
	put_le(PF->cb + AGL_CB_RSS_CTRL, 0x3f7f, 4);
	for (i = 0; i < 2; i++)
		host_vnic_up(VF(i), AGL_CTRL_RXCSUM | AGL_CTRL_TXCSUM |
			     AGL_CTRL_LSO2);
	for (i = 0; i < PREPARED; i++) {
		len = template(&messages[i], body);
		host_cmsg(messages[i].type, body, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	prepare();
	if (host_counter("rules") != 5 || host_counter("tun_ips6") != 1)
		abort();
	while (in.left)
		ops[take(&in, 1) % ARRAY_SIZE(ops)](&in);
	return 0;
}
