// SPDX-License-Identifier: GPL-2.0-or-later
/* Firmware files that lie, and firmware that is replaced. */
#include <errno.h>

#include "host.h"

#define SHDR	64

static uint8_t *file;
static size_t file_len;

static void file_read(void)
{
	free(file);
	file = host_read_file(getenv("CARD_STANDIN"), &file_len);
}

/* Where a memory address of the first EMEM is in the file */
static uint8_t *at(uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < get_le(file + 60, 2); i++) {
		uint8_t *s = file + get_le(file + 40, 8) + i * SHDR;

		if (get_le(s + 4, 4) == 1 && addr >= get_le(s + 16, 8) &&
		    addr - get_le(s + 16, 8) < get_le(s + 32, 8))
			return file + get_le(s + 24, 8) + addr -
			       get_le(s + 16, 8);
	}
	return NULL;
}

static struct agl_mip *mip(void)
{
	return (void *)at(0x2737740);
}

/* The entry of a symbol in the file's table */
static uint8_t *symbol(const char *name)
{
	uint8_t *syms = at(mip()->syms.addr), *strs = at(mip()->strs.addr);
	unsigned int i;

	for (i = 0; i < mip()->syms.size / 16; i++)
		if (!strcmp((char *)strs + get_le(syms + 16 * i + 8, 2), name))
			return syms + 16 * i;
	printf("# %s is not in the file\n", name);
	exit(1);
}

static void symbol_set(const char *name, uint32_t addr, uint32_t size)
{
	put_le(symbol(name) + 4, addr, 4);
	put_le(symbol(name) + 12, size, 4);
}

static int load(void)
{
	uint8_t *own = malloc(file_len);
	int error = 0;

	memcpy(own, file, file_len);
	nsp_firmware_load(host.card, own, file_len, &error);
	free(own);
	return error;
}

/* A card at work: a vNIC on, something in a table of the firmware's */
static void at_work(void)
{
	struct agl_tun_ips ips = {
		.count = htobe32(1), .addr = { htobe32(0x0a000001) }
	};

	host_card(NULL, true);
	host_ctrl_up();
	host_cmsg(AGL_CMSG_TUN_IPS, &ips, sizeof(ips));
	CHECK(host_counter("tun_ips") == 1);
}

static void refused(const char *what)
{
	bool ok = load() == EINVAL && host_counter("firmware_loaded") &&
		  host_counter("tun_ips") == 1 &&
		  vnic_enabled(&host.card->vnics->ctrl);

	check(ok, what, __FILE__, __LINE__);
	file_read();
}

static void test_sizes(void)
{
	static const struct {
		const char *name;
		uint32_t least;
	} objects[] = {
		{ "_pf0_net_bar0", 0x8000 }, { "_pf0_net_ctrl_bar", 0x8000 },
		{ "_pf0_net_vf_cfg2", 16 }, { "_pf0_net_app_id", 4 },
		{ "_abi_flower_extra_features", 8 },
		{ "_abi_flower_host_mask", 8 },
		{ "_abi_flower_combined_features_global", 8 },
		{ "_abi_flower_merge_hint_enable", 4 },
		{ "CONFIG_FC_HOST_CTX_COUNT", 4 },
	};
	unsigned int i;

	test_begin("symbols that are too small: refused, what runs goes on");
	at_work();
	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		put_le(symbol(objects[i].name) + 12, objects[i].least - 1, 4);
		refused(objects[i].name);
	}
	CHECK(load() == 0);

	test_begin("symbols that are just large enough are taken");
	at_work();
	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		put_le(symbol(objects[i].name) + 12, objects[i].least, 4);
		CHECK(load() == 0);
	}
	file_read();

	test_begin("a control BAR that ends behind its memory is refused");
	at_work();
	/* In internal memory, eight bytes before its end */
	symbol("_pf0_net_bar0")[2] = 28;
	symbol_set("_pf0_net_bar0", (4 << 20) - 8, 8);
	refused("8 bytes at the end");
	symbol("_pf0_net_bar0")[2] = 28;
	symbol_set("_pf0_net_bar0", (4 << 20) - 8, 0x8000);
	refused("over the end");
}

