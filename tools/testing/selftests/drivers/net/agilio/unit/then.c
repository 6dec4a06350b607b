// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rule then rule, against an interpreter of packets: what random rules do one
 * after the other must be what the one rule does that is made of them, for
 * every packet. The interpreter knows lists of tags and labels, not the
 * driver's idea of what moves where.
 */
#include "kernel.h"
#include "rule/then.h"

#define SETS		60000
#define PACKETS		40
#define STEPS_MAX	4
#define ACTIONS_MAX	16
#define TAGS_MAX	16
#define OUTS_MAX	64
#define TUNNEL		0x50000000u
#define FIELDS_INNER	offsetof(struct agl_fields, ip_proto)
#define FIELDS_ENC	offsetof(struct agl_fields, enc_key)

struct tag {
	u16 tpid;
	u16 tci;
};

/* Numbers as people say them; @in: header fields as on the wire, MACs to IPv6 */
struct packet {
	u8 dst[6];
	u8 src[6];
	unsigned int tags;
	struct tag tag[TAGS_MAX];
	unsigned int labels;
	u32 label[TAGS_MAX];
	u16 type;
	u8 proto;
	u8 class;
	u8 ttl;
	u8 frag;
	u16 flags;
	u16 sport;
	u16 dport;
	u8 saddr[16];
	u8 daddr[16];
	u32 flow;
	bool meta;
	bool into;
	bool meta6;
	struct agl_fields enc;
	u8 enc_opts_len;
	u8 enc_flags;
};

struct out {
	u32 port;
	struct packet packet;
	struct agl_encap encap;
};

struct outs {
	unsigned int count;
	struct out out[OUTS_MAX];
};

struct rule {
	struct agl_rule rule;
	struct agl_action room[STEPS_MAX * ACTIONS_MAX];
};

static unsigned int tests, failed;
static u64 state = 1;

static void check(bool ok, const char *what)
{
	printf("%s - then: %s\n", ok ? "ok" : "not ok", what);
	tests++;
	failed += !ok;
}

static u32 pick(u32 below)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (state >> 33) % below;
}

static bool chance(u32 percent)
{
	return pick(100) < percent;
}

/* A packet as a filter sees it */
static void view(const struct packet *p, struct agl_fields *f)
{
	u16 type = p->labels ? ETH_P_MPLS_UC : p->type;

	memset(f, 0, sizeof(*f));
	memcpy(f->dst_mac, p->dst, 6);
	memcpy(f->src_mac, p->src, 6);
	f->tag_count = p->tags;
	f->eth_type = htons(p->tags > 2 ? p->tag[2].tpid : type);
	if (p->tags > 0) {
		f->outer_tpid = htons(p->tag[0].tpid);
		f->outer_tci = htons(p->tag[0].tci);
	}
	if (p->tags > 1) {
		f->inner_tpid = htons(p->tag[1].tpid);
		f->inner_tci = htons(p->tag[1].tci);
	}
	if (p->meta) {
		memcpy(&f->enc_key, &p->enc.enc_key, sizeof(*f) - FIELDS_ENC);
		memset(p->meta6 ? (void *)&f->enc_src : &f->enc_src6, 0,
		       p->meta6 ? 8 : 32);
	}
	if (p->tags > 2)
		return;
	if (p->labels) {
		f->lse = htonl(p->label[0]);
		f->lses = 1;
		return;
	}
	if (type != ETH_P_IP && type != ETH_P_IPV6)
		return;
	f->ip_proto = p->proto;
	f->tos = p->class;
	f->ttl = p->ttl;
	f->frag = p->frag;
	if (type == ETH_P_IP) {
		memcpy(&f->src, p->saddr, 4);
		memcpy(&f->dst, p->daddr, 4);
	} else {
		memcpy(&f->src6, p->saddr, 16);
		memcpy(&f->dst6, p->daddr, 16);
	}
	f->sport = htons(p->sport);
	f->dport = htons(p->dport);
	f->tcp_flags = htons(p->flags);
}

static bool tag_fits(enum agl_tag want, bool there)
{
	return want == AGL_TAG_ANY || there == (want == AGL_TAG_PRESENT);
}

