/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A match laid out alike for all rules of a port, to be compared bit by bit.
 */
#ifndef AGILIO_MATCH_H
#define AGILIO_MATCH_H

#include "rule.h"

#define AGL_MATCH_WORDS		24
#define AGL_MATCH_OUTER		BIT(0)
#define AGL_MATCH_INNER		BIT(1)
#define AGL_MATCH_TUN6		BIT(2)

/**
 * struct agl_match - values of a match, or its mask
 * @fields: of the packet
 * @tags: whether there is an outer tag, an inner one, and whether the tunnel is
 *	over IPv6, AGL_MATCH_
 * @word: all of it
 */
struct agl_match {
	union {
		struct {
			struct agl_fields fields;
			u8 tags;
		};
		u64 word[AGL_MATCH_WORDS];
	};
};

static_assert(sizeof(struct agl_match) == 8 * AGL_MATCH_WORDS);

void agl_match_of(const struct agl_rule *rule, struct agl_match *key,
		  struct agl_match *mask);
bool agl_narrow_meets(struct agl_narrow *n, const struct agl_narrow *other);
struct agl_narrow agl_narrow_of(const struct agl_fields *key);
bool agl_narrow_excludes(const struct agl_narrow *n, const struct agl_narrow *set);
void agl_match_any_outer(struct agl_match *m);
void agl_match_to(struct agl_rule *rule, const struct agl_match *key,
		  const struct agl_match *mask);
bool agl_match_meets(struct agl_match *key, struct agl_match *mask,
		     const struct agl_match *other_key,
		     const struct agl_match *other_mask);

#endif
