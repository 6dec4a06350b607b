// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports of the card: which there are, which netdev is which, and what the
 * firmware and we tell each other of them. 03-flower.md sections 2.4 and 3.
 */
#include "../agilio.h"
#include "port.h"

#define MTU_ACKED		BIT(31)

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

static void port_rx_reify(struct agilio *agl, struct sk_buff *skb)
{
	const struct agl_port_reify *m;
	struct agl_port *port;
	size_t len;

	m = agl_cmsg_body(skb, &len);
	rcu_read_lock();
	port = len >= sizeof(*m) ? agl_port_find(agl, be32_to_cpu(m->port)) : NULL;
	if (port) {
		WRITE_ONCE(port->reified,
			   !!(be16_to_cpu(m->info) & AGL_REIFY_EXISTS));
		agl_cmsg_answered(agl);
	}
	rcu_read_unlock();
	dev_consume_skb_any(skb);
}

/* Under RCU */
static void port_modified(struct agl_port *port, const struct agl_port_mod *m)
{
	if (m->info & AGL_PORT_MOD_MTU_ONLY) {
		WRITE_ONCE(port->mtu_acked, MTU_ACKED | be16_to_cpu(m->mtu));
		agl_cmsg_answered(port->agl);
	} else if (m->info & AGL_PORT_MOD_LINK) {
		netif_carrier_on(port->netdev);
	} else {
		netif_carrier_off(port->netdev);
	}
}

static void port_rx_mod(struct agilio *agl, struct sk_buff *skb)
{
	const struct agl_port_mod *m;
	struct agl_port *port;
	size_t len;

	m = agl_cmsg_body(skb, &len);
	rcu_read_lock();
	port = len >= sizeof(*m) ? agl_port_find(agl, be32_to_cpu(m->port)) : NULL;
	if (port)
		port_modified(port, m);
	rcu_read_unlock();
	dev_consume_skb_any(skb);
}

/**
 * agl_port_listen - hear what the firmware says of ports
 * @agl: card; its control vNIC isn't open
 */
void agl_port_listen(struct agilio *agl)
{
	agl_cmsg_handle(agl, AGL_CMSG_PORT_REIFY, port_rx_reify);
	agl_cmsg_handle(agl, AGL_CMSG_PORT_MOD, port_rx_mod);
}

/**
 * agl_port_reify - tell the firmware that a port has a representor, or no more
 * @port: which
 * @exists: or not
 *
 * Return: 0, -ENOMEM.
 */
int agl_port_reify(struct agl_port *port, bool exists)
{
	struct agl_port_reify m = {
		.port = cpu_to_be32(port->id),
		.info = cpu_to_be16(exists ? AGL_REIFY_EXISTS : 0),
	};

	return agl_cmsg_send(port->agl, AGL_CMSG_PORT_REIFY, &m, sizeof(m));
}

/**
 * agl_port_reify_wait - wait for the firmware's answer to agl_port_reify()
 * @port: which
 *
 * Return: 0, -ETIMEDOUT, -EINTR.
 */
int agl_port_reify_wait(struct agl_port *port)
{
	int err = agl_cmsg_await(port->agl, &port->reified, 1);

	if (err)
		dev_err(&port->agl->pdev->dev,
			"firmware does not answer for port 0x%08x\n", port->id);
	return err;
}

/**
 * agl_port_modify - tell the firmware a port's admin state
 * @port: which
 * @info: AGL_PORT_MOD_
 * @mtu: L3 bytes
 *
 * Return: 0, -ENOMEM.
 */
int agl_port_modify(struct agl_port *port, u8 info, unsigned int mtu)
{
	struct agl_port_mod m = {
		.port = cpu_to_be32(port->id),
		.info = info,
		.mtu = cpu_to_be16(mtu),
	};

	return agl_cmsg_send(port->agl, AGL_CMSG_PORT_MOD, &m, sizeof(m));
}

/**
 * agl_port_set_mtu - change a physical port's MTU
 * @port: which
 * @mtu: L3 bytes
 *
 * Return: 0, -ETIMEDOUT if the firmware doesn't take it, -EINTR.
 */
int agl_port_set_mtu(struct agl_port *port, unsigned int mtu)
{
	u8 info = AGL_PORT_MOD_MTU_ONLY |
		  (netif_carrier_ok(port->netdev) ? AGL_PORT_MOD_LINK : 0);
	int err;

	WRITE_ONCE(port->mtu_acked, 0);
	err = agl_port_modify(port, info, mtu);
	if (err)
		return err;
	return agl_cmsg_await(port->agl, &port->mtu_acked, MTU_ACKED | mtu);
}

/**
 * agl_port_announce - announce the physical ports; link states come back
 * @agl: card, its physical representors reified
 *
 * Return: 0, -ENOMEM.
 */
int agl_port_announce(struct agilio *agl)
{
	struct agl_mac_repr *m;
	unsigned int i;
	size_t len;
	int err;

	len = struct_size(m, entry, agl->eth.count);
	m = kzalloc(len, GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->count = agl->eth.count;
	for (i = 0; i < agl->eth.count; i++) {
		m->entry[i].idx = i;
		m->entry[i].nbi = agl->eth.port[i].nbi;
		m->entry[i].base = agl->eth.port[i].base;
		m->entry[i].port = agl->eth.port[i].index;
	}
	err = agl_cmsg_send(agl, AGL_CMSG_MAC_REPR, m, len);
	kfree(m);
	return err;
}
