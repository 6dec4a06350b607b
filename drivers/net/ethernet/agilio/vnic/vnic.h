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
#include <linux/timer.h>
#include <linux/u64_stats_sync.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/page_pool/types.h>

#include "../abi/cpp.h"
#include "../abi/vnic.h"
#include "../chip/chip.h"

#define AGL_VNIC_VECTORS	2	/* link state and exception, before the rings */
#define AGL_RX_HEADROOM		NET_SKB_PAD
#define AGL_PORTID_LEN		8	/* in front of a representor's frame */
#define AGL_RING_DEFAULT	1024
#define AGL_RING_LIMIT		32768	/* less than the card's: pages */
#define AGL_CONTROL_BACKLOG	256	/* messages that may wait for the ring */
#define AGL_RETRY_DELAY		(HZ / 20)	/* for memory, or a mapping */

struct agl_rings;
struct agl_vnic;

/**
 * struct agl_vnic_ops - what the owner of a vNIC does with it
 * @rx: control vNIC: a message, without its prepend; the skb is the owner's
 * @source: data vNIC: netdev that a packet with this port id belongs to
 * @redirect: data vNIC: take a packet that is on its way out by a device of
 *	the host; false if it isn't one
 * @link: link state has changed
 * @reset: card and driver are out of step; in process context, without locks
 */
struct agl_vnic_ops {
	void (*rx)(struct agl_vnic *vnic, struct sk_buff *skb);
	struct net_device *(*source)(struct agl_vnic *vnic, u32 port);
	bool (*redirect)(struct agl_vnic *vnic, u32 port, struct sk_buff *skb);
	void (*link)(struct agl_vnic *vnic, bool up);
	void (*reset)(struct agl_vnic *vnic);
};

/**
 * enum agl_vnic_state - what a vNIC does
 * @AGL_VNIC_DOWN: it has no rings
 * @AGL_VNIC_UP: they run
 * @AGL_VNIC_DEAD: the card has not said that it stopped, so it may still write
 *	to the memory of the rings: that is kept
 */
enum agl_vnic_state {
	AGL_VNIC_DOWN,
	AGL_VNIC_UP,
	AGL_VNIC_DEAD,
};

/**
 * struct agl_vnic_config - what rings are made for
 * @mtu: L3 bytes that a buffer must take
 * @rings: pairs
 * @tx_size: descriptors, a power of two
 * @rx_size: likewise
 */
struct agl_vnic_config {
	unsigned int mtu;
	unsigned int rings;
	unsigned int tx_size;
	unsigned int rx_size;
};

/**
 * struct agl_tx_stats - counters of the transmit rings with a number
 * @sync: guards them on 32-bit hosts
 * @packets: sent, as they are on the wire: segments, not what was segmented
 * @bytes: likewise, from the Ethernet header on, without a port id
 * @bad: times that the card had sent more than it was given
 */
struct agl_tx_stats {
	struct u64_stats_sync sync;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t bad;
};

/**
 * struct agl_rx_stats - counters of the receive rings with a number
 * @sync: guards them on 32-bit hosts
 * @packets: received
 * @bytes: likewise, from the Ethernet header on, with a tag that was stripped
 * @drops: thrown away by the driver
 * @alloc_fail: buffers that there was no memory for
 * @csum_good: L4 checksum found right by the card
 * @csum_bad: L4 checksum found wrong by the card
 */
struct agl_rx_stats {
	struct u64_stats_sync sync;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t drops;
	u64_stats_t alloc_fail;
	u64_stats_t csum_good;
	u64_stats_t csum_bad;
};

/**
 * struct agl_ring_stats - counters of a ring pair; they outlive the rings
 * @tx: transmit
 * @rx: receive
 */
struct agl_ring_stats {
	struct agl_tx_stats tx;
	struct agl_rx_stats rx;
};

/**
 * struct agl_ring_totals - counters, added up
 * @rx_packets: see struct agl_rx_stats
 * @rx_bytes: likewise
 * @rx_drops: likewise
 * @rx_alloc_fail: likewise
 * @csum_good: likewise
 * @csum_bad: likewise
 * @tx_packets: see struct agl_tx_stats
 * @tx_bytes: likewise
 * @tx_bad: likewise
 */
struct agl_ring_totals {
	u64 rx_packets;
	u64 rx_bytes;
	u64 rx_drops;
	u64 rx_alloc_fail;
	u64 csum_good;
	u64 csum_bad;
	u64 tx_packets;
	u64 tx_bytes;
	u64 tx_bad;
};

/**
 * struct agl_tx_buf - one transmit descriptor's memory
 * @skb: set in the last descriptor of a packet
 * @dma: bus address
 * @len: bytes
 * @page: a fragment, not the linear part
 * @packets: with @skb: frames on the wire
 * @bytes: with @skb: their bytes
 */
