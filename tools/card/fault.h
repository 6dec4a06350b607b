/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be broken on purpose. Whoever does the thing that breaks asks
 * here; card_fault() and fault.c set.
 */
#ifndef CARD_FAULT_H
#define CARD_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum card_fault_id {
	FAULT_NSP_STUCK,
	FAULT_NSP,
	FAULT_DROP_CMSG,
	FAULT_DROP_REPLY,
	FAULT_MUTE_TYPE,
	FAULT_CTRL_DEAD,
	FAULT_CMSG_GARBAGE,
	FAULT_STATS_BAD_CTX,
	FAULT_STATS_HELD,
	FAULT_UPDATE_DEAD,
	FAULT_UPDATE_MUTE,
	FAULT_UPDATE_ERR,
	FAULT_QC_ONES,
	FAULT_SURPRISE,
	FAULT_DMA_FAIL,
	FAULT_FLIP,
	FAULT_IRQ_LOST,
	FAULT_RX_OFFSET,
	FAULT_START_TXQ,
	FAULT_MAX_MTU,
	FAULT_MAX_TXRINGS,
	FAULT_MAX_RXRINGS,
	FAULT_CAP_OFF,
	FAULT_LOCK_HELD,
	FAULTS
};

/* FAULT_FLIP: what is done wrong */
enum fault_flip {
	FLIP_TTL,
	FLIP_MAC,
	FLIP_ADDR,
	FLIP_PORT,
	FLIP_VLAN,
	FLIP_CSUM,
	FLIP_OUTPUT,
	FLIP_BYTES,
	FLIPS
};

#define FAULT_NSP_ANY	UINT32_MAX	/* each command */

struct card_fault {
	bool on;
	uint32_t value;		/* how often it still happens, or what with */
	bool delay;		/* FAULT_NSP: not an error */
	uint32_t code;		/* FAULT_NSP: of which command */
};

#endif
