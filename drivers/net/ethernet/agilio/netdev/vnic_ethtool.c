// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings and statistics of the netdev of a data vNIC.
 */
#include <linux/ethtool.h>
#include <linux/log2.h>
#include <net/netdev_queues.h>

#include "../agilio.h"

static void vnic_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct agl_vnic *v = netdev_priv(dev);

	strscpy(info->driver, AGL_NAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(v->pdev), sizeof(info->bus_info));
}

static const char stat_names[][ETH_GSTRING_LEN] = {
	"rx_csum_good", "rx_csum_bad", "rx_drops", "rx_alloc_fail",
	"tx_bad_completions",
};

static int vnic_sset_count(struct net_device *dev, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return ARRAY_SIZE(stat_names) + agl_bar_stats_count();
}

static void vnic_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set != ETH_SS_STATS)
		return;
	memcpy(data, stat_names, sizeof(stat_names));
	agl_bar_stats_names(data + sizeof(stat_names));
}

static void vnic_stats(struct net_device *dev, struct ethtool_stats *stats,
		       u64 *data)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_ring_totals t = {};
	unsigned int i;

	for (i = 0; i < v->max_rings; i++)
		agl_ring_totals(&v->stats[i], &t);
	data[0] = t.csum_good;
	data[1] = t.csum_bad;
	data[2] = t.rx_drops;
	data[3] = t.rx_alloc_fail;
	data[4] = t.tx_bad;
	agl_bar_stats_read(v->cb, false, data + ARRAY_SIZE(stat_names));
}

static void vnic_get_ringparam(struct net_device *dev,
			       struct ethtool_ringparam *ring,
			       struct kernel_ethtool_ringparam *kernel_ring,
			       struct netlink_ext_ack *extack)
{
	struct agl_vnic *v = netdev_priv(dev);

	ring->rx_max_pending = AGL_RING_LIMIT;
	ring->tx_max_pending = AGL_RING_LIMIT;
	ring->rx_pending = v->cfg.rx_size;
	ring->tx_pending = v->cfg.tx_size;
}

static int vnic_check_ring(u32 size, const char *name,
			   struct netlink_ext_ack *extack)
{
	if (size >= AGL_RING_MIN && is_power_of_2(size))
		return 0;
	NL_SET_ERR_MSG_FMT_MOD(extack, "%s ring of %u: not a power of two from %u",
			       name, size, AGL_RING_MIN);
	return -EINVAL;
}

static int vnic_set_ringparam(struct net_device *dev,
			      struct ethtool_ringparam *ring,
			      struct kernel_ethtool_ringparam *kernel_ring,
			      struct netlink_ext_ack *extack)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_vnic_config cfg = v->cfg;
	int err;

	err = vnic_check_ring(ring->rx_pending, "rx", extack);
	if (!err)
		err = vnic_check_ring(ring->tx_pending, "tx", extack);
	if (err)
		return err;
	cfg.rx_size = ring->rx_pending;
	cfg.tx_size = ring->tx_pending;
	return agl_vnic_dev_reconfigure(dev, &cfg);
}

static void vnic_get_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct agl_vnic *v = netdev_priv(dev);

	ch->max_combined = v->max_rings;
	ch->combined_count = v->cfg.rings;
}

static int vnic_set_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_vnic_config cfg = v->cfg;

	if (!ch->combined_count)
		return -EINVAL;
	cfg.rings = ch->combined_count;
	return agl_vnic_dev_reconfigure(dev, &cfg);
}

static int vnic_get_coalesce(struct net_device *dev, struct ethtool_coalesce *c,
			     struct kernel_ethtool_coalesce *kernel_c,
			     struct netlink_ext_ack *extack)
{
	struct agl_vnic *v = netdev_priv(dev);

	if (!(v->cap & AGL_CTRL_IRQMOD))
		return -EOPNOTSUPP;
	c->rx_coalesce_usecs = v->rx_mod.usecs;
	c->rx_max_coalesced_frames = v->rx_mod.frames;
	c->tx_coalesce_usecs = v->tx_mod.usecs;
	c->tx_max_coalesced_frames = v->tx_mod.frames;
	return 0;
}

static int vnic_check_moderation(const struct agl_vnic *v,
				 const struct agl_moderation *m,
				 const char *name, struct netlink_ext_ack *extack)
{
	u32 max_usecs = agl_vnic_max_usecs(v);

	if (!m->usecs && !m->frames) {
		NL_SET_ERR_MSG_FMT_MOD(extack,
				       "%s-usecs and %s-frames 0: no interrupt ever",
				       name, name);
		return -EINVAL;
	}
	if (m->usecs <= max_usecs && m->frames < FIELD_MAX(AGL_IRQMOD_FRAMES))
		return 0;
	NL_SET_ERR_MSG_FMT_MOD(extack, "%s-usecs is at most %u, %s-frames %lu",
			       name, max_usecs, name,
			       FIELD_MAX(AGL_IRQMOD_FRAMES) - 1);
	return -ERANGE;
}

static int vnic_set_coalesce(struct net_device *dev, struct ethtool_coalesce *c,
			     struct kernel_ethtool_coalesce *kernel_c,
			     struct netlink_ext_ack *extack)
{
	struct agl_moderation tx = { c->tx_coalesce_usecs,
				     c->tx_max_coalesced_frames };
	struct agl_moderation rx = { c->rx_coalesce_usecs,
				     c->rx_max_coalesced_frames };
	struct agl_vnic *v = netdev_priv(dev);
	int err;

