// SPDX-License-Identifier: GPL-2.0-only
/*
 * Matches.
 */
#include <linux/bits.h>
#include <linux/string.h>

#include "match.h"

static void match_clear_tail(struct agl_match *m)
{
	memset(&m->tags, 0, sizeof(*m) - offsetof(struct agl_match, tags));
}

/**
 * agl_match_of - a rule's match in the layout that all have
 * @rule: rule
 * @key: values
 * @mask: which bits
 */
void agl_match_of(const struct agl_rule *rule, struct agl_match *key,
		  struct agl_match *mask)
{
	key->fields = rule->key;
	mask->fields = rule->mask;
	match_clear_tail(key);
	match_clear_tail(mask);
	mask->tags = (rule->outer != AGL_TAG_ANY ? BIT(0) : 0) |
		     (rule->inner != AGL_TAG_ANY ? BIT(1) : 0);
	if (rule->tun)
		mask->tags |= AGL_MATCH_TUN6;
	key->tags = (rule->outer == AGL_TAG_PRESENT ? BIT(0) : 0) |
		    (rule->inner == AGL_TAG_PRESENT ? BIT(1) : 0) |
		    (rule->tun6 ? AGL_MATCH_TUN6 : 0);
}

/**
 * agl_match_any_outer - forget what of a match is the outer header's
 * @m: values, or the mask
 */
void agl_match_any_outer(struct agl_match *m)
{
	struct agl_fields *f = &m->fields;

	memset(&f->enc_key, 0, sizeof(*f) - offsetof(struct agl_fields, enc_key));
	m->tags &= ~AGL_MATCH_TUN6;
}