static bool fields_fit(const struct agl_fields *key, const struct agl_fields *mask,
		       const struct packet *p)
{
	struct agl_fields f;
	unsigned int i;

	view(p, &f);
	for (i = 0; i < sizeof(f); i++)
		if ((((u8 *)&f)[i] ^ ((const u8 *)key)[i]) & ((const u8 *)mask)[i])
			return false;
	return true;
}

static bool has_ends(const struct agl_fields *m)
{
	return memchr_inv(&m->enc_src, 0, 40);
}

static bool fits(const struct agl_rule *r, const struct packet *p)
{
	if (!tag_fits(r->outer, p->tags > 0) || !tag_fits(r->inner, p->tags > 1))
		return false;
	if (has_ends(&r->mask) && (!p->meta || p->meta6 != r->tun6))
		return false;
	if (r->narrow.opts_len &&
	    (!p->meta || r->narrow.opts_len != p->enc_opts_len))
		return false;
	if (((p->meta ? p->enc_flags : 0) ^ r->ignored) & r->ignored >> 8)
		return false;
	return fields_fit(&r->key, &r->mask, p);
}

/* Is it a packet that the card takes of those that match? */
static bool takes(const struct agl_rule *r, const struct packet *p)
{
	struct agl_fields f;

	view(p, &f);
	return !(f.frag & r->narrow.frag) && !(f.tos & r->narrow.tos);
}

/* Likewise of the layout that all matches have */
static bool match_fits(const struct agl_match *key, const struct agl_match *mask,
		       const struct packet *p)
{
	u8 tags = (p->tags > 0 ? 1 : 0) | (p->tags > 1 ? 2 : 0) |
		  (p->meta && p->meta6 ? 4 : 0);

	if (mask->tags & 4 && !p->meta)
		return false;
	return !((tags ^ key->tags) & mask->tags) &&
	       fields_fit(&key->fields, &mask->fields, p);
}

static void mix(void *to, const void *value, const void *mask, size_t len)
{
	u8 *t = to;
	const u8 *v = value, *m = mask;

	for (; len--; t++, v++, m++)
		*t = (*t & ~*m) | (*v & *m);
}

static void mix16(u16 *to, __be16 value, __be16 mask)
{
	*to = (*to & ~ntohs(mask)) | (ntohs(value) & ntohs(mask));
}

static void edit(struct packet *p, const struct agl_action *a)
{
	const struct agl_fields *v = &a->set.value, *m = &a->set.mask;
	u32 word, bits;

	mix(p->dst, v->dst_mac, m->dst_mac, 6);
	mix(p->src, v->src_mac, m->src_mac, 6);
	mix(&p->ttl, &v->ttl, &m->ttl, 1);
	mix(&p->class, &v->tos, &m->tos, 1);
	if (a->set.type == htons(ETH_P_IP)) {
		mix(p->saddr, &v->src, &m->src, 4);
		mix(p->daddr, &v->dst, &m->dst, 4);
	} else if (a->set.type == htons(ETH_P_IPV6)) {
		mix(p->saddr, &v->src6, &m->src6, 16);
		mix(p->daddr, &v->dst6, &m->dst6, 16);
		bits = ntohl(m->class_label);
		word = ((u32)p->class << 20 | p->flow);
		word = (word & ~bits) | (ntohl(v->class_label) & bits);
		p->class = word >> 20;
		p->flow = word & 0xfffff;
	}
	mix16(&p->sport, v->sport, m->sport);
	mix16(&p->dport, v->dport, m->dport);
}

static void emit(struct outs *o, u32 port, const struct packet *p,
		 const struct agl_rule *r)
{
	struct out *to = &o->out[o->count++];

	if (o->count > OUTS_MAX)
		abort();
	memset(to, 0, sizeof(*to));
	to->port = port;
	to->packet = *p;
	/* What a packet knows of tunnels is not on the wire */
	memset(&to->packet.meta, 0, sizeof(*p) - offsetof(struct packet, meta));
	if (port >= TUNNEL)
		to->encap = r->encap;
}

