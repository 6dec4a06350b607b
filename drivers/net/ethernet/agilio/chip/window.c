// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows of the PCI BARs onto the chip's bus. 01-platform.md section 2.6.
 *
 * Mainline moves windows around on demand; here each has its purpose for
 * life. Slot 0.0 shows the PCIe unit with the slot registers, 0.1 the CSR bus,
 * three more of BAR 0 the MU atomics next to the resource table, the first of
 * BAR 4 moves for copies, and the others are handed out to areas.
 */
#include <linux/log2.h>

#include "chip.h"

#define SLOT_PCIE		0
#define SLOT_XPB		1
#define SLOT_ATOMIC_READ	2
#define SLOT_TEST_SET		3
#define SLOT_ATOMIC_WRITE	6
#define SLOT_COPY		16

#define EXPECTED_IMB_MU		0x7600

static unsigned int slot_bar(unsigned int n)
{
	return n / AGL_SLOTS_PER_BAR;
}

static u64 slot_size(struct agl_chip *chip, unsigned int n)
{
	return chip->bar_len[slot_bar(n)] / AGL_SLOTS_PER_BAR;
}

static void __iomem *slot_io(struct agl_chip *chip, unsigned int n)
{
	struct agl_slot *s = &chip->slots[n];
	u64 size = slot_size(chip, n);

	if (!s->io && size)
		s->io = ioremap(pci_resource_start(chip->pdev, 2 * slot_bar(n)) +
				n % AGL_SLOTS_PER_BAR * size, size);
	return s->io;
}

/* The read makes sure that the word is in force before the window is used */
static void slot_program(struct agl_chip *chip, unsigned int n, u32 word)
{
	chip->slots[n].word = word;
	writel(word, chip->csr + 4 * n);
	readl(chip->csr + 4 * n);
}

/* The slot registers are behind this very slot: by config space */
static void slot_program_csr(struct agl_chip *chip)
{
	pci_write_config_dword(chip->pdev, AGL_CFG_SLOT(SLOT_PCIE),
			       FIELD_PREP(AGL_SLOT_MAP, AGL_SLOT_MAP_GENERAL));
}

static u32 bulk_word(unsigned int target, u64 base)
{
	bool wide = target == AGL_CPP_TARGET_MU;

	return FIELD_PREP(AGL_SLOT_MAP, AGL_SLOT_MAP_BULK) |
	       FIELD_PREP(AGL_SLOT_LENGTH,
			  wide ? AGL_SLOT_LENGTH_64 : AGL_SLOT_LENGTH_32) |
	       FIELD_PREP(AGL_SLOT_TARGET, target) |
	       FIELD_PREP(AGL_SLOT_BASE_BULK, base >> AGL_SLOT_BASE_BULK_SHIFT);
}

static void __iomem *atomic_window(struct agl_chip *chip, unsigned int n,
				   unsigned int action, unsigned int token)
{
	if (!slot_io(chip, n))
		return NULL;
	slot_program(chip, n,
		     FIELD_PREP(AGL_SLOT_TARGET, AGL_CPP_TARGET_MU) |
		     FIELD_PREP(AGL_SLOT_ACTION, action) |
		     FIELD_PREP(AGL_SLOT_TOKEN, token) |
		     FIELD_PREP(AGL_SLOT_BASE_FIXED, AGL_RES_TABLE_ADDR >>
				AGL_SLOT_BASE_FIXED_SHIFT));
	chip->slots[n].users = 1;
	return chip->slots[n].io;
}

static int check_bars(struct agl_chip *chip)
{
	unsigned int i;

	for (i = 0; i < AGL_NUM_BARS; i++) {
		u64 len = pci_resource_len(chip->pdev, 2 * i);

		if (!(pci_resource_flags(chip->pdev, 2 * i) & IORESOURCE_MEM) ||
		    !is_power_of_2(len))
			len = 0;
		chip->bar_len[i] = len;
	}
	if (slot_size(chip, SLOT_PCIE) < BIT_ULL(AGL_SLOT_MIN_ORDER_FIXED) ||
	    slot_size(chip, SLOT_COPY) < BIT_ULL(AGL_SLOT_MIN_ORDER_BULK)) {
		dev_err(&chip->pdev->dev,
			"BARs of %llu and %llu bytes are too small\n",
			chip->bar_len[0], chip->bar_len[2]);
		return -EINVAL;
	}
	return 0;
}

