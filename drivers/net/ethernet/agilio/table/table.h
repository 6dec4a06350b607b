/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in the card: masks, entries (a key with actions) and the flows of
 * tc that they stand for.
 */
#ifndef AGILIO_TABLE_H
#define AGILIO_TABLE_H

#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "../abi/key.h"
#include "../flower/encode.h"
#include "../rule/ct.h"
#include "../rule/depend.h"
#include "contexts.h"
#include "mask.h"
#include "outer.h"
#include "overlap.h"

struct agilio;
struct flow_stats;
struct sk_buff;

/**
 * enum agl_flow_state - where a flow is
 * @AGL_FLOW_HOST: refused: only kept in mind
 * @AGL_FLOW_CARD: in the card
 * @AGL_FLOW_PARKED: taken out of the card for as long as another comes first,
 *	or something that it depends on is away
 */
enum agl_flow_state { AGL_FLOW_HOST, AGL_FLOW_CARD, AGL_FLOW_PARKED };

#define AGL_CHAINS_MAX		9

/**
 * struct agl_counts - what the card has counted for a filter
 * @packets: not yet told to tc
 * @bytes: not yet told to tc
 * @used: when the card last counted a packet, in jiffies
 * @late: flows of it that are gone, see struct agl_late
 *
 * Guarded by the lock of the table's contexts.
 */
struct agl_counts {
	u64 packets;
	u64 bytes;
	unsigned long used;
	struct hlist_head late;
};

/**
 * struct agl_step - a filter that jumps to a chain, or that a chain ends with
 * @cookie: tc's name
 * @prio: of the filter, in its chain
 * @counts: the filter's
 * @alike: see struct agl_flow_name
 * @ct: what it asks of a connection; lives as long as the flow
 * @conn: counts of the connection that conntrack has found the packet to be of
 *	before it comes to the filter, or NULL
 */
struct agl_step {
	unsigned long cookie;
	u32 prio;
	struct agl_counts *counts;
	const void *alike;
	const struct agl_ct_match *ct;
	struct agl_counts *conn;
};

/**
 * struct agl_path - filters of further chains that a flow goes through
 * @len: how many
 * @step: in the order of the chains
 */
struct agl_path {
	unsigned int len;
	struct agl_step step[] __counted_by(len);
};

/**
 * struct agl_port_rules - flows of a port
 * @overlaps: their matches
 * @waiting: how many are the host's or parked: who leaves tells them
 * @parked: how many are parked
 */
struct agl_port_rules {
	struct agl_overlaps overlaps;
	unsigned int waiting;
	unsigned int parked;
};

/**
 * struct agl_flow - a flow of tc
 * @cookie: tc's name for its first filter
 * @serial: the firmware's name for it: no two flows have had the same
 * @port: ingress
 * @prio: of its filter, a lower one is looked at first
 * @path: of a flow that several chains make, the filters after the first;
 *	else NULL
 * @counts: of its first filter
 * @alike: see struct agl_flow_name
 * @rules: of its port
 * @item: its match there
 * @mask: of its entry; NULL: it has none
 * @list: in agl_table.retry or agl_table.unsettled, or in a list of flows
 *	that may go back into the card
 * @before: how many flows overlap it and must not have it in the card
 * @state: where it is
 * @only: software has no copy of it, or may have none
 * @takes: software would not show its packets to anybody after it
 * @counted: flows of tunnels know that it comes before them
 * @by_device: see struct agl_image
 * @one_way: likewise
 * @drops: what it depends on is away: it is in the card to drop its packets
 * @decaps: it takes packets out of a tunnel: the last thing that it depends on
 *	is an agl_outer
 * @acts: of those that share an entry in the card it is the one that acts
 * @ignored: what was asked for and the key doesn't say
 * @narrow: what the key says and the match doesn't
 * @set: bits that its packets have set, agl_narrow_of()
 * @act_sum: hash of the actions that tc asked for
 * @id: statistics context, counted from 0
 * @shortcut: of the actions
 * @ends: of its tunnels
 * @pre: if it is a pre-tunnel rule, or NULL; it has no entry then
 * @link: what it depends on
 * @links: how many
 * @away: how many of these can't be used now: it is parked
 * @key_len: bytes of the key, after the actions; of a pre-tunnel rule there
 *	are zeros
 * @act_len: bytes of the action list
 * @act: action list
 */
struct agl_flow {
	unsigned long cookie;
	u32 serial;
	u32 port;
	u32 prio;
	const struct agl_path *path;
	struct agl_counts *counts;
	const void *alike;
	struct agl_port_rules *rules;
	struct agl_item *item;
	struct agl_mask *mask;
	struct list_head list;
	unsigned int before;
	u8 state;
	bool only : 1;
	bool takes : 1;
	bool counted : 1;
	bool by_device : 1;
	bool one_way : 1;
	bool drops : 1;
	bool decaps : 1;
	bool acts : 1;
	u16 ignored;
	struct agl_narrow narrow;
	struct agl_narrow set;
	u32 act_sum;
	u32 id;
	u32 shortcut;
	struct agl_ends ends;
	struct agl_pre_tunnel *pre;
	struct agl_dep_link *link;
	u8 links;
	u8 away;
	u16 key_len;
	u16 act_len;
	u8 act[] __aligned(4);
};

