// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules in the card. Nothing of what is sent here is answered, so what the
 * card has must follow from what was sent: one lock covers the change and the
 * sending of it. 03-flower.md sections 3.5, 6.6 and 8.1.
 */
#include <linux/delay.h>
#include <linux/jhash.h>
#include <linux/slab.h>

#include "../agilio.h"
#include "table.h"

#define QUARANTINE_US	40

struct flow_name {
	unsigned long cookie;
	u32 port;
};

struct key_name {
	const u8 *bytes;
	u8 len;
};

static u32 hash_name(const void *data, u32 len, u32 seed)
{
	const struct flow_name *n = data;

	return jhash_3words(lower_32_bits(n->cookie), upper_32_bits(n->cookie),
			    n->port, seed);
}

static u32 hash_flow(const void *data, u32 len, u32 seed)
{
	const struct agl_flow *f = data;
	struct flow_name n = { f->cookie, f->port };

	return hash_name(&n, len, seed);
}

static int compare_flow(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct flow_name *n = arg->key;
	const struct agl_flow *f = obj;

	return f->cookie != n->cookie || f->port != n->port;
}

static const struct rhashtable_params flow_params = {
	.head_offset = offsetof(struct agl_flow, node),
	.key_len = sizeof(struct flow_name),
	.hashfn = hash_name,
	.obj_hashfn = hash_flow,
	.obj_cmpfn = compare_flow,
	.automatic_shrinking = true,
};

static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const struct key_name *k = data;

	return jhash(k->bytes, k->len, seed);
}

static u32 hash_entry(const void *data, u32 len, u32 seed)
{
	const struct agl_entry *e = data;

	return jhash(e->key, e->len, seed);
}

static int compare_entry(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct key_name *k = arg->key;
	const struct agl_entry *e = obj;

	return e->len != k->len || memcmp(e->key, k->bytes, k->len);
}

static const struct rhashtable_params entry_params = {
	.head_offset = offsetof(struct agl_entry, node),
	.key_len = sizeof(struct key_name),
	.hashfn = hash_key,
	.obj_hashfn = hash_entry,
	.obj_cmpfn = compare_entry,
	.automatic_shrinking = true,
};

/**
 * agl_table_init - an empty table
 * @agl: card, its firmware's symbols known
 *
 * Return: 0, -EINVAL if the firmware's limits make no sense, -ENOMEM.
 */
int agl_table_init(struct agilio *agl)
{
	struct agl_table *t = &agl->table;
	u64 count = BIT(17), units = 1;
	int err;

	agl_rtsym_value(&agl->chip, AGL_SYM_CTX_COUNT, &count);
	agl_rtsym_value(&agl->chip, AGL_SYM_CTX_SPLIT, &units);
	if (!units || units > FIELD_MAX(AGL_CTX_UNIT) || count < units ||
	    div64_u64(count, units) > FIELD_MAX(AGL_CTX_INDEX)) {
		dev_err(&agl->pdev->dev, "%llu rules in %llu units make no sense\n",
			count, units);
		return -EINVAL;
	}
	t->context_count = count;
	t->units = units;
	mutex_init(&t->order);
	agl_overlaps_init(&t->overlaps);
	spin_lock_init(&t->lock);
	spin_lock_init(&t->stats_lock);
	agl_masks_init(&t->masks);
	xa_init_flags(&t->contexts, XA_FLAGS_ALLOC);
	err = rhashtable_init(&t->flows, &flow_params);
	if (err)
		return err;
	err = rhashtable_init(&t->entries, &entry_params);
	if (err)
		rhashtable_destroy(&t->flows);
	return err;
}

/**
 * agl_table_free - give the table's memory back
 * @agl: card; tc has taken all flows out
 */
void agl_table_free(struct agilio *agl)
{
	struct agl_table *t = &agl->table;

	WARN_ON(!xa_empty(&t->contexts));
	agl_overlaps_free(&t->overlaps);
	xa_destroy(&t->contexts);
	rhashtable_destroy(&t->entries);
	rhashtable_destroy(&t->flows);
}

/**
 * agl_table_find - a flow of tc
 * @t: table
 * @cookie: tc's
 * @port: ingress, port id
 *
 * Return: NULL if it isn't there. Call under rcu_read_lock().
 */
