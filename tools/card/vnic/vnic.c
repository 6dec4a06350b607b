// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control BARs: what is in them after load, and what a reconfiguration does.
 * 02-vnic.md sections 4, 5 and 13; 04-firmware-image.md section 3.5.
 */
#include <stdlib.h>

#include <errno.h>

#include "vnic.h"

#define VNIC_VERSION		0x505
#define TLV_SKIP_TO		0x2200
#define ME_MHZ			633

#define CAP_COMMON	(AGL_CTRL_ENABLE | AGL_CTRL_PROMISC | AGL_CTRL_GATHER | \
			 AGL_CTRL_IRQMOD)
#define CAP_CTRL	(CAP_COMMON | AGL_CTRL_MSIXAUTO)
#define CAP_DATA	(CAP_COMMON | AGL_CTRL_L2BC | AGL_CTRL_L2MC |	\
			 AGL_CTRL_RXCSUM | AGL_CTRL_TXCSUM |		\
			 AGL_CTRL_RXVLAN_V2 | AGL_CTRL_RINGCFG |	\
			 AGL_CTRL_RSS2 | AGL_CTRL_LIVE_ADDR)
#define CAP_REPR	(AGL_CTRL_RXCSUM | AGL_CTRL_TXCSUM |		\
			 AGL_CTRL_GATHER | AGL_CTRL_LSO2)

static uint32_t cb32(const struct vnic *v, unsigned int off)
{
	return get_le(v->cb + off, 4);
}

void vnic_count(struct vnic *v, unsigned int off, uint64_t n)
{
	put_le(v->cb + off, get_le(v->cb + off, 8) + n, 8);
}

const struct vnic_counts vnic_rx_counts = {
	.frames = AGL_CB_RX_FRAMES, .octets = AGL_CB_RX_OCTETS,
	.mc_frames = AGL_CB_RX_MC_FRAMES, .bc_frames = AGL_CB_RX_BC_FRAMES,
	.uc_octets = AGL_CB_RX_UC_OCTETS, .mc_octets = AGL_CB_RX_MC_OCTETS,
	.bc_octets = AGL_CB_RX_BC_OCTETS,
};

const struct vnic_counts vnic_tx_counts = {
	.frames = AGL_CB_TX_FRAMES, .octets = AGL_CB_TX_OCTETS,
	.mc_frames = AGL_CB_TX_MC_FRAMES, .bc_frames = AGL_CB_TX_BC_FRAMES,
	.uc_octets = AGL_CB_TX_UC_OCTETS, .mc_octets = AGL_CB_TX_MC_OCTETS,
	.bc_octets = AGL_CB_TX_BC_OCTETS,
};

void vnic_count_frame(struct vnic *v, const struct vnic_counts *c,
		      const uint8_t *frame, size_t len)
{
	static const uint8_t bcast[6] = { 255, 255, 255, 255, 255, 255 };

	vnic_count(v, c->frames, 1);
	vnic_count(v, c->octets, len);
	if (len >= sizeof(bcast) && !memcmp(frame, bcast, sizeof(bcast))) {
		vnic_count(v, c->bc_frames, 1);
		vnic_count(v, c->bc_octets, len);
	} else if (len && frame[0] & 1) {
		vnic_count(v, c->mc_frames, 1);
		vnic_count(v, c->mc_octets, len);
	} else {
		vnic_count(v, c->uc_octets, len);
	}
}

bool vnic_enabled(const struct vnic *v)
{
	return v->cb && v->ctrl & AGL_CTRL_ENABLE;
}

static uint32_t cap_off(const struct card *card)
{
	const struct card_fault *f = &card->fault[FAULT_CAP_OFF];

	return card->cfg.cap_off | (f->on ? f->value : 0);
}

