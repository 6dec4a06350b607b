/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections. The firmware knows nothing of them: a connection, and the rules
 * before and behind it, are one plain rule for each direction. 03-flower.md
 * section 7.
 */
#ifndef AGILIO_CONNTRACK_H
#define AGILIO_CONNTRACK_H

#include <linux/completion.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "../rule/ct.h"
#include "../rule/rule.h"
#include "../table/table.h"

struct agilio;
struct agl_zone;
struct agl_zone_port;
struct agl_ingress;
struct flow_cls_offload;
struct flow_rule;
struct nf_flowtable;

/**
 * struct agl_tuple - ends of a connection
 * @src: source, IPv4 in the first word
 * @dst: destination
 * @sport: source port, 0 where there are none
 * @dport: destination port
 */
struct agl_tuple {
	struct in6_addr src;
	struct in6_addr dst;
	__be16 sport;
	__be16 dport;
};

/**
 * struct agl_conn - one direction of a connection in a zone
 * @node: in agl_zone.conns
 * @cookie: the flow table's name for it
 * @refs: the zone's, and one of each who is at it
 * @at: zone and device that its packets come in by
 * @list: in agl_zone_port.conns
 * @rules: what is made of it, in tc/compose.c
 * @counts: what the card has counted for it
 * @ct: what conntrack says of its packets: all of it is known
 * @was: ends as its packets come in
 * @becomes: and as NAT leaves them
 * @proto: upper protocol
 * @v6: IPv6
 * @gone: it is in no list any more
 * @rcu: frees it: counters arrive
 */
struct agl_conn {
	struct rhash_head node;
	unsigned long cookie;
	refcount_t refs;
	struct agl_zone_port *at;
	struct list_head list;
	struct list_head rules;
	struct agl_counts counts;
	struct agl_ct_match ct;
	struct agl_tuple was;
	struct agl_tuple becomes;
	u8 proto;
	bool v6;
	bool gone;
	struct rcu_head rcu;
};

/**
 * struct agl_zone_port - a zone as the filters of one device use it
 * @zone: the zone
 * @list: in the zone's ports
 * @ifindex: the device
 * @in: the device, for whom the handler is
 * @lock: of the device's filters: guards @filters, @conns, @gone and what is
 *	made of them
 * @filters: that send packets into the zone
 * @conns: agl_conn
 * @gone: no filter sends packets there any more
 * @users: how many filters; guarded by the card's lock of zones
 * @refs: one for all filters, one of each connection and of each who is at it
 * @idle: the last of these has gone
 */
struct agl_zone_port {
	struct agl_zone *zone;
	struct list_head list;
	int ifindex;
	struct agl_ingress *in;
	struct mutex *lock; /* filters, conns, gone */
	struct list_head filters;
	struct list_head conns;
	bool gone;
	unsigned int users;
	refcount_t refs;
	struct completion idle;
};

/**
 * struct agl_ct_ops - who makes rules out of connections
 * @add: a connection is new; both it and @add's rules are guarded by
 *	agl_zone_port.lock, which is held. Return: how many rules there are now
 * @del: it goes
 */
struct agl_ct_ops {
	unsigned int (*add)(struct agl_conn *conn);
	void (*del)(struct agl_conn *conn);
};

/**
 * struct agl_zones - zones that filters use
 * @lock: guards @list, and agl_zone_port.users. Callbacks of the flow table
 *	never take it, as it is held while they are waited for
 * @list: agl_zone
 * @ops: who makes the rules
 */
struct agl_zones {
	struct mutex lock; /* zones and their ports */
	struct list_head list;
	const struct agl_ct_ops *ops;
};

/**
 * struct agl_zone_user - a filter that sends packets into a zone
 * @table: the stack's connections of the zone
 * @zone: its number
 * @in: device that the filter is on
 * @lock: of that device's filters
 * @ifindex: of that device
 */
struct agl_zone_user {
	struct nf_flowtable *table;
	u16 zone;
	struct agl_ingress *in;
	struct mutex *lock; /* see struct agl_zone_port */
	int ifindex;
};

/* zone.c */
void agl_zones_init(struct agilio *agl, const struct agl_ct_ops *ops);
void agl_zones_free(struct agilio *agl);
struct agl_zone_port *agl_zone_get(struct agilio *agl,
				   const struct agl_zone_user *user);
void agl_zone_put(struct agilio *agl, struct agl_zone_port *port);

/* conn.c */
int agl_conn_parse(const struct flow_rule *from, u16 zone, struct agl_conn *to,
		   int *ifindex);
void agl_conn_rule(const struct agl_conn *conn, bool nat, struct agl_rule *rule);
bool agl_conn_same(const struct agl_conn *a, const struct agl_conn *b);

#endif
