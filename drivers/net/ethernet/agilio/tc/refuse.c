// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals.
 */
#include <linux/ethtool.h>

#include "../agilio.h"
#include "refuse.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static const struct {
	char name[ETH_GSTRING_LEN];
	int err;
} refusals[AGL_REFUSALS] = {
	[AGL_REFUSE_KIND] = { "tc_refused_kind", -EOPNOTSUPP },
	[AGL_REFUSE_CHAIN] = { "tc_refused_chain", -EOPNOTSUPP },
	[AGL_REFUSE_MATCH] = { "tc_refused_match", -EOPNOTSUPP },
	[AGL_REFUSE_MASK] = { "tc_refused_mask", -EOPNOTSUPP },
	[AGL_REFUSE_ACTION] = { "tc_refused_action", -EOPNOTSUPP },
	[AGL_REFUSE_EDIT] = { "tc_refused_pedit", -EOPNOTSUPP },
	[AGL_REFUSE_CSUM] = { "tc_refused_csum", -EOPNOTSUPP },
	[AGL_REFUSE_PORT] = { "tc_refused_port", -EOPNOTSUPP },
	[AGL_REFUSE_TUNNEL] = { "tc_refused_tunnel", -EOPNOTSUPP },
	[AGL_REFUSE_FEATURE] = { "tc_refused_feature", -EOPNOTSUPP },
	[AGL_REFUSE_SIZE] = { "tc_refused_size", -EOPNOTSUPP },
	[AGL_REFUSE_FULL] = { "tc_refused_full", -ENOSPC },
	[AGL_REFUSE_DUPLICATE] = { "tc_refused_duplicate", -EEXIST },
	[AGL_REFUSE_OVERLAP] = { "tc_refused_overlap", -EOPNOTSUPP },
	[AGL_REFUSE_DEVICE] = { "tc_refused_device", -EIO },
};

/**
 * agl_refuse - say no, and why
 * @req: which rule
 * @reason: of what kind the reason is
 * @fmt: what the user reads: key or action, value, limit; it has to fit into
 *	an extack, which is 80 characters with the driver's name
 *
 * Return: the errno that belongs to the reason.
 */
int agl_refuse(const struct agl_request *req, enum agl_refusal reason,
	       const char *fmt, ...)
{
	char text[NETLINK_MAX_FMTMSG_LEN];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text) - sizeof(AGL_NAME ": "), fmt, args);
	va_end(args);
	atomic_inc(&req->in->refused[reason]);
	trace_agilio_refused(req->in->dev, req->cookie, refusals[reason].name,
			     text);
	NL_SET_ERR_MSG_FMT_MOD(req->extack, "%s", text);
	return refusals[reason].err;
}

/**
 * agl_refusal_names - names of the counters
 * @data: AGL_REFUSALS strings of ETH_GSTRING_LEN
 */
void agl_refusal_names(u8 *data)
{
	unsigned int i;

	for (i = 0; i < AGL_REFUSALS; i++)
		memcpy(data + i * ETH_GSTRING_LEN, refusals[i].name,
		       ETH_GSTRING_LEN);
}
