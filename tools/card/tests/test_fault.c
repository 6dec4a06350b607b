// SPDX-License-Identifier: GPL-2.0-or-later
/* Each fault does what it says, and leaves nothing behind. */
#include "host.h"

#define PF	(&host.card->vnics->pf)
#define CTRL	(&host.card->vnics->ctrl)
#define VF(n)	(&host.card->vnics->vf[n])

/* Everything from port 0 to VF 1 */
#define RULE	"02020280 00000001 00000000 00000077 00000000 00000001 20000040 " \
		"02ff0000 10000000 02ff0000 ffffffff 00028000 20000040"
#define FRAME	"020000000001 020000000099 0800 4500002e 00014000 40060000 c0a80105 " \
		"0a000002 04d20050 00000001 00000000 50022000 00000000 000102030405"

static uint8_t body[1600], frame[128];
static size_t len;

static void setup(void)
{
	host_card(NULL, true);
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	host_port_up(AGL_PORT_VF(0, 1));
	host_vnic_up(PF, 0);
	host_vnic_up(VF(1), 0);
	while (host_cmsg_rx(&len))
		;
	len = hex(FRAME, frame);
}

static void fault(const char *what)
{
	CHECK(card_fault(host.card, what));
}

static void find(void *opaque, const char *name, const char *value,
		 const char *help)
{
	char *want = opaque, line[64];

	CHECK(strlen(help) > 5);
	snprintf(line, sizeof(line), "%s=%s", name, value);
	if (!strcmp(line, want))
		*want = 0;
}

static bool listed(const char *what)
{
	char want[64];

	snprintf(want, sizeof(want), "%s", what);
	card_faults(host.card, find, want);
	return !*want;
}

static void test_table(void)
{
	static const char *const wrong[] = {
		"no-such=1", "nsp-stuck", "nsp-stuck=", "nsp-stuck=2", "nsp=delay",
		"nsp=delay:", "nsp=delay:1x", "nsp=err:0", "nsp=err:256", "nsp=foo:1",
		"drop-cmsg=-1", "drop-cmsg=1 ", "max-mtu=4294967296", "", "=", "of",
		"drop-cms=1", "nsp=err:1:", "nsp=err:1:2:3",
	};
	unsigned int i;

	test_begin("faults: what is wrong is refused and changes nothing");
	setup();
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK(!card_fault(host.card, wrong[i]));
	for (i = 0; i < FAULTS; i++)
		CHECK(!fault_on(host.card, i));

	test_begin("faults: listed with their values, and all mended by off");
	fault("drop-cmsg=5");
	fault("max-mtu=0");
	fault("nsp=err:13:8");
	CHECK(listed("drop-cmsg=5") && listed("max-mtu=0"));
	CHECK(listed("nsp=err:13:8") && listed("surprise=off"));
	fault("nsp=delay:20");
	CHECK(listed("nsp=delay:20"));
	fault("off");
	CHECK(listed("drop-cmsg=off") && listed("max-mtu=off") && listed("nsp=off"));
}

static uint64_t nsp_reg(unsigned int off)
{
	return get_le(mem_ptr(host.card, SYS_NSP + off, 8), 8);
}

static void nsp_start(unsigned int code)
{
	cpp_write(host.card, 7, 1, 0, SYS_NSP + AGL_NSP_COMMAND,
		  (uint64_t)code << 16 | 1, 8);
}

static unsigned int nsp_result(void)
{
	return FIELD_GET(AGL_NSP_STATUS_RESULT, nsp_reg(AGL_NSP_STATUS));
}

