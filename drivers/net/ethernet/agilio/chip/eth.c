// SPDX-License-Identifier: GPL-2.0-only
/*
 * The port table of the service processor. 01-platform.md section 6.12.
 */
#include <linux/slab.h>

#include "chip.h"

static const u32 lane_speed[] = {
	[AGL_ETH_RATE_10M] = 10,
	[AGL_ETH_RATE_100M] = 100,
	[AGL_ETH_RATE_1G] = 1000,
	[AGL_ETH_RATE_10G] = 10000,
	[AGL_ETH_RATE_25G] = 25000,
};

static void eth_decode(const struct agl_eth_entry *e, unsigned int index,
		       struct agl_eth_port *p)
{
	u64 port = le64_to_cpu(e->port), state = le64_to_cpu(e->state);
	unsigned int rate = FIELD_GET(AGL_ETH_STATE_RATE, state);
	unsigned int i;

	p->index = index;
	p->nbi = index / AGL_ETH_PER_NBI;
	p->base = index % AGL_ETH_PER_NBI;
	p->eth_index = FIELD_GET(AGL_ETH_PORT_INDEX, port);
	p->lanes = FIELD_GET(AGL_ETH_PORT_LANES, port);
	p->phy = FIELD_GET(AGL_ETH_PORT_PHY, port);
	p->label = FIELD_GET(AGL_ETH_PORT_LABEL, port);
	p->aneg = port & AGL_ETH_PORT_ANEG;
	p->speed = rate < ARRAY_SIZE(lane_speed) ? lane_speed[rate] * p->lanes : 0;
	p->interface = FIELD_GET(AGL_ETH_STATE_INTERFACE, state);
	p->media = FIELD_GET(AGL_ETH_STATE_MEDIA, state);
	p->override = state & AGL_ETH_STATE_OVERRIDE;
	for (i = 0; i < ETH_ALEN; i++)
		p->mac[i] = e->mac[ETH_ALEN - 1 - i];
}

static void eth_relate(struct agl_eth_table *t)
{
	unsigned int i, j;

	for (i = 0; i < t->count; i++) {
		for (j = 0; j < t->count; j++) {
			if (t->port[i].phy != t->port[j].phy)
				continue;
			t->port[i].cage_lanes += t->port[j].lanes;
			t->port[i].split |= i != j;
		}
	}
}

/**
 * agl_eth_read - read the port table
 * @chip: card
 * @table: filled in, rows without lanes left out
 *
 * Return: 0, -ENODEV if there is no port, the NSP's error, -ENOMEM.
 */
int agl_eth_read(struct agl_chip *chip, struct agl_eth_table *table)
{
	struct agl_eth_entry *raw;
	unsigned int i;
	int err;

	raw = kcalloc(AGL_ETH_MAX, sizeof(*raw), GFP_KERNEL);
	if (!raw)
		return -ENOMEM;
	err = agl_nsp_eth_rescan(chip, raw);
	memset(table, 0, sizeof(*table));
	for (i = 0; !err && i < AGL_ETH_MAX; i++) {
		if (!FIELD_GET(AGL_ETH_PORT_LANES, le64_to_cpu(raw[i].port)))
			continue;
		eth_decode(&raw[i], i, &table->port[table->count++]);
		table->max_index = i;
	}
	kfree(raw);
	if (!err && !table->count)
		err = -ENODEV;
	eth_relate(table);
	return err;
}

struct configured_arg {
	unsigned int index;
	bool up;
};

static bool set_configured(struct agl_eth_entry *table, void *arg)
{
	struct configured_arg *a = arg;
	struct agl_eth_entry *e = &table[a->index];

	if (!!(le64_to_cpu(e->state) & AGL_ETH_STATE_CONFIGURED) == a->up)
		return false;
	e->control &= ~cpu_to_le64(AGL_ETH_CTRL_CONFIGURED);
	if (a->up)
		e->control |= cpu_to_le64(AGL_ETH_CTRL_CONFIGURED);
	return true;
}

/**
 * agl_eth_set_configured - switch a port on or off
 * @chip: card
 * @index: chip-wide port number
 * @up: which
 *
 * Return: 0, also if the NSP is too old to know; the NSP's error.
 */
int agl_eth_set_configured(struct agl_chip *chip, unsigned int index, bool up)
{
	struct configured_arg arg = { .index = index, .up = up };

	if (chip->nsp_minor < AGL_NSP_ABI_MINOR_CONFIGURED)
		return 0;
	return agl_nsp_eth_modify(chip, set_configured, &arg);
}