static void act(const struct agl_rule *r, const struct agl_action *a,
		struct packet *p, struct outs *o)
{
	switch (a->type) {
	case AGL_DROP:
		break;
	case AGL_REDIRECT:
	case AGL_MIRROR:
		/* The card gives whatever comes later the tunnel's header */
		emit(o, a->port + (p->into && a->port < TUNNEL ? 1000 : 0), p, r);
		break;
	case AGL_PUSH_VLAN:
		memmove(p->tag + 1, p->tag, sizeof(p->tag) - sizeof(*p->tag));
		p->tag[0] = (struct tag){ ntohs(a->vlan.tpid), ntohs(a->vlan.tci) };
		p->tags++;
		break;
	case AGL_POP_VLAN:
		if (!p->tags--)
			abort();
		memmove(p->tag, p->tag + 1, sizeof(p->tag) - sizeof(*p->tag));
		memset(&p->tag[TAGS_MAX - 1], 0, sizeof(*p->tag));
		break;
	case AGL_PUSH_MPLS:
		memmove(p->label + 1, p->label, sizeof(p->label) - sizeof(*p->label));
		p->label[0] = ntohl(a->mpls.lse);
		p->labels++;
		break;
	case AGL_POP_MPLS:
		if (!p->labels--)
			abort();
		memmove(p->label, p->label + 1, sizeof(p->label) - sizeof(*p->label));
		p->label[TAGS_MAX - 1] = 0;
		/* It is what the action says, whatever it was */
		if (a->mpls.type == htons(ETH_P_MPLS_UC)) {
			p->labels += !p->labels;
		} else {
			memset(p->label, 0, sizeof(p->label));
			p->labels = 0;
			p->type = ntohs(a->mpls.type);
		}
		break;
	case AGL_SET_MPLS:
		p->label[0] = (p->label[0] & ~ntohl(a->mpls.mask)) |
			      (ntohl(a->mpls.lse) & ntohl(a->mpls.mask));
		break;
	case AGL_SET:
		edit(p, a);
		break;
	case AGL_ENCAP:
		p->meta = true;
		p->into = true;
		p->meta6 = r->encap.v6;
		memset(&p->enc, 0, sizeof(p->enc));
		p->enc.enc_key = r->encap.key;
		memcpy(r->encap.v6 ? (void *)&p->enc.enc_dst6 : &p->enc.enc_dst,
		       &r->encap.dst, r->encap.v6 ? 16 : 4);
		p->enc_opts_len = 0;
		p->enc_flags = 0;
		break;
	}
}

static void run(const struct agl_rule *r, struct packet *p, struct outs *o)
{
	unsigned int i;

	if (r->unset)
		p->meta = false;
	for (i = 0; i < r->actions; i++)
		act(r, &r->action[i], p, o);
}

/* Small worlds, so that values meet */
static u16 some_tci(void)
{
	return pick(2) << 13 | (1 + pick(3));
}

static u16 some_tpid(void)
{
	return chance(80) ? ETH_P_8021Q : ETH_P_8021AD;
}

static u32 some_lse(void)
{
	return (16 + pick(3)) << 12 | pick(2) << 9 | pick(2) << 8 | 64;
}

static void some_bytes(u8 *to, size_t len)
{
	while (len--)
		*to++ = pick(4) * 0x51;
}

static void some_packet(struct packet *p, bool meta)
{
	static const u16 types[] = { ETH_P_IP, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP };
	unsigned int i;

	memset(p, 0, sizeof(*p));
	some_bytes(p->dst, 6);
	some_bytes(p->src, 6);
	p->tags = chance(50) ? 0 : pick(4);
	for (i = 0; i < p->tags; i++)
		p->tag[i] = (struct tag){ some_tpid(), some_tci() };
	p->labels = chance(75) ? 0 : 1 + pick(2);
	for (i = 0; i < p->labels; i++)
		p->label[i] = some_lse();
	p->type = types[pick(4)];
	p->proto = chance(50) ? 6 : 17;
	p->class = pick(4) << 2 | pick(4);
	p->ttl = 62 + pick(3);
	p->frag = chance(85) ? 0 : 1 + 2 * pick(2);
	p->flags = p->proto == 6 ? pick(8) : 0;
	p->sport = 1000 + pick(3);
	p->dport = 1000 + pick(3);
	some_bytes(p->saddr, 16);
	some_bytes(p->daddr, 16);
	p->flow = pick(3);
	p->meta = meta;
	p->meta6 = meta && chance(40);
	some_bytes((u8 *)&p->enc.enc_key, sizeof(p->enc) - FIELDS_ENC);
	p->enc_opts_len = 4 * pick(3);
	p->enc.enc_flags = 0;
	p->enc_flags = pick(4);
}