/* The address arithmetic of this driver is that of one translation word */
static int check_translation(struct agl_chip *chip)
{
	void __iomem *xpb = chip->slots[SLOT_XPB].io;
	u32 imb = readl(xpb + AGL_XPB_IMB_TABLE + 4 * AGL_CPP_TARGET_MU);

	if (imb == EXPECTED_IMB_MU)
		return 0;
	dev_err(&chip->pdev->dev,
		"MU address translation is 0x%08x, only 0x%08x is known\n", imb,
		EXPECTED_IMB_MU);
	return -EINVAL;
}

static int map_fixed(struct agl_chip *chip)
{
	if (!slot_io(chip, SLOT_PCIE) || !slot_io(chip, SLOT_XPB) ||
	    !slot_io(chip, SLOT_COPY))
		return -ENOMEM;
	slot_program_csr(chip);
	chip->slots[SLOT_PCIE].users = 1;
	chip->csr = chip->slots[SLOT_PCIE].io + AGL_CSR_BASE;
	slot_program(chip, SLOT_XPB, bulk_word(AGL_CPP_TARGET_XPB, 0));
	chip->slots[SLOT_XPB].users = 1;
	chip->atomic_read = atomic_window(chip, SLOT_ATOMIC_READ,
					  AGL_MU_ATOMIC_READ_ACTION, 0);
	chip->atomic_write = atomic_window(chip, SLOT_ATOMIC_WRITE,
					   AGL_MU_ATOMIC_WRITE_ACTION, 0);
	chip->test_set = atomic_window(chip, SLOT_TEST_SET,
				       AGL_MU_TEST_SET_IMM_ACTION,
				       AGL_MU_TEST_SET_IMM_TOKEN);
	if (!chip->atomic_read || !chip->atomic_write || !chip->test_set)
		return -ENOMEM;
	chip->slots[SLOT_COPY].users = 1;
	chip->copy = chip->slots[SLOT_COPY].io;
	chip->copy_base = U64_MAX;
	return check_translation(chip);
}

/**
 * agl_chip_map - open the windows that are needed always
 * @chip: card, its PCI regions claimed
 *
 * Return: 0; -EINVAL if BARs or address translation aren't as expected;
 * -ENOMEM.
 */
int agl_chip_map(struct agl_chip *chip)
{
	int err;

	mutex_init(&chip->slot_lock);
	mutex_init(&chip->copy_lock);
	mutex_init(&chip->nsp_lock);
	err = check_bars(chip);
	if (err)
		return err;
	err = map_fixed(chip);
	if (err)
		agl_chip_unmap(chip);
	return err;
}

/**
 * agl_chip_remap - program all windows anew
 * @chip: card that nothing reached for a while
 */
void agl_chip_remap(struct agl_chip *chip)
{
	unsigned int i;

	mutex_lock(&chip->slot_lock);
	slot_program_csr(chip);
	for (i = 0; i < AGL_NUM_SLOTS; i++)
		if (chip->slots[i].word)
			slot_program(chip, i, chip->slots[i].word);
	mutex_unlock(&chip->slot_lock);
	mutex_lock(&chip->copy_lock);
	chip->copy_base = U64_MAX;
	mutex_unlock(&chip->copy_lock);
}

/**
 * agl_chip_unmap - close all windows
 * @chip: card
 */
void agl_chip_unmap(struct agl_chip *chip)
{
	unsigned int i;

	for (i = 0; i < AGL_NUM_SLOTS; i++) {
		if (chip->slots[i].io)
			iounmap(chip->slots[i].io);
		chip->slots[i].io = NULL;
	}
	chip->csr = NULL;
	mutex_destroy(&chip->nsp_lock);
	mutex_destroy(&chip->copy_lock);
	mutex_destroy(&chip->slot_lock);
}

/* A slot that shows the range already, else the smallest free one */
static int slot_find(struct agl_chip *chip, unsigned int target, u64 addr,
		     u64 size)
{
	int n, best = -ENOSPC;

	for (n = AGL_NUM_SLOTS - 1; n > SLOT_XPB; n--) {
		u64 len = slot_size(chip, n), base;

		if (!len || n == SLOT_COPY)
			continue;
		base = addr & ~(len - 1);
		if (addr + size > base + len)
			continue;
		if (chip->slots[n].users) {
			if (chip->slots[n].word == bulk_word(target, base))
				return n;
		} else if (best < 0 || len < slot_size(chip, best)) {
			best = n;
		}
	}
	return best;
}