struct agl_flow *agl_table_find(struct agl_table *t, unsigned long cookie,
				u32 port)
{
	struct flow_name n = { cookie, port };

	return rhashtable_lookup(&t->flows, &n, flow_params);
}

static size_t message_size(const struct agl_flow *flow, u8 key_len)
{
	return sizeof(struct agl_flow_meta) + 2 * key_len + flow->act_len;
}

/* Under the lock: the version counts messages in the order of sending */
static void message_send(struct agilio *agl, struct sk_buff *skb, u8 type,
			 const struct agl_flow *flow, bool manage_mask)
{
	const struct agl_entry *e = flow->entry;
	struct agl_flow_meta *m = skb_put_zero(skb, sizeof(*m));

	m->key_len = e->len >> AGL_FLOW_LW_SHIFT;
	m->mask_len = e->len >> AGL_FLOW_LW_SHIFT;
	m->act_len = flow->act_len >> AGL_FLOW_LW_SHIFT;
	m->flags = manage_mask ? AGL_FLOW_MANAGE_MASK : 0;
	m->host_ctx = cpu_to_be32(agl_stats_context(&agl->table, flow->id));
	m->cookie = cpu_to_be64(flow->cookie);
	m->version = cpu_to_be64(agl->table.version++);
	m->shortcut = cpu_to_be32(flow->shortcut);
	skb_put_data(skb, e->key, e->len);
	skb_put_data(skb, e->mask->bytes, e->len);
	skb_put_data(skb, flow->act, flow->act_len);
	agl_cmsg_xmit(agl, type, skb);
}

static struct agl_flow *first_flow(struct agl_entry *e)
{
	return list_first_entry_or_null(&e->flows, struct agl_flow, list);
}

/*
 * Filters of several priorities, and the old and the new one while tc replaces
 * a filter, can have one match. Software acts on the first of them; so does
 * the card: the others wait behind it.
 */
static void list_in_order(struct agl_entry *e, struct agl_flow *flow)
{
	struct agl_flow *other;

	list_for_each_entry(other, &e->flows, list)
		if (agl_order_compare(flow, other) <= 0) {
			list_add_tail(&flow->list, &other->list);
			return;
		}
	list_add_tail(&flow->list, &e->flows);
}

/* Return: whether @skb was used */
static bool entry_join(struct agilio *agl, struct agl_entry *e,
		       struct agl_flow *flow, struct sk_buff *skb)
{
	flow->entry = e;
	list_in_order(e, flow);
	if (first_flow(e) != flow)
		return false;
	message_send(agl, skb, AGL_CMSG_FLOW_MOD, flow, false);
	return true;
}

static int entry_insert(struct agl_table *t, struct agl_entry *e,
			struct agl_flow *flow)
{
	int err;

	err = rhashtable_insert_fast(&t->entries, &e->node, entry_params);
	if (err)
		return err;
	flow->entry = e;
	INIT_LIST_HEAD(&e->flows);
	list_add(&flow->list, &e->flows);
	return 0;
}

/*
 * What the card can't compare is all that tells a flow of the entry from this
 * one, and yet they do different things?
 */
static bool differs_unseen(const struct agl_entry *e, const struct agl_flow *flow)
{
	const struct agl_flow *other;

	list_for_each_entry(other, &e->flows, list)
		if (other->ignored != flow->ignored &&
		    (other->act_len != flow->act_len ||
		     other->shortcut != flow->shortcut ||
		     memcmp(other->act, flow->act, flow->act_len)))
			return true;
	return false;
}

/* Under the lock. Consumes @skb and @fresh when it sets them to NULL */
static int link_flow(struct agilio *agl, struct agl_flow *flow,
		     const struct agl_image *image, struct agl_entry **fresh,
		     struct sk_buff **skb)
{
	struct agl_table *t = &agl->table;
	struct key_name name = { (*fresh)->key, (*fresh)->len };
	struct agl_entry *e = *fresh, *old;
	bool first;
	int err;

