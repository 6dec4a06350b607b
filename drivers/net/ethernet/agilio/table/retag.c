// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tag in front of an outer header stands in each rule that sends to an
 * endpoint, not in the neighbour: when the way there moves to another VLAN,
 * or to none, the rules change. 03-flower.md section 5.3.3.
 */
#include "../abi/action.h"
#include "../agilio.h"
#include "table.h"

/**
 * agl_retag_actions - put the tag of its endpoint into a flow's actions
 * @flow: flow; the table's order is locked
 *
 * Return: whether it was another one.
 */
bool agl_retag_actions(struct agl_flow *flow)
{
	const struct agl_endpoint *e = flow->ends.endpoint;
	unsigned int at;

	for (at = 0; e && at < flow->act_len;) {
		struct agl_act_set_tunnel *set = (void *)(flow->act + at);

		if (set->head.op == AGL_ACT_SET_TUNNEL) {
			if (set->tpid == e->tpid && set->tci == e->tci)
				return false;
			set->tpid = e->tpid;
			set->tci = e->tci;
			return true;
		}
		at += set->head.len_lw << AGL_FLOW_LW_SHIFT;
	}
	return false;
}

/**
 * agl_table_retag - the way to an endpoint has another tag now
 * @agl: card
 * @dep: of the endpoint, a reference; its new tag becomes the one that it has
 *
 * Until it is done the endpoint is not in the card, so packets are the host's.
 */
void agl_table_retag(struct agilio *agl, struct agl_dep *dep)
{
	struct agl_endpoint *e = container_of(dep, struct agl_endpoint, dep);
	struct agl_table *t = &agl->table;
	struct agl_dep_link *l;

	mutex_lock(&t->order);
	mutex_lock(&agl->tunnels.lock);
	e->tpid = e->new_tpid;
	e->tci = e->new_tci;
	mutex_unlock(&agl->tunnels.lock);
	list_for_each_entry(l, &dep->flows, list) {
		bool in_card = l->flow->state == AGL_FLOW_CARD;

		cond_resched();
		if (in_card)
			agl_table_park(agl, l->flow);
		agl_retag_actions(l->flow);
		if (in_card)
			agl_table_restore(agl, l->flow);
	}
	mutex_unlock(&t->order);
}
