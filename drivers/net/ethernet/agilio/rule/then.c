// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rule then rule. The card looks at one rule for a packet; tc can have several
 * do something with it, one after the other. The match of a later one is about
 * the packet as the actions before it have left it. So it is led back through
 * these actions, the last one first, to what it says of the packet as it came
 * in: what an action has set is compared here and now, tags that are pushed or
 * popped move those behind them. 03-flower.md sections 5.5 and 7.6.
 */
#include <linux/if_vlan.h>
#include <linux/string.h>

#include "then.h"

/* A packet can have more while actions come and go than the card sees */
#define THEN_TAGS	8

/**
 * struct then_tag - what is asked of a VLAN tag
 * @want: whether it is there
 * @tpid: its type
 * @tpid_mask: bits of that which matter
 * @tci: priority and id
 * @tci_mask: likewise
 */
struct then_tag {
	enum agl_tag want;
	__be16 tpid;
	__be16 tpid_mask;
	__be16 tci;
	__be16 tci_mask;
};

/**
 * struct then_want - a match on its way back through actions
 * @key: values, of all but tags
 * @mask: which bits
 * @tag: tags, the outer one first
 * @unseen: why it is wider now than it should be, or AGL_THEN_ONE
 */
struct then_want {
	struct agl_match *key;
	struct agl_match *mask;
	struct then_tag tag[THEN_TAGS];
	enum agl_then unseen;
};

static enum agl_tag then_tag_want(const struct then_want *w, u8 bit)
{
	if (!(w->mask->tags & bit))
		return AGL_TAG_ANY;
	return w->key->tags & bit ? AGL_TAG_PRESENT : AGL_TAG_ABSENT;
}

static void then_open(struct then_want *w)
{
	const struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;

	w->tag[0] = (struct then_tag){
		then_tag_want(w, AGL_MATCH_OUTER), k->outer_tpid, m->outer_tpid,
		k->outer_tci, m->outer_tci };
	w->tag[1] = (struct then_tag){
		then_tag_want(w, AGL_MATCH_INNER), k->inner_tpid, m->inner_tpid,
		k->inner_tci, m->inner_tci };
	/* The type behind two tags is that of no third one */
	if (m->eth_type && w->tag[0].want == AGL_TAG_PRESENT &&
	    w->tag[1].want == AGL_TAG_PRESENT)
		w->tag[2].want = AGL_TAG_ABSENT;
}

/* All that is asked of what is behind the Ethernet header's type */
#define THEN_INSIDE	offsetof(struct agl_fields, ip_proto)
#define THEN_INSIDE_END	offsetof(struct agl_fields, enc_key)
#define THEN_OUTSIDE	THEN_INSIDE_END

static bool then_asks(const struct agl_fields *mask, size_t from, size_t to)
{
	return memchr_inv((const u8 *)mask + from, 0, to - from);
}

static void then_drop(struct then_want *w, size_t from, size_t to)
{
	memset((u8 *)&w->key->fields + from, 0, to - from);
	memset((u8 *)&w->mask->fields + from, 0, to - from);
}

static void then_drop_label(struct then_want *w)
{
	w->key->fields.lse = 0;
	w->mask->fields.lse = 0;
	w->key->fields.lses = 0;
	w->mask->fields.lses = 0;
}

static void then_put_want(struct then_want *w, enum agl_tag want, u8 bit)
{
	w->mask->tags &= ~bit;
	w->key->tags &= ~bit;
	if (want != AGL_TAG_ANY)
		w->mask->tags |= bit;
	if (want == AGL_TAG_PRESENT)
		w->key->tags |= bit;
}

/* The card sees two tags, and what is behind these: all else stays wider */
static void then_close_tail(struct then_want *w, const struct agl_rule *first)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;
	enum agl_tag third = w->tag[2].want;

	/* Where the type behind the tags is known there is no other */
	if (third == AGL_TAG_ANY ||
	    (third == AGL_TAG_ABSENT && (m->eth_type || first->mask.eth_type)))
		return;
	w->unseen = AGL_THEN_THIRD_TAG;
	if (third == AGL_TAG_ABSENT)
		return;
	k->eth_type = 0;
	m->eth_type = 0;
	then_drop_label(w);
	then_drop(w, THEN_INSIDE, THEN_INSIDE_END);
}

