// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware information: strings about the board. 01-platform.md section 4.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chip.h"

#define HWINFO_POLL_US		(100 * USEC_PER_MSEC)
#define HWINFO_TIMEOUT_US	(20 * USEC_PER_SEC)
#define HWINFO_MAX		SZ_64K

/* The text must end before the CRC, and its CRC must be right */
static int hwinfo_check(const u8 *table, size_t room, size_t *text)
{
	const struct agl_hwinfo_head *h = (const void *)table;
	u32 version = le32_to_cpu(h->version), size = le32_to_cpu(h->size);

	if (version & AGL_HWINFO_UPDATING)
		return -EAGAIN;
	if ((version & ~0xfe) != AGL_HWINFO_VERSION || size > room ||
	    size < sizeof(*h) + 4 || size % 4)
		return -EINVAL;
	if (agl_cksum(table, size - 4) != get_unaligned_le32(table + size - 4))
		return -EINVAL;
	*text = size - 4;
	return 0;
}

static int hwinfo_try(struct agl_chip *chip)
{
	struct agl_resource res;
	u64 addr, size;
	u8 *table;
	int err;

	err = agl_resource_acquire(chip, AGL_RES_NAME_HWINFO, &res);
	if (!err) {
		addr = res.addr;
		size = res.size;
		agl_resource_release(chip, &res);
	} else if (err == -ENOENT) {
		addr = agl_mu_addr(AGL_HWINFO_FALLBACK_ISLAND,
				   AGL_HWINFO_FALLBACK_ADDR, true);
		size = AGL_HWINFO_FALLBACK_SIZE;
	} else {
		return err;
	}
	if (size < 0x100 || size > HWINFO_MAX)
		return -EINVAL;
	table = kzalloc(size, GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	err = agl_mem_read(chip, addr, table, size);
	if (!err)
		err = hwinfo_check(table, size, &chip->hwinfo_size);
	if (err) {
		kfree(table);
		return err;
	}
	/* The lookup may run up to the end: let that be a terminator */
	table[chip->hwinfo_size] = 0;
	chip->hwinfo = table;
	return 0;
}

static int board_ready(struct agl_chip *chip)
{
	const char *state;
	u32 n;
	int err;

	agl_hwinfo_free(chip);
	err = hwinfo_try(chip);
	if (err)
		return err == -EAGAIN ? -EAGAIN : err;
	state = agl_hwinfo_get(chip, "board.state");
	if (!state || kstrtou32(state, 0, &n))
		return -EINVAL;
	return n == AGL_BOARD_STATE_READY ? 0 : -EAGAIN;
}

/**
 * agl_hwinfo_read - read the table and wait until the board is ready
 * @chip: card
 *
 * Return: 0, -EAGAIN if the board isn't ready after 20 seconds, -EINVAL if
 * the table is damaged, -ENOMEM.
 */
int agl_hwinfo_read(struct agl_chip *chip)
{
	int err, timeout;

	timeout = read_poll_timeout(board_ready, err,
				    err != -EAGAIN ||
				    fatal_signal_pending(current),
				    HWINFO_POLL_US, HWINFO_TIMEOUT_US, false,
				    chip);
	if (timeout)
		dev_err(&chip->pdev->dev, "board is not ready, state %s\n",
			agl_hwinfo_get(chip, "board.state") ?: "unknown");
	else if (err)
		dev_err(&chip->pdev->dev, "hardware information: %pe\n",
			ERR_PTR(err));
	if (err)
		agl_hwinfo_free(chip);
	return err;
}

/**
 * agl_hwinfo_free - forget the table
 * @chip: card
 */
void agl_hwinfo_free(struct agl_chip *chip)
{
	kfree(chip->hwinfo);
	chip->hwinfo = NULL;
}

/**
 * agl_hwinfo_get - value of a key
 * @chip: card
 * @key: exact name
 *
 * Return: text that lives as long as the table, NULL if there is no such key.
 */
const char *agl_hwinfo_get(struct agl_chip *chip, const char *key)
{
	const char *p, *end;

	if (!chip->hwinfo)
		return NULL;
	p = (char *)chip->hwinfo + sizeof(struct agl_hwinfo_head);
	end = (char *)chip->hwinfo + chip->hwinfo_size;
	while (p < end && *p) {
		const char *value = p + strlen(p) + 1;

		if (value >= end)
			return NULL;
		if (!strcmp(p, key))
			return value;
		p = value + strlen(value) + 1;
	}
	return NULL;
}
