// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netdev of a data vNIC: the PF's and a VF's alike.
 */
#include <net/netdev_queues.h>

#include "../agilio.h"

#define TX_TIMEOUT		(5 * HZ)
#define MAX_TCP_HEADER_LEN	60

static int vnic_open(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);
	int err;

	err = agl_vnic_open(v);
	if (err)
		netdev_err(dev, "can't be opened: %pe\n", ERR_PTR(err));
	else
		schedule_work(&v->link_work); /* it may have been up before */
	return err;
}

static int vnic_stop(struct net_device *dev)
{
	agl_vnic_close(netdev_priv(dev));
	netif_carrier_off(dev);
	return 0;
}

static netdev_tx_t vnic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	return agl_tx(netdev_priv(dev), skb);
}

/* The card has no multicast list in this firmware: all of it or none */
static void vnic_note_rx_mode(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);
	bool multi = dev->flags & IFF_ALLMULTI || !netdev_mc_empty(dev);
	u32 bits = 0;

	if (dev->flags & IFF_PROMISC)
		bits |= v->cap & AGL_CTRL_PROMISC;
	if (multi)
		bits |= v->cap & AGL_CTRL_L2MC;
	WRITE_ONCE(v->rx_mode, bits);
	schedule_work(&v->rx_mode_work);
}

static void vnic_rx_mode_work(struct work_struct *work)
{
	struct agl_vnic *v = container_of(work, struct agl_vnic, rx_mode_work);

	agl_vnic_set_ctrl(v, AGL_CTRL_PROMISC | AGL_CTRL_L2MC,
			  READ_ONCE(v->rx_mode));
}

/* In atomic context, where the card's answer can't be awaited */
static void vnic_set_rx_mode(struct net_device *dev)
{
	vnic_note_rx_mode(dev);
}

/* It is running for the kernel and no more for the card */
static void vnic_give_up(struct net_device *dev)
{
	netdev_err(dev, "could not be started again and is closed\n");
	netif_carrier_off(dev);
	dev_close(dev);
}

/**
 * agl_vnic_dev_reconfigure - change what a netdev's rings are made for
 * @dev: netdev of a data vNIC; rtnl is held
 * @cfg: the new configuration; that of now starts the vNIC anew
 *
 * Return: 0, or why all is as before. If it can't be as before, the netdev is
 * closed.
 */
int agl_vnic_dev_reconfigure(struct net_device *dev,
			     const struct agl_vnic_config *cfg)
{
	struct agl_vnic *v = netdev_priv(dev);
	int err;

	if (v->state != AGL_VNIC_UP)
		return agl_vnic_reconfigure(v, cfg);
	/* Else the watchdog would take the pause for a card that hangs */
	netif_device_detach(dev);
	err = agl_vnic_reconfigure(v, cfg);
	netif_device_attach(dev);
	if (v->state != AGL_VNIC_UP) {
		vnic_give_up(dev);
		return err;
	}
	/* The kernel doesn't say it to a detached device */
	netif_addr_lock_bh(dev);
	vnic_note_rx_mode(dev);
	netif_addr_unlock_bh(dev);
	return err;
}

/**
 * agl_vnic_dev_reset - start a netdev's vNIC anew, for struct agl_vnic_ops
 * @vnic: data vNIC
 */
void agl_vnic_dev_reset(struct agl_vnic *vnic)
{
	struct agl_vnic_config cfg;

	rtnl_lock();
	cfg = vnic->cfg;
	if (vnic->chip && agl_chip_dead(vnic->chip, AGL_FAULT_GONE)) {
		/* agl_vnic_dev_again() then, if the card comes back */
		netif_carrier_off(vnic->netdev);
	} else if (vnic->state == AGL_VNIC_UP) {
		netdev_warn(vnic->netdev, "is started anew\n");
		agl_vnic_dev_reconfigure(vnic->netdev, &cfg);
	}
	rtnl_unlock();
}

/**
 * agl_vnic_dev_again - start a netdev's vNIC anew, as the card was gone
 * @dev: netdev of a data vNIC
 */
