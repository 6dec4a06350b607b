// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of fields. Parsing, checking, encoding and header rewrite all
 * walk these rows; a key of tc that has none is refused. 03-flower.md
 * sections 4.4, 4.7 and 12.1.
 */
#include <linux/bitfield.h>
#include <linux/unaligned.h>

#include "../abi/cmsg.h"
#include "fields.h"

static void get_tci(const void *from, void *to)
{
	const struct flow_dissector_key_vlan *v = from;
	u16 tci = FIELD_PREP(AGL_TCI_PRIO_BITS, v->vlan_priority) | v->vlan_id;

	/* The card keeps "there is a tag" where the wire has DEI */
	if (v->vlan_dei)
		tci |= AGL_TCI_PRESENT;
	put_unaligned_be16(tci, to);
}

static void get_frag(const void *from, void *to)
{
	const struct flow_dissector_key_control *c = from;
	u8 *frag = to;

	*frag = (c->flags & FLOW_DIS_IS_FRAGMENT ? AGL_FRAG_ANY : 0) |
		(c->flags & FLOW_DIS_FIRST_FRAG ? AGL_FRAG_FIRST : 0);
	if (c->flags & ~(FLOW_DIS_IS_FRAGMENT | FLOW_DIS_FIRST_FRAG))
		*frag |= BIT(7);
}

static void get_lse(const void *from, void *to)
{
	const struct flow_dissector_mpls_lse *l = from;

	put_unaligned_be32(FIELD_PREP(AGL_MPLS_LABEL, l->mpls_label) |
			   FIELD_PREP(AGL_MPLS_TC, l->mpls_tc) |
			   FIELD_PREP(AGL_MPLS_BOS, l->mpls_bos) |
			   FIELD_PREP(AGL_MPLS_TTL, l->mpls_ttl), to);
}

static void get_enc_flags(const void *from, void *to)
{
	const struct flow_dissector_key_control *c = from;
	u32 known = FLOW_DIS_F_TUNNEL_CSUM | FLOW_DIS_F_TUNNEL_DONT_FRAGMENT;
	u8 *flags = to;

	*flags = (c->flags & FLOW_DIS_F_TUNNEL_CSUM ? AGL_ENC_CSUM : 0) |
		 (c->flags & FLOW_DIS_F_TUNNEL_DONT_FRAGMENT ? AGL_ENC_DF : 0) |
		 (c->flags & ~known ? AGL_ENC_OTHER : 0);
}

static void get_opts(const void *from, void *to)
{
	const struct flow_dissector_key_enc_opts *o = from;

	memcpy(to, o->data, AGL_KEY_OPTS_MAX);
}

#define AT(f, bytes)							\
	.at = offsetof(struct agl_fields, f), .size = bytes

