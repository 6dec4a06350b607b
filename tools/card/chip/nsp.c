// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The service processor: registers, buffers and commands, all of which
 * complete at once unless a fault delays them. 01-platform.md section 6.
 */
#include <errno.h>
#include <stdlib.h>

#include "chip.h"

#define NSP_BUFFER_MAX		(64u << 20)
#define NSP_DMA_ORDER		31
/* The largest buffer in pages of 4 KiB */
#define NSP_CHUNKS_MAX		(NSP_BUFFER_MAX / 4096)

struct nsp_cmd {
	unsigned int code;
	uint32_t option;
	uint8_t *buf;
	size_t len;
	uint32_t ret;
};

static uint64_t reg(struct card *card, unsigned int off)
{
	return get_le(mem_ptr(card, SYS_NSP + off, 8), 8);
}

static void set_reg(struct card *card, unsigned int off, uint64_t val)
{
	put_le(mem_ptr(card, SYS_NSP + off, 8), val, 8);
}

static uint64_t status(struct card *card, unsigned int code, int error)
{
	return FIELD_PREP(AGL_NSP_STATUS_MAGIC, AGL_NSP_MAGIC) |
	       FIELD_PREP(AGL_NSP_STATUS_MINOR, card->cfg.nsp_minor) |
	       FIELD_PREP(AGL_NSP_STATUS_CODE, code) |
	       FIELD_PREP(AGL_NSP_STATUS_RESULT, error);
}

void nsp_init(struct card *card)
{
	uint64_t cpp = FIELD_PREP(AGL_CPP_ID_TARGET, AGL_CPP_TARGET_MU) |
		       FIELD_PREP(AGL_CPP_ID_ACTION, AGL_CPP_ACTION_RW);

	set_reg(card, AGL_NSP_STATUS, status(card, 0, 0));
	set_reg(card, AGL_NSP_DFLT_BUFFER,
		FIELD_PREP(AGL_NSP_BUFFER_CPP, cpp >> 8) | SYS_NSP_BUFFER);
	if (card->cfg.nsp_dma) {
		set_reg(card, AGL_NSP_DFLT_CONFIG,
			FIELD_PREP(AGL_NSP_DFLT_DMA_ORDER, NSP_DMA_ORDER) |
			FIELD_PREP(AGL_NSP_DFLT_SIZE_1M, 1));
		set_reg(card, AGL_NSP_DMA_SG,
			BIT_ULL(AGL_NSP_FW_LOAD - 1) |
			BIT_ULL(AGL_NSP_WRITE_FLASH - 1));
	} else {
		set_reg(card, AGL_NSP_DFLT_CONFIG,
			FIELD_PREP(AGL_NSP_DFLT_SIZE_1M, 16));
	}
}

static void firmware_stop(struct card *card)
{
	card->fw->unload(card);
	mem_listen_none(card);
}

void nsp_soft_reset(struct card *card)
{
	card->cnt.resets++;
	card_event(card, EVENT_RESET, 0);
	firmware_stop(card);
	image_unload(card);
	board_apply_overrides(card);
}

/* What runs is replaced as a whole, or goes on if the file is refused */
uint32_t nsp_firmware_load(struct card *card, const uint8_t *data, size_t len,
			   int *error)
{
	const char *why;

	if (!image_load(card, data, len, &why)) {
		card_log(card, "firmware refused: %s", why);
		*error = EINVAL;
		return FIELD_PREP(AGL_NSP_LOAD_MAJOR, AGL_NSP_LOAD_FAILED) |
		       FIELD_PREP(AGL_NSP_LOAD_MINOR, AGL_NSP_LOAD_BAD_IMAGE);
	}
	card->cnt.fw_loads++;
	card_event(card, EVENT_FIRMWARE, 0);
	firmware_stop(card);
	card->fw->load(card);
	return FIELD_PREP(AGL_NSP_LOAD_MINOR, AGL_NSP_LOAD_NO_POLICY);
}

static int cmd_fw_stored(struct card *card, struct nsp_cmd *cmd)
{
	uint32_t none = FIELD_PREP(AGL_NSP_LOAD_MAJOR, AGL_NSP_LOAD_FAILED) |
			FIELD_PREP(AGL_NSP_LOAD_MINOR, AGL_NSP_LOAD_NO_PARTITION);
	int error = ENOENT;
	uint8_t *data;
	size_t len;
	FILE *f;

	if (card->image.loaded)
		return 0;
	cmd->ret = none;
	f = card->cfg.flash ? fopen(card->cfg.flash, "rb") : NULL;
	if (!f)
		return error;
	data = malloc(NSP_BUFFER_MAX);
	if (data) {
		len = fread(data, 1, NSP_BUFFER_MAX, f);
		error = 0;
		cmd->ret = nsp_firmware_load(card, data, len, &error);
		if (!error)
			cmd->ret = FIELD_PREP(AGL_NSP_LOAD_MAJOR,
					      AGL_NSP_LOAD_FLASH);
		free(data);
	}
	fclose(f);
	return error;
}

