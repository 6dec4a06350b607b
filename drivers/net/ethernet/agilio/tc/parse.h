/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGILIO_PARSE_H
#define AGILIO_PARSE_H

#include <net/flow_offload.h>
#include <net/pkt_cls.h>

#include "../flower/encode.h"
#include "../rule/rule.h"
#include "refuse.h"

#define AGL_RANGES_MAX		32

/**
 * struct agl_ports - a prefix of the source and one of the destination port
 * @sport: value
 * @sport_mask: zero: any
 * @dport: value
 * @dport_mask: zero: any
 */
struct agl_ports {
	__be16 sport;
	__be16 sport_mask;
	__be16 dport;
	__be16 dport_mask;
};

/* An action is four bytes at least */
#define AGL_ACTIONS_MAX		(AGL_ACT_LIST_MAX / 4)

/**
 * struct agl_compiled - a filter of tc as a rule
 * @rule: match and actions, if nothing was refused; else only memory, or NULL
 * @match: what software compares, or more than that if it isn't known
 * @match_mask: which bits
 * @ct: what is asked of the connection
 * @exact: @match is all that software compares
 * @never: no packet that comes in here can match
 * @next_chain: chain that packets go to after the actions, 0: none
 * @range_count: rules of the card that the ranges of its ports take
 * @range: what these compare
 */
struct agl_compiled {
	struct agl_rule *rule;
	struct agl_match match;
	struct agl_match match_mask;
	struct agl_ct_match ct;
	bool exact;
	bool never;
	u32 next_chain;
	unsigned int range_count;
	struct agl_ports range[AGL_RANGES_MAX];
};

/**
 * agl_is_only - may the card's copy of a filter be the only one?
 * @common: of the filter
 *
 * Up to 6.12 tc does not say skip_sw to drivers. But it hands over an extack
 * only for filters that are skip_sw or verbose.
 *
 * Return: false if software has it, too.
 */
static inline bool agl_is_only(const struct flow_cls_common_offload *common)
{
	return common->extack;
}

int agl_parse_match(const struct agl_request *req, const struct flow_rule *from,
		    u64 features, struct agl_rule *rule);
int agl_check_tunnel(const struct agl_request *req,
		     const struct flow_match *from, u64 features,
		     struct agl_rule *rule);
int agl_take_fixed(const struct agl_request *req, struct agl_rule *rule);
int agl_take_ranges(const struct agl_request *req, struct agl_compiled *c);
void agl_forget_ranges(struct agl_rule *rule, struct agl_ports *to);
int agl_take_ends(const struct agl_request *req, struct agl_rule *rule,
		  struct agl_image *image);
int agl_make_pre_tunnel(const struct agl_request *req,
			const struct agl_rule *rule, struct agl_image *image);
int agl_tc_rules(enum tc_setup_type type, void *data,
		 struct agl_ingress *in);
void agl_bind_forget(struct agl_ingress *in);
int agl_parse_actions(const struct agl_request *req,
		      const struct flow_rule *from, struct agl_rule *rule);

/* compile.c */
struct agl_rule *agl_rule_alloc(const struct agl_ingress *in, unsigned int actions);
void agl_compile_wide(const struct agl_ingress *in, struct agl_compiled *to);
int agl_compile(const struct agl_request *req,
		const struct flow_cls_common_offload *common,
		const struct flow_rule *from, bool matchall,
		struct agl_compiled *to);
int agl_encode(const struct agl_request *req, struct agl_rule *rule,
	       struct agl_image *image);
void agl_image_release(struct agilio *agl, struct agl_image *image);
int agl_explain(const struct agl_request *req, u32 before, int err);

#endif
