/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The service processor: registers, commands, port table.
 * 01-platform.md section 6.
 */
#ifndef AGILIO_ABI_NSP_H
#define AGILIO_ABI_NSP_H

#include "base.h"

/* Registers, 64 bit each */
#define AGL_NSP_STATUS			0x00
#define   AGL_NSP_STATUS_MAGIC		GENMASK_ULL(63, 48)
#define     AGL_NSP_MAGIC		0xab10
#define   AGL_NSP_STATUS_MAJOR		GENMASK_ULL(47, 44)
#define   AGL_NSP_STATUS_MINOR		GENMASK_ULL(43, 32)
#define   AGL_NSP_STATUS_CODE		GENMASK_ULL(31, 16)
#define   AGL_NSP_STATUS_RESULT		GENMASK_ULL(15, 8)
#define   AGL_NSP_STATUS_BUSY		BIT_ULL(0)
#define AGL_NSP_COMMAND			0x08
#define   AGL_NSP_COMMAND_OPTION	GENMASK_ULL(63, 32)	/* and return value */
#define   AGL_NSP_COMMAND_CODE		GENMASK_ULL(31, 16)
#define   AGL_NSP_COMMAND_DMA		BIT_ULL(1)
#define   AGL_NSP_COMMAND_START		BIT_ULL(0)
#define AGL_NSP_BUFFER			0x10
#define   AGL_NSP_BUFFER_CPP		GENMASK_ULL(63, 40)	/* cpp_id >> 8 */
#define   AGL_NSP_BUFFER_ADDR		GENMASK_ULL(39, 0)
#define AGL_NSP_DFLT_BUFFER		0x18
#define AGL_NSP_DFLT_CONFIG		0x20
#define   AGL_NSP_DFLT_DMA_ORDER	GENMASK_ULL(63, 58)
#define   AGL_NSP_DFLT_SIZE_4K		GENMASK_ULL(15, 8)
#define   AGL_NSP_DFLT_SIZE_1M		GENMASK_ULL(7, 0)
#define AGL_NSP_DMA_SG			0x28	/* bit code - 1 */

#define AGL_NSP_ABI_MINOR_MIN		8
#define AGL_NSP_ABI_MINOR_BUFFER	13
#define AGL_NSP_ABI_MINOR_IDENTIFY	15
#define AGL_NSP_ABI_MINOR_CONFIGURED	20
#define AGL_NSP_ABI_MINOR_MAC_INIT	21
#define AGL_NSP_ABI_MINOR_STORED	24
#define AGL_NSP_ABI_MINOR_HWINFO	25
#define AGL_NSP_ABI_MINOR_HWINFO_SET	26
#define AGL_NSP_ABI_MINOR_VERSIONS	28
#define AGL_NSP_ABI_MINOR_MEDIA		34

enum agl_nsp_code {
	AGL_NSP_NOOP		= 0,
	AGL_NSP_SOFT_RESET	= 1,
	AGL_NSP_MAC_INIT	= 4,
	AGL_NSP_FW_LOAD		= 6,
	AGL_NSP_ETH_RESCAN	= 7,
	AGL_NSP_ETH_CONTROL	= 8,
	AGL_NSP_WRITE_FLASH	= 11,
	AGL_NSP_SENSORS		= 12,
	AGL_NSP_IDENTIFY	= 13,
	AGL_NSP_FW_STORED	= 16,
	AGL_NSP_HWINFO_LOOKUP	= 17,
	AGL_NSP_HWINFO_SET	= 18,
	AGL_NSP_FW_LOADED	= 19,
	AGL_NSP_VERSIONS	= 21,
	AGL_NSP_READ_EEPROM	= 22,
	AGL_NSP_READ_MEDIA	= 23,
};

/* Return value of the load commands */
#define AGL_NSP_LOAD_MAJOR		GENMASK(15, 8)
#define   AGL_NSP_LOAD_DRIVER		0
#define   AGL_NSP_LOAD_FLASH		1
#define   AGL_NSP_LOAD_FAILED		2
#define AGL_NSP_LOAD_MINOR		GENMASK(23, 16)
#define   AGL_NSP_LOAD_NO_PARTITION	1
#define   AGL_NSP_LOAD_BAD_IMAGE	5
#define   AGL_NSP_LOAD_NO_POLICY	10