static void test_nsp(void)
{
	test_begin("nsp-stuck: the command waits for the end of it");
	setup();
	fault("nsp-stuck=1");
	nsp_start(AGL_NSP_FW_LOADED);
	CHECK(nsp_reg(AGL_NSP_COMMAND) & AGL_NSP_COMMAND_START);
	fault("nsp-stuck=0");
	CHECK(nsp_reg(AGL_NSP_COMMAND) ==
	      ((uint64_t)1 << 32 | AGL_NSP_FW_LOADED << 16));

	test_begin("nsp=delay: taken at once, busy for that time, then the result");
	fault("nsp=delay:20");
	nsp_start(AGL_NSP_FW_LOADED);
	CHECK(!(nsp_reg(AGL_NSP_COMMAND) & AGL_NSP_COMMAND_START));
	CHECK(nsp_reg(AGL_NSP_STATUS) & AGL_NSP_STATUS_BUSY);
	CHECK(host.deadline == host.now + 20000000);
	host.now = host.deadline - 1;
	card_timer(host.card);
	CHECK(nsp_reg(AGL_NSP_STATUS) & AGL_NSP_STATUS_BUSY);
	host.now = host.deadline;
	card_timer(host.card);
	CHECK(!(nsp_reg(AGL_NSP_STATUS) & AGL_NSP_STATUS_BUSY));
	CHECK(nsp_reg(AGL_NSP_COMMAND) >> 32 == 1 && !host.deadline);

	test_begin("nsp=delay: the end of the fault ends the command");
	nsp_start(AGL_NSP_FW_LOADED);
	fault("nsp=off");
	CHECK(!(nsp_reg(AGL_NSP_STATUS) & AGL_NSP_STATUS_BUSY));
	CHECK(nsp_reg(AGL_NSP_COMMAND) >> 32 == 1 && !host.deadline);

	test_begin("nsp=delay and err of one code leave the others alone");
	fault("nsp=delay:20:7");
	nsp_start(AGL_NSP_FW_LOADED);
	CHECK(!(nsp_reg(AGL_NSP_STATUS) & AGL_NSP_STATUS_BUSY));
	fault("nsp=err:13:19");
	nsp_start(AGL_NSP_NOOP);
	CHECK(!nsp_result());
	nsp_start(AGL_NSP_FW_LOADED);
	CHECK(nsp_result() == 13);
	fault("nsp=off");
	nsp_start(AGL_NSP_FW_LOADED);
	CHECK(!nsp_result());
}

static void test_messages(void)
{
	const uint8_t *m;
	unsigned int n;
	size_t l;

	test_begin("drop-cmsg and drop-reply: so many, no more");
	setup();
	fault("drop-cmsg=2");
	for (n = 0; n < 3; n++)
		host_cmsg(AGL_CMSG_PORT_ECHO, body, 4);
	CHECK(host_counter("cmsg_dropped") == 2);
	CHECK(host_cmsg_rx(&l) && !host_cmsg_rx(&l));
	fault("drop-reply=1");
	host_cmsg(AGL_CMSG_PORT_ECHO, body, 4);
	CHECK(!host_cmsg_rx(&l) && host_counter("cmsg_tx_dropped") == 1);
	host_cmsg(AGL_CMSG_PORT_ECHO, body, 4);
	CHECK(host_cmsg_rx(&l));

	test_begin("ctrl-dead: messages stay on the ring, until it ends");
	n = host_counter("cmsg_rx");
	fault("ctrl-dead=1");
	host_cmsg(AGL_CMSG_PORT_ECHO, body, 4);
	CHECK(host_counter("cmsg_rx") == n && !host_cmsg_rx(&l));
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("wire_in") == 1);
	fault("ctrl-dead=0");
	host_run();
	CHECK(host_counter("cmsg_rx") == n + 1 && host_cmsg_rx(&l));

	test_begin("stats-bad-ctx: one more record, then as always");
	host_cmsg(AGL_CMSG_FLOW_ADD, body, hex(RULE, body));
	for (n = 0; n < 2; n++) {
		if (!n)
			fault("stats-bad-ctx=1");
		card_wire_in(host.card, 0, frame, len);
		host.now += 1000000000;
		card_timer(host.card);
		m = host_cmsg_rx(&l);
		CHECK(m && l == 4 + 24 * (n ? 1 : 2) && get_be32(m + 4) == 1);
		if (!n)
			CHECK(get_be32(m + 28) >= host.card->flower->contexts);
	}

	test_begin("stats-held: counts wait, of rules that are gone, too");
	fault("stats-held=1");
	card_wire_in(host.card, 0, frame, len);
	host.now += 1000000000;
	card_timer(host.card);
	card_wire_in(host.card, 0, frame, len);
	host_cmsg(AGL_CMSG_FLOW_DEL, body, hex(RULE, body));
	CHECK(!host_cmsg_rx(&l) && host_counter("rules") == 0);
	fault("stats-held=0");
	host.now += 1000000;
	card_timer(host.card);
	m = host_cmsg_rx(&l);
	CHECK(m && l == 4 + 24 && get_be32(m + 4) == 1 && get_be32(m + 8) == 2);
	CHECK(!host_cmsg_rx(&l));
}

