/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vNICs: control BARs, queues, NFD3 rings, interrupts. 02-vnic.md.
 */
#ifndef CARD_VNIC_H
#define CARD_VNIC_H

#include "chip/chip.h"
#include "abi/vnic.h"

#define VNIC_FRAME_MAX		65536
#define VNIC_MTU_MAX		9420
#define VNIC_NATURAL_CTRL	61
#define VNIC_NATURAL_PF		62

enum vnic_kind { VNIC_PF, VNIC_CTRL, VNIC_VF };

struct vnic_ring {
	bool on;
	uint8_t vec;
	uint32_t count;
	uint64_t addr;
	uint32_t frames;	/* moderation: 0 is no limit */
	uint64_t delay;		/* ns */
	uint32_t unsignalled;
	uint64_t oldest;	/* ns */
};

struct vnic {
	struct card *card;
	enum vnic_kind kind;
	unsigned int index;
	int fn;
	uint8_t *cb;
	unsigned int natural;	/* first natural queue */
	unsigned int rings;
	uint32_t cap;		/* offered */
	uint32_t ctrl;		/* as applied at the last reconfiguration */
	uint32_t flbufsz;
	uint8_t lsc;
	bool link;
	bool work;
	bool update_waits;	/* for the end of a fault */
	uint16_t vst_tci;
	uint8_t vlans[4096 / 8];	/* that the host wants, CTAG_FILTER */
	struct vnic_ring tx[CARD_PF_RINGS];
	struct vnic_ring rx[CARD_PF_RINGS];
	uint64_t irq_pending[4];
};

struct queue {
	uint32_t rptr;
	uint32_t wptr;
	uint32_t count;		/* of the ring, 0: it is off */
	bool over;		/* more was added than there is room for */
};

struct vnics {
	struct vnic pf;
	struct vnic ctrl;
	struct vnic vf[CARD_VF_LIMIT];
	unsigned int vfs;
	unsigned int first_vf;	/* to get a turn next */
	uint8_t *vf_bar;
	uint8_t *vf_cfg;
	struct queue qc[AGL_QC_QUEUES];
	uint64_t deadline;
	uint8_t frame[VNIC_FRAME_MAX + 256];
	uint8_t segment[VNIC_FRAME_MAX + 256];
};

/* vnic.c */
void vnics_bind(struct card *card);
void vnics_unbind(struct card *card);
/* A fault has changed: values in control BARs, reconfigurations that wait */
void vnics_limits(struct card *card);
void vnics_resume(struct card *card);
struct vnic *vnic_of_function(struct card *card, int fn);
void vnic_reset(struct vnic *v);
void vnic_reconfig(struct vnic *v);
void vnic_set_link(struct vnic *v, bool up);
bool vnic_enabled(const struct vnic *v);
void vnic_count(struct vnic *v, unsigned int off, uint64_t n);
/* Registers of one direction's statistics */
struct vnic_counts {
	uint16_t frames, octets;
	uint16_t mc_frames, bc_frames;
	uint16_t uc_octets, mc_octets, bc_octets;
};
extern const struct vnic_counts vnic_rx_counts, vnic_tx_counts;
void vnic_count_frame(struct vnic *v, const struct vnic_counts *c,
		      const uint8_t *frame, size_t len);
void vnic_written(struct vnic *v, size_t off, size_t size);

/* queue.c */
uint64_t queue_read(struct card *card, uint64_t off);
void queue_write(struct card *card, uint64_t off, uint32_t val);
struct queue *queue_tx(struct vnic *v, unsigned int ring);
struct queue *queue_fl(struct vnic *v, unsigned int ring);

/* tx.c */
bool vnic_tx_run(struct vnic *v);

/* rx.c: deliver to the host; @port is the source port id, 0 for none */
bool vnic_rx(struct vnic *v, uint32_t port, const uint8_t *frame, size_t len);

/* irq.c */
void irq_ring_event(struct vnic *v, struct vnic_ring *r);
void irq_signal(struct vnic *v, uint8_t vec, uint8_t cause);
void irq_unmasked(struct vnic *v, unsigned int vec);
void irq_timer(struct card *card, uint64_t now);

/* offload.c */
struct l4_view {
	uint8_t version;	/* 4 or 6, 0 if this isn't IP */
	uint8_t proto;
	bool fragment;
	size_t l3;		/* offset of the IP header, 0 if not IP */
	size_t l4;		/* of what is behind, 0 if none or a later fragment */
	size_t l4_end;		/* of the IP packet's end, padding may follow */
};
void l4_parse(const uint8_t *frame, size_t len, struct l4_view *v);
size_t l4_len(const struct l4_view *v);
uint16_t csum_fold(uint64_t sum);
uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len);
bool csum_ip4_ok(const uint8_t *frame, const struct l4_view *v);
bool csum_l4_ok(const uint8_t *frame, const struct l4_view *v);
void csum_ip4_fill(uint8_t *frame, const struct l4_view *v);
void csum_l4_fill(uint8_t *frame, const struct l4_view *v);
uint32_t rss_hash(struct vnic *v, const uint8_t *frame, const struct l4_view *l,
		  uint32_t *type);

/* vfcfg.c */
void vfcfg_update(struct card *card);
bool vfcfg_link(struct card *card, unsigned int vf, bool normal);
void vfcfg_mac(struct card *card, unsigned int vf);

#endif
