/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages about tunnels: whose addresses end here, and where the other ends
 * are. 03-flower.md sections 3.11 and 3.12. All of it big endian.
 */
#ifndef AGILIO_ABI_TUNNEL_H
#define AGILIO_ABI_TUNNEL_H

#include "base.h"

/* Type of a tunnel in port ids and in SET_TUNNEL */
#define AGL_TUN_GRE			1
#define AGL_TUN_VXLAN			2
#define AGL_TUN_GENEVE			4
#define AGL_PORT_TUNNEL(type)		(0x50000000u | (type))
#define AGL_PORT_INTERNAL(n)		(0x30000000u | (n))
#define AGL_PORT_INTERNAL_MAX		255

#define AGL_VXLAN_PORT			4789
#define AGL_GENEVE_PORT			6081
#define AGL_PROTO_TEB			0x6558	/* Ethernet in GRE and Geneve */

/* TUN_MAC, with one address */
struct agl_tun_mac {
	__be16 flags;
	__be16 count;
	__be16 index;
	__u8 addr[6];
};

static_assert(sizeof(struct agl_tun_mac) == 12);
#define AGL_TUN_MAC_DEL			BIT(1)
/* Index: number of a port, or any number for an address of several */
#define AGL_MAC_IDX_NUMBER		GENMASK(15, 8)
#define AGL_MAC_IDX_IPV6		BIT(7)	/* in pre-tunnel rules */
#define AGL_MAC_IDX_PRE_TUN		BIT(3)
#define AGL_MAC_IDX_KIND		GENMASK(2, 0)
#define   AGL_MAC_KIND_PORT		1
#define   AGL_MAC_KIND_GLOBAL		3
#define AGL_MAC_GLOBALS			256

/* TUN_IPS and TUN_IPS_V6: the whole list */
#define AGL_TUN_IPS_MAX			32
#define AGL_TUN_IPS6_MAX		4

struct agl_tun_ips {
	__be32 count;
	__be32 addr[AGL_TUN_IPS_MAX];
};

static_assert(sizeof(struct agl_tun_ips) == 132);

struct agl_tun_ips6 {
	__be32 count;
	__u8 addr[AGL_TUN_IPS6_MAX][16];
};

static_assert(sizeof(struct agl_tun_ips6) == 68);

/* TUN_NEIGH: addresses, head, then what the features add. All 0: delete */
struct agl_neigh_head {
	__u8 dst_mac[6];
	__u8 src_mac[6];
	__be32 port;
} __packed;

static_assert(sizeof(struct agl_neigh_head) == 16);

struct agl_neigh_ext {
	__be16 tpid;
	__be16 tci;
	__be32 ctx;
} __packed;

static_assert(sizeof(struct agl_neigh_ext) == 8);
#define AGL_NEIGH_NO_TAG		0xffff
#define AGL_NEIGH_NO_CTX		0xffffffffu

struct agl_neigh_lag {
	__u8 version[3];
	__u8 instance;
};

static_assert(sizeof(struct agl_neigh_lag) == 4);

struct agl_tun_neigh {
	__be32 dst;
	__be32 src;
	struct agl_neigh_head head;
	struct agl_neigh_ext ext;	/* with AGL_FEAT_DECAP_V2 */
	struct agl_neigh_lag lag;	/* with AGL_FEAT_NEIGH_LAG */
};

static_assert(sizeof(struct agl_tun_neigh) == 36);

struct agl_tun_neigh6 {
	__u8 dst[16];
	__u8 src[16];
	struct agl_neigh_head head;
	struct agl_neigh_ext ext;
	struct agl_neigh_lag lag;
};

static_assert(sizeof(struct agl_tun_neigh6) == 60);

struct agl_no_neigh {
	__be32 ingress;
	__be32 dst;
	__u8 reserved[8];
};

static_assert(sizeof(struct agl_no_neigh) == 16);

struct agl_no_neigh6 {
	__be32 ingress;
	__u8 dst[16];
};

static_assert(sizeof(struct agl_no_neigh6) == 20);

/* ACTIVE_TUNS: head and entries */
struct agl_active_tuns {
	__be32 seq;
	__be32 count;
	__be32 flags;
};

static_assert(sizeof(struct agl_active_tuns) == 12);
#define AGL_ACTIVE_TUNS_MAX		32
#define AGL_ACTIVE_TUNS6_MAX		4

struct agl_active_tun {
	__be32 dst;
	__be32 port;
	__u8 reserved[8];
};

static_assert(sizeof(struct agl_active_tun) == 16);

struct agl_active_tun6 {
	__u8 dst[16];
	__be32 port;
	__u8 reserved[8];
};

static_assert(sizeof(struct agl_active_tun6) == 28);

struct agl_pre_tun_rule {
	__be32 flags;
	__be16 port_idx;
	__be16 tci;
	__be32 ctx;
};

static_assert(sizeof(struct agl_pre_tun_rule) == 12);
#define AGL_PRE_TUN_DEL			BIT(0)
#define AGL_PRE_TUN_MAX			32

struct agl_merge_flow {
	__be32 ctx;
	__be64 cookie;
} __packed;

static_assert(sizeof(struct agl_merge_flow) == 12);

#endif
