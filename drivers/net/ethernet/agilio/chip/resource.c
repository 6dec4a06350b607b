// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutexes in the chip's memory, and the table of named resources that they
 * guard. 01-platform.md sections 2.11 and 3.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/sched/signal.h>

#include "chip.h"

#define LOCK_POLL_US		1000
#define LOCK_TIMEOUT_US		(60 * USEC_PER_SEC)

/* All mutexes lie in the window of the resource table */
static u32 lock_offset(u64 mutex)
{
	return mutex - AGL_RES_TABLE_ADDR;
}

static u32 atomic_read32(struct agl_chip *chip, u64 addr)
{
	return readl(chip->atomic_read + lock_offset(addr));
}

static int mutex_trylock_once(struct agl_chip *chip, u64 mutex, u32 key)
{
	u32 old;

	if (atomic_read32(chip, mutex + AGL_MUTEX_KEY) != key)
		return -EPERM;
	/* Returns the old value and sets the low four bits */
	old = readl(chip->test_set + lock_offset(mutex + AGL_MUTEX_LOCK));
	switch (FIELD_GET(AGL_MUTEX_STATE, old)) {
	case 0:
		writel(AGL_MUTEX_LOCKED(chip->ifc),
		       chip->atomic_write + lock_offset(mutex));
		return 0;
	case AGL_MUTEX_STATE_LOCKED:
		return -EBUSY;
	default:
		return -EINVAL;
	}
}

/* One that was waited for in vain is looked at once, until it can be had */
static int chip_mutex_wait(struct agl_chip *chip, u64 mutex, u32 key)
{
	int err;

	if (agl_chip_known_dead(chip, AGL_FAULT_LOCK))
		return mutex_trylock_once(chip, mutex, key);
	read_poll_timeout(mutex_trylock_once, err,
			  err != -EBUSY || fatal_signal_pending(current),
			  LOCK_POLL_US, LOCK_TIMEOUT_US, false, chip, mutex, key);
	if (err == -EBUSY && fatal_signal_pending(current))
		return -EINTR;
	if (err == -EBUSY) {
		dev_err(&chip->pdev->dev, "mutex 0x%llx is held by 0x%04x\n",
			mutex, atomic_read32(chip, mutex) >> 16);
		agl_chip_fault(chip, AGL_FAULT_LOCK);
	}
	return err;
}

static int chip_mutex_lock(struct agl_chip *chip, u64 mutex, u32 key)
{
	int err = chip_mutex_wait(chip, mutex, key);

	if (err == -EPERM && agl_chip_dead(chip, AGL_FAULT_GONE))
		return -ENODEV;
	if (!err)
		agl_chip_mended(chip, AGL_FAULT_LOCK);
	return err;
}

static void chip_mutex_unlock(struct agl_chip *chip, u64 mutex, u32 key)
{
	if (agl_chip_dead(chip, AGL_FAULT_GONE))
		return;
	if (atomic_read32(chip, mutex + AGL_MUTEX_KEY) != key ||
	    atomic_read32(chip, mutex) != AGL_MUTEX_LOCKED(chip->ifc)) {
		dev_err(&chip->pdev->dev, "mutex 0x%llx was lost\n", mutex);
		return;
	}
	writel(AGL_MUTEX_UNLOCKED(chip->ifc),
	       chip->atomic_write + lock_offset(mutex));
}

/* A lock left by an earlier driver of this function */
static void chip_mutex_reclaim(struct agl_chip *chip, u64 mutex)
{
	if (atomic_read32(chip, mutex) != AGL_MUTEX_LOCKED(chip->ifc))
		return;
	writel(AGL_MUTEX_UNLOCKED(chip->ifc),
	       chip->atomic_write + lock_offset(mutex));
	dev_warn(&chip->pdev->dev, "broke a stale lock at 0x%llx\n", mutex);
}

static u32 crc_step(u32 crc, u8 byte)
{
	int i;

	crc ^= (u32)byte << 24;
	for (i = 0; i < BITS_PER_BYTE; i++)
		crc = crc << 1 ^ (crc & BIT(31) ? 0x04c11db7 : 0);
	return crc;
}

/**
 * agl_cksum - checksum of POSIX cksum
 * @data: bytes
 * @len: how many
 *
 * Return: the sum.
 */
