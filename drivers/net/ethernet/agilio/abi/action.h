/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Action lists: opcode, length in long words, body. 03-flower.md section 5.
 */
#ifndef AGILIO_ABI_ACTION_H
#define AGILIO_ABI_ACTION_H

#include "base.h"

enum agl_act_op {
	AGL_ACT_OUTPUT		= 0,
	AGL_ACT_PUSH_VLAN	= 1,
	AGL_ACT_POP_VLAN	= 2,
	AGL_ACT_PUSH_MPLS	= 3,
	AGL_ACT_POP_MPLS	= 4,
	AGL_ACT_SET_TUNNEL	= 6,
	AGL_ACT_SET_ETH		= 7,
	AGL_ACT_SET_MPLS	= 8,
	AGL_ACT_SET_IPV4	= 9,
	AGL_ACT_SET_IPV4_TTL	= 10,
	AGL_ACT_SET_IPV6_SRC	= 11,
	AGL_ACT_SET_IPV6_DST	= 12,
	AGL_ACT_SET_IPV6_TC	= 13,
	AGL_ACT_SET_UDP		= 14,
	AGL_ACT_SET_TCP		= 15,
	AGL_ACT_PRE_LAG		= 16,
	AGL_ACT_PRE_TUNNEL	= 17,
	AGL_ACT_METER		= 24,
	AGL_ACT_PUSH_GENEVE	= 26,
	AGL_ACT_OPS		= 32,
};

#define AGL_ACT_LIST_MAX		1020	/* act_len is one byte of long words */

struct agl_act_head {
	__u8 op;
	__u8 len_lw;
};

static_assert(sizeof(struct agl_act_head) == 2);

struct agl_act_output {
	struct agl_act_head head;
	__be16 flags;
	__be32 port;
};

static_assert(sizeof(struct agl_act_output) == 8);
#define AGL_OUTPUT_LAST			BIT(15)
#define AGL_OUTPUT_USE_TUN		BIT(4)

struct agl_act_push_vlan {
	struct agl_act_head head;
	__be16 reserved;
	__be16 tpid;
	__be16 tci;
};

static_assert(sizeof(struct agl_act_push_vlan) == 8);

struct agl_act_pop_vlan {
	struct agl_act_head head;
	__be16 reserved;
};

static_assert(sizeof(struct agl_act_pop_vlan) == 4);

struct agl_act_set_eth {
	struct agl_act_head head;
	__be16 reserved;
	__u8 mask[12];		/* destination, source */
	__u8 value[12];
};

static_assert(sizeof(struct agl_act_set_eth) == 28);

struct agl_act_set_ipv4 {
	struct agl_act_head head;
	__be16 reserved;
	__be32 src_mask;
	__be32 src;
	__be32 dst_mask;
	__be32 dst;
};

static_assert(sizeof(struct agl_act_set_ipv4) == 20);

struct agl_act_set_ipv4_ttl {
	struct agl_act_head head;
	__u8 ttl_mask;
	__u8 tos_mask;
	__u8 ttl;
	__u8 tos;
	__be16 reserved;
};

static_assert(sizeof(struct agl_act_set_ipv4_ttl) == 8);

struct agl_act_set_ipv6 {
	struct agl_act_head head;
	__be16 reserved;
	struct {
		__be32 mask;
		__be32 value;
	} word[4];
};

static_assert(sizeof(struct agl_act_set_ipv6) == 36);

struct agl_act_set_ipv6_tc {
	struct agl_act_head head;
	__u8 tc_mask;
	__u8 hl_mask;
	__be16 reserved;
	__u8 tc;
	__u8 hl;
	__be32 label_mask;	/* 28 bits: traffic class and flow label */
	__be32 label;
};

static_assert(sizeof(struct agl_act_set_ipv6_tc) == 16);

struct agl_act_push_mpls {
	struct agl_act_head head;
	__be16 type;
	__be32 lse;
};

static_assert(sizeof(struct agl_act_push_mpls) == 8);

struct agl_act_pop_mpls {
	struct agl_act_head head;
	__be16 type;		/* of the packet after the pop */
};

static_assert(sizeof(struct agl_act_pop_mpls) == 4);

struct agl_act_set_mpls {
	struct agl_act_head head;
	__be16 reserved;
	__be32 mask;
	__be32 lse;
};

static_assert(sizeof(struct agl_act_set_mpls) == 12);

struct agl_act_set_tp {
	struct agl_act_head head;
	__be16 reserved;
	__u8 mask[4];		/* source port, destination port */
	__u8 value[4];
};

static_assert(sizeof(struct agl_act_set_tp) == 12);

struct agl_act_pre_tunnel {
	struct agl_act_head head;
	__be16 flags;
	__u8 dst[16];		/* an IPv4 address in the first four */
};

static_assert(sizeof(struct agl_act_pre_tunnel) == 20);
#define AGL_PRE_TUNNEL_IPV6		BIT(0)

struct agl_act_set_tunnel {
	struct agl_act_head head;
	__be16 reserved;
	__be64 id;
	__be32 type_index;
	__be16 flags;
	__u8 ttl;
	__u8 tos;
	__be16 tpid;		/* outer tag, 0: none */
	__be16 tci;
	__u8 opt_lw;		/* Geneve options in long words */
	__u8 reserved2;
	__be16 proto;
} __packed;

static_assert(sizeof(struct agl_act_set_tunnel) == 28);
#define AGL_SET_TUNNEL_TYPE		GENMASK(7, 4)
/* Flags of tunnels, here and in keys */
#define AGL_TUN_FLAG_CSUM		BIT(0)
#define AGL_TUN_FLAG_KEY		BIT(2)
#define AGL_TUN_FLAG_GENEVE_OPT		BIT(11)

struct agl_act_push_geneve {
	struct agl_act_head head;
	__be16 reserved;
	__be16 opt_class;
	__u8 type;
	__u8 length;		/* of the data in long words */
	__u8 data[];
};

static_assert(sizeof(struct agl_act_push_geneve) == 8);
#define AGL_PUSH_GENEVE_MAX		32	/* bytes of these actions in a rule */

#endif
