// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a frame to the host's receive ring. 02-vnic.md 7.5 to 7.8, 13.6.
 */
#include "vnic.h"

#define RX_META_MAX	32
/* data_len has 16 bits */
#define RX_LEN_MAX	UINT16_MAX

struct rx_meta {
	uint8_t data[RX_META_MAX];
	unsigned int nibbles;
	uint32_t types;
	size_t len;
};

static void meta_add(struct rx_meta *m, uint32_t type, uint32_t data)
{
	m->types |= type << (m->nibbles++ * AGL_META_NIBBLE);
	if (!m->len)
		m->len = 4;
	put_be32(m->data + m->len, data);
	m->len += 4;
}

static void meta_add_hash(struct rx_meta *m, uint32_t type, uint32_t hash)
{
	meta_add(m, AGL_META_HASH, hash);
	m->types |= type << (m->nibbles++ * AGL_META_NIBBLE);
}

static uint16_t rx_flags(const uint8_t *frame, const struct l4_view *l)
{
	bool ok;
	uint16_t flags = 0;

	if (l->version == 4)
		flags |= AGL_RXD_IP4_CSUM |
			 (csum_ip4_ok(frame, l) ? AGL_RXD_IP4_CSUM_OK : 0);
	if (!l->l4 || l->fragment)
		return flags;
	ok = csum_l4_ok(frame, l);
	if (l->proto == 6)
		flags |= AGL_RXD_TCP_CSUM | (ok ? AGL_RXD_TCP_CSUM_OK : 0);
	if (l->proto == 17)
		flags |= AGL_RXD_UDP_CSUM | (ok ? AGL_RXD_UDP_CSUM_OK : 0);
	return flags;
}

/* Metadata, and the frame without @tag bytes behind its addresses */
static bool rx_write_frame(struct vnic *v, uint64_t addr, struct rx_meta *m,
			   const uint8_t *frame, size_t tag, size_t len)
{
	put_be32(m->data, m->types);
	if (m->len && !dma_write(v->card, v->fn, addr, m->data, m->len))
		return false;
	addr += m->len;
	if (!tag)
		return dma_write(v->card, v->fn, addr, frame, len);
	return dma_write(v->card, v->fn, addr, frame, 12) &&
	       dma_write(v->card, v->fn, addr + 12, frame + 12 + tag,
			 len - 12 - tag);
}

/* Return: false if the host's memory does not answer */
static bool rx_write(struct vnic *v, unsigned int ring, struct rx_meta *m,
		     const uint8_t *frame, size_t tag, size_t len,
		     uint16_t flags)
{
	struct vnic_ring *r = &v->rx[ring];
	struct queue *q = queue_fl(v, ring);
	uint64_t at = r->addr + (q->rptr & (r->count - 1)) * 8ull, addr;
	union agl_rx_desc d;

	if (!dma_read(v->card, v->fn, at, &d, sizeof(d)))
		return false;
	addr = (uint64_t)le16toh(d.fld.addr_hi) << 32 | le32toh(d.fld.addr_lo);
	if (!rx_write_frame(v, addr, m, frame, tag, len))
		return false;
	d.raw = 0;
	d.rxd.data_len = htole16(m->len + len - tag);
	d.rxd.meta_len_dd = AGL_RXD_DD | m->len;
	d.rxd.flags = htole16(flags | AGL_RXD_EOP);
	/* One write of eight bytes: DD appears with the rest */
	if (!dma_write(v->card, v->fn, at, &d, sizeof(d)))
		return false;
	q->rptr = (q->rptr + 1) & AGL_QC_PTR_MASK;
	return true;
}

static void rx_count(struct vnic *v, unsigned int ring, const uint8_t *frame,
		     size_t len)
{
	vnic_count_frame(v, &vnic_rx_counts, frame, len);
	vnic_count(v, AGL_CB_RXR_STATS(ring), 1);
	vnic_count(v, AGL_CB_RXR_STATS(ring) + 8, len);
}

/* Strip the outer tag into metadata. Return: bytes stripped */
static size_t rx_strip(struct vnic *v, const uint8_t *frame, size_t len,
		       struct rx_meta *m)
{
	uint16_t tpid;

	if (len < 18)
		return 0;
	tpid = get_be16(frame + 12);
	if (!(v->ctrl & AGL_CTRL_RXVLAN_V2) || tpid != 0x8100)
		return 0;
	meta_add(m, AGL_META_VLAN, AGL_META_VLAN_STRIPPED |
		 FIELD_PREP(AGL_META_VLAN_TPID, AGL_META_TPID_8021Q) |
		 get_be16(frame + 14));
	return 4;
}

static unsigned int rx_steer(struct vnic *v, const uint8_t *frame,
			     const struct l4_view *l, struct rx_meta *m)
{
	uint32_t hash, type, entry;

	if (!(v->ctrl & AGL_CTRL_RSS2))
		return 0;
	hash = rss_hash(v, frame, l, &type);
	if (type == AGL_HASH_NONE)
		return 0;
	meta_add_hash(m, type, hash);
	entry = hash & get_le(v->cb + AGL_CB_RSS_CTRL, 4) & AGL_RSS_TABLE_MASK;
	entry = v->cb[AGL_CB_RSS_ITBL + entry];
	return entry < v->rings && v->rx[entry].on ? entry : 0;
}

/* Untagged and priority-tagged frames always pass, as do representors' */
static bool vlan_wanted(const struct vnic *v, uint32_t port,
			const uint8_t *frame, size_t len)
{
	unsigned int vid;

	if (!(v->ctrl & AGL_CTRL_CTAG_FILTER) || port || len < 18 ||
	    get_be16(frame + 12) != 0x8100)
		return true;
	vid = get_be16(frame + 14) & 0xfff;
	return !vid || v->vlans[vid / 8] & 1 << vid % 8;
}

bool vnic_rx(struct vnic *v, uint32_t port, const uint8_t *frame, size_t len)
{
	struct rx_meta m = {};
	unsigned int ring = 0;
	uint16_t flags = 0;
	struct l4_view l;
	size_t tag = 0;

	if (!vnic_enabled(v) || !v->rx[0].on) {
		v->card->cnt.rx_disabled++;
		return false;
	}
	if (!vlan_wanted(v, port, frame, len)) {
		v->card->cnt.rx_filtered++;
		return false;
	}
	if (v->kind != VNIC_CTRL) {
		l4_parse(frame, len, &l);
		ring = rx_steer(v, frame, &l, &m);
		if (v->ctrl & AGL_CTRL_RXCSUM)
			flags = rx_flags(frame, &l);
		tag = rx_strip(v, frame, len, &m);
	}
	if (port)
		meta_add(&m, AGL_META_PORTID, port);
	if (queue_fl(v, ring)->rptr == queue_fl(v, ring)->wptr) {
		v->card->cnt.rx_no_credit++;
		vnic_count(v, AGL_CB_RX_DISCARDS, 1);
		return false;
	}
	if (len > RX_LEN_MAX - m.len || m.len + len - tag > v->flbufsz) {
		v->card->cnt.rx_too_long++;
		vnic_count(v, AGL_CB_RX_DISCARDS, 1);
		return false;
	}
	if (!rx_write(v, ring, &m, frame, tag, len, flags)) {
		vnic_count(v, AGL_CB_RX_ERRORS, 1);
		return false;
	}
	rx_count(v, ring, frame, len);
	irq_ring_event(v, &v->rx[ring]);
	return true;
}
