// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tunnels: what of the kernel's events and of the firmware's messages
 * concerns them, and who deals with it. 03-flower.md sections 3.11 and 6.8.
 */
#include <linux/rtnetlink.h>
#include <net/neighbour.h>
#include <net/netevent.h>

#include "../agilio.h"
#include "tunnel.h"

#define RX_MAX		1000

static int tunnels_netevent(struct notifier_block *nb, unsigned long event, void *data)
{
	struct agl_tunnels *t = container_of(nb, struct agl_tunnels, netevent_nb);

	/* In softirq, with or without locks: only say that there is work */
	if (event == NETEVENT_NEIGH_UPDATE)
		agl_endpoints_neigh(t, data);
	else if (event == NETEVENT_REDIRECT)
		agl_endpoints_dirty(t);
	return NOTIFY_DONE;
}

static int tunnels_netdev(struct notifier_block *nb, unsigned long event, void *data)
{
	struct agl_tunnels *t = container_of(nb, struct agl_tunnels, netdev_nb);
	struct net_device *dev = netdev_notifier_info_to_dev(data);

	agl_devices_netdev(t, dev, event);
	agl_macs_netdev(t, dev, event);
	if (event == NETDEV_UNREGISTER) {
		agl_internal_gone(t, dev);
		agl_net_gone(t, dev);
	}
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_CHANGEADDR:
	case NETDEV_UNREGISTER:
		agl_endpoints_dirty(t);
	}
	return NOTIFY_DONE;
}

static void tunnels_rx_active(struct agl_tunnels *t, const void *body, size_t len, bool v6)
{
	size_t each = v6 ? sizeof(struct agl_active_tun6) :
			   sizeof(struct agl_active_tun);
	const struct agl_active_tuns *head = body;
	u32 most = v6 ? AGL_ACTIVE_TUNS6_MAX : AGL_ACTIVE_TUNS_MAX;
	u32 i, count;

	if (len < sizeof(*head))
		return;
	count = be32_to_cpu(head->count);
	if (count > most || len != sizeof(*head) + count * each)
		return;
	/* Either kind of entry begins with the address */
	for (i = 0; i < count; i++)
		agl_endpoint_active(t, v6, body + sizeof(*head) + i * each);
}

static void tunnels_rx_one(struct agl_tunnels *t, const struct sk_buff *skb)
{
	const struct agl_cmsg_head *h = (const void *)skb->data;
	const struct agl_no_neigh6 *no6 = (const void *)(h + 1);
	const struct agl_no_neigh *no = (const void *)(h + 1);
	size_t len = skb->len - sizeof(*h);

	switch (h->type) {
	case AGL_CMSG_NO_NEIGH:
		if (len >= sizeof(*no))
			agl_endpoint_wanted(t, false, &no->dst);
		break;
	case AGL_CMSG_NO_NEIGH_V6:
		if (len >= sizeof(*no6))
			agl_endpoint_wanted(t, true, no6->dst);
		break;
	case AGL_CMSG_ACTIVE_TUNS:
	case AGL_CMSG_ACTIVE_TUNS_V6:
		tunnels_rx_active(t, no, len, h->type == AGL_CMSG_ACTIVE_TUNS_V6);
		break;
	}
}

/*
 * Is everything to be looked at? Of a route or a local address the kernel tells
 * before it takes it away, and holds rtnl until it has: later than that, then.
 */
static bool tunnels_all_dirty(struct agl_tunnels *t)
{
	if (!xchg(&t->all_dirty, false))
		return false;
	rtnl_lock();
	rtnl_unlock();
	return true;
}

static void tunnels_work(struct work_struct *work)
{
	struct agl_tunnels *t = container_of(work, struct agl_tunnels, work);
	struct sk_buff *skb;

	agl_nets_update(t);
	agl_endpoints_check(t, tunnels_all_dirty(t));
	agl_endpoints_retag(t);
	while ((skb = skb_dequeue(&t->rx))) {
		tunnels_rx_one(t, skb);
		consume_skb(skb);
	}
}

