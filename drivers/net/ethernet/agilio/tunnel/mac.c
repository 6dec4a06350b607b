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

static void mac_send(struct agl_tunnels *t, const struct agl_mac *m, bool del)
{
	struct agl_tun_mac msg = {
		.flags = cpu_to_be16(del ? AGL_TUN_MAC_DEL : 0),
		.count = cpu_to_be16(1),
		.index = cpu_to_be16(del ? 0 : m->index),
	};

	ether_addr_copy(msg.addr, m->addr);
	agl_cmsg_tell(t->agl, AGL_CMSG_TUN_MAC, &msg, sizeof(msg));
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
	agl_dep_init(&m->dep, true);
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

/* Pre-tunnel rules are out of the card before their index means another */
static void mac_set_away(struct agl_tunnels *t, struct agl_mac *m, bool away)
{
	if (m->dep.away != away)
		t->dep_ops->set(t->agl, &m->dep, away);
}

/* Nobody has it, or there is no id for it: rules wait for it to come back */
static void mac_forget(struct agl_tunnels *t, struct agl_mac *m)
{
	mac_set_away(t, m, true);
	if (m->told) {
		mac_send(t, m, true);
		t->dep_ops->own_mac(t->agl, m->addr, -1, false);
	}
	m->told = false;
	if (m->global >= 0)
		ida_free(&t->globals, m->global);
	m->global = -1;
	if (!m->rules)
		mac_free(t, m);
}

static void mac_tell(struct agl_tunnels *t, struct agl_mac *m, u16 index)
{
	mac_set_away(t, m, true);
	m->index = index;
	m->told = true;
	t->dep_ops->own_mac(t->agl, m->addr, m->global >= 0 ?
			    -1 : FIELD_GET(AGL_MAC_IDX_NUMBER, index), true);
	mac_send(t, m, false);
	mac_set_away(t, m, !(index & AGL_MAC_IDX_PRE_TUN));
}

/* Users of an address have changed: tell the card what follows from it */
static void mac_update(struct agl_tunnels *t, const u8 *addr)
{
	struct agl_mac *m = mac_find(t, addr);
	int users = 0, port = -1, index;
	struct agl_mac_user *u;
	bool ovs = false;

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
	if (!m && users)
		m = mac_new(t, addr);
	if (!m)
		return;
	index = users ? mac_number(t, m, port, ovs) : -ENOENT;
	if (index == -ENOSPC)
		netdev_warn(t->agl->netdev, "no room for tunnels to %pM\n", addr);
	if (index < 0)
		mac_forget(t, m);
	else if (!m->told || m->index != index)
		mac_tell(t, m, index);
}

static struct agl_mac_user *mac_user_find(struct agl_tunnels *t,
					  const struct net_device *dev)
{
	struct agl_mac_user *u;

	list_for_each_entry(u, &t->mac_users, list)
		if (u->dev == dev)
			return u;
	return NULL;
}

static void mac_user_del(struct agl_tunnels *t, struct net_device *dev)
{
	struct agl_mac_user *u = mac_user_find(t, dev);

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
static bool mac_user_wanted(struct agl_tunnels *t, const struct net_device *dev,
			    int *port, bool *ovs)
{
	const struct net_device *upper, *lower = dev;
	const struct agl_port *p;

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
	p = agl_port_of(t->agl, lower);
	if (!p || !agl_port_is_phys(p))
		return false;
	*port = FIELD_GET(AGL_PORT_NUMBER, p->id);
	return true;
}

static void mac_user_update(struct agl_tunnels *t, struct net_device *dev)
{
	struct agl_mac_user *u = mac_user_find(t, dev);
	u8 old[ETH_ALEN] = {};
	bool ovs;
	int port;

	if (!mac_user_wanted(t, dev, &port, &ovs)) {
		mac_user_del(t, dev);
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
		mac_user_update(t, dev);
		break;
	case NETDEV_DOWN:
	case NETDEV_UNREGISTER:
		mac_user_del(t, dev);
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
 * agl_mac_get - a pre-tunnel rule is for an internal port
 * @t: tunnels
 * @addr: the port's MAC address
 *
 * Return: a reference; NULL if no internal port that is up has the address.
 */
struct agl_mac *agl_mac_get(struct agl_tunnels *t, const u8 *addr)
{
	struct agl_mac *m;

	mutex_lock(&t->mac_lock);
	m = mac_find(t, addr);
	if (m && m->told && m->index & AGL_MAC_IDX_PRE_TUN)
		m->rules++;
	else
		m = NULL;
	mutex_unlock(&t->mac_lock);
	return m;
}

/**
 * agl_mac_put - drop a reference
 * @t: tunnels
 * @mac: from agl_mac_get(); the rule is out of the card
 */
void agl_mac_put(struct agl_tunnels *t, struct agl_mac *mac)
{
	mutex_lock(&t->mac_lock);
	if (!--mac->rules && !mac->told)
		mac_free(t, mac);
	mutex_unlock(&t->mac_lock);
}