struct agl_tx_buf {
	struct sk_buff *skb;
	dma_addr_t dma;
	u32 len;
	bool page;
	u16 packets;
	u32 bytes;
};

/**
 * struct agl_tx_ring - transmit ring
 * @desc: descriptors, coherent
 * @dma: their bus address
 * @buf: what each one sends
 * @qc: queue controller registers
 * @size: descriptors, a power of two
 * @wr: next to write, free running; the sender's, who holds the netdev queue's
 *	lock or, on the control vNIC, its tx_lock
 * @pending: written and not yet announced; likewise
 * @rd: next to complete, free running; NAPI's
 */
struct agl_tx_ring {
	struct agl_tx_desc *desc;
	dma_addr_t dma;
	struct agl_tx_buf *buf;
	void __iomem *qc;
	u32 size;
	u32 wr;
	u32 pending;
	u32 rd ____cacheline_aligned_in_smp;
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
};

/**
 * struct agl_ring_vec - a pair of rings with an interrupt
 * @vnic: owner
 * @set: that it is in
 * @stats: counters
 * @napi: poll context
 * @retry: polls again when there was no memory for buffers, or no mapping for a
 *	control message
 * @index: ring number
 * @entry: MSI-X entry
 * @name: of the interrupt
 * @tx: transmit
 * @rx: receive
 */
struct agl_ring_vec {
	struct agl_vnic *vnic;
	struct agl_rings *set;
	struct agl_ring_stats *stats;
	struct napi_struct napi;
	struct timer_list retry;
	unsigned int index;
	unsigned int entry;
	char name[40];
	struct agl_tx_ring tx;
	struct agl_rx_ring rx;
};

/**
 * struct agl_rings - all rings of a vNIC for a configuration, with buffers
 * @cfg: what they were made for
 * @buf_len: bytes that the card may write into a buffer
 * @page_order: of a buffer
 * @count: of @vec
 * @vec: the pairs
 */
