/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host made of arrays: memory, wires and interrupts that tests look into,
 * and a card that is brought up in it.
 */
#ifndef CARD_TEST_HOST_H
#define CARD_TEST_HOST_H

#include <stdlib.h>

#include "chip/chip.h"
#include "vnic/vnic.h"
#include "flower/flower.h"

#define HOST_MEMORY	(8u << 20)
#define HOST_BARS	(1ull << 32)	/* BAR 4, if host.bars */
#define HOST_FRAMES	128
#define RING_SIZE	256
#define BUF_SIZE	2048

struct frame {
	unsigned int wire;
	size_t len;
	uint8_t data[10000];
};

struct fake_host {
	struct card *card;
	uint8_t memory[HOST_MEMORY];
	struct frame out[HOST_FRAMES];
	unsigned int outs;
	unsigned int irqs[CARD_PF_VECTORS];
	unsigned int log_lines;
	uint64_t now;
	uint64_t deadline;
	bool kicked;
	uint32_t version;	/* of the last flow message */
	bool hold;		/* host_run() does nothing */
	bool tied;		/* wires 0 and 1 end in each other */
	bool dma_may_fail;
	unsigned int dmas;
	bool bars;
	uint32_t tx_at[64];	/* by natural queue, as the next */
	uint32_t rx_at[64];
};

extern struct fake_host host;

/* One test: a line of TAP-like output, counted by the caller */
#define CHECK(cond) check(cond, #cond, __FILE__, __LINE__)
void check(bool ok, const char *what, const char *file, int line);
void test_begin(const char *name);
int test_end(void);

/* A card with the stand-in firmware running, or without */
void host_card(const struct card_config *cfg, bool firmware);
uint8_t *host_read_file(const char *path, size_t *len);
/* Enable a vNIC with ring i on vector i, freelist filled */
void host_vnic_up(struct vnic *v, uint32_t ctrl);
void host_ctrl_up(void);
/* Put one packet on a transmit ring and ring the doorbell */
void host_tx(struct vnic *v, const void *data, size_t len, size_t meta,
	     const struct agl_tx_desc *proto);
/* Next received packet, NULL if there is none; *d is its descriptor */
const uint8_t *host_rx(struct vnic *v, unsigned int ring, union agl_rx_desc *d);
void post_again(struct vnic *v, unsigned int ring);
void host_run(void);
/* Flow messages get the next version */
void host_cmsg(uint8_t type, const void *body, size_t len);
/* Next control message from the card, NULL if there is none */
const uint8_t *host_cmsg_rx(size_t *len);
/* Physical port @index and VF @vf reified and up */
void host_port_up(uint32_t id);
uint64_t host_counter(const char *name);
size_t hex(const char *text, uint8_t *out);

#endif
