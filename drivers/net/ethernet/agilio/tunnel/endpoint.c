// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other ends of tunnels. The card has a neighbour for each destination
 * that rules send to, as long as there are such rules and the kernel knows
 * the way; without it packets go to the host. Each event, of a neighbour, a
 * route or a device, has the same answer: look at the way again, and tell the
 * card what is different now. 03-flower.md sections 3.11.4 to 3.11.6, 6.8.
 */
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/neighbour.h>
#include <net/net_namespace.h>

#include "../agilio.h"
#include "tunnel.h"

#define DEFAULT_TTL	64

static size_t endpoint_fill4(const struct agl_endpoint *e, struct agl_tun_neigh *m)
{
	m->dst = e->dst.s6_addr32[0];
	m->src = e->sent.src.s6_addr32[0];
	return offsetof(struct agl_tun_neigh, ext);
}

static size_t endpoint_fill6(const struct agl_endpoint *e, struct agl_tun_neigh6 *m)
{
	memcpy(m->dst, &e->dst, sizeof(m->dst));
	memcpy(m->src, &e->sent.src, sizeof(m->src));
	return offsetof(struct agl_tun_neigh6, ext);
}

/* What the message has behind its head follows from the features */
static size_t endpoint_extra(const struct agilio *agl)
{
	return (agl->features & AGL_FEAT_DECAP_V2 ?
		sizeof(struct agl_neigh_ext) : 0) +
	       (agl->features & AGL_FEAT_NEIGH_LAG ?
		sizeof(struct agl_neigh_lag) : 0);
}

/* With nothing in e->sent the card forgets it */
static void endpoint_send(struct agl_tunnels *t, const struct agl_endpoint *e)
{
	struct agl_tun_neigh6 m6 = {};
	struct agl_tun_neigh m4 = {};
	void *m = e->v6 ? (void *)&m6 : &m4;
	struct agl_neigh_head *head = e->v6 ? &m6.head : &m4.head;
	struct agl_neigh_ext *ext = e->v6 ? &m6.ext : &m4.ext;
	size_t len = e->v6 ? endpoint_fill6(e, &m6) : endpoint_fill4(e, &m4);

	ether_addr_copy(head->dst_mac, e->sent.dst_mac);
	ether_addr_copy(head->src_mac, e->sent.src_mac);
	head->port = cpu_to_be32(e->sent.port);
	ext->tpid = cpu_to_be16(e->sent.tpid);
	ext->tci = cpu_to_be16(e->sent.tci);
	ext->ctx = cpu_to_be32(e->sent.ctx);
	agl_cmsg_tell(t->agl, e->v6 ? AGL_CMSG_TUN_NEIGH_V6 : AGL_CMSG_TUN_NEIGH,
		      m, len + endpoint_extra(t->agl));
}

static void endpoint_withdraw(struct agl_tunnels *t, struct agl_endpoint *e)
{
	if (!e->in_card)
		return;
	memset(&e->sent, 0, sizeof(e->sent));
	endpoint_send(t, e);
	e->in_card = false;
}

static void endpoint_announce(struct agl_tunnels *t, struct agl_endpoint *e,
			      const struct agl_neigh_sent *want)
{
	if (e->in_card && !memcmp(want, &e->sent, sizeof(*want)))
		return;
	e->sent = *want;
	e->in_card = true;
	endpoint_send(t, e);
}

/* Are tunnel packets from the neighbour let in? The card looks it up for each */
static void endpoint_link_rule(struct agl_tunnels *t,
			       const struct agl_endpoint *e,
			       struct agl_neigh_sent *want)
{
	const struct agl_pre_tunnel *r;

	want->tpid = AGL_NEIGH_NO_TAG;
	want->tci = AGL_NEIGH_NO_TAG;
	want->ctx = AGL_NEIGH_NO_CTX;
	list_for_each_entry(r, &t->pre_rules, list)
		if (r->link.v6 == e->v6 &&
		    ether_addr_equal(r->link.peer, want->dst_mac) &&
		    ether_addr_equal(r->link.own, want->src_mac)) {
			want->tpid = r->link.tpid;
			want->tci = r->tci;
			want->ctx = r->ctx;
			return;
		}
}

