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
		mask->tags |= BIT(2);
	key->tags = (rule->outer == AGL_TAG_PRESENT ? BIT(0) : 0) |
		    (rule->inner == AGL_TAG_PRESENT ? BIT(1) : 0) |
		    (rule->tun6 ? BIT(2) : 0);
}
