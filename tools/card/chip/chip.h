/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chip below the firmware: bus, memories, service processor, ports.
 * 01-platform.md and 04-firmware-image.md.
 */
#ifndef CARD_CHIP_H
#define CARD_CHIP_H

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "../card.h"
#include "../event.h"
#include "../fault.h"
#include "abi/base.h"
#include "abi/cpp.h"
#include "abi/nffw.h"
#include "abi/nsp.h"
#include "abi/pci.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define FIELD_SHIFT(mask)	__builtin_ctzll(mask)
#define FIELD_GET(mask, v)	(((uint64_t)(v) & (mask)) >> FIELD_SHIFT(mask))
#define FIELD_PREP(mask, v)	(((uint64_t)(v) << FIELD_SHIFT(mask)) & (mask))

#define CARD_PF_RINGS		2
#define CARD_VF_LIMIT		61
#define CARD_HWINFO_KEYS	64
#define CARD_TIMER_UNKNOWN	UINT64_MAX
#define CARD_LISTENERS		8
/* Distance between the first port indexes of two cages */
#define BOARD_CAGE_STEP		4

#define SYS_HWINFO		0x8100030000ULL
#define SYS_HWINFO_SIZE		0x2000
#define SYS_NSP			0x8100040000ULL
#define SYS_NFFW		0x8100050000ULL
#define SYS_DIAG		0x8100060000ULL
#define SYS_DIAG_SIZE		0x2000
/* Free in every real image, 04-firmware-image.md section 4.1 */
#define SYS_NSP_BUFFER		0x20c0000000ULL

/* Everything that can be counted, once */
#define CARD_COUNTERS(X)						\
	X(reentered) X(cpp_bad) X(cpp_unmapped) X(explicit_kicks)		\
	X(nsp_commands) X(nsp_errors) X(fw_loads) X(resets)		\
	X(reconfigs) X(reconfig_errors) X(qc_overflow)			\
	X(dma_errors)							\
	X(tx_frames) X(tx_bad_desc) X(tx_not_enabled) X(rx_no_credit)	\
	X(rx_too_long) X(rx_disabled) X(rx_filtered)			\
	X(irqs) X(irqs_pending) X(irqs_lost)				\
	X(cmsg_rx) X(cmsg_unknown) X(cmsg_bad) X(cmsg_dropped)		\
	X(cmsg_tx) X(cmsg_tx_dropped)					\
	X(flow_add) X(flow_mod) X(flow_del) X(flow_dup) X(flow_missing)	\
	X(flow_bad_key) X(flow_bad_action) X(flow_bad_ctx)		\
	X(flow_bad_shortcut) X(mask_unknown) X(mask_replaced)		\
	X(flow_full) X(flow_old_version)							\
	X(lookup_hits) X(lookup_misses) X(lookup_conflicts)		\
	X(fallbacks) X(direct_outputs) X(outputs)			\
	X(out_port_down) X(out_unknown) X(out_too_long)			\
	X(act_no_header) X(act_no_output) X(act_drop)	\
	X(in_port_down) X(wire_in) X(wire_out)				\
	X(decaps) X(encaps) X(tun_full) X(neigh_missing) X(neigh_no_mac)	\
	X(recirc_over) X(deferred_full) X(merge_hints)					\
	X(stats_msgs) X(stats_records) X(stats_lost) X(lag_msgs) X(vf_cfg)

struct counters {
#define X(n) uint64_t n;
	CARD_COUNTERS(X)
#undef X
};

/* One possible port of the board, by chip-wide index */
struct phys_port {
	bool present;
	uint8_t index;
	uint8_t wire;
	uint8_t phy;
	uint8_t label;
	uint8_t lanes;
	uint8_t rate;		/* AGL_ETH_RATE_ */
	uint8_t interface;
	uint8_t media;
	bool fec;
	bool aneg_capable;
	uint8_t aneg;
	uint8_t fec_mode;
	bool configured;
	bool identify;
	bool tx_pause;
	bool rx_pause;
	bool override;		/* lanes or rate change waits for MAC_INIT */
	uint8_t next_lanes;
	uint8_t next_rate;
	bool cable;
	uint8_t mac[6];
};

