/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The physical function: what its parts share.
 */
#ifndef AGILIO_H
#define AGILIO_H

#include <linux/netdevice.h>
#include <linux/pci.h>
#include <net/devlink.h>

#include "abi/cmsg.h"
#include "chip/chip.h"
#include "ct/ct.h"
#include "port/port.h"
#include "table/table.h"
#include "tunnel/tunnel.h"
#include "tc/refuse.h"
#include "vnic/vnic.h"

#define AGL_NAME	"agilio"
#define AGL_MAX_VFS	64

typedef void (*agl_cmsg_handler)(struct agilio *agl, struct sk_buff *skb);

enum agl_repr_kind { AGL_REPR_PHYS, AGL_REPR_PF, AGL_REPR_VF };

/**
 * struct agl_repr - a representor, private data of its netdev
 * @port: what it represents
 * @kind: of what
 * @index: port table row, or VF number
 * @dst: metadata that takes a packet to the port
 * @stats: the port's counters in the card
 * @list: among those that come or go together
 * @devlink_port: its port
 * @ingress: as a device that rules are on
 * @rules: tc's rules with this port as ingress, in the card
 * @refused: how often a rule was refused, by reason
 */
struct agl_repr {
	struct agl_port port;
	enum agl_repr_kind kind;
	unsigned int index;
	struct metadata_dst *dst;
	void __iomem *stats;
	struct list_head list;
	struct devlink_port devlink_port;
	struct agl_ingress ingress;
	atomic_t rules;
	atomic_t refused[AGL_REFUSALS];
};

static_assert(offsetof(struct agl_repr, port) == 0);

/**
 * struct agilio - a card's physical function
 * @pdev: PCI function
 * @chip: below the firmware
 * @eth: port table
 * @features: agreed with the firmware, AGL_FEAT_
 * @bar: data vNIC's control BAR
 * @ctrl_bar: control vNIC's
 * @vf_bar: VFs' control BARs
 * @vf_cfg: settings of VFs; io is NULL if the firmware has none
 * @mac_stats: MAC counters
 * @qc: queue controller
 * @max_vfs: limit of the firmware
 * @rings: ring pairs of the data vNIC that there are interrupts for
 * @ctrl: control vNIC
 * @ctrl_dev: dummy netdev for its NAPI
 * @netdev: PF's netdev, private data is the vNIC
 * @repr_ops: of netdevs that are representors, set first of all
 * @phys: physical ports that have a representor, by chip-wide index
 * @pf: the PF, if it has one
 * @vf: VFs that have one
 * @ports_up: physical ports that shall be on, by chip-wide index
 * @ports_new: those for which the service processor was not told yet
 * @ports_work: tells it, as it may take its time
 * @revive: looks whether the control vNIC's queue moves again
 * @stuck_at: where it stood still
 * @watch: looks whether the card is there
 * @reply: woken by each answer of the firmware
 * @handle: what takes a message of the firmware, by its type; set before the
 *	control vNIC is opened
 * @table: rules in the card
 * @filters: all filters of tc that we were shown, see tc/filter.h
 * @zones: zones of connections that filters use
 * @indirect_cbs: blocks of devices that aren't ours; changed under rtnl, or
 *	while no other can
 * @tunnels: their ends
 * @refused: how often a rule of a device that isn't a representor was refused
 */
struct agilio {
	struct pci_dev *pdev;
	struct agl_chip chip;
	struct agl_eth_table eth;
	u64 features;
	struct agl_area bar;
	struct agl_area ctrl_bar;
	struct agl_area vf_bar;
	struct agl_area vf_cfg;
	struct agl_area mac_stats;
	struct agl_area qc;
	unsigned int max_vfs;
	unsigned int rings;
	struct agl_vnic ctrl;
	struct net_device *ctrl_dev;
	struct net_device *netdev;
	const struct net_device_ops *repr_ops;
	struct agl_port __rcu *phys[AGL_ETH_MAX];
	struct agl_port __rcu *pf;
	struct agl_port __rcu *vf[AGL_MAX_VFS];
	DECLARE_BITMAP(ports_up, AGL_ETH_MAX);
	DECLARE_BITMAP(ports_new, AGL_ETH_MAX);
	struct work_struct ports_work;
	struct delayed_work revive;
	u32 stuck_at;
	struct delayed_work watch;
	wait_queue_head_t reply;
	agl_cmsg_handler handle[AGL_CMSG_TYPES];
	struct agl_table table;
	struct rhashtable filters;
	struct agl_zones zones;
	struct list_head indirect_cbs;
	struct agl_tunnels tunnels;
	atomic_t refused[AGL_REFUSALS];
};

