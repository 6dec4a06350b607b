// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Firmware files: an ELF container of memory sections, a MIP and a symbol
 * table. 04-firmware-image.md sections 1 and 7.1. The file is untrusted;
 * code sections are skipped.
 */
#include <stdlib.h>
#include <time.h>

#include "chip.h"

#define ELF_SHDR		64
#define SHT_PROGBITS		1
#define SHT_NOTE		7
#define SHT_NOBITS		8
#define SHF_ALLOC		2
#define INFO_ISLAND		GENMASK(31, 24)
#define INFO_MEMORY		GENMASK(15, 0)
#define   MEMORY_MU		4
#define   MEMORY_CACHE		9
#define NOTE_MIP		0x102
#define MACHINE_NFP		0x6000
#define MACHINE_NFP_NEW		250

struct elf {
	const uint8_t *data;
	size_t len;
	uint64_t shoff;
	unsigned int shnum;
};

struct section {
	uint32_t type;
	uint64_t flags;
	uint64_t addr;
	uint64_t offset;
	uint64_t size;
	uint32_t info;
};

static bool elf_open(struct elf *elf, const char **why)
{
	static const uint8_t magic[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
	unsigned int machine;

	*why = "not a 64-bit little-endian ELF file";
	if (elf->len < 64 || memcmp(elf->data, magic, sizeof(magic)))
		return false;
	*why = "not for this chip";
	machine = get_le(elf->data + 18, 2);
	if (machine != MACHINE_NFP && machine != MACHINE_NFP_NEW)
		return false;
	elf->shoff = get_le(elf->data + 40, 8);
	elf->shnum = get_le(elf->data + 60, 2);
	*why = "section headers outside of the file";
	return elf->shoff <= elf->len &&
	       elf->shnum <= (elf->len - elf->shoff) / ELF_SHDR;
}

static bool elf_section(const struct elf *elf, unsigned int n,
			struct section *s)
{
	const uint8_t *p;

	if (n >= elf->shnum)
		return false;
	p = elf->data + elf->shoff + (size_t)n * ELF_SHDR;
	s->type = get_le(p + 4, 4);
	s->flags = get_le(p + 8, 8);
	s->addr = get_le(p + 16, 8);
	s->offset = get_le(p + 24, 8);
	s->size = get_le(p + 32, 8);
	s->info = get_le(p + 44, 4);
	return s->type == SHT_NOBITS ||
	       (s->offset <= elf->len && s->size <= elf->len - s->offset);
}

/* Where a section goes, NULL if it is none of ours */
static uint8_t *section_memory(struct card *card, const struct section *s)
{
	unsigned int memory = FIELD_GET(INFO_MEMORY, s->info);

	if (!s->size || (memory != MEMORY_MU && memory != MEMORY_CACHE))
		return NULL;
	return mem_ptr(card, mem_addr(FIELD_GET(INFO_ISLAND, s->info), s->addr,
				      memory == MEMORY_CACHE), s->size);
}

static bool elf_find_mip(const struct elf *elf, uint64_t *addr,
			 const char **why)
{
	struct section s, target;
	unsigned int i;
	size_t at;

	*why = "no MIP";
	for (i = 0; i < elf->shnum; i++) {
		if (!elf_section(elf, i, &s) || s.type != SHT_NOTE)
			continue;
		for (at = 0; at + 12 <= s.size;) {
			const uint8_t *n = elf->data + s.offset + at;
			uint64_t name = (get_le(n, 4) + 3) & ~3ull;
			uint64_t desc = (get_le(n + 4, 4) + 3) & ~3ull;

			if (name > s.size || desc > s.size ||
			    at + 12 + name + desc > s.size)
				break;
			if (get_le(n + 8, 4) == NOTE_MIP && desc >= 12 &&
			    elf_section(elf, get_le(n + 12 + name, 4), &target)) {
				*addr = target.addr + get_le(n + 16 + name, 8);
				return true;
			}
			at += 12 + name + desc;
		}
	}
	return false;
}

static bool index_symbols(struct card *card, const struct agl_mip *mip,
			  const char **why)
{
	struct image *img = &card->image;
	size_t size = le32toh(mip->syms.size);

	*why = "bad MIP";
	if (le32toh(mip->magic) != AGL_MIP_SIGNATURE)
		return false;
	*why = "bad symbol table";
	img->strtab_size = le32toh(mip->strs.size);
	if (!size || size % sizeof(struct agl_rtsym) || !img->strtab_size)
		return false;
	img->symtab = mem_ptr(card, mem_addr(AGL_MU_ISLAND_EMEM0,
					     le32toh(mip->syms.addr), false), size);
	/* One byte more: the table need not end with NUL, memory beyond does */
	img->strtab = (char *)mem_ptr(card, mem_addr(AGL_MU_ISLAND_EMEM0,
						     le32toh(mip->strs.addr), false),
				      img->strtab_size + 1);
	img->symbols = size / sizeof(struct agl_rtsym);
	memcpy(img->name, mip->name, sizeof(mip->name));
	return img->symtab && img->strtab &&
	       !(le32toh(mip->syms.addr) % sizeof(uint64_t));
}

static void publish(struct card *card, uint64_t mip)
{
	uint8_t *t = mem_ptr(card, SYS_NFFW, AGL_NFFW_SIZE);
	struct agl_nffw_entry *e;

	memset(t, 0, AGL_NFFW_SIZE);
	put_le(t, AGL_NFFW_FLAG_INIT | FIELD_PREP(AGL_NFFW_FLAG_VERSION, 2), 4);
	e = (void *)(t + AGL_NFFW_HEAD_SIZE +
		     AGL_NFFW_ENTRIES_V2 * AGL_NFFW_ME_ENTRY_SIZE);
	if (!card->image.loaded)
		return;
	e->flags = htole32(AGL_NFFW_LOADED | mip >> 32);
	e->mip_cppid = htole32(FIELD_PREP(AGL_CPP_ID_TARGET, AGL_CPP_TARGET_MU) |
			       FIELD_PREP(AGL_CPP_ID_ACTION, AGL_CPP_ACTION_RW) |
			       AGL_MU_ISLAND_EMEM0);
	e->mip_offset_lo = htole32(mip);
}

void image_unload(struct card *card)
{
	memset(&card->image, 0, sizeof(card->image));
	mem_clear_firmware(card);
	publish(card, 0);
}

bool image_load(struct card *card, const uint8_t *data, size_t len,
		const char **why)
{
	struct elf elf = { .data = data, .len = len };
	struct section s;
	struct agl_mip m;
	uint64_t mip = 0;
	unsigned int i;
	uint8_t *p;

	if (!elf_open(&elf, why) || !elf_find_mip(&elf, &mip, why))
		return false;
	mem_clear_firmware(card);
	for (i = 0; i < elf.shnum; i++) {
		if (!elf_section(&elf, i, &s) || s.type != SHT_PROGBITS)
			continue;
		p = section_memory(card, &s);
		if (p)
			memcpy(p, data + s.offset, s.size);
	}
	p = mem_ptr(card, mem_addr(AGL_MU_ISLAND_EMEM0, mip, false), sizeof(m));
	if (p)
		memcpy(&m, p, sizeof(m));
	if (!p || !index_symbols(card, &m, why)) {
		image_unload(card);
		return false;
	}
	put_le(p + offsetof(struct agl_mip, loaded), time(NULL), 4);
	card->image.loaded = true;
	card->image.mac_stats = image_symbol(card, AGL_SYM_MAC_STATS,
					     &card->image.mac_stats_size);
	publish(card, mip);
	card_log(card, "firmware %s loaded", card->image.name);
	return true;
}

static const struct agl_rtsym *find(struct card *card, const char *name)
{
	const struct agl_rtsym *sym = (const void *)card->image.symtab;
	size_t i;

	for (i = 0; i < card->image.symbols; i++) {
		size_t at = le16toh(sym[i].name);

		if (at < card->image.strtab_size &&
		    !strcmp(card->image.strtab + at, name))
			return &sym[i];
	}
	return NULL;
}

/**
 * image_symbol - memory of an object of the firmware
 * @card: the card
 * @name: its symbol
 * @size: its size, may be NULL
 *
 * Return: NULL if there is no such object in memory of the chip.
 */
uint8_t *image_symbol(struct card *card, const char *name, size_t *size)
{
	const struct agl_rtsym *sym = find(card, name);
	uint64_t addr, bytes;

	if (!sym || sym->type != AGL_RTSYM_OBJECT)
		return NULL;
	addr = (uint64_t)sym->addr_hi << 32 | le32toh(sym->addr_lo);
	bytes = (uint64_t)sym->size_hi << 32 | le32toh(sym->size_lo);
	if (size)
		*size = bytes;
	return mem_ptr(card, mem_addr(sym->island, addr,
				      sym->target == AGL_CPP_TARGET_EMU_CACHE),
		       bytes);
}

uint64_t image_value(struct card *card, const char *name, uint64_t missing)
{
	size_t size;
	uint8_t *p = image_symbol(card, name, &size);

	return p && (size == 4 || size == 8) ? get_le(p, size) : missing;
}