/* A message about tunnels, in softirq */
static void tunnels_rx(struct agilio *agl, struct sk_buff *skb)
{
	struct agl_tunnels *t = &agl->tunnels;

	/* Each of them will be said again if it still matters */
	spin_lock_bh(&t->rx.lock);
	if (!t->rx_closed && skb_queue_len(&t->rx) < RX_MAX) {
		__skb_queue_tail(&t->rx, skb);
		skb = NULL;
	}
	spin_unlock_bh(&t->rx.lock);
	if (skb)
		dev_kfree_skb_any(skb);
	else
		schedule_work(&t->work);
}

/**
 * agl_tunnels_init - nothing is known about tunnels
 * @agl: card
 */
void agl_tunnels_init(struct agilio *agl)
{
	struct agl_tunnels *t = &agl->tunnels;

	t->agl = agl;
	mutex_init(&t->lock);
	mutex_init(&t->mac_lock);
	mutex_init(&t->device_lock);
	xa_init_flags(&t->devices, XA_FLAGS_ALLOC1);
	hash_init(t->devices_by_dev);
	spin_lock_init(&t->internal_lock);
	spin_lock_init(&t->neigh_lock);
	hash_init(t->by_neigh);
	INIT_LIST_HEAD(&t->locals);
	INIT_LIST_HEAD(&t->pre_rules);
	INIT_LIST_HEAD(&t->nets);
	INIT_LIST_HEAD(&t->mac_users);
	INIT_LIST_HEAD(&t->macs);
	ida_init(&t->globals);
	INIT_WORK(&t->work, tunnels_work);
	skb_queue_head_init(&t->rx);
	t->netdev_nb.notifier_call = tunnels_netdev;
	t->netevent_nb.notifier_call = tunnels_netevent;
	agl_cmsg_handle(agl, AGL_CMSG_NO_NEIGH, tunnels_rx);
	agl_cmsg_handle(agl, AGL_CMSG_NO_NEIGH_V6, tunnels_rx);
	agl_cmsg_handle(agl, AGL_CMSG_ACTIVE_TUNS, tunnels_rx);
	agl_cmsg_handle(agl, AGL_CMSG_ACTIVE_TUNS_V6, tunnels_rx);
}

/**
 * agl_tunnels_start - follow devices and neighbours
 * @agl: card that takes messages
 *
 * Return: 0, -ENOMEM.
 */
int agl_tunnels_start(struct agilio *agl)
{
	struct agl_tunnels *t = &agl->tunnels;
	int err;

	err = register_netevent_notifier(&t->netevent_nb);
	if (err)
		return err;
	/* All devices that there are come as if they were new */
	err = register_netdevice_notifier(&t->netdev_nb);
	if (err)
		unregister_netevent_notifier(&t->netevent_nb);
	return err;
}

/**
 * agl_tunnels_stop - and no more
 * @agl: card; no rule with a tunnel is in it
 */
void agl_tunnels_stop(struct agilio *agl)
{
	struct agl_tunnels *t = &agl->tunnels;

	/* Sources first: each of them can ask for the work until it has ended */
	spin_lock_bh(&t->rx.lock);
	t->rx_closed = true;
	spin_unlock_bh(&t->rx.lock);
	unregister_netevent_notifier(&t->netevent_nb);
	disable_work_sync(&t->work);
	/* All devices go in what it tells us, and with them all namespaces */
	unregister_netdevice_notifier(&t->netdev_nb);
	skb_queue_purge(&t->rx);
	agl_macs_free(t);
	agl_devices_free(t);
	WARN_ON(atomic_read(&t->endpoint_count) || !list_empty(&t->locals) ||
		!list_empty(&t->pre_rules) || !list_empty(&t->nets));
}

/**
 * agl_ends_put - drop the references that a rule has to its tunnels' ends
 * @agl: card
 * @ends: they are forgotten; the rule is out of the card
 */
void agl_ends_put(struct agilio *agl, struct agl_ends *ends)
{
	if (ends->local)
		agl_local_put(agl, ends->local);
	if (ends->endpoint)
		agl_endpoint_put(agl, ends->endpoint,
				 ends->pinned ? AGL_END_PINNED : AGL_END_ROUTED);
	if (ends->peer)
		agl_endpoint_put(agl, ends->peer, AGL_END_WATCHED);
	if (ends->mac)
		agl_mac_put(&agl->tunnels, ends->mac);
	memset(ends, 0, sizeof(*ends));
}
