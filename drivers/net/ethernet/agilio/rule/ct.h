/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What conntrack says of a packet, and what filters ask of it. It is nothing
 * that the card sees: it is known where rules are composed, or the host has
 * the packet.
 */
#ifndef AGILIO_CT_MATCH_H
#define AGILIO_CT_MATCH_H

#include <linux/types.h>

struct flow_match;

/**
 * struct agl_ct - what conntrack says of a packet
 * @state: TCA_FLOWER_KEY_CT_FLAGS_
 * @zone: of the connection
 * @mark: likewise
 * @labels: likewise
 */
struct agl_ct {
	u16 state;
	u16 zone;
	u32 mark;
	u32 labels[4];
};

/**
 * struct agl_ct_match - what is asked, or what is known
 * @key: values, zero outside of the mask
 * @mask: bits that are asked for, or that are known
 */
struct agl_ct_match {
	struct agl_ct key;
	struct agl_ct mask;
};

bool agl_ct_take(const struct flow_match *from, struct agl_ct_match *to);
bool agl_ct_meets(const struct agl_ct_match *a, const struct agl_ct_match *b);

#endif