static void test_few(void)
{
	test_begin("settings for three VFs: three VFs");
	at_work();
	symbol_set("_pf0_net_vf_cfg2", 0x2705d10, 16 + 3 * 16);
	CHECK(load() == 0 && host.card->vnics->vfs == 3);
	file_read();
	symbol_set("_pf0_net_vf_bar", 0x2a00000, 2 * 0x8000 + 100);
	CHECK(load() == 0 && host.card->vnics->vfs == 2);
	file_read();
	at_work();
	put_le(symbol("_pf0_net_vf_bar"), 3, 1);
	refused("VF BARs that are no object");
}

static void test_tables(void)
{
	test_begin("symbol tables of any size");
	at_work();
	mip()->syms.size = 0xfffffff0;
	refused("2^28 symbols");
	mip()->syms.size = 0;
	refused("no symbols");
	mip()->syms.size--;
	refused("half a symbol");
	mip()->strs.size = 0xffffffff;
	refused("4 GiB of names");
	mip()->syms.addr = 0xfffffff8;
	refused("symbols elsewhere");

	test_begin("a name that the table's end cuts is another name");
	at_work();
	/* Cut behind the 'f' of the last one, _abi_dump_spec, then in a wanted */
	mip()->strs.size = get_le(symbol("_pf0_net_bar0") + 8, 2) + 12;
	CHECK(load() == 0 && !host.card->vnics->pf.cb);
	file_read();
	mip()->strs.size = get_le(symbol("_pf0_net_bar0") + 8, 2) + 13;
	CHECK(load() == 0 && host.card->vnics->pf.cb);
	file_read();
	put_le(symbol("_pf0_net_bar0") + 8, 0xffff, 2);
	CHECK(load() == 0 && !host.card->vnics->pf.cb);
	file_read();

	test_begin("contexts: host memory is not the file's to give away");
	at_work();
	put_le(at(0x2700000), 0xffffffff, 4);
	CHECK(load() == 0 && host_counter("rules_limit") == 1 << 19);
	file_read();
}

/* A file of the same section, over and over */
static void bomb(unsigned int type, size_t size)
{
	unsigned int i, n = 60000;

	file_len = 64 + (size_t)n * SHDR + size;
	file = realloc(file, file_len);
	memset(file + 64, 0, file_len - 64);
	put_le(file + 40, 64, 8);
	put_le(file + 60, n, 2);
	for (i = 0; i < n; i++) {
		uint8_t *s = file + 64 + (size_t)i * SHDR;

		put_le(s + 4, type, 4);
		put_le(s + 24, 64 + (size_t)n * SHDR, 8);
		put_le(s + 32, size, 8);
		put_le(s + 44, 24u << 24 | 4, 4);
	}
}

static void test_bombs(void)
{
	test_begin("60,000 sections of the same 8 MiB: refused at once");
	at_work();
	bomb(1, 8 << 20);
	refused("contents");
	bomb(7, 8 << 20);
	refused("notes");
}

static void test_again(void)
{
	test_begin("a second file replaces the first one as a whole");
	at_work();
	CHECK(load() == 0 && host_counter("fw_loads") == 2);
	CHECK(host_counter("tun_ips") == 0);
	CHECK(!vnic_enabled(&host.card->vnics->ctrl));
	host_ctrl_up();
	host_port_up(AGL_PORT_PHYS(0));
	CHECK(host_counter("cmsg_bad") == 0 && host_counter("features") == 0x7f);
}

static void test_dma_list(void)
{
	uint8_t *desc = host.memory + (1 << 20);
	unsigned int before;

	test_begin("an NSP list of 2^32 - 1 empty chunks is refused at once");
	at_work();
	put_le(desc, 0xffffffff, 8);
	put_le(mem_ptr(host.card, SYS_NSP + AGL_NSP_BUFFER, 8), 1 << 20, 8);
	before = host.dmas;
	cpp_write(host.card, 7, 1, 0, SYS_NSP + AGL_NSP_COMMAND,
		  64ull << 32 | AGL_NSP_IDENTIFY << 16 | AGL_NSP_COMMAND_DMA |
		  AGL_NSP_COMMAND_START, 8);
	CHECK(host_counter("nsp_errors") == 1 && host.dmas - before < 4);
}

int main(void)
{
	file_read();
	test_sizes();
	test_few();
	test_tables();
	test_bombs();
	test_again();
	test_dma_list();
	free(file);
	return test_end();
}
