/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in the card: masks, entries (a key with actions) and the flows of
 * tc that they stand for.
 */
#ifndef AGILIO_TABLE_H
#define AGILIO_TABLE_H

#include <linux/ktime.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "../abi/key.h"
#include "../flower/encode.h"
#include "overlap.h"

struct agilio;
struct flow_stats;

#define AGL_MASK_BUCKETS	256

/**
 * struct agl_mask - a mask that the card has
 * @node: in its bucket
 * @users: entries with it
 * @id: the firmware's name for it
 * @len: bytes
 * @bytes: the mask
 */
struct agl_mask {
	struct hlist_node node;
	refcount_t users;
	u8 id;
	u8 len;
	u8 bytes[] __counted_by(len);
};

/**
 * struct agl_masks - masks in use and ids that are free
 * @bucket: by hash of the bytes
 * @freed: when each id was given back, in ns
 * @ring: free ids, oldest first
 * @head: oldest
 * @count: how many
 *
 * All of it is guarded by the table's lock.
 */
struct agl_masks {
	struct hlist_head bucket[AGL_MASK_BUCKETS];
	u64 freed[AGL_MASK_ID_MAX + 1];
	u8 ring[AGL_MASK_ID_MAX];
	unsigned int head;
	unsigned int count;
};

/**
 * struct agl_entry - a rule in the card
 * @node: in agl_table.entries
 * @mask: its mask
 * @flows: tc's flows with this match; the first is the one in the card
 * @len: bytes
 * @key: with the mask id
 */
struct agl_entry {
	struct rhash_head node;
	struct agl_mask *mask;
	struct list_head flows;
	u8 len;
	u8 key[] __counted_by(len);
};

/**
 * enum agl_flow_state - where a flow is
 * @AGL_FLOW_HOST: refused: only kept in mind
 * @AGL_FLOW_CARD: in the card
 * @AGL_FLOW_PARKED: taken out of the card for as long as another comes first
 */
enum agl_flow_state { AGL_FLOW_HOST, AGL_FLOW_CARD, AGL_FLOW_PARKED };

/**
 * struct agl_parked - a match that is not in the card
 * @len: bytes of the key and of the mask
 * @bytes: key and mask
 */
struct agl_parked {
	u8 len;
	u8 bytes[];
};

#define AGL_CHAINS_MAX		4

/**
 * struct agl_step - a filter that jumps to a chain, or that a chain ends with
 * @cookie: tc's name
 * @prio: of the filter, in its chain
 */
struct agl_step {
	unsigned long cookie;
	u32 prio;
};

/**
 * struct agl_path - filters of further chains that a flow goes through
 * @len: how many
 * @step: in the order of the chains
 */
struct agl_path {
	unsigned int len;
	struct agl_step step[AGL_CHAINS_MAX - 1];
};

/**
 * struct agl_flow - a flow of tc
 * @node: in agl_table.flows
 * @cookie: tc's name for it, for the firmware too
 * @port: ingress; cookie and port together are the key of the hash
 * @prio: of its filter, a lower one is looked at first
 * @path: of a flow that several chains make, the filters after the first;
 *	else NULL
 * @state: where it is
 * @item: its match, for overlaps
 * @waiting: next in a list of flows that may go back into the card
 * @entry: with its match, while it is in the card
 * @parked: its match while it is parked; NULL: there was no memory for it
 * @list: in entry->flows
 * @id: statistics context, counted from 0
 * @packets: not yet told to tc
 * @bytes: not yet told to tc
 * @used: when the card last counted a packet, in jiffies
 * @rcu: frees it
 * @shortcut: of the actions
 * @local: address that its tunnel ends at, or NULL
 * @endpoint: other end of the tunnel that it sends into, or NULL
 * @peer: other end of the tunnel that it takes packets out of, or NULL
 * @pre: if it is a pre-tunnel rule; it has no entry then
 * @ignored: what was asked for and the key doesn't say
 * @act_len: bytes
 * @act: action list
 */
struct agl_flow {
	struct rhash_head node;
	unsigned long cookie;
	u32 port;
	u32 prio;
	enum agl_flow_state state;
	const struct agl_path *path;
	struct agl_item *item;
	struct agl_flow *waiting;
	union {
		struct agl_entry *entry;
		struct agl_parked *parked;
	};
	struct list_head list;
	u32 id;
	u32 shortcut;
	u64 packets;
	u64 bytes;
	unsigned long used;
	struct rcu_head rcu;
	struct agl_local *local;
	struct agl_endpoint *endpoint;
	struct agl_endpoint *peer;
	struct agl_pre_tunnel pre;
	u16 ignored;
	u16 act_len;
	u8 act[] __counted_by(act_len);
};

