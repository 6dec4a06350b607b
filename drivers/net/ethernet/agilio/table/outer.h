/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tunnel packets as ports see them: outer headers that rules on tunnel devices
 * take off, and rules of ports that come first.
 */
#ifndef AGILIO_OUTER_H
#define AGILIO_OUTER_H

#include <linux/hashtable.h>
#include <linux/in6.h>
#include <linux/list.h>

#include "../rule/depend.h"
#include "overlap.h"

struct agl_image;
struct agl_table;

#define AGL_OUTER_BITS		8

/**
 * struct agl_outer_key - which packets
 * @dst: address that the tunnel ends at, IPv4 in the first word
 * @src: of the other end, zero outside of the mask
 * @src_mask: which bits of that
 * @v6: family
 * @type: AGL_TUN_, 0: all of them, from anywhere
 */
struct agl_outer_key {
	struct in6_addr dst;
	struct in6_addr src;
	struct in6_addr src_mask;
	u32 v6;
	u32 type;
};

/**
 * struct agl_outer - outer headers of packets that flows take out of a tunnel
 * @node: in agl_outers.by_key
 * @key: which
 * @users: flows, or outers that are a part of it
 * @whole: all tunnel packets to its address, a reference; NULL: it is that
 * @part: in parts of that
 * @parts: outers with its address
 * @views: what a port sees of it, agl_outer_view
 * @before: how often a rule of a port overlaps a view
 * @before_only: of these rules those that only the card has
 * @dep: flows; away: those of ports come first
 */
struct agl_outer {
	struct hlist_node node;
	struct agl_outer_key key;
	unsigned int users;
	struct agl_outer *whole;
	struct list_head part;
	struct list_head parts;
	struct list_head views;
	unsigned int before;
	unsigned int before_only;
	struct agl_dep dep;
};

/**
 * struct agl_outers - all of them
 * @overlaps: views
 * @by_key: agl_outer
 * @macs: MAC addresses that the card takes tunnel packets for
 *
 * Guarded by the table's order.
 */
struct agl_outers {
	struct agl_overlaps overlaps;
	DECLARE_HASHTABLE(by_key, AGL_OUTER_BITS);
	struct list_head macs;
};

void agl_outers_init(struct agl_table *t);
void agl_outers_free(struct agl_table *t);
struct agl_outer *agl_outer_get(struct agl_table *t, u32 port,
				const struct agl_image *image);
void agl_outer_put(struct agl_table *t, struct agl_outer *o);
int agl_outer_check(struct agl_table *t, const struct agl_flow *flow, u32 *prio);
void agl_outer_enter(struct agilio *agl, struct agl_flow *flow);
void agl_outer_leave(struct agilio *agl, struct agl_flow *flow);
void agl_outer_mac(struct agilio *agl, const u8 *addr, int port, bool told);

#endif
