// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a rule's actions to the action list. 03-flower.md section 5.
 */
#include <net/ipv6.h>

#include "../agilio.h"
#include "encode.h"

#define LW_SHIFT	2

/* Return: room for an action, its head filled in; NULL without space */
static void *put(struct agl_image *image, enum agl_act_op op, size_t size)
{
	struct agl_act_head *h = (void *)(image->act + image->act_len);

	if (image->act_len + size > sizeof(image->act))
		return NULL;
	memset(h, 0, size);
	h->op = op;
	h->len_lw = size >> LW_SHIFT;
	image->act_len += size;
	return h;
}

static int put_output(struct agl_image *image, u32 port, bool last)
{
	struct agl_act_output *o = put(image, AGL_ACT_OUTPUT, sizeof(*o));
	bool tunnel = FIELD_GET(AGL_PORT_TYPE, port) == AGL_PORT_TYPE_TUNNEL;

	if (!o)
		return -E2BIG;
	o->flags = cpu_to_be16((last ? AGL_OUTPUT_LAST : 0) |
			       (tunnel ? AGL_OUTPUT_USE_TUN : 0));
	o->port = cpu_to_be32(port);
	return 0;
}

static int put_redirect(struct agl_image *image, const struct agl_rule *rule,
			const struct agl_action *a)
{
	return put_output(image, a->port, true);
}

static u32 redirect_alone(const struct agl_action *a)
{
	return a->port;
}

static int put_mirror(struct agl_image *image, const struct agl_rule *rule,
		      const struct agl_action *a)
{
	return put_output(image, a->port, false);
}

static u32 drop_alone(const struct agl_action *a)
{
	return AGL_SHORTCUT_DROP;
}

static int fill_encap(struct agl_image *image, const struct agl_encap *e,
		      size_t (*fill)(const struct agl_encap *, u8 *, size_t))
{
	size_t len = fill(e, image->act + image->act_len,
			  sizeof(image->act) - image->act_len);

	image->act_len += len;
	return len ? 0 : -E2BIG;
}

static int put_encap(struct agl_image *image, const struct agl_rule *rule,
		     const struct agl_action *a)
{
	return fill_encap(image, &rule->encap, agl_encap_set);
}

static int put_push_vlan(struct agl_image *image, const struct agl_rule *rule,
			 const struct agl_action *a)
{
	struct agl_act_push_vlan *v = put(image, AGL_ACT_PUSH_VLAN, sizeof(*v));

	if (!v)
		return -E2BIG;
	v->tpid = a->vlan.tpid;
	v->tci = a->vlan.tci;
	return 0;
}

static int put_pop_vlan(struct agl_image *image, const struct agl_rule *rule,
			const struct agl_action *a)
{
	return put(image, AGL_ACT_POP_VLAN, sizeof(struct agl_act_pop_vlan)) ?
	       0 : -E2BIG;
}

static int put_push_mpls(struct agl_image *image, const struct agl_rule *rule,
			 const struct agl_action *a)
{
	struct agl_act_push_mpls *m = put(image, AGL_ACT_PUSH_MPLS, sizeof(*m));

	if (!m)
		return -E2BIG;
	m->type = a->mpls.type;
	m->lse = a->mpls.lse;
	return 0;
}

static int put_pop_mpls(struct agl_image *image, const struct agl_rule *rule,
			const struct agl_action *a)
{
	struct agl_act_pop_mpls *m = put(image, AGL_ACT_POP_MPLS, sizeof(*m));

	if (!m)
		return -E2BIG;
	m->type = a->mpls.type;
	return 0;
}

static int put_set_mpls(struct agl_image *image, const struct agl_rule *rule,
			const struct agl_action *a)
{
	struct agl_act_set_mpls *m = put(image, AGL_ACT_SET_MPLS, sizeof(*m));

	if (!m)
		return -E2BIG;
	m->mask = a->mpls.mask;
	m->lse = a->mpls.lse;
	return 0;
}

static int set_eth(struct agl_image *image, const struct agl_fields *value,
		   const struct agl_fields *mask)
{
	struct agl_act_set_eth *e;

	if (is_zero_ether_addr(mask->dst_mac) && is_zero_ether_addr(mask->src_mac))
		return 0;
	e = put(image, AGL_ACT_SET_ETH, sizeof(*e));
	if (!e)
		return -E2BIG;
	ether_addr_copy(e->mask, mask->dst_mac);
	ether_addr_copy(e->mask + ETH_ALEN, mask->src_mac);
	ether_addr_copy(e->value, value->dst_mac);
	ether_addr_copy(e->value + ETH_ALEN, value->src_mac);
	return 0;
}

static int set_ipv4_ttl(struct agl_image *image, const struct agl_fields *value,
			const struct agl_fields *mask)
{
	struct agl_act_set_ipv4_ttl *t;

	if (!mask->ttl && !mask->tos)
		return 0;
	t = put(image, AGL_ACT_SET_IPV4_TTL, sizeof(*t));
	if (!t)
		return -E2BIG;
	t->ttl_mask = mask->ttl;
	t->tos_mask = mask->tos;
	t->ttl = value->ttl;
	t->tos = value->tos;
	return 0;
}

