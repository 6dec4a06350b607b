/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A rule as the driver understands it: between what tc says and the bytes
 * that the firmware wants. No type of either is in it.
 */
#ifndef AGILIO_RULE_H
#define AGILIO_RULE_H

#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/types.h>

#include "../abi/key.h"

struct net_device;
struct nf_flowtable;

/* frag, tcp_flags: as the wire and the dissector have them */
#define AGL_FRAG_ANY		BIT(0)	/* is a fragment */
#define AGL_FRAG_FIRST		BIT(1)	/* the first one */
#define AGL_TCP_FIN		BIT(0)
#define AGL_TCP_SYN		BIT(1)
#define AGL_TCP_RST		BIT(2)
#define AGL_TCP_PSH		BIT(3)
#define AGL_TCP_URG		BIT(5)

/* enc_flags: what the card can't see of a tunnel's header, and the rest */
#define AGL_ENC_CSUM		BIT(0)
#define AGL_ENC_DF		BIT(1)
#define AGL_ENC_OTHER		BIT(7)

#define AGL_ECN_BITS		0x03
#define AGL_ECN_ECT1		0x01	/* set in CE, too */
#define AGL_ECN_CE		0x03

#define AGL_TUN_ID_MAX		0xffffff	/* of VXLAN and Geneve */

#define AGL_TCI_PRIO_BITS	0xe000
#define AGL_TCI_VID_BITS	0x0fff

/**
 * struct agl_fields - a value or a mask for each field of a packet
 * @dst_mac: destination address
 * @src_mac: source address
 * @eth_type: behind all tags
 * @tag_count: number of tags; in the card it is in what they are
 * @outer_tpid: of the outer tag
 * @outer_tci: priority and id, the DEI bit clear
 * @inner_tpid: of the inner tag
 * @inner_tci: likewise
 * @lse: MPLS's first label stack entry
 * @lses: one bit for each entry that is looked at
 * @ip_proto: upper protocol of IPv4 or IPv6
 * @tos: IPv4's TOS, IPv6's traffic class
 * @ttl: IPv4's TTL, IPv6's hop limit
 * @frag: AGL_FRAG_
 * @tcp_flags: the low 12 bits
 * @sport: source port
 * @dport: destination port
 * @min_sport: lowest source port of a range; ranges are not in the card
 * @min_dport: lowest destination port
 * @max_sport: highest source port
 * @max_dport: highest destination port
 * @class_label: IPv6's traffic class and flow label, 28 bits
 * @src: IPv4 source
 * @dst: IPv4 destination
 * @src6: IPv6 source
 * @dst6: IPv6 destination
 * @enc_key: tunnel's VNI or key
 * @enc_src: outer IPv4 source
 * @enc_dst: outer IPv4 destination
 * @enc_src6: outer IPv6 source
 * @enc_dst6: outer IPv6 destination
 * @enc_sport: outer UDP source port
 * @enc_dport: outer UDP destination port
 * @enc_tos: outer TOS or traffic class
 * @enc_ttl: outer TTL or hop limit
 * @enc_flags: AGL_ENC_
 * @enc_opts: Geneve options as on the wire
 *
 * All in network byte order. Of a packet out of a tunnel all fields before
 * @enc_key are the inner packet's.
 */
struct agl_fields {
	u8 dst_mac[ETH_ALEN];
	u8 src_mac[ETH_ALEN];
	__be16 eth_type;
	u8 tag_count;
	__be16 outer_tpid;
	__be16 outer_tci;
	__be16 inner_tpid;
	__be16 inner_tci;
	__be32 lse;
	u8 lses;
	u8 ip_proto;
	u8 tos;
	u8 ttl;
	u8 frag;
	__be16 tcp_flags;
	__be16 sport;
	__be16 dport;
	__be16 min_sport;
	__be16 min_dport;
	__be16 max_sport;
	__be16 max_dport;
	__be32 class_label;
	__be32 src;
	__be32 dst;
	struct in6_addr src6;
	struct in6_addr dst6;
	__be32 enc_key;
	__be32 enc_src;
	__be32 enc_dst;
	struct in6_addr enc_src6;
	struct in6_addr enc_dst6;
	__be16 enc_sport;
	__be16 enc_dport;
	u8 enc_tos;
	u8 enc_ttl;
	u8 enc_flags;
	u8 enc_opts[AGL_KEY_OPTS_MAX];
};

/**
 * enum agl_tag - what a rule wants of a VLAN tag
 * @AGL_TAG_ANY: it does not look
 * @AGL_TAG_ABSENT: there must be none
 * @AGL_TAG_PRESENT: there must be one, its fields are in the match
 */
enum agl_tag { AGL_TAG_ANY, AGL_TAG_ABSENT, AGL_TAG_PRESENT };

enum agl_action_type {
	AGL_DROP,
	AGL_REDIRECT,
	AGL_MIRROR,
	AGL_PUSH_VLAN,
	AGL_POP_VLAN,
	AGL_PUSH_MPLS,
	AGL_POP_MPLS,
	AGL_SET_MPLS,
	AGL_SET,
	AGL_ENCAP,
};

