// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chains and ranges. The card looks at one rule for a packet. So what tc does
 * in several steps, a filter that jumps to a chain and a filter there, is one
 * rule in the card, see rule/then.c. A packet that no filter of a chain takes
 * matches no rule and is the host's, which starts with it in chain 0.
 * 03-flower.md section 12.2.
 */
#include <linux/slab.h>
#include <net/flow_offload.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "../rule/then.h"
#include "filter.h"
#include "parse.h"

/* Paths that one command may make: that takes some tenths of a second */
#define COMPOSE_WORK_MAX	8192

/**
 * struct agl_chain - a chain of a device
 * @filters: in it
 * @jumps: that jump to it
 */
struct agl_chain {
	struct list_head filters;
	struct list_head jumps;
};

/**
 * struct agl_composed - a filter that isn't simply a rule of the card
 * @filter: it
 * @in_chain: in agl_chain.filters
 * @jump: in agl_chain.jumps, if it jumps
 * @rules: what is made of it, through struct agl_path_part
 * @host: it was refused: its packets are the host's
 * @zone: that it sends packets into, or NULL
 * @in_zone: in agl_zone_port.filters
 * @compiled: as a rule; it can be merged with others
 */
struct agl_composed {
	struct agl_filter *filter;
	struct agl_zone_port *zone;
	struct list_head in_zone;
	struct list_head in_chain;
	struct list_head jump;
	struct list_head rules;
	bool host;
	struct agl_compiled compiled;
};

struct agl_path_rule;

/**
 * struct agl_path_part - that a filter or a connection is a part of a rule
 * @list: in agl_composed.rules, or agl_conn.rules
 * @whole: the rule
 */
struct agl_path_part {
	struct list_head list;
	struct agl_path_rule *whole;
};

/**
 * struct agl_path_rule - a flow that the filters of a path make
 * @flow: flow of the table
 * @path: for the table, filters after the first; it is behind the parts
 * @rcu: frees it: counters arrive for all filters of the path
 * @parts: how many filters and connections
 * @part: they; no two of them are the same
 */
struct agl_path_rule {
	struct agl_flow *flow;
	struct agl_path *path;
	struct rcu_head rcu;
	unsigned int parts;
	struct agl_path_part part[] __counted_by(parts);
};

/**
 * struct compose_walk - filters that a packet passes, chain by chain
 * @req: filter that all of it is done for
 * @with: that filter: paths without it are as they were
 * @counting: only how much work it would be
 * @work: that is counted already
 * @len: filters so far
 * @step: they
 * @conn: connection that packets are of behind each of them that sends them
 *	into a zone; NULL: of one that isn't known
 * @conns: how many of these there are
 * @unknown: how many zones there are without
 * @fixed: connection that all of it is done for, instead of a filter
 * @asked: @req, but for paths with connections: of these nobody is told
 * @silent: @req of these
 * @ports: a rule that does nothing: one range of a filter's, which comes first
 * @whole: likewise: a connection, which comes behind a filter
 * @image: room for the bytes of a rule
 */
struct compose_walk {
	const struct agl_request *req;
	struct agl_composed *with;
	bool counting;
	unsigned int work;
	unsigned int len;
	struct agl_composed *step[AGL_CHAINS_MAX];
	struct agl_conn *conn[AGL_CHAINS_MAX];
	unsigned int conns;
	unsigned int unknown;
	struct agl_conn *fixed;
	const struct agl_request *asked;
	struct agl_request silent;
	struct agl_rule *ports;
	struct agl_rule *whole;
	struct agl_image image;
};

static struct agl_chain *compose_chain_get(struct xarray *chains, u32 index)
{
	struct agl_chain *c = xa_load(chains, index);

	if (c)
		return c;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	INIT_LIST_HEAD(&c->filters);
	INIT_LIST_HEAD(&c->jumps);
	if (!xa_err(xa_store(chains, index, c, GFP_KERNEL)))
		return c;
	kfree(c);
	return NULL;
}

static void compose_chain_put(struct xarray *chains, u32 index)
{
	struct agl_chain *c = xa_load(chains, index);

	if (!c || !list_empty(&c->filters) || !list_empty(&c->jumps))
		return;
	xa_erase(chains, index);
	kfree(c);
}

