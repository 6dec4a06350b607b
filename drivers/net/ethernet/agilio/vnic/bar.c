// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control BAR: what the firmware offers, and reconfiguration. What the host
 * believes of the card changes only when the card has agreed. 02-vnic.md
 * sections 4, 5, 8 and 13.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>

#include "vnic.h"

#define UPDATE_POLL_US		50
#define UPDATE_TIMEOUT_US	(5 * USEC_PER_SEC)
/* When the firmware is known to have not answered to another vNIC's */
#define UPDATE_DOUBT_US		(100 * USEC_PER_MSEC)

#define MODERATION_US		50
#define MODERATION_FRAMES	64

/* Clocks that microengines have, with room */
#define ME_MHZ_MIN		100
#define ME_MHZ_MAX		4000

/* A buffer is at most what the page allocator gives without much ado */
#define MTU_LIMIT		(SZ_32K - SZ_1K)

/* Used whenever they are offered */
#define CTRL_ALWAYS	(AGL_CTRL_L2BC | AGL_CTRL_RXCSUM |	\
			 AGL_CTRL_TXCSUM | AGL_CTRL_GATHER | AGL_CTRL_RINGCFG | \
			 AGL_CTRL_IRQMOD)

static unsigned int bar_major(const struct agl_vnic *vnic)
{
	return FIELD_GET(AGL_CB_VERSION_MAJOR, readl(vnic->cb + AGL_CB_VERSION));
}

static int bar_check_version(struct agl_vnic *vnic)
{
	u32 v = readl(vnic->cb + AGL_CB_VERSION);
	unsigned int major = FIELD_GET(AGL_CB_VERSION_MAJOR, v);

	if (!(v & (AGL_CB_VERSION_CLASS | AGL_CB_VERSION_RESERVED |
		   AGL_CB_VERSION_NFDK)) && major >= 3 && major <= 5)
		return 0;
	dev_err(&vnic->pdev->dev, "vNIC version 0x%08x is not supported\n", v);
	return -EINVAL;
}

static void bar_read_clock(struct agl_vnic *vnic, u32 at)
{
	u32 mhz = readl(vnic->cb + at);

	if (mhz >= ME_MHZ_MIN && mhz <= ME_MHZ_MAX)
		vnic->me_mhz = mhz;
	else
		dev_warn(&vnic->pdev->dev, "a clock of %u MHz is not believed\n",
			 mhz);
}

/* Return: length of the TLV's value, negative if the list is damaged */
static int bar_parse_tlv(struct agl_vnic *vnic, u32 at, u32 head)
{
	u32 len = FIELD_GET(AGL_TLV_LENGTH, head);

	if (len % 4 || at + 4 + len + 4 > AGL_CB_SIZE)
		return -EINVAL;
	switch (FIELD_GET(AGL_TLV_TYPE, head)) {
	case AGL_TLV_UNKNOWN:
		return -EINVAL;
	case AGL_TLV_ME_FREQ:
		if (len != 4)
			return -EINVAL;
		bar_read_clock(vnic, at + 4);
		break;
	case AGL_TLV_REPR_CAP:
		if (len < 4)
			return -EINVAL;
		vnic->repr_cap = readl(vnic->cb + at + 4);
		break;
	case AGL_TLV_RESERVED:
	case AGL_TLV_MBOX:
		break;
	default:
		if (head & AGL_TLV_REQUIRED)
			return -EINVAL;
	}
	return len;
}

static int bar_read_tlvs(struct agl_vnic *vnic)
{
	u32 at = AGL_CB_TLV, head = readl(vnic->cb + at);
	int len;

	vnic->me_mhz = AGL_ME_FREQ_DEFAULT;
	if (!head)
		return 0;
	while (FIELD_GET(AGL_TLV_TYPE, head) != AGL_TLV_END) {
		len = bar_parse_tlv(vnic, at, head);
		if (len < 0) {
			dev_err(&vnic->pdev->dev, "bad TLV 0x%08x at 0x%x\n",
				head, at);
			return len;
		}
		at += 4 + len;
		head = readl(vnic->cb + at);
	}
	return FIELD_GET(AGL_TLV_LENGTH, head) ? -EINVAL : 0;
}

