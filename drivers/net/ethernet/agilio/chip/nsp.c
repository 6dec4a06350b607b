// SPDX-License-Identifier: GPL-2.0-only
/*
 * The service processor: exchanges, commands, their buffers.
 * 01-platform.md section 6.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chip.h"

#define NSP_POLL_MS		5
#define NSP_TIMEOUT_S		30
#define NSP_POLL_US		(NSP_POLL_MS * USEC_PER_MSEC)
#define NSP_BOOT_TIMEOUT_US	(30 * USEC_PER_SEC)
#define NSP_DMA_CHUNK		SZ_64K

/**
 * struct nsp_exchange - the NSP, held
 * @chip: card
 * @res: its resource
 * @unfinished: a command was given up; the NSP may still be at it
 */
struct nsp_exchange {
	struct agl_chip *chip;
	struct agl_resource res;
	bool unfinished;
};

/**
 * struct nsp_cmd - one command
 * @code: AGL_NSP_
 * @option: argument; for commands with a buffer usually its size
 * @in: what to send, or NULL
 * @in_len: bytes
 * @out: where the answer goes, or NULL
 * @out_len: bytes
 * @min_minor: ABI that knows the command
 * @ret: return value of the command, also of a failed one
 */
struct nsp_cmd {
	u16 code;
	u32 option;
	const void *in;
	size_t in_len;
	void *out;
	size_t out_len;
	unsigned int min_minor;
	u32 ret;
};

static u64 nsp_reg(struct nsp_exchange *x, unsigned int off)
{
	__le64 v = 0;

	agl_mem_read(x->chip, x->res.addr + off, &v, sizeof(v));
	return le64_to_cpu(v);
}

/* The high half first: the low one of COMMAND starts it */
static void nsp_set_reg(struct nsp_exchange *x, unsigned int off, u64 val)
{
	__le32 hi = cpu_to_le32(upper_32_bits(val));
	__le32 lo = cpu_to_le32(lower_32_bits(val));

	agl_mem_write(x->chip, x->res.addr + off + 4, &hi, sizeof(hi));
	agl_mem_write(x->chip, x->res.addr + off, &lo, sizeof(lo));
}

static int nsp_check(struct nsp_exchange *x)
{
	u64 status = nsp_reg(x, AGL_NSP_STATUS);

	if (FIELD_GET(AGL_NSP_STATUS_MAGIC, status) != AGL_NSP_MAGIC)
		return -ENODEV;
	x->chip->nsp_minor = FIELD_GET(AGL_NSP_STATUS_MINOR, status);
	if (FIELD_GET(AGL_NSP_STATUS_MAJOR, status) ||
	    x->chip->nsp_minor < AGL_NSP_ABI_MINOR_MIN)
		return -EINVAL;
	return status & AGL_NSP_STATUS_BUSY ? -EBUSY : 0;
}

/* Under nsp_lock. Its entry is looked up once: it doesn't move */
static int nsp_acquire(struct nsp_exchange *x)
{
	struct agl_chip *chip = x->chip;
	int err = 0;

	if (!chip->nsp.addr)
		err = agl_resource_find(chip, AGL_RES_NAME_NSP, &chip->nsp);
	if (err)
		return err;
	x->res = chip->nsp;
	err = agl_resource_lock(chip, &x->res);
	if (err == -EPERM)
		chip->nsp.addr = 0;
	return err;
}

/* Under nsp_lock. One that was given up may have come to the end meanwhile */
static bool nsp_is_dead(struct nsp_exchange *x)
{
	if (!agl_chip_dead(x->chip, AGL_FAULT_NSP))
		return false;
	x->res = x->chip->nsp;
	if (agl_chip_dead(x->chip, AGL_FAULT_GONE) ||
	    nsp_reg(x, AGL_NSP_COMMAND) & AGL_NSP_COMMAND_START ||
	    nsp_reg(x, AGL_NSP_STATUS) & AGL_NSP_STATUS_BUSY)
		return true;
	agl_chip_mended(x->chip, AGL_FAULT_NSP);
	return false;
}

