// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a frame to its key. 03-flower.md sections 4 and 9.3.
 */
#include "flower.h"

#define ETH_VLAN	0x8100
#define ETH_QINQ	0x88a8
#define ETH_MPLS	0x8847
#define ETH_MPLS_MC	0x8848
#define ETH_IPV4	0x0800
#define ETH_IPV6	0x86dd
#define PROTO_TCP	6
#define PROTO_UDP	17
#define PROTO_SCTP	132
#define TCP_FIN_SYN_RST	0x07

struct cursor {
	const uint8_t *frame;
	size_t len;
	size_t at;
};

static bool has(const struct cursor *c, size_t n)
{
	return c->at + n <= c->len;
}

static bool is_vlan(uint16_t type)
{
	return type == ETH_VLAN || type == ETH_QINQ;
}

/* Return: the ethertype behind the tags that are parsed */
static uint16_t parse_tags(struct cursor *c, unsigned int max,
			   struct packet_key *k)
{
	uint16_t type = get_be16(c->frame + 12);
	unsigned int n;

	c->at = 14;
	for (n = 0; n < max && is_vlan(type) && has(c, 4); n++) {
		uint16_t tci = get_be16(c->frame + c->at) | AGL_TCI_PRESENT;

		if (!n) {
			k->tci = tci;
			k->qinq.outer_tpid = htobe16(type);
			k->qinq.outer_tci = htobe16(tci);
		} else {
			k->qinq.inner_tpid = htobe16(type);
			k->qinq.inner_tci = htobe16(tci);
		}
		type = get_be16(c->frame + c->at + 2);
		c->at += 4;
	}
	return type;
}

/* Ports and TCP flags. Return: the flag bits of the IP layer */
static uint8_t parse_l4(struct cursor *c, uint8_t proto, struct packet_key *k)
{
	uint8_t flags = 0, tcp;

	if (proto != PROTO_TCP && proto != PROTO_UDP && proto != PROTO_SCTP)
		return 0;
	if (!has(c, 4))
		return 0;
	k->tp.src = htobe16(get_be16(c->frame + c->at));
	k->tp.dst = htobe16(get_be16(c->frame + c->at + 2));
	if (proto != PROTO_TCP || !has(c, 14))
		return 0;
	tcp = c->frame[c->at + 13];
	if (tcp & 0x01)
		flags |= AGL_IP_TCP_FIN;
	if (tcp & 0x02)
		flags |= AGL_IP_TCP_SYN;
	if (tcp & 0x04)
		flags |= AGL_IP_TCP_RST;
	/* The fast path shows these only beside one of the others */
	if (tcp & TCP_FIN_SYN_RST && tcp & 0x08)
		flags |= AGL_IP_TCP_PSH;
	if (tcp & TCP_FIN_SYN_RST && tcp & 0x20)
		flags |= AGL_IP_TCP_URG;
	return flags;
}

static void parse_ipv4(struct cursor *c, struct packet_key *k)
{
	const uint8_t *ip = c->frame + c->at;
	uint16_t frag;
	size_t hl;

	if (!has(c, 20) || ip[0] >> 4 != 4)
		return;
	hl = 4 * (ip[0] & 15);
	if (hl < 20 || !has(c, hl))
		return;
	frag = get_be16(ip + 6);
	k->layers |= AGL_KEY_IPV4 | AGL_KEY_TP;
	k->ip4.tos = ip[1];
	k->ip4.ttl = ip[8];
	k->ip4.proto = ip[9];
	memcpy(&k->ip4.src, ip + 12, 4);
	memcpy(&k->ip4.dst, ip + 16, 4);
	if (frag & 0x3fff)
		k->ip4.flags |= AGL_IP_FRAGMENTED;
	if (frag & 0x2000 && !(frag & 0x1fff))
		k->ip4.flags |= AGL_IP_FRAG_FIRST;
	c->at += hl;
	if (!(frag & 0x1fff))
		k->ip4.flags |= parse_l4(c, k->ip4.proto, k);
}

