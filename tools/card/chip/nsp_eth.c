// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Port table, media and module EEPROM. 01-platform.md 6.12 to 6.14.
 */
#include <errno.h>

#include "chip.h"

/* Link mode bits of READ_MEDIA */
#define MEDIA_10G_CR		13
#define MEDIA_10G_SR		14
#define MEDIA_25G_CR		18
#define MEDIA_40G_CR4		21

#define EEPROM_HEAD		8
#define EEPROM_SIZE		640

static void port_encode(const struct phys_port *p, struct agl_eth_entry *e)
{
	uint64_t up = p->configured ? AGL_ETH_CTRL_LEVELS :
		      AGL_ETH_CTRL_LEVELS & ~AGL_ETH_CTRL_CONFIGURED;
	unsigned int i;

	e->port = htole64(FIELD_PREP(AGL_ETH_PORT_LANES, p->lanes) |
			  FIELD_PREP(AGL_ETH_PORT_INDEX, p->index) |
			  FIELD_PREP(AGL_ETH_PORT_LABEL, p->label) |
			  FIELD_PREP(AGL_ETH_PORT_PHY, p->phy) |
			  (p->fec ? AGL_ETH_PORT_FEC_BASER | AGL_ETH_PORT_FEC_RS : 0) |
			  (p->aneg_capable ? AGL_ETH_PORT_ANEG : 0));
	e->state = htole64(up | FIELD_PREP(AGL_ETH_STATE_RATE, p->rate) |
			   FIELD_PREP(AGL_ETH_STATE_INTERFACE, p->interface) |
			   FIELD_PREP(AGL_ETH_STATE_MEDIA, p->media) |
			   (p->override ? AGL_ETH_STATE_OVERRIDE : 0) |
			   FIELD_PREP(AGL_ETH_STATE_ANEG, p->aneg) |
			   FIELD_PREP(AGL_ETH_STATE_FEC, p->fec_mode) |
			   FIELD_PREP(AGL_ETH_STATE_FEC_ACTIVE, p->fec_mode) |
			   (p->tx_pause ? AGL_ETH_STATE_TX_PAUSE : 0) |
			   (p->rx_pause ? AGL_ETH_STATE_RX_PAUSE : 0));
	/* The host sends untouched entries back: mirror the levels */
	e->control = htole64(up);
	for (i = 0; i < 6; i++)
		e->mac[i] = p->mac[5 - i];
}

int nsp_eth_rescan(struct card *card, uint8_t *buf)
{
	struct agl_eth_entry *e = (void *)buf;
	unsigned int i;
	int n = 0;

	memset(buf, 0, AGL_ETH_TABLE_SIZE);
	for (i = 0; i < ARRAY_SIZE(card->ports); i++) {
		if (!card->ports[i].present)
			continue;
		port_encode(&card->ports[i], &e[i]);
		n++;
	}
	return n;
}

/* Of two cages that are split the second is joined first, 05 section 4 */
static bool later_cage_split(struct card *card, const struct phys_port *p)
{
	unsigned int i;

	for (i = p->index + BOARD_CAGE_STEP; i < ARRAY_SIZE(card->ports);
	     i += BOARD_CAGE_STEP) {
		const struct phys_port *other = &card->ports[i];

		if (other->present &&
		    (other->override ? other->next_lanes : other->lanes) == 1)
			return true;
	}
	return false;
}

static bool lanes_possible(struct card *card, const struct phys_port *p,
			   unsigned int lanes)
{
	const struct board *b = card->board;

	/* One for each lane or all in one, named by the cage's first lane */
	return b->lanes > 1 && (lanes == 1 || lanes == b->lanes) &&
	       lanes != p->lanes && p->index % BOARD_CAGE_STEP == 0 &&
	       (lanes == 1 || !later_cage_split(card, p));
}

static bool rate_possible(struct card *card, unsigned int rate)
{
	return card->board->rate == AGL_ETH_RATE_25G &&
	       rate >= AGL_ETH_RATE_10G && rate <= AGL_ETH_RATE_25G;
}

