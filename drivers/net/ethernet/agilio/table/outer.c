// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card takes a packet out of its tunnel before it looks for a rule of the
 * port that it came in by. In software it is the other way round: filters of
 * the port see the packet with its outer headers, and what one of them drops
 * or sends elsewhere never gets to the tunnel device. So whatever a filter of
 * a port is, in the card or the host's: while it overlaps outer headers that
 * flows of a tunnel device take off, these flows are parked, and one that
 * comes later is refused. Then the card has no rule for what is in the tunnel
 * and gives the packet to the host as it came.
 *
 * That is no help to a rule of a port that only the card has, as the packet is
 * not looked at as one of the port's any more, whoever it is from, as long as
 * the card takes out of tunnels what is for its address. So such a rule is
 * refused while that is so; no flow of the address goes in after it; and those
 * that are there when a MAC address becomes one of ours are all parked, with
 * which the card forgets the address.
 *
 * What a port sees of outer headers is one view for each MAC address that the
 * card takes tunnel packets for, as most filters of ports have another in
 * their match. Many flows have the same outer headers, so there are few views,
 * and a filter that has nothing to do with tunnels finds none of them: it costs
 * the same however many rules there are.
 */
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "../agilio.h"
#include "table.h"

/**
 * struct outer_mac - a MAC address that the card takes tunnel packets for
 * @list: in agl_outers.macs
 * @addr: address
 * @port: number of the physical port that they come in by, below 0: any port
 */
struct outer_mac {
	struct list_head list;
	u8 addr[ETH_ALEN];
	int port;
};

/**
 * struct outer_view - outer headers to a MAC address
 * @list: in agl_outer.views
 * @item: its match; NULL: there was no memory, so all comes before it
 * @outer: whose
 * @mac: address
 * @before: part of agl_outer.before
 * @before_only: likewise
 */
struct outer_view {
	struct list_head list;
	struct agl_item *item;
	struct agl_outer *outer;
	const struct outer_mac *mac;
	unsigned int before;
	unsigned int before_only;
};

static const u8 outer_types[] = { AGL_TUN_GRE, AGL_TUN_VXLAN, AGL_TUN_GENEVE };

static void outer_match_address(const struct agl_outer_key *k,
				struct agl_fields *key, struct agl_fields *mask)
{
	mask->eth_type = cpu_to_be16(~0);
	if (k->v6) {
		key->eth_type = cpu_to_be16(ETH_P_IPV6);
		key->dst6 = k->dst;
		memset(&mask->dst6, 0xff, sizeof(mask->dst6));
		key->src6 = k->src;
		mask->src6 = k->src_mask;
	} else {
		key->eth_type = cpu_to_be16(ETH_P_IP);
		key->dst = k->dst.s6_addr32[0];
		mask->dst = cpu_to_be32(~0);
		key->src = k->src.s6_addr32[0];
		mask->src = k->src_mask.s6_addr32[0];
	}
}

/* What filters see of a tunnel's packet; any tag may be in front */
static void outer_match(const struct agl_outer_key *k, u8 type, const u8 *mac,
			struct agl_match *key, struct agl_match *mask)
{
	struct agl_fields *f = &key->fields, *m = &mask->fields;

	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	ether_addr_copy(f->dst_mac, mac);
	eth_broadcast_addr(m->dst_mac);
	outer_match_address(k, f, m);
	m->frag = AGL_FRAG_ANY;
	f->ip_proto = type == AGL_TUN_GRE ? IPPROTO_GRE : IPPROTO_UDP;
	m->ip_proto = 0xff;
	if (type == AGL_TUN_GRE)
		return;
	f->dport = cpu_to_be16(type == AGL_TUN_VXLAN ? AGL_VXLAN_PORT :
						       AGL_GENEVE_PORT);
	m->dport = cpu_to_be16(~0);
}

/* Packets that come in there are what it was that came in by a cable, or a VF */
static bool outer_is_port(u32 port)
{
	u32 type = FIELD_GET(AGL_PORT_TYPE, port);

	return type == AGL_PORT_TYPE_PHYS || type == AGL_PORT_TYPE_PCIE;
}

