// SPDX-License-Identifier: GPL-2.0-only
/*
 * The match of a rule: from tc's keys to fields, and whether the card
 * compares exactly what software would. Value and mask are both looked at.
 * 03-flower.md sections 6.3, 11.2 and 12.1.
 */
#include <net/ipv6.h>

#include "../agilio.h"
#include "../rule/fields.h"
#include "parse.h"

/* Keys of which agl_check_tunnel() says what becomes of them */
#define MATCH_OUTER_KEYS						\
	(BIT_ULL(FLOW_DISSECTOR_KEY_ENC_KEYID) |			\
	 BIT_ULL(FLOW_DISSECTOR_KEY_ENC_IPV4_ADDRS) |			\
	 BIT_ULL(FLOW_DISSECTOR_KEY_ENC_IPV6_ADDRS) |			\
	 BIT_ULL(FLOW_DISSECTOR_KEY_ENC_PORTS) |			\
	 BIT_ULL(FLOW_DISSECTOR_KEY_ENC_CONTROL) |			\
	 BIT_ULL(FLOW_DISSECTOR_KEY_ENC_IP) |				\
	 BIT_ULL(FLOW_DISSECTOR_KEY_ENC_OPTS))

static int refuse_field(const struct agl_request *req, const struct agl_field *f,
			const struct flow_match *from)
{
	const u8 *mask = skb_flow_dissector_target(from->dissector, f->dissector,
						   from->mask);

	if (!memchr_inv(mask + f->dissector_at, 0, f->dissector_size))
		return 0;
	return agl_refuse(req, AGL_REFUSE_MATCH, "match on %s: %s", f->name,
			  f->why);
}

/* Return: whether the rule looks at it */
static bool take_field(const struct agl_field *f, const struct flow_match *from,
		       struct agl_rule *rule)
{
	const u8 *key = skb_flow_dissector_target(from->dissector, f->dissector,
						  from->key);
	const u8 *mask = skb_flow_dissector_target(from->dissector, f->dissector,
						   from->mask);
	u8 *to_key = (u8 *)&rule->key + f->at;
	u8 *to_mask = (u8 *)&rule->mask + f->at;

	if (!f->get)
		return agl_field_copy(f, to_key, to_mask, key + f->dissector_at,
				      mask + f->dissector_at);
	f->get(key, to_key);
	f->get(mask, to_mask);
	return agl_field_copy(f, to_key, to_mask, to_key, to_mask);
}

/* Of a field that the rule looks at */
static int check_field(const struct agl_request *req, const struct agl_field *f,
		       u64 features, const struct agl_rule *rule)
{
	u32 bad = f->cannot_match;

	if (bad)
		bad &= agl_field_bits(f, &rule->mask);
	if (f->feature & ~features)
		return agl_refuse(req, AGL_REFUSE_FEATURE,
				  "match on %s: this firmware can't", f->name);
	if (bad)
		return agl_refuse(req, AGL_REFUSE_MASK,
				  "%s with mask bits 0x%x: %s", f->name, bad,
				  f->why);
	return 0;
}

/*
 * flower keeps IPv4 and IPv6 addresses in one place and announces both keys;
 * which it is stands in the control key, inner and outer.
 */
static bool other_family(const struct agl_field *f, const struct flow_match *from)
{
	const struct flow_dissector_key_control *control;
	enum flow_dissector_key_id id, type;

	switch (f->dissector) {
	case FLOW_DISSECTOR_KEY_IPV4_ADDRS:
	case FLOW_DISSECTOR_KEY_IPV6_ADDRS:
		id = FLOW_DISSECTOR_KEY_CONTROL;
		type = f->dissector;
		break;
	case FLOW_DISSECTOR_KEY_ENC_IPV4_ADDRS:
		id = FLOW_DISSECTOR_KEY_ENC_CONTROL;
		type = FLOW_DISSECTOR_KEY_IPV4_ADDRS;
		break;
	case FLOW_DISSECTOR_KEY_ENC_IPV6_ADDRS:
		id = FLOW_DISSECTOR_KEY_ENC_CONTROL;
		type = FLOW_DISSECTOR_KEY_IPV6_ADDRS;
		break;
	default:
		return false;
	}
	control = skb_flow_dissector_target(from->dissector, id, from->key);
	return control->addr_type != type;
}