/* Return: whether packets can be sent to the neighbour now, to @mac */
static bool endpoint_neigh_usable(struct neighbour *n, u8 *mac)
{
	bool usable;

	read_lock_bh(&n->lock);
	usable = n->nud_state & NUD_VALID && !n->dead;
	ether_addr_copy(mac, n->ha);
	read_unlock_bh(&n->lock);
	return usable && is_valid_ether_addr(mac);
}

/* The tag stands in the rules: they come first */
static bool endpoint_has_moved(const struct agl_endpoint *e)
{
	return e->new_tpid != e->tpid || e->new_tci != e->tci;
}

/* @n: a reference, or NULL. An event of it can come as soon as it is here */
static void endpoint_set_neigh(struct agl_tunnels *t, struct agl_endpoint *e,
			       struct neighbour *n)
{
	struct neighbour *old = e->neigh;

	spin_lock_bh(&t->neigh_lock);
	if (old != n) {
		if (old)
			hash_del(&e->by_neigh);
		e->neigh = n;
		if (n)
			hash_add(t->by_neigh, &e->by_neigh, (unsigned long)n);
	}
	spin_unlock_bh(&t->neigh_lock);
	if (old)
		neigh_release(old);
}

/*
 * The way there. Rules that insist on a source and rules that leave it to the
 * route are in the card together only while both mean the same.
 */
static int endpoint_find_way(struct agl_tunnels *t, const struct agl_endpoint *e,
			     struct agl_underlay *u)
{
	int err;

	if (!e->net)
		return -ENONET;
	err = agl_underlay_find(t->agl, e->net, e->v6, &e->dst,
				e->unpinned ? &in6addr_any : &e->src, u);
	if (err || !e->pinned || ipv6_addr_equal(&u->src, &e->src))
		return err;
	neigh_release(u->neigh);
	return -EADDRINUSE;
}

/*
 * Look at the way again. A neighbour that the card could use until now, one
 * that is new, and one that is asked for are resolved; a dead one isn't
 * bothered again before that.
 */
static void endpoint_update(struct agl_tunnels *t, struct agl_endpoint *e, bool ask)
{
	struct agl_neigh_sent want = {};
	struct agl_underlay u;
	bool usable = false;

	WRITE_ONCE(e->dirty, false);
	if (endpoint_find_way(t, e, &u)) {
		u.neigh = NULL;
		u.port = 0;
	}
	ask |= e->in_card || e->neigh != u.neigh;
	endpoint_set_neigh(t, e, u.neigh);
	if (u.port && u.up) {
		e->new_tpid = u.tpid;
		e->new_tci = u.tci;
	}
	if (u.port && u.up && !endpoint_has_moved(e)) {
		usable = endpoint_neigh_usable(u.neigh, want.dst_mac);
		ether_addr_copy(want.src_mac, u.src_mac);
		want.src = u.src;
		want.port = u.port;
		endpoint_link_rule(t, e, &want);
	}
	if (usable)
		endpoint_announce(t, e, &want);
	else
		endpoint_withdraw(t, e);
	if (!usable && ask && u.port && u.up)
		neigh_event_send(u.neigh, NULL);
}

static struct hlist_head *endpoint_bucket(struct agl_tunnels *t, bool v6,
					  const struct in6_addr *dst)
{
	u32 h = v6 ? ipv6_addr_hash(dst) : (__force u32)dst->s6_addr32[0];

	return &t->endpoints[hash_32(h, AGL_ENDPOINT_BITS)];
}

static struct agl_endpoint *endpoint_find(struct agl_tunnels *t, bool v6,
					  const struct in6_addr *dst)
{
	struct agl_endpoint *e;

	hlist_for_each_entry(e, endpoint_bucket(t, v6, dst), node)
		if (e->v6 == v6 && ipv6_addr_equal(&e->dst, dst))
			return e;
	return NULL;
}

