// SPDX-License-Identifier: GPL-2.0-only
/*
 * Representors of physical ports, the PF and VFs. 03-flower.md sections 2.4
 * and 10.
 */
#include <linux/ethtool.h>
#include <net/dst_metadata.h>

#include "../agilio.h"
#include "../tc/filter.h"

static void repr_configure(struct agl_repr *r, bool up)
{
	struct agilio *agl = r->port.agl;

	if (r->kind == AGL_REPR_PHYS)
		agl_port_configure(agl, agl->eth.port[r->index].index, up);
}

/* Each representor is a user of the PF's vNIC, as the PF's own netdev is */
static struct agl_vnic *repr_lower(struct agl_repr *r)
{
	return netdev_priv(r->port.agl->netdev);
}

static int repr_open(struct net_device *dev)
{
	struct agl_repr *r = netdev_priv(dev);
	int err;

	err = agl_vnic_open(repr_lower(r));
	if (err)
		return err;
	err = agl_port_modify(&r->port, AGL_PORT_MOD_LINK, dev->mtu);
	if (err) {
		agl_vnic_close(repr_lower(r));
		return err;
	}
	repr_configure(r, true);
	netif_tx_wake_all_queues(dev);
	return 0;
}

static int repr_stop(struct net_device *dev)
{
	struct agl_repr *r = netdev_priv(dev);

	netif_tx_disable(dev);
	agl_port_modify(&r->port, 0, dev->mtu);
	repr_configure(r, false);
	agl_vnic_close(repr_lower(r));
	return 0;
}

/*
 * By the PF's queueing discipline while the PF is up; else straight into its
 * rings, which drop what they have no room for.
 */
static bool repr_send(struct agl_repr *r, struct sk_buff *skb)
{
	struct net_device *lower = skb->dev;
	struct netdev_queue *q;
	bool room;
	int cpu;

	if (netif_running(lower))
		return dev_queue_xmit(skb) == NET_XMIT_SUCCESS;
	cpu = smp_processor_id();
	skb_set_queue_mapping(skb, cpu % lower->real_num_tx_queues);
	q = skb_get_tx_queue(lower, skb);
	__netif_tx_lock(q, cpu);
	room = !netif_xmit_stopped(q);
	if (room)
		agl_tx(repr_lower(r), skb);
	__netif_tx_unlock(q);
	if (!room)
		kfree_skb(skb);
	return room;
}

static netdev_tx_t repr_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct agl_repr *r = netdev_priv(dev);
	unsigned int len = skb->len;

	skb_dst_drop(skb);
	dst_hold((struct dst_entry *)r->dst);
	skb_dst_set(skb, (struct dst_entry *)r->dst);
	skb->dev = r->dst->u.port_info.lower_dev;
	if (repr_send(r, skb))
		dev_sw_netstats_tx_add(dev, 1, len);
	else
		dev_core_stats_tx_dropped_inc(dev);
	return NETDEV_TX_OK;
}

static int repr_change_mtu(struct net_device *dev, int mtu)
{
	struct agl_repr *r = netdev_priv(dev);
	int err;

	if (r->kind == AGL_REPR_PHYS && !(r->port.agl->features & AGL_FEAT_NBI_MTU))
		return -EOPNOTSUPP;
	/* What it receives comes through the PF's buffers */
	err = agl_vnic_dev_carry(r->port.agl->netdev, mtu);
	if (!err && r->kind == AGL_REPR_PHYS)
		err = agl_port_set_mtu(&r->port, mtu);
	if (!err)
		WRITE_ONCE(dev->mtu, mtu);
	return err;
}

/* What the port itself saw, forwarded in the card or not */
static void repr_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct agl_repr *r = netdev_priv(dev);

	if (r->kind == AGL_REPR_PHYS) {
		s->rx_packets = readq(r->stats + 0x050);
		s->rx_bytes = readq(r->stats + 0x000);
		s->rx_dropped = readq(r->stats + 0x028);
		s->tx_packets = readq(r->stats + 0x188);
		s->tx_bytes = readq(r->stats + 0x140);
		s->tx_dropped = readq(r->stats + 0x158);
		return;
	}
	/* The vNIC's view, turned around */
	s->rx_packets = readq(r->stats + AGL_CB_TX_FRAMES);
	s->rx_bytes = readq(r->stats + AGL_CB_TX_OCTETS);
	s->rx_dropped = readq(r->stats + AGL_CB_TX_DISCARDS);
	s->tx_packets = readq(r->stats + AGL_CB_RX_FRAMES);
	s->tx_bytes = readq(r->stats + AGL_CB_RX_OCTETS);
	s->tx_dropped = readq(r->stats + AGL_CB_RX_DISCARDS);
}

