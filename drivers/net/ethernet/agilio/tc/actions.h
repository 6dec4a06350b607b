/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGILIO_ACTIONS_H
#define AGILIO_ACTIONS_H

#include <net/flow_offload.h>

#include "../rule/rule.h"
#include "refuse.h"

/**
 * struct agl_action_list - an action list as it grows
 * @req: rule
 * @rule: here the actions go
 * @tags: VLAN tags that the packet has for certain
 * @prio: priority of the outermost one, or -1 if it isn't known
 * @type: its ethertype behind them, 0 if that isn't known
 * @to_host: skbedit ptype host was there
 * @tracked: ct was there: a jump to a chain must be next
 * @done: the packet is gone: nothing can come after that
 * @encap: tc's tunnel that packets go into from here on, NULL: none
 * @set: the pedit group that is open, NULL if none
 * @needs: checksums that software has left wrong
 * @may: checksums that the card has repaired
 */
struct agl_action_list {
	const struct agl_request *req;
	struct agl_rule *rule;
	unsigned int tags;
	int prio;
	__be16 type;
	bool to_host;
	bool tracked;
	bool done;
	const struct ip_tunnel_info *encap;
	struct agl_action *set;
	u32 needs;
	u32 may;
};

struct agl_action *agl_action_add(struct agl_action_list *l,
				  enum agl_action_type type);

/* action_vlan.c */
int agl_known_prio(const struct agl_rule *rule);
int agl_take_vlan_push(struct agl_action_list *l,
		       const struct flow_action_entry *a);
int agl_take_vlan_pop(struct agl_action_list *l,
		      const struct flow_action_entry *a);
int agl_take_vlan_modify(struct agl_action_list *l,
			 const struct flow_action_entry *a);
int agl_take_vlan_output(struct agl_action_list *l,
			 const struct flow_action_entry *a, u32 device);

/* tunnel_dev.c */
u8 agl_tunnel_type(const struct net_device *dev);
struct net *agl_tunnel_net(const struct net_device *dev);
u64 agl_tunnel_net_cookie(const struct net_device *dev);
bool agl_tunnel_external(const struct net_device *dev);
int agl_check_tunnel_dev(const struct agl_request *req,
			 const struct net_device *dev, bool in);
int agl_check_zero_csum6(const struct agl_request *req);

/* action_tunnel.c */
int agl_take_encap(struct agl_action_list *l, const struct flow_action_entry *a);
int agl_take_decap(struct agl_action_list *l, const struct flow_action_entry *a);
int agl_take_tunnel_output(struct agl_action_list *l,
			   const struct flow_action_entry *a, u32 *port);

/* fixed_tunnel.c */
int agl_take_fixed_output(struct agl_action_list *l, const struct net_device *dev,
			  u8 *tos);

/* pre_tunnel.c */
int agl_take_ptype(struct agl_action_list *l, const struct flow_action_entry *a);
int agl_take_internal(struct agl_action_list *l,
		      const struct flow_action_entry *a);

/* action_mpls.c */
int agl_take_mpls_push(struct agl_action_list *l,
		       const struct flow_action_entry *a);
int agl_take_mpls_pop(struct agl_action_list *l,
		      const struct flow_action_entry *a);
int agl_take_mpls_modify(struct agl_action_list *l,
			 const struct flow_action_entry *a);

#endif