struct hwinfo_pair {
	char key[32];
	char value[64];
};

struct board {
	const char *name;
	const char *partno;
	const char *model;
	const char *vendor;
	const char *serial;
	const char *revision;
	const char *cpld;
	uint8_t dsn[6];
	const char *media;
	const char *all_media[4];
	uint8_t cages;
	uint8_t lanes;
	uint8_t interface;
	uint8_t rate;
	uint8_t index_step;
};

struct mem_area {
	uint8_t *p;
	size_t size;
};

/* Memory behind a symbol of the firmware; p is NULL if it has no such symbol */
struct object {
	uint8_t *p;
	size_t size;
};

struct image {
	bool loaded;
	uint32_t symtab;	/* in the first EMEM */
	size_t symbols;
	uint32_t strtab;
	size_t strtab_size;
	struct object app_id, pf_bar, ctrl_bar, vf_bar, vf_cfg, mac_stats;
	struct object features, host_mask, combined, merge_enable, ctx_count;
	char name[17];
};

struct vnic;

/* What the chip and the vNICs ask of the firmware; card.c knows them all */
struct card_firmware_ops {
	void (*load)(struct card *card);
	void (*unload)(struct card *card);
	void (*port_changed)(struct card *card, struct phys_port *p);
	void (*vnic_changed)(struct card *card, struct vnic *v);
	void (*vf_link)(struct card *card, unsigned int vf);
	void (*cmsg)(struct card *card, uint32_t port, const uint8_t *msg,
		     size_t len);
	void (*from_host)(struct card *card, struct vnic *v, uint32_t port,
			  const uint8_t *frame, size_t len);
	uint64_t (*qc_read)(struct card *card, uint64_t off);
	void (*qc_write)(struct card *card, uint64_t off, uint32_t val);
};

/* Somebody who wants to know when the host writes to memory */
struct listener {
	const uint8_t *p;
	size_t size;
	void (*written)(struct card *card, size_t off, size_t size);
};

struct vnics;
struct flower;

struct card {
	struct card_config cfg;
	const struct card_host *ops;	/* called with @host */
	void *host;
	const struct card_host *slot;	/* what is behind them */
	void *slot_host;
	const struct card_firmware_ops *fw;
	const struct board *board;
	bool inside;			/* a call into the card is not over */

	uint32_t slots[AGL_NUM_SLOTS];
	uint8_t sram[0x20000];		/* slot 0.0 below the CSRs */
	uint32_t csr[0x180 / 4];
	struct mem_area island[64];	/* direct access */
	struct mem_area emem[3];	/* islands 24 to 26, plain */
	struct listener listeners[CARD_LISTENERS];
	unsigned int listening;

	struct hwinfo_pair hwinfo[CARD_HWINFO_KEYS];
	unsigned int hwinfo_keys;
	struct phys_port ports[AGL_ETH_PER_NBI];
	const char *media;

	struct image image;
	struct vnics *vnics;
	struct flower *flower;

	uint64_t timer_at;		/* as the caller was told */
	unsigned int budget;
	struct {
		uint64_t since;		/* ns */
		unsigned int lines;
		unsigned int lost;
	} log;
	struct card_fault fault[FAULTS];
	unsigned int garbage;		/* control messages sent by fault */
	uint64_t nsp_at;		/* when the command is done, 0: none waits */
	uint64_t nsp_taken;		/* that command */
	struct counters cnt;
	struct card_event event[CARD_EVENTS];
	unsigned int events;		/* since the card is there */
	struct wire_times wire_times[CARD_MAX_WIRES];
};

/* event.c */
void card_event(struct card *card, enum card_event_kind kind, uint32_t arg);
void card_wire_event(struct card *card, unsigned int wire);

static inline bool fault_on(const struct card *card, enum card_fault_id id)
{
	return card->fault[id].on;
}

static inline bool fault_flip(const struct card *card, enum fault_flip what)
{
	return fault_on(card, FAULT_FLIP) && card->fault[FAULT_FLIP].value == what;
}

/* Return: true if this is one of the next N times */
static inline bool fault_take(struct card *card, enum card_fault_id id)
{
	struct card_fault *f = &card->fault[id];

	if (!f->on)
		return false;
	if (!--f->value)
		f->on = false;
	return true;
}