static void then_close(struct then_want *w, const struct agl_rule *first)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;

	then_close_tail(w, first);
	then_put_want(w, w->tag[0].want, AGL_MATCH_OUTER);
	k->outer_tpid = w->tag[0].tpid;
	m->outer_tpid = w->tag[0].tpid_mask;
	k->outer_tci = w->tag[0].tci;
	m->outer_tci = w->tag[0].tci_mask;
	then_put_want(w, w->tag[1].want, AGL_MATCH_INNER);
	k->inner_tpid = w->tag[1].tpid;
	m->inner_tpid = w->tag[1].tpid_mask;
	k->inner_tci = w->tag[1].tci;
	m->inner_tci = w->tag[1].tci_mask;
}

/* What is @value by now. Return: whether that is what is wanted; it is no more */
static bool then_known(void *key, void *mask, const void *value,
		       const void *value_mask, size_t len)
{
	const u8 *v = value, *vm = value_mask;
	u8 *k = key, *m = mask;
	size_t i;

	for (i = 0; i < len; i++) {
		if ((k[i] ^ v[i]) & m[i] & vm[i])
			return false;
		m[i] &= ~vm[i];
		k[i] &= m[i];
	}
	return true;
}

static bool then_known16(__be16 *key, __be16 *mask, __be16 value)
{
	if ((*key ^ value) & *mask)
		return false;
	*key = 0;
	*mask = 0;
	return true;
}

static bool then_back_set(struct then_want *w, const struct agl_action *a)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;
	u8 class, class_mask;

	/* IPv6 has the class in one word with the label */
	class = be32_to_cpu(a->set.value.class_label) >> 20;
	class_mask = be32_to_cpu(a->set.mask.class_label) >> 20;
	return then_known(&k->tos, &m->tos, &class, &class_mask, sizeof(class)) &&
	       then_known(k, m, &a->set.value, &a->set.mask, sizeof(*k));
}

static bool then_back_push_vlan(struct then_want *w, const struct agl_action *a)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;
	struct then_tag *t = w->tag;

	if (t->want == AGL_TAG_ABSENT)
		return false;
	if (!then_known16(&t->tpid, &t->tpid_mask, a->vlan.tpid) ||
	    !then_known16(&t->tci, &t->tci_mask, a->vlan.tci))
		return false;
	memmove(t, t + 1, sizeof(w->tag) - sizeof(*t));
	t[THEN_TAGS - 1] = (struct then_tag){};
	if (m->tag_count && !k->tag_count)
		return false;
	k->tag_count -= !!m->tag_count;
	return true;
}

static bool then_back_pop_vlan(struct then_want *w, const struct agl_action *a)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;
	struct then_tag *t = w->tag;

	if (t[THEN_TAGS - 1].want != AGL_TAG_ANY)
		w->unseen = AGL_THEN_THIRD_TAG;
	memmove(t + 1, t, sizeof(w->tag) - sizeof(*t));
	*t = (struct then_tag){ .want = AGL_TAG_PRESENT };
	k->tag_count += !!m->tag_count;
	return true;
}

/* Behind a label nobody finds an IP header */
static bool then_back_push_mpls(struct then_want *w, const struct agl_action *a)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;

	if (!then_known16(&k->eth_type, &m->eth_type, a->mpls.type) ||
	    (k->lse ^ a->mpls.lse) & m->lse ||
	    then_asks(k, THEN_INSIDE, THEN_INSIDE_END))
		return false;
	then_drop_label(w);
	then_drop(w, THEN_INSIDE, THEN_INSIDE_END);
	return true;
}

static bool then_back_pop_mpls(struct then_want *w, const struct agl_action *a)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;

	if (!then_known16(&k->eth_type, &m->eth_type, a->mpls.type))
		return false;
	if (m->lse || m->lses || eth_type_vlan(a->mpls.type) ||
	    then_asks(m, THEN_INSIDE, THEN_INSIDE_END))
		w->unseen = AGL_THEN_LABEL;
	then_drop_label(w);
	then_drop(w, THEN_INSIDE, THEN_INSIDE_END);
	return true;
}