static void write_cap(struct vnic *v)
{
	const struct card_config *cfg = &v->card->cfg;
	uint32_t data = CAP_DATA | (cfg->tx_vlan ? AGL_CTRL_TXVLAN_V2 :
						   AGL_CTRL_LSO2) |
			(cfg->ctag_filter ? AGL_CTRL_CTAG_FILTER : 0);

	v->cap = v->kind == VNIC_CTRL ? CAP_CTRL : data & ~cap_off(v->card);
	put_le(v->cb + AGL_CB_CAP, v->cap, 4);
}

static void write_tlvs(struct vnic *v)
{
	uint8_t *p = v->cb + AGL_CB_TLV;

	put_le(p, FIELD_PREP(AGL_TLV_TYPE, AGL_TLV_RESERVED) |
	       (TLV_SKIP_TO - AGL_CB_TLV - 4), 4);
	p = v->cb + TLV_SKIP_TO;
	put_le(p, FIELD_PREP(AGL_TLV_TYPE, AGL_TLV_ME_FREQ) | 4, 4);
	put_le(p + 4, ME_MHZ, 4);
	put_le(p + 8, FIELD_PREP(AGL_TLV_TYPE, AGL_TLV_REPR_CAP) | 4, 4);
	put_le(p + 12, CAP_REPR & ~cap_off(v->card), 4);
	put_le(p + 16, FIELD_PREP(AGL_TLV_TYPE, AGL_TLV_END), 4);
}

static void put_limit(struct vnic *v, unsigned int off, enum card_fault_id id,
		      uint32_t value)
{
	const struct card_fault *f = &v->card->fault[id];

	if (v->kind != VNIC_CTRL && f->on)
		value = f->value;
	put_le(v->cb + off, value, 4);
}

/* What the host believes without asking, so a fault can change it */
static void write_limits(struct vnic *v)
{
	put_limit(v, AGL_CB_MAX_TXRINGS, FAULT_MAX_TXRINGS, v->rings);
	put_limit(v, AGL_CB_MAX_RXRINGS, FAULT_MAX_RXRINGS, v->rings);
	put_limit(v, AGL_CB_MAX_MTU, FAULT_MAX_MTU, VNIC_MTU_MAX);
	put_limit(v, AGL_CB_START_TXQ, FAULT_START_TXQ,
		  v->kind == VNIC_VF ? 1 : 4 * v->natural + 1);
	put_limit(v, AGL_CB_RX_OFFSET, FAULT_RX_OFFSET, 0);
	write_cap(v);
}

/* Everything but the MSI-X table of a VF at 0x2000 */
void vnic_reset(struct vnic *v)
{
	bool vf = v->kind == VNIC_VF;
	uint8_t mac[8];

	if (!v->cb)
		return;
	memcpy(mac, v->cb + AGL_CB_MAC_HI, sizeof(mac));
	memset(v->cb, 0, AGL_CB_MBOX + AGL_CB_MBOX_SIZE + 8);
	memcpy(v->cb + AGL_CB_MAC_HI, mac, sizeof(mac));
	if (vf)
		vfcfg_mac(v->card, v->index);
	v->cb[AGL_CB_LSC] = AGL_CB_NO_VECTOR;
	put_le(v->cb + AGL_CB_VERSION, VNIC_VERSION, 4);
	write_limits(v);
	put_le(v->cb + AGL_CB_START_RXQ, vf ? 0 : 4 * v->natural, 4);
	put_le(v->cb + AGL_CB_RSS_CAP,
	       v->kind == VNIC_CTRL ? 0 : AGL_RSS_TOEPLITZ, 4);
	if (v->kind == VNIC_PF && v->card->cfg.repr_cap)
		write_tlvs(v);
	memset(v->vlans, 0, sizeof(v->vlans));
	v->ctrl = 0;
	v->lsc = AGL_CB_NO_VECTOR;
	memset(v->tx, 0, sizeof(v->tx));
	memset(v->rx, 0, sizeof(v->rx));
	memset(v->irq_pending, 0, sizeof(v->irq_pending));
	v->update_waits = false;
	vnic_set_link(v, v->link);
}