/* A packet that is like another but for something */
static void vary(struct packet *p)
{
	struct packet other;
	unsigned int i;

	some_packet(&other, p->meta);
	switch (pick(12)) {
	case 0:
		p->dst[pick(6)] = other.dst[0];
		break;
	case 1:
		p->tags = other.tags;
		memcpy(p->tag, other.tag, sizeof(p->tag));
		break;
	case 2:
		/* What the card can't see of tags */
		if (p->tags < 2)
			break;
		p->tags = 2 + pick(3);
		memset(p->tag + 2, 0, sizeof(p->tag) - 2 * sizeof(*p->tag));
		for (i = 2; i < p->tags; i++)
			p->tag[i] = (struct tag){ some_tpid(), some_tci() };
		break;
	case 3:
		p->labels = other.labels;
		memcpy(p->label, other.label, sizeof(p->label));
		break;
	case 4:
		p->type = other.type;
		break;
	case 5:
		p->proto = other.proto;
		break;
	case 6:
		p->class = other.class;
		break;
	case 7:
		p->ttl = other.ttl;
		p->frag = other.frag;
		break;
	case 8:
		p->sport = other.sport;
		break;
	case 9:
		p->saddr[pick(16)] = other.saddr[0];
		p->daddr[pick(4)] = other.daddr[0];
		break;
	case 10:
		i = pick(sizeof(p->enc) - FIELDS_ENC);
		((u8 *)&p->enc)[FIELDS_ENC + i] ^= chance(50) ? 0x51 : 0;
		p->enc.enc_flags = 0;
		p->enc_opts_len = other.enc_opts_len;
		p->enc_flags = other.enc_flags;
		break;
	case 11:
		p->tag[0].tci = p->tags ? some_tci() : 0;
		break;
	}
}

static void take(struct agl_rule *r, const struct agl_fields *f, void *mask,
		 size_t len, u32 percent)
{
	size_t at = (u8 *)mask - (u8 *)&r->mask, i;

	if (!chance(percent))
		return;
	for (i = 0; i < len; i++) {
		u8 m = chance(70) ? 0xff : pick(256);

		((u8 *)&r->mask)[at + i] = m;
		((u8 *)&r->key)[at + i] = ((const u8 *)f)[at + i] & m;
	}
}

static void take_whole(struct agl_rule *r, const struct agl_fields *f, void *mask,
		       size_t len)
{
	size_t at = (u8 *)mask - (u8 *)&r->mask;

	memset(mask, 0xff, len);
	memcpy((u8 *)&r->key + at, (const u8 *)f + at, len);
}

#define TAKE(field, percent)	take(r, f, &r->mask.field, sizeof(r->mask.field), percent)
#define WHOLE(field)		take_whole(r, f, &r->mask.field, sizeof(r->mask.field))

static void some_tci_match(struct agl_rule *r, const struct agl_fields *f)
{
	if (r->outer == AGL_TAG_PRESENT && chance(60))
		WHOLE(outer_tci);
	if (r->outer == AGL_TAG_PRESENT && chance(60))
		WHOLE(outer_tpid);
	if (r->inner == AGL_TAG_PRESENT && chance(60))
		WHOLE(inner_tci);
	if (r->inner == AGL_TAG_PRESENT && chance(60))
		WHOLE(inner_tpid);
	r->mask.outer_tci &= htons(AGL_TCI_PRIO_BITS | AGL_TCI_VID_BITS);
	r->mask.inner_tci &= htons(AGL_TCI_PRIO_BITS | AGL_TCI_VID_BITS);
}