	e->mask = agl_mask_get(&t->masks, image->mask, image->key_len, &first);
	if (IS_ERR(e->mask))
		return PTR_ERR(e->mask);
	((struct agl_key_meta *)e->key)->mask_id = e->mask->id;
	old = rhashtable_lookup_fast(&t->entries, &name, entry_params);
	if (old) {
		agl_mask_put(&t->masks, e->mask);
		if (!(agl->features & AGL_FEAT_FLOW_MOD))
			return -EEXIST;
		if (differs_unseen(old, flow))
			return -ENOTUNIQ;
		if (entry_join(agl, old, flow, *skb))
			*skb = NULL;
		return 0;
	}
	err = entry_insert(t, e, flow);
	if (err) {
		agl_mask_put(&t->masks, e->mask);
		return err;
	}
	message_send(agl, *skb, AGL_CMSG_FLOW_ADD, flow, first);
	*skb = NULL;
	*fresh = NULL;
	return 0;
}

static struct agl_entry *entry_alloc(const struct agl_image *image)
{
	struct agl_entry *e;

	e = kmalloc(struct_size(e, key, image->key_len), GFP_KERNEL);
	if (!e)
		return NULL;
	e->len = image->key_len;
	memcpy(e->key, image->key, image->key_len);
	return e;
}

static struct agl_flow *flow_alloc(const struct agl_flow_name *name,
				   const struct agl_image *image)
{
	struct agl_flow *f;

	f = kzalloc(struct_size(f, act, image->act_len), GFP_KERNEL);
	if (!f)
		return NULL;
	f->cookie = name->cookie;
	f->port = name->port;
	f->prio = name->prio;
	f->path = name->path;
	f->used = jiffies;
	f->shortcut = image->shortcut;
	f->ignored = image->ignored;
	f->pre = image->pre;
	f->act_len = image->act_len;
	memcpy(f->act, image->act, image->act_len);
	return f;
}

/* To the card. -EAGAIN: a mask id is being rested */
static int flow_send(struct agilio *agl, struct agl_flow *flow,
		     const struct agl_image *image)
{
	struct sk_buff *skb = agl_cmsg_alloc(message_size(flow, image->key_len),
					     GFP_KERNEL);
	struct agl_entry *fresh = entry_alloc(image);
	int err = -ENOMEM;

	while (skb && fresh) {
		spin_lock_bh(&agl->table.lock);
		err = link_flow(agl, flow, image, &fresh, &skb);
		spin_unlock_bh(&agl->table.lock);
		agl_cmsg_kick(agl);
		if (err != -EAGAIN)
			break;
		usleep_range(QUARANTINE_US, 2 * QUARANTINE_US);
	}
	kfree(fresh);
	kfree_skb(skb);
	return err;
}

static int context_get(struct agl_table *t, struct agl_flow *flow)
{
	int err = xa_alloc_cyclic(&t->contexts, &flow->id, flow,
				  XA_LIMIT(0, t->context_count - 1),
				  &t->next_context, GFP_KERNEL);

	if (err < 0)
		return err == -EBUSY ? -ENOSPC : err;
	atomic_inc(&t->contexts_used);
	return 0;
}

static void context_put(struct agl_table *t, struct agl_flow *flow)
{
	xa_erase(&t->contexts, flow->id);
	atomic_dec(&t->contexts_used);
}

static int item_add(struct agl_table *t, struct agl_flow *flow,
		    const struct agl_image *image)
{
	flow->item = agl_overlap_add(&t->overlaps, &image->match,
				     &image->match_mask);
	if (!flow->item)
		return -ENOMEM;
	flow->item->flow = flow;
	return 0;
}

/* Under the order: in the card nothing that comes after it, then itself */
static int enter(struct agilio *agl, struct agl_flow *flow, struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	int err;

	err = item_add(t, flow, image);
	if (err)
		return err;
	flow->state = AGL_FLOW_CARD;
	err = agl_order_enter(agl, flow, &image->before);
	if (!err)
		err = flow->pre.used ? agl_pre_tun_add(agl, flow, &image->link) :
				       flow_send(agl, flow, image);
	if (err) {
		flow->state = AGL_FLOW_HOST;
		agl_order_leave(agl, flow);
	}
	return err;
}

/* Under the lock. -EMSGSIZE: @skb is too small for @need bytes */
static int unlink_flow(struct agilio *agl, struct agl_flow *flow,
		       struct sk_buff **skb, size_t *need)
{
	struct agl_table *t = &agl->table;
	struct agl_entry *e = flow->entry;
	struct agl_flow *next = flow;
	bool last;

