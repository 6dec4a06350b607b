// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tunnel layers of a key, and the actions that send into a tunnel.
 * 03-flower.md sections 4.4, 5.3.3, 5.3.4 and 5.3.9.
 */
#include <net/ipv6.h>

#include "../abi/tunnel.h"
#include "../agilio.h"
#include "encode.h"

#define LW_SHIFT	2

static bool has_opts(const struct agl_rule *rule)
{
	return memchr_inv(rule->mask.enc_opts, 0, sizeof(rule->mask.enc_opts));
}

/**
 * agl_tunnel_layers - which layers a rule's tunnel is in
 * @rule: rule
 * @layers: bits are added
 * @layers2: likewise
 */
void agl_tunnel_layers(const struct agl_rule *rule, u8 *layers, u32 *layers2)
{
	if (!rule->tun)
		return;
	if (rule->tun == AGL_TUN_VXLAN)
		*layers |= AGL_KEY_VXLAN;
	else
		*layers2 |= rule->tun == AGL_TUN_GRE ? AGL_KEY2_GRE :
						       AGL_KEY2_GENEVE;
	if (rule->tun6)
		*layers2 |= AGL_KEY2_TUN_IPV6;
	if (has_opts(rule))
		*layers2 |= AGL_KEY2_GENEVE_OPT;
}

/**
 * agl_tunnel_size - bytes of a rule's tunnel layer
 * @rule: rule
 *
 * Return: the layer's size, without options.
 */
size_t agl_tunnel_size(const struct agl_rule *rule)
{
	if (rule->tun == AGL_TUN_GRE)
		return rule->tun6 ? sizeof(struct agl_key_gre6) :
				    sizeof(struct agl_key_gre4);
	return rule->tun6 ? sizeof(struct agl_key_udp6) :
			    sizeof(struct agl_key_udp4);
}

static u8 *put_addresses(const struct agl_fields *f, bool v6, u8 *to)
{
	if (v6) {
		memcpy(to, &f->enc_src6, sizeof(f->enc_src6));
		memcpy(to + 16, &f->enc_dst6, sizeof(f->enc_dst6));
		return to + 32;
	}
	memcpy(to, &f->enc_src, sizeof(f->enc_src));
	memcpy(to + 4, &f->enc_dst, sizeof(f->enc_dst));
	return to + 8;
}

static void put_udp(const struct agl_fields *f, u8 narrow, u8 *to)
{
	struct agl_key_udp_tun *t = (void *)to;

	t->tos = f->enc_tos | narrow;
	t->ttl = f->enc_ttl;
	t->vni = cpu_to_be32(FIELD_PREP(AGL_TUN_VNI, be32_to_cpu(f->enc_key)));
}

/* A key of 0 is matched like none at all: software can't tell them apart */
static void put_gre(const struct agl_fields *f, u8 narrow, bool key, bool proto,
		    u8 *to)
{
	struct agl_key_gre *g = (void *)to;

	g->flags = cpu_to_be16(key ? AGL_TUN_FLAG_KEY : 0);
	g->tos = f->enc_tos | narrow;
	g->ttl = f->enc_ttl;
	g->proto = cpu_to_be16(proto ? 0xffff : AGL_PROTO_TEB);
	g->key = f->enc_key;
}

/**
 * agl_tunnel_put - write a rule's tunnel layer
 * @rule: rule
 * @key: where the layer is in the key, all zero
 * @mask: likewise
 */
void agl_tunnel_put(const struct agl_rule *rule, u8 *key, u8 *mask)
{
	u8 narrow = rule->narrow.enc_tos;

	key = put_addresses(&rule->key, rule->tun6, key);
	mask = put_addresses(&rule->mask, rule->tun6, mask);
	if (rule->tun == AGL_TUN_GRE) {
		put_gre(&rule->key, 0, rule->key.enc_key, false, key);
		put_gre(&rule->mask, narrow, rule->key.enc_key, true, mask);
	} else {
		put_udp(&rule->key, 0, key);
		put_udp(&rule->mask, narrow, mask);
	}
}

/**
 * agl_encap_pre - the action that looks for the neighbour
 * @e: tunnel
 * @to: where it goes
 * @room: bytes there
 *
 * Return: bytes written, 0 if there is no room.
 */
size_t agl_encap_pre(const struct agl_encap *e, u8 *to, size_t room)
{
	struct agl_act_pre_tunnel *p = (void *)to;

	if (room < sizeof(*p))
		return 0;
	memset(p, 0, sizeof(*p));
	p->head.op = AGL_ACT_PRE_TUNNEL;
	p->head.len_lw = sizeof(*p) >> LW_SHIFT;
	p->flags = cpu_to_be16(e->v6 ? AGL_PRE_TUNNEL_IPV6 : 0);
	memcpy(p->dst, &e->dst, e->v6 ? sizeof(e->dst) : sizeof(__be32));
	return sizeof(*p);
}

static void put_option(u8 *to, const u8 *opt, size_t len)
{
	struct agl_act_push_geneve *g = (void *)to;

	memset(g, 0, sizeof(*g));
	g->head.op = AGL_ACT_PUSH_GENEVE;
	g->head.len_lw = (sizeof(struct agl_act_head) + sizeof(__be16) + len) >>
			 LW_SHIFT;
	/* Class, type, length and data are as on the wire */
	memcpy(to + sizeof(g->head) + sizeof(g->reserved), opt, len);
}

/*
 * The firmware pushes each option in front of those that are there: the last
 * one goes first.
 */
static size_t put_options(const struct agl_encap *e, u8 *to, size_t room)
{
	size_t done = 0, at, len, end = e->opts_len;

	while (end) {
		for (at = 0; ; at += len) {
			len = 4 + 4 * (e->opts[at + 3] & 0x1f);
			if (at + len >= end)
				break;
		}
		if (done + 4 + len > room)
			return 0;
		put_option(to + done, e->opts + at, len);
		done += 4 + len;
		end = at;
	}
	return done;
}

/**
 * agl_encap_set - the actions that say what the outer header is
 * @e: tunnel
 * @to: where they go
 * @room: bytes there
 *
 * Return: bytes written, 0 if there is no room.
 */
size_t agl_encap_set(const struct agl_encap *e, u8 *to, size_t room)
{
	size_t opts = put_options(e, to, room);
	struct agl_act_set_tunnel *t = (void *)(to + opts);

	if ((e->opts_len && !opts) || opts + sizeof(*t) > room)
		return 0;
	memset(t, 0, sizeof(*t));
	t->head.op = AGL_ACT_SET_TUNNEL;
	t->head.len_lw = sizeof(*t) >> LW_SHIFT;
	t->id = cpu_to_be64(e->has_key ? be32_to_cpu(e->key) : 0);
	t->type_index = cpu_to_be32(FIELD_PREP(AGL_SET_TUNNEL_TYPE, e->type));
	/* The card's GRE has no checksum, 05-observed-behaviour.md section 2.3 */
	t->flags = cpu_to_be16((e->csum && e->type != AGL_TUN_GRE ?
				AGL_TUN_FLAG_CSUM : 0) |
			       (e->has_key ? AGL_TUN_FLAG_KEY : 0) |
			       (e->opts_len ? AGL_TUN_FLAG_GENEVE_OPT : 0));
	t->ttl = e->ttl;
	t->tos = e->tos;
	t->tpid = e->tpid;
	t->tci = e->tci;
	t->opt_lw = e->opts_len >> LW_SHIFT;
	if (e->type == AGL_TUN_GENEVE)
		t->proto = cpu_to_be16(AGL_PROTO_TEB);
	return opts + sizeof(*t);
}
