// SPDX-License-Identifier: GPL-2.0-only
/*
 * MPLS actions of a rule. 03-flower.md sections 5.3.8 and 12.2.
 */
#include <linux/mpls.h>
#include <net/tc_act/tc_mpls.h>

#include "../abi/key.h"
#include "../agilio.h"
#include "actions.h"

/*
 * Is the packet MPLS at this point? The match says what came in; pushes and
 * pops change it.
 */
static bool is_mpls(const struct agl_action_list *l)
{
	return l->type == htons(ETH_P_MPLS_UC) || l->type == htons(ETH_P_MPLS_MC);
}

/**
 * agl_take_mpls_push - mpls push
 * @l: list that it is added to
 * @a: tc's action
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_mpls_push(struct agl_action_list *l,
		       const struct flow_action_entry *a)
{
	struct agl_action *to;
	u8 tc = a->mpls_push.tc, bos = a->mpls_push.bos;

	if (!l->type)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "mpls push without a match on the protocol");
	/* Software puts it behind the first tag, the card behind all */
	if (l->tags > 1)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "mpls push behind two VLAN tags");
	if (tc == ACT_MPLS_TC_NOT_SET)
		tc = 0;
	if (bos == ACT_MPLS_BOS_NOT_SET)
		bos = !is_mpls(l);
	to = agl_action_add(l, AGL_PUSH_MPLS);
	to->mpls.type = a->mpls_push.proto;
	to->mpls.lse = cpu_to_be32(FIELD_PREP(AGL_MPLS_LABEL, a->mpls_push.label) |
				   FIELD_PREP(AGL_MPLS_TC, tc) |
				   FIELD_PREP(AGL_MPLS_BOS, bos) |
				   FIELD_PREP(AGL_MPLS_TTL, a->mpls_push.ttl));
	l->type = a->mpls_push.proto;
	return 0;
}

/**
 * agl_take_mpls_pop - mpls pop
 * @l: list that it is added to
 * @a: tc's action
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_mpls_pop(struct agl_action_list *l,
		      const struct flow_action_entry *a)
{
	if (!is_mpls(l))
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "mpls pop without a match on protocol mpls_uc");
	agl_action_add(l, AGL_POP_MPLS)->mpls.type = a->mpls_pop.proto;
	l->type = a->mpls_pop.proto;
	return 0;
}

/**
 * agl_take_mpls_modify - mpls modify
 * @l: list that it is added to
 * @a: tc's action; a TTL of 0 leaves it
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_mpls_modify(struct agl_action_list *l,
			 const struct flow_action_entry *a)
{
	struct agl_action *to;
	u32 lse = 0, mask = 0;

	if (!is_mpls(l))
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "mpls modify without a match on protocol mpls_uc");
	if (a->mpls_mangle.label != ACT_MPLS_LABEL_NOT_SET) {
		lse |= FIELD_PREP(AGL_MPLS_LABEL, a->mpls_mangle.label);
		mask |= AGL_MPLS_LABEL;
	}
	if (a->mpls_mangle.tc != ACT_MPLS_TC_NOT_SET) {
		lse |= FIELD_PREP(AGL_MPLS_TC, a->mpls_mangle.tc);
		mask |= AGL_MPLS_TC;
	}
	if (a->mpls_mangle.bos != ACT_MPLS_BOS_NOT_SET) {
		lse |= FIELD_PREP(AGL_MPLS_BOS, a->mpls_mangle.bos);
		mask |= AGL_MPLS_BOS;
	}
	if (a->mpls_mangle.ttl) {
		lse |= FIELD_PREP(AGL_MPLS_TTL, a->mpls_mangle.ttl);
		mask |= AGL_MPLS_TTL;
	}
	to = agl_action_add(l, AGL_SET_MPLS);
	to->mpls.lse = cpu_to_be32(lse);
	to->mpls.mask = cpu_to_be32(mask);
	return 0;
}
