// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the rings and of their buffers. 02-vnic.md sections 7.1 and 7.6.
 * The card knows nothing of it here.
 */
#include <linux/slab.h>
#include <net/page_pool/helpers.h>

#include "vnic.h"

static int ring_tx_alloc(struct agl_vnic *vnic, struct agl_ring_vec *vec)
{
	struct agl_tx_ring *r = &vec->tx;
	unsigned int q = vnic->start_tx + AGL_QC_PER_RING * vec->index;

	r->size = vec->set->cfg.tx_size;
	r->qc = vnic->qc + q * AGL_QC_STRIDE;
	r->buf = kvcalloc(r->size, sizeof(*r->buf), GFP_KERNEL);
	r->desc = dma_alloc_coherent(&vnic->pdev->dev,
				     r->size * sizeof(*r->desc), &r->dma,
				     GFP_KERNEL);
	return r->buf && r->desc ? 0 : -ENOMEM;
}

static int ring_rx_alloc(struct agl_vnic *vnic, struct agl_ring_vec *vec)
{
	struct agl_rx_ring *r = &vec->rx;
	unsigned int q = vnic->start_rx + AGL_QC_PER_RING * vec->index;
	struct page_pool_params pool = {
		.order = vec->set->page_order,
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.pool_size = vec->set->cfg.rx_size,
		.nid = NUMA_NO_NODE,
		.dev = &vnic->pdev->dev,
		.napi = &vec->napi,
		.netdev = vnic->control ? NULL : vnic->netdev,
		.queue_idx = vec->index,
		.dma_dir = DMA_FROM_DEVICE,
		.offset = AGL_RX_HEADROOM,
		.max_len = vec->set->buf_len,
	};

	r->size = vec->set->cfg.rx_size;
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
	return agl_rx_prepare(vec);
}

static void ring_tx_free(struct agl_ring_vec *vec)
{
	struct agl_tx_ring *r = &vec->tx;

	if (r->buf)
		agl_tx_purge(vec);
	if (r->desc)
		dma_free_coherent(&vec->vnic->pdev->dev,
				  r->size * sizeof(*r->desc), r->desc, r->dma);
	kvfree(r->buf);
}

static void ring_rx_free(struct agl_ring_vec *vec)
{
	struct agl_rx_ring *r = &vec->rx;
	unsigned int i;

	for (i = 0; r->page && i < r->size; i++)
		if (r->page[i])
			page_pool_put_full_page(r->pool, r->page[i], false);
	if (r->pool)
		page_pool_destroy(r->pool);
	if (r->desc)
		dma_free_coherent(&vec->vnic->pdev->dev,
				  r->size * sizeof(*r->desc), r->desc, r->dma);
	kvfree(r->page);
}

static void ring_size_buffers(const struct agl_vnic *vnic, struct agl_rings *set)
{
	unsigned int frame = (vnic->rx_offset ?: AGL_MAX_META) + ETH_HLEN +
			     2 * VLAN_HLEN + set->cfg.mtu;
	unsigned int fixed = AGL_RX_HEADROOM +
			     SKB_DATA_ALIGN(sizeof(struct skb_shared_info));

	set->page_order = get_order(frame + fixed);
	set->buf_len = (PAGE_SIZE << set->page_order) - fixed;
}

/**
 * agl_rings_prepare - rings for a configuration, with buffers to receive into
 * @vnic: vNIC; other rings of it may run meanwhile
 * @cfg: what they are for
 *
 * Return: the rings; ERR_PTR(-ENOMEM).
 */
struct agl_rings *agl_rings_prepare(struct agl_vnic *vnic,
				    const struct agl_vnic_config *cfg)
{
	struct agl_rings *set;
	unsigned int i;
	int err = 0;

	set = kvzalloc(struct_size(set, vec, cfg->rings), GFP_KERNEL);
	if (!set)
		return ERR_PTR(-ENOMEM);
	set->count = cfg->rings;
	set->cfg = *cfg;
	ring_size_buffers(vnic, set);
	for (i = 0; i < set->count; i++) {
		struct agl_ring_vec *vec = &set->vec[i];

		vec->vnic = vnic;
		vec->set = set;
		vec->stats = &vnic->stats[i];
		vec->index = i;
		vec->entry = vnic->first_entry + AGL_VNIC_VECTORS + i;
	}
	for (i = 0; i < set->count && !err; i++) {
		err = ring_tx_alloc(vnic, &set->vec[i]);
		if (!err)
			err = ring_rx_alloc(vnic, &set->vec[i]);
	}
	if (!err)
		return set;
	agl_rings_release(set);
	return ERR_PTR(err);
}

/**
 * agl_rings_release - give the memory of rings back, with what was never sent
 * @rings: from agl_rings_prepare(); the card doesn't use them (any more)
 */
void agl_rings_release(struct agl_rings *rings)
{
	unsigned int i;

	for (i = 0; i < rings->count; i++) {
		ring_tx_free(&rings->vec[i]);
		ring_rx_free(&rings->vec[i]);
	}
	kvfree(rings);
}

static u64 ring_counter(const struct u64_stats_sync *sync, const u64_stats_t *c)
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
 * @stats: they
 * @to: they are added here
 */
void agl_ring_totals(const struct agl_ring_stats *stats,
		     struct agl_ring_totals *to)
{
	const struct agl_rx_stats *rx = &stats->rx;
	const struct agl_tx_stats *tx = &stats->tx;

	to->rx_packets += ring_counter(&rx->sync, &rx->packets);
	to->rx_bytes += ring_counter(&rx->sync, &rx->bytes);
	to->rx_drops += ring_counter(&rx->sync, &rx->drops);
	to->rx_alloc_fail += ring_counter(&rx->sync, &rx->alloc_fail);
	to->csum_good += ring_counter(&rx->sync, &rx->csum_good);
	to->csum_bad += ring_counter(&rx->sync, &rx->csum_bad);
	to->tx_packets += ring_counter(&tx->sync, &tx->packets);
	to->tx_bytes += ring_counter(&tx->sync, &tx->bytes);
	to->tx_bad += ring_counter(&tx->sync, &tx->bad);
}
