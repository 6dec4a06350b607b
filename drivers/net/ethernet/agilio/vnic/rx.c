// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive: freelist, descriptors and the metadata in front of a frame.
 * 02-vnic.md sections 7.4 to 7.8 and 9.1.
 */
#include <linux/if_vlan.h>
#include <net/page_pool/helpers.h>

#include "vnic.h"

#define RX_HEADROOM	NET_SKB_PAD

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

/* Return: false if the fields don't fill the metadata exactly */
static bool parse_meta(const u8 *p, unsigned int len, struct rx_meta *m)
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

/**
 * agl_rx_fill - give all free entries to the card
 * @vec: ring pair
 *
 * The card counts credits in units of AGL_FL_BATCH.
 */
void agl_rx_fill(struct agl_ring_vec *vec)
{
	struct agl_rx_ring *r = &vec->rx;

	while (r->wr - r->rd < r->size - 1) {
		unsigned int i = r->wr & (r->size - 1);
		struct page *page = page_pool_dev_alloc_pages(r->pool);
		dma_addr_t addr;

		if (!page)
			return;
		addr = page_pool_get_dma_addr(page) + RX_HEADROOM;
		r->page[i] = page;
		r->desc[i].fld.addr_hi = cpu_to_le16(upper_32_bits(addr));
		r->desc[i].fld.reserved = 0;
		r->desc[i].fld.meta_len_dd = 0;
		r->desc[i].fld.addr_lo = cpu_to_le32(lower_32_bits(addr));
		if (++r->wr % AGL_FL_BATCH)
			continue;
		wmb(); /* entries before the doorbell */
		writel(AGL_FL_BATCH, r->qc + AGL_QC_ADD_WPTR);
	}
}

static void rx_csum(struct agl_vnic *vnic, struct agl_rx_ring *r,
		    struct sk_buff *skb, u16 flags)
{
	u16 l4 = flags & (AGL_RXD_TCP_CSUM | AGL_RXD_UDP_CSUM);
	u16 ok = flags & (AGL_RXD_TCP_CSUM_OK | AGL_RXD_UDP_CSUM_OK);

	if (!l4 || !(skb->dev->features & NETIF_F_RXCSUM))
		return;
	/* Each OK bit is one below its "checked" */
	if (ok << 1 != l4) {
		u64_stats_inc(&r->csum_bad);
		return;
	}
	u64_stats_inc(&r->csum_good);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
}

static void rx_vlan(struct sk_buff *skb, u32 vlan)
{
	bool ad = FIELD_GET(AGL_META_VLAN_TPID, vlan) == AGL_META_TPID_8021AD;

	if (vlan & AGL_META_VLAN_STRIPPED)
		__vlan_hwaccel_put_tag(skb, htons(ad ? ETH_P_8021AD : ETH_P_8021Q),
				       FIELD_GET(AGL_META_VLAN_TCI, vlan));
}

static void rx_hash(struct sk_buff *skb, const struct rx_meta *m)
{
	if (m->hash_type == AGL_HASH_NONE)
		return;
	skb_set_hash(skb, m->hash, m->hash_type <= AGL_HASH_IPV6 ?
		     PKT_HASH_TYPE_L3 : PKT_HASH_TYPE_L4);
}

static struct sk_buff *build(struct agl_vnic *vnic, struct page *page,
			     unsigned int meta_len, unsigned int len)
{
	unsigned int at = RX_HEADROOM + (vnic->rx_offset ?: meta_len);
	struct sk_buff *skb;

	skb = napi_build_skb(page_address(page), PAGE_SIZE << vnic->page_order);
	if (!skb)
		return NULL;
	skb_mark_for_recycle(skb);
	skb_reserve(skb, at);
	skb_put(skb, len);
	return skb;
}

static void deliver(struct agl_ring_vec *vec, struct sk_buff *skb,
		    const struct rx_meta *m, u16 flags)
{
	struct agl_vnic *vnic = vec->vnic;
	struct net_device *dev = vnic->netdev;

	if (vnic->control) {
		vnic->ops->rx(vnic, skb);
		return;
	}
	if (m->port && vnic->ops->redirect &&
	    vnic->ops->redirect(vnic, m->port, skb))
		return;
	if (m->port && vnic->ops->source)
		dev = vnic->ops->source(vnic, m->port);
	if (!dev) {
		u64_stats_inc(&vec->rx.drops);
		dev_kfree_skb_any(skb);
		return;
	}
	if (dev != vnic->netdev)
		dev_sw_netstats_rx_add(dev, skb->len);
	skb->protocol = eth_type_trans(skb, dev);
	skb_record_rx_queue(skb, vec->index);
	rx_csum(vnic, &vec->rx, skb, flags);
	rx_vlan(skb, m->vlan);
	rx_hash(skb, m);
	napi_gro_receive(&vec->napi, skb);
}

/* Return: whether there was a packet */
static bool rx_one(struct agl_ring_vec *vec)
{
	struct agl_rx_ring *r = &vec->rx;
	unsigned int i = r->rd & (r->size - 1), len, meta_len;
	union agl_rx_desc *d = &r->desc[i];
	struct agl_vnic *vnic = vec->vnic;
	struct rx_meta m = {};
	struct sk_buff *skb;
	struct page *page;
	u8 *start;

	if (r->rd == r->wr || !(READ_ONCE(d->rxd.meta_len_dd) & AGL_RXD_DD))
		return false;
	dma_rmb(); /* the other fields after DD */
	meta_len = FIELD_GET(AGL_RXD_META_LEN, d->rxd.meta_len_dd);
	len = le16_to_cpu(d->rxd.data_len);
	page = r->page[i];
	r->page[i] = NULL;
	r->rd++;
	start = page_address(page) + RX_HEADROOM;
	if (vnic->rx_offset)
		start += vnic->rx_offset - meta_len;
	if (len < meta_len || len > vnic->buf_len || meta_len > AGL_MAX_META)
		goto drop;
	dma_sync_single_range_for_cpu(&vnic->pdev->dev,
				      page_pool_get_dma_addr(page), RX_HEADROOM,
				      len, DMA_FROM_DEVICE);
	len -= meta_len;
	if (!parse_meta(start, meta_len, &m) ||
	    (vnic->control && m.port != AGL_META_PORTID_CTRL) ||
	    (!vnic->control && len < ETH_HLEN))
		goto drop;
	skb = build(vnic, page, meta_len, len);
	if (!skb)
		goto drop;
	u64_stats_inc(&r->packets);
	u64_stats_add(&r->bytes, len);
	deliver(vec, skb, &m, le16_to_cpu(d->rxd.flags));
	return true;

drop:
	u64_stats_inc(&r->drops);
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
	int done = 0;

	u64_stats_update_begin(&vec->rx.sync);
	while (done < budget && rx_one(vec))
		done++;
	u64_stats_update_end(&vec->rx.sync);
	agl_rx_fill(vec);
	return done;
}
