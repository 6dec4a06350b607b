// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection: from what the flow table says to a record, and from that to a
 * rule. 03-flower.md section 7.4.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/udp.h>
#include <net/flow_offload.h>
#include <net/ipv6.h>

#include "ct.h"

static void conn_take_v4(const struct flow_rule *from, struct agl_tuple *to)
{
	struct flow_match_ipv4_addrs m;

	flow_rule_match_ipv4_addrs(from, &m);
	to->src.s6_addr32[0] = m.key->src;
	to->dst.s6_addr32[0] = m.key->dst;
}

static void conn_take_v6(const struct flow_rule *from, struct agl_tuple *to)
{
	struct flow_match_ipv6_addrs m;

	flow_rule_match_ipv6_addrs(from, &m);
	to->src = m.key->src;
	to->dst = m.key->dst;
}

static int conn_take_match(const struct flow_rule *from, struct agl_conn *to,
			   int *ifindex)
{
	struct flow_match_ports ports;
	struct flow_match_basic basic;
	struct flow_match_meta meta;

	if (!flow_rule_match_key(from, FLOW_DISSECTOR_KEY_META) ||
	    !flow_rule_match_key(from, FLOW_DISSECTOR_KEY_BASIC))
		return -EOPNOTSUPP;
	flow_rule_match_meta(from, &meta);
	flow_rule_match_basic(from, &basic);
	*ifindex = meta.key->ingress_ifindex;
	to->proto = basic.key->ip_proto;
	to->v6 = basic.key->n_proto == htons(ETH_P_IPV6);
	if (to->v6 && flow_rule_match_key(from, FLOW_DISSECTOR_KEY_IPV6_ADDRS))
		conn_take_v6(from, &to->was);
	else if (!to->v6 && basic.key->n_proto == htons(ETH_P_IP) &&
		 flow_rule_match_key(from, FLOW_DISSECTOR_KEY_IPV4_ADDRS))
		conn_take_v4(from, &to->was);
	else
		return -EOPNOTSUPP;
	switch (to->proto) {
	case IPPROTO_GRE:
		return 0;
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!flow_rule_match_key(from, FLOW_DISSECTOR_KEY_PORTS))
		return -EOPNOTSUPP;
	flow_rule_match_ports(from, &ports);
	to->was.sport = ports.key->src;
	to->was.dport = ports.key->dst;
	return 0;
}

static void *conn_place_v4(struct agl_tuple *t, unsigned int at)
{
	switch (at) {
	case offsetof(struct iphdr, saddr):
		return &t->src;
	case offsetof(struct iphdr, daddr):
		return &t->dst;
	default:
		return NULL;
	}
}

/* Word by word */
static void *conn_place_v6(struct agl_tuple *t, unsigned int at)
{
	const unsigned int src = offsetof(struct ipv6hdr, saddr);
	const unsigned int dst = offsetof(struct ipv6hdr, daddr);

	if (at % 4 || at < src || at >= sizeof(struct ipv6hdr))
		return NULL;
	return at < dst ? (u8 *)&t->src + at - src : (u8 *)&t->dst + at - dst;
}

/* Of TCP and UDP alike */
static void *conn_place_port(struct agl_tuple *t, unsigned int at)
{
	switch (at) {
	case offsetof(struct udphdr, source):
		return &t->sport;
	case offsetof(struct udphdr, dest):
		return &t->dport;
	default:
		return NULL;
	}
}

/* What NAT changes there; @size: of it. NULL: none that it may */
static void *conn_place(struct agl_conn *c, const struct flow_action_entry *a,
			unsigned int *size)
{
	struct agl_tuple *t = &c->becomes;
	unsigned int at = a->mangle.offset;

	*size = sizeof(__be32);
	if (a->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP4 && !c->v6)
		return conn_place_v4(t, at);
	if (a->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP6 && c->v6)
		return conn_place_v6(t, at);
	*size = sizeof(__be16);
	if ((a->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_TCP &&
	     c->proto == IPPROTO_TCP) ||
	    (a->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_UDP &&
	     c->proto == IPPROTO_UDP))
		return conn_place_port(t, at);
	return NULL;
}

/* Unlike tc's, these values are in the host's byte order */
static int conn_take_mangle(struct agl_conn *c, const struct flow_action_entry *a)
{
	unsigned int size;
	void *to = conn_place(c, a, &size);

	if (!to)
		return -EOPNOTSUPP;
	if (size == sizeof(__be32))
		*(__be32 *)to = cpu_to_be32(a->mangle.val);
	else
		*(__be16 *)to = cpu_to_be16(a->mangle.val);
	return 0;
}

/* Only what has been answered: before that the host wants to see its packets */
static int conn_take_meta(struct agl_conn *c, const struct flow_action_entry *a,
			  u16 zone)
{
	unsigned int info = a->ct_metadata.cookie & NFCT_INFOMASK;
	struct agl_ct *ct = &c->ct.key;

	if (info != IP_CT_ESTABLISHED && info != IP_CT_ESTABLISHED_REPLY)
		return -EOPNOTSUPP;
	ct->state = TCA_FLOWER_KEY_CT_FLAGS_TRACKED |
		    TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED;
	if (info == IP_CT_ESTABLISHED_REPLY)
		ct->state |= TCA_FLOWER_KEY_CT_FLAGS_REPLY;
	ct->zone = zone;
	ct->mark = a->ct_metadata.mark;
	memcpy(ct->labels, a->ct_metadata.labels, sizeof(ct->labels));
	memset(&c->ct.mask, 0xff, sizeof(c->ct.mask));
	return 0;
}

