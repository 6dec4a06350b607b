/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control BAR of a vNIC, descriptors, packet metadata and the VF settings
 * table. 02-vnic.md sections 4 to 8 and 10.
 */
#ifndef AGILIO_ABI_VNIC_H
#define AGILIO_ABI_VNIC_H

#include "base.h"

#define AGL_CB_SIZE			0x8000

#define AGL_CB_CTRL			0x000
#define AGL_CB_UPDATE			0x004
#define AGL_CB_TXRS_ENABLE		0x008
#define AGL_CB_RXRS_ENABLE		0x010
#define AGL_CB_MTU			0x018
/* Top byte is EXN, so only 24 bits are the size */
#define AGL_CB_FLBUFSZ			0x01c
#define   AGL_CB_FLBUFSZ_MASK		0xffffff
#define AGL_CB_EXN			0x01f
#define AGL_CB_LSC			0x020
#define   AGL_CB_NO_VECTOR		0xff
/* Not linear: see agl_cb_mac_*() users and 02-vnic.md section 4.7 */
#define AGL_CB_MAC_HI			0x024
#define AGL_CB_MAC_LO			0x02a
#define AGL_CB_VERSION			0x030
#define   AGL_CB_VERSION_MINOR		GENMASK(7, 0)
#define   AGL_CB_VERSION_MAJOR		GENMASK(15, 8)
#define   AGL_CB_VERSION_CLASS		GENMASK(23, 16)
#define   AGL_CB_VERSION_NFDK		BIT(24)
#define   AGL_CB_VERSION_RESERVED	GENMASK(31, 25)
#define   AGL_MAJOR_CHAINED		4	/* RSS means RSS2 */
#define AGL_CB_STS			0x034
#define   AGL_CB_STS_LINK		BIT(0)
#define   AGL_CB_STS_RATE		GENMASK(4, 1)
#define   AGL_CB_RATE_UNKNOWN		1
#define   AGL_CB_RATE_1G		2
#define   AGL_CB_RATE_10G		3
#define   AGL_CB_RATE_25G		4
#define   AGL_CB_RATE_40G		5
#define   AGL_CB_RATE_50G		6
#define   AGL_CB_RATE_100G		7
#define AGL_CB_NSP_RATE			0x036
#define AGL_CB_CAP			0x038
#define AGL_CB_MAX_TXRINGS		0x03c
#define AGL_CB_MAX_RXRINGS		0x040
#define AGL_CB_MAX_MTU			0x044
#define AGL_CB_START_TXQ		0x048
#define AGL_CB_START_RXQ		0x04c
#define AGL_CB_RX_OFFSET		0x050
#define AGL_CB_RSS_CAP			0x054
#define   AGL_RSS_CAP_HASHES		GENMASK(31, 24)
#define   AGL_RSS_CAP_TOEPLITZ		BIT(0)
#define AGL_CB_TLV			0x058
#define AGL_CB_CTRL_WORD1		0x098
#define AGL_CB_CAP_WORD1		0x0a4

/* CTRL and CAP */
#define AGL_CTRL_ENABLE			BIT(0)
#define AGL_CTRL_PROMISC		BIT(1)
#define AGL_CTRL_L2BC			BIT(2)
#define AGL_CTRL_L2MC			BIT(3)
#define AGL_CTRL_RXCSUM			BIT(4)
#define AGL_CTRL_TXCSUM			BIT(5)
#define AGL_CTRL_RXVLAN			BIT(6)
#define AGL_CTRL_GATHER			BIT(9)
#define AGL_CTRL_LSO			BIT(10)
#define AGL_CTRL_CTAG_FILTER		BIT(11)
#define AGL_CTRL_RXQINQ			BIT(13)
#define AGL_CTRL_RXVLAN_V2		BIT(15)
#define AGL_CTRL_RINGCFG		BIT(16)
#define AGL_CTRL_RSS			BIT(17)
#define AGL_CTRL_IRQMOD			BIT(18)
#define AGL_CTRL_MSIXAUTO		BIT(20)
#define AGL_CTRL_TXRWB			BIT(21)
#define AGL_CTRL_TXVLAN_V2		BIT(23)
#define AGL_CTRL_LSO2			BIT(28)
#define AGL_CTRL_RSS2			BIT(29)
#define AGL_CTRL_LIVE_ADDR		BIT(31)

/* UPDATE */
#define AGL_UPDATE_GEN			BIT(0)
#define AGL_UPDATE_RING			BIT(1)
#define AGL_UPDATE_RSS			BIT(2)
#define AGL_UPDATE_MSIX			BIT(5)
#define AGL_UPDATE_RESET		BIT(7)
#define AGL_UPDATE_IRQMOD		BIT(8)
#define AGL_UPDATE_MACADDR		BIT(11)
#define AGL_UPDATE_MBOX			BIT(12)
#define AGL_UPDATE_VF			BIT(13)
#define AGL_UPDATE_ERR			BIT(31)

