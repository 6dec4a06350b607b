/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refusals: in words for the user who gave the rule, as a trace event, and
 * counted by reason in the port's ethtool statistics.
 */
#ifndef AGILIO_REFUSE_H
#define AGILIO_REFUSE_H

#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/types.h>
#include <linux/xarray.h>

/**
 * enum agl_refusal - why a rule is refused
 * @AGL_REFUSE_KIND: neither flower nor a matchall for all protocols
 * @AGL_REFUSE_CHAIN: a chain that can't be made one rule with what leads to it
 * @AGL_REFUSE_MATCH: a key that the card doesn't know
 * @AGL_REFUSE_MASK: bits of a mask that it would not compare
 * @AGL_REFUSE_ACTION: an action that it can't do, or not here
 * @AGL_REFUSE_EDIT: pedit of what it can't set
 * @AGL_REFUSE_CSUM: csum is missing or out of place
 * @AGL_REFUSE_PORT: output to another device
 * @AGL_REFUSE_TUNNEL: a tunnel that the card doesn't do
 * @AGL_REFUSE_FEATURE: this firmware lacks a feature
 * @AGL_REFUSE_SIZE: too long for a message
 * @AGL_REFUSE_FULL: no room for the rule or its mask
 * @AGL_REFUSE_DUPLICATE: the same match is there already
 * @AGL_REFUSE_OVERLAP: a rule that comes before it matches the same packets
 * @AGL_REFUSE_DEVICE: the card takes no messages
 * @AGL_REFUSALS: how many there are
 */
enum agl_refusal {
	AGL_REFUSE_KIND,
	AGL_REFUSE_CHAIN,
	AGL_REFUSE_MATCH,
	AGL_REFUSE_MASK,
	AGL_REFUSE_ACTION,
	AGL_REFUSE_EDIT,
	AGL_REFUSE_CSUM,
	AGL_REFUSE_PORT,
	AGL_REFUSE_TUNNEL,
	AGL_REFUSE_FEATURE,
	AGL_REFUSE_SIZE,
	AGL_REFUSE_FULL,
	AGL_REFUSE_DUPLICATE,
	AGL_REFUSE_OVERLAP,
	AGL_REFUSE_DEVICE,
	AGL_REFUSALS
};

struct agilio;
struct bind_rule;

/**
 * struct agl_ingress - a device that rules can be on, as a block is bound to it
 * @agl: card that they are for
 * @dev: device
 * @port: port id of packets that come in by it
 * @tun: AGL_TUN_ if it is a tunnel's, or 0
 * @rules: where rules in the card are counted, or NULL
 * @refused: where refusals are, AGL_REFUSALS of them
 * @filters: how many filters tc has here, see filter.h
 * @lost: tc has one that there was no memory to keep in mind
 * @spare: memory for the next filter, or NULL; who uses it takes it out
 * @lock: guards chains, their filters and what these are composed to
 * @chains: struct agl_chain by number, see compose.c
 */
struct agl_ingress {
	struct agilio *agl;
	struct net_device *dev;
	u32 port;
	u8 tun;
	atomic_t *rules;
	atomic_t *refused;
	atomic_t filters;
	bool lost;
	struct bind_rule *spare;
	struct mutex lock; /* chains and their filters */
	struct xarray chains;
};

/**
 * struct agl_request - a rule on its way in
 * @in: device that it is on
 * @cookie: tc's name for it
 * @extack: for words to the user
 * @chain: that it is in
 */
struct agl_request {
	struct agl_ingress *in;
	unsigned long cookie;
	struct netlink_ext_ack *extack;
	u32 chain;
};

__printf(3, 4) int agl_refuse(const struct agl_request *req,
			      enum agl_refusal reason, const char *fmt, ...);
void agl_refusal_names(u8 *data);

#endif
