// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chains and ranges. The card looks at one rule for a packet. So what tc does
 * in several steps, a filter that jumps to a chain and a filter there, is one
 * rule in the card: matches and-ed, actions one after another. A packet that
 * no filter of a chain takes matches no rule and is the host's, which starts
 * with it in chain 0. 03-flower.md section 12.2.
 */
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/flow_offload.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "compose.h"
#include "parse.h"

/**
 * struct filter - a filter of tc that isn't simply a rule of the card
 * @by_name: in the composer
 * @by_chain: likewise
 * @by_next: likewise, if it jumps
 * @cookie: tc's name
 * @port: ingress
 * @prio: in its chain
 * @chain: that it is in
 * @host: it was refused: its packets are the host's
 * @only: software has no copy of it, or may have none
 * @made: what is made of it
 * @packets: of flows of it that are no more, less what tc has been told
 * @bytes: likewise
 * @used: when one of them last counted a packet, in jiffies
 * @compiled: as a rule; it can be merged with others
 */
struct filter {
	struct hlist_node by_name;
	struct hlist_node by_chain;
	struct hlist_node by_next;
	unsigned long cookie;
	u32 port;
	u32 prio;
	u32 chain;
	bool host;
	bool only;
	struct list_head made;
	u64 packets;
	u64 bytes;
	unsigned long used;
	struct agl_compiled compiled;
};

struct made;

/**
 * struct part - that a filter is a part of something made
 * @list: in filter->made
 * @made: the whole
 * @filter: the part
 */
struct part {
	struct list_head list;
	struct made *made;
	struct filter *filter;
};

/**
 * struct made - a flow that filters were made into
 * @flow: flow of the table
 * @path: for the table, filters after the first
 * @parts: how many filters
 * @part: filters
 */
struct made {
	struct agl_flow *flow;
	struct agl_path path;
	unsigned int parts;
	struct part part[AGL_CHAINS_MAX];
};

/**
 * struct chain_walk - filters that a packet passes, chain by chain
 * @req: filter that all of it is done for
 * @with: that filter: paths without it are as they were
 * @len: filters so far
 * @step: they
 * @image: room for the bytes of a rule
 */
struct chain_walk {
	const struct agl_request *req;
	struct filter *with;
	unsigned int len;
	struct filter *step[AGL_CHAINS_MAX];
	struct agl_image *image;
};

static u32 name_hash(unsigned long cookie, u32 port)
{
	return jhash_3words(lower_32_bits(cookie), upper_32_bits(cookie), port, 0);
}

static u32 chain_hash(u32 port, u32 chain)
{
	return jhash_2words(port, chain, 0);
}

/**
 * agl_composer_init - no filters
 * @c: composer
 */
void agl_composer_init(struct agl_composer *c)
{
	mutex_init(&c->lock);
	hash_init(c->by_name);
	hash_init(c->by_chain);
	hash_init(c->by_next);
}

/**
 * agl_composer_free - the end; tc has taken all filters out
 * @c: composer
 */
void agl_composer_free(struct agl_composer *c)
{
	WARN_ON(!hash_empty(c->by_name));
	mutex_destroy(&c->lock);
}

static struct filter *find(struct agl_composer *c, unsigned long cookie, u32 port)
{
	struct filter *f;

	hash_for_each_possible(c->by_name, f, by_name, name_hash(cookie, port))
		if (f->cookie == cookie && f->port == port)
			return f;
	return NULL;
}

/* The rule without the room that it has not needed */
static struct agl_rule *shrunk(const struct agl_rule *rule)
{
	struct agl_rule *r = kmemdup(rule, struct_size(rule, action, rule->actions),
				     GFP_KERNEL);

	if (r)
		r->room = rule->actions;
	return r;
}

static struct filter *filter_new(struct agl_composer *c,
				 const struct agl_request *req,
				 const struct flow_cls_common_offload *common,
				 const struct agl_compiled *from)
{
	struct filter *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->compiled = *from;
	f->compiled.rule = shrunk(from->rule);
	if (!f->compiled.rule) {
		kfree(f);
		return NULL;
	}
	f->cookie = req->cookie;
	f->port = req->in->port;
	f->prio = common->prio;
	f->chain = common->chain_index;
	f->only = agl_is_only(common);
	f->used = jiffies;
	INIT_LIST_HEAD(&f->made);
	hash_add(c->by_name, &f->by_name, name_hash(f->cookie, f->port));
	hash_add(c->by_chain, &f->by_chain, chain_hash(f->port, f->chain));
	if (from->rule->next_chain)
		hash_add(c->by_next, &f->by_next,
			 chain_hash(f->port, from->rule->next_chain));
	return f;
}

