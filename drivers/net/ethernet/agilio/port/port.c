// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports of the card: which there are, and which netdev is which. 03-flower.md
 * section 2.4.
 */
#include "../agilio.h"
#include "port.h"

static struct agl_port __rcu **port_place(struct agilio *agl, u32 id)
{
	unsigned int n;

	switch (FIELD_GET(AGL_PORT_TYPE, id)) {
	case AGL_PORT_TYPE_PHYS:
		n = FIELD_GET(AGL_PORT_NUMBER, id);
		return n < AGL_ETH_MAX ? &agl->phys[n] : NULL;
	case AGL_PORT_TYPE_PCIE:
		if (FIELD_GET(AGL_PORT_VNIC_TYPE, id) == AGL_PORT_VNIC_PF)
			return &agl->pf;
		if (FIELD_GET(AGL_PORT_VNIC_TYPE, id) == AGL_PORT_VNIC_VF)
			return &agl->vf[FIELD_GET(AGL_PORT_VNIC, id)];
		return NULL;
	default:
		return NULL;
	}
}

/**
 * agl_port_publish - from now on agl_port_find() finds a port
 * @port: with an id of AGL_PORT_PHYS(), AGL_PORT_PF() or AGL_PORT_VF()
 */
void agl_port_publish(struct agl_port *port)
{
	rcu_assign_pointer(*port_place(port->agl, port->id), port);
}

/**
 * agl_port_unpublish - and no more
 * @port: published; it can be in use until a grace period has passed
 */
void agl_port_unpublish(struct agl_port *port)
{
	RCU_INIT_POINTER(*port_place(port->agl, port->id), NULL);
}

/**
 * agl_port_find - port of a port id
 * @agl: card
 * @id: as the firmware says it
 *
 * Return: NULL if there is none. Call under rcu_read_lock() or in softirq.
 */
struct agl_port *agl_port_find(struct agilio *agl, u32 id)
{
	struct agl_port __rcu **place = port_place(agl, id);

	return place ? rcu_dereference_check(*place, rcu_read_lock_bh_held()) :
		       NULL;
}

/**
 * agl_port_of - the port that a netdev represents
 * @agl: card
 * @dev: any netdev
 *
 * Return: NULL if it is none of this card's.
 */
struct agl_port *agl_port_of(const struct agilio *agl,
			     const struct net_device *dev)
{
	struct agl_port *port = netdev_priv(dev);

	if (dev->netdev_ops != agl->repr_ops)
		return NULL;
	return port->agl == agl ? port : NULL;
}