static void test_garbage(void)
{
	uint32_t types[8] = {};
	unsigned int n, runts = 0;
	const uint8_t *p;
	union agl_rx_desc d;

	test_begin("cmsg-garbage: 272 are each type in each form");
	setup();
	for (n = 0; n < 272; n++) {
		fault("cmsg-garbage=1");
		p = host_rx(CTRL, 0, &d);
		CHECK(p);
		if (p && d.rxd.data_len == htole16(8 + 2))
			runts++;
		else if (p)
			types[p[10] / 32] |= 1u << p[10] % 32;
		host_vnic_up(CTRL, 0);
	}
	CHECK(runts == 34);
	CHECK(types[0] == UINT32_MAX && types[2] == 1 && types[7] == 1u << 31);
	CHECK(host_counter("cmsg_tx_dropped") == 0);
	CHECK(listed("cmsg-garbage=off"));
	fault("cmsg-garbage=1000");
	CHECK(host_counter("cmsg_tx_dropped") == 1000 - (RING_SIZE - 16));
}

static void test_updates(void)
{
	unsigned int vf;

	test_begin("update-dead: not acknowledged, not applied; done at the end");
	setup();
	fault("update-dead=1");
	put_le(PF->cb + AGL_CB_CTRL, 0, 4);
	put_le(PF->cb + AGL_CB_UPDATE, AGL_UPDATE_GEN, 4);
	queue_write(host.card, (4 * PF->natural + 2) * AGL_QC_STRIDE +
		    AGL_QC_ADD_WPTR, 1);
	CHECK(get_le(PF->cb + AGL_CB_UPDATE, 4) == AGL_UPDATE_GEN);
	CHECK(vnic_enabled(PF));
	fault("update-dead=0");
	CHECK(!get_le(PF->cb + AGL_CB_UPDATE, 4) && !vnic_enabled(PF));
	CHECK(vnic_enabled(VF(1)));

	test_begin("update-mute: one isn't acknowledged, the next of another is");
	setup();
	fault("update-mute=1");
	for (vf = 1; vf < 3; vf++) {
		put_le(VF(vf)->cb + AGL_CB_CTRL, 0, 4);
		put_le(VF(vf)->cb + AGL_CB_UPDATE, AGL_UPDATE_GEN, 4);
		vnic_reconfig(VF(vf));
	}
	CHECK(get_le(VF(1)->cb + AGL_CB_UPDATE, 4) && vnic_enabled(VF(1)));
	CHECK(!get_le(VF(2)->cb + AGL_CB_UPDATE, 4) && !vnic_enabled(VF(2)));
	fault("update-mute=off");
	CHECK(!get_le(VF(1)->cb + AGL_CB_UPDATE, 4) && !vnic_enabled(VF(1)));

	test_begin("update-err: acknowledged with an error, not applied, once");
	setup();
	fault("update-err=1");
	put_le(VF(1)->cb + AGL_CB_CTRL, 0, 4);
	put_le(VF(1)->cb + AGL_CB_UPDATE, AGL_UPDATE_GEN, 4);
	vnic_reconfig(VF(1));
	CHECK(get_le(VF(1)->cb + AGL_CB_UPDATE, 4) >> 31 && vnic_enabled(VF(1)));
	CHECK(host_counter("reconfig_errors") == 1);
	put_le(VF(1)->cb + AGL_CB_UPDATE, AGL_UPDATE_GEN, 4);
	vnic_reconfig(VF(1));
	CHECK(!get_le(VF(1)->cb + AGL_CB_UPDATE, 4) && !vnic_enabled(VF(1)));
}

static void test_mute(void)
{
	static const uint8_t port[4];

	test_begin("mute-type: the next message of that type, once");
	setup();
	fault("mute-type=16");
	CHECK(listed("mute-type=16"));
	host_cmsg(AGL_CMSG_FLOW_ADD, body, hex(RULE, body));
	CHECK(host_counter("flow_add") == 1);
	host_cmsg(AGL_CMSG_PORT_ECHO, port, 4);
	CHECK(host_counter("cmsg_dropped") == 1 && listed("mute-type=off"));
	host_cmsg(AGL_CMSG_PORT_ECHO, port, 4);
	CHECK(host_counter("cmsg_dropped") == 1);
}

