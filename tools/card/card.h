/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The face of the card model: a library that is an Agilio card to whoever
 * calls it. The caller supplies host memory, interrupts, wires and time; the
 * QEMU device, the unit tests and the fuzzers are three such callers.
 *
 * Nothing here is thread safe: one card, one thread at a time. Nor may what the
 * host calls below do call the card again: DMA can name the card's own BARs, so
 * the host refuses such accesses. Should one get through, it reads all ones,
 * changes nothing and counts as "reentered". The one exception is a frame that
 * comes in while another one goes out; it waits.
 */
#ifndef CARD_H
#define CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARD_MAX_VFS		64
#define CARD_MAX_WIRES		8
#define CARD_FN_PF		0
#define CARD_FN_VF(v)		(1 + (v))

#define CARD_BAR0_SIZE		(128u << 20)
#define CARD_BAR2_SIZE		(64u << 20)
#define CARD_BAR4_SIZE		(16u << 20)
#define CARD_VF_BAR0_SIZE	0x8000u
#define CARD_VF_BAR2_SIZE	(1u << 20)
#define CARD_PF_VECTORS		256
#define CARD_VF_VECTORS		8
#define CARD_PF_PBA		0x01100190u
#define CARD_VF_MSIX		0x2000u
#define CARD_VF_PBA		0x3000u

struct card;

/**
 * struct card_host - what a card needs from where it is plugged in
 * @dma_read: copy from host memory; @fn is the PCI function that asks; false
 *	if that memory does not answer
 * @dma_write: copy to host memory
 * @msix: send the message of table entry @vector of function @fn
 * @wire_out: a frame leaves on wire @wire, without FCS
 * @kick: have card_run() called soon, outside of the current call
 * @timer: have card_timer() called at @deadline (ns), 0 for never
 * @now: time in ns, never going back
 * @log: one line of text, without newline
 */
struct card_host {
	bool (*dma_read)(void *host, int fn, uint64_t addr, void *buf, size_t len);
	bool (*dma_write)(void *host, int fn, uint64_t addr, const void *buf,
			  size_t len);
	void (*msix)(void *host, int fn, unsigned int vector);
	void (*wire_out)(void *host, unsigned int wire, const void *frame,
			 size_t len);
	void (*kick)(void *host);
	void (*timer)(void *host, uint64_t deadline);
	uint64_t (*now)(void *host);
	void (*log)(void *host, const char *line);
};

/**
 * struct card_config - what card it is
 * @board: AMDA0081, AMDA0096, AMDA0097 or AMDA0099
 * @media: how the ports are split, such as "2x40" or "8x10"; NULL: default
 * @profile: "2.14", "full" or "old", 04-firmware-image.md section 7.3
 * @flash: path of the image that FW_STORED loads, or NULL
 * @serial_low: last octet of the chip serial, to tell two cards apart
 * @nsp_minor: ABI minor of the service processor
 * @nsp_dma: offer the DMA method for large NSP buffers
 * @repr_cap: announce representor capabilities in a TLV list
 * @ctag_filter: offer the VLAN filter
 * @tx_vlan: offer VLAN insertion instead of LSO2 (they exclude each other)
 * @stats_ms: period of the FLOW_STATS messages
 * @active_ms: period of the ACTIVE_TUNS messages
 * @encap_df: encapsulated IPv4 packets have DF set
 * @contexts: statistics contexts, so rules; 0: as the firmware's file says
 * @cap_off: bits that PF, VFs and representors don't offer
 * @flow_overhead: bytes per packet added to flow byte counters
 */
struct card_config {
	const char *board;
	const char *media;
	const char *profile;
	const char *flash;
	uint8_t serial_low;
	unsigned int nsp_minor;
	bool nsp_dma;
	bool repr_cap;
	bool ctag_filter;
	bool tx_vlan;
	unsigned int stats_ms;
	unsigned int active_ms;
	bool encap_df;
	unsigned int contexts;
	uint32_t cap_off;
	unsigned int flow_overhead;
};

void card_config_default(struct card_config *cfg);

/* Returns NULL and sets *err (static text) if the configuration is wrong */
struct card *card_new(const struct card_config *cfg, const struct card_host *ops,
		      void *host, const char **err);
void card_free(struct card *card);

uint64_t card_bar_read(struct card *card, unsigned int bar, uint64_t addr,
		       unsigned int size);
void card_bar_write(struct card *card, unsigned int bar, uint64_t addr,
		    uint64_t val, unsigned int size);
/* Vendor registers in configuration space, 0x400 and up; write only */
void card_config_write(struct card *card, uint32_t addr, uint32_t val);
uint64_t card_vf_bar_read(struct card *card, unsigned int vf, unsigned int bar,
			  uint64_t addr, unsigned int size);
void card_vf_bar_write(struct card *card, unsigned int vf, unsigned int bar,
		       uint64_t addr, uint64_t val, unsigned int size);
/* Function level reset, also what a VF gets when it is switched off */
void card_flr(struct card *card, int fn);

void card_run(struct card *card);
void card_timer(struct card *card);

unsigned int card_wires(const struct card *card);
void card_wire_in(struct card *card, unsigned int wire, const void *frame,
		  size_t len);
void card_cable(struct card *card, unsigned int wire, bool plugged);

uint64_t card_serial_number(const struct card *card);

/* Every counter and gauge by name */
typedef void (*card_counter_fn)(void *opaque, const char *name, uint64_t value);
void card_counters(struct card *card, card_counter_fn fn, void *opaque);

/*
 * The last 256 things that happened, oldest first: from when to when, how
 * often, what, and which. event.h says what @arg is.
 */
typedef void (*card_event_fn)(void *opaque, uint64_t first, uint64_t last,
			      unsigned int count, const char *kind, uint32_t arg);
void card_events(struct card *card, card_event_fn fn, void *opaque);

/**
 * card_fault - break something, or mend it
 * @card: the card
 * @what: NAME=VALUE as card_faults() lists them; NAME=off mends one, "off" all
 *
 * Return: false if there is no such fault, or it has no such value.
 */
bool card_fault(struct card *card, const char *what);

/* Every fault that there is, with its value, "off" for none */
typedef void (*card_fault_fn)(void *opaque, const char *name, const char *value,
			      const char *help);
void card_faults(struct card *card, card_fault_fn fn, void *opaque);

#endif
