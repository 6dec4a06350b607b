/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flow key and mask: layers in the order of 03-flower.md section 4.2.
 */
#ifndef AGILIO_ABI_KEY_H
#define AGILIO_ABI_KEY_H

#include "base.h"

#define AGL_KEY_EXT			BIT(0)
#define AGL_KEY_PORT			BIT(1)
#define AGL_KEY_MAC			BIT(2)
#define AGL_KEY_TP			BIT(3)
#define AGL_KEY_IPV4			BIT(4)
#define AGL_KEY_IPV6			BIT(5)
#define AGL_KEY_CT			BIT(6)
#define AGL_KEY_VXLAN			BIT(7)

#define AGL_KEY2_GRE			BIT(0)
#define AGL_KEY2_QINQ			BIT(4)
#define AGL_KEY2_GENEVE			BIT(5)
#define AGL_KEY2_GENEVE_OPT		BIT(6)
#define AGL_KEY2_TUN_IPV6		BIT(7)

#define AGL_KEY_MAX			160	/* what the firmware has room for */
#define AGL_KEY_LIMIT			128	/* what it is documented to take */

struct agl_key_meta {
	__u8 layers;
	__u8 mask_id;		/* 0xff in the mask */
	__be16 tci;		/* without the QINQ feature only */
};

static_assert(sizeof(struct agl_key_meta) == 4);
#define AGL_MASK_ID_MAX			255	/* 0 is never used */

/* TCI in META and QINQ: the DEI position says that there is a tag */
#define AGL_TCI_PCP			GENMASK(15, 13)
#define AGL_TCI_PRESENT			BIT(12)
#define AGL_TCI_VID			GENMASK(11, 0)

struct agl_key_mac {
	__u8 dst[6];
	__u8 src[6];
	__be32 mpls;
};

static_assert(sizeof(struct agl_key_mac) == 16);
#define AGL_MPLS_LABEL			GENMASK(31, 12)
#define AGL_MPLS_TC			GENMASK(11, 9)
#define AGL_MPLS_BOS			BIT(8)
#define AGL_MPLS_TTL			GENMASK(7, 0)	/* in actions */
#define AGL_MPLS_Q			BIT(0)		/* in keys */

struct agl_key_tp {
	__be16 src;
	__be16 dst;
};

static_assert(sizeof(struct agl_key_tp) == 4);

struct agl_key_ipv4 {
	__u8 tos;
	__u8 proto;
	__u8 ttl;
	__u8 flags;
	__be32 src;
	__be32 dst;
};

static_assert(sizeof(struct agl_key_ipv4) == 12);

struct agl_key_ipv6 {
	__u8 tos;
	__u8 proto;
	__u8 ttl;
	__u8 flags;
	__be32 exthdr_label;	/* never matched */
	__u8 src[16];
	__u8 dst[16];
};

static_assert(sizeof(struct agl_key_ipv6) == 40);
#define AGL_IP_FRAG_FIRST		BIT(7)
#define AGL_IP_FRAGMENTED		BIT(6)
#define AGL_IP_TCP_URG			BIT(4)	/* seen with FIN, SYN or RST only */
#define AGL_IP_TCP_PSH			BIT(3)	/* likewise */
#define AGL_IP_TCP_RST			BIT(2)
#define AGL_IP_TCP_SYN			BIT(1)
#define AGL_IP_TCP_FIN			BIT(0)

struct agl_key_qinq {
	__be16 outer_tpid;
	__be16 outer_tci;
	__be16 inner_tpid;
	__be16 inner_tci;
};

static_assert(sizeof(struct agl_key_qinq) == 8);

/* Behind the outer addresses of a tunnel, which are 4 or 16 bytes each */
struct agl_key_udp_tun {
	__be16 reserved;
	__u8 tos;
	__u8 ttl;
	__be32 reserved2;
	__be32 vni;
};

static_assert(sizeof(struct agl_key_udp_tun) == 12);
#define AGL_TUN_VNI			GENMASK(31, 8)

struct agl_key_gre {
	__be16 flags;
	__u8 tos;
	__u8 ttl;
	__be16 reserved;
	__be16 proto;
	__be32 key;
	__be32 reserved2;
};

static_assert(sizeof(struct agl_key_gre) == 16);

struct agl_key_udp4 {
	__be32 src;
	__be32 dst;
	struct agl_key_udp_tun tun;
};

static_assert(sizeof(struct agl_key_udp4) == 20);

struct agl_key_udp6 {
	__u8 src[16];
	__u8 dst[16];
	struct agl_key_udp_tun tun;
};

static_assert(sizeof(struct agl_key_udp6) == 44);

struct agl_key_gre4 {
	__be32 src;
	__be32 dst;
	struct agl_key_gre gre;
};

static_assert(sizeof(struct agl_key_gre4) == 24);

struct agl_key_gre6 {
	__u8 src[16];
	__u8 dst[16];
	struct agl_key_gre gre;
};

static_assert(sizeof(struct agl_key_gre6) == 48);

#define AGL_KEY_OPTS_MAX		32	/* bytes of Geneve options */
#define AGL_KEY_OPTS6_MAX		8	/* with an outer IPv6 header */

#endif
