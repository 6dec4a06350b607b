// SPDX-License-Identifier: GPL-2.0-only
/*
 * VLAN actions of a rule, and outputs to VLAN devices. 03-flower.md sections
 * 5.3.2 and 12.2.
 */
#include <linux/if_vlan.h>

#include "../abi/key.h"
#include "../agilio.h"
#include "actions.h"

#define AGL_VLAN_PRIO_MAX	7

/**
 * agl_known_prio - priority of the tag that packets of a rule have
 * @rule: rule
 *
 * Return: 0 to 7, -1 if the rule has no tag or doesn't say.
 */
int agl_known_prio(const struct agl_rule *rule)
{
	u16 mask = be16_to_cpu(rule->mask.outer_tci);

	if (rule->outer != AGL_TAG_PRESENT ||
	    (mask & AGL_TCI_PRIO_BITS) != AGL_TCI_PRIO_BITS)
		return -1;
	return FIELD_GET(AGL_TCI_PRIO_BITS, be16_to_cpu(rule->key.outer_tci));
}

static int check_prio(struct agl_action_list *l, const char *what, u8 prio)
{
	if (prio <= AGL_VLAN_PRIO_MAX)
		return 0;
	return agl_refuse(l->req, AGL_REFUSE_ACTION,
			  "vlan %s of priority %u: there are 0 to 7", what, prio);
}

static void push(struct agl_action_list *l, __be16 proto, u16 vid, u8 prio)
{
	struct agl_action *to = agl_action_add(l, AGL_PUSH_VLAN);

	to->vlan.tpid = proto;
	to->vlan.tci = cpu_to_be16(FIELD_PREP(AGL_TCI_PRIO_BITS, prio) | vid);
	l->tags++;
	l->prio = prio;
}

static int check_proto(struct agl_action_list *l, const char *what, __be16 proto)
{
	if (eth_type_vlan(proto))
		return 0;
	return agl_refuse(l->req, AGL_REFUSE_ACTION,
			  "vlan %s of protocol 0x%04x", what, be16_to_cpu(proto));
}

/**
 * agl_take_vlan_push - vlan push
 * @l: list that it is added to
 * @a: tc's action
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_vlan_push(struct agl_action_list *l,
		       const struct flow_action_entry *a)
{
	int err = check_proto(l, "push", a->vlan.proto) ?:
		  check_prio(l, "push", a->vlan.prio);

	if (!err)
		push(l, a->vlan.proto, a->vlan.vid, a->vlan.prio);
	return err;
}

/**
 * agl_take_vlan_pop - vlan pop
 * @l: list that it is added to
 * @a: tc's action
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_vlan_pop(struct agl_action_list *l,
		      const struct flow_action_entry *a)
{
	if (!l->tags)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "vlan pop without a match on the tag");
	agl_action_add(l, AGL_POP_VLAN);
	l->tags--;
	l->prio = -1;
	return 0;
}

/**
 * agl_take_vlan_modify - vlan modify
 * @l: list that it is added to
 * @a: tc's action
 *
 * The card takes the tag off and puts another on. tc does not tell whether a
 * priority of 0 was asked for, or the one that is there: it has to be 0 then.
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_vlan_modify(struct agl_action_list *l,
			 const struct flow_action_entry *a)
{
	int err = check_proto(l, "modify", a->vlan.proto) ?:
		  check_prio(l, "modify", a->vlan.prio);

	if (err)
		return err;
	if (!l->tags)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "vlan modify without a match on the tag");
	if (!a->vlan.prio && l->prio)
		return agl_refuse(l->req, AGL_REFUSE_ACTION,
				  "vlan modify to priority 0, or none: match vlan_prio 0");
	agl_action_add(l, AGL_POP_VLAN);
	l->tags--;
	push(l, a->vlan.proto, a->vlan.vid, a->vlan.prio);
	return 0;
}

/**
 * agl_take_vlan_output - mirred to a VLAN device on a representor
 * @l: list that it is added to
 * @a: tc's action
 * @device: number of the VLAN device
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_vlan_output(struct agl_action_list *l,
			 const struct flow_action_entry *a, u32 device)
{
	const struct vlan_dev_priv *vlan = vlan_dev_priv(a->dev);
	struct agl_port *out = agl_port_of(l->req->in->agl, vlan->real_dev);
	bool redirect = a->id == FLOW_ACTION_REDIRECT;
	struct agl_action *to;

	if (!out)
		return agl_refuse(l->req, AGL_REFUSE_PORT,
				  "output to %s, which is on no port of this card",
				  netdev_name(a->dev));
	if (!(a->dev->flags & IFF_UP))
		return agl_refuse(l->req, AGL_REFUSE_PORT,
				  "output to %s, which is down",
				  netdev_name(a->dev));
	/* A loose one is up while its port is down, which the rule isn't told of */
	if (vlan->nr_egress_mappings || !(vlan->flags & VLAN_FLAG_REORDER_HDR) ||
	    vlan->flags & VLAN_FLAG_LOOSE_BINDING)
		return agl_refuse(l->req, AGL_REFUSE_PORT,
				  "output to %s with egress-qos-map, loose_binding or reorder_hdr off",
				  netdev_name(a->dev));
	push(l, vlan->vlan_proto, vlan->vlan_id, 0);
	to = agl_action_add(l, redirect ? AGL_REDIRECT : AGL_MIRROR);
	to->port = out->id;
	to->device = device;
	l->done = redirect;
	/* What comes after a mirror goes on without the tag */
	if (!redirect)
		agl_action_add(l, AGL_POP_VLAN);
	l->tags--;
	l->prio = -1;
	return 0;
}
