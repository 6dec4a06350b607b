/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rules can a packet of this rule match too?
 */
#ifndef AGILIO_OVERLAP_H
#define AGILIO_OVERLAP_H

#include <linux/list.h>
#include <linux/types.h>

#include "../rule/rule.h"

/**
 * struct agl_match - a match, laid out alike for all rules
 * @port: ingress
 * @fields: of the packet
 * @tags: whether there is a tag, bit 0 the outer, bit 1 the inner one, and
 *	whether the tunnel is over IPv6, bit 2
 */
struct agl_match {
	u32 port;
	struct agl_fields fields;
	u8 tags;
};

static_assert(sizeof(struct agl_match) <= 256);

struct agl_flow;
struct agl_shape;

/**
 * struct agl_item - a rule's match as overlaps are looked for
 * @list: in its shape's items
 * @hit: next in the answer to a question
 * @flow: the rule; for the caller
 * @shape: which bits it compares
 * @key: values of the bytes in which these are
 */
struct agl_item {
	struct list_head list;
	struct agl_item *hit;
	struct agl_flow *flow;
	struct agl_shape *shape;
	u8 key[];
};

/**
 * struct agl_overlaps - all rules that have been given, by what they compare
 * @shapes: sets of bits that are compared
 */
struct agl_overlaps {
	struct list_head shapes;
};

void agl_match_of(const struct agl_rule *rule, struct agl_match *key,
		  struct agl_match *mask);
void agl_overlaps_init(struct agl_overlaps *o);
void agl_overlaps_free(struct agl_overlaps *o);
struct agl_item *agl_overlap_add(struct agl_overlaps *o,
				 const struct agl_match *key,
				 const struct agl_match *mask);
void agl_overlap_del(struct agl_overlaps *o, struct agl_item *item);
int agl_overlap_find(struct agl_overlaps *o, const struct agl_item *with,
		     bool equals, struct agl_item **hits);

#endif
