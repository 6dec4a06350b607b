// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hardware information: the table in memory, and the live values that the
 * service processor looks up. 01-platform.md section 4.
 */
#include "chip.h"

const char *hwinfo_get(struct card *card, const char *key)
{
	unsigned int i;

	for (i = 0; i < card->hwinfo_keys; i++)
		if (!strcmp(card->hwinfo[i].key, key))
			return card->hwinfo[i].value;
	return NULL;
}

bool hwinfo_set(struct card *card, const char *key, const char *value)
{
	struct hwinfo_pair *pair = NULL;
	unsigned int i;

	for (i = 0; i < card->hwinfo_keys; i++)
		if (!strcmp(card->hwinfo[i].key, key))
			pair = &card->hwinfo[i];
	if (!pair) {
		if (card->hwinfo_keys == CARD_HWINFO_KEYS ||
		    strlen(key) >= sizeof(pair->key))
			return false;
		pair = &card->hwinfo[card->hwinfo_keys++];
		strcpy(pair->key, key);
	}
	snprintf(pair->value, sizeof(pair->value), "%s", value);
	return true;
}

static void hwinfo_publish(struct card *card)
{
	uint8_t *base = mem_ptr(card, SYS_HWINFO, SYS_HWINFO_SIZE);
	struct agl_hwinfo_head *head = (void *)base;
	uint8_t *p = base + sizeof(*head);
	unsigned int i;
	size_t size;

	memset(base, 0, SYS_HWINFO_SIZE);
	for (i = 0; i < card->hwinfo_keys; i++) {
		p += sprintf((char *)p, "%s", card->hwinfo[i].key) + 1;
		p += sprintf((char *)p, "%s", card->hwinfo[i].value) + 1;
	}
	/*
	 * The driver looks for strings up to 12 bytes past the CRC: empty keys
	 * must come before it.
	 */
	size = ((p - base + 16 + 7) & ~7ul) + 4;
	head->version = htole32(AGL_HWINFO_VERSION);
	head->size = htole32(size);
	head->limit = htole32(SYS_HWINFO_SIZE);
	put_le(base + size - 4, cksum(base, size - 4), 4);
}

static void hwinfo_port_macs(struct card *card)
{
	char key[32], value[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(card->ports); i++) {
		const uint8_t *m = card->ports[i].mac;

		if (!card->ports[i].present)
			continue;
		snprintf(key, sizeof(key), "eth%u.mac", i);
		snprintf(value, sizeof(value), "%02x:%02x:%02x:%02x:%02x:%02x",
			 m[0], m[1], m[2], m[3], m[4], m[5]);
		hwinfo_set(card, key, value);
		snprintf(key, sizeof(key), "eth%u.label", i);
		snprintf(value, sizeof(value), "%u.%u", card->ports[i].phy,
			 card->ports[i].label);
		hwinfo_set(card, key, value);
	}
}

void hwinfo_init(struct card *card)
{
	const struct board *b = card->board;

	hwinfo_set(card, "assembly.vendor", b->vendor);
	hwinfo_set(card, "assembly.partno", b->partno);
	hwinfo_set(card, "assembly.serial", b->serial);
	hwinfo_set(card, "assembly.revision", b->revision);
	hwinfo_set(card, "assembly.model", b->model);
	hwinfo_set(card, "pn", b->name);
	hwinfo_set(card, "cpld.version", b->cpld);
	hwinfo_set(card, "board.state", "15");
	hwinfo_set(card, "bsp.version", "01011b.01011b.0100ff");
	hwinfo_set(card, "chip.model", "NFP4001");
	hwinfo_set(card, "chip.revision", "B0");
	hwinfo_set(card, "core.speed", "633");
	hwinfo_set(card, "me.speed", "633");
	hwinfo_set(card, "emu0.mem.base", "0x2000000000");
	hwinfo_set(card, "emu0.mem.size", "2048");
	hwinfo_set(card, "pcie0.type", "ep");
	hwinfo_port_macs(card);
	hwinfo_publish(card);
}