/* What the driver's parser makes of tags, with the type behind them or without */
static void some_tags(struct agl_rule *r, const struct packet *p, bool type,
		      const struct agl_fields *f)
{
	if (type) {
		r->outer = p->tags ? AGL_TAG_PRESENT : AGL_TAG_ABSENT;
		if (p->tags)
			r->inner = p->tags > 1 ? AGL_TAG_PRESENT : AGL_TAG_ABSENT;
		if (chance(10))
			WHOLE(tag_count);
	} else if (p->tags && chance(50)) {
		r->outer = AGL_TAG_PRESENT;
		if (p->tags > 1 && chance(40))
			r->inner = AGL_TAG_PRESENT;
	} else if (p->tags < 2 && chance(20)) {
		WHOLE(tag_count);
		r->outer = p->tags ? AGL_TAG_PRESENT : AGL_TAG_ABSENT;
		r->inner = p->tags ? AGL_TAG_ABSENT : AGL_TAG_ANY;
	}
	some_tci_match(r, f);
}

static void some_ip(struct agl_rule *r, const struct agl_fields *f)
{
	if (chance(60))
		WHOLE(ip_proto);
	TAKE(tos, 20);
	TAKE(ttl, 20);
	if (chance(30))
		r->mask.frag = 1;
	else if (chance(20))
		r->narrow.frag = 1;
	if (chance(15) && !((r->mask.tos | f->tos) & 3))
		r->narrow.tos = 3;
	if (f->eth_type == htons(ETH_P_IP)) {
		TAKE(src, 30);
		TAKE(dst, 30);
	} else {
		TAKE(src6, 30);
		TAKE(dst6, 30);
	}
	if (r->mask.ip_proto) {
		TAKE(sport, 30);
		TAKE(dport, 30);
		r->mask.tcp_flags = htons(chance(20) ? 7 : 0);
	}
	r->key.frag = f->frag & r->mask.frag;
	r->key.tcp_flags = f->tcp_flags & r->mask.tcp_flags;
}

static void some_enc(struct agl_rule *r, const struct packet *p,
		     const struct agl_fields *f, bool must)
{
	if (!must && chance(60))
		return;
	r->tun6 = p->meta6;
	if (p->meta6) {
		WHOLE(enc_dst6);
		TAKE(enc_src6, 30);
	} else {
		WHOLE(enc_dst);
		TAKE(enc_src, 30);
	}
	TAKE(enc_key, 50);
	TAKE(enc_tos, 20);
	if (chance(20) && p->meta)
		r->narrow.opts_len = p->enc_opts_len;
	if (chance(20))
		r->ignored = 0x100 | (p->meta ? p->enc_flags & 1 : 0);
}

/* A match that is true of @p, as the driver's parser makes them */
static void some_match(struct agl_rule *r, const struct packet *p, bool first)
{
	struct agl_fields view_of, *f = &view_of;
	bool type;

	view(p, f);
	type = p->tags <= 2 && f->eth_type != htons(ETH_P_ARP) && chance(75);
	some_tags(r, p, type, f);
	TAKE(dst_mac, 25);
	TAKE(src_mac, 25);
	if (type)
		WHOLE(eth_type);
	if (type && p->labels && chance(60)) {
		r->mask.lse = htonl(chance(50) ? 0xfffff000 : 0xf00);
		r->key.lse = f->lse & r->mask.lse;
		r->key.lses = 1;
		r->mask.lses = 1;
	} else if (type && !p->labels) {
		some_ip(r, f);
	}
	if (r->tun)
		some_enc(r, p, f, first);
}

/* What the driver's parser of actions knows */
struct known {
	unsigned int tags;
	__be16 type;
	bool encap;
};

static struct agl_action *append(struct agl_rule *r, enum agl_action_type type)
{
	struct agl_action *a = &r->action[r->actions++];

	memset(a, 0, sizeof(*a));
	a->type = type;
	return a;
}

static void set(struct agl_action *a, void *mask, size_t len)
{
	size_t at = (u8 *)mask - (u8 *)&a->set.mask, i;

	for (i = 0; i < len; i++) {
		u8 m = chance(70) ? 0xff : pick(256);

		((u8 *)&a->set.mask)[at + i] = m;
		((u8 *)&a->set.value)[at + i] = pick(4) * 0x51 & m;
	}
}