static bool bar_update_done(u32 v)
{
	return !v || v & AGL_UPDATE_ERR;
}

/* Return: 0, -ETIMEDOUT, -ENODEV; the card's latches are as it says */
static int bar_wait(struct agl_vnic *vnic, u32 *v)
{
	struct agl_chip *chip = vnic->chip;
	u64 patience = UPDATE_TIMEOUT_US;
	int err;

	if (chip && agl_chip_dead(chip, AGL_FAULT_UPDATE))
		patience = UPDATE_DOUBT_US;
	err = readl_poll_timeout(vnic->cb + AGL_CB_UPDATE, *v,
				 bar_update_done(*v), UPDATE_POLL_US, patience);
	if (!err && *v == U32_MAX)
		err = -ENODEV;
	if (chip && err)
		agl_chip_fault(chip, AGL_FAULT_UPDATE);
	else if (chip)
		agl_chip_mended(chip, AGL_FAULT_UPDATE);
	return err;
}

static int bar_update(struct agl_vnic *vnic, u32 update)
{
	void __iomem *kick = vnic->qc + (vnic->start_tx + 1) * AGL_QC_STRIDE;
	u32 v;
	int err;

	lockdep_assert_held(&vnic->reconfig_lock);
	/* What it says now may be the answer to what it was asked before */
	if (vnic->stuck)
		return -EIO;
	writel(update, vnic->cb + AGL_CB_UPDATE);
	/* UPDATE must have arrived before the doorbell */
	readl(vnic->cb + AGL_CB_VERSION);
	writel(1, kick + AGL_QC_ADD_WPTR);
	err = bar_wait(vnic, &v);
	vnic->stuck = err;
	if (!err && v)
		err = -EIO;
	if (err)
		dev_err(&vnic->pdev->dev, "vNIC update 0x%x: %pe%s\n", update,
			ERR_PTR(err), vnic->stuck ? ", no more are tried" : "");
	if (vnic->stuck && vnic->state == AGL_VNIC_UP)
		agl_vnic_suspect(vnic);
	return err;
}

/**
 * agl_bar_answered - whether a card that was given up has come round
 * @vnic: vNIC
 *
 * Return: true if it did, and may be asked again.
 */
bool agl_bar_answered(struct agl_vnic *vnic)
{
	u32 v;

	mutex_lock(&vnic->reconfig_lock);
	v = readl(vnic->cb + AGL_CB_UPDATE);
	if (bar_update_done(v) && v != U32_MAX) {
		vnic->stuck = false;
		if (vnic->chip)
			agl_chip_mended(vnic->chip, AGL_FAULT_UPDATE);
	}
	mutex_unlock(&vnic->reconfig_lock);
	return !vnic->stuck;
}

/**
 * agl_bar_kept - whether a card that was gone has the vNIC as it was
 * @vnic: vNIC that is AGL_VNIC_UP
 *
 * Return: false after a reset.
 */
bool agl_bar_kept(struct agl_vnic *vnic)
{
	bool kept;

	mutex_lock(&vnic->reconfig_lock);
	kept = readl(vnic->cb + AGL_CB_CTRL) == vnic->ctrl;
	mutex_unlock(&vnic->reconfig_lock);
	return kept;
}

/**
 * agl_vnic_update - have the firmware take over what was written
 * @vnic: vNIC
 * @update: AGL_UPDATE_
 *
 * Return: 0, -ETIMEDOUT after five seconds, -ENODEV if the card is gone, -EIO
 * if the firmware refuses or has not answered before.
 */