static int nsp_open(struct agl_chip *chip, struct nsp_exchange *x)
{
	int err;

	*x = (struct nsp_exchange){ .chip = chip };
	if (mutex_lock_killable(&chip->nsp_lock))
		return -EINTR;
	err = nsp_is_dead(x) ? -EIO : nsp_acquire(x);
	if (err)
		goto err_unlock;
	err = nsp_check(x);
	if (err)
		goto err_release;
	return 0;

err_release:
	agl_resource_release(chip, &x->res);
err_unlock:
	mutex_unlock(&chip->nsp_lock);
	return err;
}

static void nsp_close(struct nsp_exchange *x)
{
	agl_resource_release(x->chip, &x->res);
	mutex_unlock(&x->chip->nsp_lock);
}

/* Wait until bits of a register are clear. Return: 0, -ETIMEDOUT, -EINTR, -EIO */
static int nsp_wait_clear(struct nsp_exchange *x, unsigned int off, u64 bits,
			  unsigned long until, u64 *reg)
{
	while ((*reg = nsp_reg(x, off)) & bits) {
		if (agl_chip_dead(x->chip, AGL_FAULT_GONE))
			return -EIO;
		if (time_after(jiffies, until))
			return -ETIMEDOUT;
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_killable(msecs_to_jiffies(NSP_POLL_MS));
	}
	return 0;
}

static int nsp_start(struct nsp_exchange *x, struct nsp_cmd *cmd, u64 buffer,
		     bool dma)
{
	unsigned long until = jiffies + NSP_TIMEOUT_S * HZ;
	u64 reg;
	int err;

	nsp_set_reg(x, AGL_NSP_BUFFER, buffer);
	nsp_set_reg(x, AGL_NSP_COMMAND,
		    FIELD_PREP(AGL_NSP_COMMAND_OPTION, cmd->option) |
		    FIELD_PREP(AGL_NSP_COMMAND_CODE, cmd->code) |
		    (dma ? AGL_NSP_COMMAND_DMA : 0) | AGL_NSP_COMMAND_START);
	err = nsp_wait_clear(x, AGL_NSP_COMMAND, AGL_NSP_COMMAND_START, until,
			     &reg);
	if (!err)
		err = nsp_wait_clear(x, AGL_NSP_STATUS, AGL_NSP_STATUS_BUSY, until,
				     &reg);
	if (err) {
		dev_err(&x->chip->pdev->dev, "NSP command %u: no answer: %pe\n",
			cmd->code, ERR_PTR(err));
		x->unfinished = true;
		agl_chip_fault(x->chip, AGL_FAULT_NSP);
		return err;
	}
	cmd->ret = FIELD_GET(AGL_NSP_COMMAND_OPTION,
			     nsp_reg(x, AGL_NSP_COMMAND));
	return -(int)FIELD_GET(AGL_NSP_STATUS_RESULT, reg);
}

static int nsp_run_default(struct nsp_exchange *x, struct nsp_cmd *cmd)
{
	u64 where = nsp_reg(x, AGL_NSP_DFLT_BUFFER);
	u64 addr = FIELD_GET(AGL_NSP_BUFFER_ADDR, where);
	size_t len = round_up(max(cmd->in_len, cmd->out_len), 4);
	u8 *buf;
	int err;

	buf = kvzalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, cmd->in, cmd->in_len);
	err = agl_mem_write(x->chip, addr, buf, len);
	if (!err)
		err = nsp_start(x, cmd, where, false);
	if (!err && cmd->out_len) {
		err = agl_mem_read(x->chip, addr, buf, round_up(cmd->out_len, 4));
		memcpy(cmd->out, buf, cmd->out_len);
	}
	kvfree(buf);
	return err;
}

/**
 * struct nsp_dma - a large buffer as the NSP takes it
 * @desc: list of chunks, coherent
 * @desc_dma: its bus address
 * @desc_len: bytes
 * @chunk: the chunks, coherent
 * @dma: their bus addresses
 * @count: how many
 */
struct nsp_dma {
	struct agl_nsp_dma_desc *desc;
	dma_addr_t desc_dma;
	size_t desc_len;
	void **chunk;
	dma_addr_t *dma;
	unsigned int count;
};

