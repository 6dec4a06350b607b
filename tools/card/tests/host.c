// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.h"

struct fake_host host;
static unsigned int failed_checks, passed, failed;
static const char *current;

void check(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	failed_checks++;
	printf("# %s:%d: %s\n", file, line, what);
}

static void finish(void)
{
	if (!current)
		return;
	printf("%s - card model: %s\n", failed_checks ? "not ok" : "ok", current);
	if (failed_checks)
		failed++;
	else
		passed++;
}

void test_begin(const char *name)
{
	finish();
	current = name;
	failed_checks = 0;
}

int test_end(void)
{
	finish();
	current = NULL;
	card_free(host.card);
	host.card = NULL;
	return failed ? 1 : 0;
}

/* Addresses of BAR 4, where the test wants them to be reached */
static bool in_bar(uint64_t addr, size_t len)
{
	return host.bars && addr >= HOST_BARS && len <= CARD_BAR4_SIZE &&
	       addr - HOST_BARS <= CARD_BAR4_SIZE - len;
}

static void bar_copy(uint64_t off, uint8_t *buf, size_t len, bool write)
{
	size_t i;

	for (i = 0; i < len; i += 8) {
		unsigned int n = len - i < 8 ? 1 : 8;

		if (write)
			card_bar_write(host.card, 4, off + i,
				       get_le(buf + i, n), n);
		else
			put_le(buf + i, card_bar_read(host.card, 4, off + i, n),
			       n);
	}
}

static bool host_dma_read(void *h, int fn, uint64_t addr, void *buf, size_t len)
{
	host.dmas++;
	if (in_bar(addr, len)) {
		bar_copy(addr - HOST_BARS, buf, len, false);
		return true;
	}
	if (addr > HOST_MEMORY || len > HOST_MEMORY - addr) {
		check(host.dma_may_fail, "DMA inside of memory", __FILE__, __LINE__);
		return false;
	}
	memcpy(buf, host.memory + addr, len);
	return true;
}

static bool host_dma_write(void *h, int fn, uint64_t addr, const void *buf,
			   size_t len)
{
	host.dmas++;
	if (in_bar(addr, len)) {
		bar_copy(addr - HOST_BARS, (uint8_t *)buf, len, true);
		return true;
	}
	if (addr > HOST_MEMORY || len > HOST_MEMORY - addr) {
		check(host.dma_may_fail, "DMA inside of memory", __FILE__, __LINE__);
		return false;
	}
	memcpy(host.memory + addr, buf, len);
	return true;
}

static void msix(void *h, int fn, unsigned int vector)
{
	host.irqs[vector]++;
}

static void wire_out(void *h, unsigned int wire, const void *frame, size_t len)
{
	struct frame *f = &host.out[host.outs++ % HOST_FRAMES];

	f->wire = wire;
	f->len = len;
	memcpy(f->data, frame, len);
	if (host.tied)
		card_wire_in(host.card, !wire, frame, len);
}

static void kick(void *h)
{
	host.kicked = true;
}

static void timer(void *h, uint64_t deadline)
{
	host.deadline = deadline;
}

static uint64_t now(void *h)
{
	return host.now;
}

static void log_line(void *h, const char *line)
{
	host.log_lines++;
	if (getenv("CARD_TEST_LOG"))
		printf("# %s\n", line);
}

static const struct card_host ops = {
	host_dma_read, host_dma_write, msix, wire_out, kick, timer, now, log_line,
};

uint8_t *host_read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*len = ftell(f);
	rewind(f);
	data = malloc(*len);
	*len = fread(data, 1, *len, f);
	fclose(f);
	return data;
}

static void load_standin(void)
{
	static uint8_t *image;
	static size_t len;
	int error = 0;

	if (!image)
		image = host_read_file(getenv("CARD_STANDIN"), &len);
	if (!image) {
		printf("# CARD_STANDIN does not name a file\n");
		exit(1);
	}
	nsp_firmware_load(host.card, image, len, &error);
	if (error)
		exit(1);
}

void host_card(const struct card_config *cfg, bool firmware)
{
	struct card_config dflt;
	const char *err;

	card_free(host.card);
	memset(&host, 0, sizeof(host));
	card_config_default(&dflt);
	host.card = card_new(cfg ? cfg : &dflt, &ops, &host, &err);
	if (!host.card) {
		printf("# %s\n", err);
		exit(1);
	}
	if (firmware)
		load_standin();
}

/* Each natural queue has 16 KiB for rings and its buffers behind 1 MiB */
static uint64_t tx_ring(unsigned int q)
{
	return 0x4000 * q;
}

static uint64_t rx_ring(unsigned int q)
{
	return 0x4000 * q + 0x2000;
}

static uint64_t rx_buf(unsigned int q, unsigned int i)
{
	return (2 << 20) + (q & 3) * RING_SIZE * BUF_SIZE +
	       (uint64_t)i * BUF_SIZE;
}

static void post(unsigned int q, unsigned int i)
{
	union agl_rx_desc d = {};
	uint64_t addr = rx_buf(q, i % RING_SIZE);

	d.fld.addr_lo = htole32(addr);
	memcpy(host.memory + rx_ring(q) + i % RING_SIZE * 8, &d, 8);
}

static void qc_add(unsigned int qc, uint32_t n)
{
	queue_write(host.card, (uint64_t)qc * AGL_QC_STRIDE + AGL_QC_ADD_WPTR, n);
}

