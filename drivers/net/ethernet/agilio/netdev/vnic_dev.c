// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netdev of a data vNIC: the PF's and a VF's alike.
 */
#include <net/netdev_queues.h>

#include "../agilio.h"

static int vnic_open(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);
	int err;

	netif_carrier_off(dev);
	err = agl_vnic_open(v, dev->mtu);
	if (err)
		return err;
	schedule_work(&v->rx_mode_work);
	netif_tx_start_all_queues(dev);
	return 0;
}

static int vnic_stop(struct net_device *dev)
{
	netif_tx_disable(dev);
	netif_carrier_off(dev);
	agl_vnic_close(netdev_priv(dev));
	return 0;
}

static netdev_tx_t vnic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	return agl_tx(netdev_priv(dev), skb);
}

/**
 * agl_vnic_dev_restart - make changed settings work
 * @dev: netdev of a data vNIC; rtnl is held
 *
 * Return: 0, or why it could not be opened: then it is closed. The caller puts
 * the old settings back and tries again.
 */
int agl_vnic_dev_restart(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);
	int err;

	if (!netif_running(dev))
		return netif_set_real_num_queues(dev, v->rings, v->rings);
	netif_set_real_num_queues(dev, v->rings, v->rings);
	err = vnic_open(dev);
	if (err)
		netdev_err(dev, "reopen: %pe\n", ERR_PTR(err));
	return err;
}

/**
 * agl_vnic_dev_pause - close the vNIC to change its settings
 * @dev: netdev of a data vNIC; rtnl is held
 */
void agl_vnic_dev_pause(struct net_device *dev)
{
	if (netif_running(dev))
		vnic_stop(dev);
}

static int vnic_change_mtu(struct net_device *dev, int mtu)
{
	unsigned int old = dev->mtu;
	int err;

	agl_vnic_dev_pause(dev);
	WRITE_ONCE(dev->mtu, mtu);
	err = agl_vnic_dev_restart(dev);
	if (!err)
		return 0;
	WRITE_ONCE(dev->mtu, old);
	agl_vnic_dev_restart(dev);
	return err;
}

static int vnic_set_mac(struct net_device *dev, void *p)
{
	struct agl_vnic *v = netdev_priv(dev);
	int err;

	err = eth_mac_addr(dev, p);
	if (err || !v->running)
		return err;
	agl_vnic_write_mac(v, dev->dev_addr);
	return agl_vnic_update(v, AGL_UPDATE_MACADDR);
}

static void vnic_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct agl_vnic *v = netdev_priv(dev);

	/* Every frame that the card gave or took, from its own counters */
	s->rx_packets = readq(v->cb + AGL_CB_RX_FRAMES);
	s->rx_bytes = readq(v->cb + AGL_CB_RX_OCTETS);
	s->tx_packets = readq(v->cb + AGL_CB_TX_FRAMES);
	s->tx_bytes = readq(v->cb + AGL_CB_TX_OCTETS);
	s->multicast = readq(v->cb + AGL_CB_RX_MC_FRAMES);
	s->rx_missed_errors = readq(v->cb + AGL_CB_RX_DISCARDS);
	s->rx_errors = readq(v->cb + AGL_CB_RX_ERRORS);
	s->tx_errors = readq(v->cb + AGL_CB_TX_ERRORS);
}

static int vnic_set_features(struct net_device *dev, netdev_features_t features)
{
	netdev_features_t changed = dev->features ^ features;
	bool strip = features & NETIF_F_HW_VLAN_CTAG_RX;

	if (!(changed & NETIF_F_HW_VLAN_CTAG_RX))
		return 0;
	return agl_vnic_set_ctrl(netdev_priv(dev), AGL_CTRL_RXVLAN_V2,
				 strip ? AGL_CTRL_RXVLAN_V2 : 0);
}

/* The card has no multicast list in this firmware: all of it or none */
static void rx_mode_work(struct work_struct *work)
{
	struct agl_vnic *v = container_of(work, struct agl_vnic, rx_mode_work);
	struct net_device *dev = v->netdev;
	bool multi = dev->flags & IFF_ALLMULTI || !netdev_mc_empty(dev);
	u32 bits = 0;

	if (dev->flags & IFF_PROMISC)
		bits |= v->cap & AGL_CTRL_PROMISC;
	if (multi)
		bits |= v->cap & AGL_CTRL_L2MC;
	agl_vnic_set_ctrl(v, AGL_CTRL_PROMISC | AGL_CTRL_L2MC, bits);
}

/* In atomic context, where the card's answer can't be awaited */
static void vnic_set_rx_mode(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);

	schedule_work(&v->rx_mode_work);
}

#define VNIC_NETDEV_OPS						\
	.ndo_open = vnic_open,					\
	.ndo_stop = vnic_stop,					\
	.ndo_start_xmit = vnic_xmit,				\
	.ndo_change_mtu = vnic_change_mtu,			\
	.ndo_get_stats64 = vnic_stats64,			\
	.ndo_set_features = vnic_set_features,			\
	.ndo_set_rx_mode = vnic_set_rx_mode,			\
	.ndo_set_mac_address = vnic_set_mac,			\
	.ndo_validate_addr = eth_validate_addr

static const struct net_device_ops vnic_netdev_ops = {
	VNIC_NETDEV_OPS,
};

static const struct net_device_ops pf_netdev_ops = {
	VNIC_NETDEV_OPS,
	.ndo_set_vf_mac = agl_vf_set_mac,
	.ndo_set_vf_vlan = agl_vf_set_vlan,
	.ndo_set_vf_link_state = agl_vf_set_link,
	.ndo_set_vf_spoofchk = agl_vf_set_spoofchk,
	.ndo_set_vf_trust = agl_vf_set_trust,
	.ndo_set_vf_rate = agl_vf_set_rate,
	.ndo_get_vf_config = agl_vf_get_config,
};

