// SPDX-License-Identifier: GPL-2.0-only
/*
 * Overlaps. Rules that compare the same bits have one shape; two of these
 * never overlap unless they are equal. Of two shapes there are bits that both
 * compare: rules overlap if these are equal. So for each such set of bits a
 * shape has a view, which counts its rules by their values there: one look
 * into each other shape's view tells whether a new rule overlaps any of its
 * rules, however many these are. Who it is, is then looked for one by one.
 *
 * The caller serializes everything here.
 */
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "overlap.h"

/* A shape has a view for each other shape, or fewer; above that the oldest go */
#define VIEWS_MAX	64

/**
 * struct agl_shape - a set of bits that rules compare
 * @list: in agl_overlaps.shapes
 * @items: rules
 * @views: their counts, by sets of bits
 * @view_count: how many
 * @users: rules
 * @mask: which bits
 * @len: bytes in which these are
 * @at: which bytes
 */
struct agl_shape {
	struct list_head list;
	struct list_head items;
	struct list_head views;
	unsigned int view_count;
	unsigned int users;
	struct agl_match mask;
	unsigned int len;
	u8 at[] __counted_by(len);
};

/**
 * struct view - counts of a shape's rules by some of their bits
 * @list: in agl_shape.views, the last used one first
 * @groups: by value
 * @len: bytes of the shape
 * @bits: which bits of these
 */
struct view {
	struct list_head list;
	struct rhashtable groups;
	unsigned int len;
	u8 bits[] __counted_by(len);
};

struct group {
	struct rhash_head node;
	unsigned int count;
	unsigned int len;
	u8 value[] __counted_by(len);
};

struct value {
	const u8 *bytes;
	unsigned int len;
};

static u32 hash_value(const void *data, u32 len, u32 seed)
{
	const struct value *v = data;

	return jhash(v->bytes, v->len, seed);
}

static u32 hash_group(const void *data, u32 len, u32 seed)
{
	const struct group *g = data;

	return jhash(g->value, g->len, seed);
}

static int compare_group(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct value *v = arg->key;
	const struct group *g = obj;

	return memcmp(g->value, v->bytes, v->len);
}

static const struct rhashtable_params group_params = {
	.head_offset = offsetof(struct group, node),
	.key_len = sizeof(struct value),
	.hashfn = hash_value,
	.obj_hashfn = hash_group,
	.obj_cmpfn = compare_group,
	.automatic_shrinking = true,
};

/**
 * agl_match_of - a rule's match in the layout that all have
 * @rule: rule
 * @key: values
 * @mask: which bits
 */
void agl_match_of(const struct agl_rule *rule, struct agl_match *key,
		  struct agl_match *mask)
{
	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	key->port = rule->port;
	mask->port = ~0;
	key->fields = rule->key;
	mask->fields = rule->mask;
	mask->tags = (rule->outer != AGL_TAG_ANY ? BIT(0) : 0) |
		     (rule->inner != AGL_TAG_ANY ? BIT(1) : 0);
	if (rule->tun)
		mask->tags |= BIT(2);
	key->tags = (rule->outer == AGL_TAG_PRESENT ? BIT(0) : 0) |
		    (rule->inner == AGL_TAG_PRESENT ? BIT(1) : 0) |
		    (rule->tun6 ? BIT(2) : 0);
}

static struct agl_shape *shape_get(struct agl_overlaps *o,
				   const struct agl_match *mask)
{
	const u8 *bytes = (const u8 *)mask;
	unsigned int i, len = 0, n = 0;
	struct agl_shape *s;

	list_for_each_entry(s, &o->shapes, list)
		if (!memcmp(&s->mask, mask, sizeof(*mask))) {
			s->users++;
			return s;
		}
	for (i = 0; i < sizeof(*mask); i++)
		len += !!bytes[i];
	s = kzalloc(struct_size(s, at, len), GFP_KERNEL);
	if (!s)
		return NULL;
	s->len = len;
	for (i = 0; i < sizeof(*mask); i++)
		if (bytes[i])
			s->at[n++] = i;
	INIT_LIST_HEAD(&s->items);
	INIT_LIST_HEAD(&s->views);
	s->mask = *mask;
	s->users = 1;
	list_add_tail(&s->list, &o->shapes);
	return s;
}

static void group_free(void *group, void *arg)
{
	kfree(group);
}

static void view_free(struct agl_shape *s, struct view *v)
{
	list_del(&v->list);
	s->view_count--;
	rhashtable_free_and_destroy(&v->groups, group_free, NULL);
	kfree(v);
}

static void shape_put(struct agl_shape *s)
{
	struct view *v, *next;

	if (--s->users)
		return;
	list_for_each_entry_safe(v, next, &s->views, list)
		view_free(s, v);
	list_del(&s->list);
	kfree(s);
}

static struct group *group_find(struct view *v, const u8 *value)
{
	struct value name = { value, v->len };

	return rhashtable_lookup_fast(&v->groups, &name, group_params);
}

static void value_of(const struct view *v, const u8 *key, u8 *to)
{
	unsigned int i;

	for (i = 0; i < v->len; i++)
		to[i] = key[i] & v->bits[i];
}

