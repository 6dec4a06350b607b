// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive: freelist, descriptors and the metadata in front of a frame.
 * 02-vnic.md sections 7.4 to 7.8 and 9.1.
 */
#include <linux/if_vlan.h>
#include <net/page_pool/helpers.h>

#include "vnic.h"

/**
 * struct rx_meta - what the card says of a packet
 * @port: source port id, 0 if it is the vNIC's own
 * @vlan: stripped tag: 02-vnic.md section 7.8
 * @hash: receive hash
 * @hash_type: AGL_HASH_
 */
struct rx_meta {
	u32 port;
	u32 vlan;
	u32 hash;
	u32 hash_type;
};

/**
 * struct rx_count - what a poll has seen
 * @packets: received
 * @bytes: on the wire
 * @drops: malformed, or of no port
 * @csum_good: L4 checksum found right by the card
 * @csum_bad: found wrong
 */
struct rx_count {
	unsigned int packets;
	unsigned int bytes;
	unsigned int drops;
	unsigned int csum_good;
	unsigned int csum_bad;
};

/* Return: false if the fields don't fill the metadata exactly */
static bool rx_parse_meta(const u8 *p, unsigned int len, struct rx_meta *m)
{
	unsigned int at = 4;
	u32 types;

	if (!len)
		return true;
	if (len < at)
		return false;
	for (types = get_unaligned_be32(p); types; types >>= AGL_META_NIBBLE) {
		u32 value;

		if (at + 4 > len)
			return false;
		value = get_unaligned_be32(p + at);
		at += 4;
		switch (types & 0xf) {
		case AGL_META_HASH:
			types >>= AGL_META_NIBBLE;
			m->hash_type = types & 0xf;
			m->hash = value;
			break;
		case AGL_META_VLAN:
			if (FIELD_GET(AGL_META_VLAN_TPID, value) >
			    AGL_META_TPID_8021AD)
				return false;
			m->vlan = value;
			break;
		case AGL_META_PORTID:
			m->port = value;
			break;
		case AGL_META_MARK:
		case AGL_META_CSUM:
			break;
		default:
			return false;
		}
	}
	return at == len;
}

/* Return: whether there was memory */
static bool rx_put(struct agl_rx_ring *r, gfp_t gfp)
{
	unsigned int i = r->wr & (r->size - 1);
	struct page *page = page_pool_alloc_pages(r->pool, gfp);
	dma_addr_t addr;

	if (!page)
		return false;
	addr = page_pool_get_dma_addr(page) + AGL_RX_HEADROOM;
	r->page[i] = page;
	r->desc[i].fld.addr_hi = cpu_to_le16(upper_32_bits(addr));
	r->desc[i].fld.reserved = 0;
	r->desc[i].fld.meta_len_dd = 0;
	r->desc[i].fld.addr_lo = cpu_to_le32(lower_32_bits(addr));
	r->wr++;
	return true;
}

/**
 * agl_rx_prepare - buffers for all entries of a ring that the card doesn't know
 * @vec: ring pair
 *
 * Return: 0, -ENOMEM.
 */