void agl_vnic_dev_again(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_vnic_config cfg;
	int err = 0;

	rtnl_lock();
	cfg = v->cfg;
	/* Else it says that it never answered */
	agl_bar_answered(v);
	if (v->state == AGL_VNIC_UP)
		err = agl_vnic_dev_reconfigure(dev, &cfg);
	else
		err = agl_vnic_again(v);
	if (err)
		netdev_err(dev, "could not be started anew: %pe\n", ERR_PTR(err));
	rtnl_unlock();
}

/**
 * agl_vnic_dev_link - carry a link change on, for struct agl_vnic_ops
 * @vnic: data vNIC
 * @up: state now
 */
void agl_vnic_dev_link(struct agl_vnic *vnic, bool up)
{
	if (up && netif_running(vnic->netdev))
		netif_carrier_on(vnic->netdev);
	else
		netif_carrier_off(vnic->netdev);
}

static int vnic_change_mtu(struct net_device *dev, int mtu)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_vnic_config cfg = v->cfg;
	int err;

	cfg.mtu = max_t(unsigned int, mtu, v->carry);
	err = agl_vnic_dev_reconfigure(dev, &cfg);
	if (!err)
		WRITE_ONCE(dev->mtu, mtu);
	return err;
}

/**
 * agl_vnic_dev_carry - have buffers for packets of other devices
 * @dev: netdev of a data vNIC that representors receive through; rtnl is held
 * @mtu: L3 bytes of a representor's packet; buffers grow, and stay
 *
 * Return: 0, errors of agl_vnic_dev_reconfigure().
 */
int agl_vnic_dev_carry(struct net_device *dev, unsigned int mtu)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_vnic_config cfg = v->cfg;
	int err;

	if (mtu <= cfg.mtu) {
		v->carry = max(v->carry, mtu);
		return 0;
	}
	cfg.mtu = mtu;
	err = agl_vnic_dev_reconfigure(dev, &cfg);
	if (!err)
		v->carry = mtu;
	return err;
}

static int vnic_set_mac(struct net_device *dev, void *p)
{
	struct sockaddr *addr = p;
	int err;

	err = eth_prepare_mac_addr_change(dev, p);
	if (!err)
		err = agl_vnic_set_mac(netdev_priv(dev), addr->sa_data);
	if (!err)
		eth_commit_mac_addr_change(dev, p);
	return err;
}

static void vnic_tx_timeout(struct net_device *dev, unsigned int queue)
{
	netdev_err(dev, "queue %u: the card sends nothing\n", queue);
	agl_vnic_suspect(netdev_priv(dev));
}

/*
 * What the driver gave and took, as in the statistics of the queues; the card's
 * own counters are in ethtool's.
 */
static void vnic_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_ring_totals t = {};
	unsigned int i;

	for (i = 0; i < v->max_rings; i++)
		agl_ring_totals(&v->stats[i], &t);
	s->rx_packets = t.rx_packets;
	s->rx_bytes = t.rx_bytes;
	s->rx_dropped = t.rx_drops;
	s->tx_packets = t.tx_packets;
	s->tx_bytes = t.tx_bytes;
	s->multicast = readq(v->cb + AGL_CB_RX_MC_FRAMES);
	s->rx_missed_errors = readq(v->cb + AGL_CB_RX_DISCARDS);
	s->rx_errors = readq(v->cb + AGL_CB_RX_ERRORS);
	s->tx_errors = readq(v->cb + AGL_CB_TX_ERRORS);
}

static int vnic_set_features(struct net_device *dev, netdev_features_t features)
{
	netdev_features_t changed = dev->features ^ features;
	struct agl_vnic *v = netdev_priv(dev);
	bool strip = features & NETIF_F_HW_VLAN_CTAG_RX;

	if (!(changed & NETIF_F_HW_VLAN_CTAG_RX))
		return 0;
	return agl_vnic_set_ctrl(v, v->ctrl_vlan, strip ? v->ctrl_vlan : 0);
}

/* Numbers that descriptors have no room for */
static netdev_features_t vnic_features_check(struct sk_buff *skb,
					     struct net_device *dev,
					     netdev_features_t features)
{
	features = vlan_features_check(skb, features);
	if (!skb_is_gso(skb))
		return features;
	if (skb->len > U16_MAX - AGL_PORTID_LEN ||
	    skb_shinfo(skb)->gso_size > AGL_TXD_MSS ||
	    skb_transport_offset(skb) + MAX_TCP_HEADER_LEN > U8_MAX)
		features &= ~NETIF_F_GSO_MASK;
	return features;
}

