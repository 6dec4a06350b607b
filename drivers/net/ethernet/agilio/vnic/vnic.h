/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vNIC: one control BAR, its rings and interrupts. The PF's data vNIC, the
 * control vNIC and a VF's vNIC are three users of this. 02-vnic.md.
 */
#ifndef AGILIO_VNIC_H
#define AGILIO_VNIC_H

#include <linux/bitfield.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/io-64-nonatomic-hi-lo.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/u64_stats_sync.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/page_pool/types.h>

#include "../abi/cpp.h"
#include "../abi/vnic.h"

#define AGL_VNIC_VECTORS	2	/* link state and exception, before the rings */
#define AGL_RING_DEFAULT	1024
#define AGL_RING_LIMIT		32768	/* less than the card's: pages */
#define AGL_CONTROL_BACKLOG	256	/* messages that may wait for the ring */

struct agl_vnic;

/**
 * struct agl_vnic_ops - what the owner of a vNIC does with it
 * @rx: control vNIC: a message, without its prepend; the skb is the owner's
 * @source: data vNIC: netdev that a packet with this port id belongs to
 * @redirect: data vNIC: take a packet that is on its way out by a device of
 *	the host; false if it isn't one
 * @link: link state has changed
 */
struct agl_vnic_ops {
	void (*rx)(struct agl_vnic *vnic, struct sk_buff *skb);
	struct net_device *(*source)(struct agl_vnic *vnic, u32 port);
	bool (*redirect)(struct agl_vnic *vnic, u32 port, struct sk_buff *skb);
	void (*link)(struct agl_vnic *vnic, bool up);
};

/**
 * struct agl_tx_buf - one transmit descriptor's memory
 * @skb: set in the last descriptor of a packet
 * @dma: bus address
 * @len: bytes
 * @page: a fragment, not the linear part
 */
struct agl_tx_buf {
	struct sk_buff *skb;
	dma_addr_t dma;
	u32 len;
	bool page;
};

/**
 * struct agl_tx_ring - transmit ring
 * @desc: descriptors, coherent
 * @dma: their bus address
 * @buf: what each one sends
 * @qc: queue controller registers
 * @size: descriptors, a power of two
 * @wr: next to write, free running
 * @rd: next to complete, free running
 * @pending: written and not yet announced
 * @lock: guards @rd, @buf and, on the control vNIC, @wr and @pending against
 *	its senders, which no netdev queue keeps apart from completion
 * @sync: guards the counters on 32-bit hosts
 * @packets: sent
 * @bytes: sent
 */
struct agl_tx_ring {
	struct agl_tx_desc *desc;
	dma_addr_t dma;
	struct agl_tx_buf *buf;
	void __iomem *qc;
	u32 size;
	u32 wr;
	u32 rd;
	u32 pending;
	spinlock_t lock; /* rd, buf; control vNIC: wr, pending */
	struct u64_stats_sync sync;
	u64_stats_t packets;
	u64_stats_t bytes;
};

/**
 * struct agl_rx_ring - freelist and receive ring
 * @desc: entries, coherent, overwritten in place by the card
 * @dma: their bus address
 * @page: buffer of each entry
 * @pool: where they come from
 * @qc: queue controller registers of the freelist
 * @size: entries, a power of two
 * @wr: next to fill, free running
 * @rd: next to look at, free running
 * @sync: guards the counters on 32-bit hosts
 * @packets: received
 * @bytes: received
 * @drops: thrown away by the driver
 * @csum_good: L4 checksum found right by the card
 * @csum_bad: L4 checksum found wrong by the card
 */
struct agl_rx_ring {
	union agl_rx_desc *desc;
	dma_addr_t dma;
	struct page **page;
	struct page_pool *pool;
	void __iomem *qc;
	u32 size;
	u32 wr;
	u32 rd;
	struct u64_stats_sync sync;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t drops;
	u64_stats_t csum_good;
	u64_stats_t csum_bad;
};

/**
 * struct agl_ring_vec - a pair of rings with an interrupt
 * @vnic: owner
 * @napi: poll context
 * @index: ring number
 * @entry: MSI-X entry
 * @name: of the interrupt
 * @tx: transmit
 * @rx: receive
 */
struct agl_ring_vec {
	struct agl_vnic *vnic;
	struct napi_struct napi;
	unsigned int index;
	unsigned int entry;
	char name[40];
	struct agl_tx_ring tx;
	struct agl_rx_ring rx;
};

/**
 * struct agl_moderation - when a ring interrupts
 * @usecs: longest time that a completion waits
 * @frames: most completions that wait
 */
struct agl_moderation {
	u32 usecs;
	u32 frames;
};

/**
 * struct agl_ring_totals - counters of rings that are gone
 * @rx_packets: received
 * @rx_bytes: received
 * @rx_drops: thrown away by the driver
 * @csum_good: L4 checksum found right by the card
 * @csum_bad: L4 checksum found wrong by the card
 * @tx_packets: sent
 * @tx_bytes: sent
 */
