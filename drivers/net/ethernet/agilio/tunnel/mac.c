// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAC addresses that tunnel packets are sent to. What the firmware is told of
 * an address follows from who has it: one port, or several, and whether an
 * internal port of Open vSwitch is among them. 03-flower.md sections 3.11.1,
 * 6.9.
 */
#include <linux/if_vlan.h>
#include <linux/slab.h>

#include "../agilio.h"
#include "tunnel.h"

static int send(struct agl_tunnels *t, const struct agl_mac *m, bool del)
{
	struct agl_tun_mac msg = {
		.flags = cpu_to_be16(del ? AGL_TUN_MAC_DEL : 0),
		.count = cpu_to_be16(1),
		.index = cpu_to_be16(del ? 0 : m->index),
	};

	ether_addr_copy(msg.addr, m->addr);
	return agl_cmsg_send(t->agl, AGL_CMSG_TUN_MAC, &msg, sizeof(msg));
}

static struct agl_mac *mac_find(struct agl_tunnels *t, const u8 *addr)
{
	struct agl_mac *m;

	list_for_each_entry(m, &t->macs, list)
		if (ether_addr_equal(m->addr, addr))
			return m;
	return NULL;
}

static struct agl_mac *mac_new(struct agl_tunnels *t, const u8 *addr)
{
	struct agl_mac *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	ether_addr_copy(m->addr, addr);
	m->global = -1;
	list_add(&m->list, &t->macs);
	return m;
}

static void mac_free(struct agl_tunnels *t, struct agl_mac *m)
{
	if (m->global >= 0)
		ida_free(&t->globals, m->global);
	list_del(&m->list);
	kfree(m);
}

/* The index for who has the address now. Return: -ENOSPC without an id */
static int mac_number(struct agl_tunnels *t, struct agl_mac *m, int port, bool ovs)
{
	if (port >= 0) {
		if (m->global >= 0)
			ida_free(&t->globals, m->global);
		m->global = -1;
		return FIELD_PREP(AGL_MAC_IDX_NUMBER, port) | AGL_MAC_KIND_PORT;
	}
	if (m->global < 0)
		m->global = ida_alloc_max(&t->globals, AGL_MAC_GLOBALS - 1,
					  GFP_KERNEL);
	if (m->global < 0)
		return m->global;
	return FIELD_PREP(AGL_MAC_IDX_NUMBER, m->global) | AGL_MAC_KIND_GLOBAL |
	       (ovs ? AGL_MAC_IDX_PRE_TUN : 0);
}

/* Users of an address have changed: tell the card what follows from it */
static void mac_update(struct agl_tunnels *t, const u8 *addr)
{
	struct agl_mac *m = mac_find(t, addr);
	struct agl_mac_user *u;
	bool ovs = false, fresh = !m;
	int users = 0, port = -1, index;

	list_for_each_entry(u, &t->mac_users, list) {
		if (!ether_addr_equal(u->addr, addr))
			continue;
		/* A VLAN device has the address of its port */
		if (!users)
			port = u->port;
		else if (port != u->port)
			port = -1;
		users++;
		ovs |= u->ovs;
	}
	if (!users) {
		if (m) {
			send(t, m, true);
			mac_free(t, m);
		}
		return;
	}
	if (!m)
		m = mac_new(t, addr);
	if (!m)
		return;
	index = mac_number(t, m, port, ovs);
	if (index < 0) {
		netdev_warn(t->agl->netdev, "no room for tunnels to %pM\n", addr);
		mac_free(t, m);
		return;
	}
	if (!fresh && m->index == index)
		return;
	m->index = index;
	send(t, m, false);
}

static struct agl_mac_user *user_find(struct agl_tunnels *t,
				      const struct net_device *dev)
{
	struct agl_mac_user *u;

	list_for_each_entry(u, &t->mac_users, list)
		if (u->dev == dev)
			return u;
	return NULL;
}

static void user_del(struct agl_tunnels *t, struct net_device *dev)
{
	struct agl_mac_user *u = user_find(t, dev);

	if (!u)
		return;
	list_del(&u->list);
	mac_update(t, u->addr);
	kfree(u);
}

/*
 * Can tunnel packets be addressed to the device? A port of a bridge is not an
 * end of anything. @port is set if they can come in by one port only.
 */
static bool user_wanted(struct agl_tunnels *t, const struct net_device *dev,
			int *port, bool *ovs)
{
	const struct net_device *upper, *lower = dev;
	struct agl_repr *r;

	if (!netif_running(dev))
		return false;
	*ovs = netif_is_ovs_master(dev);
	*port = -1;
	if (*ovs)
		return true;
	/* Open vSwitch flags its ports too late for the event */
	upper = netdev_master_upper_dev_get((struct net_device *)dev);
	if (upper && netif_is_any_bridge_master(upper))
		return false;
	while (is_vlan_dev(lower))
		lower = vlan_dev_priv(lower)->real_dev;
	r = agl_repr_of(lower);
	if (!r || r->agl != t->agl || r->kind != AGL_REPR_PHYS)
		return false;
	*port = FIELD_GET(AGL_PORT_NUMBER, r->id);
	return true;
}

static void user_update(struct agl_tunnels *t, struct net_device *dev)
{
	struct agl_mac_user *u = user_find(t, dev);
	u8 old[ETH_ALEN] = {};
	bool ovs;
	int port;

	if (!user_wanted(t, dev, &port, &ovs)) {
		user_del(t, dev);
		return;
	}
	if (!u) {
		u = kzalloc(sizeof(*u), GFP_KERNEL);
		if (!u)
			return;
		u->dev = dev;
		list_add(&u->list, &t->mac_users);
	} else {
		ether_addr_copy(old, u->addr);
		if (u->ovs == ovs && u->port == port &&
		    ether_addr_equal(old, dev->dev_addr))
			return;
	}
	ether_addr_copy(u->addr, dev->dev_addr);
	u->ovs = ovs;
	u->port = port;
	mac_update(t, u->addr);
	if (!is_zero_ether_addr(old) && !ether_addr_equal(old, u->addr))
		mac_update(t, old);
}

/**
 * agl_macs_netdev - something has happened to a device
 * @t: tunnels
 * @dev: any device
 * @event: NETDEV_
 */
void agl_macs_netdev(struct agl_tunnels *t, struct net_device *dev,
		     unsigned long event)
{
	mutex_lock(&t->mac_lock);
	switch (event) {
	case NETDEV_UP:
	case NETDEV_CHANGEADDR:
	case NETDEV_CHANGEUPPER:
		user_update(t, dev);
		break;
	case NETDEV_DOWN:
	case NETDEV_UNREGISTER:
		user_del(t, dev);
		break;
	}
	mutex_unlock(&t->mac_lock);
}

/**
 * agl_macs_free - forget all addresses; the card has been told to
 * @t: tunnels; all devices have been said to be gone
 */
void agl_macs_free(struct agl_tunnels *t)
{
	WARN_ON(!list_empty(&t->mac_users) || !list_empty(&t->macs));
	ida_destroy(&t->globals);
}

/**
 * agl_mac_index - what the card has been told about an address
 * @t: tunnels
 * @addr: MAC address
 *
 * Return: the index, -ENOENT.
 */
int agl_mac_index(struct agl_tunnels *t, const u8 *addr)
{
	struct agl_mac *m;
	int index;

	mutex_lock(&t->mac_lock);
	m = mac_find(t, addr);
	index = m ? m->index : -ENOENT;
	mutex_unlock(&t->mac_lock);
	return index;
}
