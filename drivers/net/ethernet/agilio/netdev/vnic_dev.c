// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netdev of a data vNIC: the PF's and a VF's alike.
 */
#include <linux/ethtool.h>
#include <net/netdev_queues.h>

#include "../agilio.h"

static int vnic_open(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);
	int err;

	netif_carrier_off(dev);
	err = agl_vnic_open(v, dev->mtu);
	if (!err)
		netif_tx_start_all_queues(dev);
	return err;
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

static int vnic_change_mtu(struct net_device *dev, int mtu)
{
	unsigned int old = dev->mtu;
	int err;

	WRITE_ONCE(dev->mtu, mtu);
	if (!netif_running(dev))
		return 0;
	vnic_stop(dev);
	err = vnic_open(dev);
	if (!err)
		return 0;
	WRITE_ONCE(dev->mtu, old);
	if (vnic_open(dev))
		netdev_err(dev, "down after a failed MTU change\n");
	return err;
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
	return agl_vnic_set_ctrl(netdev_priv(dev), AGL_CTRL_RXVLAN_V2, strip);
}

static const struct net_device_ops vnic_netdev_ops = {
	.ndo_open = vnic_open,
	.ndo_stop = vnic_stop,
	.ndo_start_xmit = vnic_xmit,
	.ndo_change_mtu = vnic_change_mtu,
	.ndo_get_stats64 = vnic_stats64,
	.ndo_set_features = vnic_set_features,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static void vnic_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct agl_vnic *v = netdev_priv(dev);

	strscpy(info->driver, AGL_NAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(v->pdev), sizeof(info->bus_info));
}

static const char vnic_stat_names[][ETH_GSTRING_LEN] = {
	"rx_csum_good", "rx_csum_bad", "rx_drops",
};

static int vnic_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? ARRAY_SIZE(vnic_stat_names) : -EOPNOTSUPP;
}

static void vnic_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		memcpy(data, vnic_stat_names, sizeof(vnic_stat_names));
}

static void vnic_ethtool_stats(struct net_device *dev,
			       struct ethtool_stats *stats, u64 *data)
{
	struct agl_vnic *v = netdev_priv(dev);
	unsigned int i;

	memset(data, 0, sizeof(*data) * ARRAY_SIZE(vnic_stat_names));
	for (i = 0; v->running && i < v->rings; i++) {
		struct agl_rx_ring *r = &v->vec[i].rx;

		data[0] += u64_stats_read(&r->csum_good);
		data[1] += u64_stats_read(&r->csum_bad);
		data[2] += u64_stats_read(&r->drops);
	}
}

static const struct ethtool_ops vnic_ethtool_ops = {
	.get_drvinfo = vnic_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = vnic_sset_count,
	.get_strings = vnic_strings,
	.get_ethtool_stats = vnic_ethtool_stats,
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
	dev->netdev_ops = &vnic_netdev_ops;
	dev->ethtool_ops = &vnic_ethtool_ops;
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

static struct net_device *pf_source(struct agl_vnic *vnic, u32 port)
{
	struct agl_repr *r = agl_repr_find(vnic->priv, port);

	return r ? r->netdev : NULL;
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
	err = agl_vnic_init(v);
	if (err)
		goto err_free;
	dev->max_mtu = v->max_mtu;
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
	unregister_netdev(agl->netdev);
	free_netdev(agl->netdev);
}