	if (first_flow(e) != flow) {
		list_del(&flow->list);
		return 0;
	}
	if (!list_is_singular(&e->flows))
		next = list_next_entry(flow, list);
	*need = message_size(next, e->len);
	if (skb_tailroom(*skb) < *need)
		return -EMSGSIZE;
	list_del(&flow->list);
	if (next != flow) {
		message_send(agl, *skb, AGL_CMSG_FLOW_MOD, next, false);
		*skb = NULL;
		return 0;
	}
	last = agl_mask_is_last(e->mask);
	message_send(agl, *skb, AGL_CMSG_FLOW_DEL, flow, last);
	*skb = NULL;
	agl_mask_put(&t->masks, e->mask);
	rhashtable_remove_fast(&t->entries, &e->node, entry_params);
	kfree(e);
	return 0;
}

/* Under the order: out of the card */
static void leave_card(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_table *t = &agl->table;
	struct sk_buff *skb;
	size_t need;
	int err;

	if (flow->pre.used) {
		agl_pre_tun_del(agl, flow);
		return;
	}
	need = message_size(flow, AGL_KEY_LIMIT);
	do {
		skb = agl_cmsg_alloc(need, GFP_KERNEL | __GFP_NOFAIL);
		spin_lock_bh(&t->lock);
		err = unlink_flow(agl, flow, &skb, &need);
		spin_unlock_bh(&t->lock);
		agl_cmsg_kick(agl);
		kfree_skb(skb);
	} while (err);
}

/**
 * agl_table_park - take a flow out of the card, for the host to do
 * @agl: card; the table's order is locked
 * @flow: in the card
 *
 * Return: 0; -ENOMEM: it stays.
 */
int agl_table_park(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_entry *e = flow->entry;
	struct agl_parked *p;

	p = kmalloc(sizeof(*p) + 2 * e->len, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->len = e->len;
	memcpy(p->bytes, e->key, e->len);
	memcpy(p->bytes + e->len, e->mask->bytes, e->len);
	leave_card(agl, flow);
	flow->parked = p;
	flow->state = AGL_FLOW_PARKED;
	agl->table.parked_flows++;
	return 0;
}

/**
 * agl_table_restore - put a parked flow back into the card
 * @agl: card; the table's order is locked
 * @flow: parked; nothing in the card overlaps it
 *
 * If that fails it stays with the host.
 */
void agl_table_restore(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_parked *p = flow->parked;
	struct agl_image *image;

	image = kzalloc(sizeof(*image), GFP_KERNEL);
	if (!image)
		return;
	image->key_len = p->len;
	memcpy(image->key, p->bytes, p->len);
	memcpy(image->mask, p->bytes + p->len, p->len);
	if (flow_send(agl, flow, image)) {
		flow->parked = p;
	} else {
		flow->state = AGL_FLOW_CARD;
		agl->table.parked_flows--;
		kfree(p);
	}
	kfree(image);
}

/* Return: whether the card had it, or was to have it again */
static bool leave(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_table *t = &agl->table;
	enum agl_flow_state state = flow->state;

	if (state == AGL_FLOW_CARD) {
		leave_card(agl, flow);
	} else if (state == AGL_FLOW_PARKED) {
		t->parked_flows--;
		kfree(flow->parked);
	} else {
		t->host_flows--;
	}
	flow->state = AGL_FLOW_HOST;
	agl_order_leave(agl, flow);
	return state != AGL_FLOW_HOST;
}

/**
 * agl_table_enter - put a flow into the card that has no name in the table
 * @agl: card
 * @name: of the filter that it begins with
 * @image: its bytes; the references in it are taken if this succeeds
 *
 * Return: the flow; -ENOSPC if the card has no room for the rule or its mask;
 * -EEXIST if there is another with the same match and the firmware can't
 * exchange them; -ENOTUNIQ if there is one that the card could not tell from
 * it; -EBUSY if one overlaps it and comes first, of priority image->before;
 * -ETIMEDOUT if the card takes no messages; -ENOMEM.
 */
struct agl_flow *agl_table_enter(struct agilio *agl,
				 const struct agl_flow_name *name,
				 struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	int err;

	err = agl_cmsg_room(agl);
	if (err)
		return ERR_PTR(err);
	flow = flow_alloc(name, image);
	if (!flow)
		return ERR_PTR(-ENOMEM);
	err = context_get(t, flow);
	if (err)
		goto err_free;
	flow->local = image->local;
	flow->endpoint = image->endpoint;
	flow->peer = image->peer;
	mutex_lock(&t->order);
	/* The way there may have moved since the actions were encoded */
	agl_retag_actions(flow);
	err = enter(agl, flow, image);
	if (err)
		context_put(t, flow);
	mutex_unlock(&t->order);
	if (err)
		goto err_free;
	image->local = NULL;
	image->endpoint = NULL;
	image->peer = NULL;
	return flow;

err_free:
	kfree_rcu(flow, rcu);
	return ERR_PTR(err);
}

/**
 * agl_table_enter_host - keep a flow in mind that is the host's
 * @agl: card
 * @name: of the filter that it begins with
 * @image: its match
 *
 * Flows that would come after it leave the card.
 *
 * Return: the flow, -ENOMEM.
 */
struct agl_flow *agl_table_enter_host(struct agilio *agl,
				      const struct agl_flow_name *name,
				      const struct agl_image *image)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	if (!flow)
		return ERR_PTR(-ENOMEM);
	flow->cookie = name->cookie;
	flow->port = name->port;
	flow->prio = name->prio;
	flow->path = name->path;
	flow->used = jiffies;
	mutex_lock(&t->order);
	err = item_add(t, flow, image);
	if (!err) {
		t->host_flows++;
		err = agl_order_host(agl, flow);
		if (err)
			leave(agl, flow);
	}
	mutex_unlock(&t->order);
	if (!err)
		return flow;
	kfree(flow);
	return ERR_PTR(err);
}

