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
#include "tunnel.h"

static void pre_send(struct agilio *agl, const struct agl_pre_tunnel *pre, bool del)
{
	struct agl_pre_tun_rule m = {
		.flags = cpu_to_be32(del ? AGL_PRE_TUN_DEL : 0),
		.port_idx = cpu_to_be16(pre->index),
		.tci = cpu_to_be16(pre->tci),
	};

	if (!del)
		m.ctx = cpu_to_be32(pre->ctx);
	agl_cmsg_tell(agl, AGL_CMSG_PRE_TUN_RULE, &m, sizeof(m));
}

/* For the card rules that differ in who sends are one */
static struct agl_pre_tunnel *pre_same(struct agl_tunnels *t,
				       const struct agl_pre_tunnel *pre)
{
	struct agl_pre_tunnel *other;

	list_for_each_entry(other, &t->pre_rules, list)
		if (other != pre && other->index == pre->index &&
		    other->tci == pre->tci)
			return other;
	return NULL;
}

/* The first of them counts for all */
static int pre_add_v1(struct agilio *agl, struct agl_pre_tunnel *pre)
{
	struct agl_tunnels *t = &agl->tunnels;

	if (!pre_same(t, pre)) {
		if (t->pre_count == AGL_PRE_TUN_MAX)
			return -ENOSPC;
		t->pre_count++;
		pre->told = true;
		pre_send(agl, pre, false);
	}
	list_add_tail(&pre->list, &t->pre_rules);
	return 0;
}

static void pre_del_v1(struct agilio *agl, struct agl_pre_tunnel *pre)
{
	struct agl_pre_tunnel *next = pre_same(&agl->tunnels, pre);

	if (!pre->told)
		return;
	pre->told = false;
	/* The card has one entry for both, and takes no other in its place */
	pre_send(agl, pre, true);
	if (next) {
		next->told = true;
		pre_send(agl, next, false);
	} else {
		agl->tunnels.pre_count--;
	}
}

/**
 * agl_pre_tun_add - put a pre-tunnel rule into the card
 * @agl: card
 * @pre: rule; its index and tag are set, and its context
 *
 * Return: 0; -ENOSPC if the card has AGL_PRE_TUN_MAX of them.
 */
int agl_pre_tun_add(struct agilio *agl, struct agl_pre_tunnel *pre)
{
	bool v2 = agl->features & AGL_FEAT_DECAP_V2;
	struct agl_tunnels *t = &agl->tunnels;
	int err = 0;

	/* It changes only while the rule is out of the card */
	pre->index = READ_ONCE(pre->mac->index) |
		     (pre->link.v6 ? AGL_MAC_IDX_IPV6 : 0);
	mutex_lock(&t->lock);
	if (v2)
		list_add_tail(&pre->list, &t->pre_rules);
	else
		err = pre_add_v1(agl, pre);
	mutex_unlock(&t->lock);
	if (v2)
		agl_endpoints_check(t, true);
	return err;
}

/**
 * agl_pre_tun_del - take a pre-tunnel rule out of the card
 * @agl: card
 * @pre: from agl_pre_tun_add()
 */
void agl_pre_tun_del(struct agilio *agl, struct agl_pre_tunnel *pre)
{
	bool v2 = agl->features & AGL_FEAT_DECAP_V2;
	struct agl_tunnels *t = &agl->tunnels;

	mutex_lock(&t->lock);
	list_del(&pre->list);
	if (!v2)
		pre_del_v1(agl, pre);
	mutex_unlock(&t->lock);
	if (v2)
		agl_endpoints_check(t, true);
}