/* A rule for the port itself asks nothing */
static bool own_indev(const struct agl_request *req,
		      const struct agl_field *f, const struct flow_match *from)
{
	const struct flow_dissector_key_meta *key, *mask;

	if (f->dissector != FLOW_DISSECTOR_KEY_META || f->dissector_at)
		return false;
	key = skb_flow_dissector_target(from->dissector, f->dissector, from->key);
	mask = skb_flow_dissector_target(from->dissector, f->dissector,
					 from->mask);
	return !mask->ingress_ifindex ||
	       key->ingress_ifindex == req->in->dev->ifindex;
}

static int take_fields(const struct agl_request *req,
		       const struct flow_match *from, u64 features,
		       struct agl_rule *rule)
{
	u64 left = from->dissector->used_keys;
	u64 fields = agl_fields_of_keys(&left);
	const struct agl_field *f;
	bool looks;
	int err = 0;

	/* All of them, also of a rule that is refused: what it is about counts */
	agl_for_each_field(f, fields) {
		if (other_family(f, from) || own_indev(req, f, from))
			continue;
		looks = f->size && take_field(f, from, rule);
		if (!err && looks)
			err = check_field(req, f, features, rule);
		else if (!err && !f->size)
			err = refuse_field(req, f, from);
	}
	if (err)
		return err;
	if (left)
		return agl_refuse(req, AGL_REFUSE_MATCH,
				  "match with keys 0x%llx is unknown to the driver",
				  left);
	return 0;
}

/* What is behind the second tag is no third one */
static bool ends_behind_two(const struct agl_rule *rule)
{
	return rule->inner == AGL_TAG_PRESENT && rule->mask.eth_type &&
	       !eth_type_vlan(rule->key.eth_type);
}

/*
 * The card sees two tags. So it can tell none from one from more, but two
 * from three only by what is behind them.
 */
static int take_tag_count(const struct agl_request *req,
			  const struct flow_match *from, u64 features,
			  struct agl_rule *rule)
{
	const struct flow_dissector_key_num_of_vlans *key, *mask;

	if (!dissector_uses_key(from->dissector, FLOW_DISSECTOR_KEY_NUM_OF_VLANS))
		return 0;
	key = skb_flow_dissector_target(from->dissector,
					FLOW_DISSECTOR_KEY_NUM_OF_VLANS, from->key);
	mask = skb_flow_dissector_target(from->dissector,
					 FLOW_DISSECTOR_KEY_NUM_OF_VLANS,
					 from->mask);
	if (!mask->num_of_vlans)
		return 0;
	if (key->num_of_vlans == 2 && ends_behind_two(rule))
		return 0;
	if (key->num_of_vlans > 1 || rule->inner == AGL_TAG_PRESENT)
		return agl_refuse(req, AGL_REFUSE_MATCH,
				  "num_of_vlans %u: the card knows 0, 1, or 2 and cvlan_ethtype",
				  key->num_of_vlans);
	if (key->num_of_vlans && !(features & AGL_FEAT_VLAN_QINQ))
		return agl_refuse(req, AGL_REFUSE_FEATURE,
				  "num_of_vlans 1: this firmware sees one tag");
	rule->outer = key->num_of_vlans ? AGL_TAG_PRESENT : AGL_TAG_ABSENT;
	rule->inner = key->num_of_vlans ? AGL_TAG_ABSENT : AGL_TAG_ANY;
	return 0;
}

/* flower gives the tag's protocol with each tag, and the type behind it */
static void take_tags(const struct flow_match *from, struct agl_rule *rule)
{
	struct flow_dissector *d = from->dissector;
	const struct flow_dissector_key_vlan *key, *mask;

	if (!dissector_uses_key(d, FLOW_DISSECTOR_KEY_VLAN)) {
		if (rule->mask.eth_type)
			rule->outer = AGL_TAG_ABSENT;
		return;
	}
	rule->outer = AGL_TAG_PRESENT;
	if (dissector_uses_key(d, FLOW_DISSECTOR_KEY_CVLAN)) {
		rule->inner = AGL_TAG_PRESENT;
		return;
	}
	key = skb_flow_dissector_target(d, FLOW_DISSECTOR_KEY_VLAN, from->key);
	mask = skb_flow_dissector_target(d, FLOW_DISSECTOR_KEY_VLAN, from->mask);
	if (mask->vlan_eth_type && !eth_type_vlan(key->vlan_eth_type))
		rule->inner = AGL_TAG_ABSENT;
}

