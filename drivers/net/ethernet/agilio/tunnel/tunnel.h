/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver keeps of tunnels: local addresses, the other ends, and
 * devices of the host that stand between.
 */
#ifndef AGILIO_TUNNEL_H
#define AGILIO_TUNNEL_H

#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/in6.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "../abi/tunnel.h"
#include "../flower/encode.h"
#include "../rule/depend.h"
#include "../rule/rule.h"

struct agilio;
struct neighbour;

#define AGL_ENDPOINT_BITS	8
#define AGL_DEVICE_BITS		8

/**
 * struct agl_local - an address that tunnels end at
 * @list: in agl_tunnels.locals
 * @users: rules that match it
 * @in_card: of these, how many are in the card: it is, while there is one
 * @v6: family
 * @addr: IPv4 in the first word
 */
struct agl_local {
	struct list_head list;
	refcount_t users;
	unsigned int in_card;
	bool v6;
	struct in6_addr addr;
};

/**
 * struct agl_mac_user - a device that tunnel packets can be addressed to
 * @list: in agl_tunnels.mac_users
 * @dev: device, up
 * @addr: its MAC address
 * @port: chip-wide index of the port behind it, or -1
 * @ovs: an internal port of Open vSwitch
 */
struct agl_mac_user {
	struct list_head list;
	struct net_device *dev;
	u8 addr[ETH_ALEN];
	int port;
	bool ovs;
};

/**
 * struct agl_mac - a MAC address that the card has been told, or was
 * @list: in agl_tunnels.macs
 * @addr: address
 * @told: the card knows it now
 * @index: what the card was told
 * @global: id if the index has one, or -1
 * @rules: pre-tunnel rules that are for it
 * @dep: these; away while it isn't an internal port's
 */
struct agl_mac {
	struct list_head list;
	u8 addr[ETH_ALEN];
	bool told;
	u16 index;
	int global;
	unsigned int rules;
	struct agl_dep dep;
};

/**
 * struct agl_neigh_sent - a neighbour as the card has it
 * @src: outer source, IPv4 in the first word
 * @dst_mac: outer destination MAC
 * @src_mac: outer source MAC
 * @port: way out, port id
 * @tpid: tag of packets from there that are let in, AGL_NEIGH_NO_TAG: none
 * @tci: likewise
 * @ctx: counts packets that are let in, AGL_NEIGH_NO_CTX: none are
 */
struct agl_neigh_sent {
	struct in6_addr src;
	u8 dst_mac[ETH_ALEN];
	u8 src_mac[ETH_ALEN];
	u32 port;
	u16 tpid;
	u16 tci;
	u32 ctx;
};

/**
 * enum agl_end_use - what a rule wants of a tunnel's other end
 * @AGL_END_WATCHED: it gets packets from there
 * @AGL_END_ROUTED: it sends there, from the address that the route says
 * @AGL_END_PINNED: it sends there from an address of its own
 */
enum agl_end_use { AGL_END_WATCHED, AGL_END_ROUTED, AGL_END_PINNED };

/**
 * struct agl_endpoint - the other end of a tunnel
 * @node: in agl_tunnels.endpoints
 * @by_neigh: in agl_tunnels.by_neigh, with a neighbour
 * @users: rules that send to it, or get packets from it
 * @pinned: those of them that send from @src
 * @unpinned: those that send from where the route says
 * @net: namespace of the underlay, no reference; NULL: it has gone
 * @v6: family
 * @dirty: something has happened to its neighbour
 * @dst: its address, IPv4 in the first word
 * @src: our address, while rules insist on one
 * @tpid: type of the tag that rules put in front of the outer header, or 0
 * @tci: the tag; both change under the table's order and agl_tunnels.lock
 * @new_tpid: that the route has, and rules are to have
 * @new_tci: likewise
 * @dep: rules that send to it; away: its namespace has gone
 * @neigh: kernel's neighbour on the way there, a reference; or NULL
 * @in_card: the card has @sent
 * @sent: what it has
 */
