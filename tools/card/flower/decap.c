// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Is this packet for a tunnel that ends here, and what is in it?
 * 03-flower.md sections 4.4 and 9.6.
 */
#include "flower.h"

#define PROTO_UDP	17
#define PROTO_GRE	47
#define VXLAN_HAS_VNI	0x08
#define GRE_CSUM	0x8000
#define GRE_KEY		0x2000
#define GRE_SEQ		0x1000
#define GRE_VERSION	0x0007
#define GRE_ROUTING	0x4000

/* The outer headers as far as they have been read */
struct outer {
	const uint8_t *frame;
	size_t len;		/* to the end of the IP packet: no padding */
	size_t at;		/* behind what has been read */
	bool v6;
	const uint8_t *src;
	const uint8_t *dst;
	uint8_t tos;
	uint8_t ttl;
	uint16_t tags;
	uint16_t tpid;
	uint16_t tci;
};

static bool left(const struct outer *o, size_t n)
{
	return o->at + n <= o->len;
}

static bool read_ip(struct outer *o, const struct l4_view *v)
{
	const uint8_t *ip = o->frame + v->l3;

	if (!v->l4 || v->fragment)
		return false;
	o->v6 = v->version == 6;
	if (o->v6) {
		o->tos = get_be16(ip) >> 4;
		o->ttl = ip[7];
		o->src = ip + 8;
		o->dst = ip + 24;
	} else {
		if (!csum_ip4_ok(o->frame, v))
			return false;
		o->tos = ip[1];
		o->ttl = ip[8];
		o->src = ip + 12;
		o->dst = ip + 16;
	}
	o->tags = (v->l3 - 14) / 4;
	o->tpid = o->tags ? get_be16(o->frame + 12) : AGL_NEIGH_NO_TAG;
	o->tci = o->tags ? get_be16(o->frame + 14) & ~AGL_TCI_PRESENT :
			   AGL_NEIGH_NO_TAG;
	o->len = v->l4_end;
	o->at = v->l4;
	return true;
}

static void put_udp_key(const struct outer *o, struct packet_key *k, uint32_t vni)
{
	struct agl_key_udp_tun tun = {
		.tos = o->tos, .ttl = o->ttl, .vni = htobe32(vni),
	};
	size_t addr = o->v6 ? 16 : 4;

	memcpy(k->tun, o->src, addr);
	memcpy(k->tun + addr, o->dst, addr);
	memcpy(k->tun + 2 * addr, &tun, sizeof(tun));
	k->tun_len = 2 * addr + sizeof(tun);
}

static bool read_vxlan(struct outer *o, struct packet_key *k)
{
	const uint8_t *h = o->frame + o->at;

	if (!left(o, 8) || !(h[0] & VXLAN_HAS_VNI))
		return false;
	put_udp_key(o, k, get_be32(h + 4) & AGL_TUN_VNI);
	k->layers |= AGL_KEY_VXLAN;
	o->at += 8;
	return true;
}

static bool read_geneve(struct card *card, struct outer *o, struct packet_key *k)
{
	const uint8_t *h = o->frame + o->at;
	size_t opts, most = o->v6 ? AGL_KEY_OPTS6_MAX : AGL_KEY_OPTS_MAX;

	if (!left(o, 8) || h[0] >> 6 || get_be16(h + 2) != AGL_PROTO_TEB ||
	    !(card->flower->features & AGL_FEAT_GENEVE))
		return false;
	opts = 4 * (h[0] & 0x3f);
	if (!left(o, 8 + opts))
		return false;
	memcpy(k->opts, h + 8, opts < most ? opts : most);
	put_udp_key(o, k, get_be32(h + 4) & AGL_TUN_VNI);
	k->layers2 |= AGL_KEY2_GENEVE;
	if (card->flower->features & AGL_FEAT_GENEVE_OPT)
		k->layers2 |= AGL_KEY2_GENEVE_OPT;
	o->at += 8 + opts;
	return true;
}

static bool read_gre(struct outer *o, struct packet_key *k)
{
	const uint8_t *h = o->frame + o->at;
	struct agl_key_gre gre = { .tos = o->tos, .ttl = o->ttl };
	size_t need = 4, addr = o->v6 ? 16 : 4;
	uint16_t flags;

	if (!left(o, 4))
		return false;
	flags = get_be16(h);
	if (flags & (GRE_VERSION | GRE_ROUTING) || get_be16(h + 2) != AGL_PROTO_TEB)
		return false;
	need += flags & GRE_CSUM ? 4 : 0;
	if (flags & GRE_KEY && left(o, need + 4)) {
		gre.flags = htobe16(AGL_TUN_FLAG_KEY);
		memcpy(&gre.key, h + need, 4);
	}
	need += flags & GRE_KEY ? 4 : 0;
	need += flags & GRE_SEQ ? 4 : 0;
	gre.proto = htobe16(AGL_PROTO_TEB);
	if (!left(o, need))
		return false;
	memcpy(k->tun, o->src, addr);
	memcpy(k->tun + addr, o->dst, addr);
	memcpy(k->tun + 2 * addr, &gre, sizeof(gre));
	k->tun_len = 2 * addr + sizeof(gre);
	k->layers2 |= AGL_KEY2_GRE;
	o->at += need;
	return true;
}