static int cmd_hwinfo_lookup(struct card *card, struct nsp_cmd *cmd)
{
	const char *value;

	/* What follows the key's NUL is garbage */
	if (!memchr(cmd->buf, 0, cmd->len))
		return E2BIG;
	value = hwinfo_get(card, (char *)cmd->buf);
	if (!value)
		return ENOENT;
	if (strlen(value) >= cmd->len)
		return ENOSPC;
	memset(cmd->buf, 0, cmd->len);
	strcpy((char *)cmd->buf, value);
	return 0;
}

static int cmd_hwinfo_set(struct card *card, struct nsp_cmd *cmd)
{
	char *text = (char *)cmd->buf, *eq;

	if (!memchr(text, 0, cmd->len))
		return E2BIG;
	eq = strchr(text, '=');
	if (!eq)
		return EINVAL;
	*eq = 0;
	return hwinfo_set(card, text, eq + 1) ? 0 : ENOSPC;
}

static int cmd_identify(struct card *card, struct nsp_cmd *cmd)
{
	struct agl_nsp_identify *id = (void *)cmd->buf;

	(void)card;
	if (cmd->len < sizeof(*id))
		return EINVAL;
	memset(id, 0, sizeof(*id));
	strcpy(id->version, "24.07-9");
	id->sensor_mask = htole64(0xf);
	return 0;
}

static int cmd_sensors(struct nsp_cmd *cmd)
{
	static const uint32_t value[4] = { 52000, 14500000, 9000000, 5500000 };
	unsigned int i;

	if (cmd->len < sizeof(value))
		return EINVAL;
	for (i = 0; i < ARRAY_SIZE(value); i++)
		put_le(cmd->buf + 4 * i, value[i], 4);
	return 0;
}

/* Slots: {running, flash} of BSP, CPLD, APP, BUNDLE, UNDI, NCSI, CFGR */
static int cmd_versions(struct card *card, struct nsp_cmd *cmd)
{
	const char *text[14] = {
		"24.07-9", "24.07-9", card->board->cpld, card->board->cpld,
		card->image.loaded ? card->image.name : NULL,
	};
	size_t at = 2 + 2 * ARRAY_SIZE(text);
	unsigned int i;

	if (cmd->len < AGL_NSP_VERSIONS_SIZE)
		return EINVAL;
	memset(cmd->buf, 0, cmd->len);
	put_le(cmd->buf, ARRAY_SIZE(text), 2);
	for (i = 0; i < ARRAY_SIZE(text); i++) {
		if (!text[i])
			continue;
		put_le(cmd->buf + 2 + 2 * i, at, 2);
		at += sprintf((char *)cmd->buf + at, "%s", text[i]) + 1;
	}
	return 0;
}

static int cmd_eth(struct card *card, struct nsp_cmd *cmd)
{
	int n;

	if (cmd->len < AGL_ETH_TABLE_SIZE)
		return EINVAL;
	if (cmd->code == AGL_NSP_ETH_CONTROL)
		return nsp_eth_control(card, cmd->buf);
	n = nsp_eth_rescan(card, cmd->buf);
	cmd->ret = n;
	return 0;
}

static int nsp_execute(struct card *card, struct nsp_cmd *cmd)
{
	int error = 0;

	switch (cmd->code) {
	case AGL_NSP_NOOP:
		return 0;
	case AGL_NSP_SOFT_RESET:
		nsp_soft_reset(card);
		return 0;
	case AGL_NSP_MAC_INIT:
		board_apply_overrides(card);
		return 0;
	case AGL_NSP_FW_LOAD:
		cmd->ret = nsp_firmware_load(card, cmd->buf, cmd->len, &error);
		return error;
	case AGL_NSP_ETH_RESCAN:
	case AGL_NSP_ETH_CONTROL:
		return cmd_eth(card, cmd);
	case AGL_NSP_WRITE_FLASH:
		/* Real cards say 8 for a file they don't know */
		cmd->ret = 1;
		return ENOEXEC;
	case AGL_NSP_SENSORS:
		return cmd_sensors(cmd);
	case AGL_NSP_IDENTIFY:
		return cmd_identify(card, cmd);
	case AGL_NSP_FW_STORED:
		return cmd_fw_stored(card, cmd);
	case AGL_NSP_HWINFO_LOOKUP:
		return cmd_hwinfo_lookup(card, cmd);
	case AGL_NSP_HWINFO_SET:
		return cmd_hwinfo_set(card, cmd);
	case AGL_NSP_FW_LOADED:
		cmd->ret = card->image.loaded;
		return 0;
	case AGL_NSP_VERSIONS:
		return cmd_versions(card, cmd);
	case AGL_NSP_READ_EEPROM:
		return nsp_read_eeprom(card, cmd->buf, cmd->len);
	case AGL_NSP_READ_MEDIA:
		return cmd->len < AGL_NSP_MEDIA_SIZE ? EINVAL :
		       nsp_read_media(card, cmd->buf);
	default:
		return EOPNOTSUPP;
	}
}

/*
 * Copy between the command's host chunks and one flat buffer. Chunks are as
 * large as a page or larger, but for the first and the last.
 */
