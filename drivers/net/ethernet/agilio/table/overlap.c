// SPDX-License-Identifier: GPL-2.0-only
/*
 * Overlaps. Two rules overlap if no bit that both compare differs: then there
 * is a packet that both match. The card must not have two such rules, so each
 * rule that comes asks who overlaps it, and each that goes tells those. That
 * must cost as much among a hundred thousand rules as among ten, with two
 * hundred masks hardly more than with one, and with an odd rule that is wide
 * no more than without it.
 *
 * A list of all rules is out of the question, and so is one for each mask: an
 * address that is compared by its prefix makes thirty of them, two make a
 * thousand. What helps is that rules which don't overlap are told apart by
 * some field, mostly by one of the first. So the rules of a port stand in a
 * trie over the fields in a fixed order:
 *
 * - A node is for one step of the order: a field, or a byte of it where rules
 *   compare prefixes. All rules below a node are alike in all steps before
 *   its own, in what they compare and in its value. So steps in which rules
 *   don't differ have no node, and a rule that differs from all others has
 *   none after the step in which it does: the trie ends there with the rule.
 * - A node has a fan for each mask that its rules have in its step, and a fan
 *   has an edge for each value. All edges of all fans are in one hash table.
 *
 * Who overlaps a rule is found from the root down. In a node with a fan that
 * compares no bit which the rule does not, one edge at most can lead to an
 * overlap, and it is looked up by hash. Most masks of a node are of this kind:
 * in a byte, or in a field that is compared in whole or not at all, there are
 * only a few. Otherwise all edges of the fan are followed as far as what is
 * behind them overlaps. On the way to an edge steps can have been left out:
 * any rule below the node speaks for all of them there, since they are alike.
 *
 * What is left is a rule that does not compare an early step in which all
 * others differ, but a late one: rules by source and destination, and one of
 * them by destination alone, of the same priority. It would be led to all of
 * them to find that the destination differs. So there are two tries, with
 * steps in opposite orders, and the question is put to one and the other with
 * a growing limit of edges to look at; the one that comes to an end first has
 * the answer.
 *
 * To add a rule is to go down by its own masks and values as far as these lead,
 * to look there which step is the first in which it differs, and to put a node
 * for that step in, which can be further up, as steps were left out; to delete
 * it takes away its edge and the node that is left with one edge alone. Rules
 * with the very same match are one in the trie, the others are its twins.
 *
 * A rule takes 40 bytes for each order, 40 more, and 8 for each word that it
 * compares; a node takes 64, and 32 for each fan. What the masks are is kept
 * once for all rules that have them. 100,000 random rules have a node for
 * each two or three.
 *
 * The caller serializes everything here.
 */
#include <asm/byteorder.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "overlap.h"

#define BITS_MIN	4
#define BITS_MAX	24

/* Edges that are looked at before the other order is tried, then more */
#define PATIENCE	64
#define MORE_PATIENCE	4

/* A step behind all others */
#define STEP_NONE	UINT_MAX

#define WORD_NONE	0xff

/**
 * struct agl_overlap_shape - a set of bits that rules compare
 * @list: in its bucket of agl_overlaps.shapes
 * @users: rules
 * @words: words in which bits are, a bit for each
 * @count: how many
 * @sum: of all this, most shapes have another
 * @at: which words these are
 * @index: for each word which of these it is, or WORD_NONE
 * @mask: the bits, for each of these words
 */
struct agl_overlap_shape {
	struct hlist_node list;
	unsigned int users;
	u32 words;
	unsigned int count;
	u64 sum;
	u8 at[AGL_OVERLAP_WORDS];
	u8 index[AGL_OVERLAP_WORDS];
	u64 mask[] __counted_by(count);
};

/**
 * struct overlap_node - rules that are alike up to a step
 * @edge: what leads to it
 * @fans: by what is compared in that step
 * @any: one of the rules
 * @step: index of it
 */
struct overlap_node {
	struct agl_overlap_edge edge;
	struct agl_overlap_fan *fans;
	struct agl_item *any;
	unsigned int step;
};

