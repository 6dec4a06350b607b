// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other ends of tunnels. The card has a neighbour for each destination
 * that rules send to, as long as there are such rules and the kernel knows
 * the way; without it packets go to the host. Each event, of a neighbour, a
 * route or a device, has the same answer: look at the way again, and tell the
 * card what is different now. 03-flower.md sections 3.11.4 to 3.11.6, 6.8.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include <net/fib_notifier.h>
#include <net/ipv6.h>
#include <net/neighbour.h>

#include "../agilio.h"
#include "tunnel.h"

#define DEFAULT_TTL	64

static size_t fill4(const struct agl_endpoint *e, struct agl_tun_neigh *m)
{
	m->dst = e->dst.s6_addr32[0];
	m->src = e->sent.src.s6_addr32[0];
	return offsetof(struct agl_tun_neigh, ext);
}

static size_t fill6(const struct agl_endpoint *e, struct agl_tun_neigh6 *m)
{
	memcpy(m->dst, &e->dst, sizeof(m->dst));
	memcpy(m->src, &e->sent.src, sizeof(m->src));
	return offsetof(struct agl_tun_neigh6, ext);
}

/* What the message has behind its head follows from the features */
static size_t extra(const struct agilio *agl)
{
	return (agl->features & AGL_FEAT_DECAP_V2 ?
		sizeof(struct agl_neigh_ext) : 0) +
	       (agl->features & AGL_FEAT_NEIGH_LAG ?
		sizeof(struct agl_neigh_lag) : 0);
}

/* With nothing in e->sent the card forgets it */
static int send(struct agl_tunnels *t, const struct agl_endpoint *e)
{
	struct agl_tun_neigh6 m6 = {};
	struct agl_tun_neigh m4 = {};
	void *m = e->v6 ? (void *)&m6 : &m4;
	struct agl_neigh_head *head = e->v6 ? &m6.head : &m4.head;
	struct agl_neigh_ext *ext = e->v6 ? &m6.ext : &m4.ext;
	size_t len = e->v6 ? fill6(e, &m6) : fill4(e, &m4);

	ether_addr_copy(head->dst_mac, e->sent.dst_mac);
	ether_addr_copy(head->src_mac, e->sent.src_mac);
	head->port = cpu_to_be32(e->sent.port);
	ext->tpid = cpu_to_be16(e->sent.tpid);
	ext->tci = cpu_to_be16(e->sent.tci);
	ext->ctx = cpu_to_be32(e->sent.ctx);
	return agl_cmsg_send(t->agl, e->v6 ? AGL_CMSG_TUN_NEIGH_V6 :
					     AGL_CMSG_TUN_NEIGH,
			     m, len + extra(t->agl));
}

static void withdraw(struct agl_tunnels *t, struct agl_endpoint *e)
{
	if (!e->in_card)
		return;
	memset(&e->sent, 0, sizeof(e->sent));
	/* Without memory for it the card would go on: better try for long */
	if (send(t, e))
		schedule_work(&t->work);
	else
		e->in_card = false;
}

static void announce(struct agl_tunnels *t, struct agl_endpoint *e,
		     const struct agl_neigh_sent *want)
{
	if (e->in_card && !memcmp(want, &e->sent, sizeof(*want)))
		return;
	e->sent = *want;
	e->in_card = true;
	if (send(t, e)) {
		memset(&e->sent, 0, sizeof(e->sent));
		schedule_work(&t->work);
	}
}

