// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing, finding and starting the firmware. 01-platform.md section 7.
 *
 * This driver is for the flower application alone, so it looks into that
 * folder first: distributions let the plain names point to another one.
 */
#include <linux/firmware.h>
#include <linux/module.h>

#include "chip.h"

enum policy { POLICY_DISK, POLICY_FLASH, POLICY_PREFERRED };
enum reset { RESET_IF_FOUND, RESET_ALWAYS, RESET_NEVER };

#define NAME_LEN		128

/* Files of the distributions' packages; other names lead to the same ones */
MODULE_FIRMWARE("netronome/flower/nic_AMDA0058.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0081.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0096.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0097.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0099.nffw");
/* Of this board there are but names with the media */
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0011_1x100.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0011_2x40.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0011_4x10_1x40.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0011_8x10.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0012_1x100.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0012_2x40.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0012_4x10_1x40.nffw");
MODULE_FIRMWARE("netronome/flower/nic_AMDA0078-0012_8x10.nffw");

/* How the ports are split, as names have it: _4x10_1x40. 01-platform.md 7.1 */
static void media_name(const struct agl_eth_table *eth, char *text, size_t room)
{
	unsigned int i, run, at = 0;

	text[0] = '\0';
	for (i = 0; i < eth->count; i += run) {
		for (run = 1; i + run < eth->count; run++)
			if (eth->port[i + run].speed != eth->port[i].speed)
				break;
		at += scnprintf(text + at, room - at, "_%ux%u", run,
				eth->port[i].speed / 1000);
	}
}

/* Longest match first; the last is any card's with that board */
static void candidate(struct agl_chip *chip, const struct agl_eth_table *eth,
		      unsigned int n, char *name)
{
	char media[40];
	const char *part = agl_hwinfo_get(chip, "nffw.partno") ?:
			   agl_hwinfo_get(chip, "assembly.partno");
	int board = part ? strcspn(part, "-") : 0;

	switch (n) {
	case 0:
		snprintf(name, NAME_LEN, "netronome/flower/serial-%pMF-%02x-%02x.nffw",
			 chip->serial, chip->ifc >> 8, chip->ifc & 0xff);
		break;
	case 1:
		snprintf(name, NAME_LEN, "netronome/flower/pci-%s.nffw",
			 pci_name(chip->pdev));
		break;
	case 2:
		media_name(eth, media, sizeof(media));
		snprintf(name, NAME_LEN, "netronome/flower/nic_%s%s.nffw",
			 part ?: "unknown", media);
		break;
	default:
		snprintf(name, NAME_LEN, "netronome/flower/nic_%.*s.nffw", board,
			 part ?: "");
		break;
	}
}

#define CANDIDATES		4

static const struct firmware *find_file(struct agl_chip *chip,
					const struct agl_eth_table *eth,
					char *name)
{
	const struct firmware *fw;
	unsigned int i;

	for (i = 0; i < CANDIDATES; i++) {
		candidate(chip, eth, i, name);
		if (!firmware_request_nowarn(&fw, name, &chip->pdev->dev))
			return fw;
	}
	return NULL;
}

static unsigned int policy_key(struct agl_chip *chip, const char *key,
			       unsigned int dflt)
{
	char buf[64] = {};
	unsigned int v;

	strscpy(buf, key, sizeof(buf));
	if (agl_nsp_hwinfo_lookup(chip, buf, sizeof(buf)) ||
	    kstrtouint(buf, 0, &v) || v > 2)
		return dflt;
	return v;
}

/* Another function of the host may be the one that loads */
static bool we_load(struct agl_chip *chip)
{
	char buf[64] = "abi_drv_load_ifc", *at = buf, *item;
	unsigned int ifc;

	if (agl_nsp_hwinfo_lookup(chip, buf, sizeof(buf)))
		return true;
	while ((item = strsep(&at, ",")))
		if (!kstrtouint(strim(item), 0, &ifc) && ifc == chip->ifc)
			return true;
	return false;
}

static int load_file(struct agl_chip *chip, const struct firmware *fw,
		     const char *name)
{
	struct device *dev = &chip->pdev->dev;
	u32 status;
	int err;

	if (agl_nsp_fw_loaded(chip) == 1) {
		dev_info(dev, "firmware is running already, %s not loaded\n", name);
		return 0;
	}
	err = agl_nsp_fw_load(chip, fw->data, fw->size, &status);
	if (err) {
		dev_err(dev, "%s: the card refuses it, reason %lu: %pe\n", name,
			FIELD_GET(AGL_NSP_LOAD_MINOR, status), ERR_PTR(err));
		return err;
	}
	chip->fw_loaded = true;
	dev_info(dev, "%s loaded\n", name);
	return 0;
}

static int load(struct agl_chip *chip, const struct agl_eth_table *eth)
{
	unsigned int policy = policy_key(chip, "app_fw_from_flash",
					 POLICY_PREFERRED);
	unsigned int reset = policy_key(chip, "abi_drv_reset", RESET_IF_FOUND);
	const struct firmware *fw;
	char name[NAME_LEN];
	u32 status;
	int err = 0;

	fw = find_file(chip, eth, name);
	if (reset == RESET_ALWAYS || (reset == RESET_IF_FOUND && fw))
		err = agl_nsp_soft_reset(chip);
	if (!err && fw && policy != POLICY_FLASH) {
		err = load_file(chip, fw, name);
	} else if (!err && policy != POLICY_DISK) {
		if (!agl_nsp_fw_stored(chip, &status))
			dev_info(&chip->pdev->dev, "firmware from flash\n");
	}
	if (!err && !fw) {
		candidate(chip, eth, CANDIDATES - 1, name);
		dev_info(&chip->pdev->dev,
			 "no firmware file for this card, such as %s\n", name);
	}
	release_firmware(fw);
	return err;
}

/**
 * agl_firmware_start - have firmware running, and read its symbols
 * @chip: card
 * @eth: its ports: some files are named by them
 *
 * Return: 0, -ENOENT if there is none, the NSP's and the symbols' errors.
 */
int agl_firmware_start(struct agl_chip *chip, const struct agl_eth_table *eth)
{
	int err;

	if (we_load(chip)) {
		err = load(chip, eth);
		if (err)
			return err;
	}
	err = agl_rtsym_read(chip);
	if (!err)
		return 0;
	dev_err(&chip->pdev->dev, "no usable firmware on the card: %pe\n",
		ERR_PTR(err));
	agl_firmware_stop(chip);
	return err;
}

/**
 * agl_firmware_stop - forget the symbols, unload what we loaded
 * @chip: card
 */
void agl_firmware_stop(struct agl_chip *chip)
{
	agl_rtsym_free(chip);
	if (chip->fw_loaded && agl_nsp_soft_reset(chip))
		dev_warn(&chip->pdev->dev, "firmware could not be unloaded\n");
	chip->fw_loaded = false;
}
