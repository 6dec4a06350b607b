/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What rules depend on that can go away while they are there: output devices,
 * tunnels' ends, MAC addresses. Each of these knows its flows.
 */
#ifndef AGILIO_DEPEND_H
#define AGILIO_DEPEND_H

#include <linux/list.h>
#include <linux/types.h>

struct agilio;
struct agl_flow;

/**
 * struct agl_dep - something that flows depend on, part of that
 * @flows: they, by agl_dep_link.list; guarded by the table's order
 * @away: it can't be used now: the host has their packets; likewise
 */
struct agl_dep {
	struct list_head flows;
	bool away;
};

/**
 * struct agl_dep_link - that a flow depends on something
 * @list: in dep->flows
 * @flow: flow
 * @dep: what; NULL: it is no more, and was away
 */
struct agl_dep_link {
	struct list_head list;
	struct agl_flow *flow;
	struct agl_dep *dep;
};

/**
 * struct agl_dep_ops - how flows are told; no lock of a lower room is held but
 *	the one that keeps its changes in order
 * @set: it is away, or here again
 * @end: it is no more: its flows will never come back
 * @refresh: it has changed: what stands of it in flows is made anew
 * @own_mac: the card is going to take tunnel packets to a MAC address that come
 *	in by a port, below 0: by any; or it doesn't any more
 */
struct agl_dep_ops {
	void (*set)(struct agilio *agl, struct agl_dep *dep, bool away);
	void (*end)(struct agilio *agl, struct agl_dep *dep);
	void (*refresh)(struct agilio *agl, struct agl_dep *dep);
	void (*own_mac)(struct agilio *agl, const u8 *addr, int port, bool told);
};

static inline void agl_dep_init(struct agl_dep *dep, bool away)
{
	INIT_LIST_HEAD(&dep->flows);
	dep->away = away;
}

#endif