struct agl_rings {
	struct agl_vnic_config cfg;
	u32 buf_len;
	unsigned int page_order;
	unsigned int count;
	struct agl_ring_vec vec[] __counted_by(count);
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
 * struct agl_rss - how received packets are spread over rings
 * @key: Toeplitz key
 * @table: ring of each hash value
 * @user: the table is the user's, not ours
 */
struct agl_rss {
	u8 key[AGL_RSS_KEY_SIZE];
	u8 table[AGL_RSS_ITBL_SIZE];
	bool user;
};

/**
 * struct agl_vnic - a vNIC
 * @pdev: PCI function that it is on
 * @chip: card, whose latches its waits look at; a VF's vNIC has none
 * @netdev: a real one for data, a dummy for the control vNIC
 * @ops: owner's callbacks
 * @priv: owner's
 * @cb: control BAR
 * @qc: queue controller registers, queue 0 of the function's view
 * @queues: of the queue controller that can be reached
 * @control: this is the control vNIC
 * @cap: offered features
 * @ctrl_rss: the bit of CTRL for receive side scaling, 0 without
 * @ctrl_lso: for segmentation, likewise
 * @ctrl_vlan: for the stripping of VLAN tags, likewise
 * @max_mtu: limit of the firmware, and of ours
 * @start_tx: first transmit queue
 * @start_rx: first freelist queue
 * @rx_offset: fixed place of the frame in a buffer, 0: after the metadata
 * @repr_cap: features for representors, from the TLV list
 * @me_mhz: clock of the moderation ticks
 * @max_rings: ring pairs that there are queues and interrupts for
 * @first_entry: MSI-X entry of the link interrupt
 * @users: opens without a close; guarded by rtnl, as the next four for a data
 *	vNIC. The control vNIC's are its owner's, who is alone.
 * @cfg: of the rings, those that run or the next ones
 * @carry: the largest MTU of a device that receives through it
 * @rings: those that run
 * @kept: those of a dead vNIC
 * @state: AGL_VNIC_; changes under both rtnl and @reconfig_lock
 * @stuck: the card did not answer to a reconfiguration; guarded by
 *	@reconfig_lock
 * @tx_mod: interrupt moderation; guarded by rtnl, as @rss
 * @rx_mod: likewise
 * @rss: receive side scaling
 * @rx_mode: CTRL bits of the netdev's receive mode
 * @stats: counters of each ring pair
 * @reconfig_lock: guards the control BAR between write and answer, and @ctrl
 * @ctrl: control word in force
 * @link_work: handles a link interrupt
 * @link_name: of that interrupt
 * @rx_mode_work: takes the netdev's receive mode to the card
 * @reset_work: stops and starts a vNIC that is out of step with the card
 * @tx_lock: control vNIC: guards @rings and @backlog, and its ring's wr and
 *	pending, as no netdev queue keeps its senders apart
 * @backlog: control vNIC: messages for which the ring has no room, or that could
 *	not be mapped
 * @room: control vNIC: woken when the backlog is short
 */
struct agl_vnic {
	struct pci_dev *pdev;
	struct agl_chip *chip;
	struct net_device *netdev;
	const struct agl_vnic_ops *ops;
	void *priv;
	void __iomem *cb;
	void __iomem *qc;
	unsigned int queues;
	bool control;
	u32 cap;
	u32 ctrl_rss;
	u32 ctrl_lso;
	u32 ctrl_vlan;
	u32 max_mtu;
	u32 start_tx;
	u32 start_rx;
	u32 rx_offset;
	u32 repr_cap;
	u32 me_mhz;
	unsigned int max_rings;
	unsigned int first_entry;
	unsigned int users;
	struct agl_vnic_config cfg;
	unsigned int carry;
	struct agl_rings *rings;
	struct agl_rings *kept;
	enum agl_vnic_state state;
	bool stuck;
	struct agl_moderation tx_mod;
	struct agl_moderation rx_mod;
	struct agl_rss rss;
	u32 rx_mode;
	struct agl_ring_stats stats[AGL_MAX_RINGS];
	struct mutex reconfig_lock; /* control BAR, ctrl, state, stuck */
	u32 ctrl;
	struct work_struct link_work;
	char link_name[40];
	struct work_struct rx_mode_work;
	struct delayed_work reset_work;
	spinlock_t tx_lock; /* control vNIC: rings, backlog, wr, pending */
	struct sk_buff_head backlog;
	wait_queue_head_t room;
};

/* bar.c */
unsigned int agl_vnic_ring_limit(void __iomem *cb);
int agl_bar_init(struct agl_vnic *vnic);
int agl_bar_enable(struct agl_vnic *vnic, struct agl_rings *rings);
int agl_bar_disable(struct agl_vnic *vnic);
bool agl_bar_answered(struct agl_vnic *vnic);
bool agl_bar_kept(struct agl_vnic *vnic);
int agl_vnic_update(struct agl_vnic *vnic, u32 update);
int agl_vnic_set_ctrl(struct agl_vnic *vnic, u32 mask, u32 bits);
int agl_vnic_set_mac(struct agl_vnic *vnic, const u8 *mac);
int agl_vnic_set_moderation(struct agl_vnic *vnic,
			    const struct agl_moderation *tx,
			    const struct agl_moderation *rx);
int agl_vnic_set_rss(struct agl_vnic *vnic, const struct agl_rss *rss);
u32 agl_vnic_max_usecs(const struct agl_vnic *vnic);
void agl_vnic_read_mac(struct agl_vnic *vnic, u8 *mac);
void agl_vnic_unmask(struct agl_vnic *vnic, unsigned int entry);

/* vnic.c */
int agl_vnic_init(struct agl_vnic *vnic);
void agl_vnic_exit(struct agl_vnic *vnic);
int agl_vnic_open(struct agl_vnic *vnic);
void agl_vnic_close(struct agl_vnic *vnic);
int agl_vnic_reconfigure(struct agl_vnic *vnic,
			 const struct agl_vnic_config *cfg);
int agl_vnic_again(struct agl_vnic *vnic);
void agl_vnic_suspect(struct agl_vnic *vnic);

/* ring.c */
struct agl_rings *agl_rings_prepare(struct agl_vnic *vnic,
				    const struct agl_vnic_config *cfg);
void agl_rings_release(struct agl_rings *rings);
void agl_ring_totals(const struct agl_ring_stats *stats,
		     struct agl_ring_totals *to);

/* tx.c */
netdev_tx_t agl_tx(struct agl_vnic *vnic, struct sk_buff *skb);
void agl_tx_control(struct agl_vnic *vnic, struct sk_buff *skb);
void agl_tx_control_kick(struct agl_vnic *vnic);
bool agl_tx_control_room(struct agl_vnic *vnic);
u32 agl_tx_control_done(struct agl_vnic *vnic);
void agl_tx_control_poke(struct agl_vnic *vnic);
void agl_tx_control_keep(struct agl_ring_vec *vec);
void agl_tx_complete(struct agl_ring_vec *vec, int budget);
void agl_tx_purge(struct agl_ring_vec *vec);

/* rx.c */
int agl_rx_prepare(struct agl_ring_vec *vec);
void agl_rx_announce(struct agl_ring_vec *vec);
int agl_rx_poll(struct agl_ring_vec *vec, int budget);

#endif