static bool then_back_set_mpls(struct then_want *w, const struct agl_action *a)
{
	struct agl_fields *k = &w->key->fields, *m = &w->mask->fields;

	return then_known(&k->lse, &m->lse, &a->mpls.lse, &a->mpls.mask,
			  sizeof(k->lse));
}

static void then_drop_tunnel(struct then_want *w)
{
	then_drop(w, THEN_OUTSIDE, sizeof(struct agl_fields));
	w->mask->tags &= ~AGL_MATCH_TUN6;
	w->key->tags &= ~AGL_MATCH_TUN6;
}

/* Software looks at what the packet is going to have outside */
static bool then_back_encap(struct then_want *w, const struct agl_action *a)
{
	if (then_asks(&w->mask->fields, THEN_OUTSIDE, sizeof(struct agl_fields)))
		w->unseen = AGL_THEN_TUNNEL_KEY;
	then_drop_tunnel(w);
	return true;
}

static bool (*const then_back[])(struct then_want *w, const struct agl_action *a) = {
	[AGL_DROP] = NULL,
	[AGL_REDIRECT] = NULL,
	[AGL_MIRROR] = NULL,
	[AGL_PUSH_VLAN] = then_back_push_vlan,
	[AGL_POP_VLAN] = then_back_pop_vlan,
	[AGL_PUSH_MPLS] = then_back_push_mpls,
	[AGL_POP_MPLS] = then_back_pop_mpls,
	[AGL_SET_MPLS] = then_back_set_mpls,
	[AGL_SET] = then_back_set,
	[AGL_ENCAP] = then_back_encap,
};

/*
 * What a rule says of the outer header is for later ones no more than that:
 * without it software finds nothing but 0 there, and addresses of no family.
 * What a device without metadata says is always so.
 */
static bool then_back_unset(struct then_want *w)
{
	if (then_asks(&w->key->fields, THEN_OUTSIDE, sizeof(struct agl_fields)) ||
	    w->mask->tags & AGL_MATCH_TUN6)
		return false;
	then_drop_tunnel(w);
	return true;
}

/**
 * agl_then_before - what a match is about, before a rule's actions
 * @first: the rule; what @key and @mask are about is what it leaves
 * @key: values, of the packet as it comes to @first
 * @mask: which bits
 *
 * What @first itself matches is not added.
 *
 * Return: AGL_THEN_ONE. AGL_THEN_NEVER if there is no such packet. Others if
 * @key and @mask are wider now than they should be.
 */
enum agl_then agl_then_before(const struct agl_rule *first, struct agl_match *key,
			      struct agl_match *mask)
{
	struct then_want w = { .key = key, .mask = mask };
	const struct agl_action *a;

	then_open(&w);
	for (a = first->action + first->actions; a-- > first->action; ) {
		/* A device's own tunnel is never set nor unset */
		if (a->type == AGL_ENCAP && first->device)
			continue;
		if (then_back[a->type] && !then_back[a->type](&w, a))
			return AGL_THEN_NEVER;
	}
	if (first->unset && !first->device && !then_back_unset(&w))
		return AGL_THEN_NEVER;
	then_close(&w, first);
	return w.unseen;
}

/* The high byte is a mask, the low one the value */
static bool then_ignored_meets(u16 *ignored, u16 other)
{
	if ((*ignored ^ other) & (*ignored & other) >> 8)
		return false;
	*ignored |= other;
	return true;
}

static bool then_encaps(const struct agl_rule *rule)
{
	unsigned int i;

	for (i = 0; i < rule->actions; i++)
		if (rule->action[i].type == AGL_ENCAP)
			return true;
	return false;
}

/* What is asked of the outer header and isn't in the match */
static enum agl_then then_outside(const struct agl_rule *rule,
				  const struct agl_rule *next,
				  struct agl_narrow *narrow, u16 *ignored)
{
	u8 opts_len = next->narrow.opts_len;

