// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a rule's match to key and mask. 03-flower.md section 4.
 */
#include "../agilio.h"
#include "encode.h"
#include "../rule/fields.h"

/**
 * struct places - where the layers of a key are
 * @layers: first byte of the key
 * @layers2: extended layers
 * @at: offset of each layer, 0 if it isn't there
 * @tun: offset of the tunnel's layer, 0 if it isn't there
 * @opts: offset of the Geneve options, likewise
 * @len: of the whole key
 * @fields: that are in these layers, for agl_for_each_field()
 */
struct places {
	u8 layers;
	u32 layers2;
	u8 at[AGL_LAYERS];
	unsigned int tun;
	unsigned int opts;
	unsigned int len;
	u64 fields;
};

static void place(struct places *p, enum agl_layer layer, size_t size)
{
	p->at[layer] = p->len;
	p->len += size;
	p->fields |= agl_fields_of_layer(layer);
}

static void place_ip(struct places *p, enum agl_layer family, size_t size)
{
	place(p, AGL_LAYER_IP, 0);
	place(p, family, size);
}

static bool is_type(const struct agl_rule *rule, u16 type)
{
	return rule->mask.eth_type && rule->key.eth_type == htons(type);
}

/* The card wants the port layer for these, matched or not */
static bool wants_ports(const struct agl_rule *rule)
{
	if (rule->mask.ip_proto != 0xff)
		return false;
	switch (rule->key.ip_proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	default:
		return false;
	}
}

static void place_layers(const struct agl_rule *rule, u64 features,
			 struct places *p)
{
	bool tags = rule->outer != AGL_TAG_ANY || rule->inner != AGL_TAG_ANY;

	p->len = sizeof(struct agl_key_meta) + sizeof(__be32);
	p->layers = AGL_KEY_PORT;
	if (tags && features & AGL_FEAT_VLAN_QINQ)
		p->layers2 |= AGL_KEY2_QINQ;
	agl_tunnel_layers(rule, &p->layers, &p->layers2);
	if (p->layers2) {
		p->layers |= AGL_KEY_EXT;
		p->len += sizeof(__be32);
	}
	if (!is_zero_ether_addr(rule->mask.dst_mac) ||
	    !is_zero_ether_addr(rule->mask.src_mac) ||
	    is_type(rule, ETH_P_MPLS_UC)) {
		p->layers |= AGL_KEY_MAC;
		place(p, AGL_LAYER_MAC, sizeof(struct agl_key_mac));
	}
	if (wants_ports(rule)) {
		p->layers |= AGL_KEY_TP;
		place(p, AGL_LAYER_TP, sizeof(struct agl_key_tp));
	}
	if (is_type(rule, ETH_P_IP)) {
		p->layers |= AGL_KEY_IPV4;
		place_ip(p, AGL_LAYER_IPV4, sizeof(struct agl_key_ipv4));
	} else if (is_type(rule, ETH_P_IPV6)) {
		p->layers |= AGL_KEY_IPV6;
		place_ip(p, AGL_LAYER_IPV6, sizeof(struct agl_key_ipv6));
	}
	if (p->layers2 & AGL_KEY2_QINQ)
		place(p, AGL_LAYER_QINQ, sizeof(struct agl_key_qinq));
	if (rule->tun) {
		p->tun = p->len;
		p->len += agl_tunnel_size(rule);
	}
	if (p->layers2 & AGL_KEY2_GENEVE_OPT) {
		p->opts = p->len;
		p->len += AGL_KEY_OPTS_MAX;
	}
}

static void put_head(const struct places *p, u32 port, bool mask, u8 *to)
{
	struct agl_key_meta *meta = (void *)to;

	meta->layers = p->layers;
	meta->mask_id = mask ? 0xff : 0;
	to += sizeof(*meta);
	if (p->layers & AGL_KEY_EXT) {
		put_unaligned_be32(p->layers2, to);
		to += sizeof(__be32);
	}
	put_unaligned_be32(mask ? ~0 : port, to);
}

static void put_fields(const struct places *p, const struct agl_rule *rule,
		       struct agl_image *image)
{
	const struct agl_field *f;

	agl_for_each_field(f, p->fields) {
		unsigned int at = p->at[f->layer] + f->layer_at;

		agl_field_copy(f, image->key + at, image->mask + at,
			       (const u8 *)&rule->key + f->at,
			       (const u8 *)&rule->mask + f->at);
	}
}

static u8 ip_flags(u8 frag, __be16 tcp_flags)
{
	u16 tcp = be16_to_cpu(tcp_flags);

	return (frag & AGL_FRAG_ANY ? AGL_IP_FRAGMENTED : 0) |
	       (frag & AGL_FRAG_FIRST ? AGL_IP_FRAG_FIRST : 0) |
	       (tcp & AGL_TCP_FIN ? AGL_IP_TCP_FIN : 0) |
	       (tcp & AGL_TCP_SYN ? AGL_IP_TCP_SYN : 0) |
	       (tcp & AGL_TCP_RST ? AGL_IP_TCP_RST : 0) |
	       (tcp & AGL_TCP_PSH ? AGL_IP_TCP_PSH : 0) |
	       (tcp & AGL_TCP_URG ? AGL_IP_TCP_URG : 0);
}