static struct agl_endpoint *endpoint_new(struct agl_tunnels *t, struct net *net,
					 const struct agl_encap *encap,
					 const struct agl_underlay *u)
{
	struct agl_endpoint *e;
	int err;

	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return ERR_PTR(-ENOMEM);
	err = agl_net_follow(t, net);
	if (err) {
		kfree(e);
		return ERR_PTR(err);
	}
	refcount_set(&e->users, 1);
	agl_dep_init(&e->dep, false);
	e->net = net;
	e->v6 = encap->v6;
	e->dst = encap->dst;
	e->tpid = u->tpid;
	e->tci = u->tci;
	e->new_tpid = u->tpid;
	e->new_tci = u->tci;
	hlist_add_head(&e->node, endpoint_bucket(t, e->v6, &e->dst));
	atomic_inc(&t->endpoint_count);
	return e;
}

/* Would rules of both kinds send from one address, as far as is known now? */
static bool endpoint_agrees(struct agl_tunnels *t, const struct agl_endpoint *e,
			    const struct in6_addr *src)
{
	struct agl_underlay u;
	bool same;

	if (agl_underlay_find(t->agl, e->net, e->v6, &e->dst, &in6addr_any, &u))
		return true;
	same = ipv6_addr_equal(&u.src, src);
	neigh_release(u.neigh);
	return same;
}

/* The card has one source for a destination. Return: -EADDRINUSE, -EXDEV */
static int endpoint_share(struct agl_tunnels *t, struct agl_endpoint *e,
			  const struct net *net, enum agl_end_use use,
			  const struct in6_addr *src)
{
	if (e->net != net)
		return -EXDEV;
	if (use == AGL_END_PINNED && e->pinned && !ipv6_addr_equal(src, &e->src))
		return -EADDRINUSE;
	if (use == AGL_END_PINNED && e->unpinned && !e->pinned &&
	    !endpoint_agrees(t, e, src))
		return -EADDRINUSE;
	if (use == AGL_END_ROUTED && e->pinned && !e->unpinned &&
	    !endpoint_agrees(t, e, &e->src))
		return -EADDRINUSE;
	refcount_inc(&e->users);
	return 0;
}

/* Return: whether it is the first of its kind */
static bool endpoint_use(struct agl_endpoint *e, enum agl_end_use use,
			 const struct in6_addr *src)
{
	switch (use) {
	case AGL_END_PINNED:
		e->src = *src;
		return !e->pinned++;
	case AGL_END_ROUTED:
		return !e->unpinned++;
	default:
		return false;
	}
}

/* Return: whether it was the last of its kind */
static bool endpoint_unuse(struct agl_endpoint *e, enum agl_end_use use)
{
	switch (use) {
	case AGL_END_PINNED:
		if (--e->pinned)
			return false;
		e->src = in6addr_any;
		return true;
	case AGL_END_ROUTED:
		return !--e->unpinned;
	default:
		return false;
	}
}

static struct agl_endpoint *endpoint_get_locked(struct agl_tunnels *t,
						struct net *net,
						const struct agl_encap *encap,
						enum agl_end_use use,
						const struct agl_underlay *u)
{
	struct agl_endpoint *e = endpoint_find(t, encap->v6, &encap->dst);
	bool fresh = !e;
	int err;

	if (!fresh) {
		err = endpoint_share(t, e, net, use, &encap->src);
		if (err)
			return ERR_PTR(err);
	} else {
		e = endpoint_new(t, net, encap, u);
		if (IS_ERR(e))
			return e;
	}
	if (endpoint_use(e, use, &encap->src) || fresh)
		endpoint_update(t, e, fresh);
	return e;
}

