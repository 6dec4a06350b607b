// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages about tunnels, both ways, and the tables that they fill.
 * 03-flower.md sections 3.11, 3.12, 9.1 and 9.6.
 */
#include <stdlib.h>

#include "flower.h"

#define MS		1000000ULL
#define ASK_AGAIN_MS	100
/* Index and address */
#define TUN_MAC_PAIR	8u

static void bad(struct card *card, const char *what, size_t len)
{
	card->cnt.cmsg_bad++;
	card_log(card, "malformed %s, %zu bytes", what, len);
}

static struct tun_mac *mac_find(struct tunnels *t, const uint8_t *addr)
{
	unsigned int i;

	for (i = 0; i < t->macs_used; i++)
		if (!memcmp(t->macs[i].addr, addr, 6))
			return &t->macs[i];
	return NULL;
}

bool tunnel_mac(struct card *card, const uint8_t *addr, uint16_t *index)
{
	struct tun_mac *m = mac_find(&card->flower->tun, addr);

	if (m)
		*index = m->index;
	return m;
}

static void tun_mac_one(struct card *card, bool del, uint16_t index,
			const uint8_t *addr)
{
	struct tunnels *t = &card->flower->tun;
	struct tun_mac *m = mac_find(t, addr);

	if (del) {
		if (m)
			*m = t->macs[--t->macs_used];
		return;
	}
	if (!m && t->macs_used == TUN_MACS) {
		card->cnt.tun_full++;
		card_log(card, "no room for another tunnel MAC address");
		return;
	}
	if (!m)
		m = &t->macs[t->macs_used++];
	memcpy(m->addr, addr, 6);
	m->index = index;
}

void tun_mac(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_tun_mac *msg = (const void *)body;
	size_t at = offsetof(struct agl_tun_mac, index);
	unsigned int n;

	if (len < sizeof(*msg) || !msg->count ||
	    len < at + be16toh(msg->count) * TUN_MAC_PAIR) {
		bad(card, "TUN_MAC", len);
		return;
	}
	for (n = be16toh(msg->count); n; n--, at += TUN_MAC_PAIR)
		tun_mac_one(card, be16toh(msg->flags) & AGL_TUN_MAC_DEL,
			    get_be16(body + at), body + at + 2);
}

void tun_ips(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_tun_ips *msg = (const void *)body;
	struct tunnels *t = &card->flower->tun;

	if (len != sizeof(*msg) || be32toh(msg->count) > AGL_TUN_IPS_MAX) {
		bad(card, "TUN_IPS", len);
		return;
	}
	t->ips_used = be32toh(msg->count);
	memcpy(t->ips, msg->addr, sizeof(t->ips));
}

void tun_ips6(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_tun_ips6 *msg = (const void *)body;
	struct tunnels *t = &card->flower->tun;

	if (len != sizeof(*msg) || be32toh(msg->count) > AGL_TUN_IPS6_MAX) {
		bad(card, "TUN_IPS_V6", len);
		return;
	}
	t->ips6_used = be32toh(msg->count);
	memcpy(t->ips6, msg->addr, sizeof(t->ips6));
}

bool tunnel_ip(struct card *card, bool v6, const uint8_t *addr)
{
	struct tunnels *t = &card->flower->tun;
	unsigned int i;

	for (i = 0; !v6 && i < t->ips_used; i++)
		if (!memcmp(&t->ips[i], addr, 4))
			return true;
	for (i = 0; v6 && i < t->ips6_used; i++)
		if (!memcmp(t->ips6[i], addr, 16))
			return true;
	return false;
}

static struct neigh **neigh_at(struct card *card, bool v6, const uint8_t *dst)
{
	uint32_t h = 2166136261u;
	struct neigh **at;
	unsigned int i, n = v6 ? 16 : 4;

	for (i = 0; i < n; i++)
		h = (h ^ dst[i]) * 16777619u;
	at = &card->flower->tun.neighs[(h ^ h >> 16) % NEIGH_BUCKETS];
	for (; *at; at = &(*at)->next)
		if ((*at)->v6 == v6 && !memcmp((*at)->dst, dst, n))
			break;
	return at;
}

struct neigh *neigh_find(struct card *card, bool v6, const uint8_t *dst)
{
	return *neigh_at(card, v6, dst);
}