/* Are tunnel packets from the neighbour let in? The card looks it up for each */
static void link_to_rule(struct agl_tunnels *t, const struct agl_endpoint *e,
			 struct agl_neigh_sent *want)
{
	const struct agl_pre_rule *r;

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
static bool neigh_usable(struct neighbour *n, u8 *mac)
{
	bool usable;

	read_lock_bh(&n->lock);
	usable = n->nud_state & NUD_VALID && !n->dead;
	ether_addr_copy(mac, n->ha);
	read_unlock_bh(&n->lock);
	return usable && is_valid_ether_addr(mac);
}

/* The tag stands in the rules: they come first */
static bool has_moved(const struct agl_endpoint *e)
{
	return e->new_tpid != e->tpid || e->new_tci != e->tci;
}

/*
 * Look at the way again. A neighbour that the card could use until now, one
 * that is new, and one that is asked for are resolved; a dead one isn't
 * bothered again before that.
 */
static void update(struct agl_tunnels *t, struct agl_endpoint *e, bool ask)
{
	struct agl_neigh_sent want = {};
	struct agl_underlay u;
	bool usable = false;

	if (agl_underlay_find(t->agl, e->net, e->v6, &e->dst, &e->src, &u)) {
		u.neigh = NULL;
		u.port = 0;
	}
	ask |= e->in_card || e->neigh != u.neigh;
	if (e->neigh)
		neigh_release(e->neigh);
	e->neigh = u.neigh;
	if (u.port && u.up) {
		e->new_tpid = u.tpid;
		e->new_tci = u.tci;
	}
	if (u.port && u.up && !has_moved(e)) {
		usable = neigh_usable(u.neigh, want.dst_mac);
		ether_addr_copy(want.src_mac, u.src_mac);
		want.src = u.src;
		want.port = u.port;
		link_to_rule(t, e, &want);
	}
	if (usable)
		announce(t, e, &want);
	else
		withdraw(t, e);
	if (!usable && ask && u.port && u.up)
		neigh_event_send(u.neigh, NULL);
}

static struct hlist_head *bucket(struct agl_tunnels *t, bool v6,
				 const struct in6_addr *dst)
{
	u32 h = v6 ? ipv6_addr_hash(dst) : (__force u32)dst->s6_addr32[0];

	return &t->endpoints[hash_32(h, AGL_ENDPOINT_BITS)];
}

static struct agl_endpoint *find(struct agl_tunnels *t, bool v6,
				 const struct in6_addr *dst)
{
	struct agl_endpoint *e;

	hlist_for_each_entry(e, bucket(t, v6, dst), node)
		if (e->v6 == v6 && ipv6_addr_equal(&e->dst, dst))
			return e;
	return NULL;
}

static int fib_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct agl_tun_net *n = container_of(nb, struct agl_tun_net, fib_nb);

	schedule_work(&n->tun->work);
	return NOTIFY_DONE;
}

/* Routes of a namespace are followed while an endpoint is in it */
static int net_get(struct agl_tunnels *t, struct net *net)
{
	struct agl_tun_net *n;

	list_for_each_entry(n, &t->nets, list)
		if (n->net == net) {
			n->users++;
			return 0;
		}
	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (!n)
		return -ENOMEM;
	n->net = get_net(net);
	n->users = 1;
	n->tun = t;
	n->fib_nb.notifier_call = fib_event;
	list_add(&n->list, &t->nets);
	schedule_work(&t->work);
	return 0;
}

static void net_put(struct agl_tunnels *t, struct agl_tun_net *n)
{
	if (--n->users)
		return;
	list_move(&n->list, &t->old_nets);
	schedule_work(&t->work);
}

static struct agl_tun_net *net_find(struct agl_tunnels *t, const struct net *net)
{
	struct agl_tun_net *n;

	list_for_each_entry(n, &t->nets, list)
		if (net ? n->net == net : !n->followed)
			return n;
	return NULL;
}

/**
 * agl_nets_update - begin and end to follow routes
 * @t: tunnels; neither rtnl nor the lock is held
 *
 * Registering wants rtnl, which a rule's callback may hold already: so it is
 * done here, and what happened to routes before it is looked at after it.
 */
void agl_nets_update(struct agl_tunnels *t)
{
	struct agl_tun_net *n, *next;
	LIST_HEAD(old);

	mutex_lock(&t->lock);
	while ((n = net_find(t, NULL))) {
		n->users++;
		n->followed = true;
		mutex_unlock(&t->lock);
		if (register_fib_notifier(n->net, &n->fib_nb, NULL, NULL))
			n->fib_nb.notifier_call = NULL;
		mutex_lock(&t->lock);
		net_put(t, n);
	}
	list_splice_init(&t->old_nets, &old);
	mutex_unlock(&t->lock);
	list_for_each_entry_safe(n, next, &old, list) {
		if (n->followed && n->fib_nb.notifier_call)
			unregister_fib_notifier(n->net, &n->fib_nb);
		put_net(n->net);
		kfree(n);
	}
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
	err = net_get(t, net);
	if (err) {
		kfree(e);
		return ERR_PTR(err);
	}
	refcount_set(&e->users, 1);
	e->net = net;
	e->v6 = encap->v6;
	e->dst = encap->dst;
	e->src = encap->src;
	e->tpid = u->tpid;
	e->tci = u->tci;
	e->new_tpid = u->tpid;
	e->new_tci = u->tci;
	hlist_add_head(&e->node, bucket(t, e->v6, &e->dst));
	atomic_inc(&t->endpoint_count);
	update(t, e, true);
	return e;
}