void host_vnic_up(struct vnic *v, uint32_t ctrl)
{
	unsigned int i, j;

	for (i = 0; i < v->rings; i++) {
		unsigned int q = v->natural + i;

		put_le(v->cb + AGL_CB_TXR_ADDR(i), tx_ring(q), 8);
		put_le(v->cb + AGL_CB_RXR_ADDR(i), rx_ring(q), 8);
		v->cb[AGL_CB_TXR_SZ(i)] = 8;
		v->cb[AGL_CB_RXR_SZ(i)] = 8;
		v->cb[AGL_CB_TXR_VEC(i)] = q;
		v->cb[AGL_CB_RXR_VEC(i)] = q;
		host.tx_at[q] = 0;
		host.rx_at[q] = 0;
	}
	put_le(v->cb + AGL_CB_TXRS_ENABLE, (1 << v->rings) - 1, 8);
	put_le(v->cb + AGL_CB_RXRS_ENABLE, (1 << v->rings) - 1, 8);
	put_le(v->cb + AGL_CB_FLBUFSZ, BUF_SIZE, 4);
	put_le(v->cb + AGL_CB_CTRL, ctrl | AGL_CTRL_ENABLE, 4);
	put_le(v->cb + AGL_CB_UPDATE, AGL_UPDATE_GEN | AGL_UPDATE_RING |
	       AGL_UPDATE_MSIX, 4);
	qc_add(4 * v->natural + 2, 1);
	for (i = 0; i < v->rings; i++) {
		for (j = 0; j < RING_SIZE - 16; j++)
			post(v->natural + i, j);
		qc_add(4 * (v->natural + i), RING_SIZE - 16);
	}
}

void host_ctrl_up(void)
{
	host_vnic_up(&host.card->vnics->ctrl, 0);
}

void host_run(void)
{
	while (host.kicked && !host.hold) {
		host.kicked = false;
		card_run(host.card);
	}
}

void host_tx(struct vnic *v, const void *data, size_t len, size_t meta,
	     const struct agl_tx_desc *proto)
{
	unsigned int q = v->natural;
	uint32_t at = host.tx_at[q]++ % RING_SIZE;
	uint64_t buf = (7 << 20) + at % 64 * 0x4000;
	struct agl_tx_desc d = {};

	if (proto)
		d = *proto;
	memcpy(host.memory + buf, data, len);
	d.addr_lo = htole32(buf);
	d.dma_len = htole16(len);
	d.data_len = d.dma_len;
	d.offset_eop = AGL_TXD_EOP | meta;
	memcpy(host.memory + tx_ring(q) + at * 16, &d, 16);
	qc_add(4 * q + 1, 1);
	host_run();
}

const uint8_t *host_rx(struct vnic *v, unsigned int ring, union agl_rx_desc *d)
{
	unsigned int q = v->natural + ring, i = host.rx_at[q] % RING_SIZE;

	memcpy(d, host.memory + rx_ring(q) + i * 8, 8);
	if (!(d->rxd.meta_len_dd & AGL_RXD_DD))
		return NULL;
	host.rx_at[q]++;
	host.memory[rx_ring(q) + i * 8 + 3] = 0;
	return host.memory + rx_buf(q, i);
}

/* Give the card one buffer more, in place of the one that was read last */
void post_again(struct vnic *v, unsigned int ring)
{
	unsigned int q = v->natural + ring;

	post(q, host.rx_at[q] - 1 + RING_SIZE - 16);
	qc_add(4 * q, 1);
}

void host_cmsg(uint8_t type, const void *body, size_t len)
{
	static const uint8_t prepend[8] = { 0, 0, 0, 5, 255, 255, 255, 255 };
	uint8_t msg[2048] = {};

	memcpy(msg, prepend, 8);
	msg[10] = type;
	msg[11] = AGL_CMSG_VERSION;
	memcpy(msg + 12, body, len);
	if (type <= AGL_CMSG_FLOW_DEL && len >= sizeof(struct agl_flow_meta))
		put_be32(msg + 12 + 20, ++host.version);
	host_tx(&host.card->vnics->ctrl, msg, 12 + len, 8, NULL);
}

const uint8_t *host_cmsg_rx(size_t *len)
{
	union agl_rx_desc d;
	const uint8_t *p = host_rx(&host.card->vnics->ctrl, 0, &d);

	if (!p)
		return NULL;
	CHECK((d.rxd.meta_len_dd & AGL_RXD_META_LEN) == 8);
	CHECK(get_be32(p) == 5 && get_be32(p + 4) == 0xffffffff);
	*len = le16toh(d.rxd.data_len) - 8;
	return p + 8;
}

void host_port_up(uint32_t id)
{
	struct agl_port_reify reify = {
		.port = htobe32(id), .info = htobe16(AGL_REIFY_EXISTS)
	};
	struct agl_port_mod mod = {
		.port = htobe32(id), .info = AGL_PORT_MOD_LINK,
		.mtu = htobe16(1500)
	};
	size_t len;

	if (FIELD_GET(AGL_PORT_TYPE, id) == AGL_PORT_TYPE_PHYS)
		host.card->ports[id & 0xff].configured = true;
	host_cmsg(AGL_CMSG_PORT_REIFY, &reify, sizeof(reify));
	host_cmsg(AGL_CMSG_PORT_MOD, &mod, sizeof(mod));
	while (host_cmsg_rx(&len))
		;
}

struct want {
	const char *name;
	uint64_t value;
};

static void pick(void *opaque, const char *name, uint64_t value)
{
	struct want *w = opaque;

	if (!strcmp(name, w->name))
		w->value = value;
}

uint64_t host_counter(const char *name)
{
	struct want w = { name, ~0ULL };

	card_counters(host.card, pick, &w);
	CHECK(w.value != ~0ULL);
	return w.value;
}

size_t hex(const char *text, uint8_t *out)
{
	unsigned int b;
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ' ' || *text == '|')
			continue;
		if (sscanf(text, "%2x", &b) != 1)
			break;
		out[n++] = b;
		text++;
	}
	return n;
}
