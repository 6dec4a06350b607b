// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The boards and their ports. 01-platform.md sections 4.6 and 6.12.
 */
#include "chip.h"

/* AMDA0081 and 0097 break out; their lanes have consecutive indexes */
static const struct board boards[] = {
	{
		.name = "AMDA0081", .partno = "AMDA0081-0001",
		.model = "hydrogen", .vendor = "SMA", .serial = "16110001",
		.revision = "15", .cpld = "0x1030000",
		.dsn = { 0x00, 0x15, 0x4d, 0x12, 0x00, 0x80 },
		.media = "1x40", .all_media = { "1x40", "4x10" },
		.cages = 1, .lanes = 4, .interface = AGL_ETH_IF_QSFP,
		.rate = AGL_ETH_RATE_10G,
	}, {
		.name = "AMDA0096", .partno = "AMDA0096-0001",
		.model = "lithium", .vendor = "SMC", .serial = "17290001",
		.revision = "11", .cpld = "0x1030000",
		.dsn = { 0x00, 0x15, 0x4d, 0x13, 0x00, 0x90 },
		.media = "2x10", .all_media = { "2x10" },
		.cages = 2, .lanes = 1, .interface = AGL_ETH_IF_SFPP,
		.rate = AGL_ETH_RATE_10G,
	}, {
		.name = "AMDA0097", .partno = "AMDA0097-0001",
		.model = "beryllium", .vendor = "SMC", .serial = "17290002",
		.revision = "13", .cpld = "0x2020001",
		.dsn = { 0x00, 0x15, 0x4d, 0x13, 0x01, 0x00 },
		.media = "2x40", .all_media = { "2x40", "8x10", "4x10_1x40" },
		.cages = 2, .lanes = 4, .interface = AGL_ETH_IF_QSFP,
		.rate = AGL_ETH_RATE_10G,
	}, {
		.name = "AMDA0099", .partno = "AMDA0099-0001",
		.model = "carbon", .vendor = "SMC", .serial = "17340001",
		.revision = "11", .cpld = "0x3030000",
		.dsn = { 0x00, 0x15, 0x4d, 0x13, 0x02, 0x00 },
		.media = "2x25", .all_media = { "2x25", "2x10", "1x10_1x25" },
		.cages = 2, .lanes = 1, .interface = AGL_ETH_IF_SFP28,
		.rate = AGL_ETH_RATE_25G,
	},
};

const struct board *board_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(boards); i++)
		if (!strcmp(boards[i].name, name))
			return &boards[i];
	return NULL;
}

static void port_set(struct card *card, unsigned int cage, unsigned int lane,
		     unsigned int lanes, unsigned int rate)
{
	const struct board *b = card->board;
	unsigned int index = cage * BOARD_CAGE_STEP + lane;
	struct phys_port *p = &card->ports[index];
	uint8_t offset = b->lanes > 1 ? index : cage;
	bool cable = p->present ? p->cable : true;

	memset(p, 0, sizeof(*p));
	p->present = true;
	p->index = index;
	p->phy = cage;
	p->label = lanes < b->lanes ? lane : 0;
	p->lanes = lanes;
	p->rate = rate;
	p->interface = b->interface;
	p->media = b->interface == AGL_ETH_IF_SFPP ? AGL_ETH_MEDIA_FIBRE :
						     AGL_ETH_MEDIA_DAC;
	p->fec = rate == AGL_ETH_RATE_25G;
	p->aneg_capable = rate == AGL_ETH_RATE_25G;
	p->aneg = p->media == AGL_ETH_MEDIA_FIBRE ? 4 : 0;
	p->fec_mode = p->fec ? 0 : 3;
	p->tx_pause = true;
	p->rx_pause = true;
	p->cable = cable;
	memcpy(p->mac, b->dsn, sizeof(p->mac));
	/* Chip serial + 1 is the first MAC, 01-platform.md 1.5 */
	p->mac[5] = card->cfg.serial_low + 1 + offset;
}

static void cage_set(struct card *card, unsigned int cage, unsigned int count,
		     unsigned int speed)
{
	unsigned int lanes = count > 1 || card->board->lanes == 1 ? 1 :
			     card->board->lanes;
	unsigned int lane, rate = AGL_ETH_RATE_10G;

	if (speed == 25)
		rate = AGL_ETH_RATE_25G;
	for (lane = 0; lane < count; lane++)
		port_set(card, cage, lane, lanes, rate);
}

static void number_wires(struct card *card)
{
	unsigned int i, wire = 0;

	for (i = 0; i < ARRAY_SIZE(card->ports); i++)
		if (card->ports[i].present)
			card->ports[i].wire = wire++;
}

/* "NxS[_NxS]": runs of ports of one speed, in cage order */
bool board_apply_media(struct card *card, const char *media)
{
	const struct board *b = card->board;
	unsigned int i, n, speed, cage = 0;
	const char *known = NULL;

	for (i = 0; i < ARRAY_SIZE(b->all_media) && b->all_media[i]; i++)
		if (!strcmp(b->all_media[i], media))
			known = b->all_media[i];
	if (!known)
		return false;

	memset(card->ports, 0, sizeof(card->ports));
	while (sscanf(media, "%ux%u", &n, &speed) == 2) {
		unsigned int per_cage = b->lanes > 1 && speed == 10 ? b->lanes : 1;

		for (i = 0; i < n; i += per_cage)
			cage_set(card, cage++, per_cage, speed);
		media = strchr(media, '_');
		if (!media)
			break;
		media++;
	}
	card->media = known;
	number_wires(card);
	return true;
}

/* MAC_INIT and SOFT_RESET put changed lanes and rates into force */
void board_apply_overrides(struct card *card)
{
	const struct board *b = card->board;
	unsigned int cage, lane, i;

	for (cage = 0; cage < b->cages; cage++) {
		struct phys_port *first = NULL;

		for (lane = 0; lane < b->lanes; lane++) {
			struct phys_port *p = &card->ports[cage * BOARD_CAGE_STEP + lane];

			if (p->present && p->override && !first)
				first = p;
		}
		if (!first)
			continue;
		lane = first->next_lanes;
		i = first->next_rate;
		for (unsigned int l = 0; l < b->lanes; l++)
			card->ports[cage * BOARD_CAGE_STEP + l].present = false;
		for (unsigned int l = 0; l < b->lanes / lane; l++)
			port_set(card, cage, l * lane, lane, i);
	}
	number_wires(card);
}

bool board_link(const struct phys_port *port)
{
	return port->present && port->cable && port->configured;
}