/* Return: whether ports follow; the upper protocol goes to @proto */
static bool parse_ext(struct cursor *c, uint8_t *proto, uint8_t *flags)
{
	while (has(c, 8)) {
		const uint8_t *h = c->frame + c->at;

		if (*proto == 44) {
			uint16_t frag = get_be16(h + 2);

			*flags |= AGL_IP_FRAGMENTED;
			*proto = h[0];
			c->at += 8;
			if (frag & 0xfff8)
				return false;
			if (frag & 1)
				*flags |= AGL_IP_FRAG_FIRST;
		} else if (*proto == 0 || *proto == 43 || *proto == 60) {
			*proto = h[0];
			c->at += 8 * (h[1] + 1);
		} else {
			return true;
		}
	}
	return has(c, 0);
}

static void parse_ipv6(struct cursor *c, struct packet_key *k)
{
	const uint8_t *ip = c->frame + c->at;

	if (!has(c, 40) || ip[0] >> 4 != 6)
		return;
	k->layers |= AGL_KEY_IPV6 | AGL_KEY_TP;
	k->ip6.tos = get_be16(ip) >> 4;
	k->ip6.proto = ip[6];
	k->ip6.ttl = ip[7];
	memcpy(k->ip6.src, ip + 8, 16);
	memcpy(k->ip6.dst, ip + 24, 16);
	c->at += 40;
	if (parse_ext(c, &k->ip6.proto, &k->ip6.flags))
		k->ip6.flags |= parse_l4(c, k->ip6.proto, k);
}

static void parse_mpls(struct cursor *c, struct packet_key *k)
{
	uint32_t lse = has(c, 4) ? get_be32(c->frame + c->at) : 0;

	lse &= AGL_MPLS_LABEL | AGL_MPLS_TC | AGL_MPLS_BOS;
	k->mac.mpls = htobe32(lse | AGL_MPLS_Q);
}

void key_extract(struct card *card, uint32_t in_port, const uint8_t *frame,
		 size_t len, struct packet_key *key)
{
	struct cursor c = { .frame = frame, .len = len };
	bool qinq = card->flower->features & AGL_FEAT_VLAN_QINQ;
	uint16_t type;

	memset(key, 0, sizeof(*key));
	key->in_port = in_port;
	key->qinq_ok = qinq;
	key->layers = AGL_KEY_EXT | AGL_KEY_PORT | AGL_KEY_MAC;
	key->layers2 = qinq ? AGL_KEY2_QINQ : 0;
	memcpy(key->mac.dst, frame, 6);
	memcpy(key->mac.src, frame + 6, 6);
	type = parse_tags(&c, qinq ? 2 : 1, key);
	if (type == ETH_MPLS || type == ETH_MPLS_MC)
		parse_mpls(&c, key);
	else if (type == ETH_IPV4)
		parse_ipv4(&c, key);
	else if (type == ETH_IPV6)
		parse_ipv6(&c, key);
}

static const struct {
	uint8_t layer;
	uint8_t size;
	size_t offset;
} layout[] = {
	{ AGL_KEY_MAC, sizeof(struct agl_key_mac), offsetof(struct packet_key, mac) },
	{ AGL_KEY_TP, sizeof(struct agl_key_tp), offsetof(struct packet_key, tp) },
	{ AGL_KEY_IPV4, sizeof(struct agl_key_ipv4), offsetof(struct packet_key, ip4) },
	{ AGL_KEY_IPV6, sizeof(struct agl_key_ipv6), offsetof(struct packet_key, ip6) },
};

#define TUNNELS		(AGL_KEY2_GRE | AGL_KEY2_GENEVE)
#define KNOWN2		(TUNNELS | AGL_KEY2_QINQ | AGL_KEY2_GENEVE_OPT | \
			 AGL_KEY2_TUN_IPV6)