struct agl_endpoint {
	struct hlist_node node;
	struct hlist_node by_neigh;
	refcount_t users;
	unsigned int pinned;
	unsigned int unpinned;
	struct net *net;
	bool v6;
	bool dirty;
	struct in6_addr dst;
	struct in6_addr src;
	__be16 tpid;
	__be16 tci;
	__be16 new_tpid;
	__be16 new_tci;
	struct agl_dep dep;
	struct neighbour *neigh;
	bool in_card;
	struct agl_neigh_sent sent;
};

/**
 * struct agl_tun_net - a namespace whose routes are listened to
 * @list: in agl_tunnels.nets
 * @net: namespace, no reference: this goes first
 * @asked: the notifier was registered, or that was tried
 * @followed: it is
 * @fib_nb: called when routes change
 * @tun: whose it is
 */
struct agl_tun_net {
	struct list_head list;
	struct net *net;
	bool asked;
	bool followed;
	struct notifier_block fib_nb;
	struct agl_tunnels *tun;
};

/**
 * struct agl_tunnels - what a card has to do with tunnels
 * @agl: card
 * @lock: guards locals, endpoints, nets and pre_rules, and the order of
 *	messages about these
 * @locals: addresses that tunnels end at
 * @locals_count: how many, IPv4 and IPv6
 * @endpoints: other ends, by hash of the address
 * @endpoint_count: how many; read without the lock
 * @pre_count: pre-tunnel rules that the card has
 * @pre_rules: pre-tunnel rules that are for it
 * @nets: namespaces that endpoints are in, or were
 * @neigh_lock: guards by_neigh, and writing of an endpoint's neigh
 * @by_neigh: endpoints, by the neighbour on the way there
 * @all_dirty: something has happened that any endpoint may depend on; the work's
 * @mac_lock: guards mac_users and macs, and the order of messages about them
 * @mac_users: devices that tunnel packets can be addressed to
 * @macs: addresses that the card has been told
 * @globals: ids of addresses that aren't one port's
 * @device_lock: guards the next three, and what is in them
 * @devices: devices that rules know, by their number; read without the lock
 * @next_device: where to look for a free number
 * @devices_by_dev: likewise, by pointer
 * @dep_ops: how flows that depend on something are told
 * @internal: Open vSwitch's internal ports by their number for the firmware;
 *	written under internal_lock
 * @internal_lock: guards the numbering
 * @netdev_nb: follows devices
 * @netevent_nb: follows neighbours
 * @work: looks after endpoints
 * @rx: messages of the firmware that wait for it
 * @rx_closed: there is no work any more; guarded by rx.lock
 */
struct agl_tunnels {
	struct agilio *agl;
	struct mutex lock; /* locals, endpoints, nets, pre_rules */
	struct list_head locals;
	unsigned int locals_count[2];
	struct hlist_head endpoints[1 << AGL_ENDPOINT_BITS];
	atomic_t endpoint_count;
	unsigned int pre_count;
	struct list_head pre_rules;
	struct list_head nets;
	spinlock_t neigh_lock; /* by_neigh, neigh */
	DECLARE_HASHTABLE(by_neigh, AGL_ENDPOINT_BITS);
	bool all_dirty;
	struct mutex mac_lock; /* mac_users, macs */
	struct list_head mac_users;
	struct list_head macs;
	struct ida globals;
	struct mutex device_lock; /* devices */
	struct xarray devices;
	u32 next_device;
	DECLARE_HASHTABLE(devices_by_dev, AGL_DEVICE_BITS);
	const struct agl_dep_ops *dep_ops;
	struct net_device __rcu *internal[AGL_PORT_INTERNAL_MAX + 1];
	spinlock_t internal_lock; /* numbering of internal ports */
	struct notifier_block netdev_nb;
	struct notifier_block netevent_nb;
	struct work_struct work;
	struct sk_buff_head rx;
	bool rx_closed;
};