#define FROM(id, type, f)						\
	.matched = true,						\
	.dissector = FLOW_DISSECTOR_KEY_##id,				\
	.dissector_at = offsetof(struct flow_dissector_key_##type, f)

#define WHOLE(id, type, fn)						\
	.matched = true,						\
	.dissector = FLOW_DISSECTOR_KEY_##id,				\
	.dissector_size = sizeof(struct flow_dissector_key_##type),	\
	.get = fn

/* Nothing of the packet: it is taken, and looked at, by other means */
#define ELSEWHERE(id)							\
	.matched = true,						\
	.dissector = FLOW_DISSECTOR_KEY_##id

#define INTO(l, type, f)						\
	.layer = AGL_LAYER_##l,						\
	.layer_at = offsetof(struct agl_key_##type, f)

#define EDIT(h, offset)							\
	.header = FLOW_ACT_MANGLE_HDR_TYPE_##h, .header_at = (offset)

#define NO_LAYER(words)		.why = words

const struct agl_field agl_fields[] = {
	{ "protocol", AT(eth_type, 2), FROM(BASIC, basic, n_proto),
	  .why = "ip, ipv6, VLAN tags, and mpls_uc, which takes mpls_mc too" },
	{ "dst_mac", AT(dst_mac, 6), FROM(ETH_ADDRS, eth_addrs, dst),
	  INTO(MAC, mac, dst), EDIT(ETH, 0) },
	{ "src_mac", AT(src_mac, 6), FROM(ETH_ADDRS, eth_addrs, src),
	  INTO(MAC, mac, src), EDIT(ETH, 6) },
	{ "vlan protocol", AT(outer_tpid, 2), FROM(VLAN, vlan, vlan_tpid) },
	{ "vlan_id or vlan_prio", AT(outer_tci, 2), WHOLE(VLAN, vlan, get_tci),
	  .cannot_match = AGL_TCI_PRESENT, .why = "the DEI bit is not compared" },
	{ "cvlan protocol", AT(inner_tpid, 2), FROM(CVLAN, vlan, vlan_tpid),
	  .feature = AGL_FEAT_VLAN_QINQ },
	{ "cvlan_id or cvlan_prio", AT(inner_tci, 2),
	  WHOLE(CVLAN, vlan, get_tci), .feature = AGL_FEAT_VLAN_QINQ,
	  .cannot_match = AGL_TCI_PRESENT, .why = "the DEI bit is not compared" },
	{ "mpls", AT(lse, 4), WHOLE(MPLS, mpls, get_lse), INTO(MAC, mac, mpls),
	  .cannot_match = AGL_MPLS_TTL, .why = "the TTL is not compared" },
	{ "mpls lse depth", AT(lses, 1), FROM(MPLS, mpls, used_lses),
	  .cannot_match = 0xfe, .why = "only the first entry is compared" },
	{ "ip_proto", AT(ip_proto, 1), FROM(BASIC, basic, ip_proto),
	  INTO(IP, ipv4, proto) },
	{ "ip_tos", AT(tos, 1), FROM(IP, ip, tos), INTO(IP, ipv4, tos),
	  EDIT(IP4, 1) },
	{ "ip_ttl", AT(ttl, 1), FROM(IP, ip, ttl), INTO(IP, ipv4, ttl),
	  EDIT(IP4, 8) },
	{ "hop limit", AT(ttl, 1), EDIT(IP6, 7) },
	{ "class or label", AT(class_label, 4), EDIT(IP6, 0),
	  .cannot_set = 0xf0000000 },
	{ "ip_flags", AT(frag, 1), WHOLE(CONTROL, control, get_frag),
	  .cannot_match = BIT(7), .why = "only frag and firstfrag are compared" },
	{ "src_ip", AT(src, 4), FROM(IPV4_ADDRS, ipv4_addrs, src),
	  INTO(IPV4, ipv4, src), EDIT(IP4, 12) },
	{ "dst_ip", AT(dst, 4), FROM(IPV4_ADDRS, ipv4_addrs, dst),
	  INTO(IPV4, ipv4, dst), EDIT(IP4, 16) },
	{ "src_ip", AT(src6, 16), FROM(IPV6_ADDRS, ipv6_addrs, src),
	  INTO(IPV6, ipv6, src), EDIT(IP6, 8) },
	{ "dst_ip", AT(dst6, 16), FROM(IPV6_ADDRS, ipv6_addrs, dst),
	  INTO(IPV6, ipv6, dst), EDIT(IP6, 24) },
	{ "src_port", AT(sport, 2), FROM(PORTS, ports, src),
	  INTO(TP, tp, src), EDIT(TCP, 0) },
	{ "dst_port", AT(dport, 2), FROM(PORTS, ports, dst),
	  INTO(TP, tp, dst), EDIT(TCP, 2) },
	{ "src_port", AT(sport, 2), EDIT(UDP, 0) },
	{ "dst_port", AT(dport, 2), EDIT(UDP, 2) },
	{ "port range", AT(min_sport, 8), FROM(PORTS_RANGE, ports_range, tp_min),
	  .why = "as rules for its prefixes, 32 at most" },
	{ "tcp_flags", AT(tcp_flags, 2), FROM(TCP, tcp, flags),
	  .cannot_match = 0xffff & ~(AGL_TCP_FIN | AGL_TCP_SYN | AGL_TCP_RST |
				     AGL_TCP_PSH | AGL_TCP_URG),
	  .why = "only fin, syn, rst, psh and urg are compared" },
	{ "enc_key_id", AT(enc_key, 4), FROM(ENC_KEYID, keyid, keyid),
	  .why = "of GRE 0 is as good as none" },
	{ "enc_src_ip", AT(enc_src, 4), FROM(ENC_IPV4_ADDRS, ipv4_addrs, src) },
	{ "enc_dst_ip", AT(enc_dst, 4), FROM(ENC_IPV4_ADDRS, ipv4_addrs, dst) },
	{ "enc_src_ip", AT(enc_src6, 16), FROM(ENC_IPV6_ADDRS, ipv6_addrs, src),
	  .feature = AGL_FEAT_IPV6_TUN },
	{ "enc_dst_ip", AT(enc_dst6, 16), FROM(ENC_IPV6_ADDRS, ipv6_addrs, dst),
	  .feature = AGL_FEAT_IPV6_TUN },
	{ "enc_src_port", AT(enc_sport, 2), FROM(ENC_PORTS, ports, src),
	  .cannot_match = 0xffff, .why = "the card does not look at it" },
	{ "enc_dst_port", AT(enc_dport, 2), FROM(ENC_PORTS, ports, dst),
	  .why = "4789 of VXLAN and 6081 of Geneve only" },
	{ "enc_tos", AT(enc_tos, 1), FROM(ENC_IP, ip, tos),
	  .why = "without a congestion mark, ECT(0) is none" },
	{ "enc_ttl", AT(enc_ttl, 1), FROM(ENC_IP, ip, ttl) },
	{ "enc_flags", AT(enc_flags, 1), WHOLE(ENC_CONTROL, control, get_enc_flags),
	  .cannot_match = AGL_ENC_OTHER,
	  .why = "only tuncsum and tundf are taken, and not compared" },
	{ "geneve_opts", AT(enc_opts, AGL_KEY_OPTS_MAX),
	  WHOLE(ENC_OPTS, enc_opts, get_opts), .feature = AGL_FEAT_GENEVE_OPT,
	  .why = "over IPv4, 28 bytes at most, nothing behind them" },

	{ "indev", FROM(META, meta, ingress_ifindex), .dissector_size = 4,
	  NO_LAYER("a rule is for its own device") },
	{ "l2_miss", FROM(META, meta, l2_miss), .dissector_size = 1,
	  NO_LAYER("unknown to the card") },
	{ "arp", WHOLE(ARP, arp, NULL),
	  NO_LAYER("the card does not look into ARP") },
	{ "icmp type", FROM(ICMP, icmp, type), .dissector_size = 1,
	  NO_LAYER("unknown to the card") },
	{ "icmp code", FROM(ICMP, icmp, code), .dissector_size = 1,
	  NO_LAYER("unknown to the card") },
	{ "num_of_vlans", AT(tag_count, 1),
	  FROM(NUM_OF_VLANS, num_of_vlans, num_of_vlans),
	  .why = "0 and 1 only, and 2 with cvlan_ethtype" },
	{ "ct_state, ct_zone, ct_mark or ct_label", ELSEWHERE(CT),
	  .why = "of established connections, in chains behind ct" },
	{ "hash", WHOLE(HASH, hash, NULL), NO_LAYER("unknown to the card") },
	{ "pppoe", WHOLE(PPPOE, pppoe, NULL), NO_LAYER("unknown to the card") },
	{ "l2tpv3", WHOLE(L2TPV3, l2tpv3, NULL), NO_LAYER("unknown to the card") },
	{ "spi", WHOLE(IPSEC, ipsec, NULL), NO_LAYER("unknown to the card") },
	{ "cfm", WHOLE(CFM, cfm, NULL), NO_LAYER("unknown to the card") },
};

/* Filled once: a rule has few of the fields, and shall not ask all others */
static u64 fields_of_key[FLOW_DISSECTOR_KEY_MAX] __ro_after_init;
static u64 fields_of_layer[AGL_LAYERS] __ro_after_init;

static_assert(ARRAY_SIZE(agl_fields) <= 64);
static_assert(FLOW_DISSECTOR_KEY_MAX <= 64);

/**
 * agl_fields_init - index the table
 */
void __init agl_fields_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(agl_fields); i++) {
		const struct agl_field *f = &agl_fields[i];

		if (f->matched)
			fields_of_key[f->dissector] |= BIT_ULL(i);
		if (f->layer)
			fields_of_layer[f->layer] |= BIT_ULL(i);
	}
}

/**
 * agl_fields_of_keys - fields that a match can be about
 * @keys: of the dissector, a bit for each; those that are in no row are left
 *
 * Return: they, for agl_for_each_field().
 */
u64 agl_fields_of_keys(u64 *keys)
{
	u64 left, fields = 0;
	unsigned int key;

	for (left = *keys; left; left &= left - 1) {
		key = __ffs64(left);
		if (fields_of_key[key])
			*keys &= ~BIT_ULL(key);
		fields |= fields_of_key[key];
	}
	return fields;
}

/**
 * agl_fields_of_layer - fields that a layer of the card's key has
 * @layer: layer
 *
 * Return: they, for agl_for_each_field().
 */
u64 agl_fields_of_layer(enum agl_layer layer)
{
	return fields_of_layer[layer];
}

/* Return: whether there is a mask */
#define FIELD_COPY(type, offset)					\
({									\
	unsigned int __at = (offset);					\
	type __mask = get_unaligned((const type *)(mask + __at));	\
	type __key = get_unaligned((const type *)(key + __at));		\
									\
	put_unaligned(__mask, (type *)(to_mask + __at));		\
	put_unaligned((type)(__key & __mask), (type *)(to_key + __at));	\
	!!__mask;							\
})

/**
 * agl_field_copy - a field's value and mask, from or to struct agl_fields
 * @f: field
 * @to_key: to where its value goes, zero outside of the mask
 * @to_mask: to where its mask goes; both may be where they come from
 * @key: value
 * @mask: mask
 *
 * Return: whether any of its bits is compared.
 */
bool agl_field_copy(const struct agl_field *f, u8 *to_key, u8 *to_mask,
		    const u8 *key, const u8 *mask)
{
	bool any = false;
	unsigned int at;

	for (at = 0; at + 8 <= f->size; at += 8)
		any |= FIELD_COPY(u64, at);
	if (f->size & 4) {
		any |= FIELD_COPY(u32, at);
		at += 4;
	}
	if (f->size & 2) {
		any |= FIELD_COPY(u16, at);
		at += 2;
	}
	if (f->size & 1)
		any |= FIELD_COPY(u8, at);
	return any;
}

/**
 * agl_field_bits - a field of up to four bytes as a number
 * @f: field
 * @from: values or masks
 *
 * Return: the number; 0 for larger fields, of which all bits are alike.
 */
u32 agl_field_bits(const struct agl_field *f, const struct agl_fields *from)
{
	const void *p = (const u8 *)from + f->at;

	switch (f->size) {
	case 1:
		return *(const u8 *)p;
	case 2:
		return get_unaligned_be16(p);
	case 4:
		return get_unaligned_be32(p);
	default:
		return 0;
	}
}

/**
 * agl_field_in_header - the field that a byte of a header belongs to
 * @header: which header
 * @at: offset of the byte in it
 *
 * Return: NULL if the card can't set that byte.
 */
const struct agl_field *agl_field_in_header(enum flow_action_mangle_base header,
					    unsigned int at)
{
	const struct agl_field *f;

	for (f = agl_fields; f < agl_fields + ARRAY_SIZE(agl_fields); f++)
		if (f->header != FLOW_ACT_MANGLE_UNSPEC && f->header == header &&
		    at >= f->header_at && at < f->header_at + f->size)
			return f;
	return NULL;
}