static void some_set(struct agl_rule *r, const struct known *k)
{
	struct agl_action *a = append(r, AGL_SET);
	bool ip = k->type == r->key.eth_type && r->mask.eth_type;

	a->set.type = r->key.eth_type;
	a->set.proto = r->key.ip_proto;
	if (!ip || chance(30)) {
		set(a, a->set.mask.dst_mac, 6);
	} else if (k->type == htons(ETH_P_IP)) {
		set(a, &a->set.mask.dst, 4);
		if (chance(30))
			set(a, &a->set.mask.tos, 1);
	} else if (k->type == htons(ETH_P_IPV6)) {
		set(a, &a->set.mask.src6, 16);
		if (chance(50)) {
			a->set.mask.class_label = htonl(chance(50) ? 0x0ff00000 :
								     0x03000001);
			a->set.value.class_label = htonl(pick(16) << 20 | 1) &
						   a->set.mask.class_label;
		}
	}
	if (ip && (k->type == htons(ETH_P_IP) || k->type == htons(ETH_P_IPV6)) &&
	    r->mask.ip_proto && chance(50)) {
		a->set.mask.sport = 0xffff;
		a->set.value.sport = htons(1000 + pick(3));
	}
	if (ip && (k->type == htons(ETH_P_IP) || k->type == htons(ETH_P_IPV6)) &&
	    chance(30)) {
		a->set.mask.ttl = 0xff;
		a->set.value.ttl = 62 + pick(3);
	}
}

static void some_push_vlan(struct agl_rule *r, struct known *k)
{
	struct agl_action *a = append(r, AGL_PUSH_VLAN);

	a->vlan.tpid = htons(some_tpid());
	a->vlan.tci = htons(some_tci());
	k->tags++;
}

static void some_mpls(struct agl_rule *r, struct known *k)
{
	bool mpls = k->type == htons(ETH_P_MPLS_UC);
	struct agl_action *a;

	if (mpls && chance(40)) {
		a = append(r, AGL_POP_MPLS);
		a->mpls.type = htons(chance(50) ? ETH_P_IP : chance(50) ?
				     ETH_P_IPV6 : ETH_P_MPLS_UC);
		k->type = a->mpls.type;
	} else if (mpls && chance(50)) {
		a = append(r, AGL_SET_MPLS);
		a->mpls.mask = htonl(chance(50) ? 0xfffff000 : 0xff);
		a->mpls.lse = htonl(some_lse()) & a->mpls.mask;
	} else if (k->type && k->tags < 2) {
		a = append(r, AGL_PUSH_MPLS);
		a->mpls.type = htons(ETH_P_MPLS_UC);
		a->mpls.lse = htonl(some_lse());
		k->type = a->mpls.type;
	}
}

static void some_encap(struct agl_rule *r, struct known *k)
{
	if (k->encap)
		return;
	k->encap = true;
	append(r, AGL_ENCAP);
	r->encap.type = 2;
	r->encap.v6 = chance(30);
	r->encap.key = htonl(pick(4) * 0x51515151);
	some_bytes((u8 *)&r->encap.dst, r->encap.v6 ? 16 : 4);
	append(r, AGL_MIRROR)->port = TUNNEL + 2;
}

static void some_actions(struct agl_rule *r, bool last)
{
	struct known k = {
		.tags = (r->outer == AGL_TAG_PRESENT) + (r->inner == AGL_TAG_PRESENT),
		.type = r->key.eth_type,
	};
	unsigned int n = pick(4);

	while (n--) {
		switch (pick(8)) {
		case 0:
			if (!k.encap)
				append(r, AGL_MIRROR)->port = pick(3);
			break;
		case 1:
			some_push_vlan(r, &k);
			break;
		case 2:
			if (!k.tags)
				break;
			append(r, AGL_POP_VLAN);
			k.tags--;
			break;
		case 3:
			/* As to a VLAN device */
			if (k.encap)
				break;
			some_push_vlan(r, &k);
			append(r, AGL_MIRROR)->port = pick(3);
			append(r, AGL_POP_VLAN);
			k.tags--;
			break;
		case 4:
			some_mpls(r, &k);
			break;
		case 5:
			if (chance(15))
				some_encap(r, &k);
			break;
		default:
			some_set(r, &k);
			break;
		}
	}
	r->unset = r->tun && !k.encap && chance(20);
	if (last && !k.encap && chance(85))
		append(r, AGL_REDIRECT)->port = pick(3);
	else if (last)
		append(r, AGL_DROP);
}