static int check_tags(const struct agl_request *req, u64 features,
		      const struct agl_rule *rule)
{
	u16 prio = be16_to_cpu(rule->mask.outer_tci) & AGL_TCI_PRIO_BITS;

	if (rule->outer != AGL_TAG_PRESENT)
		return 0;
	if (prio && !(features & AGL_FEAT_VLAN_PCP))
		return agl_refuse(req, AGL_REFUSE_FEATURE,
				  "match on vlan_prio: this firmware can't");
	if (features & AGL_FEAT_VLAN_QINQ)
		return 0;
	if (rule->key.outer_tpid != htons(ETH_P_8021Q))
		return agl_refuse(req, AGL_REFUSE_FEATURE,
				  "vlan protocol 0x%04x: this firmware knows 802.1Q only",
				  be16_to_cpu(rule->key.outer_tpid));
	return 0;
}

static int check_type(const struct agl_request *req, const struct agl_rule *rule)
{
	u16 type = be16_to_cpu(rule->key.eth_type);

	/* The card takes multicast MPLS for the same: only unicast is exact enough */
	if (!rule->mask.eth_type || type == ETH_P_IP || type == ETH_P_IPV6 ||
	    type == ETH_P_MPLS_UC)
		return 0;
	return agl_refuse(req, AGL_REFUSE_MATCH,
			  "protocol 0x%04x: the card knows ip, ipv6 and mpls_uc only",
			  type);
}

static int check_ip(const struct agl_request *req, const struct agl_rule *rule)
{
	const struct agl_fields *m = &rule->mask;

	if ((m->src || m->dst) && rule->key.eth_type != htons(ETH_P_IP))
		return agl_refuse(req, AGL_REFUSE_MATCH,
				  "match on IPv4 addresses without protocol ip");
	if ((!ipv6_addr_any(&m->src6) || !ipv6_addr_any(&m->dst6)) &&
	    rule->key.eth_type != htons(ETH_P_IPV6))
		return agl_refuse(req, AGL_REFUSE_MATCH,
				  "match on IPv6 addresses without protocol ipv6");
	if (m->eth_type)
		return 0;
	if (m->ip_proto || m->tos || m->ttl || m->frag)
		return agl_refuse(req, AGL_REFUSE_MATCH,
				  "match on IP fields without protocol ip or ipv6");
	return 0;
}

/*
 * Software finds no ports in a fragment, the card does in the first one: so
 * a rule with ports is for whole packets. Bits of value 0 alone would in
 * software match any fragment, where there is nothing but 0.
 */
static int check_ports(const struct agl_request *req, struct agl_rule *rule)
{
	const struct agl_fields *m = &rule->mask, *k = &rule->key;

	if (!m->sport && !m->dport && !m->tcp_flags)
		return 0;
	if (m->frag & AGL_FRAG_ANY) {
		if (!(k->frag & AGL_FRAG_ANY))
			return 0;
		return agl_refuse(req, AGL_REFUSE_MATCH,
				  "ports of fragments can't be matched");
	}
	if (!k->sport && !k->dport && !k->tcp_flags)
		return agl_refuse(req, AGL_REFUSE_MASK,
				  "ports or flags of value 0 need ip_flags nofrag");
	rule->mask.frag |= AGL_FRAG_ANY;
	return 0;
}

/* The fast path shows PSH and URG only beside one of FIN, SYN and RST */
static int check_tcp_flags(const struct agl_request *req,
			   const struct agl_rule *rule)
{
	u16 mask = be16_to_cpu(rule->mask.tcp_flags);
	u16 key = be16_to_cpu(rule->key.tcp_flags);

	if (!(mask & (AGL_TCP_PSH | AGL_TCP_URG)) ||
	    key & (AGL_TCP_FIN | AGL_TCP_SYN | AGL_TCP_RST))
		return 0;
	return agl_refuse(req, AGL_REFUSE_MASK,
			  "tcp_flags psh or urg without fin, syn or rst set");
}

/**
 * agl_parse_match - the match of a rule
 * @req: rule
 * @from: tc's
 * @features: agreed with the firmware
 * @rule: its key, mask and tags are set
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_parse_match(const struct agl_request *req, const struct flow_rule *from,
		    u64 features, struct agl_rule *rule)
{
	int err;

	err = take_fields(req, &from->match, features, rule);
	take_tags(&from->match, rule);
	if (!err)
		err = take_tag_count(req, &from->match, features, rule);
	if (err)
		return err;
	err = check_tags(req, features, rule);
	if (!err)
		err = check_type(req, rule);
	if (!err)
		err = check_ip(req, rule);
	if (!err)
		err = check_ports(req, rule);
	if (!err)
		err = check_tcp_flags(req, rule);
	if (!err && (rule->tun || from->match.dissector->used_keys & MATCH_OUTER_KEYS))
		err = agl_check_tunnel(req, &from->match, features, rule);
	return err;
}
