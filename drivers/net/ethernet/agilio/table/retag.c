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
	const struct agl_endpoint *e = flow->endpoint;
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
 * @e: endpoint, a reference; its new tag becomes the one that it has
 *
 * Until it is done the endpoint is not in the card, so packets are the host's.
 * A rule without memory for its change stays there.
 */
void agl_table_retag(struct agilio *agl, struct agl_endpoint *e)
{
	struct agl_table *t = &agl->table;
	struct agl_flow *flow;
	unsigned long id;

	mutex_lock(&t->order);
	mutex_lock(&agl->tunnels.lock);
	e->tpid = e->new_tpid;
	e->tci = e->new_tci;
	mutex_unlock(&agl->tunnels.lock);
	xa_for_each(&t->contexts, id, flow) {
		cond_resched();
		if (flow->endpoint != e || flow->state == AGL_FLOW_HOST)
			continue;
		if (flow->state == AGL_FLOW_PARKED) {
			agl_retag_actions(flow);
		} else {
			agl_table_park(agl, flow);
			agl_retag_actions(flow);
			agl_table_restore(agl, flow);
		}
	}
	mutex_unlock(&t->order);
}