/* IPv6's are where IPv4's are; what has to be clear is so in the key already */
static void put_ip_flags(const struct places *p, const struct agl_rule *rule,
			 struct agl_image *image)
{
	struct agl_key_ipv4 *key, *mask;

	if (!p->at[AGL_LAYER_IP])
		return;
	key = (void *)(image->key + p->at[AGL_LAYER_IP]);
	mask = (void *)(image->mask + p->at[AGL_LAYER_IP]);
	key->flags = ip_flags(rule->key.frag, rule->key.tcp_flags);
	mask->flags = ip_flags(rule->mask.frag | rule->narrow.frag,
			       rule->mask.tcp_flags);
	mask->tos |= rule->narrow.tos;
}

/* "There is MPLS" is a bit of the entry that the card keeps for itself */
static void put_mpls(const struct places *p, const struct agl_rule *rule,
		     struct agl_image *image)
{
	unsigned int at = p->at[AGL_LAYER_MAC];

	if (!is_type(rule, ETH_P_MPLS_UC))
		return;
	at += offsetof(struct agl_key_mac, mpls) + sizeof(__be32) - 1;
	image->key[at] |= AGL_MPLS_Q;
	image->mask[at] |= AGL_MPLS_Q;
}

static void put_tag(enum agl_tag tag, __be16 key, __be16 mask, __be16 *to_key,
		    __be16 *to_mask)
{
	*to_key = key;
	*to_mask = mask;
	if (tag != AGL_TAG_ANY)
		*to_mask |= cpu_to_be16(AGL_TCI_PRESENT);
	if (tag == AGL_TAG_PRESENT)
		*to_key |= cpu_to_be16(AGL_TCI_PRESENT);
}

/* Firmware without the QINQ feature has the tag in the key's first word */
static void put_tci(const struct agl_rule *rule, struct agl_image *image)
{
	struct agl_key_meta *key = (void *)image->key;
	struct agl_key_meta *mask = (void *)image->mask;

	put_tag(rule->outer, rule->key.outer_tci, rule->mask.outer_tci,
		&key->tci, &mask->tci);
}

static void put_qinq(const struct places *p, const struct agl_rule *rule,
		     struct agl_image *image)
{
	struct agl_key_qinq *key = (void *)(image->key + p->at[AGL_LAYER_QINQ]);
	struct agl_key_qinq *mask = (void *)(image->mask + p->at[AGL_LAYER_QINQ]);

	key->outer_tpid = rule->key.outer_tpid;
	mask->outer_tpid = rule->mask.outer_tpid;
	key->inner_tpid = rule->key.inner_tpid;
	mask->inner_tpid = rule->mask.inner_tpid;
	put_tag(rule->outer, rule->key.outer_tci, rule->mask.outer_tci,
		&key->outer_tci, &mask->outer_tci);
	put_tag(rule->inner, rule->key.inner_tci, rule->mask.inner_tci,
		&key->inner_tci, &mask->inner_tci);
}

/* The card has zeros behind the options of a packet */
static void put_opts(const struct agl_rule *rule, u8 *key, u8 *mask)
{
	memcpy(key, rule->key.enc_opts, AGL_KEY_OPTS_MAX);
	memcpy(mask, rule->mask.enc_opts, AGL_KEY_OPTS_MAX);
	memset(mask + rule->narrow.opts_len, 0xff,
	       AGL_KEY_OPTS_MAX - rule->narrow.opts_len);
}

/**
 * agl_encode_match - build key and mask
 * @rule: what to match
 * @features: agreed with the firmware, AGL_FEAT_
 * @image: its key, mask and key_len are set
 *
 * Return: 0, -E2BIG if the key is longer than the firmware takes.
 */
int agl_encode_match(const struct agl_rule *rule, u64 features,
		     struct agl_image *image)
{
	struct places p = {};

	place_layers(rule, features, &p);
	if (p.len > AGL_KEY_LIMIT)
		return -E2BIG;
	image->key_len = p.len;
	memset(image->key, 0, p.len);
	memset(image->mask, 0, p.len);
	put_head(&p, rule->port, false, image->key);
	put_head(&p, rule->port, true, image->mask);
	put_fields(&p, rule, image);
	put_ip_flags(&p, rule, image);
	put_mpls(&p, rule, image);
	if (p.at[AGL_LAYER_QINQ])
		put_qinq(&p, rule, image);
	else
		put_tci(rule, image);
	if (p.tun)
		agl_tunnel_put(rule, image->key + p.tun, image->mask + p.tun);
	if (p.opts)
		put_opts(rule, image->key + p.opts, image->mask + p.opts);
	return 0;
}
