// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the host's transmit ring to finished frames. 02-vnic.md 7.2, 9.3.
 */
#include "vnic.h"

#define PROTO_TCP	6
#define PROTO_UDP	17
#define TX_BUDGET	64
/* Linux sends 18 at most, the ring may hold 262,143 without an end */
#define TX_DESCS_MAX	64
#define TX_META_MAX	32
/* Offers that this card doesn't make */
#define TXD_UNKNOWN	(AGL_TXD_VLAN | AGL_TXD_ENCAP)

enum tx_state {
	TX_PART,	/* the rest is not there yet */
	TX_WHOLE,
	TX_BAD,		/* to be skipped */
	TX_STUCK,	/* the host's memory does not answer */
};

struct tx_packet {
	struct agl_tx_desc desc;	/* the last one */
	size_t meta;
	size_t len;			/* without metadata */
	unsigned int descs;
};

/* What needs no look into the packet; @len: of all that the descriptors name */
static enum tx_state check_descs(struct tx_packet *p, size_t len)
{
	p->meta = FIELD_GET(AGL_TXD_OFFSET, p->desc.offset_eop);
	if (len > VNIC_FRAME_MAX || len != le16toh(p->desc.data_len) ||
	    p->meta > len || p->meta > TX_META_MAX ||
	    p->desc.flags & TXD_UNKNOWN)
		return TX_BAD;
	p->len = len - p->meta;
	return TX_WHOLE;
}

static enum tx_state gather(struct vnic *v, unsigned int ring,
			    struct tx_packet *p)
{
	struct vnic_ring *r = &v->tx[ring];
	struct queue *q = queue_tx(v, ring);
	uint8_t *buf = v->card->vnics->frame;
	uint32_t at = q->rptr;
	size_t len = 0, n;

	for (p->descs = 0; at != q->wptr; at = (at + 1) & AGL_QC_PTR_MASK) {
		if (p->descs++ == TX_DESCS_MAX)
			return TX_BAD;
		if (!dma_read(v->card, v->fn,
			      r->addr + (at & (r->count - 1)) * 16ull,
			      &p->desc, sizeof(p->desc)))
			return TX_STUCK;
		n = le16toh(p->desc.dma_len);
		if (len + n <= VNIC_FRAME_MAX &&
		    !dma_read(v->card, v->fn, (uint64_t)p->desc.addr_hi << 32 |
			      le32toh(p->desc.addr_lo), buf + len, n))
			return TX_STUCK;
		len += n;
		if (!(p->desc.offset_eop & AGL_TXD_EOP))
			continue;
		if (p->descs > 1 && !(v->ctrl & AGL_CTRL_GATHER))
			return TX_BAD;
		return check_descs(p, len);
	}
	return TX_PART;
}

/* Return: false if the prepend is not well formed */
static bool parse_meta(const uint8_t *m, size_t len, uint32_t *port,
		       uint32_t *vlan)
{
	uint32_t types;
	size_t at = 4;

	if (!len)
		return true;
	if (len < 4)
		return false;
	for (types = get_be32(m); types; types >>= AGL_META_NIBBLE, at += 4) {
		if (at + 4 > len)
			return false;
		if ((types & 15) == AGL_META_PORTID)
			*port = get_be32(m + at);
		else if ((types & 15) == AGL_META_VLAN)
			*vlan = get_be32(m + at);
		else
			return false;
	}
	return at == len;
}

static void emit(struct vnic *v, uint32_t port, uint8_t *frame, size_t len)
{
	v->card->cnt.tx_frames++;
	vnic_count_frame(v, &vnic_tx_counts, frame, len);
	v->card->fw->from_host(v->card, v, port, frame, len);
}

static void segment_fix(uint8_t *s, const struct l4_view *l, size_t len,
			unsigned int n, uint32_t seq, bool last)
{
	struct l4_view now = *l;
	uint8_t *ip = s + l->l3, *tcp = s + l->l4;

	now.l4_end = len;
	if (l->version == 4) {
		put_be16(ip + 2, len - l->l3);
		put_be16(ip + 4, get_be16(ip + 4) + n);
		csum_ip4_fill(s, &now);
	} else {
		put_be16(ip + 4, len - l->l3 - 40);
	}
	put_be32(tcp + 4, seq);
	if (!last)
		tcp[13] &= ~(0x01 | 0x08);	/* FIN, PSH */
	if (n)
		tcp[13] &= ~0x80;		/* CWR */
	csum_l4_fill(s, &now);
}

static bool lso_possible(const struct agl_tx_desc *d, const uint8_t *frame,
			 size_t len, const struct l4_view *l)
{
	size_t hdr = d->lso_hdrlen, mss = le16toh(d->mss) & AGL_TXD_MSS;

	if (!l->l4 || l->fragment || l->proto != PROTO_TCP || l4_len(l) < 20 ||
	    l->l4_end != len || !mss)
		return false;
	if (d->l3_offset != l->l3 || d->l4_offset != l->l4 ||
	    hdr < l->l4 + 20 || hdr != l->l4 + 4 * (frame[l->l4 + 12] >> 4))
		return false;
	return hdr < len && (len - hdr + mss - 1) / mss <= AGL_LSO_MAX_SEGS;
}