/* tunnel.c */
void agl_tunnels_init(struct agilio *agl);
int agl_tunnels_start(struct agilio *agl);
void agl_tunnels_stop(struct agilio *agl);
void agl_ends_put(struct agilio *agl, struct agl_ends *ends);

/* local.c */
struct agl_local *agl_local_get(struct agilio *agl, bool v6,
				const struct in6_addr *addr);
void agl_local_put(struct agilio *agl, struct agl_local *local);
void agl_local_use(struct agilio *agl, struct agl_local *local, bool in_card);

/* mac.c */
void agl_macs_netdev(struct agl_tunnels *t, struct net_device *dev,
		     unsigned long event);
void agl_macs_free(struct agl_tunnels *t);
struct agl_mac *agl_mac_get(struct agl_tunnels *t, const u8 *addr);
void agl_mac_put(struct agl_tunnels *t, struct agl_mac *mac);

/* device.c */
int agl_device_get(struct agilio *agl, struct net_device *dev);
struct agl_dep *agl_device_dep(struct agl_tunnels *t, u32 id);
void agl_devices_netdev(struct agl_tunnels *t, struct net_device *dev,
			unsigned long event);
void agl_devices_free(struct agl_tunnels *t);

/* pre_tunnel.c */
int agl_pre_tun_add(struct agilio *agl, struct agl_pre_tunnel *pre);
void agl_pre_tun_del(struct agilio *agl, struct agl_pre_tunnel *pre);

/* internal.c */
int agl_internal_get(struct agl_tunnels *t, struct net_device *dev);
int agl_internal_find(struct agl_tunnels *t, const struct net_device *dev);
void agl_internal_gone(struct agl_tunnels *t, struct net_device *dev);
struct net_device *agl_internal_dev(struct agl_tunnels *t, u32 port);

/* underlay.c */
/**
 * struct agl_underlay - the way to an endpoint
 * @dev: device that the route leaves by; a hint for messages only
 * @port: port id of it, 0 if it isn't the card's
 * @up: packets can leave there
 * @src: source address
 * @src_mac: of the device
 * @tpid: VLAN tag that the device adds, 0: none
 * @tci: of the tag
 * @ttl: hop limit of the route
 * @neigh: next hop, a reference
 */
struct agl_underlay {
	const struct net_device *dev;
	u32 port;
	bool up;
	struct in6_addr src;
	u8 src_mac[ETH_ALEN];
	__be16 tpid;
	__be16 tci;
	u8 ttl;
	struct neighbour *neigh;
};

int agl_underlay_find(struct agilio *agl, struct net *net, bool v6,
		      const struct in6_addr *dst, const struct in6_addr *src,
		      struct agl_underlay *u);

/* endpoint.c */
struct agl_endpoint *agl_endpoint_get(struct agilio *agl, struct agl_encap *encap,
				      enum agl_end_use use);
void agl_endpoint_put(struct agilio *agl, struct agl_endpoint *e,
		      enum agl_end_use use);
void agl_endpoints_leave(struct agl_tunnels *t, const struct net *net);
void agl_endpoints_dirty(struct agl_tunnels *t);
void agl_endpoints_neigh(struct agl_tunnels *t, const struct neighbour *n);
void agl_endpoints_check(struct agl_tunnels *t, bool all);
void agl_endpoints_retag(struct agl_tunnels *t);
void agl_endpoint_wanted(struct agl_tunnels *t, bool v6, const void *dst);
void agl_endpoint_active(struct agl_tunnels *t, bool v6, const void *dst);

/* nets.c */
struct net *agl_net_hold(u64 cookie);
int agl_net_follow(struct agl_tunnels *t, struct net *net);
void agl_nets_update(struct agl_tunnels *t);
void agl_net_gone(struct agl_tunnels *t, const struct net_device *dev);

#endif