static void vnic_setup(struct card *card, struct vnic *v, enum vnic_kind kind,
		       unsigned int index, uint8_t *cb)
{
	memset(v, 0, sizeof(*v));
	v->card = card;
	v->kind = kind;
	v->index = index;
	v->cb = cb;
	v->fn = kind == VNIC_VF ? CARD_FN_VF(index) : CARD_FN_PF;
	v->rings = kind == VNIC_PF ? CARD_PF_RINGS : 1;
	v->natural = kind == VNIC_PF ? VNIC_NATURAL_PF :
		     kind == VNIC_CTRL ? VNIC_NATURAL_CTRL : index;
	/* Representors send through the PF: its link stays up, 03 9.12 */
	v->link = kind == VNIC_PF;
	vnic_reset(v);
}

/* The host wrote to a control BAR; ICR bytes that are 0 now are unmasked */
void vnic_written(struct vnic *v, size_t off, size_t size)
{
	for (; size--; off++)
		if (off >= AGL_CB_ICR(0) && off <= AGL_CB_ICR(255) &&
		    !v->cb[off])
			irq_unmasked(v, off - AGL_CB_ICR(0));
}

static void pf_written(struct card *card, size_t off, size_t size)
{
	vnic_written(&card->vnics->pf, off, size);
}

static void ctrl_written(struct card *card, size_t off, size_t size)
{
	vnic_written(&card->vnics->ctrl, off, size);
}

/* Words are aligned, so a write is within one VF's */
static void vfs_written(struct card *card, size_t off, size_t size)
{
	vnic_written(&card->vnics->vf[off / AGL_CB_SIZE], off % AGL_CB_SIZE,
		     size);
}

/* VFs that have both a control BAR and settings, if there are settings */
static unsigned int vfs_of(const struct image *img)
{
	size_t n = img->vf_bar.p ? img->vf_bar.size / AGL_CB_SIZE : 0;
	size_t entries = img->vf_cfg.p ?
			 (img->vf_cfg.size - AGL_VFCFG_ENTRY(0)) /
			 AGL_VFCFG_ENTRY(0) : CARD_VF_LIMIT;

	if (n > entries)
		n = entries;
	return n < CARD_VF_LIMIT ? n : CARD_VF_LIMIT;
}

void vnics_bind(struct card *card)
{
	struct image *img = &card->image;
	struct vnics *n = card->vnics;
	unsigned int i;

	memset(n->qc, 0, sizeof(n->qc));
	vnic_setup(card, &n->pf, VNIC_PF, 0, img->pf_bar.p);
	vnic_setup(card, &n->ctrl, VNIC_CTRL, 0, img->ctrl_bar.p);
	n->vf_bar = img->vf_bar.p;
	n->vfs = vfs_of(img);
	for (i = 0; i < n->vfs; i++)
		vnic_setup(card, &n->vf[i], VNIC_VF, i,
			   n->vf_bar + i * AGL_CB_SIZE);
	n->vf_cfg = img->vf_cfg.p;
	mem_listen(card, n->pf.cb, AGL_CB_SIZE, pf_written);
	mem_listen(card, n->ctrl.cb, AGL_CB_SIZE, ctrl_written);
	mem_listen(card, n->vf_bar, (size_t)n->vfs * AGL_CB_SIZE, vfs_written);
}

void vnics_unbind(struct card *card)
{
	struct vnics *n = card->vnics;
	unsigned int i;

	n->pf.cb = NULL;
	n->ctrl.cb = NULL;
	for (i = 0; i < n->vfs; i++)
		n->vf[i].cb = NULL;
	n->vfs = 0;
	n->vf_bar = NULL;
	n->vf_cfg = NULL;
}

struct vnic *vnic_of_function(struct card *card, int fn)
{
	struct vnics *n = card->vnics;

	if (fn == CARD_FN_PF)
		return &n->pf;
	return (unsigned int)fn <= n->vfs ? &n->vf[fn - 1] : NULL;
}