static int compose_link(struct agl_composed *c)
{
	struct xarray *chains = &c->filter->name.in->chains;
	struct agl_chain *in, *next = NULL;

	in = compose_chain_get(chains, c->filter->chain);
	if (in && c->compiled.next_chain)
		next = compose_chain_get(chains, c->compiled.next_chain);
	if (!in || (c->compiled.next_chain && !next)) {
		compose_chain_put(chains, c->filter->chain);
		return -ENOMEM;
	}
	list_add(&c->in_chain, &in->filters);
	if (next)
		list_add(&c->jump, &next->jumps);
	return 0;
}

static void compose_unlink(struct agl_composed *c)
{
	struct xarray *chains = &c->filter->name.in->chains;

	list_del(&c->in_chain);
	list_del(&c->jump);
	list_del(&c->in_zone);
	compose_chain_put(chains, c->filter->chain);
	compose_chain_put(chains, c->compiled.next_chain);
}

/* The rule without the room that it has not needed */
static struct agl_rule *compose_shrunk(const struct agl_rule *rule)
{
	struct agl_rule *r = kmemdup(rule, struct_size(rule, action, rule->actions),
				     GFP_KERNEL);

	if (r)
		r->room = rule->actions;
	return r;
}

/* @host: its actions and where it jumps to are nothing for the card */
static struct agl_composed *compose_new(struct agl_filter *f,
					const struct agl_compiled *from, bool host,
					struct agl_zone_port *zone)
{
	struct agl_composed *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->filter = f;
	c->host = host;
	c->compiled = *from;
	c->zone = zone;
	INIT_LIST_HEAD(&c->jump);
	INIT_LIST_HEAD(&c->in_zone);
	INIT_LIST_HEAD(&c->rules);
	if (host) {
		c->compiled.next_chain = 0;
		c->compiled.rule = NULL;
	} else {
		c->compiled.rule = compose_shrunk(from->rule);
	}
	if ((!host && !c->compiled.rule) || compose_link(c)) {
		kfree(c->compiled.rule);
		kfree(c);
		return NULL;
	}
	if (zone)
		list_add_tail(&c->in_zone, &zone->filters);
	return c;
}

static void compose_rule_end(struct agilio *agl, struct agl_path_rule *r)
{
	unsigned int i;

	for (i = 0; i < r->parts; i++)
		list_del(&r->part[i].list);
	agl_table_leave(agl, r->flow);
	kfree_rcu(r, rcu);
}

static void compose_unmake(struct agilio *agl, struct list_head *rules)
{
	struct agl_path_part *p;

	while ((p = list_first_entry_or_null(rules, struct agl_path_part, list)))
		compose_rule_end(agl, p->whole);
}

static void compose_end(struct agl_composed *c)
{
	compose_unmake(c->filter->name.in->agl, &c->rules);
	compose_unlink(c);
	kfree(c->compiled.rule);
	kfree(c);
}

static const struct agl_rule *compose_range(const struct compose_walk *w,
					    const struct agl_ports *range)
{
	w->ports->key.sport = range->sport;
	w->ports->mask.sport = range->sport_mask;
	w->ports->key.dport = range->dport;
	w->ports->mask.dport = range->dport_mask;
	return w->ports;
}

/* The connection behind a filter */
static const struct agl_rule *compose_conn(const struct compose_walk *w, unsigned int i)
{
	agl_conn_rule(w->conn[i], w->step[i]->compiled.rule->nat, w->whole);
	return w->whole;
}

static int compose_refuse(const struct compose_walk *w, unsigned int i,
			  enum agl_then how)
{
	u32 chain = w->step[i]->filter->chain;

	switch (how) {
	case AGL_THEN_THIRD_TAG:
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "chain %u: a match on a third VLAN tag", chain);
	case AGL_THEN_LABEL:
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "chain %u: a match behind an MPLS label that was popped",
				  chain);
	case AGL_THEN_TUNNEL_KEY:
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "chain %u: enc_ keys after tunnel_key set", chain);
	case AGL_THEN_TUNNELS:
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "chain %u: an output after one into a tunnel", chain);
	case AGL_THEN_INTERNAL:
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "output to an internal port from chain %u", chain);
	default:
		return 0;
	}
}