static bool control_possible(struct card *card, const struct phys_port *p,
			     const struct agl_eth_entry *e)
{
	uint64_t ctrl = le64toh(e->control);

	if (ctrl & AGL_ETH_CTRL_SET_LANES &&
	    !lanes_possible(card, p, FIELD_GET(AGL_ETH_PORT_LANES,
					       le64toh(e->port))))
		return false;
	if (ctrl & AGL_ETH_CTRL_SET_FEC && !p->fec)
		return false;
	return !(ctrl & AGL_ETH_CTRL_SET_RATE) ||
	       rate_possible(card, FIELD_GET(AGL_ETH_STATE_RATE,
					     le64toh(e->state)));
}

static void port_control(struct card *card, struct phys_port *p,
			 const struct agl_eth_entry *e)
{
	uint64_t port = le64toh(e->port), state = le64toh(e->state);
	uint64_t ctrl = le64toh(e->control);

	if (ctrl & AGL_ETH_CTRL_SET_LANES) {
		p->override = true;
		p->next_lanes = FIELD_GET(AGL_ETH_PORT_LANES, port);
		p->next_rate = AGL_ETH_RATE_10G;
	}
	if (ctrl & AGL_ETH_CTRL_SET_RATE) {
		p->override = true;
		p->next_lanes = p->lanes;
		p->next_rate = FIELD_GET(AGL_ETH_STATE_RATE, state);
	}
	if (ctrl & AGL_ETH_CTRL_SET_ANEG)
		p->aneg = FIELD_GET(AGL_ETH_STATE_ANEG, state);
	if (ctrl & AGL_ETH_CTRL_SET_FEC)
		p->fec_mode = FIELD_GET(AGL_ETH_STATE_FEC, state);
	if (ctrl & AGL_ETH_CTRL_SET_TX_PAUSE)
		p->tx_pause = state & AGL_ETH_STATE_TX_PAUSE;
	if (ctrl & AGL_ETH_CTRL_SET_RX_PAUSE)
		p->rx_pause = state & AGL_ETH_STATE_RX_PAUSE;
	p->identify = ctrl & AGL_ETH_CTRL_IDENTIFY;
	p->configured = ctrl & AGL_ETH_CTRL_CONFIGURED;
	card->fw->port_changed(card, p);
}

/* The whole table or nothing of it */
int nsp_eth_control(struct card *card, const uint8_t *buf)
{
	const struct agl_eth_entry *e = (const void *)buf;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(card->ports); i++)
		if (card->ports[i].present &&
		    !control_possible(card, &card->ports[i], &e[i]))
			return EINVAL;
	for (i = 0; i < ARRAY_SIZE(card->ports); i++)
		if (card->ports[i].present)
			port_control(card, &card->ports[i], &e[i]);
	return 0;
}

int nsp_read_media(struct card *card, uint8_t *buf)
{
	struct phys_port *p;
	unsigned int bit;

	if (buf[0] >= ARRAY_SIZE(card->ports))
		return ENOENT;
	p = &card->ports[buf[0]];
	if (!p->present)
		return ENOENT;
	bit = p->lanes > 1 ? MEDIA_40G_CR4 :
	      p->media == AGL_ETH_MEDIA_FIBRE ? MEDIA_10G_SR : MEDIA_10G_CR;
	memset(buf + 8, 0, AGL_NSP_MEDIA_SIZE - 8);
	put_le(buf + 8, BIT_ULL(bit) | (p->fec ? BIT_ULL(MEDIA_25G_CR) : 0), 8);
	put_le(buf + 24, p->fec ? BIT_ULL(MEDIA_25G_CR) : BIT_ULL(bit), 8);
	return 0;
}

/* A module whose bytes are their own offset, but for the identifier */
int nsp_read_eeprom(struct card *card, uint8_t *buf, size_t len)
{
	unsigned int want, off, i;
	struct phys_port *p;

	if (len < EEPROM_HEAD || buf[7] >= ARRAY_SIZE(card->ports) ||
	    !card->ports[buf[7]].present)
		return EINVAL;
	p = &card->ports[buf[7]];
	want = get_le(buf + 1, 2);
	off = get_le(buf + 3, 2);
	if (off + want > EEPROM_SIZE || want > len - EEPROM_HEAD)
		return EINVAL;
	for (i = 0; i < want; i++) {
		unsigned int at = off + i;

		buf[EEPROM_HEAD + i] = at ? at : p->lanes > 1 ? 0x0d : 0x03;
	}
	put_le(buf + 5, want, 2);
	return 0;
}
