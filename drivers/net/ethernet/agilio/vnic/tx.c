// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transmit: NFD3 descriptors. 02-vnic.md sections 7.2, 7.10 and 7.11.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/dst_metadata.h>
#include <net/netdev_queues.h>
#include <net/tcp.h>

#include "vnic.h"

#define PORTID_LEN	8	/* type word and port id */
#define TX_SPARE	(MAX_SKB_FRAGS + 2)

static u32 tx_free(const struct agl_tx_ring *r)
{
	/* One stays unused, or full could not be told from empty */
	return r->size - 1 - (r->wr - r->rd);
}

static int prepend_port(struct sk_buff *skb, u32 port)
{
	__be32 *meta;
	int err;

	err = skb_cow_head(skb, PORTID_LEN);
	if (err)
		return err;
	meta = skb_push(skb, PORTID_LEN);
	meta[0] = cpu_to_be32(AGL_META_PORTID);
	meta[1] = cpu_to_be32(port);
	return 0;
}

/* Offsets count from the frame, after the metadata */
static void fill_lso(struct agl_tx_desc *d, struct sk_buff *skb, u8 meta)
{
	d->flags |= AGL_TXD_LSO;
	d->l3_offset = skb_network_offset(skb) - meta;
	d->l4_offset = skb_transport_offset(skb) - meta;
	d->lso_hdrlen = skb_tcp_all_headers(skb) - meta;
	d->mss = cpu_to_le16(skb_shinfo(skb)->gso_size & AGL_TXD_MSS);
}

static void fill_csum(struct agl_tx_desc *d, struct sk_buff *skb)
{
	u8 proto;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return;
	d->flags |= AGL_TXD_CSUM;
	if (vlan_get_protocol(skb) == htons(ETH_P_IP)) {
		d->flags |= AGL_TXD_IP4_CSUM;
		proto = ip_hdr(skb)->protocol;
	} else {
		proto = ipv6_hdr(skb)->nexthdr;
	}
	d->flags |= proto == IPPROTO_TCP ? AGL_TXD_TCP_CSUM : AGL_TXD_UDP_CSUM;
}

static int map_part(struct agl_vnic *vnic, struct agl_tx_ring *r,
		    const struct agl_tx_desc *proto, const skb_frag_t *frag,
		    void *linear, u32 len)
{
	struct agl_tx_desc *d = &r->desc[r->wr & (r->size - 1)];
	struct agl_tx_buf *b = &r->buf[r->wr & (r->size - 1)];
	struct device *dev = &vnic->pdev->dev;

	b->dma = frag ? skb_frag_dma_map(dev, frag, 0, len, DMA_TO_DEVICE) :
			dma_map_single(dev, linear, len, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, b->dma))
		return -ENOMEM;
	b->len = len;
	b->page = frag;
	b->skb = NULL;
	*d = *proto;
	d->addr_hi = upper_32_bits(b->dma);
	d->addr_lo = cpu_to_le32(lower_32_bits(b->dma));
	d->dma_len = cpu_to_le16(len);
	r->wr++;
	return 0;
}

static void unmap_one(struct agl_vnic *vnic, struct agl_tx_buf *b)
{
	struct device *dev = &vnic->pdev->dev;

	if (b->page)
		dma_unmap_page(dev, b->dma, b->len, DMA_TO_DEVICE);
	else
		dma_unmap_single(dev, b->dma, b->len, DMA_TO_DEVICE);
}

/* All parts of a packet, or none */
static int map_packet(struct agl_vnic *vnic, struct agl_tx_ring *r,
		      const struct agl_tx_desc *proto, struct sk_buff *skb)
{
	u32 start = r->wr;
	int i, err;

	err = map_part(vnic, r, proto, NULL, skb->data, skb_headlen(skb));
	for (i = 0; !err && i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i];

		err = map_part(vnic, r, proto, f, NULL, skb_frag_size(f));
	}
	if (err) {
		while (r->wr != start)
			unmap_one(vnic, &r->buf[--r->wr & (r->size - 1)]);
		return err;
	}
	r->buf[(r->wr - 1) & (r->size - 1)].skb = skb;
	r->desc[(r->wr - 1) & (r->size - 1)].offset_eop |= AGL_TXD_EOP;
	r->pending += r->wr - start;
	return 0;
}

static void doorbell(struct agl_tx_ring *r)
{
	wmb(); /* descriptors before the doorbell */
	writel(r->pending, r->qc + AGL_QC_ADD_WPTR);
	r->pending = 0;
}

/**
 * agl_tx - send a packet of a netdev
 * @vnic: data vNIC
 * @skb: with a port id in its metadata dst if it is a representor's
 */
netdev_tx_t agl_tx(struct agl_vnic *vnic, struct sk_buff *skb)
{
	struct agl_ring_vec *vec = &vnic->vec[skb_get_queue_mapping(skb)];
	struct metadata_dst *md = skb_metadata_dst(skb);
	struct agl_tx_ring *r = &vec->tx;
	struct agl_tx_desc d = {};
	struct netdev_queue *q;
	u8 meta = 0;

	q = netdev_get_tx_queue(vnic->netdev, vec->index);
	if (md && md->type == METADATA_HW_PORT_MUX) {
		if (prepend_port(skb, md->u.port_info.port_id))
			goto drop;
		meta = PORTID_LEN;
	}
	d.offset_eop = meta;
	d.data_len = cpu_to_le16(skb->len);
	fill_csum(&d, skb);
	if (skb_is_gso(skb))
		fill_lso(&d, skb, meta);
	if (map_packet(vnic, r, &d, skb))
		goto drop;
	skb_tx_timestamp(skb);
	netif_txq_maybe_stop(q, tx_free(r), TX_SPARE, 2 * TX_SPARE);
	if (__netdev_tx_sent_queue(q, skb->len, netdev_xmit_more()))
		doorbell(r);
	return NETDEV_TX_OK;

drop:
	dev_core_stats_tx_dropped_inc(vnic->netdev);
	dev_kfree_skb_any(skb);
	if (r->pending && !netdev_xmit_more())
		doorbell(r);
	return NETDEV_TX_OK;
}