u32 agl_cksum(const void *data, size_t len)
{
	const u8 *p = data;
	u32 crc = 0;
	size_t i;

	for (i = 0; i < len; i++)
		crc = crc_step(crc, p[i]);
	for (i = len; i; i >>= BITS_PER_BYTE)
		crc = crc_step(crc, i);
	return ~crc;
}

static u64 entry_addr(unsigned int n)
{
	return AGL_RES_TABLE_ADDR + n * sizeof(struct agl_res_entry);
}

/**
 * agl_resources_init - break our own stale locks
 * @chip: card
 *
 * Return: 0, -EINVAL if there is no resource table, -EBUSY if another
 * interface holds it.
 */
int agl_resources_init(struct agl_chip *chip)
{
	unsigned int i;
	int err;

	chip_mutex_reclaim(chip, AGL_RES_TABLE_ADDR);
	err = chip_mutex_lock(chip, AGL_RES_TABLE_ADDR, AGL_RES_TABLE_KEY);
	if (err)
		return err == -EPERM ? -EINVAL : err;
	for (i = 1; i < AGL_RES_ENTRIES; i++)
		chip_mutex_reclaim(chip, entry_addr(i));
	chip_mutex_unlock(chip, AGL_RES_TABLE_ADDR, AGL_RES_TABLE_KEY);
	return 0;
}

static void entry_read(struct agl_chip *chip, unsigned int n,
		       struct agl_res_entry *e)
{
	__le32 *word = (__le32 *)e;
	unsigned int i;

	for (i = 0; i < sizeof(*e) / 4; i++)
		word[i] = cpu_to_le32(atomic_read32(chip, entry_addr(n) + 4 * i));
}

static int entry_find(struct agl_chip *chip, u32 key, struct agl_resource *res)
{
	struct agl_res_entry e;
	unsigned int i;

	for (i = 1; i < AGL_RES_ENTRIES; i++) {
		entry_read(chip, i, &e);
		if (le32_to_cpu(e.key) != key)
			continue;
		if (e.target != AGL_CPP_TARGET_MU)
			return -EINVAL;
		res->addr = (u64)le32_to_cpu(e.page_offset) << AGL_RES_PAGE_SHIFT;
		res->size = (u64)le32_to_cpu(e.page_count) << AGL_RES_PAGE_SHIFT;
		res->mutex = entry_addr(i);
		res->key = key;
		return 0;
	}
	return -ENOENT;
}

/**
 * agl_resource_find - look a resource up by name
 * @chip: card
 * @name: AGL_RES_NAME_
 * @res: filled in
 *
 * Return: 0, -ENOENT, -EBUSY after a minute, -EINTR if killed meanwhile,
 * -EINVAL if the table is damaged, -ENODEV if the card is gone.
 */
int agl_resource_find(struct agl_chip *chip, const char *name,
		      struct agl_resource *res)
{
	char padded[AGL_RES_NAME_LEN] = {};
	int err;

	memcpy(padded, name, strnlen(name, sizeof(padded)));
	err = chip_mutex_lock(chip, AGL_RES_TABLE_ADDR, AGL_RES_TABLE_KEY);
	if (err)
		return err;
	err = entry_find(chip, agl_cksum(padded, sizeof(padded)), res);
	chip_mutex_unlock(chip, AGL_RES_TABLE_ADDR, AGL_RES_TABLE_KEY);
	return err;
}

/**
 * agl_resource_lock - lock a resource
 * @chip: card
 * @res: from agl_resource_find(); give it back with agl_resource_release()
 *
 * Return: 0, -EPERM if it isn't there any more, else as agl_resource_find().
 */
int agl_resource_lock(struct agl_chip *chip, struct agl_resource *res)
{
	return chip_mutex_lock(chip, res->mutex, res->key);
}

/**
 * agl_resource_acquire - find a resource by name and lock it
 * @chip: card
 * @name: AGL_RES_NAME_
 * @res: filled in; give it back with agl_resource_release()
 *
 * Return: 0, errors of agl_resource_find() and agl_resource_lock().
 */
int agl_resource_acquire(struct agl_chip *chip, const char *name,
			 struct agl_resource *res)
{
	return agl_resource_find(chip, name, res) ?: agl_resource_lock(chip, res);
}

/**
 * agl_resource_release - unlock a resource
 * @chip: card
 * @res: acquired resource
 */
void agl_resource_release(struct agl_chip *chip, struct agl_resource *res)
{
	chip_mutex_unlock(chip, res->mutex, res->key);
}