static void nsp_dma_free(struct device *dev, struct nsp_dma *d)
{
	unsigned int i;

	for (i = 0; i < d->count; i++)
		if (d->chunk[i])
			dma_free_coherent(dev, NSP_DMA_CHUNK, d->chunk[i],
					  d->dma[i]);
	if (d->desc)
		dma_free_coherent(dev, d->desc_len, d->desc, d->desc_dma);
	kfree(d->chunk);
	kfree(d->dma);
}

static int nsp_dma_fill(struct device *dev, struct nsp_dma *d, const void *data,
			size_t len)
{
	unsigned int i;

	d->count = DIV_ROUND_UP(len, NSP_DMA_CHUNK);
	d->desc_len = struct_size(d->desc, chunk, d->count);
	d->chunk = kcalloc(d->count, sizeof(*d->chunk), GFP_KERNEL);
	d->dma = kcalloc(d->count, sizeof(*d->dma), GFP_KERNEL);
	if (!d->chunk || !d->dma) {
		d->count = 0;
		return -ENOMEM;
	}
	d->desc = dma_alloc_coherent(dev, d->desc_len, &d->desc_dma, GFP_KERNEL);
	if (!d->desc)
		return -ENOMEM;
	d->desc->count = cpu_to_le32(d->count);
	for (i = 0; i < d->count; i++) {
		size_t at = (size_t)i * NSP_DMA_CHUNK;
		size_t now = min_t(size_t, NSP_DMA_CHUNK, len - at);

		/* Chunks of their own size don't cross a multiple of it */
		d->chunk[i] = dma_alloc_coherent(dev, NSP_DMA_CHUNK, &d->dma[i],
						 GFP_KERNEL);
		if (!d->chunk[i])
			return -ENOMEM;
		memcpy(d->chunk[i], data + at, now);
		d->desc->chunk[i].size = cpu_to_le32(now);
		d->desc->chunk[i].addr = cpu_to_le64(d->dma[i]);
	}
	return 0;
}

/* Only images are larger than the default buffer: there is no answer */
static int nsp_run_dma(struct nsp_exchange *x, struct nsp_cmd *cmd)
{
	struct device *dev = &x->chip->pdev->dev;
	struct nsp_dma d = {};
	int err;

	if (cmd->out_len ||
	    !(nsp_reg(x, AGL_NSP_DMA_SG) & BIT_ULL(cmd->code - 1)))
		return -EFBIG;
	err = nsp_dma_fill(dev, &d, cmd->in, cmd->in_len);
	if (!err)
		err = nsp_start(x, cmd, d.desc_dma, true);
	/* The NSP may still read it: better lost than given to somebody else */
	if (!x->unfinished)
		nsp_dma_free(dev, &d);
	return err;
}

static int nsp_run(struct nsp_exchange *x, struct nsp_cmd *cmd)
{
	size_t need = max(cmd->in_len, cmd->out_len), room;
	u64 config;

	if (x->chip->nsp_minor < cmd->min_minor)
		return -EOPNOTSUPP;
	if (!need)
		return nsp_start(x, cmd, 0, false);
	config = nsp_reg(x, AGL_NSP_DFLT_CONFIG);
	room = FIELD_GET(AGL_NSP_DFLT_SIZE_1M, config) * SZ_1M +
	       FIELD_GET(AGL_NSP_DFLT_SIZE_4K, config) * SZ_4K;
	if (need <= room)
		return nsp_run_default(x, cmd);
	if (FIELD_GET(AGL_NSP_DFLT_DMA_ORDER, config) < ilog2(NSP_DMA_CHUNK))
		return -EFBIG;
	return nsp_run_dma(x, cmd);
}

static int nsp_command(struct agl_chip *chip, struct nsp_cmd *cmd)
{
	struct nsp_exchange x;
	int err;

	err = nsp_open(chip, &x);
	if (err)
		return err;
	err = nsp_run(&x, cmd);
	nsp_close(&x);
	return err;
}