/* Do packets to the address come in by the port? */
static bool outer_mac_is_for(const struct outer_mac *mac, u32 port)
{
	return mac->port < 0 ? outer_is_port(port) :
			       port == AGL_PORT_PHYS(mac->port);
}

/* What comes before it has changed */
static void outer_update(struct agilio *agl, struct agl_outer *o)
{
	struct agl_outer *part;

	if (!o->whole) {
		list_for_each_entry(part, &o->parts, part)
			outer_update(agl, part);
		return;
	}
	agl_depend_change(agl, &o->dep, o->before || o->whole->before_only);
}

static void outer_view_count(struct outer_view *v, const struct agl_flow *flow, int n)
{
	/* The host's flows have no key: those are gone soon, or software's too */
	bool only = flow->only && flow->key_len;

	v->before += n;
	v->outer->before += n;
	v->before_only += only ? n : 0;
	v->outer->before_only += only ? n : 0;
}

static void outer_view_ask(struct outer_view *v, struct agl_port_rules *rules)
{
	struct agl_item *hit = agl_overlap_find(&rules->overlaps, v->item);

	for (; hit; hit = hit->hit) {
		const struct agl_flow *flow = hit->owner;

		if (flow->counted)
			outer_view_count(v, flow, 1);
	}
}

/* Rules of ports that were there before it */
static void outer_view_ask_all(struct agl_table *t, struct outer_view *v)
{
	struct agl_port_rules *rules;
	unsigned long port;

	xa_for_each(&t->ports, port, rules)
		if (outer_mac_is_for(v->mac, port))
			outer_view_ask(v, rules);
}

static int outer_view_add(struct agl_table *t, struct agl_outer *o, u8 type,
			  const struct outer_mac *mac)
{
	struct outer_view *v = kzalloc(sizeof(*v), GFP_KERNEL | __GFP_NOFAIL);
	struct agl_match *match = kmalloc_array(2, sizeof(*match), GFP_KERNEL);

	v->outer = o;
	v->mac = mac;
	list_add(&v->list, &o->views);
	if (match) {
		outer_match(&o->key, type, mac->addr, &match[0], &match[1]);
		v->item = agl_overlap_add(&t->outers.overlaps, match[0].word,
					  match[1].word);
		kfree(match);
	}
	if (v->item) {
		v->item->owner = v;
		outer_view_ask_all(t, v);
		return 0;
	}
	v->before = 1;
	v->before_only = 1;
	o->before++;
	o->before_only++;
	return -ENOMEM;
}

static void outer_view_del(struct agl_table *t, struct outer_view *v)
{
	v->outer->before -= v->before;
	v->outer->before_only -= v->before_only;
	if (v->item)
		agl_overlap_del(&t->outers.overlaps, v->item);
	list_del(&v->list);
	kfree(v);
}

/* Return: 0, -ENOMEM: it is as if something came before it */
static int outer_add_mac(struct agl_table *t, struct agl_outer *o,
			 const struct outer_mac *mac)
{
	unsigned int i;
	int err = 0;

	if (o->key.type)
		return outer_view_add(t, o, o->key.type, mac);
	for (i = 0; i < ARRAY_SIZE(outer_types); i++)
		err = outer_view_add(t, o, outer_types[i], mac) ?: err;
	return err;
}

/**
 * agl_outer_put - drop a reference
 * @t: table, its order is locked
 * @o: from agl_outer_get(); the flow is out of the card
 */
void agl_outer_put(struct agl_table *t, struct agl_outer *o)
{
	struct outer_view *v, *next;

	if (--o->users)
		return;
	list_for_each_entry_safe(v, next, &o->views, list)
		outer_view_del(t, v);
	hash_del(&o->node);
	if (o->whole) {
		list_del(&o->part);
		agl_outer_put(t, o->whole);
	}
	kfree(o);
}

static u32 outer_hash(const struct agl_outer_key *key)
{
	return jhash(key, sizeof(*key), 0);
}

static struct agl_outer *outer_new(struct agl_table *t, const struct agl_outer_key *key)
{
	struct agl_outer *o = kzalloc(sizeof(*o), GFP_KERNEL);
	const struct outer_mac *mac;
	int err = 0;