/* Return: bytes of the tunnel's layer, without options */
static size_t tunnel_length(uint8_t layers, uint32_t layers2)
{
	bool v6 = layers2 & AGL_KEY2_TUN_IPV6;

	if (layers2 & AGL_KEY2_GRE)
		return v6 ? sizeof(struct agl_key_gre6) : sizeof(struct agl_key_gre4);
	if (layers & AGL_KEY_VXLAN || layers2 & AGL_KEY2_GENEVE)
		return v6 ? sizeof(struct agl_key_udp6) : sizeof(struct agl_key_udp4);
	return 0;
}

/* Layers that say the same in two ways, or something about nothing */
static bool layers_clash(uint8_t layers, uint32_t layers2)
{
	unsigned int n = !!(layers & AGL_KEY_VXLAN) + !!(layers2 & AGL_KEY2_GRE) +
			 !!(layers2 & AGL_KEY2_GENEVE);

	if (layers & AGL_KEY_IPV4 && layers & AGL_KEY_IPV6)
		return true;
	if (layers2 & AGL_KEY2_GENEVE_OPT && !(layers2 & AGL_KEY2_GENEVE))
		return true;
	return n > 1 || (!n && layers2 & AGL_KEY2_TUN_IPV6);
}

size_t key_length(const uint8_t *mask, size_t len)
{
	uint8_t layers = mask[0];
	size_t at = sizeof(struct agl_key_meta);
	uint32_t layers2 = 0;
	unsigned int i;

	if (len < at || layers & AGL_KEY_CT)
		return 0;
	if (layers & AGL_KEY_EXT) {
		if (len < at + 4)
			return 0;
		layers2 = get_be32(mask + at);
		at += 4;
	}
	if (layers2 & ~KNOWN2 || layers_clash(layers, layers2))
		return 0;
	if (layers & AGL_KEY_PORT)
		at += 4;
	for (i = 0; i < ARRAY_SIZE(layout); i++)
		if (layers & layout[i].layer)
			at += layout[i].size;
	if (layers2 & AGL_KEY2_QINQ)
		at += sizeof(struct agl_key_qinq);
	at += tunnel_length(layers, layers2);
	if (layers2 & AGL_KEY2_GENEVE_OPT)
		at += AGL_KEY_OPTS_MAX;
	return at <= len ? at : 0;
}

bool key_build(const struct packet_key *key, const uint8_t *mask, uint8_t *out)
{
	uint8_t layers = mask[0];
	uint32_t layers2 = 0;
	uint8_t *p = out;
	unsigned int i;
	size_t tun;

	if (layers & AGL_KEY_EXT)
		layers2 = get_be32(mask + 4);
	if (layers & ~key->layers || layers2 & ~key->layers2)
		return false;
	/* The families of outer headers lay their tunnels out differently */
	tun = tunnel_length(layers, layers2);
	if (tun && tun != key->tun_len)
		return false;
	p[0] = layers;
	p[1] = 0;
	put_be16(p + 2, key->qinq_ok ? 0 : key->tci);
	p += 4;
	if (layers & AGL_KEY_EXT) {
		put_be32(p, layers2);
		p += 4;
	}
	if (layers & AGL_KEY_PORT) {
		put_be32(p, key->in_port);
		p += 4;
	}
	for (i = 0; i < ARRAY_SIZE(layout); i++) {
		if (!(layers & layout[i].layer))
			continue;
		memcpy(p, (const uint8_t *)key + layout[i].offset, layout[i].size);
		p += layout[i].size;
	}
	if (layers2 & AGL_KEY2_QINQ) {
		memcpy(p, &key->qinq, sizeof(key->qinq));
		p += sizeof(key->qinq);
	}
	memcpy(p, key->tun, tun);
	p += tun;
	if (layers2 & AGL_KEY2_GENEVE_OPT)
		memcpy(p, key->opts, sizeof(key->opts));
	return true;
}