static void test_offers(void)
{
	uint32_t cap, ctrl;

	test_begin("cap-off: not offered while it lasts, the control vNIC's stay");
	setup();
	cap = get_le(PF->cb + AGL_CB_CAP, 4);
	ctrl = get_le(CTRL->cb + AGL_CB_CAP, 4);
	CHECK(cap & ctrl);
	fault("cap-off=0xffffffff");
	CHECK(!get_le(PF->cb + AGL_CB_CAP, 4));
	CHECK(!get_le(VF(1)->cb + AGL_CB_CAP, 4));
	CHECK(get_le(CTRL->cb + AGL_CB_CAP, 4) == ctrl);
	fault("off");
	CHECK(get_le(PF->cb + AGL_CB_CAP, 4) == cap);
}

static uint32_t table_lock(unsigned int n)
{
	return get_le(mem_ptr(host.card, AGL_RES_TABLE_ADDR + 32 * n, 4), 4);
}

static void test_locks(void)
{
	test_begin("lock-held: another's, until it lets go");
	setup();
	fault("lock-held=1");
	CHECK((table_lock(0) & 0xf) == 0xf && table_lock(0) >> 16);
	CHECK((table_lock(1) & 0xf) == 0xf);
	fault("lock-held=0");
	CHECK(!(table_lock(0) & 0xf) && !(table_lock(1) & 0xf));
}

static void test_slot(void)
{
	union agl_rx_desc d;
	uint64_t at = 4 * PF->natural * AGL_QC_STRIDE;
	unsigned int vec = PF->natural;

	test_begin("qc-ones: so many reads of pointers");
	setup();
	fault("qc-ones=2");
	CHECK(queue_read(host.card, at + AGL_QC_STS_LO) == ~0ULL);
	CHECK(queue_read(host.card, at + AGL_QC_STS_HI) == ~0ULL);
	CHECK(queue_read(host.card, at + AGL_QC_STS_HI) == RING_SIZE - 16);

	test_begin("irq-lost: the card believes that it was sent");
	fault("irq-lost=1");
	card_wire_in(host.card, 0, frame, len);
	CHECK(!host.irqs[vec] && PF->cb[AGL_CB_ICR(vec)] == AGL_ICR_RING);
	CHECK(host_counter("irqs_lost") == 1);
	PF->cb[AGL_CB_ICR(vec)] = 0;
	card_wire_in(host.card, 0, frame, len);
	CHECK(host.irqs[vec] == 1);

	test_begin("dma-fail: the frames of that time are lost, none after");
	setup();
	fault("dma-fail=2");
	card_wire_in(host.card, 0, frame, len);
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_counter("dma_errors") == 2 && !host_rx(PF, 0, &d));
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_rx(PF, 0, &d));
}

static void test_surprise(void)
{
	unsigned int vec = PF->natural;
	union agl_rx_desc d;
	uint64_t before;

	test_begin("surprise: ones, no DMA, no interrupt, no timer; and back");
	setup();
	host_cmsg(AGL_CMSG_FLOW_ADD, body, hex(RULE, body));
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_rx(VF(1), 0, &d) && host.deadline);
	before = card_bar_read(host.card, 0, AGL_CSR_BASE, 4);
	fault("surprise=1");
	CHECK(!host.deadline);
	CHECK(card_bar_read(host.card, 0, AGL_CSR_BASE, 4) == ~0ULL);
	CHECK(card_vf_bar_read(host.card, 1, 0, AGL_CB_VERSION, 4) == ~0ULL);
	card_bar_write(host.card, 0, AGL_CSR_BASE, ~before, 4);
	card_vf_bar_write(host.card, 1, 0, AGL_CB_CTRL, 0x55, 4);
	card_wire_in(host.card, 0, frame, len);
	host_cmsg(AGL_CMSG_PORT_ECHO, body, 4);
	host.now += 5000000000ull;
	card_timer(host.card);
	card_cable(host.card, 0, false);
	card_cable(host.card, 0, true);
	CHECK(host_counter("wire_in") == 1 && host_counter("stats_msgs") == 0);
	CHECK(!host_cmsg_rx(&len) && host.irqs[vec] == 0 && !host.deadline);
	fault("surprise=0");
	CHECK(card_bar_read(host.card, 0, AGL_CSR_BASE, 4) == before);
	CHECK(get_le(VF(1)->cb + AGL_CB_CTRL, 4) == AGL_CTRL_ENABLE);
	CHECK(host.deadline);
	len = hex(FRAME, frame);
	card_wire_in(host.card, 0, frame, len);
	CHECK(host_rx(VF(1), 0, &d));
}