/**
 * agl_table_leave - forget a flow, and take it out of the card
 * @agl: card
 * @flow: it has no name in the table; freed
 */
void agl_table_leave(struct agilio *agl, struct agl_flow *flow)
{
	struct agl_table *t = &agl->table;

	agl_cmsg_room(agl);
	mutex_lock(&t->order);
	if (leave(agl, flow))
		context_put(t, flow);
	mutex_unlock(&t->order);
	if (flow->local)
		agl_local_put(agl, flow->local);
	if (flow->endpoint)
		agl_endpoint_put(agl, flow->endpoint);
	if (flow->peer)
		agl_endpoint_put(agl, flow->peer);
	kfree_rcu(flow, rcu);
}

static int give_name(struct agilio *agl, struct agl_flow *flow)
{
	int err;

	if (IS_ERR(flow))
		return PTR_ERR(flow);
	err = rhashtable_insert_fast(&agl->table.flows, &flow->node, flow_params);
	if (err)
		agl_table_leave(agl, flow);
	return err;
}

/**
 * agl_table_add - put a flow into the card
 * @agl: card
 * @name: of the flow
 * @image: its bytes; the references in it are taken if this returns 0
 *
 * Return: 0; agl_table_enter()'s.
 */
int agl_table_add(struct agilio *agl, const struct agl_flow_name *name,
		  struct agl_image *image)
{
	return give_name(agl, agl_table_enter(agl, name, image));
}

/**
 * agl_table_note - keep a flow in mind that is the host's
 * @agl: card
 * @name: of the flow
 * @image: its match
 *
 * Return: 0; agl_table_enter_host()'s.
 */
int agl_table_note(struct agilio *agl, const struct agl_flow_name *name,
		   const struct agl_image *image)
{
	return give_name(agl, agl_table_enter_host(agl, name, image));
}

/**
 * agl_table_del - forget a flow, and take it out of the card
 * @agl: card
 * @cookie: tc's name for it
 * @port: ingress, port id
 *
 * Return: 0, -ENOENT if it was not for the card.
 */
int agl_table_del(struct agilio *agl, unsigned long cookie, u32 port)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	bool ours;

	/* Nobody else can delete it: tc has one filter of that name */
	rcu_read_lock();
	flow = agl_table_find(t, cookie, port);
	rcu_read_unlock();
	if (!flow)
		return -ENOENT;
	ours = flow->state != AGL_FLOW_HOST;
	rhashtable_remove_fast(&t->flows, &flow->node, flow_params);
	agl_table_leave(agl, flow);
	return ours ? 0 : -ENOENT;
}
