// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control BAR: what the firmware offers, reconfiguration, open and close.
 * 02-vnic.md sections 4, 5, 8 and 13.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>

#include "vnic.h"

#define UPDATE_POLL_US		50
#define UPDATE_TIMEOUT_US	(5 * USEC_PER_SEC)

#define MODERATION_US		50
#define MODERATION_FRAMES	64

/* Used whenever they are offered */
#define CTRL_ALWAYS	(AGL_CTRL_L2BC | AGL_CTRL_RXCSUM |	\
			 AGL_CTRL_TXCSUM | AGL_CTRL_GATHER | AGL_CTRL_RINGCFG | \
			 AGL_CTRL_IRQMOD | AGL_CTRL_LSO2 | AGL_CTRL_RSS2)

static int check_version(struct agl_vnic *vnic)
{
	u32 v = readl(vnic->cb + AGL_CB_VERSION);
	unsigned int major = FIELD_GET(AGL_CB_VERSION_MAJOR, v);

	if (!(v & (AGL_CB_VERSION_CLASS | AGL_CB_VERSION_RESERVED |
		   AGL_CB_VERSION_NFDK)) && major >= 3 && major <= 5)
		return 0;
	dev_err(&vnic->pdev->dev, "vNIC version 0x%08x is not supported\n", v);
	return -EINVAL;
}

/* Return: length of the TLV's value, negative if the list is damaged */
static int parse_tlv(struct agl_vnic *vnic, u32 at, u32 head)
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
		vnic->me_mhz = readl(vnic->cb + at + 4);
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