static void test_limits(void)
{
	static const struct {
		const char *fault;
		unsigned int off;
	} limits[] = {
		{ "rx-offset", AGL_CB_RX_OFFSET }, { "start-txq", AGL_CB_START_TXQ },
		{ "max-mtu", AGL_CB_MAX_MTU }, { "max-txrings", AGL_CB_MAX_TXRINGS },
		{ "max-rxrings", AGL_CB_MAX_RXRINGS },
	};
	unsigned int i;
	uint32_t was, vf;
	char what[32];

	test_begin("values of the control BAR: at once, after a reset, and back");
	setup();
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		was = get_le(PF->cb + limits[i].off, 4);
		vf = get_le(VF(1)->cb + limits[i].off, 4);
		snprintf(what, sizeof(what), "%s=0x12345", limits[i].fault);
		fault(what);
		CHECK(get_le(PF->cb + limits[i].off, 4) == 0x12345);
		CHECK(get_le(CTRL->cb + limits[i].off, 4) != 0x12345);
		card_flr(host.card, CARD_FN_VF(1));
		CHECK(get_le(VF(1)->cb + limits[i].off, 4) == 0x12345);
		snprintf(what, sizeof(what), "%s=off", limits[i].fault);
		fault(what);
		CHECK(get_le(PF->cb + limits[i].off, 4) == was);
		CHECK(get_le(VF(1)->cb + limits[i].off, 4) == vf);
	}
	CHECK(get_le(PF->cb + AGL_CB_MAX_MTU, 4) == VNIC_MTU_MAX);
}

/* A rule with these actions, and what VF 1 gets. Return: its length */
static size_t edited(const char *acts, uint8_t *out)
{
	uint8_t list[256];
	union agl_rx_desc d;
	const uint8_t *p;
	size_t n = hex(acts, list), at;

	at = hex("02020080 00000001 00000000 00000077 00000000 00000001 00000000 "
		 "02ff0000 10000000 02ff0000 ffffffff", body);
	n += hex("00028000 20000040", list + n);
	body[2] = n / 4;
	memcpy(body + at, list, n);
	host_cmsg(AGL_CMSG_FLOW_ADD, body, at + n);
	len = hex(FRAME, frame);
	card_wire_in(host.card, 0, frame, len);
	p = host_rx(VF(1), 0, &d);
	if (!p)
		return 0;
	memcpy(out, p, le16toh(d.rxd.data_len));
	return le16toh(d.rxd.data_len);
}

