// SPDX-License-Identifier: GPL-2.0-only
/*
 * Internal ports of Open vSwitch: the host numbers them as it likes, the
 * firmware just uses the number. 03-flower.md section 2.6.
 */
#include <linux/netdevice.h>

#include "../agilio.h"
#include "tunnel.h"

/**
 * agl_internal_find - number of an internal port
 * @t: tunnels
 * @dev: any device
 *
 * Return: 1 to 255, -ENOENT if it has none.
 */
int agl_internal_find(struct agl_tunnels *t, const struct net_device *dev)
{
	unsigned int i;

	for (i = 1; i <= AGL_PORT_INTERNAL_MAX; i++)
		if (rcu_access_pointer(t->internal[i]) == dev)
			return i;
	return -ENOENT;
}

/**
 * agl_internal_get - number of an internal port, a new one if need be
 * @t: tunnels
 * @dev: internal port; the number is its until it goes
 *
 * Return: 1 to 255, -ENOSPC if none is left, or it is being unregistered.
 */
int agl_internal_get(struct agl_tunnels *t, struct net_device *dev)
{
	unsigned int i;
	int id;

	spin_lock_bh(&t->internal_lock);
	id = agl_internal_find(t, dev);
	/* One that goes would have the number for ever: agl_internal_gone() waits */
	if (READ_ONCE(dev->reg_state) != NETREG_REGISTERED)
		i = AGL_PORT_INTERNAL_MAX + 1;
	else
		i = 1;
	for (; id < 0 && i <= AGL_PORT_INTERNAL_MAX; i++)
		if (!rcu_access_pointer(t->internal[i])) {
			rcu_assign_pointer(t->internal[i], dev);
			id = i;
		}
	spin_unlock_bh(&t->internal_lock);
	return id < 0 ? -ENOSPC : id;
}

/**
 * agl_internal_gone - a device is being unregistered
 * @t: tunnels
 * @dev: device, internal port or not; it lives for a grace period more
 */
void agl_internal_gone(struct agl_tunnels *t, struct net_device *dev)
{
	int id;

	spin_lock_bh(&t->internal_lock);
	id = agl_internal_find(t, dev);
	if (id > 0)
		RCU_INIT_POINTER(t->internal[id], NULL);
	spin_unlock_bh(&t->internal_lock);
}

/**
 * agl_internal_dev - the internal port of a port id
 * @t: tunnels
 * @port: as the firmware says it
 *
 * Return: NULL if there is none. Call under rcu_read_lock() or in softirq.
 */
struct net_device *agl_internal_dev(struct agl_tunnels *t, u32 port)
{
	if (FIELD_GET(AGL_PORT_TYPE, port) != AGL_PORT_TYPE_INTERNAL)
		return NULL;
	return rcu_dereference_bh(t->internal[FIELD_GET(AGL_PORT_NUMBER, port)]);
}
