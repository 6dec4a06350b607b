// SPDX-License-Identifier: GPL-2.0-or-later
/* Bus, resource table, hwinfo, NSP and firmware files. */
#include <errno.h>

#include "host.h"

static void slot(unsigned int n, uint32_t word)
{
	card_bar_write(host.card, 0, AGL_CSR_SLOT(n), word, 4);
}

/* The first accesses of a probe, 01-platform.md section 2.10 */
static void open_slots(void)
{
	card_config_write(host.card, AGL_CFG_SLOT(0), 0x60000000);
	slot(1, 0x27000000);
}

static uint32_t bar0(uint64_t addr)
{
	return card_bar_read(host.card, 0, addr, 4);
}

static void test_bus(void)
{
	test_begin("slots decode as in 01-platform 2.6.7 and 2.10");
	host_card(NULL, false);
	open_slots();
	slot(16, 0x27000028);
	CHECK(card_bar_read(host.card, 4, 0x100004, 4) == 0x62006020);
	CHECK(bar0(0x010a0000 + 4 * 7) == 0x7600);
	CHECK(bar0(0x010a0000 + 4 * 14) == 0x2040);
	slot(2, 0x03838100);
	slot(3, 0x03e58100);
	slot(6, 0x03848100);
	CHECK(bar0(0x02000004) == 0);
	/* Entry 1 is nfp.sp */
	CHECK(bar0(0x02000000 + 32 + 4) == 0xdf97c080);

	test_begin("test-and-set sets four bits and returns the old value");
	card_bar_write(host.card, 0, 0x06000000, 0x10ff0000, 4);
	CHECK(bar0(0x03000000) == 0x10ff0000);
	CHECK(bar0(0x02000000) == 0x10ff000f);
	CHECK(bar0(0x03000000) == 0x10ff000f);

	test_begin("a slot without memory behind it reads zero and is counted");
	slot(17, 0x2b800000);
	CHECK(card_bar_read(host.card, 4, 1 << 21, 8) == 0);
	CHECK(host_counter("cpp_unmapped") == 1);
}

static void test_hashes(void)
{
	test_begin("resource keys as in 01-platform 3.3");
	CHECK(cksum("", 0) == 0xffffffff);
	CHECK(cksum("a", 1) == 0x48c279fe);
	CHECK(cksum("nfp.info", 8) == 0xd428ea95);
	CHECK(cksum("nfp.nffw", 8) == 0x4c3881ca);
	CHECK(cksum("arm.diag", 8) == 0x12240cc4);
}

static uint8_t *nsp_mem(unsigned int off)
{
	return mem_ptr(host.card, SYS_NSP + off, 8);
}

static int nsp(unsigned int code, uint32_t option, uint64_t buffer, uint32_t *ret)
{
	uint64_t cmd = (uint64_t)option << 32 | code << 16 | 1;

	put_le(nsp_mem(AGL_NSP_BUFFER), buffer, 8);
	cpp_write(host.card, 7, 1, 0, SYS_NSP + AGL_NSP_COMMAND, cmd, 8);
	CHECK(!(get_le(nsp_mem(AGL_NSP_COMMAND), 8) & 1));
	if (ret)
		*ret = get_le(nsp_mem(AGL_NSP_COMMAND), 8) >> 32;
	return FIELD_GET(AGL_NSP_STATUS_RESULT,
			 get_le(nsp_mem(AGL_NSP_STATUS), 8));
}