void vnic_set_link(struct vnic *v, bool up)
{
	bool changed = v->link != up;
	unsigned int rate = v->kind == VNIC_VF ? AGL_CB_RATE_UNKNOWN :
						 AGL_CB_RATE_10G;

	v->link = up;
	if (!v->cb)
		return;
	put_le(v->cb + AGL_CB_STS, up ? AGL_CB_STS_LINK |
	       FIELD_PREP(AGL_CB_STS_RATE, rate) : 0, 2);
	if (changed && vnic_enabled(v) && v->lsc != AGL_CB_NO_VECTOR &&
	    v->kind != VNIC_CTRL)
		irq_signal(v, v->lsc, AGL_ICR_LSC);
}

static void load_moderation(struct vnic *v, struct vnic_ring *r, uint32_t word)
{
	uint64_t ticks = FIELD_GET(AGL_IRQMOD_TICKS, word);
	unsigned int mhz = v->card->cfg.repr_cap ? ME_MHZ : AGL_ME_FREQ_DEFAULT;

	if (!(v->ctrl & AGL_CTRL_IRQMOD)) {
		word = 0;
		ticks = 0;
	}
	r->frames = FIELD_GET(AGL_IRQMOD_FRAMES, word);
	r->delay = ticks * 16 * 1000 / mhz;
}

static void load_ring(struct vnic *v, struct vnic_ring *r, bool on,
		      unsigned int addr, unsigned int size, unsigned int vec,
		      struct queue *q)
{
	bool was = r->on;

	r->on = on;
	r->addr = get_le(v->cb + addr, 8);
	r->count = 1u << (v->cb[size] & 31);
	r->vec = v->cb[vec];
	r->unsignalled = 0;
	if (was || on)
		*q = (struct queue){ .count = on ? r->count : 0 };
	if (on) {
		v->cb[AGL_CB_ICR(r->vec)] = AGL_ICR_UNMASKED;
		v->irq_pending[r->vec / 64] &= ~BIT_ULL(r->vec % 64);
	}
}

static void load_rings(struct vnic *v)
{
	uint64_t tx = get_le(v->cb + AGL_CB_TXRS_ENABLE, 8);
	uint64_t rx = get_le(v->cb + AGL_CB_RXRS_ENABLE, 8);
	unsigned int i;

	for (i = 0; i < v->rings; i++) {
		load_ring(v, &v->tx[i], tx >> i & 1, AGL_CB_TXR_ADDR(i),
			  AGL_CB_TXR_SZ(i), AGL_CB_TXR_VEC(i), queue_tx(v, i));
		load_ring(v, &v->rx[i], rx >> i & 1, AGL_CB_RXR_ADDR(i),
			  AGL_CB_RXR_SZ(i), AGL_CB_RXR_VEC(i), queue_fl(v, i));
	}
}

/* 02-vnic.md section 6.3. Return: errno */
static int vlan_filter(struct vnic *v, uint32_t command, const uint8_t *data)
{
	unsigned int vid = get_le(data, 2);

	if (!(v->ctrl & AGL_CTRL_CTAG_FILTER))
		return EOPNOTSUPP;
	if (!vid || vid > 4095 || get_le(data + 2, 2) != 0x8100)
		return EINVAL;
	if (command == AGL_MBOX_CTAG_ADD)
		v->vlans[vid / 8] |= 1 << vid % 8;
	else
		v->vlans[vid / 8] &= ~(1 << vid % 8);
	return 0;
}

static void run_mailbox(struct vnic *v)
{
	uint8_t *m = v->cb + AGL_CB_MBOX;
	uint32_t command = get_le(m + AGL_MBOX_CMD, 4);
	int err = EOPNOTSUPP;

	if (command == AGL_MBOX_CTAG_ADD || command == AGL_MBOX_CTAG_DEL)
		err = vlan_filter(v, command, m + AGL_MBOX_DATA);
	if (err)
		card_log(v->card, "mailbox command %u: errno %d", command, err);
	put_le(m + AGL_MBOX_RET, err, 4);
}