	if (!(v->cap & AGL_CTRL_IRQMOD))
		return -EOPNOTSUPP;
	err = vnic_check_moderation(v, &rx, "rx", extack);
	if (!err)
		err = vnic_check_moderation(v, &tx, "tx", extack);
	return err ?: agl_vnic_set_moderation(v, &tx, &rx);
}

static int vnic_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *cmd,
			  u32 *rules)
{
	struct agl_vnic *v = netdev_priv(dev);

	if (cmd->cmd != ETHTOOL_GRXRINGS)
		return -EOPNOTSUPP;
	cmd->data = v->cfg.rings;
	return 0;
}

static u32 vnic_rxfh_key_size(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);

	return v->ctrl_rss ? AGL_RSS_KEY_SIZE : 0;
}

static u32 vnic_rxfh_indir_size(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);

	return v->ctrl_rss ? AGL_RSS_ITBL_SIZE : 0;
}

static int vnic_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh)
{
	struct agl_vnic *v = netdev_priv(dev);
	unsigned int i;

	if (!v->ctrl_rss)
		return -EOPNOTSUPP;
	rxfh->hfunc = ETH_RSS_HASH_TOP;
	for (i = 0; rxfh->indir && i < AGL_RSS_ITBL_SIZE; i++)
		rxfh->indir[i] = v->rss.user ? v->rss.table[i] :
						i % v->cfg.rings;
	if (rxfh->key)
		memcpy(rxfh->key, v->rss.key, AGL_RSS_KEY_SIZE);
	return 0;
}

static int vnic_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
			 struct netlink_ext_ack *extack)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_rss rss = v->rss;
	bool own = false;
	unsigned int i;

	if (!v->ctrl_rss)
		return -EOPNOTSUPP;
	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE &&
	    rxfh->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG_MOD(extack, "the hash function is toeplitz");
		return -EOPNOTSUPP;
	}
	for (i = 0; rxfh->indir && i < AGL_RSS_ITBL_SIZE; i++) {
		rss.table[i] = rxfh->indir[i];
		own |= rxfh->indir[i] != i % v->cfg.rings;
	}
	/* The default table follows the number of rings */
	if (rxfh->indir)
		rss.user = own;
	if (rxfh->key)
		memcpy(rss.key, rxfh->key, AGL_RSS_KEY_SIZE);
	return agl_vnic_set_rss(v, &rss);
}

const struct ethtool_ops agl_vnic_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_USECS |
				     ETHTOOL_COALESCE_MAX_FRAMES,
	.get_drvinfo = vnic_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = vnic_sset_count,
	.get_strings = vnic_strings,
	.get_ethtool_stats = vnic_stats,
	.get_ringparam = vnic_get_ringparam,
	.set_ringparam = vnic_set_ringparam,
	.get_channels = vnic_get_channels,
	.set_channels = vnic_set_channels,
	.get_coalesce = vnic_get_coalesce,
	.set_coalesce = vnic_set_coalesce,
	.get_rxnfc = vnic_get_rxnfc,
	.get_rxfh_key_size = vnic_rxfh_key_size,
	.get_rxfh_indir_size = vnic_rxfh_indir_size,
	.get_rxfh = vnic_get_rxfh,
	.set_rxfh = vnic_set_rxfh,
};

static void vnic_stats_rx(const struct agl_ring_totals *t,
			  struct netdev_queue_stats_rx *rx)
{
	rx->packets = t->rx_packets;
	rx->bytes = t->rx_bytes;
	rx->alloc_fail = t->rx_alloc_fail;
	rx->csum_unnecessary = t->csum_good;
	rx->csum_bad = t->csum_bad;
}

static void vnic_stats_tx(const struct agl_ring_totals *t,
			  struct netdev_queue_stats_tx *tx)
{
	tx->packets = t->tx_packets;
	tx->bytes = t->tx_bytes;
}

static void vnic_queue_stats_rx(struct net_device *dev, int idx,
				struct netdev_queue_stats_rx *rx)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_ring_totals t = {};

	agl_ring_totals(&v->stats[idx], &t);
	vnic_stats_rx(&t, rx);
}

static void vnic_queue_stats_tx(struct net_device *dev, int idx,
				struct netdev_queue_stats_tx *tx)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_ring_totals t = {};

	agl_ring_totals(&v->stats[idx], &t);
	vnic_stats_tx(&t, tx);
}

/* What is in no queue: those that there are no more */
static void vnic_base_stats(struct net_device *dev,
			    struct netdev_queue_stats_rx *rx,
			    struct netdev_queue_stats_tx *tx)
{
	struct agl_vnic *v = netdev_priv(dev);
	struct agl_ring_totals t = {};
	unsigned int i;

	for (i = dev->real_num_rx_queues; i < v->max_rings; i++)
		agl_ring_totals(&v->stats[i], &t);
	vnic_stats_rx(&t, rx);
	vnic_stats_tx(&t, tx);
}

const struct netdev_stat_ops agl_vnic_stat_ops = {
	.get_queue_stats_rx = vnic_queue_stats_rx,
	.get_queue_stats_tx = vnic_queue_stats_tx,
	.get_base_stats = vnic_base_stats,
};