static int view_add(struct view *v, const u8 *key)
{
	u8 value[sizeof(struct agl_match)];
	struct group *g;
	int err;

	value_of(v, key, value);
	g = group_find(v, value);
	if (g) {
		g->count++;
		return 0;
	}
	g = kmalloc(struct_size(g, value, v->len), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	g->count = 1;
	g->len = v->len;
	memcpy(g->value, value, v->len);
	err = rhashtable_insert_fast(&v->groups, &g->node, group_params);
	if (err)
		kfree(g);
	return err;
}

static void view_del(struct view *v, const u8 *key)
{
	u8 value[sizeof(struct agl_match)];
	struct group *g;

	value_of(v, key, value);
	g = group_find(v, value);
	if (WARN_ON(!g) || --g->count)
		return;
	rhashtable_remove_fast(&v->groups, &g->node, group_params);
	kfree(g);
}

static struct view *view_new(struct agl_shape *s, const u8 *bits)
{
	struct agl_item *item;
	struct view *v;
	int err;

	v = kzalloc(struct_size(v, bits, s->len), GFP_KERNEL);
	if (!v)
		return NULL;
	v->len = s->len;
	memcpy(v->bits, bits, s->len);
	if (rhashtable_init(&v->groups, &group_params)) {
		kfree(v);
		return NULL;
	}
	list_add(&v->list, &s->views);
	s->view_count++;
	list_for_each_entry(item, &s->items, list) {
		err = view_add(v, item->key);
		if (err) {
			view_free(s, v);
			return NULL;
		}
		cond_resched();
	}
	if (s->view_count > VIEWS_MAX)
		view_free(s, list_last_entry(&s->views, struct view, list));
	return v;
}

static struct view *view_get(struct agl_shape *s, const u8 *bits)
{
	struct view *v;

	list_for_each_entry(v, &s->views, list)
		if (!memcmp(v->bits, bits, s->len)) {
			list_move(&v->list, &s->views);
			return v;
		}
	return view_new(s, bits);
}

/**
 * agl_overlaps_init - no rules
 * @o: overlaps
 */
void agl_overlaps_init(struct agl_overlaps *o)
{
	INIT_LIST_HEAD(&o->shapes);
}

/**
 * agl_overlaps_free - the end; all rules have been taken out
 * @o: overlaps
 */
void agl_overlaps_free(struct agl_overlaps *o)
{
	WARN_ON(!list_empty(&o->shapes));
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
struct agl_item *agl_overlap_add(struct agl_overlaps *o,
				 const struct agl_match *key,
				 const struct agl_match *mask)
{
	struct agl_shape *s = shape_get(o, mask);
	struct agl_item *item;
	struct view *v;
	unsigned int i;

	if (!s)
		return NULL;
	item = kmalloc(struct_size(item, key, s->len), GFP_KERNEL);
	if (!item)
		goto err_shape;
	item->shape = s;
	for (i = 0; i < s->len; i++)
		item->key[i] = ((const u8 *)key)[s->at[i]];
	list_for_each_entry(v, &s->views, list)
		if (view_add(v, item->key))
			goto err_views;
	list_add_tail(&item->list, &s->items);
	return item;

err_views:
	list_for_each_entry_continue_reverse(v, &s->views, list)
		view_del(v, item->key);
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
	struct agl_shape *s = item->shape;
	struct view *v;

	list_for_each_entry(v, &s->views, list)
		view_del(v, item->key);
	list_del(&item->list);
	kfree(item);
	shape_put(s);
}

static bool same(const struct view *v, const u8 *value, const u8 *key)
{
	unsigned int i;

	for (i = 0; i < v->len; i++)
		if ((key[i] & v->bits[i]) != value[i])
			return false;
	return true;
}

/* Rules of @s that overlap with what has these values; @with itself doesn't */
static int find_in_shape(struct agl_shape *s, const struct agl_match *key,
			 const struct agl_match *mask,
			 const struct agl_item *with, struct agl_item **hits)
{
	u8 bits[sizeof(*mask)], value[sizeof(*mask)];
	struct agl_item *item;
	struct view *v;
	struct group *g;
	unsigned int i;

	for (i = 0; i < s->len; i++) {
		bits[i] = ((const u8 *)&s->mask)[s->at[i]] &
			  ((const u8 *)mask)[s->at[i]];
		value[i] = ((const u8 *)key)[s->at[i]] & bits[i];
	}
	v = view_get(s, bits);
	if (!v)
		return -ENOMEM;
	g = group_find(v, value);
	if (!g || (s == with->shape && g->count == 1))
		return 0;
	list_for_each_entry(item, &s->items, list) {
		if (item == with || !same(v, value, item->key))
			continue;
		item->hit = *hits;
		*hits = item;
	}
	return 0;
}

/**
 * agl_overlap_find - rules that a packet can match as well as this one
 * @o: overlaps
 * @with: rule
 * @equals: also those that match the very same
 * @hits: first of them, NULL if there is none; item->hit goes on from there
 *
 * Return: 0, -ENOMEM.
 */
int agl_overlap_find(struct agl_overlaps *o, const struct agl_item *with,
		     bool equals, struct agl_item **hits)
{
	const struct agl_match *mask = &with->shape->mask;
	struct agl_match key = {};
	struct agl_shape *s;
	unsigned int i;
	int err = 0;

	*hits = NULL;
	for (i = 0; i < with->shape->len; i++)
		((u8 *)&key)[with->shape->at[i]] = with->key[i];
	list_for_each_entry(s, &o->shapes, list) {
		if (s == with->shape && !equals)
			continue;
		err = find_in_shape(s, &key, mask, with, hits);
		if (err)
			break;
	}
	return err;
}
