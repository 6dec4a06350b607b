// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transmit: NFD3 descriptors. 02-vnic.md sections 7.2, 7.10 and 7.11.
 */
#include <linux/if_vlan.h>
#include <linux/iopoll.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/dst_metadata.h>
#include <net/netdev_queues.h>
#include <net/tcp.h>

#include "vnic.h"

#define TX_SPARE	(MAX_SKB_FRAGS + 2)
#define IDLE_POLL_US	50
#define IDLE_TIMEOUT_US	(100 * USEC_PER_MSEC)

static u32 tx_free(const struct agl_tx_ring *r)
{
	/* One stays unused, or full could not be told from empty */
	return r->size - 1 - (r->wr - smp_load_acquire(&r->rd));
}

static int tx_prepend_port(struct sk_buff *skb, u32 port)
{
	__be32 *meta;
	int err;

	err = skb_cow_head(skb, AGL_PORTID_LEN);
	if (err)
		return err;
	meta = skb_push(skb, AGL_PORTID_LEN);
	meta[0] = cpu_to_be32(AGL_META_PORTID);
	meta[1] = cpu_to_be32(port);
	return 0;
}

/* Offsets count from the frame, which metadata isn't in front of yet */
static void tx_fill_lso(struct agl_tx_desc *d, struct sk_buff *skb)
{
	d->flags |= AGL_TXD_LSO;
	d->l3_offset = skb_network_offset(skb);
	d->l4_offset = skb_transport_offset(skb);
	d->lso_hdrlen = skb_tcp_all_headers(skb);
	d->mss = cpu_to_le16(skb_shinfo(skb)->gso_size & AGL_TXD_MSS);
}

/* Others than TCP and UDP are the stack's, see skb_csum_hwoffload_help() */
static void tx_fill_csum(struct agl_tx_desc *d, struct sk_buff *skb)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return;
	d->flags |= AGL_TXD_CSUM;
	if (vlan_get_protocol(skb) == htons(ETH_P_IP))
		d->flags |= AGL_TXD_IP4_CSUM;
	if (skb->csum_offset == offsetof(struct tcphdr, check))
		d->flags |= AGL_TXD_TCP_CSUM;
	else
		d->flags |= AGL_TXD_UDP_CSUM;
}

/* What becomes of the packet on the wire */
static void tx_size(const struct sk_buff *skb, struct agl_tx_buf *wire)
{
	wire->packets = 1;
	wire->bytes = skb->len;
	if (!skb_is_gso(skb))
		return;
	wire->packets = max(skb_shinfo(skb)->gso_segs, 1);
	wire->bytes += (wire->packets - 1) * skb_tcp_all_headers(skb);
}

static int tx_map_part(struct agl_vnic *vnic, struct agl_tx_ring *r, u32 at,
		       const struct agl_tx_desc *proto, const skb_frag_t *frag,
		       void *linear, u32 len)
{
	struct agl_tx_desc *d = &r->desc[at & (r->size - 1)];
	struct agl_tx_buf *b = &r->buf[at & (r->size - 1)];
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
	return 0;
}

static void tx_unmap_one(struct agl_vnic *vnic, struct agl_tx_buf *b)
{
	struct device *dev = &vnic->pdev->dev;

	if (b->page)
		dma_unmap_page(dev, b->dma, b->len, DMA_TO_DEVICE);
	else
		dma_unmap_single(dev, b->dma, b->len, DMA_TO_DEVICE);
}

/* All parts of a packet, or none */
static int tx_map_packet(struct agl_vnic *vnic, struct agl_tx_ring *r,
			 const struct agl_tx_desc *proto, struct sk_buff *skb,
			 const struct agl_tx_buf *wire)
{
	struct agl_tx_buf *last;
	u32 at = r->wr;
	int i, err;

	err = tx_map_part(vnic, r, at, proto, NULL, skb->data, skb_headlen(skb));
	for (i = 0; !err && i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i];

		err = tx_map_part(vnic, r, ++at, proto, f, NULL, skb_frag_size(f));
	}
	if (err) {
		while (at != r->wr)
			tx_unmap_one(vnic, &r->buf[--at & (r->size - 1)]);
		return err;
	}
	last = &r->buf[at & (r->size - 1)];
	last->skb = skb;
	last->packets = wire->packets;
	last->bytes = wire->bytes;
	r->desc[at & (r->size - 1)].offset_eop |= AGL_TXD_EOP;
	at++;
	r->pending += at - r->wr;
	/* Completion looks how many there can be */
	WRITE_ONCE(r->wr, at);
	return 0;
}