/*
 * One after the other. Return: whether all of them matched; @card: and each of
 * them takes it
 */
static bool one_by_one(struct rule *const *rules, unsigned int n, struct packet p,
		       struct outs *o, bool *card)
{
	unsigned int i;

	o->count = 0;
	*card = true;
	for (i = 0; i < n; i++) {
		if (!fits(&rules[i]->rule, &p))
			return false;
		*card = *card && takes(&rules[i]->rule, &p);
		p.into = false;
		run(&rules[i]->rule, &p, o);
	}
	return true;
}

/* Is it the last one's, behind the actions of those before it? */
static bool gets_there(struct rule *const *rules, unsigned int n, struct packet p)
{
	static struct outs o;
	unsigned int i;

	o.count = 0;
	for (i = 0; i < n; i++) {
		if (!fits(&rules[i]->rule, &p) || !takes(&rules[i]->rule, &p))
			return false;
		if (i < n - 1)
			run(&rules[i]->rule, &p, &o);
	}
	return true;
}

static bool same_outs(const struct outs *a, const struct outs *b)
{
	return a->count == b->count &&
	       !memcmp(a->out, b->out, a->count * sizeof(*a->out));
}

static struct rule *rule_new(bool tun)
{
	struct rule *r = calloc(1, sizeof(*r));

	r->rule.tun = tun ? 2 : 0;
	r->rule.room = ACTIONS_MAX * STEPS_MAX;
	return r;
}

/* Rules that @p goes through, more often than not */
static void some_rules(struct rule **rules, unsigned int n, const struct packet *p,
		       bool tun)
{
	struct packet at = *p, odd;
	static struct outs o;
	unsigned int i;

	for (i = 0; i < n; i++) {
		rules[i] = rule_new(tun);
		odd = at;
		if (i && chance(15))
			vary(&odd);
		some_match(&rules[i]->rule, &odd, !i);
		/* As parsed the match is true of the packet at this point */
		some_actions(&rules[i]->rule, i == n - 1);
		o.count = 0;
		if (!fits(&rules[i]->rule, &at))
			at = odd;
		run(&rules[i]->rule, &at, &o);
	}
}

/* Software's view, which may be wider but never narrower */
static bool widened(struct rule *const *rules, unsigned int n,
		    struct agl_match *key, struct agl_match *mask)
{
	struct agl_match k, m;
	unsigned int i = n;

	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	while (i--) {
		if (i < n - 1 &&
		    agl_then_before(&rules[i]->rule, key, mask) == AGL_THEN_NEVER)
			return false;
		agl_match_of(&rules[i]->rule, &k, &m);
		if (!agl_match_meets(key, mask, &k, &m))
			return false;
	}
	return true;
}

static bool encaps(const struct rule *r)
{
	unsigned int i;

	for (i = 0; i < r->rule.actions; i++)
		if (r->rule.action[i].type == AGL_ENCAP)
			return true;
	return false;
}

struct tally {
	unsigned long sets[AGL_THEN_ROOM + 1];
	unsigned long hits;
	unsigned long misses;
	unsigned long proven;
	bool made_wrong;
	bool never_wrong;
	bool wide_wrong;
	bool changed;
	bool why_wrong;
};

/* Do two packets that look alike to the card go different ways? */
static bool ambiguous(struct rule *const *rules, unsigned int n, struct packet p)
{
	struct agl_fields a, b;
	struct packet other;
	unsigned int i;
	bool gone = gets_there(rules, n, p);

	view(&p, &a);
	for (i = 0; i < 200; i++) {
		other = p;
		vary(&other);
		if (chance(50))
			vary(&other);
		view(&other, &b);
		/* The number of tags is nothing that it sees */
		b.tag_count = a.tag_count;
		if (!memcmp(&a, &b, sizeof(a)) && gets_there(rules, n, other) != gone)
			return true;
	}
	return false;
}

