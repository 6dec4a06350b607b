// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of ports. The card compares bits: a range is a rule for each of the
 * prefixes that it consists of, so the rules of two ranges are all pairs.
 * 03-flower.md section 12.1.
 */
#include <linux/log2.h>

#include "../agilio.h"
#include "parse.h"

/* A range of 16 bits is never more than this */
#define PREFIXES_MAX	30

struct prefix {
	u16 value;
	u16 mask;
};

/* Return: how many prefixes min to max takes */
static unsigned int split(u32 min, u32 max, struct prefix *to)
{
	unsigned int n = 0;
	u32 size;

	while (min <= max) {
		size = min ? min & -min : BIT(16);
		while (min + size - 1 > max)
			size >>= 1;
		to[n].value = min;
		to[n++].mask = ~(size - 1);
		min += size;
	}
	return n;
}

/* A port that is no range is one prefix that compares nothing */
static unsigned int take(__be16 mask, __be16 min, __be16 max, struct prefix *to)
{
	if (mask)
		return split(be16_to_cpu(min), be16_to_cpu(max), to);
	*to = (struct prefix){};
	return 1;
}

static bool from_zero(const struct agl_rule *rule)
{
	return (rule->mask.min_sport && !rule->key.min_sport) ||
	       (rule->mask.min_dport && !rule->key.min_dport);
}

static void forget(struct agl_fields *f)
{
	f->min_sport = 0;
	f->max_sport = 0;
	f->min_dport = 0;
	f->max_dport = 0;
}

/**
 * agl_forget_ranges - no ranges, of a rule that is refused
 * @rule: match, from which they are taken out
 * @to: a pair of prefixes that compares nothing
 */
void agl_forget_ranges(struct agl_rule *rule, struct agl_ports *to)
{
	forget(&rule->key);
	forget(&rule->mask);
	memset(to, 0, sizeof(*to));
}

/**
 * agl_take_ranges - the ranges of a rule's ports, if it has some
 * @req: rule
 * @c: its match, from which they are taken out; what is one prefix becomes an
 *	ordinary part of it
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_take_ranges(const struct agl_request *req, struct agl_compiled *c)
{
	struct prefix src[PREFIXES_MAX], dst[PREFIXES_MAX];
	struct agl_fields *k = &c->rule->key, *m = &c->rule->mask;
	struct agl_ports *to = c->range;
	unsigned int i, j, n_src, n_dst;

	if (!m->min_sport && !m->min_dport)
		return 0;
	n_src = take(m->min_sport, k->min_sport, k->max_sport, src);
	n_dst = take(m->min_dport, k->min_dport, k->max_dport, dst);
	if (k->frag & AGL_FRAG_ANY) {
		agl_forget_ranges(c->rule, to);
		return agl_refuse(req, AGL_REFUSE_MATCH,
				  "port ranges of fragments can't be matched");
	}
	/* The card finds ports in the first one, software port 0 in all of them */
	if (from_zero(c->rule))
		c->rule->narrow.frag |= AGL_FRAG_ANY;
	else
		m->frag |= AGL_FRAG_ANY;
	agl_forget_ranges(c->rule, to);
	if (n_src * n_dst == 1) {
		k->sport |= cpu_to_be16(src->value);
		m->sport |= cpu_to_be16(src->mask);
		k->dport |= cpu_to_be16(dst->value);
		m->dport |= cpu_to_be16(dst->mask);
		return 0;
	}
	if (n_src * n_dst > AGL_RANGES_MAX)
		return agl_refuse(req, AGL_REFUSE_SIZE,
				  "port ranges of %u rules in the card: the limit is %u",
				  n_src * n_dst, AGL_RANGES_MAX);
	for (i = 0; i < n_src; i++)
		for (j = 0; j < n_dst; j++, to++) {
			to->sport = cpu_to_be16(src[i].value);
			to->sport_mask = cpu_to_be16(src[i].mask);
			to->dport = cpu_to_be16(dst[j].value);
			to->dport_mask = cpu_to_be16(dst[j].mask);
		}
	c->range_count = n_src * n_dst;
	return 0;
}