static void tx_doorbell(struct agl_tx_ring *r)
{
	wmb(); /* descriptors before the doorbell */
	writel(r->pending, r->qc + AGL_QC_ADD_WPTR);
	r->pending = 0;
}

/* The queue is stopped in time, so that isn't seen */
static netdev_tx_t tx_busy(struct agl_vnic *vnic, struct agl_tx_ring *r,
			   struct netdev_queue *q)
{
	if (net_ratelimit())
		netdev_warn(vnic->netdev, "a packet for a full ring\n");
	netif_tx_stop_queue(q);
	if (r->pending)
		tx_doorbell(r);
	return NETDEV_TX_BUSY;
}

/* Return: the ring pair, NULL if there is none (any more) */
static struct agl_ring_vec *tx_vec(struct agl_vnic *vnic, struct sk_buff *skb)
{
	struct agl_rings *rings = READ_ONCE(vnic->rings);
	unsigned int n = skb_get_queue_mapping(skb);

	return rings && n < rings->count ? &rings->vec[n] : NULL;
}

static void tx_drop(struct agl_vnic *vnic, struct sk_buff *skb)
{
	dev_core_stats_tx_dropped_inc(vnic->netdev);
	dev_kfree_skb_any(skb);
}

/**
 * agl_tx - send a packet of a netdev
 * @vnic: data vNIC; its netdev's queue of the packet is locked
 * @skb: with a port id in its metadata dst if it is a representor's
 *
 * Return: as ndo_start_xmit().
 */
netdev_tx_t agl_tx(struct agl_vnic *vnic, struct sk_buff *skb)
{
	struct metadata_dst *md = skb_metadata_dst(skb);
	struct agl_ring_vec *vec = tx_vec(vnic, skb);
	struct agl_tx_buf wire = {};
	struct agl_tx_desc d = {};
	struct netdev_queue *q;
	struct agl_tx_ring *r;

	if (unlikely(!vec)) {
		tx_drop(vnic, skb);
		return NETDEV_TX_OK;
	}
	r = &vec->tx;
	q = netdev_get_tx_queue(vnic->netdev, vec->index);
	if (unlikely(tx_free(r) <= skb_shinfo(skb)->nr_frags))
		return tx_busy(vnic, r, q);
	tx_size(skb, &wire);
	tx_fill_csum(&d, skb);
	if (skb_is_gso(skb))
		tx_fill_lso(&d, skb);
	if (md && md->type == METADATA_HW_PORT_MUX) {
		if (tx_prepend_port(skb, md->u.port_info.port_id))
			goto drop;
		d.offset_eop = AGL_PORTID_LEN;
	}
	d.data_len = cpu_to_le16(skb->len);
	if (tx_map_packet(vnic, r, &d, skb, &wire))
		goto drop;
	skb_tx_timestamp(skb);
	netif_txq_maybe_stop(q, tx_free(r), TX_SPARE, 2 * TX_SPARE);
	if (__netdev_tx_sent_queue(q, wire.bytes, netdev_xmit_more()))
		tx_doorbell(r);
	return NETDEV_TX_OK;

drop:
	tx_drop(vnic, skb);
	if (r->pending && !netdev_xmit_more())
		tx_doorbell(r);
	return NETDEV_TX_OK;
}

/*
 * Under tx_lock; the doorbell is for later.
 * Return: whether the ring has it. If not there will be another try: the ring
 * may be empty, so that no completion leads to one.
 */
static bool tx_control_post(struct agl_ring_vec *vec, struct sk_buff *skb)
{
	struct agl_tx_desc d = { .offset_eop = AGL_PORTID_LEN };
	struct agl_vnic *vnic = vec->vnic;
	struct agl_tx_buf wire = {};

	if (!tx_free(&vec->tx))
		return false;
	tx_size(skb, &wire);
	d.data_len = cpu_to_le16(skb->len);
	if (!tx_map_packet(vnic, &vec->tx, &d, skb, &wire))
		return true;
	dev_warn_ratelimited(&vnic->pdev->dev,
			     "a message waits, as it can't be mapped for the card\n");
	mod_timer(&vec->retry, jiffies + AGL_RETRY_DELAY);
	return false;
}