#define AGL_CB_RSS_CTRL			0x100
#define   AGL_RSS_TABLE_MASK		GENMASK(6, 0)
#define   AGL_RSS_IPV4			BIT(8)
#define   AGL_RSS_IPV6			BIT(9)
#define   AGL_RSS_IPV4_TCP		BIT(10)
#define   AGL_RSS_IPV4_UDP		BIT(11)
#define   AGL_RSS_IPV6_TCP		BIT(12)
#define   AGL_RSS_IPV6_UDP		BIT(13)
#define   AGL_RSS_TOEPLITZ		BIT(24)
#define AGL_CB_RSS_KEY			0x104
#define   AGL_RSS_KEY_SIZE		40
#define AGL_CB_RSS_ITBL			0x12c
#define   AGL_RSS_ITBL_SIZE		128

#define AGL_MAX_RINGS			64
#define AGL_CB_TXR_ADDR(i)		(0x200 + 8 * (i))
#define AGL_CB_TXR_WB(i)		(0x400 + 8 * (i))
#define AGL_CB_TXR_SZ(i)		(0x600 + (i))
#define AGL_CB_TXR_VEC(i)		(0x640 + (i))
#define AGL_CB_TXR_IRQMOD(i)		(0x700 + 4 * (i))
#define AGL_CB_RXR_ADDR(i)		(0x800 + 8 * (i))
#define AGL_CB_RXR_SZ(i)		(0xa00 + (i))
#define AGL_CB_RXR_VEC(i)		(0xa40 + (i))
#define AGL_CB_RXR_IRQMOD(i)		(0xb00 + 4 * (i))
#define   AGL_IRQMOD_FRAMES		GENMASK(31, 16)
#define   AGL_IRQMOD_TICKS		GENMASK(15, 0)
#define   AGL_IRQMOD_CLOCKS		16	/* ME clocks in a tick */
#define AGL_CB_ICR(e)			(0xc00 + (e))
#define   AGL_ICR_UNMASKED		0
#define   AGL_ICR_RING			1
#define   AGL_ICR_LSC			2

#define AGL_CB_STATS			0xd00
#define AGL_CB_RX_DISCARDS		0xd00
#define AGL_CB_RX_ERRORS		0xd08
#define AGL_CB_RX_OCTETS		0xd10
#define AGL_CB_RX_UC_OCTETS		0xd18
#define AGL_CB_RX_MC_OCTETS		0xd20
#define AGL_CB_RX_BC_OCTETS		0xd28
#define AGL_CB_RX_FRAMES		0xd30
#define AGL_CB_RX_MC_FRAMES		0xd38
#define AGL_CB_RX_BC_FRAMES		0xd40
#define AGL_CB_TX_DISCARDS		0xd48
#define AGL_CB_TX_ERRORS		0xd50
#define AGL_CB_TX_OCTETS		0xd58
#define AGL_CB_TX_UC_OCTETS		0xd60
#define AGL_CB_TX_MC_OCTETS		0xd68
#define AGL_CB_TX_BC_OCTETS		0xd70
#define AGL_CB_TX_FRAMES		0xd78
#define AGL_CB_TX_MC_FRAMES		0xd80
#define AGL_CB_TX_BC_FRAMES		0xd88
#define AGL_CB_TXR_STATS(i)		(0x1000 + 16 * (i))
#define AGL_CB_RXR_STATS(i)		(0x1400 + 16 * (i))
#define AGL_CB_MBOX			0x1800
#define AGL_CB_MBOX_SIZE		0x1f8
#define   AGL_MBOX_CMD			0
#define   AGL_MBOX_RET			4
#define   AGL_MBOX_DATA			8
#define   AGL_MBOX_CTAG_ADD		1
#define   AGL_MBOX_CTAG_DEL		2
#define AGL_CB_VF_MSIX			0x2000	/* table in a VF's BAR0 */

/* TLV header: type [30:16], length [15:0], bit 31 required */
#define AGL_TLV_REQUIRED		BIT(31)
#define AGL_TLV_TYPE			GENMASK(30, 16)
#define AGL_TLV_LENGTH			GENMASK(15, 0)
#define   AGL_TLV_UNKNOWN		0
#define   AGL_TLV_RESERVED		1
#define   AGL_TLV_END			2
#define   AGL_TLV_ME_FREQ		3
#define   AGL_TLV_MBOX			4
#define   AGL_TLV_REPR_CAP		7
#define AGL_ME_FREQ_DEFAULT		1200

/* NFD3 transmit descriptor */
struct agl_tx_desc {
	__u8 addr_hi;
	__le16 dma_len;
	__u8 offset_eop;
	__le32 addr_lo;
	__le16 mss;
	__u8 lso_hdrlen;
	__u8 flags;
	union {
		struct {
			__u8 l3_offset;
			__u8 l4_offset;
		};
		__le16 vlan;
	};
	__le16 data_len;
} __packed;