static int nsp_alive(struct agl_chip *chip)
{
	struct nsp_cmd cmd = { .code = AGL_NSP_NOOP };
	int err;

	err = nsp_command(chip, &cmd);
	return err == -ENOENT ? -EAGAIN : err;
}

/**
 * agl_nsp_wait - wait until the service processor answers
 * @chip: card
 *
 * Return: 0, -EAGAIN if it doesn't within 30 seconds, other errors of the
 * first exchange.
 */
int agl_nsp_wait(struct agl_chip *chip)
{
	int err;

	read_poll_timeout(nsp_alive, err,
			  err != -EAGAIN || fatal_signal_pending(current),
			  NSP_POLL_US, NSP_BOOT_TIMEOUT_US, false, chip);
	return err;
}

/**
 * agl_nsp_identify - learn the service processor's version
 * @chip: card; its nsp_version is set
 *
 * Return: 0, -EOPNOTSUPP if it is too old, or its error.
 */
int agl_nsp_identify(struct agl_chip *chip)
{
	struct agl_nsp_identify id;
	struct nsp_cmd cmd = {
		.code = AGL_NSP_IDENTIFY, .option = sizeof(id), .out = &id,
		.out_len = sizeof(id), .min_minor = AGL_NSP_ABI_MINOR_IDENTIFY,
	};
	int err;

	err = nsp_command(chip, &cmd);
	if (!err)
		strscpy(chip->nsp_version, id.version,
			sizeof(chip->nsp_version));
	return err;
}

/**
 * agl_nsp_soft_reset - stop and forget the running firmware
 * @chip: card
 *
 * Return: 0 or the NSP's error.
 */
int agl_nsp_soft_reset(struct agl_chip *chip)
{
	struct nsp_cmd cmd = { .code = AGL_NSP_SOFT_RESET };

	return nsp_command(chip, &cmd);
}

/**
 * agl_nsp_mac_init - put changed port settings into force
 * @chip: card
 *
 * Return: 0 or the NSP's error.
 */
int agl_nsp_mac_init(struct agl_chip *chip)
{
	struct nsp_cmd cmd = {
		.code = AGL_NSP_MAC_INIT, .min_minor = AGL_NSP_ABI_MINOR_MAC_INIT,
	};

	return nsp_command(chip, &cmd);
}

/**
 * agl_nsp_fw_loaded - is there firmware running?
 * @chip: card
 *
 * Return: 1 or 0, or a negative error.
 */
int agl_nsp_fw_loaded(struct agl_chip *chip)
{
	struct nsp_cmd cmd = {
		.code = AGL_NSP_FW_LOADED,
		.min_minor = AGL_NSP_ABI_MINOR_HWINFO_SET,
	};

	return nsp_command(chip, &cmd) ?: !!cmd.ret;
}

/**
 * agl_nsp_fw_load - run a firmware file
 * @chip: card
 * @data: the file
 * @len: bytes
 * @status: set to AGL_NSP_LOAD_, also on error
 *
 * Return: 0 or the NSP's error.
 */
int agl_nsp_fw_load(struct agl_chip *chip, const void *data, size_t len,
		    u32 *status)
{
	struct nsp_cmd cmd = {
		.code = AGL_NSP_FW_LOAD, .option = len, .in = data,
		.in_len = len, .min_minor = AGL_NSP_ABI_MINOR_BUFFER,
	};
	int err;

	err = nsp_command(chip, &cmd);
	*status = cmd.ret;
	return err;
}

/**
 * agl_nsp_fw_stored - run the firmware in the card's flash
 * @chip: card
 * @status: set to AGL_NSP_LOAD_, also on error
 *
 * Return: 0 or the NSP's error.
 */
int agl_nsp_fw_stored(struct agl_chip *chip, u32 *status)
{
	struct nsp_cmd cmd = {
		.code = AGL_NSP_FW_STORED, .min_minor = AGL_NSP_ABI_MINOR_STORED,
	};
	int err;

	err = nsp_command(chip, &cmd);
	*status = cmd.ret;
	return err;
}