/**
 * agl_tx_control - put a control message into the ring
 * @vnic: control vNIC; when it isn't open the message is dropped
 * @skb: the message, linear, with room for the prepend; gone after the call
 *
 * When the ring is full, or it can't be mapped, it waits behind the others. The
 * card sees it after agl_tx_control_kick().
 */
void agl_tx_control(struct agl_vnic *vnic, struct sk_buff *skb)
{
	if (tx_prepend_port(skb, AGL_META_PORTID_CTRL)) {
		dev_kfree_skb_any(skb);
		return;
	}
	spin_lock_bh(&vnic->tx_lock);
	if (!vnic->rings && !vnic->users)
		dev_kfree_skb_any(skb);
	else if (!vnic->rings || !skb_queue_empty(&vnic->backlog) ||
		 !tx_control_post(&vnic->rings->vec[0], skb))
		__skb_queue_tail(&vnic->backlog, skb);
	spin_unlock_bh(&vnic->tx_lock);
}

/**
 * agl_tx_control_kick - tell the card of the messages in the ring
 * @vnic: control vNIC
 *
 * The doorbell adds, so it doesn't matter who of several senders rings it first
 * and for how many.
 */
void agl_tx_control_kick(struct agl_vnic *vnic)
{
	spin_lock_bh(&vnic->tx_lock);
	if (vnic->rings && vnic->rings->vec[0].tx.pending)
		tx_doorbell(&vnic->rings->vec[0].tx);
	spin_unlock_bh(&vnic->tx_lock);
}

/**
 * agl_tx_control_room - whether the card keeps up
 * @vnic: control vNIC
 *
 * Return: true if messages needn't wait.
 */
bool agl_tx_control_room(struct agl_vnic *vnic)
{
	return skb_queue_len_lockless(&vnic->backlog) < AGL_CONTROL_BACKLOG;
}

/**
 * agl_tx_control_done - how far the card has come, to see whether it moves
 * @vnic: control vNIC
 *
 * Return: a number that changes when it does.
 */
u32 agl_tx_control_done(struct agl_vnic *vnic)
{
	u32 done;

	spin_lock_bh(&vnic->tx_lock);
	done = vnic->rings ? READ_ONCE(vnic->rings->vec[0].tx.rd) : 0;
	spin_unlock_bh(&vnic->tx_lock);
	return done;
}

/**
 * agl_tx_control_poke - look at the rings without an interrupt
 * @vnic: control vNIC, of which an interrupt may have been lost
 */
void agl_tx_control_poke(struct agl_vnic *vnic)
{
	spin_lock_bh(&vnic->tx_lock);
	if (vnic->rings) {
		writel(0, vnic->rings->vec[0].tx.qc + AGL_QC_ADD_WPTR);
		napi_schedule(&vnic->rings->vec[0].napi);
	}
	spin_unlock_bh(&vnic->tx_lock);
}

static void tx_control_drain(struct agl_vnic *vnic, struct agl_ring_vec *vec)
{
	struct sk_buff *skb;

	spin_lock(&vnic->tx_lock);
	while ((skb = __skb_dequeue(&vnic->backlog)))
		if (!tx_control_post(vec, skb)) {
			__skb_queue_head(&vnic->backlog, skb);
			break;
		}
	if (vec->tx.pending)
		tx_doorbell(&vec->tx);
	spin_unlock(&vnic->tx_lock);
	if (agl_tx_control_room(vnic))
		wake_up_all(&vnic->room);
}

static void tx_reap(struct agl_ring_vec *vec, u32 done, int budget, u32 *packets,
		    u32 *bytes)
{
	struct agl_tx_ring *r = &vec->tx;
	u32 rd = r->rd;

	for (; done; done--, rd++) {
		struct agl_tx_buf *b = &r->buf[rd & (r->size - 1)];

		tx_unmap_one(vec->vnic, b);
		if (!b->skb)
			continue;
		*packets += b->packets;
		*bytes += b->bytes;
		napi_consume_skb(b->skb, budget);
		b->skb = NULL;
	}
	/* The sender may use these again */
	smp_store_release(&r->rd, rd);
}

