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

static bool match_has_ends(const struct agl_fields *mask)
{
	return memchr_inv(&mask->enc_src, 0,
			  offsetof(struct agl_fields, enc_sport) -
			  offsetof(struct agl_fields, enc_src));
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
	mask->tags = (rule->outer != AGL_TAG_ANY ? AGL_MATCH_OUTER : 0) |
		     (rule->inner != AGL_TAG_ANY ? AGL_MATCH_INNER : 0);
	key->tags = (rule->outer == AGL_TAG_PRESENT ? AGL_MATCH_OUTER : 0) |
		    (rule->inner == AGL_TAG_PRESENT ? AGL_MATCH_INNER : 0);
	if (!match_has_ends(&rule->mask))
		return;
	mask->tags |= AGL_MATCH_TUN6;
	key->tags |= rule->tun6 ? AGL_MATCH_TUN6 : 0;
}

static enum agl_tag match_tag(const struct agl_match *key,
			      const struct agl_match *mask, u8 bit)
{
	if (!(mask->tags & bit))
		return AGL_TAG_ANY;
	return key->tags & bit ? AGL_TAG_PRESENT : AGL_TAG_ABSENT;
}

/**
 * agl_match_to - a rule matches this
 * @rule: rule
 * @key: values
 * @mask: which bits
 */
void agl_match_to(struct agl_rule *rule, const struct agl_match *key,
		  const struct agl_match *mask)
{
	rule->key = key->fields;
	rule->mask = mask->fields;
	rule->outer = match_tag(key, mask, AGL_MATCH_OUTER);
	rule->inner = match_tag(key, mask, AGL_MATCH_INNER);
	rule->tun6 = key->tags & AGL_MATCH_TUN6;
}

/**
 * agl_match_meets - two matches at once
 * @key: values of the one, zero outside of the mask; those of both after it
 * @mask: which bits
 * @other_key: likewise of the other
 * @other_mask: likewise
 *
 * Return: whether a packet can be of both.
 */
bool agl_match_meets(struct agl_match *key, struct agl_match *mask,
		     const struct agl_match *other_key,
		     const struct agl_match *other_mask)
{
	unsigned int i;

	for (i = 0; i < AGL_MATCH_WORDS; i++) {
		if ((key->word[i] ^ other_key->word[i]) & mask->word[i] &
		    other_mask->word[i])
			return false;
		key->word[i] |= other_key->word[i];
		mask->word[i] |= other_mask->word[i];
	}
	return true;
}

/**
 * agl_narrow_meets - what the card must ask for two rules at once
 * @n: for the one, for both after it
 * @other: for the other
 *
 * Return: false if no packet can have both.
 */
bool agl_narrow_meets(struct agl_narrow *n, const struct agl_narrow *other)
{
	if (n->opts_len && other->opts_len && n->opts_len != other->opts_len)
		return false;
	n->frag |= other->frag;
	n->tos |= other->tos;
	n->enc_tos |= other->enc_tos;
	n->opts_len = n->opts_len ?: other->opts_len;
	return true;
}

/**
 * agl_narrow_of - what would exclude all packets of a match
 * @key: its values, zero outside of the mask
 *
 * Return: the bits that its packets have set; of options nothing is known.
 */
struct agl_narrow agl_narrow_of(const struct agl_fields *key)
{
	return (struct agl_narrow){
		.frag = key->frag,
		.tos = key->tos,
		.enc_tos = key->enc_tos,
	};
}

/**
 * agl_narrow_excludes - are a match's packets none that the card is to take?
 * @n: what it asks besides
 * @set: bits that the packets have set, agl_narrow_of()
 *
 * Return: true if it is to take none of them.
 */
bool agl_narrow_excludes(const struct agl_narrow *n, const struct agl_narrow *set)
{
	return (n->frag & set->frag) || (n->tos & set->tos) ||
	       (n->enc_tos & set->enc_tos);
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