#define VNIC_NETDEV_OPS						\
	.ndo_open = vnic_open,					\
	.ndo_stop = vnic_stop,					\
	.ndo_start_xmit = vnic_xmit,				\
	.ndo_change_mtu = vnic_change_mtu,			\
	.ndo_get_stats64 = vnic_stats64,			\
	.ndo_tx_timeout = vnic_tx_timeout,			\
	.ndo_features_check = vnic_features_check,		\
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
 * @rings: ring pairs that there are interrupts for
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
	v->max_rings = rings;
	INIT_WORK(&v->rx_mode_work, vnic_rx_mode_work);
	dev->netdev_ops = &vnic_netdev_ops;
	dev->ethtool_ops = &agl_vnic_ethtool_ops;
	dev->stat_ops = &agl_vnic_stat_ops;
	dev->watchdog_timeo = TX_TIMEOUT;
	dev->min_mtu = ETH_MIN_MTU;
	/* The port id goes in front of a representor's frame */
	dev->needed_headroom = AGL_PORTID_LEN;
	netif_set_tso_max_segs(dev, AGL_LSO_MAX_SEGS);
	netif_set_tso_max_size(dev, U16_MAX - AGL_PORTID_LEN);
	netif_carrier_off(dev);
	SET_NETDEV_DEV(dev, &pdev->dev);
	return dev;
}

static netdev_features_t vnic_features(const struct agl_vnic *v)
{
	netdev_features_t f = 0;

	if (v->cap & AGL_CTRL_RXCSUM)
		f |= NETIF_F_RXCSUM;
	if (v->cap & AGL_CTRL_GATHER)
		f |= NETIF_F_SG;
	if (v->cap & AGL_CTRL_TXCSUM)
		f |= NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM;
	if (v->ctrl_lso && v->cap & AGL_CTRL_TXCSUM)
		f |= NETIF_F_TSO | NETIF_F_TSO6;
	if (v->ctrl_rss)
		f |= NETIF_F_RXHASH;
	if (v->ctrl_vlan)
		f |= NETIF_F_HW_VLAN_CTAG_RX;
	return f;
}

/**
 * agl_vnic_netdev_limits - what the netdev can, now that the vNIC is known
 * @dev: from agl_vnic_netdev_alloc(), its vNIC initialised
 */
void agl_vnic_netdev_limits(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);

	dev->hw_features = vnic_features(v);
	dev->features = dev->hw_features | NETIF_F_HIGHDMA;
	dev->vlan_features = dev->hw_features & ~NETIF_F_HW_VLAN_CTAG_RX;
	dev->max_mtu = v->max_mtu;
	dev->mtu = v->cfg.mtu;
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
	agl_vnic_exit(v);
	free_netdev(dev);
}

static struct net_device *pf_source(struct agl_vnic *vnic, u32 port)
{
	struct agl_port *p = agl_port_find(vnic->priv, port);

	return p ? p->netdev : NULL;
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

static const struct agl_vnic_ops pf_ops = {
	.source = pf_source,
	.redirect = pf_redirect,
	.link = agl_vnic_dev_link,
	.reset = agl_vnic_dev_reset,
};

/**
 * agl_pf_netdev_create - the PF's own netdev, lower device of representors
 * @agl: card; bar and qc mapped, interrupts allocated
 *
 * Return: 0, -ENOMEM, errors of the vNIC and of registering.
 */
int agl_pf_netdev_create(struct agilio *agl)
{
	struct net_device *dev;
	struct agl_vnic *v;
	int err;

	dev = agl_vnic_netdev_alloc(agl->pdev, &pf_ops, agl->rings);
	if (!dev)
		return -ENOMEM;
	v = netdev_priv(dev);
	v->chip = &agl->chip;
	v->priv = agl;
	v->cb = agl->bar.io;
	v->qc = agl->qc.io;
	v->queues = AGL_QC_QUEUES;
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