static void judge(struct rule *const *rules, unsigned int n, const struct rule *whole,
		  enum agl_then how, const struct packet *seed, struct tally *t)
{
	struct agl_match key, mask;
	static struct outs want, have;
	bool wide = widened(rules, n, &key, &mask), hit, card, proven = false;
	unsigned int i;

	for (i = 0; i < PACKETS; i++) {
		struct packet p = *seed, q;
		unsigned int k = i ? 1 + pick(3) : 0;

		while (k--)
			vary(&p);
		hit = one_by_one(rules, n, p, &want, &card);
		if (hit && (!wide || !match_fits(&key, &mask, &p)))
			t->wide_wrong = true;
		if (how == AGL_THEN_NEVER && hit && card)
			t->never_wrong = true;
		if ((how == AGL_THEN_THIRD_TAG || how == AGL_THEN_LABEL) && !proven &&
		    i < 8)
			proven = ambiguous(rules, n, p);
		if (how != AGL_THEN_ONE)
			continue;
		t->hits += hit;
		t->misses += !hit;
		if (hit != fits(&whole->rule, &p) ||
		    (hit && card != takes(&whole->rule, &p))) {
			t->made_wrong = true;
			continue;
		}
		have.count = 0;
		q = p;
		if (hit)
			run(&whole->rule, &q, &have);
		if (hit && !same_outs(&want, &have))
			t->made_wrong = true;
	}
	t->proven += proven;
}

static void one_set(struct tally *t)
{
	struct rule *rules[STEPS_MAX], *whole, *before;
	unsigned int n = 2 + pick(STEPS_MAX - 1), i, k;
	enum agl_then how = AGL_THEN_ONE;
	struct packet p;
	bool tun = chance(35);

	some_packet(&p, tun);
	some_rules(rules, n, &p, tun);
	whole = rule_new(tun);
	before = rule_new(tun);
	for (i = 0; i < n && how == AGL_THEN_ONE; i++) {
		*before = *whole;
		how = agl_then(&whole->rule, &rules[i]->rule);
		if (how != AGL_THEN_ONE && memcmp(before, whole, sizeof(*whole)))
			t->changed = true;
	}
	t->sets[how]++;
	if (how == AGL_THEN_TUNNEL_KEY || how == AGL_THEN_TUNNELS) {
		for (k = 0; k < i - 1 && !encaps(rules[k]); k++)
			;
		if (k == i - 1)
			t->why_wrong = true;
	}
	judge(rules, i, whole, how, &p, t);
	for (i = 0; i < n; i++)
		free(rules[i]);
	free(before);
	free(whole);
}

static void brute(void)
{
	struct tally t = {};
	unsigned long unseen;
	unsigned int i;
	char text[120];

	for (i = 0; i < SETS; i++)
		one_set(&t);
	unseen = t.sets[AGL_THEN_THIRD_TAG] + t.sets[AGL_THEN_LABEL];
	snprintf(text, sizeof(text),
		 "%lu made of up to %u act as these do, %lu packets in, %lu out",
		 t.sets[AGL_THEN_ONE], STEPS_MAX, t.hits, t.misses);
	check(!t.made_wrong && t.sets[AGL_THEN_ONE] > SETS / 4 &&
	      t.hits > SETS && t.misses > SETS, text);
	snprintf(text, sizeof(text), "no packet goes through %lu that are said to let none",
		 t.sets[AGL_THEN_NEVER]);
	check(!t.never_wrong && t.sets[AGL_THEN_NEVER] > SETS / 20, text);
	check(!t.wide_wrong, "a match that is led back is never narrower than software's");
	check(!t.changed, "a rule that can't be made leaves the first one as it was");
	snprintf(text, sizeof(text), "%lu of %lu refused for a tag or label: it was needed",
		 t.proven, unseen);
	check(unseen > SETS / 100 && t.proven > unseen * 8 / 10, text);
	check(!t.why_wrong && t.sets[AGL_THEN_TUNNEL_KEY] && t.sets[AGL_THEN_TUNNELS],
	      "refused for a tunnel: there is one");
}

int main(void)
{
	printf("1..%u\n", 6);
	brute();
	return failed || tests != 6;
}