/**
 * agl_area_map - map a piece of the chip's address space
 * @chip: card
 * @target: AGL_CPP_TARGET_
 * @addr: target address, 40 bits
 * @size: bytes; must not cross a multiple of the window that is found
 * @area: filled in
 *
 * Return: 0, -ENOSPC if no window is free for it, -ENOMEM.
 */
int agl_area_map(struct agl_chip *chip, unsigned int target, u64 addr, u64 size,
		 struct agl_area *area)
{
	int n;

	mutex_lock(&chip->slot_lock);
	n = slot_find(chip, target, addr, size);
	if (n >= 0 && !slot_io(chip, n))
		n = -ENOMEM;
	if (n >= 0) {
		u64 len = slot_size(chip, n);

		if (!chip->slots[n].users++)
			slot_program(chip, n,
				     bulk_word(target, addr & ~(len - 1)));
		area->slot = n;
		area->size = size;
		area->io = chip->slots[n].io + (addr & (len - 1));
	}
	mutex_unlock(&chip->slot_lock);
	return n < 0 ? n : 0;
}

/**
 * agl_area_unmap - give an area back
 * @chip: card
 * @area: a mapped area, or one that is all zero
 */
void agl_area_unmap(struct agl_chip *chip, struct agl_area *area)
{
	if (!area->io)
		return;
	mutex_lock(&chip->slot_lock);
	chip->slots[area->slot].users--;
	mutex_unlock(&chip->slot_lock);
	area->io = NULL;
}

/* Show @addr in the moving window. Return: where it is, *len cut to fit */
static void __iomem *copy_window(struct agl_chip *chip, u64 addr, size_t *len)
{
	u64 size = slot_size(chip, SLOT_COPY), base = addr & ~(size - 1);

	if (chip->copy_base != base) {
		slot_program(chip, SLOT_COPY,
			     bulk_word(AGL_CPP_TARGET_MU, base));
		chip->copy_base = base;
	}
	*len = min_t(u64, *len, base + size - addr);
	return chip->copy + (addr - base);
}

/**
 * agl_mem_read - copy out of the chip's memory
 * @chip: card
 * @addr: MU address, a multiple of 4
 * @buf: destination
 * @len: bytes, a multiple of 4
 *
 * Return: 0, -EINVAL if address or length are not aligned.
 */
int agl_mem_read(struct agl_chip *chip, u64 addr, void *buf, size_t len)
{
	size_t now, i;
	void __iomem *io;

	if ((addr | len) & 3)
		return -EINVAL;
	mutex_lock(&chip->copy_lock);
	for (; len; len -= now, addr += now, buf += now) {
		now = len;
		io = copy_window(chip, addr, &now);
		for (i = 0; i < now; i += 4) {
			u32 v = (__force u32)cpu_to_le32(readl(io + i));

			memcpy(buf + i, &v, 4);
		}
	}
	mutex_unlock(&chip->copy_lock);
	return 0;
}

/**
 * agl_mem_write - copy into the chip's memory
 * @chip: card
 * @addr: MU address, a multiple of 4
 * @buf: source
 * @len: bytes, a multiple of 4
 *
 * Return: 0, -EINVAL if address or length are not aligned.
 */
int agl_mem_write(struct agl_chip *chip, u64 addr, const void *buf, size_t len)
{
	size_t now, i;
	void __iomem *io;

	if ((addr | len) & 3)
		return -EINVAL;
	mutex_lock(&chip->copy_lock);
	for (; len; len -= now, addr += now, buf += now) {
		now = len;
		io = copy_window(chip, addr, &now);
		for (i = 0; i < now; i += 4) {
			__le32 v;

			memcpy(&v, buf + i, 4);
			writel(le32_to_cpu(v), io + i);
		}
	}
	mutex_unlock(&chip->copy_lock);
	return 0;
}

/**
 * agl_mu_addr - 40-bit address of a place in an island's memory
 * @island: 1..63
 * @offset: in the island
 * @direct: cache of the unit instead of the memory behind it
 *
 * The translation that the expected IMB word stands for, 01-platform.md 2.4.
 *
 * Return: the address.
 */
u64 agl_mu_addr(unsigned int island, u64 offset, bool direct)
{
	if (!direct && island >= AGL_MU_ISLAND_EMEM0 &&
	    island <= AGL_MU_ISLAND_EMEM0 + 2)
		return BIT_ULL(37) | offset |
		       (u64)(island - AGL_MU_ISLAND_EMEM0) << 35;
	return AGL_MU_LOCALITY_DIRECT << AGL_MU_LOCALITY_SHIFT |
	       FIELD_PREP(AGL_MU_ISLAND, island) | offset;
}