/* The card has one source for a destination. Return: -EADDRINUSE, -EXDEV */
static int endpoint_share(struct agl_tunnels *t, struct agl_endpoint *e,
			  struct net *net, const struct agl_encap *encap)
{
	if (e->net != net)
		return -EXDEV;
	if (!ipv6_addr_any(&encap->src) && !ipv6_addr_equal(&encap->src, &e->src)) {
		if (!ipv6_addr_any(&e->src) ||
		    (e->in_card && !ipv6_addr_equal(&encap->src, &e->sent.src)))
			return -EADDRINUSE;
		e->src = encap->src;
		update(t, e, false);
	}
	refcount_inc(&e->users);
	return 0;
}

static struct agl_endpoint *get_locked(struct agl_tunnels *t, struct net *net,
				       const struct agl_encap *encap,
				       const struct agl_underlay *u)
{
	struct agl_endpoint *e = find(t, encap->v6, &encap->dst);
	int err;

	if (!e)
		return endpoint_new(t, net, encap, u);
	err = endpoint_share(t, e, net, encap);
	return err ? ERR_PTR(err) : e;
}

/**
 * agl_endpoint_get - a rule is going to send to a tunnel's other end
 * @agl: card
 * @net: namespace of the underlay
 * @encap: tunnel; its ttl is set if it was 0, and the outer tag
 *
 * Return: a reference; -ENODEV if the route leaves by another device than one
 * of the card's, -EXDEV if rules in another namespace send there, -EADDRINUSE
 * if rules send there from another address, -ENOMEM. That there is no route
 * or no neighbour is no error: until there is, the host has the packets.
 */
struct agl_endpoint *agl_endpoint_get(struct agilio *agl, struct net *net,
				      struct agl_encap *encap)
{
	struct agl_tunnels *t = &agl->tunnels;
	struct agl_underlay u;
	struct agl_endpoint *e;
	int err;

	err = agl_underlay_find(agl, net, encap->v6, &encap->dst, &encap->src, &u);
	if (err) {
		memset(&u, 0, sizeof(u));
		u.ttl = DEFAULT_TTL;
	} else {
		neigh_release(u.neigh);
		if (!u.port)
			return ERR_PTR(-ENODEV);
	}
	mutex_lock(&t->lock);
	e = get_locked(t, net, encap, &u);
	if (!IS_ERR(e)) {
		encap->tpid = e->tpid;
		encap->tci = e->tci;
	}
	mutex_unlock(&t->lock);
	if (!encap->ttl)
		encap->ttl = u.ttl;
	return e;
}

/**
 * agl_endpoint_put - drop a reference
 * @agl: card
 * @e: endpoint; the rule that sent there is out of the card
 */
void agl_endpoint_put(struct agilio *agl, struct agl_endpoint *e)
{
	struct agl_tunnels *t = &agl->tunnels;

	if (!refcount_dec_and_mutex_lock(&e->users, &t->lock))
		return;
	hlist_del(&e->node);
	withdraw(t, e);
	atomic_dec(&t->endpoint_count);
	net_put(t, net_find(t, e->net));
	mutex_unlock(&t->lock);
	if (e->neigh)
		neigh_release(e->neigh);
	kfree(e);
}

/**
 * agl_endpoints_check - look at the ways to all endpoints again
 * @t: tunnels
 */
void agl_endpoints_check(struct agl_tunnels *t)
{
	struct agl_endpoint *e;
	unsigned int i;

	mutex_lock(&t->lock);
	for (i = 0; i < ARRAY_SIZE(t->endpoints); i++)
		hlist_for_each_entry(e, &t->endpoints[i], node)
			update(t, e, false);
	mutex_unlock(&t->lock);
}

static struct agl_endpoint *get_moved(struct agl_tunnels *t)
{
	struct agl_endpoint *e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t->endpoints); i++)
		hlist_for_each_entry(e, &t->endpoints[i], node)
			if (has_moved(e) && refcount_inc_not_zero(&e->users))
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
	while ((e = get_moved(t))) {
		mutex_unlock(&t->lock);
		agl_table_retag(t->agl, e);
		mutex_lock(&t->lock);
		update(t, e, true);
		mutex_unlock(&t->lock);
		agl_endpoint_put(t->agl, e);
		mutex_lock(&t->lock);
	}
	mutex_unlock(&t->lock);
}

static void address(struct in6_addr *to, bool v6, const void *from)
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

	address(&addr, v6, dst);
	mutex_lock(&t->lock);
	e = find(t, v6, &addr);
	if (e)
		update(t, e, true);
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

	address(&addr, v6, dst);
	mutex_lock(&t->lock);
	e = find(t, v6, &addr);
	if (e && e->neigh) {
		WRITE_ONCE(e->neigh->used, jiffies);
		neigh_event_send(e->neigh, NULL);
	}
	mutex_unlock(&t->lock);
}