	if (!o)
		return NULL;
	o->key = *key;
	o->users = 1;
	INIT_LIST_HEAD(&o->parts);
	INIT_LIST_HEAD(&o->views);
	agl_dep_init(&o->dep, false);
	hash_add(t->outers.by_key, &o->node, outer_hash(key));
	list_for_each_entry(mac, &t->outers.macs, list)
		err = outer_add_mac(t, o, mac) ?: err;
	if (!err)
		return o;
	agl_outer_put(t, o);
	return NULL;
}

static struct agl_outer *outer_get(struct agl_table *t, const struct agl_outer_key *key)
{
	struct agl_outer *o;

	hash_for_each_possible(t->outers.by_key, o, node, outer_hash(key))
		if (!memcmp(&o->key, key, sizeof(*key))) {
			o->users++;
			return o;
		}
	return outer_new(t, key);
}

static struct agl_outer *outer_get_part(struct agl_table *t,
					const struct agl_outer_key *key)
{
	struct agl_outer_key all = { .dst = key->dst, .v6 = key->v6 };
	struct agl_outer *whole = outer_get(t, &all), *o;

	if (!whole)
		return NULL;
	o = outer_get(t, key);
	if (!o || o->whole) {
		agl_outer_put(t, whole);
		return o;
	}
	o->whole = whole;
	list_add(&o->part, &whole->parts);
	o->dep.away = o->before || whole->before_only;
	return o;
}

/**
 * agl_outer_get - outer headers of what a flow takes out of a tunnel
 * @t: table, its order is locked
 * @port: of the tunnel
 * @image: its match
 *
 * Return: a reference, NULL without memory.
 */
struct agl_outer *agl_outer_get(struct agl_table *t, u32 port,
				const struct agl_image *image)
{
	const struct agl_fields *f = &image->match.fields;
	const struct agl_fields *m = &image->match_mask.fields;
	struct agl_outer_key key = {
		.v6 = !!(image->match.tags & AGL_MATCH_TUN6),
		.type = port & AGL_PORT_NUMBER,
	};

	if (key.v6) {
		key.dst = f->enc_dst6;
		key.src = f->enc_src6;
		key.src_mask = m->enc_src6;
	} else {
		key.dst.s6_addr32[0] = f->enc_dst;
		key.src.s6_addr32[0] = f->enc_src;
		key.src_mask.s6_addr32[0] = m->enc_src;
	}
	return outer_get_part(t, &key);
}

static const struct agl_outer *outer_of(const struct agl_flow *flow)
{
	if (!flow->decaps)
		return NULL;
	return container_of(flow->link[flow->links - 1].dep, struct agl_outer, dep);
}

/* The first of the rules of ports that take packets of a tunnel, for messages */
static u32 outer_first(struct agl_table *t, const struct agl_outer *o)
{
	const struct outer_view *v;
	struct agl_port_rules *rules;
	const struct agl_item *hit;
	unsigned long port;
	u32 prio = U32_MAX;

	list_for_each_entry(v, &o->views, list)
		xa_for_each(&t->ports, port, rules) {
			if (!v->item || !outer_mac_is_for(v->mac, port))
				continue;
			for (hit = agl_overlap_find(&rules->overlaps, v->item);
			     hit; hit = hit->hit) {
				const struct agl_flow *flow = hit->owner;

				if (flow->counted)
					prio = min(prio, flow->prio);
			}
		}
	return prio;
}

static bool outer_view_is_for(const struct agl_item *hit, const struct agl_flow *flow)
{
	const struct outer_view *v = hit->owner;

	return outer_mac_is_for(v->mac, flow->port);
}

/**
 * agl_outer_check - can a flow be in the card, for all that tunnels do?
 * @t: table, its order is locked
 * @flow: not in it, has its item
 * @prio: set if it can't for a flow of that priority
 *
 * Return: 0; -EADDRNOTAVAIL: no, a port's rule takes this tunnel's packets
 * first; -EADDRINUSE: no, the card takes packets out of tunnels that only this
 * rule would have.
 */