/**
 * agl_vnic_netdev_alloc - a netdev for a data vNIC, its private data the vNIC
 * @pdev: PCI function
 * @ops: of the vNIC
 * @rings: ring pairs
 *
 * Return: NULL without memory.
 */
struct net_device *agl_vnic_netdev_alloc(struct pci_dev *pdev,
					 const struct agl_vnic_ops *ops,
					 unsigned int rings)
{
	struct net_device *dev;
	struct agl_vnic *v;

	dev = alloc_etherdev_mqs(sizeof(*v), rings, rings);
	if (!dev)
		return NULL;
	v = netdev_priv(dev);
	v->pdev = pdev;
	v->netdev = dev;
	v->ops = ops;
	v->rings = rings;
	v->irq_rings = rings;
	INIT_WORK(&v->rx_mode_work, rx_mode_work);
	dev->netdev_ops = &vnic_netdev_ops;
	dev->ethtool_ops = &agl_vnic_ethtool_ops;
	dev->stat_ops = &agl_vnic_stat_ops;
	dev->min_mtu = ETH_MIN_MTU;
	dev->hw_features = NETIF_F_RXCSUM | NETIF_F_SG | NETIF_F_IP_CSUM |
			   NETIF_F_IPV6_CSUM | NETIF_F_TSO | NETIF_F_TSO6 |
			   NETIF_F_RXHASH | NETIF_F_HW_VLAN_CTAG_RX;
	dev->features = dev->hw_features | NETIF_F_HIGHDMA;
	dev->vlan_features = dev->hw_features & ~NETIF_F_HW_VLAN_CTAG_RX;
	/* The port id goes in front of a representor's frame */
	dev->needed_headroom = 8;
	netif_set_tso_max_segs(dev, AGL_LSO_MAX_SEGS);
	SET_NETDEV_DEV(dev, &pdev->dev);
	return dev;
}

/**
 * agl_vnic_netdev_limits - what the netdev can, now that the vNIC is known
 * @dev: from agl_vnic_netdev_alloc(), its vNIC initialised
 */
void agl_vnic_netdev_limits(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);

	dev->max_mtu = v->max_mtu;
	if (v->cap & AGL_CTRL_LIVE_ADDR)
		dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
}

/**
 * agl_vnic_netdev_free - the end of a registered netdev
 * @dev: from agl_vnic_netdev_alloc()
 */
void agl_vnic_netdev_free(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);

	unregister_netdev(dev);
	cancel_work_sync(&v->rx_mode_work);
	free_netdev(dev);
}

static struct net_device *pf_source(struct agl_vnic *vnic, u32 port)
{
	struct agl_repr *r = agl_repr_find(vnic->priv, port);

	/* One that is down takes nothing */
	return r && netif_running(r->netdev) ? r->netdev : NULL;
}

/*
 * The card has no rule for what was about to leave by an internal port of
 * Open vSwitch: it leaves there now.
 */
static bool pf_redirect(struct agl_vnic *vnic, u32 port, struct sk_buff *skb)
{
	struct agilio *agl = vnic->priv;
	struct net_device *dev = agl_internal_dev(&agl->tunnels, port);

	if (!dev)
		return false;
	skb->protocol = eth_type_trans(skb, dev);
	skb_reset_network_header(skb);
	skb_push(skb, ETH_HLEN);
	dev_queue_xmit(skb);
	return true;
}

static void pf_link(struct agl_vnic *vnic, bool up)
{
	if (up)
		netif_carrier_on(vnic->netdev);
	else
		netif_carrier_off(vnic->netdev);
}

static const struct agl_vnic_ops pf_ops = {
	.source = pf_source,
	.redirect = pf_redirect,
	.link = pf_link,
};

/**
 * agl_pf_netdev_create - the PF's own netdev, lower device of representors
 * @agl: card; bar and qc mapped, interrupts allocated
 *
 * Return: 0, -ENOMEM, errors of the vNIC and of registering.
 */
int agl_pf_netdev_create(struct agilio *agl)
{
	unsigned int rings = min(readl(agl->bar.io + AGL_CB_MAX_RXRINGS),
				 num_online_cpus());
	struct net_device *dev;
	struct agl_vnic *v;
	int err;

	rings = clamp(rings, 1, AGL_MAX_RINGS);
	dev = agl_vnic_netdev_alloc(agl->pdev, &pf_ops, rings);
	if (!dev)
		return -ENOMEM;
	v = netdev_priv(dev);
	v->priv = agl;
	v->cb = agl->bar.io;
	v->qc = agl->qc.io;
	v->first_entry = AGL_VNIC_VECTORS + 1;
	dev->netdev_ops = &pf_netdev_ops;
	err = agl_vnic_init(v);
	if (err)
		goto err_free;
	agl_vnic_netdev_limits(dev);
	/* The port id of a representor's frame is in its dst */
	netif_keep_dst(dev);
	eth_hw_addr_random(dev);
	err = register_netdev(dev);
	if (err)
		goto err_free;
	agl->netdev = dev;
	return 0;

err_free:
	free_netdev(dev);
	return err;
}

/**
 * agl_pf_netdev_destroy - take the PF's netdev away
 * @agl: card, without representors
 */
void agl_pf_netdev_destroy(struct agilio *agl)
{
	agl_vnic_netdev_free(agl->netdev);
}