int agl_vnic_update(struct agl_vnic *vnic, u32 update)
{
	int err;

	mutex_lock(&vnic->reconfig_lock);
	err = bar_update(vnic, update);
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

/* Two big-endian numbers in little-endian registers, 02-vnic.md 4.7 */
static void bar_write_mac(struct agl_vnic *vnic, const u8 *mac)
{
	writel(get_unaligned_be32(mac), vnic->cb + AGL_CB_MAC_HI);
	writew(get_unaligned_be16(mac + 4), vnic->cb + AGL_CB_MAC_LO);
}

/**
 * agl_vnic_read_mac - the address that the card has for a vNIC
 * @vnic: vNIC
 * @mac: filled in
 */
void agl_vnic_read_mac(struct agl_vnic *vnic, u8 *mac)
{
	put_unaligned_be32(readl(vnic->cb + AGL_CB_MAC_HI), mac);
	put_unaligned_be16(readw(vnic->cb + AGL_CB_MAC_LO), mac + 4);
}

/**
 * agl_vnic_set_mac - tell the card another address
 * @vnic: vNIC; when it is down nothing happens, open writes the netdev's
 * @mac: address
 *
 * Return: 0 or errors of agl_vnic_update(): then the netdev's is the card's.
 */
int agl_vnic_set_mac(struct agl_vnic *vnic, const u8 *mac)
{
	int err = 0;

	mutex_lock(&vnic->reconfig_lock);
	if (vnic->state == AGL_VNIC_UP) {
		bar_write_mac(vnic, mac);
		err = bar_update(vnic, AGL_UPDATE_MACADDR);
		if (err)
			bar_write_mac(vnic, vnic->netdev->dev_addr);
	}
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

static u32 bar_ticks_per_usec(const struct agl_vnic *vnic)
{
	return vnic->me_mhz / AGL_IRQMOD_CLOCKS;
}

/**
 * agl_vnic_max_usecs - longest interrupt moderation
 * @vnic: vNIC whose clock is known
 *
 * Return: microseconds.
 */
u32 agl_vnic_max_usecs(const struct agl_vnic *vnic)
{
	return (FIELD_MAX(AGL_IRQMOD_TICKS) - 1) / bar_ticks_per_usec(vnic);
}

static u32 bar_moderation_word(const struct agl_vnic *vnic,
			       const struct agl_moderation *m)
{
	return FIELD_PREP(AGL_IRQMOD_FRAMES, m->frames) |
	       FIELD_PREP(AGL_IRQMOD_TICKS, m->usecs * bar_ticks_per_usec(vnic));
}

static void bar_write_moderation(struct agl_vnic *vnic, unsigned int rings)
{
	unsigned int i;

	for (i = 0; i < rings; i++) {
		writel(bar_moderation_word(vnic, &vnic->tx_mod),
		       vnic->cb + AGL_CB_TXR_IRQMOD(i));
		writel(bar_moderation_word(vnic, &vnic->rx_mod),
		       vnic->cb + AGL_CB_RXR_IRQMOD(i));
	}
}

/**
 * agl_vnic_set_moderation - change when rings interrupt
 * @vnic: vNIC; when it is down open writes it
 * @tx: transmit
 * @rx: receive
 *
 * Return: 0, or errors of agl_vnic_update() and all is as before.
 */
int agl_vnic_set_moderation(struct agl_vnic *vnic,
			    const struct agl_moderation *tx,
			    const struct agl_moderation *rx)
{
	struct agl_moderation old_tx = vnic->tx_mod, old_rx = vnic->rx_mod;
	int err = 0;

	mutex_lock(&vnic->reconfig_lock);
	vnic->tx_mod = *tx;
	vnic->rx_mod = *rx;
	if (vnic->state == AGL_VNIC_UP && vnic->ctrl & AGL_CTRL_IRQMOD) {
		bar_write_moderation(vnic, vnic->cfg.rings);
		err = bar_update(vnic, AGL_UPDATE_IRQMOD);
	}
	if (err) {
		vnic->tx_mod = old_tx;
		vnic->rx_mod = old_rx;
		bar_write_moderation(vnic, vnic->cfg.rings);
	}
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

static void bar_write_rss(struct agl_vnic *vnic, unsigned int rings)
{
	struct agl_rss *rss = &vnic->rss;
	unsigned int i;

	for (i = 0; i < AGL_RSS_ITBL_SIZE; i++)
		if (!rss->user || rss->table[i] >= rings)
			rss->table[i] = i % rings;
	for (i = 0; i < AGL_RSS_KEY_SIZE; i += 4)
		writel(get_unaligned_le32(rss->key + i),
		       vnic->cb + AGL_CB_RSS_KEY + i);
	for (i = 0; i < AGL_RSS_ITBL_SIZE; i += 4)
		writel(get_unaligned_le32(rss->table + i),
		       vnic->cb + AGL_CB_RSS_ITBL + i);
	writel(AGL_RSS_TABLE_MASK | AGL_RSS_TOEPLITZ | AGL_RSS_IPV4_TCP |
	       AGL_RSS_IPV4_UDP | AGL_RSS_IPV6_TCP | AGL_RSS_IPV6_UDP,
	       vnic->cb + AGL_CB_RSS_CTRL);
}

/**
 * agl_vnic_set_rss - change how packets are spread over rings
 * @vnic: vNIC; when it is down open writes it
 * @rss: key and table
 *
 * Return: 0, or errors of agl_vnic_update() and all is as before.
 */
int agl_vnic_set_rss(struct agl_vnic *vnic, const struct agl_rss *rss)
{
	struct agl_rss old = vnic->rss;
	int err = 0;

	mutex_lock(&vnic->reconfig_lock);
	vnic->rss = *rss;
	if (vnic->state == AGL_VNIC_UP && vnic->ctrl_rss) {
		bar_write_rss(vnic, vnic->cfg.rings);
		err = bar_update(vnic, AGL_UPDATE_RSS);
	}
	if (err) {
		vnic->rss = old;
		bar_write_rss(vnic, vnic->cfg.rings);
	}
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

static void bar_write_ring(struct agl_vnic *vnic, struct agl_ring_vec *vec)
{
	unsigned int i = vec->index;

	writeq(vec->tx.dma, vnic->cb + AGL_CB_TXR_ADDR(i));
	writeb(ilog2(vec->tx.size), vnic->cb + AGL_CB_TXR_SZ(i));
	writeb(vec->entry, vnic->cb + AGL_CB_TXR_VEC(i));
	writeq(vec->rx.dma, vnic->cb + AGL_CB_RXR_ADDR(i));
	writeb(ilog2(vec->rx.size), vnic->cb + AGL_CB_RXR_SZ(i));
	writeb(vec->entry, vnic->cb + AGL_CB_RXR_VEC(i));
}

static void bar_write_rings(struct agl_vnic *vnic, struct agl_rings *rings)
{
	u64 mask = GENMASK_ULL(rings->count - 1, 0);
	unsigned int i;

	for (i = 0; i < rings->count; i++)
		bar_write_ring(vnic, &rings->vec[i]);
	writeq(mask, vnic->cb + AGL_CB_TXRS_ENABLE);
	writeq(mask, vnic->cb + AGL_CB_RXRS_ENABLE);
	writel(rings->cfg.mtu, vnic->cb + AGL_CB_MTU);
	/* Its top byte is another register, for an interrupt that we don't use */
	writel(rings->buf_len, vnic->cb + AGL_CB_FLBUFSZ);
}

static u32 bar_ctrl(const struct agl_vnic *vnic)
{
	u32 ctrl = (vnic->cap & CTRL_ALWAYS) | vnic->ctrl_rss | vnic->ctrl_lso;

	if (vnic->netdev->features & NETIF_F_HW_VLAN_CTAG_RX)
		ctrl |= vnic->ctrl_vlan;
	return ctrl | READ_ONCE(vnic->rx_mode) | AGL_CTRL_ENABLE;
}

/**
 * agl_bar_enable - have the card use rings
 * @vnic: vNIC, not AGL_VNIC_UP
 * @rings: prepared ones
 *
 * Return: 0, then it is AGL_VNIC_UP; or errors of agl_vnic_update(). Call
 * agl_bar_disable() then.
 */
int agl_bar_enable(struct agl_vnic *vnic, struct agl_rings *rings)
{
	u32 update = AGL_UPDATE_GEN | AGL_UPDATE_RING | AGL_UPDATE_MSIX, ctrl;
	int err;

	mutex_lock(&vnic->reconfig_lock);
	ctrl = bar_ctrl(vnic);
	bar_write_rings(vnic, rings);
	if (ctrl & AGL_CTRL_IRQMOD) {
		bar_write_moderation(vnic, rings->count);
		update |= AGL_UPDATE_IRQMOD;
	}
	if (vnic->ctrl_rss) {
		bar_write_rss(vnic, rings->count);
		update |= AGL_UPDATE_RSS;
	}
	if (!vnic->control)
		bar_write_mac(vnic, vnic->netdev->dev_addr);
	writeb(vnic->control ? AGL_CB_NO_VECTOR : vnic->first_entry,
	       vnic->cb + AGL_CB_LSC);
	writeb(AGL_ICR_UNMASKED, vnic->cb + AGL_CB_ICR(vnic->first_entry));
	writel(ctrl, vnic->cb + AGL_CB_CTRL);
	err = bar_update(vnic, update);
	if (!err) {
		/* It is anew now, whatever was wrong with it before */
		cancel_delayed_work(&vnic->reset_work);
		vnic->ctrl = ctrl;
		vnic->state = AGL_VNIC_UP;
	}
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

/**
 * agl_bar_disable - have the card use no rings any more
 * @vnic: vNIC in any state, without readers and senders
 *
 * Return: 0, then it is AGL_VNIC_DOWN; or errors of agl_vnic_update(), then it is
 * AGL_VNIC_DEAD.
 */
int agl_bar_disable(struct agl_vnic *vnic)
{
	u32 update = AGL_UPDATE_GEN | AGL_UPDATE_RING | AGL_UPDATE_MSIX;
	int err;

	mutex_lock(&vnic->reconfig_lock);
	writeq(0, vnic->cb + AGL_CB_TXRS_ENABLE);
	writeq(0, vnic->cb + AGL_CB_RXRS_ENABLE);
	writeb(AGL_CB_NO_VECTOR, vnic->cb + AGL_CB_LSC);
	writel(0, vnic->cb + AGL_CB_CTRL);
	err = bar_update(vnic, update);
	/* Refused is not unanswered, and much depends on it */
	if (err && !vnic->stuck)
		err = bar_update(vnic, update);
	vnic->state = err ? AGL_VNIC_DEAD : AGL_VNIC_DOWN;
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

/**
 * agl_vnic_set_ctrl - switch features of a running vNIC on or off
 * @vnic: vNIC; when it is down nothing happens, open looks at the netdev
 * @mask: AGL_CTRL_ bits to change
 * @bits: their new values
 *
 * Return: 0, or errors of agl_vnic_update() and all is as before.
 */
int agl_vnic_set_ctrl(struct agl_vnic *vnic, u32 mask, u32 bits)
{
	u32 ctrl;
	int err = 0;

	mutex_lock(&vnic->reconfig_lock);
	ctrl = (vnic->ctrl & ~mask) | bits;
	if (vnic->state == AGL_VNIC_UP && ctrl != vnic->ctrl) {
		writel(ctrl, vnic->cb + AGL_CB_CTRL);
		err = bar_update(vnic, AGL_UPDATE_GEN);
		if (err)
			writel(vnic->ctrl, vnic->cb + AGL_CB_CTRL);
		else
			vnic->ctrl = ctrl;
	}
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

/**
 * agl_vnic_unmask - let an MSI-X entry fire again
 * @vnic: vNIC
 * @entry: of the function's table
 */
void agl_vnic_unmask(struct agl_vnic *vnic, unsigned int entry)
{
	writeb(AGL_ICR_UNMASKED, vnic->cb + AGL_CB_ICR(entry));
	readl(vnic->cb + AGL_CB_VERSION);
}

/**
 * agl_vnic_ring_limit - ring pairs that a data vNIC can make use of
 * @cb: its control BAR
 *
 * Return: from 1 to AGL_MAX_RINGS.
 */
unsigned int agl_vnic_ring_limit(void __iomem *cb)
{
	u32 rings = min(readl(cb + AGL_CB_MAX_TXRINGS),
			readl(cb + AGL_CB_MAX_RXRINGS));

	return clamp(min(rings, num_online_cpus()), 1, AGL_MAX_RINGS);
}

/* A ring's queue, or the configuration's behind it, can be behind the window */
static int bar_check_queues(struct agl_vnic *vnic)
{
	u32 tx = readl(vnic->cb + AGL_CB_START_TXQ);
	u32 rx = readl(vnic->cb + AGL_CB_START_RXQ);
	u32 last = max(tx, rx) + 1;

	if (tx < vnic->queues && rx < vnic->queues && last < vnic->queues) {
		vnic->start_tx = tx;
		vnic->start_rx = rx;
		vnic->max_rings = min(vnic->max_rings,
				      1 + (vnic->queues - 1 - last) /
				      AGL_QC_PER_RING);
		return 0;
	}
	dev_err(&vnic->pdev->dev, "queues %u and %u, where there are %u\n", tx,
		rx, vnic->queues);
	return -EINVAL;
}

static int bar_check_limits(struct agl_vnic *vnic)
{
	u32 tx = readl(vnic->cb + AGL_CB_MAX_TXRINGS);
	u32 rx = readl(vnic->cb + AGL_CB_MAX_RXRINGS);

	vnic->max_mtu = min_t(u32, readl(vnic->cb + AGL_CB_MAX_MTU), MTU_LIMIT);
	vnic->rx_offset = readl(vnic->cb + AGL_CB_RX_OFFSET);
	if (vnic->max_mtu >= ETH_MIN_MTU &&
	    vnic->rx_offset <= AGL_MAX_RX_OFFSET &&
	    min(tx, rx) && max(tx, rx) <= AGL_MAX_RINGS)
		return 0;
	dev_err(&vnic->pdev->dev, "an MTU of %u, frames at %u, %u and %u rings\n",
		vnic->max_mtu, vnic->rx_offset, tx, rx);
	return -EINVAL;
}

/* Which bit it is depends on what is offered and on the version, 02 4.6, 9.4 */
static void bar_choose_features(struct agl_vnic *vnic)
{
	u32 hashes = FIELD_GET(AGL_RSS_CAP_HASHES,
			       readl(vnic->cb + AGL_CB_RSS_CAP));

	vnic->cap = readl(vnic->cb + AGL_CB_CAP);
	if (vnic->cap & AGL_CTRL_RSS2)
		vnic->ctrl_rss = AGL_CTRL_RSS2;
	else if (bar_major(vnic) == AGL_MAJOR_CHAINED)
		vnic->ctrl_rss = vnic->cap & AGL_CTRL_RSS;
	if (hashes && !(hashes & AGL_RSS_CAP_TOEPLITZ))
		vnic->ctrl_rss = 0;
	vnic->ctrl_lso = vnic->cap & AGL_CTRL_LSO2 ?:
			 vnic->cap & AGL_CTRL_LSO;
	vnic->ctrl_vlan = vnic->cap & AGL_CTRL_RXVLAN_V2 ?:
			  vnic->cap & AGL_CTRL_RXVLAN;
}

static void bar_defaults(struct agl_vnic *vnic)
{
	struct agl_moderation mod = { MODERATION_US, MODERATION_FRAMES };

	vnic->cfg.mtu = min_t(u32, vnic->max_mtu, ETH_DATA_LEN);
	vnic->cfg.rings = vnic->max_rings;
	vnic->cfg.tx_size = AGL_RING_DEFAULT;
	vnic->cfg.rx_size = AGL_RING_DEFAULT;
	vnic->tx_mod = mod;
	vnic->rx_mod = mod;
	/* Nobody waits for a message to be sent, but for room in the ring */
	if (vnic->control) {
		vnic->tx_mod.usecs = agl_vnic_max_usecs(vnic);
		vnic->tx_mod.frames = AGL_RING_DEFAULT / 2;
	}
	netdev_rss_key_fill(vnic->rss.key, sizeof(vnic->rss.key));
}

/**
 * agl_bar_init - learn what a vNIC offers and put it into a known state
 * @vnic: see agl_vnic_init()
 *
 * Return: 0, -EINVAL if the firmware is too different, errors of
 * agl_vnic_update().
 */
int agl_bar_init(struct agl_vnic *vnic)
{
	int err;

	err = bar_check_version(vnic);
	if (!err)
		err = bar_read_tlvs(vnic);
	if (!err)
		err = bar_check_queues(vnic);
	if (!err)
		err = bar_check_limits(vnic);
	if (err)
		return err;
	bar_choose_features(vnic);
	bar_defaults(vnic);
	writel(0, vnic->cb + AGL_CB_CTRL);
	writeq(0, vnic->cb + AGL_CB_TXRS_ENABLE);
	writeq(0, vnic->cb + AGL_CB_RXRS_ENABLE);
	writel(0, vnic->cb + AGL_CB_CTRL_WORD1);
	return agl_vnic_update(vnic, AGL_UPDATE_GEN | AGL_UPDATE_RING);
}