int agl_outer_check(struct agl_table *t, const struct agl_flow *flow, u32 *prio)
{
	const struct agl_outer *outer = outer_of(flow);
	const struct agl_item *hit;

	if (outer && outer->dep.away) {
		*prio = outer_first(t, outer->before ? outer : outer->whole);
		return -EADDRNOTAVAIL;
	}
	if (!flow->takes || !flow->only || !outer_is_port(flow->port))
		return 0;
	for (hit = agl_overlap_find(&t->outers.overlaps, flow->item); hit; hit = hit->hit)
		if (outer_view_is_for(hit, flow))
			return -EADDRINUSE;
	return 0;
}

static void outer_count(struct agilio *agl, struct agl_flow *flow, int n)
{
	struct agl_item *hit = agl_overlap_find(&agl->table.outers.overlaps, flow->item);

	flow->counted = n > 0;
	for (; hit; hit = hit->hit) {
		struct outer_view *v = hit->owner;

		if (!outer_view_is_for(hit, flow))
			continue;
		outer_view_count(v, flow, n);
		outer_update(agl, v->outer);
	}
}

/**
 * agl_outer_enter - a flow comes before those of tunnels
 * @agl: card; the table's order is locked
 * @flow: going into the card, or the host's to stay
 *
 * These are parked.
 */
void agl_outer_enter(struct agilio *agl, struct agl_flow *flow)
{
	if (flow->takes && !flow->counted && outer_is_port(flow->port))
		outer_count(agl, flow, 1);
}

/**
 * agl_outer_leave - and no more
 * @agl: card; the table's order is locked
 * @flow: out of the card, has its item
 */
void agl_outer_leave(struct agilio *agl, struct agl_flow *flow)
{
	if (flow->counted)
		outer_count(agl, flow, -1);
}

static void outer_mac_add(struct agilio *agl, struct outer_mac *mac)
{
	struct agl_outers *outers = &agl->table.outers;
	struct agl_outer *o;
	unsigned int i;

	list_add(&mac->list, &outers->macs);
	hash_for_each(outers->by_key, i, o, node) {
		outer_add_mac(&agl->table, o, mac);
		outer_update(agl, o);
	}
}

static void outer_mac_del(struct agilio *agl, struct outer_mac *mac)
{
	struct agl_outers *outers = &agl->table.outers;
	struct outer_view *v, *next;
	struct agl_outer *o;
	unsigned int i;

	list_del(&mac->list);
	hash_for_each(outers->by_key, i, o, node) {
		list_for_each_entry_safe(v, next, &o->views, list)
			if (v->mac == mac)
				outer_view_del(&agl->table, v);
		outer_update(agl, o);
	}
	kfree(mac);
}

/**
 * agl_outer_mac - the card is going to take tunnel packets for a MAC address,
 *	or doesn't any more
 * @agl: card
 * @addr: address
 * @port: number of the physical port that they come in by, below 0: any port
 * @told: it is going to
 */
void agl_outer_mac(struct agilio *agl, const u8 *addr, int port, bool told)
{
	struct agl_table *t = &agl->table;
	struct outer_mac *mac, *old = NULL;

	mutex_lock(&t->order);
	list_for_each_entry(mac, &t->outers.macs, list)
		if (ether_addr_equal(mac->addr, addr))
			old = mac;
	if (old && told && old->port == port)
		goto out;
	if (told) {
		mac = kzalloc(sizeof(*mac), GFP_KERNEL | __GFP_NOFAIL);
		ether_addr_copy(mac->addr, addr);
		mac->port = port;
		outer_mac_add(agl, mac);
	}
	if (old)
		outer_mac_del(agl, old);
out:
	mutex_unlock(&t->order);
}

/**
 * agl_outers_init - none
 * @t: table, its layout is there
 */
void agl_outers_init(struct agl_table *t)
{
	agl_overlaps_init(&t->outers.overlaps, &t->layout);
	hash_init(t->outers.by_key);
	INIT_LIST_HEAD(&t->outers.macs);
}

/**
 * agl_outers_free - the end
 * @t: table; all flows have left
 */
void agl_outers_free(struct agl_table *t)
{
	WARN_ON(!hash_empty(t->outers.by_key) || !list_empty(&t->outers.macs));
	agl_overlaps_free(&t->outers.overlaps);
}