/* fault.c: what the card has of its slot goes by way of the faults */
void slot_init(struct card *card, const struct card_host *ops, void *host);

/*
 * card.c: work is counted in lookups, outputs and DMA operations, and whoever
 * calls the card gets it back when the budget of the call is spent; card_run()
 * does the rest. What has begun is finished, so it is spent by a little more.
 */
#define CARD_BUDGET		4096

static inline void card_budget(struct card *card)
{
	card->budget = CARD_BUDGET;
}

static inline bool card_may_spend(const struct card *card)
{
	return card->budget;
}

static inline void card_spend(struct card *card, unsigned int n)
{
	card->budget -= n < card->budget ? n : card->budget;
}

/* card.c: a deadline has changed, have the timer follow */
void card_rearm(struct card *card);
void card_log(struct card *card, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Return: false if the card is at work already, see card.h */
bool card_enter(struct card *card);
void card_leave(struct card *card);

/* dma.c: host memory. Return: false if it does not answer, which is counted */
bool dma_read(struct card *card, int fn, uint64_t addr, void *buf, size_t len);
bool dma_write(struct card *card, int fn, uint64_t addr, const void *buf,
	       size_t len);

/* mem.c: memory behind MU addresses; NULL if there is none */
uint8_t *mem_ptr(struct card *card, uint64_t addr, size_t len);
uint64_t mem_addr(unsigned int island, uint64_t offset, bool direct);
void mem_clear_firmware(struct card *card);
void mem_free(struct card *card);
/* All listeners go when the firmware is unloaded */
void mem_listen(struct card *card, const uint8_t *p, size_t size,
		void (*written)(struct card *card, size_t off, size_t size));
void mem_listen_none(struct card *card);
void mem_written(struct card *card, const uint8_t *p, size_t size);

/* cpp.c */
uint64_t cpp_read(struct card *card, unsigned int target, unsigned int action,
		  unsigned int token, uint64_t addr, unsigned int size);
void cpp_write(struct card *card, unsigned int target, unsigned int action,
	       unsigned int token, uint64_t addr, uint64_t val,
	       unsigned int size);

/* board.c */
const struct board *board_find(const char *name);
bool board_apply_media(struct card *card, const char *media);
void board_apply_overrides(struct card *card);
bool board_link(const struct phys_port *port);

/* hwinfo.c */
void hwinfo_init(struct card *card);
const char *hwinfo_get(struct card *card, const char *key);
bool hwinfo_set(struct card *card, const char *key, const char *value);
uint32_t cksum(const void *data, size_t len);

/* resource.c */
void resource_init(struct card *card);
void resource_locks(struct card *card);

/* nsp.c, nsp_eth.c */
void nsp_init(struct card *card);
void nsp_command(struct card *card);
void nsp_timer(struct card *card, uint64_t now);
/* A fault has changed: do what it kept from being done */
void nsp_resume(struct card *card);
int nsp_eth_rescan(struct card *card, uint8_t *buf);
int nsp_eth_control(struct card *card, const uint8_t *buf);
int nsp_read_media(struct card *card, uint8_t *buf);
int nsp_read_eeprom(struct card *card, uint8_t *buf, size_t len);
uint32_t nsp_firmware_load(struct card *card, const uint8_t *data, size_t len,
			   int *error);
void nsp_soft_reset(struct card *card);

/* image.c */
bool image_load(struct card *card, const uint8_t *data, size_t len,
		const char **why);
void image_unload(struct card *card);
uint8_t *image_symbol(struct card *card, const char *name, size_t at_least,
		      size_t *size);
uint64_t object_value(const struct object *o, uint64_t missing);

/* macstats.c */
void mac_count(struct card *card, unsigned int index, bool rx,
	       const uint8_t *frame, size_t len);
void mac_drop(struct card *card, unsigned int index, bool rx);

static inline uint64_t get_le(const uint8_t *p, unsigned int size)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	return le64toh(v);
}

static inline void put_le(uint8_t *p, uint64_t v, unsigned int size)
{
	v = htole64(v);
	memcpy(p, &v, size);
}

static inline uint16_t get_be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v);
}

#endif
