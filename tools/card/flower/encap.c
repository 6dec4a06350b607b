// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The outer headers of a packet that leaves through a tunnel.
 * 03-flower.md sections 5.3.3 and 9.8; 05-observed-behaviour.md section 2.3.
 */
#include "flower.h"

#define PROTO_UDP	17
#define PROTO_GRE	47
#define UDP_PORT_BASE	49152
#define IP4_HEADER	20
#define IP_DF		0x4000
#define GRE_KEY		0x2000

/* One port for an inner flow: a hash over its addresses and ports */
static uint16_t source_port(const uint8_t *p, size_t len)
{
	uint32_t h = 2166136261u;
	size_t i, from = 0, to = 12;
	struct l4_view v;

	l4_parse(p, len, &v);
	if (v.l3) {
		from = v.l3 + (v.version == 4 ? 12 : 8);
		to = from + (v.version == 4 ? 8 : 32);
		h ^= v.proto;
	}
	for (i = from; i < to; i++)
		h = (h ^ p[i]) * 16777619u;
	for (i = 0; !v.fragment && i < 4 && i < l4_len(&v); i++)
		h = (h ^ p[v.l4 + i]) * 16777619u;
	return UDP_PORT_BASE + ((h ^ h >> 16) & 0x3fff);
}

static size_t put_eth(const struct tunnel *t, uint8_t *p)
{
	size_t at = 12;

	memcpy(p, t->neigh->dst_mac, 6);
	memcpy(p + 6, t->neigh->src_mac, 6);
	if (t->set->tpid) {
		memcpy(p + at, &t->set->tpid, 2);
		memcpy(p + at + 2, &t->set->tci, 2);
		at += 4;
	}
	put_be16(p + at, t->neigh->v6 ? 0x86dd : 0x0800);
	return at + 2;
}

static size_t put_ip(struct card *card, const struct tunnel *t, uint8_t proto,
		     size_t payload, uint8_t *p)
{
	if (t->neigh->v6) {
		put_be32(p, 6u << 28 | (uint32_t)t->set->tos << 20);
		put_be16(p + 4, payload);
		p[6] = proto;
		p[7] = t->set->ttl;
		memcpy(p + 8, t->neigh->src, 16);
		memcpy(p + 24, t->neigh->dst, 16);
		return 40;
	}
	memset(p, 0, 20);
	p[0] = 0x45;
	p[1] = t->set->tos;
	put_be16(p + 2, 20 + payload);
	put_be16(p + 4, card->flower->tun.ip_id++);
	put_be16(p + 6, card->cfg.encap_df ? IP_DF : 0);
	p[8] = t->set->ttl;
	p[9] = proto;
	memcpy(p + 12, t->neigh->src, 4);
	memcpy(p + 16, t->neigh->dst, 4);
	return 20;
}

/* Return: bytes of the tunnel's own header */
static size_t put_tunnel(const struct tunnel *t, unsigned int type, uint8_t *p)
{
	uint32_t id = be64toh(t->set->id);

	memset(p, 0, 8);
	switch (type) {
	case AGL_TUN_VXLAN:
		p[0] = 0x08;
		put_be32(p + 4, id << 8);
		return 8;
	case AGL_TUN_GENEVE:
		p[0] = t->opts_len / 4;
		put_be16(p + 2, AGL_PROTO_TEB);
		put_be32(p + 4, id << 8);
		memcpy(p + 8, t->opts, t->opts_len);
		return 8 + t->opts_len;
	default:
		/* Never a checksum, asked for or not */
		put_be16(p + 2, AGL_PROTO_TEB);
		if (!(be16toh(t->set->flags) & AGL_TUN_FLAG_KEY))
			return 4;
		put_be16(p, GRE_KEY);
		put_be32(p + 4, id);
		return 8;
	}
}

/**
 * encap - put a packet into a tunnel
 * @card: the card
 * @t: the tunnel
 * @inner: the packet
 * @len: its length
 * @out: room for it and ENCAP_ROOM
 *
 * Return: length of the outer packet, 0 if it is longer than IP can say.
 */
size_t encap(struct card *card, const struct tunnel *t, const uint8_t *inner,
	     size_t len, uint8_t *out)
{
	unsigned int type = FIELD_GET(AGL_SET_TUNNEL_TYPE,
				      be32toh(t->set->type_index));
	bool udp = type != AGL_TUN_GRE;
	uint8_t head[8 + ENCAP_OPTS_MAX];
	size_t hl = put_tunnel(t, type, head), at;
	size_t payload = (udp ? 8 : 0) + hl + len;
	/* Its own bytes are not parsed: a TPID may be anything */
	struct l4_view v = {
		.version = t->neigh->v6 ? 6 : 4,
		.proto = udp ? PROTO_UDP : PROTO_GRE,
	};

	if (payload + IP4_HEADER > UINT16_MAX)
		return 0;
	v.l3 = put_eth(t, out);
	v.l4 = v.l3 + put_ip(card, t, v.proto, payload, out + v.l3);
	v.l4_end = v.l4 + payload;
	at = v.l4;
	if (udp) {
		put_be16(out + at, source_port(inner, len));
		put_be16(out + at + 2, type == AGL_TUN_VXLAN ? AGL_VXLAN_PORT :
							       AGL_GENEVE_PORT);
		put_be16(out + at + 4, payload);
		put_be16(out + at + 6, 0);
		at += 8;
	}
	memcpy(out + at, head, hl);
	memcpy(out + at + hl, inner, len);
	if (v.version == 4)
		csum_ip4_fill(out, &v);
	if (udp && be16toh(t->set->flags) & AGL_TUN_FLAG_CSUM)
		csum_l4_fill(out, &v);
	card->cnt.encaps++;
	return v.l4_end;
}
