/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rule then rule: what is one rule for the card, made of two of tc's.
 */
#ifndef AGILIO_THEN_H
#define AGILIO_THEN_H

#include "match.h"
#include "rule.h"

/**
 * enum agl_then - whether two rules, one after the other, are one
 * @AGL_THEN_ONE: they are
 * @AGL_THEN_NEVER: no packet that the first one leaves matches the second
 * @AGL_THEN_THIRD_TAG: the second looks at what came in as a third VLAN tag
 * @AGL_THEN_LABEL: likewise behind an MPLS label that the first takes off
 * @AGL_THEN_TUNNEL_KEY: likewise at a tunnel that packets are going into
 * @AGL_THEN_TUNNELS: the first one sends into a tunnel, and the second somewhere
 * @AGL_THEN_INTERNAL: one is for an internal port
 * @AGL_THEN_ROOM: there is no room for all actions
 */
enum agl_then {
	AGL_THEN_ONE,
	AGL_THEN_NEVER,
	AGL_THEN_THIRD_TAG,
	AGL_THEN_LABEL,
	AGL_THEN_TUNNEL_KEY,
	AGL_THEN_TUNNELS,
	AGL_THEN_INTERNAL,
	AGL_THEN_ROOM,
};

enum agl_then agl_then_before(const struct agl_rule *first, struct agl_match *key,
			      struct agl_match *mask);
enum agl_then agl_then(struct agl_rule *rule, const struct agl_rule *next);

#endif