/* Firmware that sees one tag would not compare another */
static int compose_check(const struct compose_walk *w, const struct agl_rule *rule)
{
	if (rule->inner != AGL_TAG_PRESENT ||
	    w->req->in->agl->features & AGL_FEAT_VLAN_QINQ)
		return 0;
	return agl_refuse(w->req, AGL_REFUSE_FEATURE,
			  "chains that look at two VLAN tags: this firmware sees one");
}

/* Return: 0; 1 if no packet gets through all of it; agl_refuse()'s */
static int compose_steps(const struct compose_walk *w, const unsigned int *range,
			 struct agl_rule *rule)
{
	enum agl_then how;
	unsigned int i;
	int err;

	for (i = 0; i < w->len; i++) {
		const struct agl_compiled *c = &w->step[i]->compiled;

		how = agl_then(rule, compose_range(w, &c->range[range[i]]));
		if (how == AGL_THEN_ONE)
			how = agl_then(rule, c->rule);
		if (how == AGL_THEN_ONE && w->conn[i])
			how = agl_then(rule, compose_conn(w, i));
		if (how == AGL_THEN_NEVER)
			return 1;
		err = compose_refuse(w, i, how);
		if (err)
			return err;
	}
	return compose_check(w, rule);
}

/* One of the rules of the card. Return: NULL if no packet can match it */
static struct agl_rule *compose_merge(const struct compose_walk *w,
				      const unsigned int *range)
{
	struct agl_rule *rule;
	unsigned int i, actions = 0;
	int err;

	for (i = 0; i < w->len; i++)
		actions += w->step[i]->compiled.rule->actions + !!w->conn[i];
	if (actions > AGL_ACTIONS_MAX)
		return ERR_PTR(agl_refuse(w->req, AGL_REFUSE_SIZE,
					  "chains of %u actions: the card's list has room for %u",
					  actions, AGL_ACTIONS_MAX));
	rule = agl_rule_alloc(w->req->in, actions);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	rule->device = w->step[0]->compiled.rule->device;
	err = compose_steps(w, range, rule);
	if (!err)
		return rule;
	kfree(rule);
	return err < 0 ? ERR_PTR(err) : NULL;
}

/* What is known of a packet's connection behind a filter */
static void compose_tracked(const struct agl_rule *rule, const struct agl_conn *conn,
			    struct agl_ct_match *known)
{
	if (rule->track == AGL_TRACK_NOT)
		return;
	memset(known, 0, sizeof(*known));
	if (rule->track == AGL_TRACK_CLEAR) {
		memset(&known->mask, 0xff, sizeof(known->mask));
	} else if (conn) {
		*known = conn->ct;
	} else {
		known->key.state = TCA_FLOWER_KEY_CT_FLAGS_TRACKED;
		known->mask.state = TCA_FLOWER_KEY_CT_FLAGS_TRACKED;
		known->key.zone = rule->zone;
		known->mask.zone = U16_MAX;
	}
}

/* Return: whether a packet can be what each of the filters asks of connections */
static bool compose_ct(const struct compose_walk *w)
{
	struct agl_ct_match known = {};
	unsigned int i;

	memset(&known.mask, 0xff, sizeof(known.mask));
	for (i = 0; i < w->len; i++) {
		const struct agl_compiled *c = &w->step[i]->compiled;

		if (!agl_ct_meets(&known, &c->ct))
			return false;
		if (i < w->len - 1)
			compose_tracked(c->rule, w->conn[i], &known);
	}
	return true;
}

/* @key, @mask: of what is behind a filter; now before its connection's NAT */
static bool compose_conn_match(const struct compose_walk *w, unsigned int i,
			       struct agl_match *key, struct agl_match *mask)
{
	const struct agl_rule *rule = compose_conn(w, i);
	struct agl_match conn_key, conn_mask;

	agl_match_of(rule, &conn_key, &conn_mask);
	return agl_then_before(rule, key, mask) != AGL_THEN_NEVER &&
	       agl_match_meets(key, mask, &conn_key, &conn_mask);
}

/*
 * What software compares; without @range more than that. Return: whether any
 * packet can match it
 */
