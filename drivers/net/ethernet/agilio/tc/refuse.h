/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refusals: in words for the user who gave the rule, as a trace event, and
 * counted by reason in the port's ethtool statistics.
 */
#ifndef AGILIO_REFUSE_H
#define AGILIO_REFUSE_H

#include <linux/netlink.h>
#include <linux/types.h>

/* Reason, its name in ethtool -S, errno */
#define AGL_REFUSAL_LIST(X)						\
	X(KIND,		"tc_refused_kind",	-EOPNOTSUPP)		\
	X(CHAIN,	"tc_refused_chain",	-EOPNOTSUPP)		\
	X(MATCH,	"tc_refused_match",	-EOPNOTSUPP)		\
	X(MASK,		"tc_refused_mask",	-EOPNOTSUPP)		\
	X(ACTION,	"tc_refused_action",	-EOPNOTSUPP)		\
	X(EDIT,		"tc_refused_pedit",	-EOPNOTSUPP)		\
	X(CSUM,		"tc_refused_csum",	-EOPNOTSUPP)		\
	X(PORT,		"tc_refused_port",	-EOPNOTSUPP)		\
	X(FEATURE,	"tc_refused_feature",	-EOPNOTSUPP)		\
	X(SIZE,		"tc_refused_size",	-EOPNOTSUPP)		\
	X(FULL,		"tc_refused_full",	-ENOSPC)		\
	X(DUPLICATE,	"tc_refused_duplicate",	-EEXIST)		\
	X(DEVICE,	"tc_refused_device",	-EIO)

enum agl_refusal {
#define X(reason, name, err)	AGL_REFUSE_##reason,
	AGL_REFUSAL_LIST(X)
#undef X
	AGL_REFUSALS
};

struct agl_repr;

/**
 * struct agl_request - a rule on its way in
 * @repr: port that it is for
 * @cookie: tc's name for it
 * @extack: for words to the user
 */
struct agl_request {
	struct agl_repr *repr;
	unsigned long cookie;
	struct netlink_ext_ack *extack;
};

__printf(3, 4) int agl_refuse(const struct agl_request *req,
			      enum agl_refusal reason, const char *fmt, ...);
void agl_refusal_names(u8 *data);

#endif