static int read_tlvs(struct agl_vnic *vnic)
{
	u32 at = AGL_CB_TLV, head = readl(vnic->cb + at);
	int len;

	vnic->me_mhz = AGL_ME_FREQ_DEFAULT;
	if (!head)
		return 0;
	while (FIELD_GET(AGL_TLV_TYPE, head) != AGL_TLV_END) {
		len = parse_tlv(vnic, at, head);
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

static bool update_done(u32 v)
{
	return !v || v & AGL_UPDATE_ERR;
}

static int update_locked(struct agl_vnic *vnic, u32 update)
{
	void __iomem *kick = vnic->qc + (vnic->start_tx + 1) * AGL_QC_STRIDE;
	u32 v;
	int err;

	writel(update, vnic->cb + AGL_CB_UPDATE);
	/* UPDATE must have arrived before the doorbell */
	readl(vnic->cb + AGL_CB_VERSION);
	writel(1, kick + AGL_QC_ADD_WPTR);
	err = readl_poll_timeout(vnic->cb + AGL_CB_UPDATE, v, update_done(v),
				 UPDATE_POLL_US, UPDATE_TIMEOUT_US);
	if (!err && v)
		err = -EIO;
	if (err)
		dev_err(&vnic->pdev->dev, "vNIC update 0x%x: %pe\n", update,
			ERR_PTR(err));
	return err;
}

/**
 * agl_vnic_update - have the firmware take over what was written
 * @vnic: vNIC
 * @update: AGL_UPDATE_
 *
 * Return: 0, -ETIMEDOUT after five seconds, -EIO if the firmware refuses.
 */
int agl_vnic_update(struct agl_vnic *vnic, u32 update)
{
	int err;

	mutex_lock(&vnic->reconfig_lock);
	err = update_locked(vnic, update);
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

/* Two big-endian numbers in little-endian registers, 02-vnic.md 4.7 */
void agl_vnic_write_mac(struct agl_vnic *vnic, const u8 *mac)
{
	writel(get_unaligned_be32(mac), vnic->cb + AGL_CB_MAC_HI);
	writew(get_unaligned_be16(mac + 4), vnic->cb + AGL_CB_MAC_LO);
}

void agl_vnic_read_mac(struct agl_vnic *vnic, u8 *mac)
{
	put_unaligned_be32(readl(vnic->cb + AGL_CB_MAC_HI), mac);
	put_unaligned_be16(readw(vnic->cb + AGL_CB_MAC_LO), mac + 4);
}

static void link_work(struct work_struct *work)
{
	struct agl_vnic *vnic = container_of(work, struct agl_vnic, link_work);

	if (vnic->ops->link)
		vnic->ops->link(vnic, readw(vnic->cb + AGL_CB_STS) &
				AGL_CB_STS_LINK);
}

/**
 * agl_vnic_max_usecs - longest interrupt moderation
 * @vnic: vNIC whose clock is known
 */
u32 agl_vnic_max_usecs(const struct agl_vnic *vnic)
{
	return (FIELD_MAX(AGL_IRQMOD_TICKS) - 1) /
	       max(vnic->me_mhz / AGL_IRQMOD_CLOCKS, 1);
}

static void default_table(struct agl_vnic *vnic)
{
	unsigned int i;

	for (i = 0; i < AGL_RSS_ITBL_SIZE; i++)
		vnic->rss_table[i] = i % vnic->rings;
}

static void init_defaults(struct agl_vnic *vnic)
{
	struct agl_moderation mod = { MODERATION_US, MODERATION_FRAMES };

	vnic->tx_size = AGL_RING_DEFAULT;
	vnic->rx_size = AGL_RING_DEFAULT;
	vnic->tx_mod = mod;
	vnic->rx_mod = mod;
	/* Nobody waits for a message to be sent, but for room in the ring */
	if (vnic->control) {
		vnic->tx_mod.usecs = 0;
		vnic->tx_mod.frames = AGL_RING_DEFAULT / 2;
	}
	netdev_rss_key_fill(vnic->rss_key, sizeof(vnic->rss_key));
}

/**
 * agl_vnic_init - learn what a vNIC offers and put it into a known state
 * @vnic: pdev, netdev, ops, cb and qc are set
 *
 * Return: 0, -EINVAL if the firmware is too different, errors of
 * agl_vnic_update().
 */
int agl_vnic_init(struct agl_vnic *vnic)
{
	int err;

	mutex_init(&vnic->reconfig_lock);
	INIT_WORK(&vnic->link_work, link_work);
	__skb_queue_head_init(&vnic->backlog);
	init_waitqueue_head(&vnic->room);
	err = check_version(vnic);
	if (!err)
		err = read_tlvs(vnic);
	if (err)
		return err;
	vnic->cap = readl(vnic->cb + AGL_CB_CAP);
	vnic->max_mtu = readl(vnic->cb + AGL_CB_MAX_MTU);
	vnic->start_tx = readl(vnic->cb + AGL_CB_START_TXQ);
	vnic->start_rx = readl(vnic->cb + AGL_CB_START_RXQ);
	vnic->rx_offset = readl(vnic->cb + AGL_CB_RX_OFFSET);
	vnic->max_rings = min(readl(vnic->cb + AGL_CB_MAX_TXRINGS),
			      readl(vnic->cb + AGL_CB_MAX_RXRINGS));
	if (vnic->rx_offset > AGL_MAX_RX_OFFSET || !vnic->max_rings ||
	    vnic->max_rings > AGL_MAX_RINGS ||
	    max(vnic->start_tx, vnic->start_rx) +
	    AGL_QC_PER_RING * vnic->max_rings > AGL_QC_QUEUES + 2)
		return -EINVAL;
	init_defaults(vnic);
	writel(0, vnic->cb + AGL_CB_CTRL);
	writeq(0, vnic->cb + AGL_CB_TXRS_ENABLE);
	writeq(0, vnic->cb + AGL_CB_RXRS_ENABLE);
	writel(0, vnic->cb + AGL_CB_CTRL_WORD1);
	return agl_vnic_update(vnic, AGL_UPDATE_GEN | AGL_UPDATE_RING);
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

static int poll(struct napi_struct *napi, int budget)
{
	struct agl_ring_vec *vec = container_of(napi, struct agl_ring_vec, napi);
	int done;

	agl_tx_complete(vec, budget);
	done = budget ? agl_rx_poll(vec, budget) : 0;
	if (done < budget && napi_complete_done(napi, done))
		agl_vnic_unmask(vec->vnic, vec->entry);
	return done;
}

static irqreturn_t ring_irq(int irq, void *data)
{
	struct agl_ring_vec *vec = data;

	napi_schedule_irqoff(&vec->napi);
	return IRQ_HANDLED;
}

static irqreturn_t link_irq(int irq, void *data)
{
	struct agl_vnic *vnic = data;

	schedule_work(&vnic->link_work);
	agl_vnic_unmask(vnic, vnic->first_entry);
	return IRQ_HANDLED;
}

static int request_irqs(struct agl_vnic *vnic)
{
	const char *name = vnic->control ? pci_name(vnic->pdev) :
					   netdev_name(vnic->netdev);
	unsigned int i;
	int err;

	for (i = 0; i < vnic->rings; i++) {
		struct agl_ring_vec *vec = &vnic->vec[i];

		snprintf(vec->name, sizeof(vec->name), "%s-%s%u", name,
			 vnic->control ? "ctrl" : "rxtx", i);
		err = request_irq(pci_irq_vector(vnic->pdev, vec->entry), ring_irq,
				  0, vec->name, vec);
		if (err)
			goto err_free;
	}
	if (vnic->control)
		return 0;
	snprintf(vnic->link_name, sizeof(vnic->link_name), "%s-link", name);
	err = request_irq(pci_irq_vector(vnic->pdev, vnic->first_entry), link_irq,
			  0, vnic->link_name, vnic);
	if (!err)
		return 0;
err_free:
	while (i--)
		free_irq(pci_irq_vector(vnic->pdev, vnic->vec[i].entry),
			 &vnic->vec[i]);
	return err;
}

static void free_irqs(struct agl_vnic *vnic)
{
	unsigned int i;

	for (i = 0; i < vnic->rings; i++)
		free_irq(pci_irq_vector(vnic->pdev, vnic->vec[i].entry),
			 &vnic->vec[i]);
	if (!vnic->control)
		free_irq(pci_irq_vector(vnic->pdev, vnic->first_entry), vnic);
	cancel_work_sync(&vnic->link_work);
}

static void write_rss(struct agl_vnic *vnic)
{
	unsigned int i;

	if (!vnic->rss_user)
		default_table(vnic);
	for (i = 0; i < AGL_RSS_KEY_SIZE; i += 4)
		writel(get_unaligned_le32(vnic->rss_key + i),
		       vnic->cb + AGL_CB_RSS_KEY + i);
	for (i = 0; i < AGL_RSS_ITBL_SIZE; i += 4)
		writel(get_unaligned_le32(vnic->rss_table + i),
		       vnic->cb + AGL_CB_RSS_ITBL + i);
	writel(AGL_RSS_TABLE_MASK | AGL_RSS_TOEPLITZ | AGL_RSS_IPV4_TCP |
	       AGL_RSS_IPV4_UDP | AGL_RSS_IPV6_TCP | AGL_RSS_IPV6_UDP,
	       vnic->cb + AGL_CB_RSS_CTRL);
}

static u32 moderation_word(const struct agl_vnic *vnic,
			   const struct agl_moderation *m)
{
	return FIELD_PREP(AGL_IRQMOD_FRAMES, m->frames) |
	       FIELD_PREP(AGL_IRQMOD_TICKS,
			  m->usecs * (vnic->me_mhz / AGL_IRQMOD_CLOCKS));
}

static void write_moderation(struct agl_vnic *vnic)
{
	unsigned int i;

	for (i = 0; i < vnic->rings; i++) {
		writel(moderation_word(vnic, &vnic->tx_mod),
		       vnic->cb + AGL_CB_TXR_IRQMOD(i));
		writel(moderation_word(vnic, &vnic->rx_mod),
		       vnic->cb + AGL_CB_RXR_IRQMOD(i));
	}
}

/**
 * agl_vnic_write_moderation - tell the card tx_mod and rx_mod
 * @vnic: vNIC; when it is closed nothing happens, open writes them
 *
 * Return: 0 or errors of agl_vnic_update().
 */
int agl_vnic_write_moderation(struct agl_vnic *vnic)
{
	if (!vnic->running || !(vnic->ctrl & AGL_CTRL_IRQMOD))
		return 0;
	write_moderation(vnic);
	return agl_vnic_update(vnic, AGL_UPDATE_IRQMOD);
}

/**
 * agl_vnic_write_rss - tell the card rss_key and rss_table
 * @vnic: vNIC; when it is closed nothing happens, open writes them
 *
 * Return: 0 or errors of agl_vnic_update().
 */
int agl_vnic_write_rss(struct agl_vnic *vnic)
{
	if (!vnic->running || !(vnic->ctrl & AGL_CTRL_RSS2))
		return 0;
	write_rss(vnic);
	return agl_vnic_update(vnic, AGL_UPDATE_RSS);
}

static void write_ring(struct agl_vnic *vnic, struct agl_ring_vec *vec)
{
	unsigned int i = vec->index;

	writeq(vec->tx.dma, vnic->cb + AGL_CB_TXR_ADDR(i));
	writeb(ilog2(vec->tx.size), vnic->cb + AGL_CB_TXR_SZ(i));
	writeb(vec->entry, vnic->cb + AGL_CB_TXR_VEC(i));
	writeq(vec->rx.dma, vnic->cb + AGL_CB_RXR_ADDR(i));
	writeb(ilog2(vec->rx.size), vnic->cb + AGL_CB_RXR_SZ(i));
	writeb(vec->entry, vnic->cb + AGL_CB_RXR_VEC(i));
}

static int enable(struct agl_vnic *vnic, unsigned int mtu)
{
	u32 update = AGL_UPDATE_GEN | AGL_UPDATE_RING | AGL_UPDATE_MSIX;
	unsigned int i;

	vnic->ctrl = (vnic->cap & CTRL_ALWAYS) | AGL_CTRL_ENABLE;
	if (vnic->netdev->features & NETIF_F_HW_VLAN_CTAG_RX)
		vnic->ctrl |= AGL_CTRL_RXVLAN_V2;
	for (i = 0; i < vnic->rings; i++)
		write_ring(vnic, &vnic->vec[i]);
	write_moderation(vnic);
	if (vnic->ctrl & AGL_CTRL_RSS2) {
		write_rss(vnic);
		update |= AGL_UPDATE_RSS;
	}
	if (vnic->ctrl & AGL_CTRL_IRQMOD)
		update |= AGL_UPDATE_IRQMOD;
	writeq(GENMASK_ULL(vnic->rings - 1, 0), vnic->cb + AGL_CB_TXRS_ENABLE);
	writeq(GENMASK_ULL(vnic->rings - 1, 0), vnic->cb + AGL_CB_RXRS_ENABLE);
	if (!vnic->control)
		agl_vnic_write_mac(vnic, vnic->netdev->dev_addr);
	writel(mtu, vnic->cb + AGL_CB_MTU);
	/* Its top byte is another register, for an interrupt that we don't use */
	writel(vnic->buf_len, vnic->cb + AGL_CB_FLBUFSZ);
	writeb(vnic->control ? AGL_CB_NO_VECTOR : vnic->first_entry,
	       vnic->cb + AGL_CB_LSC);
	writeb(AGL_ICR_UNMASKED, vnic->cb + AGL_CB_ICR(vnic->first_entry));
	writel(vnic->ctrl, vnic->cb + AGL_CB_CTRL);
	return agl_vnic_update(vnic, update);
}

/**
 * agl_vnic_set_ctrl - switch features of a running vNIC on or off
 * @vnic: vNIC; when it is closed nothing happens, open looks at the netdev
 * @mask: AGL_CTRL_ bits to change
 * @bits: their new values
 *
 * Return: 0 or errors of agl_vnic_update().
 */
int agl_vnic_set_ctrl(struct agl_vnic *vnic, u32 mask, u32 bits)
{
	u32 ctrl;
	int err = 0;

	mutex_lock(&vnic->reconfig_lock);
	ctrl = (vnic->ctrl & ~mask) | bits;
	if (vnic->running && ctrl != vnic->ctrl) {
		vnic->ctrl = ctrl;
		writel(ctrl, vnic->cb + AGL_CB_CTRL);
		err = update_locked(vnic, AGL_UPDATE_GEN);
	}
	mutex_unlock(&vnic->reconfig_lock);
	return err;
}

static void disable(struct agl_vnic *vnic)
{
	mutex_lock(&vnic->reconfig_lock);
	vnic->running = false;
	writeq(0, vnic->cb + AGL_CB_TXRS_ENABLE);
	writeq(0, vnic->cb + AGL_CB_RXRS_ENABLE);
	writeb(AGL_CB_NO_VECTOR, vnic->cb + AGL_CB_LSC);
	writel(0, vnic->cb + AGL_CB_CTRL);
	update_locked(vnic, AGL_UPDATE_GEN | AGL_UPDATE_RING | AGL_UPDATE_MSIX);
	mutex_unlock(&vnic->reconfig_lock);
}

/**
 * agl_vnic_open - start a vNIC
 * @vnic: initialised, its rings and first_entry set
 * @mtu: L3 bytes that its buffers must take
 *
 * Return: 0, -ENOMEM, errors of the interrupts or of agl_vnic_update().
 */
int agl_vnic_open(struct agl_vnic *vnic, unsigned int mtu)
{
	unsigned int i;
	int err;

	err = agl_rings_alloc(vnic, mtu);
	if (err)
		return err;
	for (i = 0; i < vnic->rings; i++) {
		struct agl_ring_vec *vec = &vnic->vec[i];

		vec->entry = vnic->first_entry + AGL_VNIC_VECTORS + i;
		netif_napi_add(vnic->netdev, &vec->napi, poll);
		napi_enable(&vec->napi);
	}
	err = request_irqs(vnic);
	if (err)
		goto err_napi;
	err = enable(vnic, mtu);
	if (err)
		goto err_irqs;
	for (i = 0; i < vnic->rings; i++)
		agl_rx_fill(&vnic->vec[i]);
	vnic->running = true;
	if (!vnic->control)
		schedule_work(&vnic->link_work);
	return 0;

err_irqs:
	disable(vnic);
	free_irqs(vnic);
err_napi:
	for (i = 0; i < vnic->rings; i++) {
		napi_disable(&vnic->vec[i].napi);
		netif_napi_del(&vnic->vec[i].napi);
	}
	agl_rings_free(vnic);
	return err;
}

/**
 * agl_vnic_close - stop a vNIC; no DMA happens after that
 * @vnic: an open one
 */
void agl_vnic_close(struct agl_vnic *vnic)
{
	unsigned int i;

	disable(vnic);
	free_irqs(vnic);
	for (i = 0; i < vnic->rings; i++) {
		napi_disable(&vnic->vec[i].napi);
		netif_napi_del(&vnic->vec[i].napi);
		agl_tx_purge(&vnic->vec[i]);
	}
	agl_rings_free(vnic);
}