/**
 * struct agl_table - all rules of a card
 * @contexts: flows by statistics context
 * @units: memory units that they are spread over
 * @order: guards ports, masks, version, lists and the states of flows, and
 *	keeps messages in the order in which these change
 * @layout: of matches
 * @ports: agl_port_rules by port id
 * @retry: parked flows that nothing stands before, and that could not go back
 * @unsettled: flows that are the host's, if tc keeps them
 * @settle: takes those that come after them out of the card then
 * @outers: packets of tunnels, as ports see them
 * @masks: masks
 * @version: of the last flow message
 * @serial: of the last flow
 * @late: agl_late by serial; these three are guarded by the lock of the contexts
 * @late_age: the same, oldest first
 * @late_count: how many
 */
struct agl_table {
	struct agl_contexts contexts;
	u32 units;
	struct mutex order; /* all but contexts and counters */
	struct agl_overlap_layout layout;
	struct xarray ports;
	struct list_head retry;
	struct list_head unsettled;
	struct delayed_work settle;
	struct agl_outers outers;
	struct agl_masks masks;
	u64 version;
	u32 serial;
	DECLARE_HASHTABLE(late, 8);
	struct list_head late_age;
	unsigned int late_count;
};

/* table.c */
int agl_table_init(struct agilio *agl);
void agl_table_free(struct agilio *agl);
/**
 * struct agl_flow_name - what tc knows a flow by
 * @cookie: tc's name
 * @port: ingress, a port id
 * @prio: of the filter
 * @only: software has no copy of it, or may have none
 * @takes: packets that match go nowhere but where it sends them
 * @path: filters after this one, or NULL; lives as long as the flow, and a
 *	grace period
 * @counts: of the filter, likewise
 * @alike: the same for all filters of tc of one priority that compare the same
 *	bits, if the match says exactly which; NULL: unknown. Of such filters
 *	two with the same match are the old and the new one of a replacement
 */
struct agl_flow_name {
	unsigned long cookie;
	u32 port;
	u32 prio;
	bool only;
	bool takes;
	const struct agl_path *path;
	struct agl_counts *counts;
	const void *alike;
};

struct agl_flow *agl_table_enter(struct agilio *agl,
				 const struct agl_flow_name *name,
				 struct agl_image *image);
struct agl_flow *agl_table_enter_host(struct agilio *agl,
				      const struct agl_flow_name *name,
				      const struct agl_image *image);
void agl_table_leave(struct agilio *agl, struct agl_flow *flow);

/* card.c */
struct sk_buff *agl_card_message(const struct agl_flow *flow, gfp_t gfp);
int agl_card_add(struct agilio *agl, struct agl_flow *flow, struct sk_buff *skb);
void agl_card_del(struct agilio *agl, struct agl_flow *flow);
int agl_card_check(struct agilio *agl, const struct agl_flow *flow);
bool agl_card_shares(const struct agl_flow *a, const struct agl_flow *b);

/* order.c */
void agl_order_init(struct agl_table *t);
void agl_order_free(struct agl_table *t);
unsigned int agl_order_parked(struct agl_table *t, u32 port);
int agl_order_compare(const struct agl_flow *a, const struct agl_flow *b);
int agl_order_enter(struct agilio *agl, struct agl_flow *flow,
		    const struct agl_image *image, u32 *prio);
int agl_order_host(struct agilio *agl, struct agl_flow *flow,
		   const struct agl_image *image);
void agl_order_widen(struct agilio *agl, struct agl_flow *flow);
void agl_order_leave(struct agilio *agl, struct agl_flow *flow);
void agl_table_park(struct agilio *agl, struct agl_flow *flow);
void agl_table_restore(struct agilio *agl, struct agl_flow *flow);

/* retag.c */
bool agl_retag_actions(struct agl_flow *flow);
void agl_table_retag(struct agilio *agl, struct agl_dep *dep);

/* depend.c */
extern const struct agl_dep_ops agl_table_dep_ops;
unsigned int agl_depend_count(const struct agl_image *image);
int agl_depend_attach(struct agilio *agl, struct agl_flow *flow,
		      const struct agl_image *image);
void agl_depend_detach(struct agilio *agl, struct agl_flow *flow);
bool agl_depend_drops(const struct agl_flow *flow);
void agl_depend_change(struct agilio *agl, struct agl_dep *dep, bool away);

/* stats.c */
void agl_stats_init(struct agilio *agl);
void agl_stats_free(struct agl_table *t);
void agl_stats_leave(struct agl_table *t, const struct agl_flow *flow);
void agl_stats_forget(struct agl_table *t, struct agl_counts *counts);
u32 agl_stats_context(const struct agl_table *t, u32 id);
void agl_stats_read(struct agilio *agl, struct agl_counts *counts,
		    struct flow_stats *to);

#endif