/* Under the lock: what the flow has counted belongs to all its filters */
static void made_end(struct agilio *agl, struct made *m)
{
	unsigned int i;

	for (i = 0; i < m->parts; i++) {
		struct filter *f = m->part[i].filter;

		spin_lock_bh(&agl->table.stats_lock);
		f->packets += m->flow->packets;
		f->bytes += m->flow->bytes;
		if (time_after(m->flow->used, f->used))
			f->used = m->flow->used;
		spin_unlock_bh(&agl->table.stats_lock);
		list_del(&m->part[i].list);
	}
	agl_table_leave(agl, m->flow);
	kfree(m);
}

static void unmake(struct agilio *agl, struct filter *f)
{
	struct part *p, *next;

	list_for_each_entry_safe(p, next, &f->made, list)
		made_end(agl, p->made);
}

static void filter_end(struct agilio *agl, struct filter *f)
{
	unmake(agl, f);
	hash_del(&f->by_name);
	hash_del(&f->by_chain);
	if (f->compiled.rule->next_chain)
		hash_del(&f->by_next);
	kfree(f->compiled.rule);
	kfree(f);
}

/* @key, @mask: and-ed with another. Return: whether both can be true */
static bool meet(u8 *key, u8 *mask, const u8 *other_key, const u8 *other_mask,
		 size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((key[i] ^ other_key[i]) & mask[i] & other_mask[i])
			return false;
		key[i] |= other_key[i];
		mask[i] |= other_mask[i];
	}
	return true;
}

static bool tag_meets(enum agl_tag *tag, enum agl_tag other)
{
	if (*tag != AGL_TAG_ANY && other != AGL_TAG_ANY && *tag != other)
		return false;
	if (*tag == AGL_TAG_ANY)
		*tag = other;
	return true;
}

/* The high byte is a mask, the low one the value */
static bool ignored_meets(u16 *ignored, u16 other)
{
	if ((*ignored ^ other) & (*ignored & other) >> 8)
		return false;
	*ignored |= other;
	return true;
}

static bool rule_meets(struct agl_rule *rule, const struct agl_rule *other)
{
	return rule->tun6 == other->tun6 &&
	       ignored_meets(&rule->ignored, other->ignored) &&
	       tag_meets(&rule->outer, other->outer) &&
	       tag_meets(&rule->inner, other->inner) &&
	       meet((u8 *)&rule->key, (u8 *)&rule->mask, (u8 *)&other->key,
		    (u8 *)&other->mask, sizeof(rule->key));
}

static bool ports_meet(struct agl_fields *key, struct agl_fields *mask,
		       const struct agl_ports *p)
{
	return meet((u8 *)&key->sport, (u8 *)&mask->sport,
		    (u8 *)&p->sport, (u8 *)&p->sport_mask, sizeof(p->sport)) &&
	       meet((u8 *)&key->dport, (u8 *)&mask->dport,
		    (u8 *)&p->dport, (u8 *)&p->dport_mask, sizeof(p->dport));
}

static void append(struct agl_rule *rule, const struct agl_rule *other)
{
	memcpy(&rule->action[rule->actions], other->action,
	       other->actions * sizeof(*other->action));
	rule->actions += other->actions;
	if (other->encap.type)
		rule->encap = other->encap;
}

/* One of the rules of the card. Return: NULL if no packet can match it */
static struct agl_rule *merge(const struct chain_walk *w, const unsigned int *range)
{
	struct agl_rule *rule;
	unsigned int i, actions = 0;

	for (i = 0; i < w->len; i++)
		actions += w->step[i]->compiled.rule->actions;
	rule = agl_rule_alloc(w->req->in, actions);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	rule->tun6 = w->step[0]->compiled.rule->tun6;
	for (i = 0; i < w->len; i++) {
		const struct agl_compiled *c = &w->step[i]->compiled;

		if (!rule_meets(rule, c->rule) ||
		    !ports_meet(&rule->key, &rule->mask, &c->range[range[i]])) {
			kfree(rule);
			return NULL;
		}
		append(rule, c->rule);
	}
	return rule;
}

/*
 * What software compares; without @range more than that. Return: whether any
 * packet can match it
 */
static bool merge_match(const struct chain_walk *w, const unsigned int *range)
{
	struct agl_match *key = &w->image->match, *mask = &w->image->match_mask;
	unsigned int i;

	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	for (i = 0; i < w->len; i++) {
		const struct agl_compiled *c = &w->step[i]->compiled;

		if (!meet((u8 *)key, (u8 *)mask, (u8 *)&c->match,
			  (u8 *)&c->match_mask, sizeof(*key)) ||
		    (range && !ports_meet(&key->fields, &mask->fields,
					  &c->range[range[i]])))
			return false;
	}
	return true;
}

