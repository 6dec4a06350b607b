/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGILIO_PARSE_H
#define AGILIO_PARSE_H

#include <net/flow_offload.h>

#include "../flower/rule.h"
#include "refuse.h"

int agl_parse_match(const struct agl_request *req, const struct flow_rule *from,
		    u64 features, struct agl_rule *rule);
int agl_parse_actions(const struct agl_request *req,
		      const struct flow_rule *from, struct agl_rule *rule);

#endif
