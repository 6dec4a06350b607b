// SPDX-License-Identifier: GPL-2.0-only
/*
 * The outer header in the match of a rule on a tunnel device.
 * 03-flower.md sections 4.4, 6.3 and 12.1.
 */
#include <net/ip_tunnels.h>
#include <net/ipv6.h>

#include "../abi/tunnel.h"
#include "../agilio.h"
#include "actions.h"
#include "parse.h"

static bool matches_outer(const struct agl_fields *m)
{
	return memchr_inv(&m->enc_key, 0,
			  sizeof(*m) - offsetof(struct agl_fields, enc_key));
}

static int check_dst(const struct agl_request *req, u64 features,
		     struct agl_rule *rule)
{
	const struct agl_fields *m = &rule->mask;
	bool v4 = m->enc_src || m->enc_dst, part;

	rule->tun6 = !ipv6_addr_any(&m->enc_src6) || !ipv6_addr_any(&m->enc_dst6);
	if (!v4 && !rule->tun6)
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "a rule on a tunnel device needs enc_dst_ip");
	if (rule->tun6 && !(features & AGL_FEAT_IPV6_TUN))
		return agl_refuse(req, AGL_REFUSE_FEATURE,
				  "tunnel over IPv6: this firmware can't");
	if (rule->tun6)
		part = memchr_inv(&m->enc_dst6, 0xff, sizeof(m->enc_dst6));
	else
		part = m->enc_dst != cpu_to_be32(~0);
	if (part)
		return agl_refuse(req, AGL_REFUSE_MASK,
				  "enc_dst_ip must be one address");
	return 0;
}

static int check_port(const struct agl_request *req, struct agl_rule *rule)
{
	u16 port = be16_to_cpu(rule->key.enc_dport);
	u16 want = rule->tun == AGL_TUN_VXLAN ? AGL_VXLAN_PORT : AGL_GENEVE_PORT;
	bool exact = rule->mask.enc_dport == cpu_to_be16(0xffff);

	/* Open vSwitch matches port 0 on GRE */
	if (rule->tun == AGL_TUN_GRE ? port : !exact || port != want)
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "enc_dst_port %u: the card wants %s", port,
				  rule->tun == AGL_TUN_GRE ? "none for GRE" :
				  want == AGL_VXLAN_PORT ? "4789 for VXLAN" :
							   "6081 for Geneve");
	/* It follows from the kind of tunnel */
	rule->key.enc_dport = 0;
	rule->mask.enc_dport = 0;
	return 0;
}

static int check_key(const struct agl_request *req, const struct agl_rule *rule)
{
	u32 id = be32_to_cpu(rule->key.enc_key);

	if (rule->tun == AGL_TUN_GRE || id <= AGL_TUN_ID_MAX)
		return 0;
	return agl_refuse(req, AGL_REFUSE_TUNNEL,
			  "enc_key_id %u: this tunnel's has 24 bits", id);
}

/*
 * Software compares how many bytes of options there are, under that number as
 * its mask. In the card there is nothing behind those of the rule, as far as
 * it sees; so it must see further than they go.
 */
static int check_opts(const struct agl_request *req,
		      const struct flow_match *from, struct agl_rule *rule)
{
	unsigned int most = rule->tun6 ? AGL_KEY_OPTS6_MAX : AGL_KEY_OPTS_MAX;
	const struct flow_dissector_key_enc_opts *key;

	if (!dissector_uses_key(from->dissector, FLOW_DISSECTOR_KEY_ENC_OPTS))
		return 0;
	key = skb_flow_dissector_target(from->dissector,
					FLOW_DISSECTOR_KEY_ENC_OPTS, from->key);
	if (!key->len)
		return 0;
	if (rule->tun != AGL_TUN_GENEVE ||
	    key->dst_opt_type != IP_TUNNEL_GENEVE_OPT_BIT)
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "tunnel options: the card knows Geneve's only");
	if (key->len >= most)
		return agl_refuse(req, AGL_REFUSE_MASK,
				  "geneve_opts of %u bytes: the card sees %u, not if more follow",
				  key->len, most);
	rule->narrow.opts_len = key->len;
	return 0;
}

/*
 * Software carries congestion marks from the outer header to the inner one:
 * CE, and ECT(1) where the inner one has ECT(0), RFC 6040.
 */
static int check_ecn(const struct agl_request *req, const struct agl_rule *rule)
{
	if (rule->key.enc_tos & AGL_ECN_ECT1)
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "enc_tos 0x%x: the card can't mark the inner packet",
				  rule->key.enc_tos);
	return 0;
}

/* CSUM and DF of the outer header are nothing that the card could look at */
static void ignore_flags(struct agl_rule *rule)
{
	rule->ignored = rule->mask.enc_flags << 8 | rule->key.enc_flags;
	rule->key.enc_flags = 0;
	rule->mask.enc_flags = 0;
}

/**
 * agl_check_tunnel - does the card compare the outer header as software does?
 * @req: rule
 * @from: tc's
 * @features: agreed with the firmware
 * @rule: its fields are there; its tunnel is set
 *
 * Return: 0, or agl_refuse()'s.
 */
int agl_check_tunnel(const struct agl_request *req,
		     const struct flow_match *from, u64 features,
		     struct agl_rule *rule)
{
	int err;

	if (!rule->tun) {
		if (!matches_outer(&rule->mask))
			return 0;
		return agl_refuse(req, AGL_REFUSE_TUNNEL,
				  "enc_ keys on %s, which is no tunnel device",
				  netdev_name(req->in->dev));
	}
	/* Filters before it have looked already */
	if (req->chain && agl_tunnel_external(req->in->dev) &&
	    !matches_outer(&rule->mask))
		return 0;
	if (rule->tun == AGL_TUN_GENEVE && !(features & AGL_FEAT_GENEVE))
		return agl_refuse(req, AGL_REFUSE_FEATURE,
				  "Geneve: this firmware can't");
	err = agl_take_fixed(req, rule);
	if (!err)
		err = check_dst(req, features, rule);
	if (!err)
		err = agl_check_tunnel_dev(req, req->in->dev, true);
	if (!err && rule->tun6)
		err = agl_check_zero_csum6(req);
	if (!err)
		err = check_port(req, rule);
	if (!err)
		err = check_key(req, rule);
	if (!err)
		err = check_opts(req, from, rule);
	if (!err)
		err = check_ecn(req, rule);
	if (!err)
		ignore_flags(rule);
	return err;
}