struct agl_ring_totals {
	u64 rx_packets;
	u64 rx_bytes;
	u64 rx_drops;
	u64 csum_good;
	u64 csum_bad;
	u64 tx_packets;
	u64 tx_bytes;
};

/**
 * struct agl_vnic - a vNIC
 * @pdev: PCI function that it is on
 * @netdev: a real one for data, a dummy for the control vNIC
 * @ops: owner's callbacks
 * @priv: owner's
 * @cb: control BAR
 * @qc: queue controller registers, queue 0 of the function's view
 * @control: this is the control vNIC
 * @cap: offered features
 * @max_mtu: limit of the firmware
 * @start_tx: first transmit queue
 * @start_rx: first freelist queue
 * @rx_offset: fixed place of the frame in a buffer, 0: after the metadata
 * @repr_cap: features for representors, from the TLV list
 * @me_mhz: clock of the moderation ticks
 * @rings: ring pairs in use
 * @max_rings: that the firmware has
 * @irq_rings: ring pairs that there are interrupts for
 * @tx_size: descriptors for the next open
 * @rx_size: likewise
 * @tx_mod: interrupt moderation
 * @rx_mod: likewise
 * @rss_key: Toeplitz key
 * @rss_table: ring of each hash value
 * @rss_user: the table is the user's, not ours
 * @gone: counters of earlier opens
 * @first_entry: MSI-X entry of the link interrupt
 * @vec: the ring pairs
 * @reconfig_lock: guards the control BAR between write and answer, ctrl and
 *	running
 * @ctrl: control word in force
 * @buf_len: bytes that the card may write into a buffer
 * @page_order: of a buffer
 * @running: rings are up
 * @link_work: handles a link interrupt
 * @rx_mode_work: takes the netdev's receive mode to the card
 * @backlog: control vNIC: messages for which the ring has no room; guarded by
 *	the ring's lock
 * @room: control vNIC: woken when the backlog is short
 */
struct agl_vnic {
	struct pci_dev *pdev;
	struct net_device *netdev;
	const struct agl_vnic_ops *ops;
	void *priv;
	void __iomem *cb;
	void __iomem *qc;
	bool control;
	u32 cap;
	u32 max_mtu;
	u32 start_tx;
	u32 start_rx;
	u32 rx_offset;
	u32 repr_cap;
	u32 me_mhz;
	unsigned int rings;
	unsigned int max_rings;
	unsigned int irq_rings;
	unsigned int tx_size;
	unsigned int rx_size;
	struct agl_moderation tx_mod;
	struct agl_moderation rx_mod;
	u8 rss_key[AGL_RSS_KEY_SIZE];
	u8 rss_table[AGL_RSS_ITBL_SIZE];
	bool rss_user;
	struct agl_ring_totals gone;
	unsigned int first_entry;
	struct agl_ring_vec *vec;
	struct mutex reconfig_lock; /* control BAR, ctrl, running */
	u32 ctrl;
	u32 buf_len;
	unsigned int page_order;
	bool running;
	struct work_struct link_work;
	char link_name[40];
	struct work_struct rx_mode_work;
	struct sk_buff_head backlog;
	wait_queue_head_t room;
};

/* vnic.c */
int agl_vnic_init(struct agl_vnic *vnic);
int agl_vnic_open(struct agl_vnic *vnic, unsigned int mtu);
void agl_vnic_close(struct agl_vnic *vnic);
int agl_vnic_update(struct agl_vnic *vnic, u32 update);
int agl_vnic_set_ctrl(struct agl_vnic *vnic, u32 mask, u32 bits);
int agl_vnic_write_moderation(struct agl_vnic *vnic);
int agl_vnic_write_rss(struct agl_vnic *vnic);
u32 agl_vnic_max_usecs(const struct agl_vnic *vnic);
void agl_vnic_write_mac(struct agl_vnic *vnic, const u8 *mac);
void agl_vnic_read_mac(struct agl_vnic *vnic, u8 *mac);
void agl_vnic_unmask(struct agl_vnic *vnic, unsigned int entry);

/* ring.c */
int agl_rings_alloc(struct agl_vnic *vnic, unsigned int mtu);
void agl_rings_free(struct agl_vnic *vnic);
void agl_ring_totals(const struct agl_ring_vec *vec, struct agl_ring_totals *to);

/* tx.c */
netdev_tx_t agl_tx(struct agl_vnic *vnic, struct sk_buff *skb);
void agl_tx_control(struct agl_vnic *vnic, struct sk_buff *skb);
void agl_tx_control_kick(struct agl_vnic *vnic);
bool agl_tx_control_room(struct agl_vnic *vnic);
void agl_tx_complete(struct agl_ring_vec *vec, int budget);
void agl_tx_purge(struct agl_ring_vec *vec);

/* rx.c */
void agl_rx_fill(struct agl_ring_vec *vec);
int agl_rx_poll(struct agl_ring_vec *vec, int budget);

#endif
