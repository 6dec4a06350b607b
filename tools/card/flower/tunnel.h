/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the firmware knows about tunnels: the addresses that are its own, its
 * neighbours and the pre-tunnel rules. 03-flower.md sections 3.11, 3.12, 9.1.
 */
#ifndef CARD_TUNNEL_H
#define CARD_TUNNEL_H

#include "abi/tunnel.h"
#include "counters.h"

#define TUN_MACS		320
#define NEIGH_BUCKETS		1024
/* 04-firmware-image.md section 4.2 */
#define NEIGH_LIMIT		73728

struct tun_mac {
	uint8_t addr[6];
	uint16_t index;
};

struct neigh {
	struct neigh *next;
	bool v6;
	uint8_t dst[16];
	uint8_t src[16];
	uint8_t dst_mac[6];
	uint8_t src_mac[6];
	uint32_t port;
	uint16_t tpid;
	uint16_t tci;
	bool linked;		/* to a pre-tunnel flow, whose context counts */
	struct flow_counters counters;
	bool used;		/* since the last ACTIVE_TUNS */
};

struct pre_tun {
	bool exists;
	uint16_t port_idx;
	uint16_t tci;
	struct flow_counters counters;
};

/* What was asked, and until when it isn't asked again */
#define RATE_LIMITS		1024

struct rate_limit {
	uint8_t key[20];
	uint8_t len;
	uint64_t until;		/* ns */
};

struct rate_limits {
	uint64_t every;		/* ns */
	struct rate_limit r[RATE_LIMITS];
};

struct tunnels {
	struct tun_mac macs[TUN_MACS];
	unsigned int macs_used;
	uint32_t ips[AGL_TUN_IPS_MAX];
	unsigned int ips_used;
	uint8_t ips6[AGL_TUN_IPS6_MAX][16];
	unsigned int ips6_used;
	struct neigh *neighs[NEIGH_BUCKETS];
	unsigned int neighs_used;
	struct pre_tun pre[AGL_PRE_TUN_MAX];
	struct rate_limits no_neigh;
	uint32_t seq;
	uint64_t active_at;	/* ns, 0: no neighbour was used */
	uint16_t ip_id;
};

#endif