static bool repr_has_offload_stats(const struct net_device *dev, int attr)
{
	return attr == IFLA_OFFLOAD_XSTATS_CPU_HIT;
}

static int repr_offload_stats(int attr, const struct net_device *dev, void *to)
{
	struct rtnl_link_stats64 *s = to;

	if (attr != IFLA_OFFLOAD_XSTATS_CPU_HIT)
		return -EINVAL;
	memset(s, 0, sizeof(*s));
	dev_fetch_sw_netstats(s, dev->tstats);
	return 0;
}

static int repr_set_features(struct net_device *dev, netdev_features_t features)
{
	struct agl_repr *r = netdev_priv(dev);
	int rules = atomic_read(&r->rules);

	if (features & NETIF_F_HW_TC || !rules)
		return 0;
	netdev_err(dev, "hw-tc-offload stays on: %d rules are in the card\n",
		   rules);
	/* Or the next request to switch it off would be taken for no change */
	dev->wanted_features |= NETIF_F_HW_TC;
	return -EBUSY;
}

static const struct net_device_ops repr_netdev_ops = {
	.ndo_open = repr_open,
	.ndo_stop = repr_stop,
	.ndo_start_xmit = repr_xmit,
	.ndo_change_mtu = repr_change_mtu,
	.ndo_get_stats64 = repr_stats64,
	.ndo_has_offload_stats = repr_has_offload_stats,
	.ndo_get_offload_stats = repr_offload_stats,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_set_features = repr_set_features,
	.ndo_setup_tc = agl_setup_tc,
	.ndo_set_vf_mac = agl_vf_set_mac,
	.ndo_set_vf_vlan = agl_vf_set_vlan,
	.ndo_set_vf_link_state = agl_vf_set_link,
	.ndo_set_vf_spoofchk = agl_vf_set_spoofchk,
	.ndo_set_vf_trust = agl_vf_set_trust,
	.ndo_set_vf_rate = agl_vf_set_rate,
	.ndo_get_vf_config = agl_vf_get_config,
	.ndo_validate_addr = eth_validate_addr,
};

static void repr_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct agl_repr *r = netdev_priv(dev);

	strscpy(info->driver, AGL_NAME, sizeof(info->driver));
	strscpy(info->fw_version, r->port.agl->chip.fw_name, sizeof(info->fw_version));
	strscpy(info->bus_info, pci_name(r->port.agl->pdev), sizeof(info->bus_info));
}

static int repr_link_ksettings(struct net_device *dev,
			       struct ethtool_link_ksettings *cmd)
{
	struct agl_repr *r = netdev_priv(dev);
	struct agl_eth_port *p;

	ethtool_link_ksettings_zero_link_mode(cmd, supported);
	ethtool_link_ksettings_zero_link_mode(cmd, advertising);
	cmd->base.speed = SPEED_UNKNOWN;
	cmd->base.duplex = DUPLEX_UNKNOWN;
	cmd->base.port = PORT_NONE;
	if (r->kind != AGL_REPR_PHYS)
		return 0;
	p = &r->port.agl->eth.port[r->index];
	ethtool_link_ksettings_add_link_mode(cmd, supported, FIBRE);
	cmd->base.port = p->media == AGL_ETH_MEDIA_FIBRE ? PORT_FIBRE : PORT_DA;
	if (netif_carrier_ok(dev)) {
		cmd->base.speed = p->speed;
		cmd->base.duplex = DUPLEX_FULL;
	}
	return 0;
}

static int repr_sset_count(struct net_device *dev, int set)
{
	struct agl_repr *r = netdev_priv(dev);

	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return 1 + AGL_REFUSALS +
	       (r->kind == AGL_REPR_PHYS ? agl_mac_stats_count() :
					   agl_bar_stats_count());
}

static void repr_strings(struct net_device *dev, u32 set, u8 *data)
{
	struct agl_repr *r = netdev_priv(dev);

	if (set != ETH_SS_STATS)
		return;
	ethtool_puts(&data, "tc_parked");
	agl_refusal_names(data);
	data += AGL_REFUSALS * ETH_GSTRING_LEN;
	if (r->kind == AGL_REPR_PHYS)
		agl_mac_stats_names(data);
	else
		agl_bar_stats_names(data);
}

static void repr_ethtool_stats(struct net_device *dev,
			       struct ethtool_stats *stats, u64 *data)
{
	struct agl_repr *r = netdev_priv(dev);
	unsigned int i;

