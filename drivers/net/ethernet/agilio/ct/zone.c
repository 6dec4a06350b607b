// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zones: where the stack tells of connections. It calls from several
 * workqueues at once, and holds a lock of the flow table meanwhile that
 * registration takes: so what a callback takes is never held when one
 * registers or unregisters. 03-flower.md section 7.3.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/netfilter/nf_flow_table.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "ct.h"

/**
 * struct agl_zone - connections of a zone
 * @list: in agl_zones.list
 * @agl: card
 * @table: the stack's
 * @id: its number
 * @conns: agl_conn by cookie
 * @lock: guards @ports
 * @ports: agl_zone_port
 */
struct agl_zone {
	struct list_head list;
	struct agilio *agl;
	struct nf_flowtable *table;
	u16 id;
	struct rhashtable conns;
	spinlock_t lock; /* ports */
	struct list_head ports;
};

static const struct rhashtable_params zone_params = {
	.head_offset = offsetof(struct agl_conn, node),
	.key_offset = offsetof(struct agl_conn, cookie),
	.key_len = sizeof_field(struct agl_conn, cookie),
	.automatic_shrinking = true,
};

static void zone_port_put(struct agl_zone_port *p)
{
	if (refcount_dec_and_test(&p->refs))
		complete(&p->idle);
}

static struct agl_zone_port *zone_port_find(struct agl_zone *z, int ifindex)
{
	struct agl_zone_port *p, *found = NULL;

	spin_lock(&z->lock);
	list_for_each_entry(p, &z->ports, list) {
		if (p->ifindex == ifindex) {
			refcount_inc(&p->refs);
			found = p;
			break;
		}
	}
	spin_unlock(&z->lock);
	return found;
}

static void zone_conn_put(struct agl_conn *c)
{
	if (!refcount_dec_and_test(&c->refs))
		return;
	zone_port_put(c->at);
	kfree_rcu(c, rcu);
}

static struct agl_conn *zone_conn_find(struct agl_zone *z, unsigned long cookie)
{
	struct agl_conn *c;

	rcu_read_lock();
	c = rhashtable_lookup(&z->conns, &cookie, zone_params);
	if (c && !refcount_inc_not_zero(&c->refs))
		c = NULL;
	rcu_read_unlock();
	return c;
}

/* With the port's lock held */
static void zone_conn_end(struct agl_zone *z, struct agl_conn *c)
{
	if (c->gone)
		return;
	c->gone = true;
	z->agl->zones.ops->del(c);
	list_del(&c->list);
	rhashtable_remove_fast(&z->conns, &c->node, zone_params);
	zone_conn_put(c);
}

/* @c: taken, or freed */
static int zone_conn_enter(struct agl_zone *z, struct agl_zone_port *p,
			   struct agl_conn *c)
{
	int err;

	c->at = p;
	c->counts.used = jiffies;
	refcount_set(&c->refs, 1);
	INIT_LIST_HEAD(&c->rules);
	err = rhashtable_insert_fast(&z->conns, &c->node, zone_params);
	if (err) {
		kfree(c);
		return err;
	}
	refcount_inc(&p->refs);
	list_add_tail(&c->list, &p->conns);
	return z->agl->zones.ops->add(c) ? 0 : -EOPNOTSUPP;
}

/*
 * The stack gives a connection again when it sees packets of it: then it may
 * be another by now, or there are rules for it by now.
 */
static int zone_conn_again(struct agl_zone *z, struct agl_conn *c)
{
	if (list_empty(&c->rules))
		z->agl->zones.ops->add(c);
	return list_empty(&c->rules) ? -EOPNOTSUPP : 0;
}

/* @c: taken, or freed */
static int zone_conn_take(struct agl_zone *z, struct agl_zone_port *p,
			  struct agl_conn *c)
{
	struct agl_conn *old = zone_conn_find(z, c->cookie);
	int err = -EOPNOTSUPP;

	mutex_lock(p->lock);
	if (old && !old->gone && old->at == p && agl_conn_same(old, c)) {
		err = zone_conn_again(z, old);
		kfree(c);
	} else if (p->gone || (old && old->at != p)) {
		kfree(c);
	} else {
		if (old)
			zone_conn_end(z, old);
		err = zone_conn_enter(z, p, c);
	}
	mutex_unlock(p->lock);
	if (old)
		zone_conn_put(old);
	return err;
}

static int zone_replace(struct agl_zone *z, const struct flow_cls_offload *f)
{
	struct agl_zone_port *p;
	struct agl_conn *c;
	int err, ifindex;

	/* With the lock held there is hardly a wait then */
	err = agl_cmsg_room(z->agl);
	if (err)
		return err;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	c->cookie = f->cookie;
	err = agl_conn_parse(f->rule, z->id, c, &ifindex);
	p = err ? NULL : zone_port_find(z, ifindex);
	if (!p) {
		kfree(c);
		return err ?: -EOPNOTSUPP;
	}
	err = zone_conn_take(z, p, c);
	zone_port_put(p);
	return err;
}

static int zone_destroy(struct agl_zone *z, unsigned long cookie)
{
	struct agl_conn *c = zone_conn_find(z, cookie);

	if (!c)
		return -ENOENT;
	mutex_lock(c->at->lock);
	zone_conn_end(z, c);
	mutex_unlock(c->at->lock);
	zone_conn_put(c);
	return 0;
}

static int zone_stats(struct agl_zone *z, struct flow_cls_offload *f)
{
	struct agl_conn *c = zone_conn_find(z, f->cookie);

	if (!c)
		return -ENOENT;
	agl_stats_read(z->agl, &c->counts, &f->stats);
	zone_conn_put(c);
	return 0;
}