/**
 * struct agl_overlap_fan - rules of a node that compare the same in its step
 * @node: node
 * @next: in its list
 * @mask: what they compare
 * @children: edges
 */
struct agl_overlap_fan {
	struct overlap_node *node;
	struct agl_overlap_fan *next;
	u64 mask;
	struct hlist_head children;
};

/* The bits of some bytes of a word, as the word is in memory */
static u64 overlap_slice(unsigned int first, unsigned int len)
{
	u8 bytes[8] = {};
	u64 word;

	memset(bytes + first, 0xff, len);
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void layout_step(struct agl_overlap_layout *l, unsigned int order,
			unsigned int at, unsigned int len)
{
	unsigned int n = l->count[order]++;

	l->step[order][n].word = at / 8;
	l->step[order][n].slice = overlap_slice(at % 8, len);
	memset(&l->rank[order][at], n, len);
}

/* Bytes that belong together are one step, unless a word ends between them */
static void layout_bytes(struct agl_overlap_layout *l, unsigned int order,
			 const struct agl_overlap_bytes *b)
{
	unsigned int at = b->at, end = b->at + b->len, n;

	for (; at < end; at += n) {
		n = b->alone ? 1 : min(end - at, 8 - at % 8);
		layout_step(l, order, at, n);
	}
}

/**
 * agl_overlap_lay_out - the order in which the bytes of a match are looked at
 * @layout: to be filled
 * @order: which of the orders
 * @bytes: those that come first
 * @count: how many; bytes that are in none of them come after them
 */
void agl_overlap_lay_out(struct agl_overlap_layout *layout, unsigned int order,
			 const struct agl_overlap_bytes *bytes, unsigned int count)
{
	bool seen[AGL_OVERLAP_BYTES] = {};
	unsigned int i, j;

	layout->count[order] = 0;
	for (i = 0; i < count; i++) {
		layout_bytes(layout, order, &bytes[i]);
		memset(&seen[bytes[i].at], true, bytes[i].len);
	}
	for (i = 0; i < AGL_OVERLAP_BYTES; i = j) {
		for (j = i + 1; j < AGL_OVERLAP_BYTES && j % 8 &&
		     seen[i] == seen[j]; j++)
			;
		if (!seen[i])
			layout_step(layout, order, i, j - i);
	}
}

/**
 * agl_overlaps_init - no rules
 * @o: overlaps
 * @layout: of the matches
 */
void agl_overlaps_init(struct agl_overlaps *o,
		       const struct agl_overlap_layout *layout)
{
	memset(o, 0, sizeof(*o));
	o->layout = layout;
}

/**
 * agl_overlaps_free - the end; all rules have been taken out
 * @o: overlaps
 */
void agl_overlaps_free(struct agl_overlaps *o)
{
	WARN_ON(o->root[0]);
	kvfree(o->bucket);
}

/* Words without a bit are left out: most are, and there is one for each rule */
static void shape_fill(struct agl_overlap_shape *s, const u64 *mask)
{
	unsigned int i;

	memset(s->index, WORD_NONE, sizeof(s->index));
	for (i = 0; i < s->count; i++) {
		s->index[s->at[i]] = i;
		s->mask[i] = mask[s->at[i]];
	}
}

/* Return: how many words have bits; s->words, s->sum and s->at are set */
static unsigned int shape_scan(struct agl_overlap_shape *s, const u64 *mask)
{
	unsigned int i, count = 0;

	s->words = 0;
	s->sum = 0;
	for (i = 0; i < AGL_OVERLAP_WORDS; i++) {
		if (!mask[i])
			continue;
		s->words |= 1U << i;
		s->at[count++] = i;
		s->sum = (s->sum ^ mask[i]) * GOLDEN_RATIO_64;
	}
	s->sum ^= s->words;
	return count;
}

static bool shape_is(const struct agl_overlap_shape *s, const u64 *mask)
{
	unsigned int i;

	for (i = 0; i < s->count; i++)
		if (s->mask[i] != mask[s->at[i]])
			return false;
	return true;
}

static struct agl_overlap_shape *shape_get(struct agl_overlaps *o, const u64 *mask)
{
	struct agl_overlap_shape like, *s;
	struct hlist_head *bucket;

	like.count = shape_scan(&like, mask);
	bucket = &o->shapes[hash_64(like.sum, 6)];
	hlist_for_each_entry(s, bucket, list)
		if (s->sum == like.sum && s->words == like.words &&
		    shape_is(s, mask)) {
			s->users++;
			return s;
		}
	s = kmalloc(struct_size(s, mask, like.count), GFP_KERNEL);
	if (!s)
		return NULL;
	*s = like;
	s->users = 1;
	shape_fill(s, mask);
	hlist_add_head(&s->list, bucket);
	return s;
}

static void shape_put(struct agl_overlap_shape *s)
{
	if (--s->users)
		return;
	hlist_del(&s->list);
	kfree(s);
}

/* What a rule compares in a step, and its value there */
static u64 item_mask(const struct agl_item *item, const struct agl_overlap_step *step)
{
	unsigned int i = item->shape->index[step->word];

	return i == WORD_NONE ? 0 : item->shape->mask[i] & step->slice;
}

static u64 item_value(const struct agl_item *item, const struct agl_overlap_step *step)
{
	unsigned int i = item->shape->index[step->word];

	return i == WORD_NONE ? 0 : item->word[i] & step->slice;
}

/* The first step that has one of these bits of a word */
static unsigned int first_step(const u8 *rank, unsigned int word, u64 bits)
{
	u64 left = (__force u64)cpu_to_le64(bits);
	unsigned int at, step, first = STEP_NONE;

	/* The byte that comes first in memory is the lowest one now */
	while (left) {
		at = __ffs64(left) / 8;
		step = rank[8 * word + at];
		first = min(first, step);
		left &= ~(0xffULL << 8 * at);
	}
	return first;
}

/* The first step in which two rules compare something else, or to another value */
static unsigned int differ(const u8 *rank, const struct agl_item *a,
			   const struct agl_item *b)
{
	const struct agl_overlap_shape *x = a->shape, *y = b->shape;
	unsigned int i, j, first = STEP_NONE;
	u64 bits;

	for (i = 0; i < x->count; i++) {
		j = y->index[x->at[i]];
		bits = x->mask[i];
		if (j != WORD_NONE)
			bits = (bits ^ y->mask[j]) | (a->word[i] ^ b->word[j]);
		if (bits)
			first = min(first, first_step(rank, x->at[i], bits));
	}
	for (i = 0; x != y && i < y->count; i++)
		if (x->index[y->at[i]] == WORD_NONE)
			first = min(first, first_step(rank, y->at[i], y->mask[i]));
	return first;
}

/* The first step in which both compare a bit, to another value */
static unsigned int conflict(const u8 *rank, const struct agl_item *a,
			     const struct agl_item *b)
{
	const struct agl_overlap_shape *x = a->shape, *y = b->shape;
	unsigned int i, j, first = STEP_NONE;
	u64 bits;

	for (i = 0; i < x->count; i++) {
		j = y->index[x->at[i]];
		if (j == WORD_NONE)
			continue;
		bits = (a->word[i] ^ b->word[j]) & x->mask[i] & y->mask[j];
		if (bits)
			first = min(first, first_step(rank, x->at[i], bits));
	}
	return first;
}

static struct overlap_node *edge_node(struct agl_overlap_edge *e)
{
	return container_of(e, struct overlap_node, edge);
}

static struct agl_item *edge_item(struct agl_overlap_edge *e, unsigned int order)
{
	return container_of(e - order, struct agl_item, edge[0]);
}

/* Any rule that the edge leads to */
static struct agl_item *edge_any(struct agl_overlap_edge *e, unsigned int order)
{
	return e->is_node ? edge_node(e)->any : edge_item(e, order);
}

static struct agl_overlap_edge *first_child(const struct agl_overlap_fan *fan)
{
	return hlist_entry_safe(fan->children.first, struct agl_overlap_edge, child);
}

static u32 edge_hash(const struct agl_overlap_fan *fan, u64 value)
{
	return hash_64((value ^ (uintptr_t)fan) * GOLDEN_RATIO_64 ^ value >> 32, 32);
}

static struct agl_overlap_edge **edge_bucket(const struct agl_overlaps *o, u32 hash)
{
	return &o->bucket[hash >> (32 - o->bits)];
}

static void chain_add(struct agl_overlaps *o, struct agl_overlap_edge *e)
{
	struct agl_overlap_edge **bucket = edge_bucket(o, e->hash);

	e->chain = *bucket;
	*bucket = e;
}

static void chain_del(struct agl_overlaps *o, struct agl_overlap_edge *e)
{
	struct agl_overlap_edge **p = edge_bucket(o, e->hash);

	while (*p != e)
		p = &(*p)->chain;
	*p = e->chain;
}

/* Without memory for more buckets the chains get longer; there must be some */
static int buckets_grow(struct agl_overlaps *o)
{
	unsigned int i, count = o->bits ? 1U << o->bits : 0;
	struct agl_overlap_edge **old = o->bucket, *e, *next;
	unsigned int bits = o->bits ? o->bits + 2 : BITS_MIN;

	if (count && (o->edges < 2 * count || o->bits >= BITS_MAX))
		return 0;
	o->bucket = kvcalloc(1U << bits, sizeof(*o->bucket), GFP_KERNEL);
	if (!o->bucket) {
		o->bucket = old;
		return count ? 0 : -ENOMEM;
	}
	o->bits = bits;
	for (i = 0; i < count; i++)
		for (e = old[i]; e; e = next) {
			next = e->chain;
			chain_add(o, e);
		}
	kvfree(old);
	return 0;
}

static void edge_attach(struct agl_overlaps *o, struct agl_overlap_edge *e,
			struct agl_overlap_fan *fan, u32 hash)
{
	e->fan = fan;
	e->hash = hash;
	hlist_add_head(&e->child, &fan->children);
	chain_add(o, e);
	o->edges++;
}

static void edge_detach(struct agl_overlaps *o, struct agl_overlap_edge *e)
{
	hlist_del(&e->child);
	chain_del(o, e);
	o->edges--;
}

/* @with takes the place of @e, for which there is none then */
static void edge_replace(struct agl_overlaps *o, unsigned int order,
			 struct agl_overlap_edge *e, struct agl_overlap_edge *with)
{
	if (e->fan) {
		edge_detach(o, e);
		edge_attach(o, with, e->fan, e->hash);
	} else {
		with->fan = NULL;
		o->root[order] = with;
	}
}

static struct agl_overlap_edge *fan_lookup(struct agl_overlaps *o,
					   unsigned int order,
					   const struct agl_overlap_fan *fan,
					   u64 value)
{
	const struct agl_overlap_step *step;
	u32 hash = edge_hash(fan, value);
	struct agl_overlap_edge *e;

	step = &o->layout->step[order][fan->node->step];
	o->visits++;
	for (e = *edge_bucket(o, hash); e; e = e->chain)
		if (e->hash == hash && e->fan == fan &&
		    item_value(edge_any(e, order), step) == value)
			return e;
	return NULL;
}

static struct agl_overlap_fan *fan_find(const struct overlap_node *n, u64 mask)
{
	struct agl_overlap_fan *fan = n->fans;

	while (fan && fan->mask != mask)
		fan = fan->next;
	return fan;
}

static void fan_del(struct agl_overlap_fan *fan)
{
	struct agl_overlap_fan **p = &fan->node->fans;

	while (*p != fan)
		p = &(*p)->next;
	*p = fan->next;
	kfree(fan);
}

/* The edge becomes one of the node's */
static int node_attach(struct agl_overlaps *o, unsigned int order,
		       struct overlap_node *n, struct agl_overlap_edge *e)
{
	const struct agl_overlap_step *step = &o->layout->step[order][n->step];
	const struct agl_item *any = edge_any(e, order);
	u64 mask = item_mask(any, step);
	struct agl_overlap_fan *fan = fan_find(n, mask);

	if (!fan) {
		fan = kmalloc(sizeof(*fan), GFP_KERNEL);
		if (!fan)
			return -ENOMEM;
		fan->node = n;
		fan->mask = mask;
		INIT_HLIST_HEAD(&fan->children);
		fan->next = n->fans;
		n->fans = fan;
	}
	edge_attach(o, e, fan, edge_hash(fan, item_value(any, step)));
	return 0;
}

static void node_free(struct overlap_node *n)
{
	while (n->fans)
		fan_del(n->fans);
	kfree(n);
}

/* What @e leads to and @item differ in a step: a node there, in front of both */
static int trie_split(struct agl_overlaps *o, unsigned int order,
		      struct agl_overlap_edge *e, unsigned int step,
		      struct agl_item *item)
{
	struct overlap_node *n;

	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (!n)
		return -ENOMEM;
	n->edge.is_node = true;
	n->step = step;
	n->any = edge_any(e, order);
	edge_replace(o, order, e, &n->edge);
	if (node_attach(o, order, n, e))
		goto err_node;
	if (node_attach(o, order, n, &item->edge[order]))
		goto err_edge;
	return 0;

err_edge:
	edge_detach(o, e);
err_node:
	edge_replace(o, order, &n->edge, e);
	node_free(n);
	return -ENOMEM;
}

/* Return: the edge that a rule's mask and value in a node's step lead to */
static struct agl_overlap_edge *node_lookup(struct agl_overlaps *o,
					    unsigned int order,
					    const struct overlap_node *n,
					    const struct agl_item *item)
{
	const struct agl_overlap_step *step = &o->layout->step[order][n->step];
	struct agl_overlap_fan *fan = fan_find(n, item_mask(item, step));

	return fan ? fan_lookup(o, order, fan, item_value(item, step)) : NULL;
}

/* Return: how far a rule's masks and values lead from an edge */
static struct agl_overlap_edge *trie_descend(struct agl_overlaps *o,
					     unsigned int order,
					     struct agl_overlap_edge *e,
					     const struct agl_item *item)
{
	struct agl_overlap_edge *next = e;

	while (next) {
		e = next;
		next = e->is_node ? node_lookup(o, order, edge_node(e), item) : NULL;
	}
	return e;
}

/* @twin: set if there is a rule with this match, then nothing is changed */
static int trie_add(struct agl_overlaps *o, unsigned int order,
		    struct agl_item *item, struct agl_item **twin)
{
	struct agl_overlap_edge *e = o->root[order];
	unsigned int first;

	item->edge[order].is_node = false;
	item->edge[order].fan = NULL;
	if (!e) {
		o->root[order] = &item->edge[order];
		return 0;
	}
	e = trie_descend(o, order, e, item);
	o->visits++;
	first = differ(o->layout->rank[order], item, edge_any(e, order));
	if (first == STEP_NONE) {
		*twin = edge_item(e, order);
		return 0;
	}
	/* On the way steps were left out, it can differ in one of these */
	while (e->fan && e->fan->node->step > first)
		e = &e->fan->node->edge;
	if (e->is_node && edge_node(e)->step == first)
		return node_attach(o, order, edge_node(e), &item->edge[order]);
	return trie_split(o, order, e, first, item);
}

/* The nodes above an edge: who spoke for all of them is no more */
static void trie_forget(struct agl_overlap_edge *e, unsigned int order,
			const struct agl_item *item)
{
	struct overlap_node *n;

	for (; e->fan; e = &n->edge) {
		n = e->fan->node;
		if (n->any == item)
			n->any = edge_any(first_child(n->fans), order);
	}
}

static void trie_del(struct agl_overlaps *o, unsigned int order, struct agl_item *item)
{
	struct agl_overlap_edge *e = &item->edge[order], *left;
	struct agl_overlap_fan *fan = e->fan;
	struct overlap_node *n;

	if (!fan) {
		o->root[order] = NULL;
		return;
	}
	n = fan->node;
	edge_detach(o, e);
	if (hlist_empty(&fan->children))
		fan_del(fan);
	left = first_child(n->fans);
	if (!n->fans->next && !left->child.next) {
		edge_detach(o, left);
		edge_replace(o, order, &n->edge, left);
		node_free(n);
	}
	trie_forget(left, order, item);
}

/* @with has the same match, and takes its place */
static void trie_replace(struct agl_overlaps *o, unsigned int order,
			 struct agl_item *item, struct agl_item *with)
{
	with->edge[order].is_node = false;
	edge_replace(o, order, &item->edge[order], &with->edge[order]);
	trie_forget(&with->edge[order], order, item);
}

static int item_place(struct agl_overlaps *o, struct agl_item *item)
{
	struct agl_item *twin = NULL;
	unsigned int order;
	int err;

	err = buckets_grow(o);
	for (order = 0; !err && order < AGL_OVERLAP_ORDERS; order++) {
		err = trie_add(o, order, item, &twin);
		if (twin) {
			item->placed = false;
			list_add_tail(&item->twins, &twin->twins);
			return 0;
		}
	}
	if (err)
		while (order-- > 1)
			trie_del(o, order - 1, item);
	return err;
}

/**
 * agl_overlap_add - a rule is there now
 * @o: overlaps
 * @key: its values, zero outside of the mask
 * @mask: which bits it compares
 *
 * Return: what agl_overlap_find() and agl_overlap_del() want; NULL without
 * memory.
 */
struct agl_item *agl_overlap_add(struct agl_overlaps *o, const u64 *key,
				 const u64 *mask)
{
	struct agl_overlap_shape *s = shape_get(o, mask);
	struct agl_item *item;
	unsigned int i;

	if (!s)
		return NULL;
	item = kmalloc(struct_size(item, word, s->count), GFP_KERNEL);
	if (!item)
		goto err_shape;
	item->shape = s;
	item->owner = NULL;
	item->placed = true;
	INIT_LIST_HEAD(&item->twins);
	for (i = 0; i < s->count; i++)
		item->word[i] = key[s->at[i]];
	if (item_place(o, item))
		goto err_item;
	return item;

err_item:
	kfree(item);
err_shape:
	shape_put(s);
	return NULL;
}

/**
 * agl_overlap_del - a rule is there no more
 * @o: overlaps
 * @item: rule; freed
 */
void agl_overlap_del(struct agl_overlaps *o, struct agl_item *item)
{
	struct agl_item *twin = NULL;
	unsigned int order;

	if (!list_empty(&item->twins))
		twin = list_first_entry(&item->twins, struct agl_item, twins);
	list_del(&item->twins);
	for (order = 0; item->placed && order < AGL_OVERLAP_ORDERS; order++)
		if (twin)
			trie_replace(o, order, item, twin);
		else
			trie_del(o, order, item);
	if (item->placed && twin)
		twin->placed = true;
	shape_put(item->shape);
	kfree(item);
}

/**
 * agl_overlap_words - what a rule compares
 * @item: rule
 * @key: its values, AGL_OVERLAP_WORDS of them
 * @mask: which bits, likewise
 */
void agl_overlap_words(const struct agl_item *item, u64 *key, u64 *mask)
{
	const struct agl_overlap_shape *s = item->shape;
	unsigned int i;

	memset(key, 0, AGL_OVERLAP_BYTES);
	memset(mask, 0, AGL_OVERLAP_BYTES);
	for (i = 0; i < s->count; i++) {
		key[s->at[i]] = item->word[i];
		mask[s->at[i]] = s->mask[i];
	}
}

/**
 * agl_overlap_same - have two rules the same match?
 * @a: rule
 * @b: another one of its port
 *
 * Return: whether they compare the same bits, to the same values.
 */
bool agl_overlap_same(const struct agl_item *a, const struct agl_item *b)
{
	return a->shape == b->shape &&
	       !memcmp(a->word, b->word, a->shape->count * sizeof(*a->word));
}

/**
 * struct overlap_search - a question on its way
 * @o: overlaps
 * @rank: of the order that it is looked for in
 * @step: likewise
 * @order: that order
 * @with: rule
 * @patience: edges that may still be looked at
 * @hits: rules that overlap it
 */
struct overlap_search {
	struct agl_overlaps *o;
	const u8 *rank;
	const struct agl_overlap_step *step;
	unsigned int order;
	struct agl_item *with;
	long patience;
	struct agl_item *hits;
};

/* Does the fan compare no bit that the rule does not? */
static bool fan_is_covered(const struct overlap_search *s,
			   const struct agl_overlap_fan *fan)
{
	return !(fan->mask & ~item_mask(s->with, &s->step[fan->node->step]));
}

/* The first edge to follow of this fan, or of those after it */
static struct agl_overlap_edge *search_fans(struct overlap_search *s,
					    struct agl_overlap_fan *fan)
{
	struct agl_overlap_edge *e = NULL;
	u64 value;

	for (; fan && !e; fan = fan->next) {
		s->patience--;
		if (!fan_is_covered(s, fan)) {
			e = first_child(fan);
			continue;
		}
		value = item_value(s->with, &s->step[fan->node->step]);
		e = fan_lookup(s->o, s->order, fan, value & fan->mask);
	}
	return e;
}

/* The edge to follow after this one, and all behind it */
static struct agl_overlap_edge *search_next(struct overlap_search *s,
					    struct agl_overlap_edge *e)
{
	struct agl_overlap_edge *next = NULL;

	for (; e->fan && !next; e = &e->fan->node->edge) {
		if (e->child.next && !fan_is_covered(s, e->fan))
			next = hlist_entry(e->child.next, struct agl_overlap_edge,
					   child);
		else
			next = search_fans(s, e->fan->next);
	}
	return next;
}

/*
 * Is there one edge at most to follow? Then it costs less to look at what is
 * behind it, as that will be done anyway, than to look here as well.
 */
static bool search_goes_on(const struct overlap_search *s, const struct overlap_node *n)
{
	return !n->fans->next && fan_is_covered(s, n->fans);
}

static void search_hit(struct overlap_search *s, struct agl_item *item)
{
	if (item == s->with)
		return;
	item->hit = s->hits;
	s->hits = item;
}

/* Follow an edge. Return: the first one to follow behind it */
static struct agl_overlap_edge *search_edge(struct overlap_search *s,
					    struct agl_overlap_edge *e)
{
	struct agl_item *any = edge_any(e, s->order), *twin;
	struct overlap_node *n;

	s->o->visits++;
	s->patience--;
	if (e->is_node) {
		n = edge_node(e);
		if (search_goes_on(s, n) || conflict(s->rank, s->with, any) >= n->step)
			return search_fans(s, n->fans);
		return NULL;
	}
	if (conflict(s->rank, s->with, any) != STEP_NONE)
		return NULL;
	search_hit(s, any);
	list_for_each_entry(twin, &any->twins, twins)
		search_hit(s, twin);
	return NULL;
}

/* Return: whether it came to an end before @patience did */
static bool search(struct agl_overlaps *o, unsigned int order, long patience,
		   struct agl_item *with, struct agl_item **hits)
{
	struct overlap_search s = {
		.o = o,
		.rank = o->layout->rank[order],
		.step = o->layout->step[order],
		.order = order,
		.with = with,
		.patience = patience,
	};
	struct agl_overlap_edge *e = o->root[order];

	while (e && s.patience > 0)
		e = search_edge(&s, e) ?: search_next(&s, e);
	*hits = s.hits;
	return !e;
}

/**
 * agl_overlap_find - rules that a packet can match as well as this one
 * @o: overlaps
 * @with: rule, one of them
 *
 * Return: the first of them, NULL if there is none; item->hit goes on from
 * there. Those with the very same match are among them.
 */
struct agl_item *agl_overlap_find(struct agl_overlaps *o, struct agl_item *with)
{
	struct agl_item *hits;
	unsigned int order;
	long patience;

	for (patience = PATIENCE;; patience *= MORE_PATIENCE)
		for (order = 0; order < AGL_OVERLAP_ORDERS; order++)
			if (search(o, order, patience, with, &hits))
				return hits;
}