static void test_nsp(void)
{
	uint64_t buffer;
	uint32_t ret;
	uint8_t *b;

	test_begin("NSP registers as in 01-platform 6.1");
	host_card(NULL, false);
	CHECK(get_le(nsp_mem(AGL_NSP_STATUS), 8) == 0xab10002700000000);
	buffer = get_le(nsp_mem(AGL_NSP_DFLT_BUFFER), 8);
	CHECK(buffer >> 40 == 0x070020);
	b = mem_ptr(host.card, buffer & AGL_NSP_BUFFER_ADDR, 4096);

	test_begin("HWINFO_LOOKUP: worked trace, garbage after the key, missing key");
	strcpy((char *)b, "board.state");
	memset(b + 12, 0xaa, 52);
	CHECK(nsp(AGL_NSP_HWINFO_LOOKUP, 64, buffer, &ret) == 0 && ret == 0);
	CHECK(!strcmp((char *)b, "15"));
	strcpy((char *)b, "abi_drv_reset");
	CHECK(nsp(AGL_NSP_HWINFO_LOOKUP, 64, buffer, &ret) == 2);

	test_begin("HWINFO_LOOKUP: 15 characters fit into 16 bytes, 16 don't");
	hwinfo_set(host.card, "k", "123456789012345");
	strcpy((char *)b, "k");
	CHECK(nsp(AGL_NSP_HWINFO_LOOKUP, 16, buffer, NULL) == 0);
	hwinfo_set(host.card, "k", "1234567890123456");
	strcpy((char *)b, "k");
	CHECK(nsp(AGL_NSP_HWINFO_LOOKUP, 16, buffer, NULL) != 0);

	test_begin("port table words of an AMDA0099 as in 01-platform 6.12");
	CHECK(nsp(AGL_NSP_ETH_RESCAN, 1536, buffer, &ret) == 0 && ret == 2);
	CHECK(get_le(b, 8) == 0xb000000000000001);
	CHECK((get_le(b + 8, 8) | 1) == 0x000000018001c50f);
	CHECK(get_le(b + 4 * 32, 8) == 0xb040000000000401);
	/* MAC: serial + 1, last octet first */
	CHECK(b[0x10] == 0x01 && b[0x11] == 0x02 && b[0x15] == 0x00);

	test_begin("a stuck NSP leaves the start bit, and goes on when freed");
	card_fault(host.card, "nsp-stuck=1");
	cpp_write(host.card, 7, 1, 0, SYS_NSP + AGL_NSP_COMMAND, 1, 8);
	CHECK(get_le(nsp_mem(AGL_NSP_COMMAND), 8) & 1);
	card_fault(host.card, "nsp-stuck=0");
	CHECK(!(get_le(nsp_mem(AGL_NSP_COMMAND), 8) & 1));
	CHECK(!card_fault(host.card, "no-such-fault=1"));
}

static unsigned int ports_of(const char *board, const char *media)
{
	struct card_config cfg;

	card_config_default(&cfg);
	cfg.board = board;
	cfg.media = media;
	host_card(&cfg, false);
	return card_wires(host.card);
}

static void test_boards(void)
{
	struct card_config cfg;
	const char *why = NULL;

	test_begin("a board that isn't known is refused in words");
	card_config_default(&cfg);
	cfg.board = "AMDA0000";
	CHECK(!card_new(&cfg, NULL, NULL, &why) && why);

	test_begin("boards and break-outs have the right ports");
	CHECK(ports_of("AMDA0081", NULL) == 1);
	CHECK(ports_of("AMDA0081", "4x10") == 4);
	CHECK(ports_of("AMDA0096", NULL) == 2);
	CHECK(host.card->ports[4].present && host.card->ports[4].mac[5] == 0x92);
	CHECK(ports_of("AMDA0097", NULL) == 2);
	CHECK(host.card->ports[4].mac[5] == 0x05);
	CHECK(ports_of("AMDA0097", "8x10") == 8);
	CHECK(ports_of("AMDA0097", "4x10_1x40") == 5);
	CHECK(host.card->ports[4].lanes == 4 && host.card->ports[3].lanes == 1);
	CHECK(ports_of("AMDA0099", "1x10_1x25") == 2);
	CHECK(host.card->ports[0].rate == AGL_ETH_RATE_10G);
	CHECK(host.card->ports[4].rate == AGL_ETH_RATE_25G);
	CHECK(card_serial_number(host.card) == 0x00154d13020010ff);
}