/* Return: false if that can't be done */
static bool segment(struct vnic *v, uint32_t port, uint8_t *frame, size_t len,
		    const struct agl_tx_desc *d)
{
	size_t hdr = d->lso_hdrlen, mss = le16toh(d->mss) & AGL_TXD_MSS;
	uint8_t *s = v->card->vnics->segment;
	struct l4_view l;
	unsigned int n;
	size_t at;

	l4_parse(frame, len, &l);
	if (!lso_possible(d, frame, len, &l))
		return false;
	for (n = 0, at = hdr; at < len; n++, at += mss) {
		size_t take = len - at < mss ? len - at : mss;

		memcpy(s, frame, hdr);
		memcpy(s + hdr, frame + at, take);
		segment_fix(s, &l, hdr + take, n,
			    get_be32(frame + l.l4 + 4) + at - hdr,
			    at + take == len);
		emit(v, port, s, hdr + take);
	}
	return true;
}

/* Return: false if the packet isn't what the flags say */
static bool fill_checksums(uint8_t *frame, size_t len, uint8_t flags)
{
	struct l4_view l;

	l4_parse(frame, len, &l);
	if (flags & AGL_TXD_IP4_CSUM && l.version != 4)
		return false;
	if (flags & (AGL_TXD_TCP_CSUM | AGL_TXD_UDP_CSUM) &&
	    (!l.l4 || l.fragment))
		return false;
	if (flags & AGL_TXD_TCP_CSUM && l.proto != PROTO_TCP)
		return false;
	if (flags & AGL_TXD_UDP_CSUM && l.proto != PROTO_UDP)
		return false;
	if (flags & AGL_TXD_IP4_CSUM)
		csum_ip4_fill(frame, &l);
	if (flags & (AGL_TXD_TCP_CSUM | AGL_TXD_UDP_CSUM))
		csum_l4_fill(frame, &l);
	return true;
}

static uint8_t *insert_vlan(uint8_t *frame, size_t *len, uint32_t vlan)
{
	memmove(frame - 4, frame, 12);
	frame -= 4;
	put_be32(frame + 12, vlan);
	*len += 4;
	return frame;
}

/* Return: false if the descriptor is wrong, the packet is not sent */
static bool transmit_data(struct vnic *v, uint32_t port, uint32_t vlan,
			  uint8_t *frame, const struct tx_packet *p)
{
	size_t len = p->len;

	if (len < 14 || !v->link) {
		vnic_count(v, AGL_CB_TX_DISCARDS, 1);
		return true;
	}
	if (p->desc.flags & AGL_TXD_LSO)
		return v->ctrl & AGL_CTRL_LSO2 &&
		       segment(v, port, frame, len, &p->desc);
	if (p->desc.flags & AGL_TXD_CSUM) {
		if (!(v->ctrl & AGL_CTRL_TXCSUM))
			/* A card sends what it got */
			v->card->cnt.tx_not_enabled++;
		else if (!fill_checksums(frame, len, p->desc.flags))
			return false;
	}
	/* The prepend that carried the tag left room for it */
	if (vlan && v->ctrl & AGL_CTRL_TXVLAN_V2)
		frame = insert_vlan(frame, &len, vlan);
	emit(v, port, frame, len);
	return true;
}

static bool transmit(struct vnic *v, const struct tx_packet *p)
{
	uint8_t *buf = v->card->vnics->frame;
	uint32_t port = 0, vlan = 0;

	if (!parse_meta(buf, p->meta, &port, &vlan))
		return false;
	if (v->kind != VNIC_CTRL)
		return transmit_data(v, port, vlan, buf + p->meta, p);
	v->card->fw->cmsg(v->card, port, buf + p->meta, p->len);
	return true;
}

static void bad_packet(struct vnic *v)
{
	v->card->cnt.tx_bad_desc++;
	vnic_count(v, AGL_CB_TX_ERRORS, 1);
}

static bool ring_run(struct vnic *v, unsigned int ring)
{
	struct queue *q = queue_tx(v, ring);
	enum tx_state state;
	struct tx_packet p;
	unsigned int n;

	for (n = 0; n < TX_BUDGET && v->tx[ring].on; n++) {
		if (!card_may_spend(v->card))
			break;
		if (q->rptr == q->wptr)
			return false;
		state = gather(v, ring, &p);
		if (state == TX_PART || state == TX_STUCK)
			return false;
		if (state == TX_BAD || !transmit(v, &p))
			bad_packet(v);
		q->rptr = (q->rptr + p.descs) & AGL_QC_PTR_MASK;
		vnic_count(v, AGL_CB_TXR_STATS(ring), 1);
		vnic_count(v, AGL_CB_TXR_STATS(ring) + 8,
			   state == TX_WHOLE ? p.len : 0);
		irq_ring_event(v, &v->tx[ring]);
	}
	return q->rptr != q->wptr;
}

/* Return: whether there is more to do */
bool vnic_tx_run(struct vnic *v)
{
	unsigned int i;
	bool more = false;

	if (!v->work || !vnic_enabled(v))
		return false;
	for (i = 0; i < v->rings; i++)
		more |= ring_run(v, i);
	v->work = more;
	return more;
}