/**
 * agl_endpoint_get - a rule is going to send to a tunnel's other end
 * @agl: card
 * @encap: tunnel; its ttl is set if it was 0, and the outer tag
 * @use: what for; it is said again when the reference is dropped
 *
 * Return: a reference; -ENODEV if the route leaves by another device than one
 * of the card's, -ENONET if the namespace has gone, -EXDEV if rules in another
 * one send there, -EADDRINUSE if rules send there from another address,
 * -ENOMEM. That there is no route or no neighbour is no error: until there is,
 * the host has the packets.
 */
struct agl_endpoint *agl_endpoint_get(struct agilio *agl, struct agl_encap *encap,
				      enum agl_end_use use)
{
	struct agl_tunnels *t = &agl->tunnels;
	struct net *net = agl_net_hold(encap->net);
	struct agl_underlay u;
	struct agl_endpoint *e;
	int err;

	if (!net)
		return ERR_PTR(-ENONET);
	err = agl_underlay_find(agl, net, encap->v6, &encap->dst, &encap->src, &u);
	if (err) {
		memset(&u, 0, sizeof(u));
		u.ttl = DEFAULT_TTL;
	} else {
		neigh_release(u.neigh);
		if (!u.port) {
			put_net(net);
			return ERR_PTR(-ENODEV);
		}
	}
	mutex_lock(&t->lock);
	e = endpoint_get_locked(t, net, encap, use, &u);
	if (!IS_ERR(e)) {
		encap->tpid = e->tpid;
		encap->tci = e->tci;
	}
	mutex_unlock(&t->lock);
	put_net(net);
	if (!encap->ttl)
		encap->ttl = u.ttl;
	return e;
}

/* One whose namespace has gone isn't found any more */
static void endpoint_hide(struct agl_tunnels *t, struct agl_endpoint *e)
{
	endpoint_withdraw(t, e);
	endpoint_set_neigh(t, e, NULL);
	hlist_del_init(&e->node);
}

/**
 * agl_endpoint_put - drop a reference
 * @agl: card
 * @e: endpoint; the rule that sent there is out of the card
 * @use: as in agl_endpoint_get()
 */
void agl_endpoint_put(struct agilio *agl, struct agl_endpoint *e,
		      enum agl_end_use use)
{
	struct agl_tunnels *t = &agl->tunnels;
	bool last;

	mutex_lock(&t->lock);
	last = endpoint_unuse(e, use);
	if (refcount_dec_and_test(&e->users)) {
		endpoint_hide(t, e);
		atomic_dec(&t->endpoint_count);
		kfree(e);
	} else if (last) {
		/* The others may be of one mind now */
		endpoint_update(t, e, false);
	}
	mutex_unlock(&t->lock);
}

/* Return: one, hidden, a reference; NULL: there is none in the namespace */
static struct agl_endpoint *endpoint_of_net(struct agl_tunnels *t,
					    const struct net *net)
{
	struct agl_endpoint *e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t->endpoints); i++)
		hlist_for_each_entry(e, &t->endpoints[i], node)
			if (e->net == net) {
				refcount_inc(&e->users);
				endpoint_hide(t, e);
				e->net = NULL;
				return e;
			}
	return NULL;
}

/**
 * agl_endpoints_leave - a namespace goes
 * @t: tunnels
 * @net: namespace; what goes to its endpoints is the host's
 */
void agl_endpoints_leave(struct agl_tunnels *t, const struct net *net)
{
	struct agl_endpoint *e;

	mutex_lock(&t->lock);
	while ((e = endpoint_of_net(t, net))) {
		mutex_unlock(&t->lock);
		t->dep_ops->set(t->agl, &e->dep, true);
		agl_endpoint_put(t->agl, e, AGL_END_WATCHED);
		mutex_lock(&t->lock);
	}
	mutex_unlock(&t->lock);
}

/**
 * agl_endpoints_dirty - something has happened that any of them may depend on
 * @t: tunnels; any context
 */