/* flower/app.c */
int agl_app_init(struct agilio *agl);
int agl_app_start(struct agilio *agl);
void agl_app_stop(struct agilio *agl);

/* flower/cmsg.c */
void agl_cmsg_init(struct agilio *agl);
void agl_cmsg_handle(struct agilio *agl, u8 type, agl_cmsg_handler fn);
const void *agl_cmsg_body(const struct sk_buff *skb, size_t *len);
void agl_cmsg_rx(struct agl_vnic *vnic, struct sk_buff *skb);
struct sk_buff *agl_cmsg_alloc(size_t len, gfp_t gfp);
void agl_cmsg_xmit(struct agilio *agl, u8 type, struct sk_buff *skb);
void agl_cmsg_kick(struct agilio *agl);
int agl_cmsg_room(struct agilio *agl);
void agl_cmsg_flush(struct agilio *agl);
int agl_cmsg_send(struct agilio *agl, u8 type, const void *body, size_t len);
void agl_cmsg_tell(struct agilio *agl, u8 type, const void *body, size_t len);
void agl_cmsg_answered(struct agilio *agl);
int agl_cmsg_await(struct agilio *agl, const u32 *said, u32 want);

/* netdev/ */
int agl_pf_netdev_create(struct agilio *agl);
void agl_pf_netdev_destroy(struct agilio *agl);
void agl_vnic_netdev_limits(struct net_device *dev);
void agl_vnic_netdev_free(struct net_device *dev);
int agl_vnic_dev_reconfigure(struct net_device *dev,
			     const struct agl_vnic_config *cfg);
int agl_vnic_dev_carry(struct net_device *dev, unsigned int mtu);
void agl_vnic_dev_reset(struct agl_vnic *vnic);
void agl_vnic_dev_again(struct net_device *dev);
void agl_vnic_dev_link(struct agl_vnic *vnic, bool up);
extern const struct ethtool_ops agl_vnic_ethtool_ops;
extern const struct netdev_stat_ops agl_vnic_stat_ops;
struct net_device *agl_vnic_netdev_alloc(struct pci_dev *pdev,
					 const struct agl_vnic_ops *ops,
					 unsigned int rings);

/* netdev/vf_config.c */
int agl_vf_set_mac(struct net_device *dev, int vf, u8 *mac);
int agl_vf_set_vlan(struct net_device *dev, int vf, u16 vlan, u8 qos,
		    __be16 proto);
int agl_vf_set_link(struct net_device *dev, int vf, int state);
int agl_vf_set_spoofchk(struct net_device *dev, int vf, bool on);
int agl_vf_set_trust(struct net_device *dev, int vf, bool on);
int agl_vf_set_rate(struct net_device *dev, int vf, int min, int max);
int agl_vf_reset(struct agilio *agl, unsigned int count);
int agl_vf_get_config(struct net_device *dev, int vf, struct ifla_vf_info *info);

/* netdev/ports.c */
void agl_ports_init(struct agilio *agl);
void agl_ports_again(struct agilio *agl);
void agl_ports_flush(struct agilio *agl);
void agl_port_configure(struct agilio *agl, unsigned int index, bool up);

/* netdev/repr.c */
struct agl_repr *agl_repr_of(const struct net_device *dev);
void agl_reprs_init(struct agilio *agl);
int agl_reprs_create(struct agilio *agl);
void agl_reprs_destroy(struct agilio *agl);
int agl_vf_reprs_create(struct agilio *agl, unsigned int count);
void agl_vf_reprs_destroy(struct agilio *agl);

/* netdev/barstats.c */
unsigned int agl_bar_stats_count(void);
void agl_bar_stats_names(u8 *data);
void agl_bar_stats_read(void __iomem *cb, bool repr, u64 *data);

/* netdev/macstats.c */
unsigned int agl_mac_stats_count(void);
void agl_mac_stats_names(u8 *data);
void agl_mac_stats_read(void __iomem *block, u64 *data);

/* tc/bind.c */
int agl_setup_tc(struct net_device *dev, enum tc_setup_type type, void *data);

/* tc/indirect.c */
int agl_indirect_start(struct agilio *agl);
void agl_indirect_stop(struct agilio *agl);

/* devlink/devlink.c */
extern const struct devlink_ops agl_devlink_ops;
int agl_devlink_port_add(struct agl_repr *repr);
void agl_devlink_port_del(struct agl_repr *repr);

/* watch.c */
void agl_watch_start(struct agilio *agl);
void agl_watch_stop(struct agilio *agl);

/* vf.c */
extern struct pci_driver agl_vf_driver;

#endif
