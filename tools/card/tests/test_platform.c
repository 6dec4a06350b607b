// SPDX-License-Identifier: GPL-2.0-or-later
/* What is behind slot 0.0, in the resource table, and in answers of the NSP. */
#include <errno.h>

#include "host.h"

#define CHUNKS		0x1000	/* descriptors of a command's host memory */

static void test_general(void)
{
	test_begin("slot 0.0: SRAM and CSRs keep what is written, 4 or 8 bytes");
	host_card(NULL, false);
	card_config_write(host.card, AGL_CFG_SLOT(0), 0x60000000);
	card_bar_write(host.card, 0, 0x1008, 0x1122334455667788, 8);
	CHECK(card_bar_read(host.card, 0, 0x1008, 8) == 0x1122334455667788);
	CHECK(card_bar_read(host.card, 0, 0x100c, 4) == 0x11223344);
	CHECK(card_bar_read(host.card, 0, 0x1010, 8) == 0);
	card_bar_write(host.card, 0, 0x30100, 0x55667788, 4);
	CHECK(card_bar_read(host.card, 0, 0x30100, 4) == 0x55667788);
	CHECK(card_bar_read(host.card, 0, 0x30104, 4) == 0);

	test_begin("slot 0.0: eight bytes to the CSRs are two slots");
	card_bar_write(host.card, 0, 0x30008, 0x2700002860000000, 8);
	CHECK(host.card->slots[2] == 0x60000000);
	CHECK(host.card->slots[3] == 0x27000028);
	CHECK(card_bar_read(host.card, 0, 0x3000c, 4) == 0x27000028);
	/* Slot 2 is a view of the same */
	CHECK(card_bar_read(host.card, 0, (2 << 24) + 0x1008, 4) == 0x55667788);
}

static const uint8_t *resource(const char *name, uint64_t *at, uint64_t *len)
{
	unsigned int i;

	for (i = 0; i < 128; i++) {
		const uint8_t *e = mem_ptr(host.card, 0x8100000000 + 32 * i, 32);

		if (strncmp((const char *)e + 8, name, 8))
			continue;
		*at = get_le(e + 24, 4) << 8;
		*len = get_le(e + 28, 4) << 8;
		return e;
	}
	return NULL;
}

static void test_resources(void)
{
	uint64_t at = 0, len = 0;
	const uint8_t *e;

	test_begin("a resource's entry says where it is, 01-platform 3.2");
	host_card(NULL, false);
	e = resource("nfp.info", &at, &len);
	CHECK(e && get_le(e + 4, 4) == 0xd428ea95);
	/* A table of hardware information, of version 2 */
	CHECK(get_le(mem_ptr(host.card, 0x8000000000 | at, 4), 4) >> 8 == 0x484902);
	CHECK(len >= get_le(mem_ptr(host.card, 0x8000000004 | at, 4), 4));
	e = resource("nfp.sp", &at, &len);
	CHECK(e && get_le(mem_ptr(host.card, 0x8000000000 | at, 8), 8) >> 48 == 0xab10);
}

/* A command whose buffer is the host's, in two pieces. Return: NSP's result */
static int nsp_dma(unsigned int code, const void *data, size_t len, size_t first,
		   unsigned int chunks)
{
	uint64_t at[3] = { 0, 0x10000, 0x20000 };
	size_t size[3] = { 0, first, len - first };
	uint8_t *reg = mem_ptr(host.card, SYS_NSP, 64);
	unsigned int i;

	put_le(host.memory + CHUNKS, chunks, 8);
	for (i = 1; i < 3; i++) {
		put_le(host.memory + CHUNKS + 16 * i, size[i], 8);
		put_le(host.memory + CHUNKS + 16 * i + 8, at[i], 8);
	}
	memcpy(host.memory + at[1], data, first);
	memcpy(host.memory + at[2], (const uint8_t *)data + first, len - first);
	put_le(reg + AGL_NSP_BUFFER, CHUNKS, 8);
	cpp_write(host.card, 7, 1, 0, SYS_NSP + AGL_NSP_COMMAND,
		  (uint64_t)len << 32 | code << 16 | 3, 8);
	return FIELD_GET(AGL_NSP_STATUS_RESULT, get_le(reg + AGL_NSP_STATUS, 8));
}

static uint8_t *nsp_answer(size_t first, size_t len)
{
	static uint8_t all[2048];

	memcpy(all, host.memory + 0x10000, first);
	memcpy(all + first, host.memory + 0x20000, len - first);
	return all;
}

static bool version_is(const uint8_t *table, unsigned int slot, const char *want)
{
	unsigned int at = get_le(table + 2 + 2 * slot, 2);

	return want ? at >= 30 && !strcmp((const char *)table + at, want) : !at;
}