/* log2 of 256 to 256 Ki descriptors */
static bool ring_size_ok(uint8_t size)
{
	return size < 32 && 1u << size >= AGL_RING_MIN &&
	       1u << size <= AGL_RING_MAX;
}

/* What would be refused; nothing of it is applied then */
static bool update_possible(struct vnic *v, uint32_t update)
{
	uint64_t tx = get_le(v->cb + AGL_CB_TXRS_ENABLE, 8);
	uint64_t rx = get_le(v->cb + AGL_CB_RXRS_ENABLE, 8);
	unsigned int i;

	if (!(update & AGL_UPDATE_RING))
		return true;
	for (i = 0; i < v->rings; i++)
		if ((tx >> i & 1 && !ring_size_ok(v->cb[AGL_CB_TXR_SZ(i)])) ||
		    (rx >> i & 1 && !ring_size_ok(v->cb[AGL_CB_RXR_SZ(i)])))
			return false;
	return true;
}

/* The host rang the configuration doorbell */
void vnic_reconfig(struct vnic *v)
{
	uint32_t update = cb32(v, AGL_CB_UPDATE);
	bool was = vnic_enabled(v);
	unsigned int i;

	v->update_waits = fault_on(v->card, FAULT_UPDATE_DEAD) ||
			  fault_take(v->card, FAULT_UPDATE_MUTE);
	if (v->update_waits)
		return;
	v->card->cnt.reconfigs++;
	card_event(v->card, EVENT_RECONFIG, v->natural);
	if (fault_take(v->card, FAULT_UPDATE_ERR) || !update_possible(v, update)) {
		v->card->cnt.reconfig_errors++;
		put_le(v->cb + AGL_CB_UPDATE, update | AGL_UPDATE_ERR, 4);
		return;
	}
	if (update & (AGL_UPDATE_GEN | AGL_UPDATE_MACADDR)) {
		v->ctrl = cb32(v, AGL_CB_CTRL) & v->cap;
		v->flbufsz = cb32(v, AGL_CB_FLBUFSZ) & AGL_CB_FLBUFSZ_MASK;
		v->lsc = v->cb[AGL_CB_LSC];
	}
	if (update & AGL_UPDATE_RING)
		load_rings(v);
	if (update & (AGL_UPDATE_RING | AGL_UPDATE_IRQMOD | AGL_UPDATE_GEN))
		for (i = 0; i < v->rings; i++) {
			load_moderation(v, &v->tx[i], cb32(v, AGL_CB_TXR_IRQMOD(i)));
			load_moderation(v, &v->rx[i], cb32(v, AGL_CB_RXR_IRQMOD(i)));
		}
	if (update & AGL_UPDATE_MBOX)
		run_mailbox(v);
	if (update & AGL_UPDATE_VF)
		vfcfg_update(v->card);
	if (was != vnic_enabled(v))
		v->card->fw->vnic_changed(v->card, v);
	put_le(v->cb + AGL_CB_UPDATE, 0, 4);
}

static void vnics_each(struct card *card, void (*fn)(struct vnic *v))
{
	struct vnics *n = card->vnics;
	unsigned int i;

	if (n->ctrl.cb)
		fn(&n->ctrl);
	if (n->pf.cb)
		fn(&n->pf);
	for (i = 0; i < n->vfs; i++)
		fn(&n->vf[i]);
}

void vnics_limits(struct card *card)
{
	vnics_each(card, write_limits);
}

static void resume(struct vnic *v)
{
	if (v->update_waits)
		vnic_reconfig(v);
}

void vnics_resume(struct card *card)
{
	vnics_each(card, resume);
}

void card_flr(struct card *card, int fn)
{
	struct vnic *v = vnic_of_function(card, fn);
	bool was;

	if (!v || !v->cb || !card_enter(card))
		return;
	was = vnic_enabled(v);
	/* First: nobody is to be told of the PF's end, nor written to */
	if (fn == CARD_FN_PF)
		vnic_reset(&card->vnics->ctrl);
	vnic_reset(v);
	if (was)
		card->fw->vnic_changed(card, v);
	card_leave(card);
}
