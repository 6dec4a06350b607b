// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Firmware files: an ELF container of memory sections, a MIP and a symbol
 * table. 04-firmware-image.md sections 1 and 7.1. The file is untrusted;
 * code sections are skipped.
 */
#include <stdlib.h>
#include <time.h>

#include "chip.h"
#include "abi/vnic.h"

#define ELF_SHDR		64
#define SHT_PROGBITS		1
#define SHT_NOTE		7
#define SHT_NOBITS		8
#define SHF_ALLOC		2
#define INFO_ISLAND		GENMASK(31, 24)
#define INFO_MEMORY		GENMASK(15, 0)
#define   MEMORY_MU		4
#define   MEMORY_CACHE		9
/* Real files have 1,500 in 38 KiB; offsets of names have 16 bits */
#define SYMBOLS_MAX		16384
#define NAMES_MAX		(1u << 20)
#define NOTES_MAX		1024
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

/* Return: whether it is in this section; *left is how many notes may be read */
static bool note_find_mip(const struct elf *elf, const struct section *s,
			  unsigned int *left, uint64_t *addr)
{
	struct section target;
	size_t at;

	for (at = 0; at + 12 <= s->size && *left; --*left) {
		const uint8_t *n = elf->data + s->offset + at;
		uint64_t name = (get_le(n, 4) + 3) & ~3ull;
		uint64_t desc = (get_le(n + 4, 4) + 3) & ~3ull;

		if (name > s->size || desc > s->size ||
		    at + 12 + name + desc > s->size)
			return false;
		if (get_le(n + 8, 4) == NOTE_MIP && desc >= 12 &&
		    elf_section(elf, get_le(n + 12 + name, 4), &target)) {
			*addr = target.addr + get_le(n + 16 + name, 8);
			return true;
		}
		at += 12 + name + desc;
	}
	return false;
}

static bool elf_find_mip(const struct elf *elf, uint64_t *addr,
			 const char **why)
{
	unsigned int i, left = NOTES_MAX;
	struct section s;

	*why = "no MIP";
	for (i = 0; i < elf->shnum && left; i++)
		if (elf_section(elf, i, &s) && s.type == SHT_NOTE &&
		    note_find_mip(elf, &s, &left, addr))
			return true;
	return false;
}

/* A file can name the same bytes 65,535 times; no linker does */
static bool sections_overlap(struct card *card, const struct elf *elf,
			     const char **why)
{
	struct section s;
	uint64_t sum = 0;
	unsigned int i;

	*why = "sections overlap";
	for (i = 0; i < elf->shnum; i++)
		if (elf_section(elf, i, &s) && s.type == SHT_PROGBITS &&
		    section_memory(card, &s))
			sum += s.size;
	return sum > elf->len;
}

/* File contents of memory in the first EMEM, NULL if no section has all of it */
static const uint8_t *elf_memory(const struct elf *elf, uint64_t addr,
				 uint64_t len)
{
	struct section s;
	unsigned int i;

	for (i = 0; i < elf->shnum; i++) {
		if (!elf_section(elf, i, &s) || s.type != SHT_PROGBITS ||
		    FIELD_GET(INFO_MEMORY, s.info) != MEMORY_MU ||
		    FIELD_GET(INFO_ISLAND, s.info) != AGL_MU_ISLAND_EMEM0)
			continue;
		if (addr >= s.addr && addr - s.addr <= s.size &&
		    len <= s.size - (addr - s.addr))
			return elf->data + s.offset + (addr - s.addr);
	}
	return NULL;
}

/* Names and places of objects, in the file and then in the card's memory */
struct symbols {
	const uint8_t *table;	/* of struct agl_rtsym, not aligned in a file */
	size_t count;
	const char *names;
	size_t names_size;
};

static bool symbols_open(const struct elf *elf, const struct agl_mip *mip,
			 struct symbols *t, const char **why)
{
	size_t size = le32toh(mip->syms.size);

	*why = "bad symbol table";
	t->names_size = le32toh(mip->strs.size);
	t->count = size / sizeof(struct agl_rtsym);
	if (!size || size % sizeof(struct agl_rtsym) || t->count > SYMBOLS_MAX ||
	    t->names_size > NAMES_MAX ||
	    le32toh(mip->syms.addr) % sizeof(uint64_t))
		return false;
	t->table = elf_memory(elf, le32toh(mip->syms.addr), size);
	t->names = (const void *)elf_memory(elf, le32toh(mip->strs.addr),
					    t->names_size);
	return t->table && t->names;
}

static bool name_is(const struct symbols *t, size_t at, const char *name)
{
	size_t len = strlen(name);

	/* The last one need not end with NUL */
	return at < t->names_size && len <= t->names_size - at &&
	       !memcmp(t->names + at, name, len) &&
	       (len == t->names_size - at || !t->names[at + len]);
}

static bool find(const struct symbols *t, const char *name,
		 struct agl_rtsym *sym)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		memcpy(sym, t->table + i * sizeof(*sym), sizeof(*sym));
		if (name_is(t, le16toh(sym->name), name))
			return true;
	}
	return false;
}

/* Return: false if the symbol has no memory of the chip, or too little */
static bool resolve(struct card *card, const struct agl_rtsym *sym,
		    size_t at_least, struct object *o)
{
	uint64_t addr, size;

	if (sym->type != AGL_RTSYM_OBJECT)
		return false;
	addr = (uint64_t)sym->addr_hi << 32 | le32toh(sym->addr_lo);
	size = (uint64_t)sym->size_hi << 32 | le32toh(sym->size_lo);
	if (size < at_least)
		return false;
	o->size = size;
	o->p = mem_ptr(card, mem_addr(sym->island, addr,
				      sym->target == AGL_CPP_TARGET_EMU_CACHE),
		       size);
	return o->p;
}