/* Return: type of the tunnel, 0 if it is none */
static unsigned int read_tunnel(struct card *card, struct outer *o, uint8_t proto,
				struct packet_key *k)
{
	uint16_t port;

	if (proto == PROTO_GRE)
		return read_gre(o, k) ? AGL_TUN_GRE : 0;
	if (proto != PROTO_UDP || !left(o, 8))
		return 0;
	port = get_be16(o->frame + o->at + 2);
	o->at += 8;
	if (port == AGL_VXLAN_PORT)
		return read_vxlan(o, k) ? AGL_TUN_VXLAN : 0;
	if (port == AGL_GENEVE_PORT)
		return read_geneve(card, o, k) ? AGL_TUN_GENEVE : 0;
	return 0;
}

static bool vlan_agrees(struct card *card, const struct neigh *n,
			const struct outer *o)
{
	if (n->tci != o->tci)
		return false;
	return !(card->flower->features & AGL_FEAT_VLAN_QINQ) || n->tpid == o->tpid;
}

/* Return: what counts the packets that are let through, NULL: not let through */
static struct tally *pre_tunnel(struct card *card, uint16_t index,
				const struct outer *o)
{
	struct pre_tun *pre;
	struct neigh *n;

	if (o->tags > 1)
		return NULL;
	if (!(card->flower->features & AGL_FEAT_DECAP_V2)) {
		pre = pre_tun_find(card, index | (o->v6 ? AGL_MAC_IDX_IPV6 : 0),
				   o->tci);
		return pre ? &pre->tally : NULL;
	}
	n = neigh_find(card, o->v6, o->src);
	if (!n || !n->linked || memcmp(n->dst_mac, o->frame + 6, 6) ||
	    memcmp(n->src_mac, o->frame, 6) || !vlan_agrees(card, n, o))
		return NULL;
	return &n->tally;
}

static bool mac_is_ours(struct card *card, uint32_t in_port, const struct outer *o,
			uint16_t *index)
{
	if (!tunnel_mac(card, o->frame, index))
		return false;
	switch (FIELD_GET(AGL_MAC_IDX_KIND, *index)) {
	case AGL_MAC_KIND_PORT:
		return in_port == AGL_PORT_PHYS(FIELD_GET(AGL_MAC_IDX_NUMBER,
							  *index));
	case AGL_MAC_KIND_GLOBAL:
		return true;
	default:
		return false;
	}
}

bool decap(struct card *card, uint32_t in_port, const uint8_t *frame, size_t len,
	   struct decapped *d)
{
	struct outer o = { .frame = frame, .len = len };
	struct packet_key tun = {};
	struct tally *tally;
	struct l4_view v;
	unsigned int type;
	uint16_t index;

	l4_parse(frame, len, &v);
	if ((v.proto != PROTO_UDP && v.proto != PROTO_GRE) || !read_ip(&o, &v))
		return false;
	if (o.v6 && !(card->flower->features & AGL_FEAT_IPV6_TUN))
		return false;
	if (!tunnel_ip(card, o.v6, o.dst) || !mac_is_ours(card, in_port, &o, &index))
		return false;
	type = read_tunnel(card, &o, v.proto, &tun);
	if (!type || !left(&o, 14))
		return false;
	if (index & AGL_MAC_IDX_PRE_TUN) {
		tally = pre_tunnel(card, index, &o);
		if (!tally)
			return false;
		/* With the inner rule's hit or without it, 05 section 2.2 */
		stats_count(card, tally, len);
	}
	d->frame = frame + o.at;
	d->len = o.len - o.at;
	key_extract(card, AGL_PORT_TUNNEL(type), d->frame, d->len, &d->key);
	d->key.layers |= tun.layers;
	d->key.layers2 |= tun.layers2 | (o.v6 ? AGL_KEY2_TUN_IPV6 : 0);
	memcpy(d->key.tun, tun.tun, sizeof(tun.tun));
	memcpy(d->key.opts, tun.opts, sizeof(tun.opts));
	d->key.tun_len = tun.tun_len;
	card->cnt.decaps++;
	return true;
}