/**
 * struct agl_table - all rules of a card
 * @flows: by cookie and port
 * @entries: by key
 * @contexts: flows by statistics context; a flow goes under the order
 * @next_context: where to look for a free one
 * @context_count: how many the firmware has
 * @contexts_used: how many have a flow
 * @order: guards overlaps, the counts and the states of flows
 * @overlaps: matches of all flows
 * @host_flows: flows that are the host's
 * @parked_flows: flows that are parked
 * @units: memory units that they are spread over
 * @lock: guards entries, their lists of flows, masks and version, and keeps
 *	messages in the order in which these change
 * @masks: masks
 * @version: of the last flow message
 * @stats_lock: guards packets, bytes and used of flows
 */
struct agl_table {
	struct rhashtable flows;
	struct rhashtable entries;
	struct xarray contexts;
	u32 next_context;
	u32 context_count;
	atomic_t contexts_used;
	u32 units;
	struct mutex order; /* overlaps, and the state of flows */
	struct agl_overlaps overlaps;
	unsigned int host_flows;
	unsigned int parked_flows;
	spinlock_t lock; /* entries, masks, version, order of messages */
	struct agl_masks masks;
	u64 version;
	spinlock_t stats_lock; /* counters of flows */
};

/* table.c */
int agl_table_init(struct agilio *agl);
void agl_table_free(struct agilio *agl);
/**
 * struct agl_flow_name - what tc knows a flow by
 * @cookie: tc's name
 * @port: ingress, a port id
 * @prio: of the filter
 * @path: filters after this one, or NULL
 */
struct agl_flow_name {
	unsigned long cookie;
	u32 port;
	u32 prio;
	const struct agl_path *path;
};

struct agl_flow *agl_table_enter(struct agilio *agl,
				 const struct agl_flow_name *name,
				 struct agl_image *image);
struct agl_flow *agl_table_enter_host(struct agilio *agl,
				      const struct agl_flow_name *name,
				      const struct agl_image *image);
void agl_table_leave(struct agilio *agl, struct agl_flow *flow);

int agl_table_add(struct agilio *agl, const struct agl_flow_name *name,
		  struct agl_image *image);
int agl_table_note(struct agilio *agl, const struct agl_flow_name *name,
		   const struct agl_image *image);
int agl_table_park(struct agilio *agl, struct agl_flow *flow);
void agl_table_restore(struct agilio *agl, struct agl_flow *flow);
int agl_table_del(struct agilio *agl, unsigned long cookie, u32 port);
struct agl_flow *agl_table_find(struct agl_table *t, unsigned long cookie,
				u32 port);

/* order.c */
int agl_order_compare(const struct agl_flow *a, const struct agl_flow *b);
int agl_order_enter(struct agilio *agl, struct agl_flow *flow, u32 *prio);
int agl_order_host(struct agilio *agl, struct agl_flow *flow);
void agl_order_leave(struct agilio *agl, struct agl_flow *flow);

/* mask.c */
void agl_masks_init(struct agl_masks *m);
struct agl_mask *agl_mask_get(struct agl_masks *m, const u8 *bytes, u8 len,
			      bool *first);
bool agl_mask_is_last(const struct agl_mask *mask);
void agl_mask_put(struct agl_masks *m, struct agl_mask *mask);

/* pre_tunnel.c */
int agl_pre_tun_add(struct agilio *agl, const struct agl_flow *flow,
		    const struct agl_pre_link *link);
void agl_pre_tun_del(struct agilio *agl, const struct agl_flow *flow);

/* retag.c */
bool agl_retag_actions(struct agl_flow *flow);
void agl_table_retag(struct agilio *agl, struct agl_endpoint *e);

/* stats.c */
u32 agl_stats_context(const struct agl_table *t, u32 id);
int agl_stats_read(struct agilio *agl, unsigned long cookie, u32 port,
		   struct flow_stats *to);
void agl_stats_rx(struct agilio *agl, const struct agl_flow_stats *rec,
		  unsigned int count);

#endif
