/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGILIO_PARSE_H
#define AGILIO_PARSE_H

#include <net/flow_offload.h>
#include <net/pkt_cls.h>

#include "../flower/encode.h"
#include "../flower/rule.h"
#include "refuse.h"

int agl_parse_match(const struct agl_request *req, const struct flow_rule *from,
		    u64 features, struct agl_rule *rule);
int agl_check_tunnel(const struct agl_request *req,
		     const struct flow_match *from, u64 features,
		     struct agl_rule *rule);
int agl_take_ends(const struct agl_request *req, struct agl_rule *rule,
		  struct agl_image *image);
int agl_make_pre_tunnel(const struct agl_request *req,
			const struct agl_rule *rule, struct agl_image *image);
int agl_tc_rules(enum tc_setup_type type, void *data,
		 const struct agl_ingress *in);
int agl_parse_actions(const struct agl_request *req,
		      const struct flow_rule *from, struct agl_rule *rule);

#endif
