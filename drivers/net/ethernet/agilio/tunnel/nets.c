// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces that tunnels' outer packets are in. Rules know one by its cookie,
 * which no other ever has, and hold no reference: one of a rule on a device in
 * the namespace would keep it for ever. It is known to go by its loopback
 * device, which is unregistered last.
 */
#include <linux/slab.h>
#include <net/fib_notifier.h>
#include <net/net_namespace.h>

#include "../agilio.h"
#include "tunnel.h"

/**
 * agl_net_hold - a namespace by its cookie
 * @cookie: of it
 *
 * Return: a reference, to be dropped soon; NULL if it has gone or is going.
 */
struct net *agl_net_hold(u64 cookie)
{
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net)
		if (net->net_cookie == cookie) {
			net = maybe_get_net(net);
			rcu_read_unlock();
			return net;
		}
	rcu_read_unlock();
	return NULL;
}

static struct agl_tun_net *net_find(struct agl_tunnels *t, const struct net *net)
{
	struct agl_tun_net *n;

	list_for_each_entry(n, &t->nets, list)
		if (n->net == net)
			return n;
	return NULL;
}

static int net_fib_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct agl_tun_net *n = container_of(nb, struct agl_tun_net, fib_nb);

	agl_endpoints_dirty(n->tun);
	return NOTIFY_DONE;
}

/**
 * agl_net_follow - an endpoint is in a namespace
 * @t: tunnels, locked
 * @net: namespace, a reference of the caller's
 *
 * Its routes are followed from now on, until it goes.
 *
 * Return: 0, -ENOMEM.
 */
int agl_net_follow(struct agl_tunnels *t, struct net *net)
{
	struct agl_tun_net *n;

	if (net_find(t, net))
		return 0;
	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (!n)
		return -ENOMEM;
	n->net = net;
	n->tun = t;
	n->fib_nb.notifier_call = net_fib_event;
	list_add(&n->list, &t->nets);
	schedule_work(&t->work);
	return 0;
}

static struct agl_tun_net *net_unasked(struct agl_tunnels *t)
{
	struct agl_tun_net *n;

	list_for_each_entry(n, &t->nets, list)
		if (!n->asked)
			return n;
	return NULL;
}

/**
 * agl_nets_update - begin to follow routes
 * @t: tunnels; neither rtnl nor the lock is held; only the work does this
 *
 * Registering wants rtnl, which a rule's callback may hold already: so it is
 * done here, and what happened to routes before it is looked at after it.
 */
void agl_nets_update(struct agl_tunnels *t)
{
	struct agl_tun_net *n;
	struct net *net;
	int err;

	mutex_lock(&t->lock);
	while ((n = net_unasked(t))) {
		n->asked = true;
		/* One that is going needs no routes any more */
		net = maybe_get_net(n->net);
		if (!net)
			continue;
		mutex_unlock(&t->lock);
		err = register_fib_notifier(net, &n->fib_nb, NULL, NULL);
		if (err)
			netdev_warn(t->agl->netdev, "routes can't be followed: %pe\n",
				    ERR_PTR(err));
		n->followed = !err;
		put_net(net);
		mutex_lock(&t->lock);
		t->all_dirty = true;
	}
	mutex_unlock(&t->lock);
}

/**
 * agl_net_gone - a device is unregistered: does its namespace go with it?
 * @t: tunnels; agl_nets_update() doesn't look at this namespace now: either
 *	it has no reference to be had, or the work is disabled
 * @dev: device
 */
void agl_net_gone(struct agl_tunnels *t, const struct net_device *dev)
{
	struct net *net = dev_net(dev);
	struct agl_tun_net *n;

	if (net->loopback_dev != dev)
		return;
	mutex_lock(&t->lock);
	n = net_find(t, net);
	if (n)
		list_del(&n->list);
	mutex_unlock(&t->lock);
	if (!n)
		return;
	agl_endpoints_leave(t, net);
	if (n->followed)
		unregister_fib_notifier(net, &n->fib_nb);
	kfree(n);
}