/* Under the ring's lock; the doorbell is for later */
static void control_post(struct agl_vnic *vnic, struct sk_buff *skb)
{
	struct agl_tx_desc d = { .offset_eop = PORTID_LEN };
	struct agl_tx_ring *r = &vnic->vec[0].tx;
	int err;

	d.data_len = cpu_to_le16(skb->len);
	err = map_packet(vnic, r, &d, skb);
	if (!err)
		return;
	dev_err_ratelimited(&vnic->pdev->dev, "a message was lost: %pe\n",
			    ERR_PTR(err));
	dev_kfree_skb_any(skb);
}

/**
 * agl_tx_control - put a control message into the ring
 * @vnic: control vNIC
 * @skb: the message, linear, with room for the prepend; gone after the call
 *
 * When the ring is full it waits behind the others. The card sees it after
 * agl_tx_control_kick().
 */
void agl_tx_control(struct agl_vnic *vnic, struct sk_buff *skb)
{
	struct agl_tx_ring *r = &vnic->vec[0].tx;

	if (prepend_port(skb, AGL_META_PORTID_CTRL)) {
		dev_kfree_skb_any(skb);
		return;
	}
	spin_lock_bh(&r->lock);
	if (tx_free(r) && skb_queue_empty(&vnic->backlog))
		control_post(vnic, skb);
	else
		__skb_queue_tail(&vnic->backlog, skb);
	spin_unlock_bh(&r->lock);
}

/**
 * agl_tx_control_kick - tell the card of the messages in the ring
 * @vnic: control vNIC
 *
 * Call it without locks. The doorbell adds, so it doesn't matter who of several
 * senders rings it first and for how many.
 */
void agl_tx_control_kick(struct agl_vnic *vnic)
{
	struct agl_tx_ring *r = &vnic->vec[0].tx;
	u32 pending;

	spin_lock_bh(&r->lock);
	pending = r->pending;
	r->pending = 0;
	spin_unlock_bh(&r->lock);
	if (!pending)
		return;
	wmb(); /* descriptors before the doorbell */
	writel(pending, r->qc + AGL_QC_ADD_WPTR);
}

/**
 * agl_tx_control_room - whether the card keeps up
 * @vnic: control vNIC
 */
bool agl_tx_control_room(struct agl_vnic *vnic)
{
	return skb_queue_len_lockless(&vnic->backlog) < AGL_CONTROL_BACKLOG;
}

static void control_drain(struct agl_vnic *vnic)
{
	struct agl_tx_ring *r = &vnic->vec[0].tx;
	struct sk_buff *skb;

	while (tx_free(r) && (skb = __skb_dequeue(&vnic->backlog)))
		control_post(vnic, skb);
	if (r->pending)
		doorbell(r);
}

static void complete_ring(struct agl_ring_vec *vec, u32 done, int budget,
			  u32 *packets, u32 *bytes)
{
	struct agl_tx_ring *r = &vec->tx;

	for (; done; done--, r->rd++) {
		struct agl_tx_buf *b = &r->buf[r->rd & (r->size - 1)];

		unmap_one(vec->vnic, b);
		if (!b->skb)
			continue;
		(*packets)++;
		*bytes += b->skb->len;
		napi_consume_skb(b->skb, budget);
		b->skb = NULL;
	}
}

/**
 * agl_tx_complete - free what the card has sent
 * @vec: ring pair
 * @budget: of the poll
 */
void agl_tx_complete(struct agl_ring_vec *vec, int budget)
{
	struct agl_vnic *vnic = vec->vnic;
	struct agl_tx_ring *r = &vec->tx;
	u32 packets = 0, bytes = 0, done;

	if (r->rd == READ_ONCE(r->wr))
		return;
	done = (readl(r->qc + AGL_QC_STS_LO) - r->rd) & (r->size - 1);
	spin_lock(&r->lock);
	complete_ring(vec, done, budget, &packets, &bytes);
	if (vnic->control)
		control_drain(vnic);
	spin_unlock(&r->lock);
	if (vnic->control && agl_tx_control_room(vnic))
		wake_up_all(&vnic->room);
	u64_stats_update_begin(&r->sync);
	u64_stats_add(&r->packets, packets);
	u64_stats_add(&r->bytes, bytes);
	u64_stats_update_end(&r->sync);
	if (!vnic->control)
		netif_txq_completed_wake(netdev_get_tx_queue(vnic->netdev,
							     vec->index),
					 packets, bytes, tx_free(r), 2 * TX_SPARE);
}

/**
 * agl_tx_purge - free what was never sent
 * @vec: ring pair that the card doesn't use any more
 */
void agl_tx_purge(struct agl_ring_vec *vec)
{
	u32 packets = 0, bytes = 0;

	complete_ring(vec, vec->tx.wr - vec->tx.rd, 0, &packets, &bytes);
	if (vec->vnic->control)
		__skb_queue_purge(&vec->vnic->backlog);
	if (!vec->vnic->control)
		netdev_tx_reset_queue(netdev_get_tx_queue(vec->vnic->netdev,
							  vec->index));
}