int agl_rx_prepare(struct agl_ring_vec *vec)
{
	while (vec->rx.wr < vec->rx.size - 1)
		if (!rx_put(&vec->rx, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static void rx_doorbell(struct agl_rx_ring *r)
{
	wmb(); /* entries before the doorbell */
	writel(AGL_FL_BATCH, r->qc + AGL_QC_ADD_WPTR);
}

/**
 * agl_rx_announce - tell the card of the buffers in a ring
 * @vec: ring pair that the card has been given, nobody polls it yet
 *
 * The card counts credits in units of AGL_FL_BATCH; the others follow.
 */
void agl_rx_announce(struct agl_ring_vec *vec)
{
	u32 i;

	for (i = AGL_FL_BATCH; i <= vec->rx.wr; i += AGL_FL_BATCH)
		rx_doorbell(&vec->rx);
}

/* In NAPI. Without memory it tries again, as no frame may come to remind it */
static void rx_fill(struct agl_ring_vec *vec)
{
	struct agl_rx_ring *r = &vec->rx;

	while (r->wr - r->rd < r->size - 1) {
		if (!rx_put(r, GFP_ATOMIC | __GFP_NOWARN)) {
			u64_stats_update_begin(&vec->stats->rx.sync);
			u64_stats_inc(&vec->stats->rx.alloc_fail);
			u64_stats_update_end(&vec->stats->rx.sync);
			mod_timer(&vec->retry, jiffies + AGL_RETRY_DELAY);
			return;
		}
		if (!(r->wr % AGL_FL_BATCH))
			rx_doorbell(r);
	}
}

static void rx_csum(struct rx_count *c, struct sk_buff *skb, u16 flags)
{
	u16 l4 = flags & (AGL_RXD_TCP_CSUM | AGL_RXD_UDP_CSUM);
	u16 ok = flags & (AGL_RXD_TCP_CSUM_OK | AGL_RXD_UDP_CSUM_OK);

	if (!l4 || !(skb->dev->features & NETIF_F_RXCSUM))
		return;
	/* Each OK bit is one below its "checked" */
	if (ok << 1 != l4) {
		c->csum_bad++;
		return;
	}
	c->csum_good++;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
}

/* Return: bytes that the frame had on the wire and has no more */
static unsigned int rx_vlan(struct sk_buff *skb, u32 vlan,
			    const union agl_rx_desc *d)
{
	bool ad = FIELD_GET(AGL_META_VLAN_TPID, vlan) == AGL_META_TPID_8021AD;

	if (le16_to_cpu(d->rxd.flags) & AGL_RXD_VLAN)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q),
				       le16_to_cpu(d->rxd.vlan));
	else if (vlan & AGL_META_VLAN_STRIPPED)
		__vlan_hwaccel_put_tag(skb, htons(ad ? ETH_P_8021AD : ETH_P_8021Q),
				       FIELD_GET(AGL_META_VLAN_TCI, vlan));
	else
		return 0;
	return VLAN_HLEN;
}

static void rx_hash(struct agl_vnic *vnic, struct sk_buff *skb,
		    const struct rx_meta *m)
{
	if (m->hash_type == AGL_HASH_NONE ||
	    !(vnic->netdev->features & NETIF_F_RXHASH))
		return;
	skb_set_hash(skb, m->hash, m->hash_type <= AGL_HASH_IPV6_EXT ?
		     PKT_HASH_TYPE_L3 : PKT_HASH_TYPE_L4);
}

static struct sk_buff *rx_build(struct agl_ring_vec *vec, struct page *page,
				unsigned int at, unsigned int len)
{
	struct sk_buff *skb;

	skb = napi_build_skb(page_address(page),
			     PAGE_SIZE << vec->set->page_order);
	if (!skb)
		return NULL;
	skb_mark_for_recycle(skb);
	skb_reserve(skb, AGL_RX_HEADROOM + at);
	skb_put(skb, len);
	return skb;
}

static void rx_deliver(struct agl_ring_vec *vec, struct sk_buff *skb,
		       const struct rx_meta *m, u16 flags, struct rx_count *c)
{
	struct agl_vnic *vnic = vec->vnic;
	struct net_device *dev = vnic->netdev;

	if (m->port && vnic->ops->redirect &&
	    vnic->ops->redirect(vnic, m->port, skb))
		return;
	if (m->port && vnic->ops->source)
		dev = vnic->ops->source(vnic, m->port);
	/* A device that is down takes nothing, whoever keeps the rings running */
	if (!dev || !netif_running(dev)) {
		if (dev)
			dev_core_stats_rx_dropped_inc(dev);
		else
			c->drops++;
		dev_kfree_skb_any(skb);
		return;
	}
	if (dev != vnic->netdev)
		dev_sw_netstats_rx_add(dev, skb->len);
	skb->protocol = eth_type_trans(skb, dev);
	skb_record_rx_queue(skb, vec->index);
	rx_csum(c, skb, flags);
	rx_hash(vnic, skb, m);
	napi_gro_receive(&vec->napi, skb);
}

/*
 * Where the metadata is in the buffer that a descriptor is for, @meta_len and
 * @len being the card's word. Return: negative if they can't be.
 */
static int rx_meta_at(const struct agl_ring_vec *vec, unsigned int meta_len,
		      unsigned int len)
{
	unsigned int at = vec->vnic->rx_offset;

	if (meta_len > AGL_MAX_META || len < meta_len)
		return -EINVAL;
	if (at && meta_len > at)
		return -EINVAL;
	if (at)
		at -= meta_len;
	return at + len <= vec->set->buf_len ? at : -EINVAL;
}

/* Return: whether it was taken; if not, the page is the caller's */
static bool rx_take(struct agl_ring_vec *vec, struct page *page,
		    const union agl_rx_desc *d, struct rx_count *c)
{
	unsigned int meta_len = FIELD_GET(AGL_RXD_META_LEN, d->rxd.meta_len_dd);
	unsigned int len = le16_to_cpu(d->rxd.data_len);
	int at = rx_meta_at(vec, meta_len, len);
	struct agl_vnic *vnic = vec->vnic;
	struct rx_meta m = {};
	struct sk_buff *skb;

	if (at < 0)
		return false;
	page_pool_dma_sync_for_cpu(vec->rx.pool, page, at, len);
	len -= meta_len;
	if (!rx_parse_meta(page_address(page) + AGL_RX_HEADROOM + at, meta_len,
			   &m) ||
	    (vnic->control && m.port != AGL_META_PORTID_CTRL) ||
	    (!vnic->control && len < ETH_HLEN))
		return false;
	skb = rx_build(vec, page, at + meta_len, len);
	if (!skb)
		return false;
	c->packets++;
	c->bytes += len;
	if (vnic->control) {
		vnic->ops->rx(vnic, skb);
		return true;
	}
	c->bytes += rx_vlan(skb, m.vlan, d);
	rx_deliver(vec, skb, &m, le16_to_cpu(d->rxd.flags), c);
	return true;
}

/* Return: whether there was a packet */
static bool rx_one(struct agl_ring_vec *vec, struct rx_count *c)
{
	struct agl_rx_ring *r = &vec->rx;
	unsigned int i = r->rd & (r->size - 1);
	union agl_rx_desc *d = &r->desc[i];
	struct page *page;

	if (r->rd == r->wr || !(READ_ONCE(d->rxd.meta_len_dd) & AGL_RXD_DD))
		return false;
	dma_rmb(); /* the other fields after DD */
	page = r->page[i];
	r->page[i] = NULL;
	r->rd++;
	if (rx_take(vec, page, d, c))
		return true;
	c->drops++;
	page_pool_put_full_page(r->pool, page, true);
	return true;
}

/**
 * agl_rx_poll - receive
 * @vec: ring pair
 * @budget: of the poll
 *
 * Return: packets taken, at most @budget.
 */
int agl_rx_poll(struct agl_ring_vec *vec, int budget)
{
	struct agl_rx_stats *s = &vec->stats->rx;
	struct rx_count c = {};
	int done = 0;

	while (done < budget && rx_one(vec, &c))
		done++;
	u64_stats_update_begin(&s->sync);
	u64_stats_add(&s->packets, c.packets);
	u64_stats_add(&s->bytes, c.bytes);
	u64_stats_add(&s->drops, c.drops);
	u64_stats_add(&s->csum_good, c.csum_good);
	u64_stats_add(&s->csum_bad, c.csum_bad);
	u64_stats_update_end(&s->sync);
	rx_fill(vec);
	return done;
}