#define AGL_ENCAP_OPTS_MAX	32

/**
 * struct agl_encap - the tunnel that a rule sends packets into
 * @type: AGL_TUN_
 * @v6: outer header is IPv6
 * @csum: UDP checksum wanted
 * @has_key: @key is to be sent
 * @ttl: outer TTL or hop limit
 * @tos: outer TOS or traffic class
 * @opts_len: bytes of @opts
 * @opts: Geneve options as on the wire
 * @key: VNI or key
 * @dst: outer destination, IPv4 in the first word
 * @src: outer source, zero: what the route says
 * @net: namespace of the outer packet, its cookie
 * @tpid: outer VLAN tag's type, 0: no tag
 * @tci: of that tag
 */
struct agl_encap {
	u8 type;
	bool v6;
	bool csum;
	bool has_key;
	u8 ttl;
	u8 tos;
	u8 opts_len;
	u8 opts[AGL_ENCAP_OPTS_MAX];
	__be32 key;
	struct in6_addr dst;
	struct in6_addr src;
	u64 net;
	__be16 tpid;
	__be16 tci;
};

/**
 * struct agl_action - one thing to do with a packet
 * @type: what
 * @port: AGL_REDIRECT, AGL_MIRROR: port id
 * @device: likewise: number of the device that tc says, agl_device_get()
 * @vlan: AGL_PUSH_VLAN: the tag
 * @mpls: AGL_PUSH_MPLS: type and entry; AGL_POP_MPLS: type of what is left;
 *	AGL_SET_MPLS: entry and which bits of it
 * @set: AGL_SET: new values and which bits of them, and in which headers: type
 *	and upper protocol of the packet there, 0: only Ethernet's
 *
 * AGL_ENCAP stands where tc has tunnel_key set; what it says is in the rule.
 */
struct agl_action {
	enum agl_action_type type;
	union {
		struct {
			u32 port;
			u32 device;
		};
		struct {
			__be16 tpid;
			__be16 tci;
		} vlan;
		struct {
			__be16 type;
			__be32 lse;
			__be32 mask;
		} mpls;
		struct {
			struct agl_fields value;
			struct agl_fields mask;
			__be16 type;
			u8 proto;
		} set;
	};
};

/**
 * struct agl_narrow - what the card must ask of packets besides the match
 * @frag: bits of agl_fields.frag that must be clear
 * @tos: bits of agl_fields.tos that must be
 * @enc_tos: bits of agl_fields.enc_tos that must be
 * @opts_len: bytes of Geneve options behind which there must be none, 0: it
 *	does not look
 *
 * Software does the same with packets of which this isn't true, the card would
 * not, because of the rule's actions or of what it sees of a packet. So they
 * are the host's.
 */
struct agl_narrow {
	u8 frag;
	u8 tos;
	u8 enc_tos;
	u8 opts_len;
};

/**
 * enum agl_track - what a rule has conntrack do, after its actions
 * @AGL_TRACK_NOT: nothing
 * @AGL_TRACK_ZONE: look a packet's connection up
 * @AGL_TRACK_CLEAR: forget the connection
 */
enum agl_track { AGL_TRACK_NOT, AGL_TRACK_ZONE, AGL_TRACK_CLEAR };

/**
 * struct agl_rule - a match and its actions
 * @port: ingress, a port id
 * @key: values, zero outside of the mask
 * @mask: bits that software compares
 * @narrow: what the card must compare besides
 * @outer: the outer tag
 * @inner: the inner tag
 * @tun: AGL_TUN_ of the tunnel that packets come out of, 0: none
 * @tun6: its outer header is IPv6
 * @ignored: what was asked of @enc_flags and isn't compared: mask, value
 * @device: number of the tunnel device that says what is matched, 0: none
 * @encap: the tunnel that packets go into
 * @unset: after it software knows nothing of the outer header
 * @track: what conntrack does, before packets go to that chain
 * @zone: of AGL_TRACK_ZONE
 * @nat: likewise: and change its addresses and ports as the connection has it
 * @connections: likewise: where the stack tells of them; valid as long as tc has
 *	the filter
 * @next_chain: chain that packets go to after the actions, 0: none
 * @internal: internal port that packets are for, in a pre-tunnel rule
 * @actions: number of actions
 * @room: for how many there is memory
 * @action: in the order of execution
 */
struct agl_rule {
	u32 port;
	struct agl_fields key;
	struct agl_fields mask;
	struct agl_narrow narrow;
	enum agl_tag outer;
	enum agl_tag inner;
	u8 tun;
	bool tun6;
	u16 ignored;
	u32 device;
	struct agl_encap encap;
	bool unset;
	enum agl_track track;
	u16 zone;
	bool nat;
	struct nf_flowtable *connections;
	u32 next_chain;
	const struct net_device *internal;
	unsigned int actions;
	unsigned int room;
	struct agl_action action[] __counted_by(room);
};

#endif
