// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which firmware runs, and where its objects are. 01-platform.md section 5.
 */
#include <linux/slab.h>

#include "chip.h"

#define SYMS_MAX		SZ_1M

/* MIP of the first loaded image */
static int find_mip(struct agl_chip *chip, u64 *mip)
{
	struct agl_resource res;
	unsigned int version, count, i;
	struct agl_nffw_entry *e;
	u32 flags, id;
	u8 *table;
	int err;

	table = kzalloc(AGL_NFFW_SIZE, GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	err = agl_resource_acquire(chip, AGL_RES_NAME_NFFW, &res);
	if (err)
		goto out_free;
	err = res.size < AGL_NFFW_SIZE ? -EINVAL :
	      agl_mem_read(chip, res.addr, table, AGL_NFFW_SIZE);
	agl_resource_release(chip, &res);
	if (err)
		goto out_free;

	flags = get_unaligned_le32(table);
	version = FIELD_GET(AGL_NFFW_FLAG_VERSION, flags);
	err = -ENOENT;
	if (!(flags & AGL_NFFW_FLAG_INIT) || version > 2)
		goto out_free;
	count = version == 2 ? AGL_NFFW_ENTRIES_V2 : AGL_NFFW_ENTRIES_V1;
	e = (void *)(table + AGL_NFFW_HEAD_SIZE + count * AGL_NFFW_ME_ENTRY_SIZE);
	for (i = 0; i < count; i++, e++) {
		flags = le32_to_cpu(e->flags);
		id = le32_to_cpu(e->mip_cppid);
		if (!(flags & AGL_NFFW_LOADED))
			continue;
		if (FIELD_GET(AGL_CPP_ID_TARGET, id) == AGL_CPP_TARGET_MU)
			err = 0;
		*mip = agl_mu_addr(FIELD_GET(AGL_CPP_ID_ISLAND, id),
				   (u64)FIELD_GET(AGL_NFFW_MIP_OFFSET_HI, flags) << 32 |
				   le32_to_cpu(e->mip_offset_lo),
				   flags & AGL_NFFW_MIP_DIRECT);
		break;
	}
out_free:
	kfree(table);
	return err;
}

static void *read_table(struct agl_chip *chip, u32 addr, u32 size)
{
	void *p;

	if (!size || size > SYMS_MAX)
		return ERR_PTR(-EINVAL);
	/* One byte more, so that the last string ends */
	p = kvzalloc(round_up(size, 8) + 1, GFP_KERNEL);
	if (!p)
		return ERR_PTR(-ENOMEM);
	if (agl_mem_read(chip, agl_mu_addr(AGL_MU_ISLAND_EMEM0, addr, false), p,
			 round_up(size, 8))) {
		kvfree(p);
		return ERR_PTR(-EINVAL);
	}
	return p;
}

/**
 * agl_rtsym_read - read the running firmware's symbols
 * @chip: card
 *
 * Return: 0, -ENOENT if no firmware runs, -EINVAL if its tables are damaged,
 * -ENOMEM.
 */
int agl_rtsym_read(struct agl_chip *chip)
{
	struct agl_mip mip;
	u64 addr;
	int err;

	err = find_mip(chip, &addr);
	if (err)
		return err;
	err = agl_mem_read(chip, addr, &mip, sizeof(mip));
	if (err)
		return err;
	if (le32_to_cpu(mip.magic) != AGL_MIP_SIGNATURE ||
	    le32_to_cpu(mip.mip_version) != AGL_MIP_VERSION)
		return -EINVAL;
	chip->syms = read_table(chip, le32_to_cpu(mip.syms.addr),
				le32_to_cpu(mip.syms.size));
	if (IS_ERR(chip->syms)) {
		err = PTR_ERR(chip->syms);
		chip->syms = NULL;
		return err;
	}
	chip->strs = read_table(chip, le32_to_cpu(mip.strs.addr),
				le32_to_cpu(mip.strs.size));
	if (IS_ERR(chip->strs)) {
		err = PTR_ERR(chip->strs);
		chip->strs = NULL;
		agl_rtsym_free(chip);
		return err;
	}
	chip->sym_count = le32_to_cpu(mip.syms.size) / sizeof(*chip->syms);
	chip->strs_size = le32_to_cpu(mip.strs.size);
	strscpy(chip->fw_name, mip.name, sizeof(chip->fw_name));
	return 0;
}

/**
 * agl_rtsym_free - forget the symbols
 * @chip: card
 */
void agl_rtsym_free(struct agl_chip *chip)
{
	kvfree(chip->syms);
	kvfree(chip->strs);
	chip->syms = NULL;
	chip->strs = NULL;
	chip->sym_count = 0;
}

/* An object in memory, found by name with the unit put in for %u */
static const struct agl_rtsym *sym_find(struct agl_chip *chip, const char *name)
{
	char full[64];
	unsigned int i;

	/* Names are constants of abi/nffw.h with at most this one number */
	snprintf(full, sizeof(full), name, chip->unit);
	for (i = 0; i < chip->sym_count; i++) {
		unsigned int at = le16_to_cpu(chip->syms[i].name);

		if (at < chip->strs_size && !strcmp(chip->strs + at, full))
			return &chip->syms[i];
	}
	return NULL;
}

static u64 sym_size(const struct agl_rtsym *s)
{
	return (u64)s->size_hi << 32 | le32_to_cpu(s->size_lo);
}

static int sym_addr(const struct agl_rtsym *s, u64 *addr)
{
	bool cache = s->target == AGL_CPP_TARGET_EMU_CACHE;

	if (s->type != AGL_RTSYM_OBJECT || s->island >= 64 || !s->island ||
	    (!cache && s->target != AGL_CPP_TARGET_MU))
		return -EINVAL;
	*addr = agl_mu_addr(s->island,
			    (u64)s->addr_hi << 32 | le32_to_cpu(s->addr_lo),
			    cache);
	return 0;
}

static int scalar_find(struct agl_chip *chip, const char *name, u64 *addr,
		       size_t *size)
{
	const struct agl_rtsym *s = sym_find(chip, name);

	if (!s)
		return -ENOENT;
	*size = sym_size(s);
	if (*size != 4 && *size != 8)
		return -EINVAL;
	return sym_addr(s, addr);
}

/**
 * agl_rtsym_value - read a 4 or 8 byte object
 * @chip: card
 * @name: AGL_SYM_
 * @value: set on success
 *
 * Return: 0, -ENOENT, -EINVAL if it is no such object.
 */
int agl_rtsym_value(struct agl_chip *chip, const char *name, u64 *value)
{
	__le64 v = 0;
	size_t size;
	u64 addr;
	int err;

	err = scalar_find(chip, name, &addr, &size);
	if (!err)
		err = agl_mem_read(chip, addr, &v, size);
	if (!err)
		*value = le64_to_cpu(v);
	return err;
}

/**
 * agl_rtsym_write - write a 4 or 8 byte object
 * @chip: card
 * @name: AGL_SYM_
 * @value: what to write, its low half to 4 bytes
 *
 * Return: 0, -ENOENT, -EINVAL if it is no such object.
 */
int agl_rtsym_write(struct agl_chip *chip, const char *name, u64 value)
{
	__le64 v = cpu_to_le64(value);
	size_t size;
	u64 addr;
	int err;

	err = scalar_find(chip, name, &addr, &size);
	return err ?: agl_mem_write(chip, addr, &v, size);
}

/**
 * agl_rtsym_map - map an object
 * @chip: card
 * @name: AGL_SYM_
 * @min_size: bytes that it must have
 * @area: filled in
 *
 * Return: 0, -ENOENT, -EINVAL if it is too small, errors of agl_area_map().
 */
int agl_rtsym_map(struct agl_chip *chip, const char *name, u64 min_size,
		  struct agl_area *area)
{
	const struct agl_rtsym *s = sym_find(chip, name);
	u64 addr;
	int err;

	if (!s)
		return -ENOENT;
	if (sym_size(s) < min_size)
		return -EINVAL;
	err = sym_addr(s, &addr);
	return err ?: agl_area_map(chip, AGL_CPP_TARGET_MU, addr, sym_size(s),
				   area);
}
