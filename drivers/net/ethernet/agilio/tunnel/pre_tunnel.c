// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules that let tunnel packets for an internal port of Open vSwitch through
 * to decapsulation. They aren't flows for the firmware, but have a context
 * that counts. Firmware has either a table of them or, with decap v2, takes
 * them from the neighbour that a packet is from. 03-flower.md sections 3.12,
 * 6.7 and 9.6.
 */
#include <linux/slab.h>

#include "../agilio.h"
#include "../table/table.h"

static int send(struct agilio *agl, const struct agl_flow *flow, bool del)
{
	struct agl_pre_tun_rule m = {
		.flags = cpu_to_be32(del ? AGL_PRE_TUN_DEL : 0),
		.port_idx = cpu_to_be16(flow->pre.index),
		.tci = cpu_to_be16(flow->pre.tci),
	};

	if (!del)
		m.ctx = cpu_to_be32(agl_stats_context(&agl->table, flow->id));
	return agl_cmsg_send(agl, AGL_CMSG_PRE_TUN_RULE, &m, sizeof(m));
}

static int add_v2(struct agilio *agl, const struct agl_flow *flow,
		  const struct agl_pre_link *link)
{
	struct agl_tunnels *t = &agl->tunnels;
	struct agl_pre_rule *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return -ENOMEM;
	r->link = *link;
	r->tci = flow->pre.tci;
	r->ctx = agl_stats_context(&agl->table, flow->id);
	mutex_lock(&t->lock);
	list_add_tail(&r->list, &t->pre_rules);
	mutex_unlock(&t->lock);
	agl_endpoints_check(t);
	return 0;
}

static void del_v2(struct agilio *agl, const struct agl_flow *flow)
{
	u32 ctx = agl_stats_context(&agl->table, flow->id);
	struct agl_tunnels *t = &agl->tunnels;
	struct agl_pre_rule *r, *next;

	mutex_lock(&t->lock);
	list_for_each_entry_safe(r, next, &t->pre_rules, list)
		if (r->ctx == ctx) {
			list_del(&r->list);
			kfree(r);
		}
	mutex_unlock(&t->lock);
	agl_endpoints_check(t);
}

/**
 * agl_pre_tun_add - put a pre-tunnel rule into the card
 * @agl: card
 * @flow: its index and tag are set, and its context
 * @link: neighbours that it is for
 *
 * Return: 0; -ENOSPC if the card has AGL_PRE_TUN_MAX of them; -ENOMEM.
 */
int agl_pre_tun_add(struct agilio *agl, const struct agl_flow *flow,
		    const struct agl_pre_link *link)
{
	int err;

	if (agl->features & AGL_FEAT_DECAP_V2)
		return add_v2(agl, flow, link);
	if (!atomic_add_unless(&agl->tunnels.pre_count, 1, AGL_PRE_TUN_MAX))
		return -ENOSPC;
	err = send(agl, flow, false);
	if (err)
		atomic_dec(&agl->tunnels.pre_count);
	return err;
}

/**
 * agl_pre_tun_del - take a pre-tunnel rule out of the card
 * @agl: card
 * @flow: from agl_pre_tun_add()
 */
void agl_pre_tun_del(struct agilio *agl, const struct agl_flow *flow)
{
	if (agl->features & AGL_FEAT_DECAP_V2) {
		del_v2(agl, flow);
		return;
	}
	send(agl, flow, true);
	atomic_dec(&agl->tunnels.pre_count);
}