void agl_endpoints_dirty(struct agl_tunnels *t)
{
	if (!atomic_read(&t->endpoint_count))
		return;
	WRITE_ONCE(t->all_dirty, true);
	schedule_work(&t->work);
}

/**
 * agl_endpoints_neigh - something has happened to a neighbour
 * @t: tunnels; any context
 * @n: neighbour, most often nobody's way
 */
void agl_endpoints_neigh(struct agl_tunnels *t, const struct neighbour *n)
{
	struct agl_endpoint *e;
	bool ours = false;

	spin_lock_bh(&t->neigh_lock);
	hash_for_each_possible(t->by_neigh, e, by_neigh, (unsigned long)n)
		if (e->neigh == n) {
			WRITE_ONCE(e->dirty, true);
			ours = true;
		}
	spin_unlock_bh(&t->neigh_lock);
	if (ours)
		schedule_work(&t->work);
}

/**
 * agl_endpoints_check - look at the ways to endpoints again
 * @t: tunnels
 * @all: not only to those to which something has happened
 */
void agl_endpoints_check(struct agl_tunnels *t, bool all)
{
	struct agl_endpoint *e;
	unsigned int i;

	mutex_lock(&t->lock);
	for (i = 0; i < ARRAY_SIZE(t->endpoints); i++)
		hlist_for_each_entry(e, &t->endpoints[i], node)
			if (all || READ_ONCE(e->dirty))
				endpoint_update(t, e, false);
	mutex_unlock(&t->lock);
}

static struct agl_endpoint *endpoint_get_moved(struct agl_tunnels *t)
{
	struct agl_endpoint *e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t->endpoints); i++)
		hlist_for_each_entry(e, &t->endpoints[i], node)
			if (endpoint_has_moved(e) && refcount_inc_not_zero(&e->users))
				return e;
	return NULL;
}

/**
 * agl_endpoints_retag - rules to endpoints whose way has another tag now
 * @t: tunnels; no lock is held
 */
void agl_endpoints_retag(struct agl_tunnels *t)
{
	struct agl_endpoint *e;

	mutex_lock(&t->lock);
	while ((e = endpoint_get_moved(t))) {
		mutex_unlock(&t->lock);
		t->dep_ops->refresh(t->agl, &e->dep);
		mutex_lock(&t->lock);
		endpoint_update(t, e, true);
		mutex_unlock(&t->lock);
		agl_endpoint_put(t->agl, e, AGL_END_WATCHED);
		mutex_lock(&t->lock);
	}
	mutex_unlock(&t->lock);
}

static void endpoint_address(struct in6_addr *to, bool v6, const void *from)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, v6 ? sizeof(*to) : sizeof(__be32));
}

/**
 * agl_endpoint_wanted - the card had a packet for an unknown neighbour
 * @t: tunnels
 * @v6: family
 * @dst: destination, 4 or 16 bytes
 */
void agl_endpoint_wanted(struct agl_tunnels *t, bool v6, const void *dst)
{
	struct agl_endpoint *e;
	struct in6_addr addr;

	endpoint_address(&addr, v6, dst);
	mutex_lock(&t->lock);
	e = endpoint_find(t, v6, &addr);
	if (e)
		endpoint_update(t, e, true);
	mutex_unlock(&t->lock);
}

/**
 * agl_endpoint_active - the card has sent to an endpoint
 * @t: tunnels
 * @v6: family
 * @dst: destination, 4 or 16 bytes
 *
 * The kernel sees none of these packets, but is to keep the neighbour as if
 * it did: the gateway's, if there is one.
 */
void agl_endpoint_active(struct agl_tunnels *t, bool v6, const void *dst)
{
	struct agl_endpoint *e;
	struct in6_addr addr;

	endpoint_address(&addr, v6, dst);
	mutex_lock(&t->lock);
	e = endpoint_find(t, v6, &addr);
	if (e && e->neigh) {
		WRITE_ONCE(e->neigh->used, jiffies);
		neigh_event_send(e->neigh, NULL);
	}
	mutex_unlock(&t->lock);
}
