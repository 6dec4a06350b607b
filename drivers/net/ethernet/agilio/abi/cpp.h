/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The internal bus: targets, actions, island addressing, mutexes and the
 * resource table. 01-platform.md sections 2 and 3.
 */
#ifndef AGILIO_ABI_CPP_H
#define AGILIO_ABI_CPP_H

#include "base.h"

#define AGL_CPP_TARGET_LOCAL		0	/* PCIe unit: queue controller */
#define AGL_CPP_TARGET_MU		7
#define AGL_CPP_TARGET_ARM		10
#define AGL_CPP_TARGET_XPB		14
#define AGL_CPP_TARGET_EMU_CACHE	0x17	/* in symbol tables only */

#define AGL_CPP_ACTION_RW		32	/* wildcard: plain read and write */

/* MU atomics: action, token */
#define AGL_MU_ATOMIC_READ_ACTION	3
#define AGL_MU_ATOMIC_WRITE_ACTION	4
#define AGL_MU_TEST_SET_IMM_ACTION	5
#define AGL_MU_TEST_SET_IMM_TOKEN	3
/* The immediate is the byte mask of a 32-bit access: four bits, not one */
#define AGL_MU_TEST_SET_IMM_BITS	0xf

/* cpp_id as it stands in device memory */
#define AGL_CPP_ID_TARGET		GENMASK(30, 24)
#define AGL_CPP_ID_TOKEN		GENMASK(23, 16)
#define AGL_CPP_ID_ACTION		GENMASK(15, 8)
#define AGL_CPP_ID_ISLAND		GENMASK(7, 0)

/* XPB registers that are read at start */
#define AGL_XPB_PL_DEVICE_ID		0x01500004
#define AGL_XPB_IMB_TABLE		0x000a0000
#define AGL_ARM_SOFT_MODEL2		0x0040014c
#define AGL_ARM_SOFT_MODEL3		0x00400150

/* IMB address translation word of a target */
#define AGL_IMB_MODE			GENMASK(15, 13)
#define AGL_IMB_ADDR40			BIT(12)
#define AGL_IMB_ISLAND1			GENMASK(11, 6)
#define AGL_IMB_ISLAND0			GENMASK(5, 0)

/* 40-bit MU addresses: locality in [39:38], 2 is direct access */
#define AGL_MU_LOCALITY_SHIFT		38
#define AGL_MU_LOCALITY_DIRECT		2ULL
#define AGL_MU_ISLAND			GENMASK_ULL(37, 32)
#define AGL_MU_ISLAND_EMEM0		24

/* Queue controller behind target 0: four queues per ring pair */
#define AGL_QC_BASE			0x80000
#define AGL_QC_SIZE			0x80000
#define AGL_QC_STRIDE			0x800
#define AGL_QC_QUEUES			256
#define AGL_QC_PER_RING			4
#define AGL_QC_ADD_RPTR			0x0
#define AGL_QC_ADD_WPTR			0x4
#define AGL_QC_STS_LO			0x8
#define AGL_QC_STS_HI			0xc
#define AGL_QC_PTR_MASK			0x3ffff

/* Mutex: lock word and key */
#define AGL_MUTEX_LOCK			0x0
#define AGL_MUTEX_KEY			0x4
#define AGL_MUTEX_STATE_LOCKED		0x000f
#define AGL_MUTEX_LOCKED(ifc)		((__u32)(ifc) << 16 | AGL_MUTEX_STATE_LOCKED)
#define AGL_MUTEX_UNLOCKED(ifc)		((__u32)(ifc) << 16)
#define AGL_MUTEX_STATE			GENMASK(15, 0)
#define AGL_MUTEX_OWNER			GENMASK(31, 16)

#define AGL_RES_TABLE_ADDR		0x8100000000ULL
#define AGL_RES_TABLE_SIZE		4096
#define AGL_RES_ENTRIES			128
#define AGL_RES_NAME_LEN		8
#define AGL_RES_NAME_TABLE		"nfp.res"
#define AGL_RES_NAME_HWINFO		"nfp.info"
#define AGL_RES_NAME_NSP		"nfp.sp"
#define AGL_RES_NAME_NFFW		"nfp.nffw"
#define AGL_RES_NAME_DIAG		"arm.diag"
#define AGL_RES_TABLE_KEY		0	/* entry 0 has no hash */

struct agl_res_entry {
	__le32 lock;
	__le32 key;
	__u8 name[AGL_RES_NAME_LEN];
	__u8 reserved[5];
	__u8 action;
	__u8 token;
	__u8 target;
	__le32 page_offset;	/* in units of 256 bytes */
	__le32 page_count;
};

static_assert(sizeof(struct agl_res_entry) == 32);
#define AGL_RES_PAGE_SHIFT		8

/* Hardware information: a table of key and value strings */
#define AGL_HWINFO_FALLBACK_ADDR	0x30000
#define AGL_HWINFO_FALLBACK_ISLAND	1
#define AGL_HWINFO_FALLBACK_SIZE	0xe000
#define AGL_HWINFO_VERSION		0x48490200
#define AGL_HWINFO_UPDATING		BIT(0)

struct agl_hwinfo_head {
	__le32 version;
	__le32 size;		/* of the whole table with its CRC */
	__le32 limit;
	__le32 reserved;
};

static_assert(sizeof(struct agl_hwinfo_head) == 16);

#define AGL_BOARD_STATE_READY		15

#endif
