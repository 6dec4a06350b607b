/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One filter of tc, one record: made first, gone last, whether the card can do
 * what the filter says or not, as what the host does has its place in tc's
 * order, too.
 */
#ifndef AGILIO_FILTER_H
#define AGILIO_FILTER_H

#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "../table/table.h"
#include "parse.h"

/**
 * struct agl_filter_name - what a filter is known by
 * @in: the binding that it came through: with a shared block one filter comes
 *	through several
 * @type: TC_SETUP_ of its classifier
 * @cookie: tc's name for it; of u32 the handle, of bpf the program
 */
struct agl_filter_name {
	struct agl_ingress *in;
	unsigned long type;
	unsigned long cookie;
};

struct agl_composed;
struct agl_ct_ops;

/**
 * struct agl_filter - a filter of tc
 * @node: in agilio.filters
 * @name: its name
 * @prio: of the filter, in its chain
 * @chain: that it is in
 * @uses: how often tc has given it; more than once is for bpf only
 * @only: software has no copy of it, or may have none
 * @takes: packets that match go nowhere but where its actions send them
 * @alike: see struct agl_flow_name
 * @in_card: tc was told that the card does it
 * @counts: what the card has counted for it
 * @flow: of a filter that is one flow, in the card or the host's
 * @composed: of one that is part of others, NULL: it isn't
 * @rcu: frees it
 */
struct agl_filter {
	struct rhash_head node;
	struct agl_filter_name name;
	u32 prio;
	u32 chain;
	unsigned int uses;
	bool only;
	bool takes;
	bool in_card;
	const void *alike;
	struct agl_counts counts;
	struct agl_flow *flow;
	struct agl_composed *composed;
	struct rcu_head rcu;
};

/* filter.c */
int agl_filters_init(struct agilio *agl);
void agl_filters_free(struct agilio *agl);
void agl_ingress_init(struct agl_ingress *in);
void agl_ingress_exit(struct agl_ingress *in);
struct agl_filter *agl_filter_add(const struct agl_filter_name *name,
				  const struct flow_cls_common_offload *common);
int agl_filter_del(const struct agl_filter_name *name);
int agl_filter_stats(const struct agl_filter_name *name, struct flow_stats *to);
void agl_filters_forget(struct agl_ingress *in);

/* compose.c */
int agl_compose_add(const struct agl_request *req, struct agl_filter *f,
		    const struct agl_compiled *from);
int agl_compose_note(const struct agl_request *req, struct agl_filter *f,
		     const struct agl_compiled *from);
extern const struct agl_ct_ops agl_compose_ct_ops;
void agl_compose_del(struct agl_filter *f);

#endif
