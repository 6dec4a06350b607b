// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that rules put packets out to, or take settings from. tc holds them
 * only while it tells us of a rule, so a rule knows one by a number that is
 * never used again: when the device goes, or its settings change, the number
 * means nothing any more and the rules are the host's; while it is down they
 * are the host's, too.
 */
#include <linux/if_vlan.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/gre.h>
#include <net/ip6_tunnel.h>
#include <net/ip_tunnels.h>
#include <net/vxlan.h>

#include "../agilio.h"
#include "tunnel.h"

/**
 * struct agl_device - a device that rules know, as it is
 * @node: in agl_tunnels.devices_by_dev
 * @dev: device, registered; no reference
 * @id: its number
 * @settings: hash of what rules take from it
 * @dep: rules in the table
 */
struct agl_device {
	struct hlist_node node;
	struct net_device *dev;
	u32 id;
	u32 settings;
	struct agl_dep dep;
};

static u32 device_gre(const struct ip_tunnel *t)
{
	const struct ip_tunnel_parm_kern *p = &t->parms;
	u32 h = 0;

	h = jhash(&p->iph, sizeof(p->iph), h);
	h = jhash(&p->i_flags, sizeof(p->i_flags), h);
	h = jhash(&p->o_flags, sizeof(p->o_flags), h);
	h = jhash(&p->i_key, sizeof(p->i_key), h);
	h = jhash(&p->o_key, sizeof(p->o_key), h);
	h = jhash(&p->link, sizeof(p->link), h);
	return jhash(&t->encap.type, sizeof(t->encap.type), h);
}

static u32 device_gre6(const struct ip6_tnl *t)
{
	const struct __ip6_tnl_parm *p = &t->parms;
	u32 h = 0;

	h = jhash(&p->laddr, sizeof(p->laddr), h);
	h = jhash(&p->raddr, sizeof(p->raddr), h);
	h = jhash(&p->i_flags, sizeof(p->i_flags), h);
	h = jhash(&p->o_flags, sizeof(p->o_flags), h);
	h = jhash(&p->i_key, sizeof(p->i_key), h);
	h = jhash(&p->o_key, sizeof(p->o_key), h);
	h = jhash(&p->flags, sizeof(p->flags), h);
	return jhash(&p->link, sizeof(p->link), h);
}

static u32 device_vxlan(const struct vxlan_dev *v)
{
	const struct vxlan_config *c = &v->cfg;
	u32 h = 0;

	h = jhash(&c->saddr, sizeof(c->saddr), h);
	h = jhash(&c->vni, sizeof(c->vni), h);
	h = jhash(&c->dst_port, sizeof(c->dst_port), h);
	return jhash(&c->flags, sizeof(c->flags), h);
}

static u32 device_vlan(const struct vlan_dev_priv *v)
{
	u32 h = jhash(&v->flags, sizeof(v->flags), 0);

	return jhash(&v->nr_egress_mappings, sizeof(v->nr_egress_mappings), h);
}

/* What rules take from a device when they are made */
static u32 device_settings(const struct net_device *dev)
{
	if (netif_is_gretap(dev))
		return device_gre(netdev_priv(dev));
	if (netif_is_ip6gretap(dev))
		return device_gre6(netdev_priv(dev));
	if (netif_is_vxlan(dev))
		return device_vxlan(netdev_priv(dev));
	if (is_vlan_dev(dev))
		return device_vlan(vlan_dev_priv(dev));
	return 0;
}

static struct agl_device *device_find(struct agl_tunnels *t,
				      const struct net_device *dev)
{
	struct agl_device *d;

	hash_for_each_possible(t->devices_by_dev, d, node, (unsigned long)dev)
		if (d->dev == dev)
			return d;
	return NULL;
}

static struct agl_device *device_new(struct agl_tunnels *t, struct net_device *dev)
{
	struct agl_device *d;
	int err;

	/* Its end may have been told already: see agl_devices_netdev() */
	if (READ_ONCE(dev->reg_state) != NETREG_REGISTERED)
		return ERR_PTR(-ENODEV);
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return ERR_PTR(-ENOMEM);
	d->dev = dev;
	d->settings = device_settings(dev);
	agl_dep_init(&d->dep, !(READ_ONCE(dev->flags) & IFF_UP));
	err = xa_alloc_cyclic(&t->devices, &d->id, d, xa_limit_31b,
			      &t->next_device, GFP_KERNEL);
	if (err < 0) {
		kfree(d);
		return ERR_PTR(err);
	}
	hash_add(t->devices_by_dev, &d->node, (unsigned long)dev);
	return d;
}

/**
 * agl_device_get - the number of a device, for a rule
 * @agl: card
 * @dev: device; what the rule takes from it is read after this call
 *
 * Return: above 0; -ENODEV if it is being unregistered, -ENOMEM.
 */
int agl_device_get(struct agilio *agl, struct net_device *dev)
{
	struct agl_tunnels *t = &agl->tunnels;
	struct agl_device *d;

	mutex_lock(&t->device_lock);
	d = device_find(t, dev);
	if (!d)
		d = device_new(t, dev);
	mutex_unlock(&t->device_lock);
	return IS_ERR(d) ? PTR_ERR(d) : d->id;
}

/**
 * agl_device_dep - what a flow depends on
 * @t: tunnels; the table's order is locked: until it is unlocked the answer
 *	stays, or agl_dep_ops.end() will be called for it
 * @id: number of a device
 *
 * Return: NULL if there is no device of this number any more.
 */
struct agl_dep *agl_device_dep(struct agl_tunnels *t, u32 id)
{
	struct agl_device *d = xa_load(&t->devices, id);

	return d ? &d->dep : NULL;
}

/* Under rtnl, like all that looks at a device after device_lock is released */
static void device_end(struct agl_tunnels *t, struct agl_device *d)
{
	mutex_lock(&t->device_lock);
	hash_del(&d->node);
	xa_erase(&t->devices, d->id);
	mutex_unlock(&t->device_lock);
	t->dep_ops->end(t->agl, &d->dep);
	kfree(d);
}

/**
 * agl_devices_netdev - something has happened to a device
 * @t: tunnels
 * @dev: any device
 * @event: NETDEV_
 */
void agl_devices_netdev(struct agl_tunnels *t, struct net_device *dev,
			unsigned long event)
{
	struct agl_device *d;

	mutex_lock(&t->device_lock);
	d = device_find(t, dev);
	mutex_unlock(&t->device_lock);
	if (!d)
		return;
	if (event == NETDEV_UNREGISTER || d->settings != device_settings(dev)) {
		device_end(t, d);
		return;
	}
	if (event == NETDEV_UP || event == NETDEV_DOWN)
		t->dep_ops->set(t->agl, &d->dep, !(dev->flags & IFF_UP));
}

/**
 * agl_devices_free - the end; all devices have been said to be gone
 * @t: tunnels
 */
void agl_devices_free(struct agl_tunnels *t)
{
	WARN_ON(!xa_empty(&t->devices));
	xa_destroy(&t->devices);
}