static int zone_callback(enum tc_setup_type type, void *data, void *priv)
{
	struct flow_cls_offload *f = data;

	if (type != TC_SETUP_CLSFLOWER)
		return -EOPNOTSUPP;
	switch (f->command) {
	case FLOW_CLS_REPLACE:
		return zone_replace(priv, f);
	case FLOW_CLS_DESTROY:
		return zone_destroy(priv, f->cookie);
	case FLOW_CLS_STATS:
		return zone_stats(priv, f);
	default:
		return -EOPNOTSUPP;
	}
}

static struct agl_zone *zone_new(struct agilio *agl, const struct agl_zone_user *user)
{
	struct agl_zone *z = kzalloc(sizeof(*z), GFP_KERNEL);
	int err = -ENOMEM;

	if (!z)
		return ERR_PTR(err);
	z->agl = agl;
	z->table = user->table;
	z->id = user->zone;
	spin_lock_init(&z->lock);
	INIT_LIST_HEAD(&z->ports);
	err = rhashtable_init(&z->conns, &zone_params);
	if (err)
		goto free_zone;
	err = nf_flow_table_offload_add_cb(z->table, zone_callback, z);
	if (err)
		goto destroy_conns;
	list_add(&z->list, &agl->zones.list);
	return z;

destroy_conns:
	rhashtable_destroy(&z->conns);
free_zone:
	kfree(z);
	return ERR_PTR(err);
}

static void zone_end(struct agl_zone *z)
{
	list_del(&z->list);
	/* Returns after the last callback */
	nf_flow_table_offload_del_cb(z->table, zone_callback, z);
	rhashtable_destroy(&z->conns);
	kfree(z);
}

static struct agl_zone *zone_find(struct agilio *agl, const struct nf_flowtable *table)
{
	struct agl_zone *z;

	list_for_each_entry(z, &agl->zones.list, list)
		if (z->table == table)
			return z;
	return NULL;
}

static struct agl_zone_port *zone_port_new(struct agl_zone *z,
					   const struct agl_zone_user *user)
{
	struct agl_zone_port *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	p->zone = z;
	p->in = user->in;
	p->lock = user->lock;
	p->ifindex = user->ifindex;
	INIT_LIST_HEAD(&p->filters);
	INIT_LIST_HEAD(&p->conns);
	refcount_set(&p->refs, 1);
	init_completion(&p->idle);
	spin_lock(&z->lock);
	list_add(&p->list, &z->ports);
	spin_unlock(&z->lock);
	return p;
}

static void zone_port_end(struct agl_zone *z, struct agl_zone_port *p)
{
	struct agl_conn *c, *next;

	spin_lock(&z->lock);
	list_del(&p->list);
	spin_unlock(&z->lock);
	mutex_lock(p->lock);
	p->gone = true;
	list_for_each_entry_safe(c, next, &p->conns, list)
		zone_conn_end(z, c);
	mutex_unlock(p->lock);
	zone_port_put(p);
	wait_for_completion(&p->idle);
	kfree(p);
}

static struct agl_zone_port *zone_get(struct agilio *agl,
				      const struct agl_zone_user *user)
{
	struct agl_zone *z = zone_find(agl, user->table);
	struct agl_zone_port *p;

	if (!z)
		z = zone_new(agl, user);
	if (IS_ERR(z))
		return ERR_CAST(z);
	list_for_each_entry(p, &z->ports, list) {
		if (p->in == user->in) {
			p->users++;
			return p;
		}
	}
	p = zone_port_new(z, user);
	if (p) {
		p->users = 1;
		return p;
	}
	if (list_empty(&z->ports))
		zone_end(z);
	return ERR_PTR(-ENOMEM);
}

/**
 * agl_zone_get - a filter sends packets into a zone
 * @agl: card
 * @user: filter; the lock of its device is not held
 *
 * From now on the stack tells of the zone's connections; what there is already
 * comes as soon as it sees packets of it.
 *
 * Return: the zone for that device; -ENOMEM.
 */
struct agl_zone_port *agl_zone_get(struct agilio *agl,
				   const struct agl_zone_user *user)
{
	struct agl_zone_port *p;

	mutex_lock(&agl->zones.lock);
	p = zone_get(agl, user);
	mutex_unlock(&agl->zones.lock);
	return p;
}

/**
 * agl_zone_put - a filter has gone
 * @agl: card
 * @port: agl_zone_get()'s; the lock of its device is not held
 *
 * With the last one the connections of that device leave the card.
 */
void agl_zone_put(struct agilio *agl, struct agl_zone_port *port)
{
	struct agl_zone *z = port->zone;

	mutex_lock(&agl->zones.lock);
	if (!--port->users) {
		zone_port_end(z, port);
		if (list_empty(&z->ports))
			zone_end(z);
	}
	mutex_unlock(&agl->zones.lock);
}

/**
 * agl_zones_init - no zones
 * @agl: card
 * @ops: who makes rules of connections
 */
void agl_zones_init(struct agilio *agl, const struct agl_ct_ops *ops)
{
	mutex_init(&agl->zones.lock);
	INIT_LIST_HEAD(&agl->zones.list);
	agl->zones.ops = ops;
}

/**
 * agl_zones_free - the end; all filters are gone, and with them the zones
 * @agl: card
 */
void agl_zones_free(struct agilio *agl)
{
	WARN_ON(!list_empty(&agl->zones.list));
	mutex_destroy(&agl->zones.lock);
}