static void neigh_delete(struct card *card, struct neigh **at)
{
	struct neigh *n = *at;

	stats_final(card, &n->counters);
	*at = n->next;
	card->flower->tun.neighs_used--;
	free(n);
}

static struct neigh *neigh_new(struct card *card, struct neigh **at, bool v6,
			       const uint8_t *dst)
{
	struct tunnels *t = &card->flower->tun;
	struct neigh *n;

	if (t->neighs_used == NEIGH_LIMIT) {
		card->cnt.tun_full++;
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->v6 = v6;
	memcpy(n->dst, dst, v6 ? 16 : 4);
	*at = n;
	t->neighs_used++;
	return n;
}

/* How much of the message there is follows from the features */
static size_t neigh_extra(struct card *card)
{
	uint64_t f = card->flower->features;

	return (f & AGL_FEAT_DECAP_V2 ? sizeof(struct agl_neigh_ext) : 0) +
	       (f & AGL_FEAT_NEIGH_LAG ? sizeof(struct agl_neigh_lag) : 0);
}

static void neigh_set(struct card *card, struct neigh *n, const uint8_t *src,
		      const struct agl_neigh_head *h)
{
	const struct agl_neigh_ext *ext = (const void *)(h + 1);

	memcpy(n->src, src, n->v6 ? 16 : 4);
	memcpy(n->dst_mac, h->dst_mac, 6);
	memcpy(n->src_mac, h->src_mac, 6);
	n->port = be32toh(h->port);
	stats_final(card, &n->counters);
	n->linked = false;
	if (!(card->flower->features & AGL_FEAT_DECAP_V2))
		return;
	n->tpid = be16toh(ext->tpid);
	n->tci = be16toh(ext->tci);
	n->linked = be32toh(ext->ctx) != AGL_NEIGH_NO_CTX;
	n->counters.ctx = be32toh(ext->ctx);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

void tun_neigh(struct card *card, bool v6, const uint8_t *body, size_t len)
{
	size_t addr = v6 ? 16 : 4;
	size_t need = 2 * addr + sizeof(struct agl_neigh_head) + neigh_extra(card);
	const struct agl_neigh_head *h = (const void *)(body + 2 * addr);
	struct neigh **at;

	if (len != need) {
		bad(card, "TUN_NEIGH", len);
		return;
	}
	/* The echo is the answer */
	cmsg_send(card, v6 ? AGL_CMSG_TUN_NEIGH_V6 : AGL_CMSG_TUN_NEIGH, body, len);
	at = neigh_at(card, v6, body);
	if (all_zero(body + addr, len - addr)) {
		if (*at)
			neigh_delete(card, at);
		return;
	}
	if (all_zero(h->dst_mac, 6) || all_zero(h->src_mac, 6)) {
		card->cnt.neigh_no_mac++;
		card_log(card, "neighbour without a MAC address");
	}
	if (*at || neigh_new(card, at, v6, body))
		neigh_set(card, *at, body + addr, h);
}

struct pre_tun *pre_tun_find(struct card *card, uint16_t port_idx, uint16_t tci)
{
	struct pre_tun *p = card->flower->tun.pre;

	for (; p < card->flower->tun.pre + AGL_PRE_TUN_MAX; p++)
		if (p->exists && p->port_idx == port_idx && p->tci == tci)
			return p;
	return NULL;
}

static struct pre_tun *pre_tun_free(struct card *card)
{
	struct pre_tun *p = card->flower->tun.pre;

	for (; p < card->flower->tun.pre + AGL_PRE_TUN_MAX; p++)
		if (!p->exists)
			return p;
	return NULL;
}

void pre_tun_rule(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_pre_tun_rule *m = (const void *)body;
	struct pre_tun *p;

	if (len != sizeof(*m) || !(card->flower->features & AGL_FEAT_PRE_TUN)) {
		bad(card, "PRE_TUN_RULE", len);
		return;
	}
	p = pre_tun_find(card, be16toh(m->port_idx), be16toh(m->tci));
	if (be32toh(m->flags) & AGL_PRE_TUN_DEL) {
		if (p) {
			stats_final(card, &p->counters);
			p->exists = false;
		} else {
			card->cnt.flow_missing++;
			card_log(card, "delete of a pre-tunnel rule that isn't there");
		}
		return;
	}
	if (p) {
		card->cnt.flow_dup++;
		return;
	}
	p = pre_tun_free(card);
	if (!p) {
		card->cnt.tun_full++;
		return;
	}
	*p = (struct pre_tun) {
		.exists = true,
		.port_idx = be16toh(m->port_idx),
		.tci = be16toh(m->tci),
		.counters.ctx = be32toh(m->ctx),
	};
}

/* A destination once in ASK_AGAIN_MS, or a busy flow would flood the host */
static bool may_ask(struct card *card, bool v6, const uint8_t *dst)
{
	struct rate_limits *l = &card->flower->tun.no_neigh;

	l->every = ASK_AGAIN_MS * MS;
	return rate_limit(l, dst, v6 ? 16 : 4, card->ops->now(card->host));
}

void neigh_ask(struct card *card, uint32_t ingress, bool v6, const uint8_t *dst)
{
	struct agl_no_neigh m4 = { .ingress = htobe32(ingress) };
	struct agl_no_neigh6 m6 = { .ingress = htobe32(ingress) };

	card->cnt.neigh_missing++;
	if (!may_ask(card, v6, dst))
		return;
	memcpy(&m4.dst, dst, 4);
	if (v6) {
		memcpy(m6.dst, dst, 16);
		cmsg_send(card, AGL_CMSG_NO_NEIGH_V6, &m6, sizeof(m6));
	} else {
		cmsg_send(card, AGL_CMSG_NO_NEIGH, &m4, sizeof(m4));
	}
}

void neigh_used(struct card *card, struct neigh *n)
{
	struct tunnels *t = &card->flower->tun;

	n->used = true;
	if (t->active_at)
		return;
	t->active_at = card->ops->now(card->host) + card->cfg.active_ms * MS;
	card_rearm(card);
}

/* One message's entries of a family; the used flags of these are cleared */
struct report {
	struct card *card;
	bool v6;
	unsigned int count;
	uint8_t body[sizeof(struct agl_active_tuns) +
		     AGL_ACTIVE_TUNS_MAX * sizeof(struct agl_active_tun)];
};

static void report_send(struct report *r)
{
	struct agl_active_tuns *h = (void *)r->body;
	size_t each = r->v6 ? sizeof(struct agl_active_tun6) :
			      sizeof(struct agl_active_tun);

	if (!r->count)
		return;
	h->seq = htobe32(r->card->flower->tun.seq++);
	h->count = htobe32(r->count);
	cmsg_send(r->card, r->v6 ? AGL_CMSG_ACTIVE_TUNS_V6 : AGL_CMSG_ACTIVE_TUNS,
		  r->body, sizeof(*h) + r->count * each);
	r->count = 0;
}

static void report_add(struct report *r, const struct neigh *n)
{
	struct agl_active_tun *e4 = (void *)(r->body + sizeof(struct agl_active_tuns));
	struct agl_active_tun6 *e6 = (void *)e4;

	if (r->v6) {
		e6 += r->count;
		memset(e6, 0, sizeof(*e6));
		memcpy(e6->dst, n->dst, 16);
		e6->port = htobe32(n->port);
	} else {
		e4 += r->count;
		memset(e4, 0, sizeof(*e4));
		memcpy(&e4->dst, n->dst, 4);
		e4->port = htobe32(n->port);
	}
	if (++r->count == (r->v6 ? AGL_ACTIVE_TUNS6_MAX : AGL_ACTIVE_TUNS_MAX))
		report_send(r);
}

void tunnel_timer(struct card *card, uint64_t now)
{
	struct tunnels *t = &card->flower->tun;
	struct report r[2] = { { .card = card }, { .card = card, .v6 = true } };
	struct neigh *n;
	unsigned int i;

	if (!t->active_at || now < t->active_at)
		return;
	t->active_at = 0;
	for (i = 0; i < NEIGH_BUCKETS; i++)
		for (n = t->neighs[i]; n; n = n->next)
			if (n->used) {
				n->used = false;
				report_add(&r[n->v6], n);
			}
	report_send(&r[0]);
	report_send(&r[1]);
}

void tunnel_clear(struct card *card)
{
	struct tunnels *t = &card->flower->tun;
	unsigned int i;

	for (i = 0; i < NEIGH_BUCKETS; i++)
		while (t->neighs[i]) {
			stats_forget(card, &t->neighs[i]->counters);
			neigh_delete(card, &t->neighs[i]);
		}
	for (i = 0; i < AGL_PRE_TUN_MAX; i++)
		stats_forget(card, &t->pre[i].counters);
	memset(t, 0, sizeof(*t));
}
