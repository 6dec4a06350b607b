/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGILIO_ENCODE_H
#define AGILIO_ENCODE_H

#include "../abi/action.h"
#include "../abi/key.h"
#include "../rule/match.h"
#include "../rule/rule.h"
#include "../rule/ends.h"

/**
 * struct agl_pre_link - what neighbours a pre-tunnel rule is for, decap v2
 * @v6: family of the outer header
 * @peer: MAC address that packets come from
 * @own: that they go to, the internal port's
 * @tpid: type of the tag that they have, AGL_NEIGH_NO_TAG: none
 */
struct agl_pre_link {
	bool v6;
	u8 peer[ETH_ALEN];
	u8 own[ETH_ALEN];
	u16 tpid;
};

/**
 * struct agl_pre_tunnel - a pre-tunnel rule
 * @list: in agl_tunnels.pre_rules, while it is in the card
 * @link: which neighbours it is for, decap v2
 * @mac: address of the internal port, for as long as the rule has a reference
 * @index: MAC index of the internal port that it is in the card with
 * @tci: tag that packets have, AGL_NEIGH_NO_TAG: none
 * @ctx: firmware's number of its statistics context
 * @told: of those with one index and tag the one that the card has
 * @used: it is one
 */
struct agl_pre_tunnel {
	struct list_head list;
	struct agl_pre_link link;
	struct agl_mac *mac;
	u16 index;
	u16 tci;
	u32 ctx;
	bool told;
	bool used;
};

/* Each of them takes eight bytes of actions, one more is the ingress */
#define AGL_DEVICES_MAX		(AGL_ACT_LIST_MAX / 8 + 1)

/**
 * struct agl_image - a rule as the firmware's bytes
 * @key_len: bytes of @key and of @mask
 * @act_len: bytes of @act
 * @shortcut: the actions in one word, AGL_SHORTCUT_ or a port id
 * @ignored: what the rule asked for and @mask doesn't say
 * @narrow: what @mask says and @match_mask doesn't
 * @ends: of the rule's tunnels, references
 * @devices: number of @device
 * @device: devices that it depends on, from agl_device_get()
 * @by_device: the first of them is what its outer header is matched by
 * @one_way: it puts packets out once, at the end, or not at all
 * @pre: if the rule is a pre-tunnel rule it has no key and no actions
 * @match: the match in the layout that all have
 * @match_mask: which bits of it are compared
 * @before: priority of the flow that keeps this one out of the card
 * @key: values; the mask id is still to come
 * @mask: which bits to compare
 * @act: action list
 */
struct agl_image {
	unsigned int key_len;
	unsigned int act_len;
	u32 shortcut;
	u16 ignored;
	struct agl_narrow narrow;
	struct agl_ends ends;
	unsigned int devices;
	u32 device[AGL_DEVICES_MAX];
	bool by_device;
	bool one_way;
	struct agl_pre_tunnel pre;
	struct agl_match match;
	struct agl_match match_mask;
	u32 before;
	u8 key[AGL_KEY_MAX] __aligned(4);
	u8 mask[AGL_KEY_MAX] __aligned(4);
	u8 act[AGL_ACT_LIST_MAX] __aligned(4);
};

/* encode_tunnel.c */
void agl_tunnel_layers(const struct agl_rule *rule, u8 *layers, u32 *layers2);
size_t agl_tunnel_size(const struct agl_rule *rule);
void agl_tunnel_put(const struct agl_rule *rule, u8 *key, u8 *mask);
size_t agl_encap_pre(const struct agl_encap *e, u8 *to, size_t room);
size_t agl_encap_set(const struct agl_encap *e, u8 *to, size_t room);

int agl_encode_match(const struct agl_rule *rule, u64 features,
		     struct agl_image *image);
int agl_encode_actions(const struct agl_rule *rule, struct agl_image *image);

#endif