static void test_answers(void)
{
	static const uint8_t zero[1024];
	unsigned int i;
	uint8_t *v, b[64] = {};

	test_begin("VERSIONS by DMA, in two pieces: each slot has its text");
	host_card(NULL, true);
	CHECK(!nsp_dma(AGL_NSP_VERSIONS, zero, 1024, 36, 2));
	v = nsp_answer(36, 1024);
	CHECK(get_le(v, 2) == 14);
	CHECK(version_is(v, 0, "24.07-9") && version_is(v, 1, "24.07-9"));
	CHECK(version_is(v, 2, host.card->board->cpld) &&
	      version_is(v, 3, host.card->board->cpld));
	CHECK(version_is(v, 4, host.card->image.name));
	for (i = 5; i < 14; i++)
		CHECK(version_is(v, i, NULL));

	test_begin("a buffer of fewer pieces than the command has bytes: an error");
	CHECK(nsp_dma(AGL_NSP_VERSIONS, zero, 1024, 36, 1) == EIO);

	test_begin("READ_EEPROM: bytes of a module, how many, and not behind its end");
	b[1] = 20;
	CHECK(!nsp_dma(AGL_NSP_READ_EEPROM, b, 28, 8, 2));
	v = nsp_answer(8, 28);
	CHECK(get_le(v + 5, 2) == 20 && v[8] == 0x03);
	for (i = 1; i < 20; i++)
		CHECK(v[8 + i] == i);
	put_le(b + 3, 640 - 20, 2);
	CHECK(!nsp_dma(AGL_NSP_READ_EEPROM, b, 28, 8, 2));
	CHECK(nsp_answer(8, 28)[8] == 0x6c);
	put_le(b + 3, 641 - 20, 2);
	CHECK(nsp_dma(AGL_NSP_READ_EEPROM, b, 28, 8, 2) == EINVAL);
	b[7] = 1;	/* no such port */
	CHECK(nsp_dma(AGL_NSP_READ_EEPROM, b, 28, 8, 2) == EINVAL);
}

static void eth_table(const char *board, struct agl_eth_entry *t)
{
	struct card_config cfg;

	card_config_default(&cfg);
	cfg.board = board;
	host_card(&cfg, false);
	nsp_eth_rescan(host.card, (uint8_t *)t);
}

static int eth_control(struct agl_eth_entry *t, unsigned int port,
		       uint64_t control, uint64_t state)
{
	t[port].control |= htole64(control);
	t[port].state |= htole64(state);
	return nsp_eth_control(host.card, (uint8_t *)t);
}

static int eth_lanes(struct agl_eth_entry *t, unsigned int port, unsigned int lanes)
{
	nsp_eth_rescan(host.card, (uint8_t *)t);
	t[port].port = htole64((le64toh(t[port].port) & ~AGL_ETH_PORT_LANES) | lanes);
	return eth_control(t, port, AGL_ETH_CTRL_SET_LANES, 0);
}

static void test_eth(void)
{
	struct agl_eth_entry t[AGL_ETH_MAX];

	test_begin("FEC: a 25G card has it, others refuse, 05 section 4");
	eth_table("AMDA0099", t);
	CHECK(!eth_control(t, 0, AGL_ETH_CTRL_SET_FEC,
			   FIELD_PREP(AGL_ETH_STATE_FEC, 2)));
	nsp_eth_rescan(host.card, (uint8_t *)t);
	CHECK(FIELD_GET(AGL_ETH_STATE_FEC, le64toh(t[0].state)) == 2);
	CHECK(FIELD_GET(AGL_ETH_STATE_FEC, le64toh(t[4].state)) == 0);
	eth_table("AMDA0096", t);
	CHECK(eth_control(t, 0, AGL_ETH_CTRL_SET_FEC,
			  FIELD_PREP(AGL_ETH_STATE_FEC, 2)) == EINVAL);

	test_begin("another rate waits for MAC_INIT, too");
	eth_table("AMDA0099", t);
	t[0].state = htole64(le64toh(t[0].state) & ~AGL_ETH_STATE_RATE);
	CHECK(!eth_control(t, 0, AGL_ETH_CTRL_SET_RATE,
			   FIELD_PREP(AGL_ETH_STATE_RATE, AGL_ETH_RATE_10G)));
	nsp_eth_rescan(host.card, (uint8_t *)t);
	CHECK(le64toh(t[0].state) & AGL_ETH_STATE_OVERRIDE);
	CHECK(FIELD_GET(AGL_ETH_STATE_RATE, le64toh(t[0].state)) == AGL_ETH_RATE_25G);
	board_apply_overrides(host.card);
	nsp_eth_rescan(host.card, (uint8_t *)t);
	CHECK(!(le64toh(t[0].state) & AGL_ETH_STATE_OVERRIDE));
	CHECK(FIELD_GET(AGL_ETH_STATE_RATE, le64toh(t[0].state)) == AGL_ETH_RATE_10G);

	test_begin("of two split ports the second is joined first, 05 section 4");
	eth_table("AMDA0097", t);
	CHECK(!eth_lanes(t, 0, 1) && !eth_lanes(t, 4, 1));
	board_apply_overrides(host.card);
	CHECK(nsp_eth_rescan(host.card, (uint8_t *)t) == 8);
	CHECK(eth_lanes(t, 0, 1) == EINVAL && eth_lanes(t, 0, 4) == EINVAL);
	CHECK(!eth_lanes(t, 4, 4) && !eth_lanes(t, 0, 4));
	board_apply_overrides(host.card);
	CHECK(nsp_eth_rescan(host.card, (uint8_t *)t) == 2);
	CHECK(eth_lanes(t, 4, 4) == EINVAL);
}

int main(void)
{
	test_general();
	test_resources();
	test_answers();
	test_eth();
	return test_end();
}