	if (!rule->device && then_encaps(rule))
		return opts_len || next->ignored ? AGL_THEN_TUNNEL_KEY :
						   AGL_THEN_ONE;
	if (!rule->device && rule->unset)
		return opts_len || next->ignored & 0xff ? AGL_THEN_NEVER :
							  AGL_THEN_ONE;
	narrow->opts_len = opts_len;
	narrow->enc_tos = next->narrow.enc_tos;
	return then_ignored_meets(ignored, next->ignored) ? AGL_THEN_ONE :
							    AGL_THEN_NEVER;
}

/* What the card must ask besides is about the packet as it is then, too */
static enum agl_then then_narrow(const struct agl_rule *rule,
				 const struct agl_rule *next, struct agl_narrow *to)
{
	struct agl_match key = {}, mask = {};
	enum agl_then how;

	mask.fields.frag = next->narrow.frag;
	mask.fields.tos = next->narrow.tos;
	how = agl_then_before(rule, &key, &mask);
	to->frag = mask.fields.frag;
	to->tos = mask.fields.tos;
	return how;
}

/* The firmware puts the tunnel's header on whatever goes out after that */
static bool then_outputs(const struct agl_rule *rule)
{
	unsigned int i;

	for (i = 0; i < rule->actions; i++)
		if (rule->action[i].type == AGL_REDIRECT ||
		    rule->action[i].type == AGL_MIRROR)
			return true;
	return false;
}

static enum agl_then then_check(const struct agl_rule *rule,
				const struct agl_rule *next)
{
	if (rule->internal || next->internal)
		return AGL_THEN_INTERNAL;
	if (then_encaps(rule) && then_outputs(next))
		return AGL_THEN_TUNNELS;
	if (rule->actions + next->actions > rule->room)
		return AGL_THEN_ROOM;
	return AGL_THEN_ONE;
}

static void then_append(struct agl_rule *rule, const struct agl_rule *next)
{
	memcpy(&rule->action[rule->actions], next->action,
	       next->actions * sizeof(*next->action));
	rule->actions += next->actions;
	if (next->encap.type)
		rule->encap = next->encap;
	rule->unset |= next->unset;
}

/* Where it fails it is the more telling reason that counts */
static enum agl_then then_worse(enum agl_then a, enum agl_then b)
{
	if (a == AGL_THEN_NEVER || b == AGL_THEN_NEVER)
		return AGL_THEN_NEVER;
	return a == AGL_THEN_ONE ? b : a;
}

/**
 * agl_then - one rule of two
 * @rule: the first one, on the same device as the other, with room for the
 *	actions of both; it becomes the one that does what they do in this order
 * @next: the second one: its match is about what the first one's actions leave
 *
 * Return: AGL_THEN_ONE; AGL_THEN_NEVER if the card is to take no packet through
 * both. For these and for others @rule is what it was.
 */
enum agl_then agl_then(struct agl_rule *rule, const struct agl_rule *next)
{
	struct agl_match key, mask, next_key, next_mask;
	struct agl_narrow narrow = rule->narrow, besides = {}, set;
	u16 ignored = rule->ignored;
	enum agl_then how;

	agl_match_of(next, &next_key, &next_mask);
	how = agl_then_before(rule, &next_key, &next_mask);
	agl_match_of(rule, &key, &mask);
	if (how == AGL_THEN_NEVER ||
	    !agl_match_meets(&key, &mask, &next_key, &next_mask))
		return AGL_THEN_NEVER;
	set = agl_narrow_of(&key.fields);
	how = then_worse(how, then_narrow(rule, next, &besides));
	how = then_worse(how, then_outside(rule, next, &besides, &ignored));
	if (!agl_narrow_meets(&narrow, &besides) || agl_narrow_excludes(&narrow, &set))
		return AGL_THEN_NEVER;
	if (how == AGL_THEN_ONE)
		how = then_check(rule, next);
	if (how != AGL_THEN_ONE)
		return how;
	agl_match_to(rule, &key, &mask);
	rule->narrow = narrow;
	rule->ignored = ignored;
	then_append(rule, next);
	return AGL_THEN_ONE;
}
