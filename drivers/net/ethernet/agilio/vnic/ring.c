// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the rings and of their buffers. 02-vnic.md sections 7.1 and 7.6.
 */
#include <linux/slab.h>
#include <net/page_pool/helpers.h>

#include "vnic.h"

#define RX_HEADROOM	NET_SKB_PAD

static int tx_alloc(struct agl_vnic *vnic, struct agl_ring_vec *vec)
{
	struct agl_tx_ring *r = &vec->tx;
	unsigned int q = vnic->start_tx + AGL_QC_PER_RING * vec->index;

	r->size = vnic->tx_size;
	r->qc = vnic->qc + q * AGL_QC_STRIDE;
	spin_lock_init(&r->lock);
	r->buf = kvcalloc(r->size, sizeof(*r->buf), GFP_KERNEL);
	r->desc = dma_alloc_coherent(&vnic->pdev->dev,
				     r->size * sizeof(*r->desc), &r->dma,
				     GFP_KERNEL);
	return r->buf && r->desc ? 0 : -ENOMEM;
}

static int rx_alloc(struct agl_vnic *vnic, struct agl_ring_vec *vec)
{
	struct agl_rx_ring *r = &vec->rx;
	unsigned int q = vnic->start_rx + AGL_QC_PER_RING * vec->index;
	struct page_pool_params pool = {
		.order = vnic->page_order,
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.pool_size = vnic->rx_size,
		.nid = NUMA_NO_NODE,
		.dev = &vnic->pdev->dev,
		.napi = &vec->napi,
		.dma_dir = DMA_FROM_DEVICE,
		.offset = RX_HEADROOM,
		.max_len = vnic->buf_len,
	};

	r->size = vnic->rx_size;
	r->qc = vnic->qc + q * AGL_QC_STRIDE;
	r->page = kvcalloc(r->size, sizeof(*r->page), GFP_KERNEL);
	r->desc = dma_alloc_coherent(&vnic->pdev->dev,
				     r->size * sizeof(*r->desc), &r->dma,
				     GFP_KERNEL);
	if (!r->page || !r->desc)
		return -ENOMEM;
	r->pool = page_pool_create(&pool);
	if (IS_ERR(r->pool)) {
		int err = PTR_ERR(r->pool);

		r->pool = NULL;
		return err;
	}
	return 0;
}

static void tx_free(struct agl_vnic *vnic, struct agl_tx_ring *r)
{
	if (r->desc)
		dma_free_coherent(&vnic->pdev->dev, r->size * sizeof(*r->desc),
				  r->desc, r->dma);
	kvfree(r->buf);
}

static void rx_free(struct agl_vnic *vnic, struct agl_rx_ring *r)
{
	unsigned int i;

	for (i = 0; r->page && i < r->size; i++)
		if (r->page[i])
			page_pool_put_full_page(r->pool, r->page[i], false);
	if (r->pool)
		page_pool_destroy(r->pool);
	if (r->desc)
		dma_free_coherent(&vnic->pdev->dev, r->size * sizeof(*r->desc),
				  r->desc, r->dma);
	kvfree(r->page);
}

/**
 * agl_rings_alloc - memory for all rings of a vNIC
 * @vnic: rings, tx_size and rx_size are set
 * @mtu: L3 bytes that a buffer must take, with two VLAN tags and metadata
 *
 * Return: 0, -ENOMEM.
 */
int agl_rings_alloc(struct agl_vnic *vnic, unsigned int mtu)
{
	unsigned int frame = (vnic->rx_offset ?: AGL_MAX_META) + ETH_HLEN +
			     2 * VLAN_HLEN + mtu;
	unsigned int fixed = RX_HEADROOM +
			     SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	unsigned int i;
	int err = 0;

	vnic->page_order = get_order(frame + fixed);
	vnic->buf_len = (PAGE_SIZE << vnic->page_order) - fixed;
	vnic->vec = kcalloc(vnic->rings, sizeof(*vnic->vec), GFP_KERNEL);
	if (!vnic->vec)
		return -ENOMEM;
	for (i = 0; i < vnic->rings && !err; i++) {
		struct agl_ring_vec *vec = &vnic->vec[i];

		vec->vnic = vnic;
		vec->index = i;
		u64_stats_init(&vec->tx.sync);
		u64_stats_init(&vec->rx.sync);
		err = tx_alloc(vnic, vec);
		if (!err)
			err = rx_alloc(vnic, vec);
	}
	if (err)
		agl_rings_free(vnic);
	return err;
}

static u64 read_counter(const struct u64_stats_sync *sync, const u64_stats_t *c)
{
	unsigned int start;
	u64 v;

	do {
		start = u64_stats_fetch_begin(sync);
		v = u64_stats_read(c);
	} while (u64_stats_fetch_retry(sync, start));
	return v;
}

/**
 * agl_ring_totals - add up a ring pair's counters
 * @vec: ring pair
 * @to: they are added here
 */
void agl_ring_totals(const struct agl_ring_vec *vec, struct agl_ring_totals *to)
{
	const struct agl_rx_ring *rx = &vec->rx;
	const struct agl_tx_ring *tx = &vec->tx;

	to->rx_packets += read_counter(&rx->sync, &rx->packets);
	to->rx_bytes += read_counter(&rx->sync, &rx->bytes);
	to->rx_drops += read_counter(&rx->sync, &rx->drops);
	to->csum_good += read_counter(&rx->sync, &rx->csum_good);
	to->csum_bad += read_counter(&rx->sync, &rx->csum_bad);
	to->tx_packets += read_counter(&tx->sync, &tx->packets);
	to->tx_bytes += read_counter(&tx->sync, &tx->bytes);
}

/**
 * agl_rings_free - give the memory of all rings back
 * @vnic: the card doesn't use them any more
 */
void agl_rings_free(struct agl_vnic *vnic)
{
	unsigned int i;

	for (i = 0; i < vnic->rings; i++) {
		agl_ring_totals(&vnic->vec[i], &vnic->gone);
		tx_free(vnic, &vnic->vec[i].tx);
		rx_free(vnic, &vnic->vec[i].rx);
	}
	kfree(vnic->vec);
	vnic->vec = NULL;
}