static bool dma_copy(struct card *card, uint64_t desc, uint8_t *buf, size_t len,
		     bool to_host)
{
	uint8_t head[16], chunk[16];
	uint64_t i, n, addr;
	size_t at = 0, size;

	if (!dma_read(card, CARD_FN_PF, desc, head, sizeof(head)))
		return false;
	n = get_le(head, 4);
	if (n > NSP_CHUNKS_MAX)
		return false;
	for (i = 1; i <= n && at < len; i++) {
		if (!dma_read(card, CARD_FN_PF, desc + 16 * i, chunk,
			      sizeof(chunk)))
			return false;
		size = get_le(chunk, 4);
		addr = get_le(chunk + 8, 8);
		if (size > len - at)
			size = len - at;
		if (to_host ? !dma_write(card, CARD_FN_PF, addr, buf + at, size) :
			      !dma_read(card, CARD_FN_PF, addr, buf + at, size))
			return false;
		at += size;
	}
	return at == len;
}

static int nsp_run(struct card *card, struct nsp_cmd *cmd, uint64_t command,
		   uint64_t buffer)
{
	uint64_t addr = FIELD_GET(AGL_NSP_BUFFER_ADDR, buffer);
	bool dma = command & AGL_NSP_COMMAND_DMA;
	uint8_t *mem = NULL;
	int error;

	/* The option of SENSORS is a mask, its buffer a fixed 16 bytes */
	cmd->len = cmd->code == AGL_NSP_SENSORS ? AGL_NSP_SENSORS_SIZE :
						  cmd->option;
	if (!buffer || cmd->len > NSP_BUFFER_MAX)
		cmd->len = 0;
	cmd->buf = calloc(1, cmd->len + 1);
	if (!cmd->buf)
		return ENOMEM;
	if (dma) {
		error = dma_copy(card, buffer, cmd->buf, cmd->len, false) ? 0 : EIO;
	} else if (cmd->len) {
		mem = mem_ptr(card, addr, cmd->len);
		error = mem ? 0 : EFAULT;
		if (mem)
			memcpy(cmd->buf, mem, cmd->len);
	} else {
		error = 0;
	}
	if (!error)
		error = nsp_execute(card, cmd);
	if (!error && dma)
		dma_copy(card, buffer, cmd->buf, cmd->len, true);
	else if (!error && mem && cmd->code != AGL_NSP_FW_LOAD)
		memcpy(mem, cmd->buf, cmd->len);
	free(cmd->buf);
	return error;
}

static bool nsp_fault(struct card *card, unsigned int code, bool delay)
{
	const struct card_fault *f = &card->fault[FAULT_NSP];

	return f->on && f->delay == delay &&
	       (f->code == FAULT_NSP_ANY || f->code == code);
}

static void nsp_finish(struct card *card, uint64_t command)
{
	struct nsp_cmd cmd = {
		.code = FIELD_GET(AGL_NSP_COMMAND_CODE, command),
		.option = FIELD_GET(AGL_NSP_COMMAND_OPTION, command),
	};
	int error;

	if (nsp_fault(card, cmd.code, false))
		error = card->fault[FAULT_NSP].value;
	else
		error = nsp_run(card, &cmd, command, reg(card, AGL_NSP_BUFFER));
	if (error)
		card->cnt.nsp_errors++;
	/* The argument's place takes the return value */
	set_reg(card, AGL_NSP_COMMAND,
		FIELD_PREP(AGL_NSP_COMMAND_OPTION, cmd.ret) |
		FIELD_PREP(AGL_NSP_COMMAND_CODE, cmd.code));
	set_reg(card, AGL_NSP_STATUS, status(card, cmd.code, error));
}

void nsp_command(struct card *card)
{
	uint64_t command = reg(card, AGL_NSP_COMMAND), ms;
	unsigned int code = FIELD_GET(AGL_NSP_COMMAND_CODE, command);

	if (!(command & AGL_NSP_COMMAND_START) || card->nsp_at ||
	    fault_on(card, FAULT_NSP_STUCK))
		return;
	card->cnt.nsp_commands++;
	if (!nsp_fault(card, code, true)) {
		nsp_finish(card, command);
		return;
	}
	/* Taken, but not done */
	ms = card->fault[FAULT_NSP].value;
	set_reg(card, AGL_NSP_COMMAND, command & ~AGL_NSP_COMMAND_START);
	set_reg(card, AGL_NSP_STATUS, status(card, code, 0) | AGL_NSP_STATUS_BUSY);
	card->nsp_taken = command;
	card->nsp_at = card->ops->now(card->host) + ms * 1000000;
	card_rearm(card);
}

void nsp_timer(struct card *card, uint64_t now)
{
	if (!card->nsp_at || now < card->nsp_at)
		return;
	card->nsp_at = 0;
	nsp_finish(card, card->nsp_taken);
}

void nsp_resume(struct card *card)
{
	nsp_timer(card, UINT64_MAX);
	nsp_command(card);
	card_rearm(card);
}