static bool compose_match(struct compose_walk *w, const unsigned int *range)
{
	struct agl_match *key = &w->image.match, *mask = &w->image.match_mask;
	struct agl_match port_key, port_mask;
	unsigned int i = w->len;

	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	if (!compose_ct(w))
		return false;
	while (i--) {
		const struct agl_compiled *c = &w->step[i]->compiled;

		if (w->conn[i] && !compose_conn_match(w, i, key, mask))
			return false;
		if ((i < w->len - 1 || w->conn[i]) &&
		    agl_then_before(c->rule, key, mask) == AGL_THEN_NEVER)
			return false;
		if (!agl_match_meets(key, mask, &c->match, &c->match_mask))
			return false;
		if (!range)
			continue;
		agl_match_of(compose_range(w, &c->range[range[i]]), &port_key,
			     &port_mask);
		if (!agl_match_meets(key, mask, &port_key, &port_mask))
			return false;
	}
	return true;
}

static struct agl_path_rule *compose_rule_new(const struct compose_walk *w)
{
	unsigned int i, parts = w->len + w->conns;
	struct agl_path_rule *r;
	size_t size = struct_size(r, part, parts);

	r = kzalloc(size + struct_size(r->path, step, w->len - 1), GFP_KERNEL);
	if (!r)
		return NULL;
	r->parts = parts;
	r->path = (void *)r + size;
	r->path->len = w->len - 1;
	for (i = 0; i < w->len; i++) {
		struct agl_filter *f = w->step[i]->filter;

		if (i)
			r->path->step[i - 1] = (struct agl_step){
				.cookie = f->name.cookie,
				.prio = f->prio,
				.counts = &f->counts,
				.alike = f->alike,
				.ct = &w->step[i]->compiled.ct,
				.conn = w->conn[i - 1] ? &w->conn[i - 1]->counts : NULL,
			};
	}
	for (i = 0; i < parts; i++)
		r->part[i].whole = r;
	return r;
}

static void compose_rule_parts(const struct compose_walk *w, struct agl_path_rule *r)
{
	struct agl_path_part *part = r->part;
	unsigned int i;

	for (i = 0; i < w->len; i++) {
		list_add(&part++->list, &w->step[i]->rules);
		if (w->conn[i])
			list_add(&part++->list, &w->conn[i]->rules);
	}
}

static int compose_enter(struct compose_walk *w, bool host)
{
	struct agilio *agl = w->req->in->agl;
	struct agl_filter *first = w->step[0]->filter;
	const struct agl_composed *last = w->step[w->len - 1];
	struct agl_flow_name name = {
		.cookie = first->name.cookie,
		.port = w->req->in->port,
		.prio = first->prio,
		.alike = first->alike,
		.counts = &first->counts,
	};
	struct agl_path_rule *r = compose_rule_new(w);
	unsigned int i;

	if (!r)
		return -ENOMEM;
	name.path = r->path->len ? r->path : NULL;
	/* What no filter of a chain takes goes on as if there were none */
	name.takes = last->filter->takes && !last->compiled.next_chain;
	if (host)
		name.only = w->with->host && w->with->filter->only;
	for (i = 0; !host && i < w->len; i++)
		name.only |= w->step[i]->filter->only;
	r->flow = host ? agl_table_enter_host(agl, &name, &w->image) :
			 agl_table_enter(agl, &name, &w->image);
	if (IS_ERR(r->flow)) {
		int err = PTR_ERR(r->flow);

		kfree(r);
		return agl_explain(w->req, w->image.before, err);
	}
	compose_rule_parts(w, r);
	return 0;
}

/* Packets that software sends there and no rule can match are the host's */
static int compose_make_rule(struct compose_walk *w, const unsigned int *range)
{
	struct agl_rule *rule;
	int err;

	rule = compose_merge(w, range);
	if (IS_ERR(rule))
		return PTR_ERR(rule);
	if (!rule)
		return compose_enter(w, true);
	err = agl_encode(w->req, rule, &w->image);
	if (!err)
		err = compose_enter(w, false);
	agl_image_release(w->req->in->agl, &w->image);
	kfree(rule);
	return err;
}

/* All combinations of the ranges. Return: whether there is a next one */
static bool compose_next_range(const struct compose_walk *w, unsigned int *range)
{
	unsigned int i;

	for (i = 0; i < w->len; i++) {
		if (++range[i] < w->step[i]->compiled.range_count)
			return true;
		range[i] = 0;
	}
	return false;
}

