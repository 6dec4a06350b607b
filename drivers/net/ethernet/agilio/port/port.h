/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports of the card that have a netdev, as all know them that don't care for
 * what else a representor is.
 */
#ifndef AGILIO_PORT_H
#define AGILIO_PORT_H

#include <linux/bitfield.h>
#include <linux/types.h>

#include "../abi/cmsg.h"

struct agilio;
struct net_device;

/**
 * struct agl_port - a port, first in the private data of its representor
 * @agl: card
 * @netdev: representor
 * @id: port id, abi/cmsg.h
 * @reified: 1: the firmware has answered that it knows the port
 * @mtu_acked: the firmware has answered to the last MTU change
 */
struct agl_port {
	struct agilio *agl;
	struct net_device *netdev;
	u32 id;
	u32 reified;
	u32 mtu_acked;
};

static inline bool agl_port_is_phys(const struct agl_port *port)
{
	return FIELD_GET(AGL_PORT_TYPE, port->id) == AGL_PORT_TYPE_PHYS;
}

void agl_port_publish(struct agl_port *port);
void agl_port_unpublish(struct agl_port *port);
struct agl_port *agl_port_find(struct agilio *agl, u32 id);
struct agl_port *agl_port_of(const struct agilio *agl,
			     const struct net_device *dev);

void agl_port_listen(struct agilio *agl);
int agl_port_reify(struct agl_port *port, bool exists);
int agl_port_reify_wait(struct agl_port *port);
int agl_port_modify(struct agl_port *port, u8 info, unsigned int mtu);
int agl_port_set_mtu(struct agl_port *port, unsigned int mtu);
int agl_port_announce(struct agilio *agl);

#endif
