// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the host's transmit ring to finished frames. 02-vnic.md 7.2, 9.3.
 */
#include "vnic.h"
#include "flower/flower.h"

#define TX_BUDGET	64

struct tx_packet {
	struct agl_tx_desc desc;	/* the last one */
	size_t meta;
	size_t len;			/* without metadata */
	unsigned int descs;
};

/* Return: false if the packet isn't complete yet */
static bool gather(struct vnic *v, unsigned int ring, struct tx_packet *p)
{
	struct vnic_ring *r = &v->tx[ring];
	struct queue *q = queue_tx(v, ring);
	uint8_t *buf = v->card->vnics->frame;
	uint32_t at = q->rptr;
	size_t len = 0, n;

	for (p->descs = 1; at != q->wptr; p->descs++) {
		v->card->ops->dma_read(v->card->host, v->fn,
				       r->addr + (at & (r->count - 1)) * 16,
				       &p->desc, sizeof(p->desc));
		n = le16toh(p->desc.dma_len);
		if (len + n > VNIC_FRAME_MAX)
			n = VNIC_FRAME_MAX - len;
		v->card->ops->dma_read(v->card->host, v->fn,
				       (uint64_t)p->desc.addr_hi << 32 |
				       le32toh(p->desc.addr_lo), buf + len, n);
		len += n;
		if (p->desc.offset_eop & AGL_TXD_EOP) {
			p->meta = FIELD_GET(AGL_TXD_OFFSET, p->desc.offset_eop);
			p->len = len - p->meta;
			return true;
		}
		at = (at + 1) & AGL_QC_PTR_MASK;
	}
	return false;
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
	bool mc = frame[0] & 1;

	v->card->cnt.tx_frames++;
	vnic_count(v, AGL_CB_TX_FRAMES, 1);
	vnic_count(v, AGL_CB_TX_OCTETS, len);
	if (mc)
		vnic_count(v, get_be32(frame) == 0xffffffff ?
			   AGL_CB_TX_BC_FRAMES : AGL_CB_TX_MC_FRAMES, 1);
	vnic_count(v, mc ? AGL_CB_TX_MC_OCTETS : AGL_CB_TX_UC_OCTETS, len);
	flower_from_host(v->card, v, port, frame, len);
}

static void segment_fix(uint8_t *s, const struct l4_view *l, size_t len,
			unsigned int n, uint32_t seq, bool last)
{
	struct l4_view now = *l;
	uint8_t *ip = s + l->l3, *tcp = s + l->l4;

	now.l3_len = len - l->l3;
	if (l->version == 4) {
		put_be16(ip + 2, now.l3_len);
		put_be16(ip + 4, get_be16(ip + 4) + n);
		csum_ip4_fill(s, &now);
	} else {
		put_be16(ip + 4, now.l3_len - 40);
	}
	put_be32(tcp + 4, seq);
	if (!last)
		tcp[13] &= ~(0x01 | 0x08);	/* FIN, PSH */
	if (n)
		tcp[13] &= ~0x80;		/* CWR */
	csum_l4_fill(s, &now);
}

static void segment(struct vnic *v, uint32_t port, uint8_t *frame, size_t len,
		    const struct agl_tx_desc *d)
{
	size_t hdr = d->lso_hdrlen, mss = le16toh(d->mss) & AGL_TXD_MSS;
	uint8_t *s = v->card->vnics->segment;
	struct l4_view l;
	unsigned int n;
	size_t at;

	l4_parse(frame, len, &l);
	if (l.l3 < 0 || l.proto != 6 || !mss || hdr >= len) {
		v->card->cnt.tx_bad_desc++;
		return;
	}
	l.l3 = d->l3_offset;
	l.l4 = d->l4_offset;
	for (n = 0, at = hdr; at < len; n++, at += mss) {
		size_t take = len - at < mss ? len - at : mss;

		memcpy(s, frame, hdr);
		memcpy(s + hdr, frame + at, take);
		segment_fix(s, &l, hdr + take, n,
			    get_be32(frame + l.l4 + 4) + at - hdr,
			    at + take == len);
		emit(v, port, s, hdr + take);
	}
}

static uint8_t *insert_vlan(uint8_t *frame, size_t *len, uint32_t vlan)
{
	memmove(frame - 4, frame, 12);
	frame -= 4;
	put_be32(frame + 12, vlan);
	*len += 4;
	return frame;
}

static void transmit(struct vnic *v, struct tx_packet *p)
{
	uint8_t *buf = v->card->vnics->frame, *frame;
	uint32_t port = 0, vlan = 0;
	size_t len = p->len;
	struct l4_view l;

	if (p->meta > 32 || !parse_meta(buf, p->meta, &port, &vlan)) {
		v->card->cnt.tx_bad_desc++;
		return;
	}
	frame = buf + p->meta;
	if (v->kind == VNIC_CTRL) {
		flower_cmsg(v->card, port, frame, len);
		return;
	}
	if (len < 14 || !v->link) {
		vnic_count(v, AGL_CB_TX_DISCARDS, 1);
		return;
	}
	if (p->desc.flags & AGL_TXD_LSO) {
		segment(v, port, frame, len, &p->desc);
		return;
	}
	if (p->desc.flags & AGL_TXD_CSUM) {
		l4_parse(frame, len, &l);
		if (l.version == 4 && p->desc.flags & AGL_TXD_IP4_CSUM)
			csum_ip4_fill(frame, &l);
		if (p->desc.flags & (AGL_TXD_TCP_CSUM | AGL_TXD_UDP_CSUM))
			csum_l4_fill(frame, &l);
	}
	/* The prepend that carried the tag left room for it */
	if (vlan && v->ctrl & AGL_CTRL_TXVLAN_V2)
		frame = insert_vlan(frame, &len, vlan);
	emit(v, port, frame, len);
}

static bool ring_run(struct vnic *v, unsigned int ring)
{
	struct queue *q = queue_tx(v, ring);
	struct tx_packet p;
	unsigned int n;

	for (n = 0; n < TX_BUDGET && v->tx[ring].on; n++) {
		if (!card_may_spend(v->card))
			break;
		if (q->rptr == q->wptr || !gather(v, ring, &p))
			return false;
		transmit(v, &p);
		q->rptr = (q->rptr + p.descs) & AGL_QC_PTR_MASK;
		vnic_count(v, AGL_CB_TXR_STATS(ring), 1);
		vnic_count(v, AGL_CB_TXR_STATS(ring) + 8, p.len);
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