static struct made *made_new(const struct chain_walk *w)
{
	struct made *m = kzalloc(sizeof(*m), GFP_KERNEL);
	unsigned int i;

	if (!m)
		return NULL;
	m->parts = w->len;
	for (i = 0; i < w->len; i++) {
		m->part[i].made = m;
		m->part[i].filter = w->step[i];
		if (i)
			m->path.step[i - 1] = (struct agl_step) {
				w->step[i]->cookie, w->step[i]->prio };
	}
	m->path.len = w->len - 1;
	return m;
}

static int enter(const struct chain_walk *w, bool host)
{
	struct agilio *agl = w->req->in->agl;
	struct agl_flow_name name = {
		w->step[0]->cookie, w->step[0]->port, w->step[0]->prio };
	struct made *m = made_new(w);
	unsigned int i;

	if (!m)
		return -ENOMEM;
	name.path = m->path.len ? &m->path : NULL;
	if (host)
		name.only = w->with->host && w->with->only;
	for (i = 0; !host && i < w->len; i++)
		name.only |= w->step[i]->only;
	m->flow = host ? agl_table_enter_host(agl, &name, w->image) :
			 agl_table_enter(agl, &name, w->image);
	if (IS_ERR(m->flow)) {
		int err = PTR_ERR(m->flow);

		kfree(m);
		return agl_explain(w->req, w->image->before, err);
	}
	for (i = 0; i < m->parts; i++)
		list_add(&m->part[i].list, &w->step[i]->made);
	return 0;
}

static int check_encaps(const struct chain_walk *w)
{
	unsigned int i, encaps = 0;

	for (i = 0; i < w->len; i++) {
		const struct agl_rule *rule = w->step[i]->compiled.rule;

		encaps += !!rule->encap.type;
		if (rule->internal)
			return agl_refuse(w->req, AGL_REFUSE_CHAIN,
					  "output to an internal port from chain %u",
					  w->step[i]->chain);
	}
	if (encaps > 1)
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "chains with more than one output into a tunnel");
	return 0;
}

/* Packets that software sends there and no rule can match are the host's */
static int make_rule(const struct chain_walk *w, const unsigned int *range)
{
	struct agl_rule *rule;
	int err;

	rule = merge(w, range);
	if (IS_ERR(rule))
		return PTR_ERR(rule);
	if (!rule)
		return enter(w, true);
	err = agl_encode(w->req, rule, w->image);
	if (!err)
		err = enter(w, false);
	agl_image_release(w->req->in->agl, w->image);
	kfree(rule);
	return err;
}

/* All combinations of the ranges. Return: whether there is a next one */
static bool next_range(const struct chain_walk *w, unsigned int *range)
{
	unsigned int i;

	for (i = 0; i < w->len; i++) {
		if (++range[i] < w->step[i]->compiled.range_count)
			return true;
		range[i] = 0;
	}
	return false;
}

/*
 * What packets do that get to the last filter and no further. What is the
 * host's is kept in mind whatever it is: with ranges that take too many rules
 * as a match of any port.
 */
static int make(const struct chain_walk *w)
{
	const struct filter *last = w->step[w->len - 1];
	bool host = last->host || last->compiled.rule->next_chain;
	unsigned int i, count = 1, range[AGL_CHAINS_MAX] = {};
	int err = 0;

	for (i = 0; i < w->len; i++)
		count *= w->step[i]->compiled.range_count;
	if (host && count > AGL_RANGES_MAX)
		return merge_match(w, NULL) ? enter(w, true) : 0;
	if (count > AGL_RANGES_MAX)
		return agl_refuse(w->req, AGL_REFUSE_SIZE,
				  "port ranges of %u rules in the card: the limit is %u",
				  count, AGL_RANGES_MAX);
	if (!host)
		err = check_encaps(w);
	do {
		if (!err && merge_match(w, range))
			err = host ? enter(w, true) : make_rule(w, range);
	} while (!err && next_range(w, range));
	return err;
}

static bool is_with(const struct chain_walk *w)
{
	unsigned int i;

	for (i = 0; i < w->len; i++)
		if (w->step[i] == w->with)
			return true;
	return false;
}

/* Down from the last filter, depth first */
static int walk(struct chain_walk *w)
{
	struct agl_composer *c = &w->req->in->agl->composer;
	struct filter *last = w->step[w->len - 1], *f;
	u32 chain = last->compiled.rule->next_chain;
	int err = 0;

	if (is_with(w))
		err = make(w);
	if (err || last->host || !chain)
		return err;
	if (w->len == AGL_CHAINS_MAX)
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "goto chain %u: more than %u chains in a row",
				  chain, AGL_CHAINS_MAX);
	hash_for_each_possible(c->by_chain, f, by_chain,
			       chain_hash(last->port, chain)) {
		if (f->port != last->port || f->chain != chain)
			continue;
		w->step[w->len++] = f;
		err = walk(w);
		w->len--;
		if (err)
			break;
	}
	return err;
}