static void test_split(void)
{
	struct agl_eth_entry t[AGL_ETH_MAX];

	test_begin("a port split waits for MAC_INIT, 01-platform 8.5");
	ports_of("AMDA0097", NULL);
	nsp_eth_rescan(host.card, (uint8_t *)t);
	t[0].port = htole64((le64toh(t[0].port) & ~AGL_ETH_PORT_LANES) | 1);
	t[0].control |= htole64(AGL_ETH_CTRL_SET_LANES);
	CHECK(nsp_eth_control(host.card, (uint8_t *)t) == 0);
	CHECK(nsp_eth_rescan(host.card, (uint8_t *)t) == 2);
	CHECK(le64toh(t[0].state) & AGL_ETH_STATE_OVERRIDE);
	CHECK(!(le64toh(t[4].state) & AGL_ETH_STATE_OVERRIDE));
	board_apply_overrides(host.card);
	CHECK(nsp_eth_rescan(host.card, (uint8_t *)t) == 5);
	CHECK(!(le64toh(t[0].state) & AGL_ETH_STATE_OVERRIDE));

	test_begin("lanes are joined by the first one only; a table is one change");
	t[0].control |= htole64(AGL_ETH_CTRL_IDENTIFY);
	t[1].port = htole64((le64toh(t[1].port) & ~AGL_ETH_PORT_LANES) | 4);
	t[1].control |= htole64(AGL_ETH_CTRL_SET_LANES);
	CHECK(nsp_eth_control(host.card, (uint8_t *)t) == EINVAL);
	CHECK(!host.card->ports[0].identify && !host.card->ports[1].override);
	nsp_eth_rescan(host.card, (uint8_t *)t);
	t[0].port = htole64((le64toh(t[0].port) & ~AGL_ETH_PORT_LANES) | 4);
	t[0].control |= htole64(AGL_ETH_CTRL_SET_LANES);
	CHECK(nsp_eth_control(host.card, (uint8_t *)t) == 0);
	board_apply_overrides(host.card);
	CHECK(nsp_eth_rescan(host.card, (uint8_t *)t) == 2);
}

static uint64_t value_of(const char *name)
{
	struct object o = {};

	o.p = image_symbol(host.card, name, 4, &o.size);
	return object_value(&o, 0);
}

static void test_image(void)
{
	const char *why;
	size_t len, n;
	uint8_t *data, *bad;

	test_begin("the stand-in's symbols are where the real file has them");
	host_card(NULL, true);
	CHECK(value_of("_pf0_net_app_id") == 3);
	CHECK(value_of("nfd_vf_cfg_max_vfs") == 61);
	CHECK(value_of("CONFIG_FC_HOST_CTX_COUNT") == 500000);
	CHECK(image_symbol(host.card, "_mac_stats", 6144, &n) ==
	      mem_ptr(host.card, 0x9c003f1000, n) && n == 6144);
	CHECK(value_of(AGL_SYM_COMBINED) == 0x7f);

	test_begin("host mask written: combined = extra and mask");
	cpp_write(host.card, 7, 1, 0, 0x9c003d09c0, 0x800001ff, 8);
	CHECK(value_of(AGL_SYM_COMBINED) == 0x800001ff);

	test_begin("a damaged file is refused, whatever is damaged");
	data = host_read_file(getenv("CARD_STANDIN"), &len);
	for (n = 0; n < len; n += 7) {
		bad = malloc(n + 1);
		memcpy(bad, data, n);
		CHECK(!image_load(host.card, bad, n, &why) || n > 64);
		free(bad);
	}
	srand(1);
	for (n = 0; n < 3000; n++) {
		bad = malloc(len);
		memcpy(bad, data, len);
		for (unsigned int i = 0; i < 1 + n % 8; i++)
			bad[rand() % len] = rand();
		image_load(host.card, bad, len, &why);
		free(bad);
	}
	CHECK(!image_load(host.card, (uint8_t *)"garbage", 7, &why));
	CHECK(image_load(host.card, data, len, &why));
	free(data);
}

int main(void)
{
	test_bus();
	test_hashes();
	test_nsp();
	test_boards();
	test_split();
	test_image();
	return test_end();
}