static int set_ipv4(struct agl_image *image, const struct agl_fields *value,
		    const struct agl_fields *mask)
{
	struct agl_act_set_ipv4 *a;

	if (!mask->src && !mask->dst)
		return 0;
	a = put(image, AGL_ACT_SET_IPV4, sizeof(*a));
	if (!a)
		return -E2BIG;
	a->src_mask = mask->src;
	a->src = value->src;
	a->dst_mask = mask->dst;
	a->dst = value->dst;
	return 0;
}

/* The traffic class goes with the label, as one word below the version */
static int set_ipv6_tc(struct agl_image *image, const struct agl_fields *value,
		       const struct agl_fields *mask)
{
	struct agl_act_set_ipv6_tc *t;

	if (!mask->ttl && !mask->class_label)
		return 0;
	t = put(image, AGL_ACT_SET_IPV6_TC, sizeof(*t));
	if (!t)
		return -E2BIG;
	t->hl_mask = mask->ttl;
	t->hl = value->ttl;
	t->label_mask = mask->class_label;
	t->label = value->class_label;
	return 0;
}

static int set_ipv6(struct agl_image *image, enum agl_act_op op,
		    const struct in6_addr *value, const struct in6_addr *mask)
{
	struct agl_act_set_ipv6 *a;
	unsigned int i;

	if (ipv6_addr_any(mask))
		return 0;
	a = put(image, op, sizeof(*a));
	if (!a)
		return -E2BIG;
	for (i = 0; i < ARRAY_SIZE(a->word); i++) {
		a->word[i].mask = mask->s6_addr32[i];
		a->word[i].value = value->s6_addr32[i];
	}
	return 0;
}

static int set_ports(struct agl_image *image, u8 proto,
		     const struct agl_fields *value, const struct agl_fields *mask)
{
	struct agl_act_set_tp *t;

	if (!mask->sport && !mask->dport)
		return 0;
	t = put(image, proto == IPPROTO_TCP ? AGL_ACT_SET_TCP : AGL_ACT_SET_UDP,
		sizeof(*t));
	if (!t)
		return -E2BIG;
	put_unaligned(mask->sport, (__be16 *)t->mask);
	put_unaligned(mask->dport, (__be16 *)(t->mask + 2));
	put_unaligned(value->sport, (__be16 *)t->value);
	put_unaligned(value->dport, (__be16 *)(t->value + 2));
	return 0;
}

/* In the firmware's order, not in that of the pedit keys: fields are disjoint */
static int put_set(struct agl_image *image, const struct agl_rule *rule,
		   const struct agl_action *a)
{
	const struct agl_fields *value = &a->set.value;
	const struct agl_fields *mask = &a->set.mask;
	int err;

	err = set_eth(image, value, mask);
	if (!err && a->set.type == htons(ETH_P_IP)) {
		err = set_ipv4_ttl(image, value, mask);
		if (!err)
			err = set_ipv4(image, value, mask);
	} else if (!err) {
		err = set_ipv6_tc(image, value, mask);
		if (!err)
			err = set_ipv6(image, AGL_ACT_SET_IPV6_SRC, &value->src6,
				       &mask->src6);
		if (!err)
			err = set_ipv6(image, AGL_ACT_SET_IPV6_DST, &value->dst6,
				       &mask->dst6);
	}
	return err ?: set_ports(image, a->set.proto, value, mask);
}

/**
 * struct writer - how an action is written
 * @put: adds its bytes, NULL: it has none
 * @alone: the shortcut of a rule that does nothing else, NULL: it has none
 */
struct writer {
	int (*put)(struct agl_image *image, const struct agl_rule *rule,
		   const struct agl_action *a);
	u32 (*alone)(const struct agl_action *a);
};

static const struct writer writers[] = {
	[AGL_DROP] = { .alone = drop_alone },
	[AGL_REDIRECT] = { put_redirect, redirect_alone },
	[AGL_MIRROR] = { put_mirror },
	[AGL_PUSH_VLAN] = { put_push_vlan },
	[AGL_POP_VLAN] = { put_pop_vlan },
	[AGL_PUSH_MPLS] = { put_push_mpls },
	[AGL_POP_MPLS] = { put_pop_mpls },
	[AGL_SET_MPLS] = { put_set_mpls },
	[AGL_SET] = { put_set },
	[AGL_ENCAP] = { put_encap },
};

static u32 shortcut(const struct agl_rule *rule)
{
	const struct agl_action *a = rule->action;

	if (rule->actions != 1 || !writers[a->type].alone)
		return AGL_SHORTCUT_NULL;
	return writers[a->type].alone(a);
}

/**
 * agl_encode_actions - build the action list
 * @rule: what to do
 * @image: its act, act_len and shortcut are set
 *
 * Return: 0, -E2BIG if the list is longer than a message can say.
 */
int agl_encode_actions(const struct agl_rule *rule, struct agl_image *image)
{
	const struct agl_action *a = rule->action;
	int err = 0;

	image->act_len = 0;
	image->shortcut = shortcut(rule);
	/* What the card must find before it begins goes in front */
	if (rule->encap.type)
		err = fill_encap(image, &rule->encap, agl_encap_pre);
	for (; a < rule->action + rule->actions && !err; a++)
		if (writers[a->type].put)
			err = writers[a->type].put(image, rule, a);
	return err;
}
