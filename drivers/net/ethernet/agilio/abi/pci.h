/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI identity of the card and the slots ("expansion BARs") through which the
 * host reaches the chip's internal bus. 01-platform.md sections 1 and 2.6.
 */
#ifndef AGILIO_ABI_PCI_H
#define AGILIO_ABI_PCI_H

#include "base.h"

#define AGL_PCI_VENDOR_NETRONOME	0x19ee
#define AGL_PCI_VENDOR_CORIGINE		0x1da8
#define AGL_PCI_DEVICE_4000		0x4000
#define AGL_PCI_DEVICE_5000		0x5000
#define AGL_PCI_DEVICE_6000		0x6000
#define AGL_PCI_DEVICE_VF		0x6003

#define AGL_DMA_BITS			40

/* Device serial number: chip serial in [63:16], interface id in [15:0] */
#define AGL_IFC_TYPE			GENMASK(15, 12)
#define   AGL_IFC_TYPE_PCI		1
#define AGL_IFC_UNIT			GENMASK(11, 8)
#define AGL_IFC_CHANNEL			GENMASK(7, 0)
#define   AGL_IFC_CHANNEL_PCI		0xff

/* Three memory BARs of eight slots each */
#define AGL_NUM_BARS			3
#define AGL_SLOTS_PER_BAR		8
#define AGL_NUM_SLOTS			24

/* Slot words: in config space (write only) and behind slot 0.0 */
#define AGL_CFG_SLOT(n)			(0x400 + 4 * (n))
#define AGL_CSR_BASE			0x30000
#define AGL_CSR_SLOT(n)			(AGL_CSR_BASE + 4 * (n))
#define AGL_CSR_END			(AGL_CSR_BASE + 0x180)

#define AGL_SLOT_MAP			GENMASK(31, 29)
#define   AGL_SLOT_MAP_FIXED		0
#define   AGL_SLOT_MAP_BULK		1
#define   AGL_SLOT_MAP_TARGET		2
#define   AGL_SLOT_MAP_GENERAL		3
#define AGL_SLOT_LENGTH			GENMASK(28, 27)
#define   AGL_SLOT_LENGTH_32		0
#define   AGL_SLOT_LENGTH_64		1
#define AGL_SLOT_TARGET			GENMASK(26, 23)
#define AGL_SLOT_TOKEN			GENMASK(22, 21)
#define AGL_SLOT_ACTION			GENMASK(20, 16)	/* FIXED only */
#define AGL_SLOT_BASE_FIXED		GENMASK(15, 0)	/* address [39:24] */
#define AGL_SLOT_BASE_FIXED_SHIFT	24
#define AGL_SLOT_BASE_BULK		GENMASK(20, 0)	/* address [39:19] */
#define AGL_SLOT_BASE_BULK_SHIFT	19

/* Smallest slots that can carry each kind of mapping */
#define AGL_SLOT_MIN_ORDER_BULK		19
#define AGL_SLOT_MIN_ORDER_FIXED	24

#endif