static void test_flip(void)
{
	/* Which byte is wrong; checksums follow, unless it is one */
	static const struct {
		const char *flip, *acts;
		unsigned int byte;
	} cases[] = {
		{ "ttl", "0a02ff00 3f000000", 22 },
		{ "mac", "07070000 ffffffffffff ffffffffffff 0a0b0c0d0e0f 000000000005",
		  11 },
		{ "addr", "09050000 ffffffff 0a00004d ffffffff 0a00004e", 29 },
		{ "port", "0f030000 0000ffff 00001f90", 35 },
		{ "vlan", "01020000 81006064", 15 },
		{ "csum", "0f030000 0000ffff 00001f90", 51 },
	};
	uint8_t right[256], wrong[256];
	char what[32];
	struct l4_view v;
	unsigned int i, j;
	size_t n;

	test_begin("flip: one thing wrong, and all else in order");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		setup();
		n = edited(cases[i].acts, right);
		setup();
		snprintf(what, sizeof(what), "flip=%s", cases[i].flip);
		fault(what);
		CHECK(listed(what));
		CHECK(n && edited(cases[i].acts, wrong) == n);
		CHECK((wrong[cases[i].byte] ^ right[cases[i].byte]) == 1);
		for (j = 0; j < n; j++)
			CHECK(right[j] == wrong[j] || j == cases[i].byte ||
			      (j >= 24 && j < 26) || (j >= 50 && j < 52));
		l4_parse(wrong, n, &v);
		if (!strcmp(cases[i].flip, "mac") || !strcmp(cases[i].flip, "vlan"))
			continue;
		CHECK(csum_ip4_ok(wrong, &v));
		CHECK(csum_l4_ok(wrong, &v) == !!strcmp(cases[i].flip, "csum"));
	}

	test_begin("flip: output and bytes, and what it isn't");
	setup();
	fault("flip=output");
	CHECK(!edited("", wrong) && host_counter("lookup_hits") == 1);
	fault("flip=bytes");
	card_wire_in(host.card, 0, frame, len);
	host.now += 1000000000;
	card_timer(host.card);
	CHECK(get_be32(host_cmsg_rx(&n) + 16) == 2 * (len + 14) + 1);
	CHECK(!card_fault(host.card, "flip=nonsense"));
	fault("flip=off");
}

struct event_find {
	const char *kind;
	uint32_t arg;
	unsigned int count, place, at;
	uint64_t first, last;
};

static void event_find(void *opaque, uint64_t first, uint64_t last,
		       unsigned int count, const char *kind, uint32_t arg)
{
	struct event_find *e = opaque;

	e->at++;
	if (strcmp(kind, e->kind) || arg != e->arg)
		return;
	e->place = e->at;
	e->count = count;
	e->first = first;
	e->last = last;
}

static struct event_find event(const char *kind, uint32_t arg)
{
	struct event_find e = { .kind = kind, .arg = arg };

	card_events(host.card, event_find, &e);
	return e;
}

static void test_events(void)
{
	struct event_find out, in, msg;
	unsigned int i;

	test_begin("events: when, how often, in which order");
	setup();
	host_cmsg(AGL_CMSG_FLOW_ADD, body, hex(RULE, body));
	host.now = 5000;
	card_cable(host.card, 0, false);
	host.now = 6000;
	for (i = 0; i < 1000; i++) {
		host.now++;
		host_cmsg(AGL_CMSG_PRE_TUN_RULE, body, 1);
	}
	card_cable(host.card, 0, true);
	out = event("cable-out", 0);
	in = event("cable-in", 0);
	msg = event("from-host", AGL_CMSG_PRE_TUN_RULE);
	CHECK(out.first == 5000 && out.count == 1 && in.first == 7000);
	CHECK(msg.count == 1000 && msg.first == 6001 && msg.last == 7000);
	CHECK(out.place < msg.place && msg.place < in.place);
	CHECK(event("to-host", AGL_CMSG_PORT_MOD).count);
	CHECK(event("reconfig", PF->natural).count == 1 && event("firmware", 0).count);
	CHECK(host_counter("now_ns") == 7000);

	test_begin("events: 256 are kept; first frame out after a cable");
	host.now = 8000;
	host_tx(PF, "\0\0\0\5\x10\0\0\0ABCDEFABCDEFABCDEFABCDEF", 32, 8, NULL);
	host.now = 9000;
	host_tx(PF, "\0\0\0\5\x10\0\0\0ABCDEFABCDEFABCDEFABCDEF", 32, 8, NULL);
	CHECK(host_counter("wire0_first_out_ns") == 8000);
	CHECK(host_counter("wire0_last_out_ns") == 9000);
	for (i = 0; i < 150; i++) {
		fault("drop-cmsg=1");
		fault("irq-lost=1");
	}
	CHECK(!event("cable-in", 0).count && event("fault", FAULT_IRQ_LOST).at == 256);
	card_cable(host.card, 1, false);
	CHECK(!host_counter("wire0_first_out_ns"));
}

int main(void)
{
	test_table();
	test_nsp();
	test_messages();
	test_garbage();
	test_updates();
	test_slot();
	test_surprise();
	test_mute();
	test_offers();
	test_locks();
	test_limits();
	test_flip();
	test_events();
	return test_end();
}