/*
 * How many descriptors the card has done. It is only a number: no more than it
 * was given are believed.
 */
static u32 tx_done(struct agl_ring_vec *vec)
{
	struct agl_tx_ring *r = &vec->tx;
	u32 hw = readl(r->qc + AGL_QC_STS_LO), done;

	done = (hw - r->rd) & (r->size - 1);
	if (hw != U32_MAX && done <= READ_ONCE(r->wr) - r->rd)
		return done;
	u64_stats_update_begin(&vec->stats->tx.sync);
	u64_stats_inc(&vec->stats->tx.bad);
	u64_stats_update_end(&vec->stats->tx.sync);
	dev_warn_ratelimited(&vec->vnic->pdev->dev,
			     "ring %u: the card has sent what it doesn't have (0x%08x)\n",
			     vec->index, hw);
	agl_vnic_suspect(vec->vnic);
	return 0;
}

static void tx_free_sent(struct agl_ring_vec *vec, int budget)
{
	struct agl_vnic *vnic = vec->vnic;
	struct agl_tx_ring *r = &vec->tx;
	u32 packets = 0, bytes = 0;

	tx_reap(vec, tx_done(vec), budget, &packets, &bytes);
	u64_stats_update_begin(&vec->stats->tx.sync);
	u64_stats_add(&vec->stats->tx.packets, packets);
	u64_stats_add(&vec->stats->tx.bytes, bytes);
	u64_stats_update_end(&vec->stats->tx.sync);
	if (!vnic->control)
		netif_txq_completed_wake(netdev_get_tx_queue(vnic->netdev,
							     vec->index),
					 packets, bytes, tx_free(r), 2 * TX_SPARE);
}

/**
 * agl_tx_complete - free what the card has sent
 * @vec: ring pair
 * @budget: of the poll
 *
 * Messages that wait for the ring go on.
 */
void agl_tx_complete(struct agl_ring_vec *vec, int budget)
{
	bool sent = vec->tx.rd != READ_ONCE(vec->tx.wr);

	if (sent)
		tx_free_sent(vec, budget);
	if (vec->vnic->control &&
	    (sent || !skb_queue_empty_lockless(&vec->vnic->backlog)))
		tx_control_drain(vec->vnic, vec);
}

/* Return: whether the card has sent all that it was told of */
static bool tx_idle(struct agl_tx_ring *r)
{
	return !((readl(r->qc + AGL_QC_STS_LO) ^ readl(r->qc + AGL_QC_STS_HI)) &
		 AGL_QC_PTR_MASK);
}

/**
 * agl_tx_control_keep - take messages that the card never saw out of a ring
 * @vec: ring pair of the control vNIC, without readers and senders, which the
 *	card still has
 *
 * They wait for the next ring, in front of those that never were in one.
 */
void agl_tx_control_keep(struct agl_ring_vec *vec)
{
	struct agl_vnic *vnic = vec->vnic;
	struct agl_tx_ring *r = &vec->tx;
	u32 packets = 0, bytes = 0;
	bool idle;

	/* Else it could see them now, and once more in the next ring */
	if (read_poll_timeout(tx_idle, idle, idle, IDLE_POLL_US, IDLE_TIMEOUT_US,
			      false, r))
		dev_warn(&vnic->pdev->dev, "messages may be sent twice\n");
	tx_reap(vec, tx_done(vec), 0, &packets, &bytes);
	spin_lock_bh(&vnic->tx_lock);
	while (r->wr != r->rd) {
		struct agl_tx_buf *b = &r->buf[--r->wr & (r->size - 1)];

		tx_unmap_one(vnic, b);
		__skb_queue_head(&vnic->backlog, b->skb);
		b->skb = NULL;
	}
	spin_unlock_bh(&vnic->tx_lock);
}

/**
 * agl_tx_purge - free what was never sent
 * @vec: ring pair that the card doesn't use (any more)
 */
void agl_tx_purge(struct agl_ring_vec *vec)
{
	u32 packets = 0, bytes = 0;

	tx_reap(vec, vec->tx.wr - vec->tx.rd, 0, &packets, &bytes);
	while (packets-- && !vec->vnic->control)
		dev_core_stats_tx_dropped_inc(vec->vnic->netdev);
}