	*data++ = agl_order_parked(&r->port.agl->table, r->port.id);
	/* Devices that aren't ours have no statistics: the PF has theirs too */
	for (i = 0; i < AGL_REFUSALS; i++)
		data[i] = atomic_read(&r->refused[i]) +
			  (r->kind == AGL_REPR_PF ?
			   atomic_read(&r->port.agl->refused[i]) : 0);
	data += AGL_REFUSALS;
	if (r->kind == AGL_REPR_PHYS)
		agl_mac_stats_read(r->stats, data);
	else
		agl_bar_stats_read(r->stats, true, data);
}

static const struct ethtool_ops repr_ethtool_ops = {
	.get_drvinfo = repr_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = repr_link_ksettings,
	.get_sset_count = repr_sset_count,
	.get_strings = repr_strings,
	.get_ethtool_stats = repr_ethtool_stats,
};

/**
 * agl_repr_of - the representor that a netdev is
 * @dev: any netdev
 *
 * Return: NULL if it is none of this driver's.
 */
struct agl_repr *agl_repr_of(const struct net_device *dev)
{
	return dev->netdev_ops == &repr_netdev_ops ? netdev_priv(dev) : NULL;
}

/**
 * agl_reprs_init - before anybody asks which netdevs are ports of the card
 * @agl: card
 */
void agl_reprs_init(struct agilio *agl)
{
	agl->repr_ops = &repr_netdev_ops;
}

static void repr_identify(struct agl_repr *r)
{
	struct agilio *agl = r->port.agl;
	struct agl_eth_port *p;

	switch (r->kind) {
	case AGL_REPR_PHYS:
		p = &agl->eth.port[r->index];
		r->port.id = AGL_PORT_PHYS(p->index);
		r->stats = agl->mac_stats.io + p->index * AGL_MAC_STATS_BLOCK;
		eth_hw_addr_set(r->port.netdev, p->mac);
		break;
	case AGL_REPR_PF:
		r->port.id = AGL_PORT_PF(agl->chip.unit);
		r->stats = agl->bar.io;
		eth_hw_addr_random(r->port.netdev);
		break;
	case AGL_REPR_VF:
		r->port.id = AGL_PORT_VF(agl->chip.unit, r->index);
		r->stats = agl->vf_bar.io + r->index * AGL_CB_SIZE;
		eth_hw_addr_random(r->port.netdev);
		break;
	}
}

static void repr_netdev_init(struct agilio *agl, struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(agl->netdev);

	SET_NETDEV_DEV(dev, &agl->pdev->dev);
	dev->netdev_ops = &repr_netdev_ops;
	dev->ethtool_ops = &repr_ethtool_ops;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = agl->netdev->max_mtu;
	dev->needed_headroom = agl->netdev->needed_headroom;
	dev->lltx = true;
	/*
	 * Each packet gets metadata and the PF's queue: it can't be sent twice,
	 * nor with interrupts off.
	 */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE |
			   IFF_DISABLE_NETPOLL;
	dev->features = NETIF_F_HIGHDMA;
	if (v->repr_cap & AGL_CTRL_GATHER)
		dev->hw_features |= NETIF_F_SG;
	if (v->repr_cap & AGL_CTRL_TXCSUM)
		dev->hw_features |= NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM;
	if (v->repr_cap & AGL_CTRL_LSO2)
		dev->hw_features |= NETIF_F_TSO | NETIF_F_TSO6;
	/* The card checks what it gives to the PF, whoever it is for */
	dev->hw_features |= NETIF_F_RXCSUM | NETIF_F_HW_TC;
	dev->features |= dev->hw_features;
	netif_set_tso_max_segs(dev, AGL_LSO_MAX_SEGS);
	netif_carrier_off(dev);
}

static struct agl_repr *repr_alloc(struct agilio *agl, enum agl_repr_kind kind,
				   unsigned int index)
{
	struct net_device *dev;
	struct agl_repr *r;

	dev = alloc_etherdev(sizeof(*r));
	if (!dev)
		return NULL;
	r = netdev_priv(dev);
	r->port.agl = agl;
	r->port.netdev = dev;
	r->kind = kind;
	r->index = index;
	repr_netdev_init(agl, dev);
	repr_identify(r);
	r->ingress.agl = agl;
	r->ingress.dev = dev;
	r->ingress.port = r->port.id;
	r->ingress.rules = &r->rules;
	r->ingress.refused = r->refused;
	agl_ingress_init(&r->ingress);
	r->dst = metadata_dst_alloc(0, METADATA_HW_PORT_MUX, GFP_KERNEL);
	if (!r->dst) {
		free_netdev(dev);
		return NULL;
	}
	r->dst->u.port_info.port_id = r->port.id;
	r->dst->u.port_info.lower_dev = agl->netdev;
	return r;
}