#define OBJECT(member) offsetof(struct image, member)

/* All that the model looks at, and how much of it */
static const struct {
	const char *name;	/* %u is the PF */
	size_t object;
	size_t at_least;
} wanted[] = {
	{ AGL_SYM_APP_ID, OBJECT(app_id), 4 },
	{ AGL_SYM_BAR0, OBJECT(pf_bar), AGL_CB_SIZE },
	{ AGL_SYM_CTRL_BAR, OBJECT(ctrl_bar), AGL_CB_SIZE },
	{ AGL_SYM_VF_BAR, OBJECT(vf_bar), 0 },
	{ AGL_SYM_VF_CFG, OBJECT(vf_cfg), AGL_VFCFG_ENTRY(0) },
	{ AGL_SYM_MAC_STATS, OBJECT(mac_stats), 0 },
	{ AGL_SYM_FEATURES, OBJECT(features), 8 },
	{ AGL_SYM_HOST_MASK, OBJECT(host_mask), 8 },
	{ AGL_SYM_COMBINED, OBJECT(combined), 8 },
	{ AGL_SYM_MERGE_ENABLE, OBJECT(merge_enable), 4 },
	{ AGL_SYM_CTX_COUNT, OBJECT(ctx_count), 4 },
};

/* What the file does not have is left NULL */
static bool resolve_wanted(struct card *card, const struct symbols *t,
			   struct image *img, const char **why)
{
	struct agl_rtsym sym;
	char name[64];
	unsigned int i;

	*why = "an object of the firmware is too small, or nowhere";
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct object *o = (void *)((char *)img + wanted[i].object);

		snprintf(name, sizeof(name), wanted[i].name, 0);
		if (find(t, name, &sym) &&
		    !resolve(card, &sym, wanted[i].at_least, o)) {
			card_log(card, "symbol %s: not %zu bytes of memory",
				 name, wanted[i].at_least);
			return false;
		}
	}
	return true;
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

static void copy_sections(struct card *card, const struct elf *elf)
{
	struct section s;
	unsigned int i;
	uint8_t *p;

	for (i = 0; i < elf->shnum; i++) {
		if (!elf_section(elf, i, &s) || s.type != SHT_PROGBITS)
			continue;
		p = section_memory(card, &s);
		if (p)
			memcpy(p, elf->data + s.offset, s.size);
	}
}

/**
 * image_load - put a firmware file into the card's memory
 * @card: the card
 * @data: the file, which nobody vouches for
 * @len: its length
 * @why: set to what is wrong with it
 *
 * Return: false if the file is refused; then nothing has changed.
 */
bool image_load(struct card *card, const uint8_t *data, size_t len,
		const char **why)
{
	struct elf elf = { .data = data, .len = len };
	struct image img = {};
	struct symbols t = {};
	const uint8_t *in_file;
	struct agl_mip m;
	uint64_t mip = 0;
	uint8_t *p;

	if (!elf_open(&elf, why) || sections_overlap(card, &elf, why) ||
	    !elf_find_mip(&elf, &mip, why))
		return false;
	*why = "bad MIP";
	in_file = elf_memory(&elf, mip, sizeof(m));
	if (!in_file)
		return false;
	memcpy(&m, in_file, sizeof(m));
	if (le32toh(m.magic) != AGL_MIP_SIGNATURE ||
	    !symbols_open(&elf, &m, &t, why) ||
	    !resolve_wanted(card, &t, &img, why))
		return false;

	image_unload(card);
	copy_sections(card, &elf);
	img.loaded = true;
	img.symtab = le32toh(m.syms.addr);
	img.symbols = t.count;
	img.strtab = le32toh(m.strs.addr);
	img.strtab_size = t.names_size;
	memcpy(img.name, m.name, sizeof(m.name));
	card->image = img;
	p = mem_ptr(card, mem_addr(AGL_MU_ISLAND_EMEM0, mip, false), sizeof(m));
	if (p)
		put_le(p + offsetof(struct agl_mip, loaded), time(NULL), 4);
	publish(card, mip);
	card_log(card, "firmware %s loaded", card->image.name);
	return true;
}

/**
 * image_symbol - memory of an object of the firmware
 * @card: the card
 * @name: its symbol
 * @at_least: bytes that it must have
 * @size: its size, may be NULL
 *
 * The table is searched as it is in memory, where anybody can write.
 *
 * Return: NULL if there is no such object in memory of the chip.
 */
uint8_t *image_symbol(struct card *card, const char *name, size_t at_least,
		      size_t *size)
{
	const struct image *img = &card->image;
	struct symbols t = {
		.count = img->symbols, .names_size = img->strtab_size,
	};
	struct agl_rtsym sym;
	struct object o;

	t.table = mem_ptr(card,
			  mem_addr(AGL_MU_ISLAND_EMEM0, img->symtab, false),
			  t.count * sizeof(struct agl_rtsym));
	t.names = (char *)mem_ptr(card, mem_addr(AGL_MU_ISLAND_EMEM0,
						 img->strtab, false),
				  t.names_size);
	if (!img->loaded || !t.table || !t.names || !find(&t, name, &sym) ||
	    !resolve(card, &sym, at_least, &o))
		return NULL;
	if (size)
		*size = o.size;
	return o.p;
}

uint64_t object_value(const struct object *o, uint64_t missing)
{
	return o->p ? get_le(o->p, o->size < 8 ? 4 : 8) : missing;
}