/**
 * agl_conn_parse - what the flow table says of a connection
 * @from: match and actions
 * @zone: that it is in
 * @to: its names and lists are left alone
 * @ifindex: of the device that its packets come in by
 *
 * Return: 0, -EOPNOTSUPP if it isn't established, or of another kind.
 */
int agl_conn_parse(const struct flow_rule *from, u16 zone, struct agl_conn *to,
		   int *ifindex)
{
	const struct flow_action_entry *a;
	bool meta = false;
	unsigned int i;
	int err;

	err = conn_take_match(from, to, ifindex);
	if (err)
		return err;
	to->becomes = to->was;
	flow_action_for_each(i, a, &from->action) {
		if (a->id == FLOW_ACTION_MANGLE) {
			err = conn_take_mangle(to, a);
		} else if (a->id == FLOW_ACTION_CT_METADATA) {
			err = conn_take_meta(to, a, zone);
			meta = true;
		} else {
			err = -EOPNOTSUPP;
		}
		if (err)
			return err;
	}
	return meta ? 0 : -EOPNOTSUPP;
}

/**
 * agl_conn_same - is it the connection that is known already?
 * @a: one record
 * @b: another, of the same name
 *
 * Return: whether nothing of it has changed.
 */
bool agl_conn_same(const struct agl_conn *a, const struct agl_conn *b)
{
	return a->proto == b->proto && a->v6 == b->v6 &&
	       !memcmp(&a->ct, &b->ct, sizeof(a->ct)) &&
	       !memcmp(&a->was, &b->was, sizeof(a->was)) &&
	       !memcmp(&a->becomes, &b->becomes, sizeof(a->becomes));
}

static void conn_set_addresses(const struct agl_conn *c, struct agl_fields *value,
			       struct agl_fields *mask)
{
	bool src = !ipv6_addr_equal(&c->was.src, &c->becomes.src);
	bool dst = !ipv6_addr_equal(&c->was.dst, &c->becomes.dst);

	if (c->v6) {
		value->src6 = src ? c->becomes.src : in6addr_any;
		value->dst6 = dst ? c->becomes.dst : in6addr_any;
		memset(&mask->src6, src ? 0xff : 0, sizeof(mask->src6));
		memset(&mask->dst6, dst ? 0xff : 0, sizeof(mask->dst6));
		return;
	}
	value->src = src ? c->becomes.src.s6_addr32[0] : 0;
	value->dst = dst ? c->becomes.dst.s6_addr32[0] : 0;
	mask->src = src ? cpu_to_be32(~0) : 0;
	mask->dst = dst ? cpu_to_be32(~0) : 0;
}

static void conn_set(const struct agl_conn *c, struct agl_action *a)
{
	memset(a, 0, sizeof(*a));
	a->type = AGL_SET;
	a->set.type = htons(c->v6 ? ETH_P_IPV6 : ETH_P_IP);
	a->set.proto = c->proto;
	conn_set_addresses(c, &a->set.value, &a->set.mask);
	if (c->was.sport != c->becomes.sport) {
		a->set.value.sport = c->becomes.sport;
		a->set.mask.sport = cpu_to_be16(~0);
	}
	if (c->was.dport != c->becomes.dport) {
		a->set.value.dport = c->becomes.dport;
		a->set.mask.dport = cpu_to_be16(~0);
	}
}

static void conn_match(const struct agl_conn *c, struct agl_rule *rule)
{
	struct agl_fields *k = &rule->key, *m = &rule->mask;

	k->eth_type = htons(c->v6 ? ETH_P_IPV6 : ETH_P_IP);
	m->eth_type = cpu_to_be16(~0);
	k->ip_proto = c->proto;
	m->ip_proto = 0xff;
	/* Software puts fragments together before it looks */
	m->frag = AGL_FRAG_ANY;
	if (c->v6) {
		k->src6 = c->was.src;
		k->dst6 = c->was.dst;
		memset(&m->src6, 0xff, sizeof(m->src6));
		memset(&m->dst6, 0xff, sizeof(m->dst6));
	} else {
		k->src = c->was.src.s6_addr32[0];
		k->dst = c->was.dst.s6_addr32[0];
		m->src = cpu_to_be32(~0);
		m->dst = cpu_to_be32(~0);
	}
	if (c->proto == IPPROTO_GRE)
		return;
	k->sport = c->was.sport;
	k->dport = c->was.dport;
	m->sport = cpu_to_be16(~0);
	m->dport = cpu_to_be16(~0);
	/* The host ends a connection */
	if (c->proto == IPPROTO_TCP)
		m->tcp_flags = cpu_to_be16(AGL_TCP_FIN | AGL_TCP_RST);
}

/**
 * agl_conn_rule - a connection as a rule: whose packets, and what NAT does
 * @conn: connection
 * @nat: its packets are changed, too; a filter can have them looked up only
 * @rule: with room for one action; its port and tunnel are set
 *
 * Tags and tunnels are the filters': it says nothing of them.
 */
void agl_conn_rule(const struct agl_conn *conn, bool nat, struct agl_rule *rule)
{
	unsigned int room = rule->room;
	u32 port = rule->port;
	u8 tun = rule->tun;

	memset(rule, 0, sizeof(*rule));
	rule->room = room;
	rule->port = port;
	rule->tun = tun;
	conn_match(conn, rule);
	if (!nat || !memcmp(&conn->was, &conn->becomes, sizeof(conn->was)))
		return;
	conn_set(conn, &rule->action[0]);
	rule->actions = 1;
}
