/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a rule holds of tunnels.
 */
#ifndef AGILIO_ENDS_H
#define AGILIO_ENDS_H

#include <linux/types.h>

struct agl_endpoint;
struct agl_local;
struct agl_mac;

/**
 * struct agl_ends - what a rule holds of its tunnels' ends
 * @local: address that its tunnel ends at, a reference; or NULL
 * @endpoint: other end of the tunnel that it sends into, likewise
 * @peer: other end of the tunnel that it takes packets out of, likewise
 * @mac: address of the internal port that it lets packets in for, likewise
 * @pinned: it sends from an address of its own
 */
struct agl_ends {
	struct agl_local *local;
	struct agl_endpoint *endpoint;
	struct agl_endpoint *peer;
	struct agl_mac *mac;
	bool pinned;
};

#endif