/**
 * agl_nsp_hwinfo_lookup - live value of a key
 * @chip: card
 * @buf: key with its terminator in, value with its terminator out
 * @len: size of @buf
 *
 * Return: 0, -ENOENT, or the NSP's error.
 */
int agl_nsp_hwinfo_lookup(struct agl_chip *chip, char *buf, size_t len)
{
	struct nsp_cmd cmd = {
		.code = AGL_NSP_HWINFO_LOOKUP, .option = len, .in = buf,
		.in_len = len, .out = buf, .out_len = len,
		.min_minor = AGL_NSP_ABI_MINOR_HWINFO,
	};
	int err;

	err = nsp_command(chip, &cmd);
	if (err)
		return err;
	return strnlen(buf, len) < len ? 0 : -EINVAL;
}

/**
 * agl_nsp_versions_read - keep the table of component versions
 * @chip: card
 *
 * Once, with the firmware running: who asks for them later shall not wait for
 * the service processor.
 *
 * Return: 0, -ENOMEM, the NSP's error.
 */
int agl_nsp_versions_read(struct agl_chip *chip)
{
	struct nsp_cmd cmd = {
		.code = AGL_NSP_VERSIONS, .option = AGL_NSP_VERSIONS_SIZE,
		.out_len = AGL_NSP_VERSIONS_SIZE,
		.min_minor = AGL_NSP_ABI_MINOR_VERSIONS,
	};
	int err;

	chip->versions = kzalloc(AGL_NSP_VERSIONS_SIZE, GFP_KERNEL);
	if (!chip->versions)
		return -ENOMEM;
	cmd.out = chip->versions;
	err = nsp_command(chip, &cmd);
	if (err)
		agl_nsp_versions_free(chip);
	return err;
}

/**
 * agl_nsp_versions_free - forget the table
 * @chip: card
 */
void agl_nsp_versions_free(struct agl_chip *chip)
{
	kfree(chip->versions);
	chip->versions = NULL;
}

static int eth_rescan(struct nsp_exchange *x, struct agl_eth_entry *table)
{
	struct nsp_cmd cmd = {
		.code = AGL_NSP_ETH_RESCAN, .option = AGL_ETH_TABLE_SIZE,
		.out = table, .out_len = AGL_ETH_TABLE_SIZE,
		.min_minor = AGL_NSP_ABI_MINOR_BUFFER,
	};

	return nsp_run(x, &cmd);
}

/**
 * agl_nsp_eth_rescan - read the port table
 * @chip: card
 * @table: AGL_ETH_MAX rows
 *
 * Return: 0 or the NSP's error.
 */
int agl_nsp_eth_rescan(struct agl_chip *chip, struct agl_eth_entry *table)
{
	struct nsp_exchange x;
	int err;

	err = nsp_open(chip, &x);
	if (err)
		return err;
	err = eth_rescan(&x, table);
	nsp_close(&x);
	return err;
}

/**
 * agl_nsp_eth_modify - change the port table in one exchange
 * @chip: card
 * @modify: changes the table as read; returns whether it did
 * @arg: for @modify
 *
 * Untouched rows go back as they came: the NSP mirrors their levels.
 *
 * Return: 0 or the NSP's error.
 */
int agl_nsp_eth_modify(struct agl_chip *chip,
		       bool (*modify)(struct agl_eth_entry *table, void *arg),
		       void *arg)
{
	struct agl_eth_entry *table;
	struct nsp_cmd cmd = {
		.code = AGL_NSP_ETH_CONTROL, .option = AGL_ETH_TABLE_SIZE,
		.in_len = AGL_ETH_TABLE_SIZE,
		.min_minor = AGL_NSP_ABI_MINOR_BUFFER,
	};
	struct nsp_exchange x;
	int err;

	table = kcalloc(AGL_ETH_MAX, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	err = nsp_open(chip, &x);
	if (err)
		goto out_free;
	err = eth_rescan(&x, table);
	cmd.in = table;
	if (!err && modify(table, arg))
		err = nsp_run(&x, &cmd);
	nsp_close(&x);
out_free:
	kfree(table);
	return err;
}
