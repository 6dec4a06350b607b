// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MAC counters of a port, in the firmware's memory. Sizes and octets count
 * the FCS. 01-platform.md section 8.1, 05-observed-behaviour.md section 4.
 */
#include "chip.h"
#include "abi/vnic.h"

#define FCS_LEN		4

struct mac_layout {
	uint16_t octets, ok, unicast, multicast, broadcast, vlan, errors;
	uint16_t size[7];	/* 64, -127, -255, -511, -1023, -1518, more */
};

static const struct mac_layout rx_layout = {
	.octets = 0x000, .ok = 0x050, .unicast = 0x060, .multicast = 0x068,
	.broadcast = 0x030, .vlan = 0x020, .errors = 0x038,
	.size = { 0x080, 0x088, 0x0c0, 0x0c8, 0x090, 0x098, 0x0d0 },
};

static const struct mac_layout tx_layout = {
	.octets = 0x140, .ok = 0x188, .unicast = 0x190, .multicast = 0x198,
	.broadcast = 0x160, .vlan = 0x150, .errors = 0x138,
	.size = { 0x168, 0x1a0, 0x1a8, 0x170, 0x178, 0x1b0, 0x1b8 },
};

#define RX_PKTS		0x070

static void add(uint8_t *block, unsigned int off, uint64_t n)
{
	put_le(block + off, get_le(block + off, 8) + n, 8);
}

static uint8_t *block_of(struct card *card, unsigned int index)
{
	const struct object *o = &card->image.mac_stats;

	if (!o->p || (index + 1) * AGL_MAC_STATS_BLOCK > o->size)
		return NULL;
	return o->p + index * AGL_MAC_STATS_BLOCK;
}

static unsigned int size_class(size_t len)
{
	static const unsigned int top[] = { 64, 127, 255, 511, 1023, 1518 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(top); i++)
		if (len <= top[i])
			break;
	return i;
}

void mac_count(struct card *card, unsigned int index, bool rx,
	       const uint8_t *frame, size_t len)
{
	static const uint8_t bcast[6] = { 255, 255, 255, 255, 255, 255 };
	const struct mac_layout *l = rx ? &rx_layout : &tx_layout;
	uint8_t *b = block_of(card, index);
	size_t wire = (len < 60 ? 60 : len) + FCS_LEN;

	if (!b)
		return;
	add(b, l->octets, wire);
	add(b, l->ok, 1);
	if (rx)
		add(b, RX_PKTS, 1);
	add(b, l->size[size_class(wire)], 1);
	if (!memcmp(frame, bcast, 6))
		add(b, l->broadcast, 1);
	else
		add(b, frame[0] & 1 ? l->multicast : l->unicast, 1);
	if (len > 13 && get_be16(frame + 12) == 0x8100)
		add(b, l->vlan, 1);
}

void mac_drop(struct card *card, unsigned int index, bool rx)
{
	uint8_t *b = block_of(card, index);

	if (b)
		add(b, (rx ? &rx_layout : &tx_layout)->errors, 1);
}