/* Chains of n, m and k filters are n * m * k paths, and user space has the say */
static int compose_count(struct compose_walk *w, unsigned int work)
{
	w->work += work;
	if (w->work <= COMPOSE_WORK_MAX)
		return 0;
	return agl_refuse(w->req, AGL_REFUSE_CHAIN,
			  "chain %u: more than %u ways through it",
			  w->with->filter->chain, COMPOSE_WORK_MAX);
}

/*
 * What packets do that get to the last filter and no further. What is the
 * host's is kept in mind whatever it is: with ranges that take too many rules
 * as a match of any port.
 */
static int compose_make(struct compose_walk *w)
{
	const struct agl_composed *last = w->step[w->len - 1];
	bool host = last->host || last->compiled.next_chain;
	unsigned int i, range[AGL_CHAINS_MAX] = {};
	u64 count = 1;
	int err = 0;

	for (i = 0; i < w->len; i++)
		count *= w->step[i]->compiled.range_count;
	if (w->counting)
		return compose_count(w, min_t(u64, count, AGL_RANGES_MAX));
	/* The host has what has no connection; what leads to it is noted once */
	if (host ? w->conns : w->unknown)
		return 0;
	if (host && count > AGL_RANGES_MAX)
		return compose_match(w, NULL) ? compose_enter(w, true) : 0;
	if (count > AGL_RANGES_MAX)
		return agl_refuse(w->req, AGL_REFUSE_SIZE,
				  "port ranges of %llu rules in the card: the limit is %u",
				  count, AGL_RANGES_MAX);
	do {
		if (compose_match(w, range))
			err = host ? compose_enter(w, true) :
				     compose_make_rule(w, range);
	} while (!err && compose_next_range(w, range));
	return err;
}

static bool compose_passes(const struct compose_walk *w,
			   const struct agl_composed *c)
{
	unsigned int i;

	for (i = 0; i < w->len; i++)
		if (w->step[i] == c)
			return true;
	return false;
}

static int compose_circle(const struct compose_walk *w)
{
	return agl_refuse(w->req, AGL_REFUSE_CHAIN,
			  "chain %u: it leads back to itself",
			  w->with->filter->chain);
}

static int compose_down(struct compose_walk *w);

/* On, to each filter of the chain that the last one jumps to */
static int compose_into(struct compose_walk *w)
{
	struct agl_composed *last = w->step[w->len - 1], *c;
	u32 next = last->compiled.next_chain;
	struct agl_chain *chain;
	int err = 0;

	if (w->len == AGL_CHAINS_MAX)
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "goto chain %u: more than %u chains in a row",
				  next, AGL_CHAINS_MAX);
	chain = xa_load(&w->req->in->chains, next);
	list_for_each_entry(c, &chain->filters, in_chain) {
		if (compose_passes(w, c))
			return compose_circle(w);
		w->step[w->len++] = c;
		err = compose_down(w);
		w->len--;
		if (err)
			break;
	}
	return err;
}

/* Is it certain that no packet of @conn gets behind @at as the path is so far? */
static bool compose_misses(const struct compose_walk *w, unsigned int at,
			   const struct agl_conn *conn)
{
	const struct agl_conn *c = NULL;
	bool nat = false;

	while (!c && at-- > 0) {
		c = w->conn[at];
		nat = w->step[at]->compiled.rule->nat;
	}
	return c && (c->v6 != conn->v6 || c->proto != conn->proto ||
		     memcmp(nat ? &c->becomes : &c->was, &conn->was,
			    sizeof(conn->was)));
}

/*
 * With a connection behind the filter @at: @fn goes on. What becomes of such a
 * path nobody is told, as it comes and goes with the connection: the host has
 * what isn't in the card.
 */
static void compose_with(struct compose_walk *w, unsigned int at,
			 struct agl_conn *conn,
			 int (*fn)(struct compose_walk *w, unsigned int at))
{
	unsigned int len = w->len;
	bool can;

	if (compose_misses(w, at, conn))
		return;
	w->conn[at] = conn;
	w->conns++;
	w->req = &w->silent;
	w->len = at + 1;
	can = compose_match(w, NULL);
	w->len = len;
	if (can)
		fn(w, at);
	w->conns--;
	w->conn[at] = NULL;
	if (!w->conns)
		w->req = w->asked;
}