static void repr_free(struct agl_repr *r)
{
	/* Packets on their way to the card hold it too */
	dst_release(&r->dst->dst);
	agl_ingress_exit(&r->ingress);
	free_netdev(r->port.netdev);
}

/* A netdev appears when the firmware knows its port, so it can be used at once */
static int repr_register(struct agl_repr *r)
{
	int err;

	err = agl_port_reify_wait(&r->port);
	if (!err)
		err = agl_devlink_port_add(r);
	return err ?: register_netdev(r->port.netdev);
}

/* Nobody finds them any more by their ports */
static void reprs_unpublish(struct list_head *reprs)
{
	struct agl_repr *r;

	list_for_each_entry(r, reprs, list)
		agl_port_unpublish(&r->port);
	synchronize_net();
}

/*
 * All at once: one grace period for sixty VFs, not sixty. The firmware hears
 * last that a port has none: after its link went down and its rules went.
 */
static void reprs_remove(struct list_head *reprs)
{
	struct agl_repr *r, *next;
	LIST_HEAD(netdevs);

	reprs_unpublish(reprs);
	rtnl_lock();
	list_for_each_entry(r, reprs, list)
		if (r->port.netdev->reg_state == NETREG_REGISTERED)
			unregister_netdevice_queue(r->port.netdev, &netdevs);
	unregister_netdevice_many(&netdevs);
	rtnl_unlock();
	list_for_each_entry_safe(r, next, reprs, list) {
		agl_port_reify(&r->port, false);
		if (r->devlink_port.registered)
			agl_devlink_port_del(r);
		repr_free(r);
	}
}

/* The firmware is asked for all, then each is waited for */
static int reprs_reify(struct agilio *agl, enum agl_repr_kind kind,
		       unsigned int count, struct list_head *reprs)
{
	struct agl_repr *r;
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		r = repr_alloc(agl, kind, i);
		if (!r)
			return -ENOMEM;
		list_add_tail(&r->list, reprs);
		agl_port_publish(&r->port);
		err = agl_port_reify(&r->port, true);
		if (err)
			return err;
	}
	return 0;
}

static int reprs_create(struct agilio *agl, enum agl_repr_kind kind,
			unsigned int count)
{
	struct agl_repr *r;
	LIST_HEAD(reprs);
	int err;

	err = reprs_reify(agl, kind, count, &reprs);
	list_for_each_entry(r, &reprs, list) {
		if (err)
			break;
		err = repr_register(r);
	}
	if (err)
		reprs_remove(&reprs);
	return err;
}

static void reprs_destroy(struct agl_port __rcu **place, unsigned int count)
{
	struct agl_repr *r;
	LIST_HEAD(reprs);
	unsigned int i;

	/* Made and taken away by probe, remove and SR-IOV, one at a time */
	for (i = 0; i < count; i++) {
		struct agl_port *port = rcu_dereference_protected(place[i], true);

		if (!port)
			continue;
		r = container_of(port, struct agl_repr, port);
		list_add_tail(&r->list, &reprs);
	}
	if (!list_empty(&reprs))
		reprs_remove(&reprs);
}

/**
 * agl_reprs_create - representors of all physical ports and of the PF
 * @agl: card with PF netdev and control vNIC
 *
 * Return: 0, or the first error, everything undone.
 */
int agl_reprs_create(struct agilio *agl)
{
	int err;

	err = reprs_create(agl, AGL_REPR_PHYS, agl->eth.count);
	if (!err)
		err = agl_port_announce(agl);
	if (!err)
		err = reprs_create(agl, AGL_REPR_PF, 1);
	if (err)
		agl_reprs_destroy(agl);
	return err;
}

/**
 * agl_reprs_destroy - take them away
 * @agl: card
 */
void agl_reprs_destroy(struct agilio *agl)
{
	reprs_destroy(&agl->pf, 1);
	reprs_destroy(agl->phys, AGL_ETH_MAX);
}

/**
 * agl_vf_reprs_create - representors of the first VFs
 * @agl: card
 * @count: how many
 *
 * Return: 0, or the first error, everything undone.
 */
int agl_vf_reprs_create(struct agilio *agl, unsigned int count)
{
	return reprs_create(agl, AGL_REPR_VF, count);
}

/**
 * agl_vf_reprs_destroy - take the VFs' representors away
 * @agl: card
 */
void agl_vf_reprs_destroy(struct agilio *agl)
{
	reprs_destroy(agl->vf, AGL_MAX_VFS);
}