/* Up to chain 0, then down again; @w has the filters after @f at its end */
static int climb(struct chain_walk *w, struct filter *f)
{
	struct agl_composer *c = &w->req->in->agl->composer;
	struct filter *up;
	int err = 0;

	if (w->len == AGL_CHAINS_MAX)
		return agl_refuse(w->req, AGL_REFUSE_CHAIN,
				  "chain %u: more than %u chains in a row",
				  w->with->chain, AGL_CHAINS_MAX);
	memmove(&w->step[1], &w->step[0], w->len * sizeof(w->step[0]));
	w->step[0] = f;
	w->len++;
	if (!f->chain) {
		err = walk(w);
	} else {
		hash_for_each_possible(c->by_next, up, by_next,
				       chain_hash(f->port, f->chain)) {
			if (up->port != f->port || up->host ||
			    up->compiled.rule->next_chain != f->chain)
				continue;
			err = climb(w, up);
			if (err)
				break;
		}
	}
	w->len--;
	memmove(&w->step[0], &w->step[1], w->len * sizeof(w->step[0]));
	return err;
}

static int make_all(const struct agl_request *req, struct filter *f)
{
	struct chain_walk w = { .req = req, .with = f };
	int err;

	w.image = kzalloc(sizeof(*w.image), GFP_KERNEL);
	if (!w.image)
		return -ENOMEM;
	err = climb(&w, f);
	kfree(w.image);
	if (err)
		unmake(req->in->agl, f);
	return err;
}

/**
 * agl_compose_add - rules for a filter that others can be part of
 * @req: filter
 * @common: its chain and priority
 * @from: as a rule, or what is known of the match of one that was refused
 * @host: it was refused: it is only kept in mind, for what comes after it
 *
 * A filter of a chain that nothing jumps to yet is taken: it has nothing to do.
 *
 * Return: 0, or agl_refuse()'s; -ENOMEM. Then there is nothing left of it.
 */
int agl_compose_add(const struct agl_request *req,
		    const struct flow_cls_common_offload *common,
		    const struct agl_compiled *from, bool host)
{
	struct agilio *agl = req->in->agl;
	struct filter *f;
	int err = -ENOMEM;

	mutex_lock(&agl->composer.lock);
	f = filter_new(&agl->composer, req, common, from);
	if (f) {
		f->host = host;
		err = make_all(req, f);
		if (err)
			filter_end(agl, f);
	}
	mutex_unlock(&agl->composer.lock);
	return err;
}

/**
 * agl_compose_del - forget a filter, and what was made of it
 * @agl: card
 * @cookie: tc's name for it
 * @port: ingress, port id
 *
 * Return: 0, -ENOENT if it was not for the card.
 */
int agl_compose_del(struct agilio *agl, unsigned long cookie, u32 port)
{
	struct filter *f;
	int err = -ENOENT;

	mutex_lock(&agl->composer.lock);
	f = find(&agl->composer, cookie, port);
	if (f) {
		err = f->host ? -ENOENT : 0;
		filter_end(agl, f);
	}
	mutex_unlock(&agl->composer.lock);
	return err;
}

/**
 * agl_compose_stats - counts of a filter since the last read
 * @agl: card
 * @cookie: tc's
 * @port: ingress, port id
 * @to: they are added here
 *
 * A flow counts for each of its filters, so its own counts only grow.
 *
 * Return: 0, -ENOENT if the filter isn't in the card.
 */
int agl_compose_stats(struct agilio *agl, unsigned long cookie, u32 port,
		      struct flow_stats *to)
{
	struct agl_table *t = &agl->table;
	u64 packets, bytes;
	unsigned long used;
	struct filter *f;
	struct part *p;

	mutex_lock(&agl->composer.lock);
	f = find(&agl->composer, cookie, port);
	if (!f || f->host) {
		mutex_unlock(&agl->composer.lock);
		return -ENOENT;
	}
	packets = f->packets;
	bytes = f->bytes;
	used = f->used;
	spin_lock_bh(&t->stats_lock);
	list_for_each_entry(p, &f->made, list) {
		packets += p->made->flow->packets;
		bytes += p->made->flow->bytes;
		if (time_after(p->made->flow->used, used))
			used = p->made->flow->used;
	}
	spin_unlock_bh(&t->stats_lock);
	flow_stats_update(to, bytes, packets, 0, used,
			  FLOW_ACTION_HW_STATS_DELAYED);
	f->packets -= packets;
	f->bytes -= bytes;
	mutex_unlock(&agl->composer.lock);
	return 0;
}