/* Scatter list of the DMA method; reserved words carry garbage */
struct agl_nsp_dma_desc {
	__le32 count;
	__le32 reserved[3];
	struct {
		__le32 size;
		__le32 reserved;
		__le64 addr;
	} chunk[];
};

static_assert(sizeof(struct agl_nsp_dma_desc) == 16);

struct agl_nsp_identify {
	char version[40];
	__u8 flags;
	__u8 br_primary;
	__u8 br_secondary;
	__u8 br_nsp;
	__le16 primary;
	__le16 secondary;
	__le16 nsp;
	__u8 reserved[6];
	__le64 sensor_mask;
};

static_assert(sizeof(struct agl_nsp_identify) == 64);

#define AGL_NSP_SENSORS_SIZE		16
#define AGL_NSP_VERSIONS_SIZE		1024
#define AGL_NSP_MEDIA_SIZE		40

/* Port table */
#define AGL_ETH_MAX			48
#define AGL_ETH_TABLE_SIZE		1536
#define AGL_ETH_PER_NBI			24

struct agl_eth_entry {
	__le64 port;
	__le64 state;
	__u8 mac[6];		/* last octet first */
	__u8 reserved[2];
	__le64 control;
};

static_assert(sizeof(struct agl_eth_entry) == 32);

#define AGL_ETH_PORT_LANES		GENMASK_ULL(3, 0)
#define AGL_ETH_PORT_INDEX		GENMASK_ULL(15, 8)
#define AGL_ETH_PORT_LABEL		GENMASK_ULL(53, 48)
#define AGL_ETH_PORT_PHY		GENMASK_ULL(59, 54)
#define AGL_ETH_PORT_FEC_BASER		BIT_ULL(60)
#define AGL_ETH_PORT_FEC_RS		BIT_ULL(61)
#define AGL_ETH_PORT_ANEG		BIT_ULL(63)

#define AGL_ETH_STATE_CONFIGURED	BIT_ULL(0)
#define AGL_ETH_STATE_ENABLED		BIT_ULL(1)
#define AGL_ETH_STATE_TX		BIT_ULL(2)
#define AGL_ETH_STATE_RX		BIT_ULL(3)
#define AGL_ETH_STATE_RATE		GENMASK_ULL(11, 8)
#define   AGL_ETH_RATE_10M		1
#define   AGL_ETH_RATE_100M		2
#define   AGL_ETH_RATE_1G		3
#define   AGL_ETH_RATE_10G		4
#define   AGL_ETH_RATE_25G		5
#define AGL_ETH_STATE_INTERFACE		GENMASK_ULL(19, 12)
#define   AGL_ETH_IF_NONE		0
#define   AGL_ETH_IF_SFPP		10
#define   AGL_ETH_IF_SFP28		28
#define   AGL_ETH_IF_QSFP		40
#define   AGL_ETH_IF_RJ45		45
#define AGL_ETH_STATE_MEDIA		GENMASK_ULL(21, 20)
#define   AGL_ETH_MEDIA_DAC		0
#define   AGL_ETH_MEDIA_FIBRE		2
#define AGL_ETH_STATE_OVERRIDE		BIT_ULL(22)
#define AGL_ETH_STATE_ANEG		GENMASK_ULL(25, 23)
#define AGL_ETH_STATE_FEC		GENMASK_ULL(27, 26)
#define AGL_ETH_STATE_FEC_ACTIVE	GENMASK_ULL(29, 28)
#define AGL_ETH_STATE_TX_PAUSE		BIT_ULL(31)
#define AGL_ETH_STATE_RX_PAUSE		BIT_ULL(32)

#define AGL_ETH_CTRL_CONFIGURED		BIT_ULL(0)
#define AGL_ETH_CTRL_LEVELS		GENMASK_ULL(3, 0)
#define AGL_ETH_CTRL_SET_RATE		BIT_ULL(4)
#define AGL_ETH_CTRL_SET_LANES		BIT_ULL(5)
#define AGL_ETH_CTRL_SET_ANEG		BIT_ULL(6)
#define AGL_ETH_CTRL_SET_FEC		BIT_ULL(7)
#define AGL_ETH_CTRL_IDENTIFY		BIT_ULL(8)
#define AGL_ETH_CTRL_SET_TX_PAUSE	BIT_ULL(10)
#define AGL_ETH_CTRL_SET_RX_PAUSE	BIT_ULL(11)

#endif