/* Through the zone behind the filter @at: as if unknown, and with each connection */
static int compose_zone(struct compose_walk *w, unsigned int at,
			int (*fn)(struct compose_walk *w, unsigned int at))
{
	struct agl_conn *conn;
	int err = 0;

	if (!w->conns && !w->fixed) {
		w->unknown++;
		err = fn(w, at);
		w->unknown--;
	}
	if (err || w->counting || w->unknown)
		return err;
	list_for_each_entry(conn, &w->step[at]->zone->conns, list)
		compose_with(w, at, conn, fn);
	return 0;
}

static int compose_behind(struct compose_walk *w, unsigned int at)
{
	return compose_into(w);
}

/* Down from the last filter, depth first */
static int compose_down(struct compose_walk *w)
{
	unsigned int at = w->len - 1;
	int err;

	err = compose_make(w);
	if (err || !w->step[at]->compiled.next_chain)
		return err;
	return w->step[at]->zone && !w->conn[at] ?
		compose_zone(w, at, compose_behind) : compose_into(w);
}

static int compose_fixed(struct compose_walk *w, unsigned int at)
{
	return compose_down(w);
}

/* The zones on the way to the last filter, from @at on */
static int compose_way(struct compose_walk *w, unsigned int at);

static int compose_way_on(struct compose_walk *w, unsigned int at)
{
	return compose_way(w, at + 1);
}

static int compose_way(struct compose_walk *w, unsigned int at)
{
	if (at < w->len - 1)
		return w->step[at]->zone ? compose_zone(w, at, compose_way_on) :
					   compose_way(w, at + 1);
	if (!w->fixed)
		return compose_down(w);
	compose_with(w, at, w->fixed, compose_fixed);
	return 0;
}

/*
 * Up to chain 0, then down again; @w has the filters after @c at its end. A
 * filter that the host has needs no more than that: further up there is
 * already one that is the host's, of the filter that jumps.
 */
static int compose_up(struct compose_walk *w, struct agl_composed *c)
{
	struct agl_composed *up;
	struct agl_chain *chain;
	int err;

	err = w->counting ? compose_count(w, 1) : 0;
	if (err)
		return err;
	if (compose_passes(w, c))
		return compose_circle(w);
	if (w->len == AGL_CHAINS_MAX && w->with->host)
		return 0;
	if (w->len == AGL_CHAINS_MAX)
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "chain %u: more than %u chains in a row",
				  w->with->filter->chain, AGL_CHAINS_MAX);
	memmove(&w->step[1], &w->step[0], w->len * sizeof(w->step[0]));
	w->step[0] = c;
	w->len++;
	if (!c->filter->chain) {
		err = compose_way(w, 0);
	} else {
		chain = xa_load(&w->req->in->chains, c->filter->chain);
		list_for_each_entry(up, &chain->jumps, jump) {
			err = compose_up(w, up);
			if (err)
				break;
		}
	}
	w->len--;
	memmove(&w->step[0], &w->step[1], w->len * sizeof(w->step[0]));
	return err;
}

static void compose_walk_free(struct compose_walk *w)
{
	if (!w)
		return;
	kfree(w->whole);
	kfree(w->ports);
	kfree(w);
}

static struct compose_walk *compose_walk_alloc(const struct agl_request *req)
{
	struct compose_walk *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return NULL;
	w->ports = agl_rule_alloc(req->in, 0);
	w->whole = agl_rule_alloc(req->in, 1);
	w->asked = req;
	w->req = req;
	w->silent = *req;
	w->silent.extack = NULL;
	if (w->ports && w->whole)
		return w;
	compose_walk_free(w);
	return NULL;
}

static int compose_all(const struct agl_request *req, struct agl_filter *f,
		       const struct agl_compiled *from, bool host,
		       struct agl_zone_port *zone)
{
	struct agl_composed *c = compose_new(f, from, host, zone);
	struct compose_walk *w = compose_walk_alloc(req);
	int err = -ENOMEM;

	if (w && c) {
		w->with = c;
		w->counting = true;
		err = compose_up(w, c);
		w->counting = false;
		if (!err)
			err = compose_up(w, c);
	}
	if (!err)
		f->composed = c;
	else if (c)
		compose_end(c);
	compose_walk_free(w);
	return err;
}

