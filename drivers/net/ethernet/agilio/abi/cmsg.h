/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control messages of the flower firmware and the port numbers in them.
 * 03-flower.md sections 1 to 3. Everything here is big endian.
 */
#ifndef AGILIO_ABI_CMSG_H
#define AGILIO_ABI_CMSG_H

#include "base.h"

#define AGL_FLOWER_VERSION		0x0001000000010000ULL

/* Features, _abi_flower_extra_features and its sisters */
#define AGL_FEAT_GENEVE			BIT_ULL(0)
#define AGL_FEAT_NBI_MTU		BIT_ULL(1)
#define AGL_FEAT_GENEVE_OPT		BIT_ULL(2)
#define AGL_FEAT_VLAN_PCP		BIT_ULL(3)
#define AGL_FEAT_VF_RLIM		BIT_ULL(4)
#define AGL_FEAT_FLOW_MOD		BIT_ULL(5)
#define AGL_FEAT_PRE_TUN		BIT_ULL(6)
#define AGL_FEAT_IPV6_TUN		BIT_ULL(7)
#define AGL_FEAT_VLAN_QINQ		BIT_ULL(8)
#define AGL_FEAT_QOS_PPS		BIT_ULL(9)
#define AGL_FEAT_QOS_METER		BIT_ULL(10)
#define AGL_FEAT_DECAP_V2		BIT_ULL(11)
#define AGL_FEAT_NEIGH_LAG		BIT_ULL(12)
#define AGL_FEAT_HOST_ACK		BIT_ULL(31)

/* Statistics context id */
#define AGL_CTX_UNIT			GENMASK(31, 22)
#define AGL_CTX_INDEX			GENMASK(21, 0)

/* Port id */
#define AGL_PORT_TYPE			GENMASK(31, 28)
#define   AGL_PORT_TYPE_PHYS		1
#define   AGL_PORT_TYPE_PCIE		2
#define   AGL_PORT_TYPE_INTERNAL	3
#define   AGL_PORT_TYPE_TUNNEL		5
#define   AGL_PORT_TYPE_LAG		0xc
#define AGL_PORT_UNIT			GENMASK(15, 14)
#define AGL_PORT_VNIC_TYPE		GENMASK(13, 12)
#define   AGL_PORT_VNIC_VF		0
#define   AGL_PORT_VNIC_PF		1
#define   AGL_PORT_VNIC_CTRL		2
#define AGL_PORT_VNIC			GENMASK(11, 6)
#define AGL_PORT_NUMBER			GENMASK(7, 0)
#define AGL_PORT_PHYS(p)		(0x10000000u | (p))
#define AGL_PORT_PF(unit)		(0x20001000u | (unit) << 14)
#define AGL_PORT_VF(unit, v)		(0x20000000u | (unit) << 14 | (v) << 6)

enum agl_cmsg_type {
	AGL_CMSG_FLOW_ADD	= 0,
	AGL_CMSG_FLOW_MOD	= 1,
	AGL_CMSG_FLOW_DEL	= 2,
	AGL_CMSG_LAG_CONFIG	= 4,
	AGL_CMSG_PORT_REIFY	= 6,
	AGL_CMSG_MAC_REPR	= 7,
	AGL_CMSG_PORT_MOD	= 8,
	AGL_CMSG_MERGE_HINT	= 9,
	AGL_CMSG_NO_NEIGH	= 10,
	AGL_CMSG_TUN_MAC	= 11,
	AGL_CMSG_ACTIVE_TUNS	= 12,
	AGL_CMSG_TUN_NEIGH	= 13,
	AGL_CMSG_TUN_IPS	= 14,
	AGL_CMSG_FLOW_STATS	= 15,
	AGL_CMSG_PORT_ECHO	= 16,
	AGL_CMSG_QOS_MOD	= 18,
	AGL_CMSG_QOS_DEL	= 19,
	AGL_CMSG_QOS_STATS	= 20,
	AGL_CMSG_PRE_TUN_RULE	= 21,
	AGL_CMSG_TUN_IPS_V6	= 22,
	AGL_CMSG_NO_NEIGH_V6	= 23,
	AGL_CMSG_TUN_NEIGH_V6	= 24,
	AGL_CMSG_ACTIVE_TUNS_V6	= 25,
	AGL_CMSG_TYPES		= 32,
};

struct agl_cmsg_head {
	__be16 pad;
	__u8 type;
	__u8 version;
};

static_assert(sizeof(struct agl_cmsg_head) == 4);
#define AGL_CMSG_VERSION		1
#define AGL_CMSG_MAX_TO_HOST		1500

/* Head of FLOW_ADD, FLOW_MOD, FLOW_DEL; key, mask and actions follow */
struct agl_flow_meta {
	__u8 key_len;		/* in long words, as the next two */
	__u8 mask_len;
	__u8 act_len;
	__u8 flags;
	__be32 host_ctx;
	__be64 cookie;
	__be64 version;
	__be32 shortcut;
} __packed;

static_assert(sizeof(struct agl_flow_meta) == 28);
#define AGL_FLOW_MANAGE_MASK		BIT(7)
#define AGL_FLOW_LW_SHIFT		2
#define AGL_SHORTCUT_NULL		0u
#define AGL_SHORTCUT_DROP		0x80000000u
#define AGL_SHORTCUT_USER		0x7d000000u
#define AGL_SHORTCUT_POP_VLAN		0x6a000000u

/* FLOW_STATS record: deltas since the last one */
struct agl_flow_stats {
	__be32 ctx;
	__be32 packets;
	__be64 bytes;
	__be64 cookie;
} __packed;

static_assert(sizeof(struct agl_flow_stats) == 24);

struct agl_port_reify {
	__be32 port;
	__be16 reserved;
	__be16 info;
};

static_assert(sizeof(struct agl_port_reify) == 8);
#define AGL_REIFY_EXISTS		BIT(0)

struct agl_port_mod {
	__be32 port;
	__u8 reserved;
	__u8 info;
	__be16 mtu;
};

static_assert(sizeof(struct agl_port_mod) == 8);
#define AGL_PORT_MOD_LINK		BIT(0)	/* to firmware: admin state */
#define AGL_PORT_MOD_MTU_ONLY		BIT(1)

struct agl_mac_repr {
	__u8 reserved[3];
	__u8 count;
	struct {
		__u8 idx;
		__u8 nbi;
		__u8 base;
		__u8 port;
	} entry[];
};

static_assert(sizeof(struct agl_mac_repr) == 4);

struct agl_lag_config {
	__u8 flags;
	__u8 reserved[2];
	__u8 ttl;
	__be32 pkt_number;
	__be32 batch_ver;
	__be32 group_id;
	__be32 group_inst;
	__be32 members[];
};

static_assert(sizeof(struct agl_lag_config) == 20);
#define AGL_LAG_LAST			BIT(1)
#define AGL_LAG_FIRST			BIT(2)
#define AGL_LAG_SWITCH			BIT(6)
#define AGL_LAG_RESET			BIT(7)
#define AGL_LAG_TTL			0xff

#endif