static_assert(sizeof(struct agl_tx_desc) == 16);
#define AGL_TXD_EOP			BIT(7)
#define AGL_TXD_OFFSET			GENMASK(6, 0)
#define AGL_TXD_CSUM			BIT(7)
#define AGL_TXD_IP4_CSUM		BIT(6)
#define AGL_TXD_TCP_CSUM		BIT(5)
#define AGL_TXD_UDP_CSUM		BIT(4)
#define AGL_TXD_VLAN			BIT(3)
#define AGL_TXD_LSO			BIT(2)
#define AGL_TXD_ENCAP			BIT(1)
#define AGL_TXD_MSS			GENMASK(13, 0)

/* Freelist entry, overwritten in place by the receive descriptor */
union agl_rx_desc {
	struct {
		__le16 addr_hi;
		__u8 reserved;
		__u8 meta_len_dd;
		__le32 addr_lo;
	} __packed fld;
	struct {
		__le16 data_len;
		__u8 reserved;
		__u8 meta_len_dd;
		__le16 flags;
		__le16 vlan;
	} __packed rxd;
	__le64 raw;
};

static_assert(sizeof(union agl_rx_desc) == 8);
#define AGL_RXD_DD			BIT(7)
#define AGL_RXD_META_LEN		GENMASK(6, 0)
#define AGL_RXD_EOP			BIT(7)
#define AGL_RXD_IP4_CSUM		BIT(6)
#define AGL_RXD_IP4_CSUM_OK		BIT(5)
#define AGL_RXD_TCP_CSUM		BIT(4)
#define AGL_RXD_TCP_CSUM_OK		BIT(3)
#define AGL_RXD_UDP_CSUM		BIT(2)
#define AGL_RXD_UDP_CSUM_OK		BIT(1)
#define AGL_RXD_VLAN			BIT(0)

/* Freelist doorbells come in this unit */
#define AGL_FL_BATCH			16
#define AGL_RING_MIN			256
#define AGL_RING_MAX			(256 * 1024)
#define AGL_MAX_RX_OFFSET		64
#define AGL_MAX_META			64
#define AGL_LSO_MAX_SEGS		64

/* Metadata types, four bits each, first field in the lowest nibble */
#define AGL_META_HASH			1	/* takes a second nibble */
#define AGL_META_MARK			2
#define AGL_META_VLAN			4
#define AGL_META_PORTID			5
#define AGL_META_CSUM			6
#define AGL_META_NIBBLE			4
#define AGL_META_PORTID_CTRL		0xffffffff
#define AGL_META_VLAN_STRIPPED		BIT(31)
#define AGL_META_VLAN_TPID		GENMASK(19, 16)
#define   AGL_META_TPID_8021Q		0
#define   AGL_META_TPID_8021AD		1
#define AGL_META_VLAN_TCI		GENMASK(15, 0)
#define AGL_HASH_NONE			0
#define AGL_HASH_IPV4			1
#define AGL_HASH_IPV6			2
#define AGL_HASH_IPV6_EXT		3
#define AGL_HASH_IPV4_TCP		4
#define AGL_HASH_IPV6_TCP		5
#define AGL_HASH_IPV4_UDP		7
#define AGL_HASH_IPV6_UDP		8

/* VF settings table: mailbox, then one entry per VF */
#define AGL_VFCFG_CAP			0x0
#define AGL_VFCFG_RET			0x2
#define AGL_VFCFG_UPD			0x4
#define AGL_VFCFG_VF			0x7
#define AGL_VFCFG_ENTRY(v)		(16 + 16 * (v))
#define   AGL_VFCFG_MAC_HI		0x0
#define   AGL_VFCFG_CTRL		0x4
#define     AGL_VFCFG_LINK		GENMASK(1, 0)
#define       AGL_VFCFG_LINK_AUTO	0
#define       AGL_VFCFG_LINK_ENABLE	1
#define       AGL_VFCFG_LINK_DISABLE	2
#define     AGL_VFCFG_SPOOF		BIT(2)
#define     AGL_VFCFG_TRUST		BIT(3)
#define   AGL_VFCFG_MAC_LO		0x6
#define   AGL_VFCFG_VLAN		0x8
#define     AGL_VFCFG_VLAN_VID		GENMASK(11, 0)
#define     AGL_VFCFG_VLAN_QOS		GENMASK(15, 13)
#define   AGL_VFCFG_RATE		0xc	/* Mbit/s: maximum, minimum */
#define     AGL_VFCFG_NO_RATE		0xffff
#define AGL_VFCFG_OP_MAC		BIT(0)
#define AGL_VFCFG_OP_VLAN		BIT(1)
#define AGL_VFCFG_OP_SPOOF		BIT(2)
#define AGL_VFCFG_OP_LINK		BIT(3)
#define AGL_VFCFG_OP_TRUST		BIT(4)
#define AGL_VFCFG_OP_VLAN_PROTO		BIT(5)
#define AGL_VFCFG_OP_RATE		BIT(6)

/* MAC statistics: one block per port index, 64-bit counters */
#define AGL_MAC_STATS_BLOCK		0x200

#endif