/* A connection is new: whatever filters it passes. The device's lock is held */
static unsigned int compose_conn_add(struct agl_conn *conn)
{
	struct agl_request req = { .in = conn->at->in, .cookie = conn->cookie };
	struct compose_walk *w = compose_walk_alloc(&req);
	struct agl_composed *c;

	if (!w)
		return 0;
	w->fixed = conn;
	list_for_each_entry(c, &conn->at->filters, in_zone) {
		w->with = c;
		compose_up(w, c);
	}
	compose_walk_free(w);
	return !list_empty(&conn->rules);
}

static void compose_conn_del(struct agl_conn *conn)
{
	compose_unmake(conn->at->in->agl, &conn->rules);
}

const struct agl_ct_ops agl_compose_ct_ops = {
	.add = compose_conn_add,
	.del = compose_conn_del,
};

/* Return: the zone that a filter sends packets into; NULL: none */
static struct agl_zone_port *compose_zone_get(struct agl_ingress *in,
					      const struct agl_compiled *from)
{
	struct agl_zone_user user = {
		.in = in,
		.lock = &in->lock,
		.ifindex = in->dev->ifindex,
	};

	if (from->rule->track != AGL_TRACK_ZONE)
		return NULL;
	user.zone = from->rule->zone;
	user.table = from->rule->connections;
	return agl_zone_get(in->agl, &user);
}

/**
 * agl_compose_add - rules for a filter that others can be part of
 * @req: filter
 * @f: filter
 * @from: as a rule
 *
 * A filter of a chain that nothing jumps to yet is taken: it has nothing to do.
 *
 * Return: 0, or agl_refuse()'s; -ENOMEM. Then there is nothing left of it.
 */
int agl_compose_add(const struct agl_request *req, struct agl_filter *f,
		    const struct agl_compiled *from)
{
	struct agl_zone_port *zone;
	int err;

	/* With the lock held there is hardly a wait then */
	err = agl_cmsg_room(req->in->agl);
	if (err)
		return agl_explain(req, 0, err);
	if (from->rule->track == AGL_TRACK_ZONE && f->only)
		return agl_refuse(req, AGL_REFUSE_KIND,
				  "ct with skip_sw or verbose: the host sees connections first");
	zone = compose_zone_get(req->in, from);
	if (IS_ERR(zone))
		return PTR_ERR(zone);
	mutex_lock(&req->in->lock);
	err = compose_all(req, f, from, false, zone);
	mutex_unlock(&req->in->lock);
	if (err && zone)
		agl_zone_put(req->in->agl, zone);
	return err;
}

/* Too many ways lead there: as if it were the first of all filters */
static int compose_note_first(struct agl_filter *f, const struct agl_compiled *from)
{
	struct agilio *agl = f->name.in->agl;
	struct agl_flow_name name = {
		.cookie = f->name.cookie,
		.port = f->name.in->port,
		.only = f->only,
		.takes = f->takes,
		.counts = &f->counts,
	};
	struct agl_image *image = kzalloc(sizeof(*image), GFP_KERNEL);
	struct agl_flow *flow;

	if (!image)
		return -ENOMEM;
	image->match = from->match;
	image->match_mask = from->match_mask;
	flow = agl_table_enter_host(agl, &name, image);
	kfree(image);
	if (IS_ERR(flow))
		return PTR_ERR(flow);
	f->flow = flow;
	return 0;
}

/**
 * agl_compose_note - keep a filter in mind that was refused
 * @req: filter
 * @f: filter
 * @from: what is known of its match
 *
 * Return: 0, -ENOMEM.
 */
int agl_compose_note(const struct agl_request *req, struct agl_filter *f,
		     const struct agl_compiled *from)
{
	struct agl_request silent = *req;
	int err;

	/* The user has been told why already */
	silent.extack = NULL;
	mutex_lock(&req->in->lock);
	err = compose_all(&silent, f, from, true, NULL);
	mutex_unlock(&req->in->lock);
	return err ? compose_note_first(f, from) : 0;
}

/**
 * agl_compose_del - what was made of a filter goes
 * @f: composed
 */
void agl_compose_del(struct agl_filter *f)
{
	struct agl_ingress *in = f->name.in;
	struct agl_zone_port *zone;

	mutex_lock(&in->lock);
	zone = f->composed->zone;
	compose_end(f->composed);
	f->composed = NULL;
	mutex_unlock(&in->lock);
	if (zone)
		agl_zone_put(in->agl, zone);
}
