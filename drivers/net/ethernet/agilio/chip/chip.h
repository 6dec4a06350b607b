/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chip: windows onto its bus, its mutexes and resources, hardware
 * information, the service processor (NSP), symbols of the running firmware.
 * Knows no netdev. 01-platform.md.
 */
#ifndef AGILIO_CHIP_H
#define AGILIO_CHIP_H

#include <linux/bitfield.h>
#include <linux/if_ether.h>
#include <linux/io-64-nonatomic-hi-lo.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/unaligned.h>

#include "../abi/cpp.h"
#include "../abi/nffw.h"
#include "../abi/nsp.h"
#include "../abi/pci.h"

/**
 * struct agl_slot - one of the windows of a PCI BAR
 * @io: mapping of the window, set up on first use
 * @word: what the slot is programmed with
 * @users: areas that share it, 0 if it is free
 */
struct agl_slot {
	void __iomem *io;
	u32 word;
	unsigned int users;
};

/**
 * struct agl_area - a mapped piece of the chip's address space
 * @io: its first byte
 * @size: bytes
 * @slot: window that shows it
 */
struct agl_area {
	void __iomem *io;
	u64 size;
	unsigned int slot;
};

/**
 * struct agl_resource - an acquired entry of the resource table
 * @addr: MU address of what it describes
 * @size: bytes
 * @mutex: MU address of its lock
 * @key: its name's checksum
 */
struct agl_resource {
	u64 addr;
	u64 size;
	u64 mutex;
	u32 key;
};

/**
 * struct agl_eth_port - a row of the NSP's port table
 * @index: chip-wide port number, row of the table
 * @eth_index: N in the hwinfo keys ethN.*
 * @nbi: network block interface
 * @base: first channel in it
 * @lanes: lanes of this port
 * @cage_lanes: lanes of all ports of the cage
 * @speed: Mb/s
 * @phy: label of the cage
 * @label: subport in the cage
 * @interface: AGL_ETH_IF_
 * @media: AGL_ETH_MEDIA_
 * @split: the cage has more than one port
 * @override: a configuration change waits for a restart
 * @aneg: autonegotiation supported
 * @mac: address
 */
struct agl_eth_port {
	u8 index;
	u8 eth_index;
	u8 nbi;
	u8 base;
	u8 lanes;
	u8 cage_lanes;
	u32 speed;
	u8 phy;
	u8 label;
	u8 interface;
	u8 media;
	bool split;
	bool override;
	bool aneg;
	u8 mac[ETH_ALEN];
};

struct agl_eth_table {
	unsigned int count;
	unsigned int max_index;
	struct agl_eth_port port[AGL_ETH_MAX];
};

/**
 * enum agl_fault - what may not answer
 * @AGL_FAULT_GONE: nothing does: unplugged, or given up by PCI error recovery
 * @AGL_FAULT_LOCK: who holds a lock in the card doesn't let go of it
 * @AGL_FAULT_NSP: the service processor
 * @AGL_FAULT_UPDATE: the firmware, to a reconfiguration of a vNIC
 * @AGL_FAULT_QUEUE: the control vNIC's queue stands still
 * @AGL_FAULT_REPLY: the firmware, to a message
 * @AGL_FAULT_LOST: that stood still for so long that messages had to be thrown
 *	away, or the card was reset behind our back
 * @AGL_FAULTS: how many
 */
enum agl_fault {
	AGL_FAULT_GONE,
	AGL_FAULT_LOCK,
	AGL_FAULT_NSP,
	AGL_FAULT_UPDATE,
	AGL_FAULT_QUEUE,
	AGL_FAULT_REPLY,
	AGL_FAULT_LOST,
	AGL_FAULTS
};

/**
 * struct agl_chip - one card
 * @pdev: its physical function
 * @bar_len: length of each memory BAR, 0 if missing
 * @slots: windows
 * @slot_lock: guards @slots
 * @csr: slot and explicit registers, in slot 0.0
 * @copy_lock: guards the moving window of agl_mem_read() and agl_mem_write()
 * @copy: moving window
 * @copy_base: MU address that it shows
 * @atomic_read: window of MU atomic reads at the resource table
 * @atomic_write: same for writes
 * @test_set: same for test-and-set
 * @ifc: CPP interface id of this function, owner of mutexes
 * @unit: PCIe unit, part of symbol names
 * @serial: chip serial, the switch id
 * @model: chip model word
 * @hwinfo: copy of the table, NULL if it can't be read
 * @hwinfo_size: bytes
 * @faults: bits of enum agl_fault
 * @nsp_lock: one NSP exchange at a time from this function; guards @nsp
 * @nsp: where the NSP's registers are; addr is 0 until that is known
 * @nsp_minor: NSP ABI
 * @nsp_version: text, from IDENTIFY
 * @versions: components' versions, 01-platform.md 6.11; NULL if it has none
 * @syms: symbol table of the running firmware
 * @sym_count: entries
 * @strs: its strings, terminated
 * @strs_size: bytes
 * @fw_name: firmware name
 * @fw_loaded: we loaded it, and unload it at the end
 */
struct agl_chip {
	struct pci_dev *pdev;
	u64 bar_len[AGL_NUM_BARS];
	struct agl_slot slots[AGL_NUM_SLOTS];
	struct mutex slot_lock; /* slots */
	void __iomem *csr;
	struct mutex copy_lock; /* copy, copy_base */
	void __iomem *copy;
	u64 copy_base;
	void __iomem *atomic_read;
	void __iomem *atomic_write;
	void __iomem *test_set;
	u16 ifc;
	u8 unit;
	u8 serial[6];
	u32 model;

	u8 *hwinfo;
	size_t hwinfo_size;

	unsigned long faults;

	struct mutex nsp_lock; /* an NSP exchange, nsp */
	struct agl_resource nsp;
	unsigned int nsp_minor;
	char nsp_version[40];
	u8 *versions;

	struct agl_rtsym *syms;
	unsigned int sym_count;
	char *strs;
	size_t strs_size;
	char fw_name[16];
	bool fw_loaded;
};

/* window.c */
int agl_chip_map(struct agl_chip *chip);
void agl_chip_remap(struct agl_chip *chip);
void agl_chip_unmap(struct agl_chip *chip);
int agl_area_map(struct agl_chip *chip, unsigned int target, u64 addr, u64 size,
		 struct agl_area *area);
void agl_area_unmap(struct agl_chip *chip, struct agl_area *area);
int agl_mem_read(struct agl_chip *chip, u64 addr, void *buf, size_t len);
int agl_mem_write(struct agl_chip *chip, u64 addr, const void *buf, size_t len);
u64 agl_mu_addr(unsigned int island, u64 offset, bool direct);

/* health.c */
void agl_chip_fault(struct agl_chip *chip, enum agl_fault fault);
void agl_chip_mended(struct agl_chip *chip, enum agl_fault fault);
bool agl_chip_noted(const struct agl_chip *chip, enum agl_fault fault);
bool agl_chip_dead(struct agl_chip *chip, enum agl_fault fault);
bool agl_chip_back(struct agl_chip *chip);
bool agl_chip_known_dead(const struct agl_chip *chip, enum agl_fault fault);

/* resource.c */
int agl_resources_init(struct agl_chip *chip);
int agl_resource_find(struct agl_chip *chip, const char *name,
		      struct agl_resource *res);
int agl_resource_lock(struct agl_chip *chip, struct agl_resource *res);
int agl_resource_acquire(struct agl_chip *chip, const char *name,
			 struct agl_resource *res);
void agl_resource_release(struct agl_chip *chip, struct agl_resource *res);
u32 agl_cksum(const void *data, size_t len);

/* hwinfo.c */
int agl_hwinfo_read(struct agl_chip *chip);
void agl_hwinfo_free(struct agl_chip *chip);
const char *agl_hwinfo_get(struct agl_chip *chip, const char *key);

/* nsp.c */
int agl_nsp_wait(struct agl_chip *chip);
int agl_nsp_identify(struct agl_chip *chip);
int agl_nsp_soft_reset(struct agl_chip *chip);
int agl_nsp_mac_init(struct agl_chip *chip);
int agl_nsp_fw_loaded(struct agl_chip *chip);
int agl_nsp_fw_load(struct agl_chip *chip, const void *data, size_t len,
		    u32 *status);
int agl_nsp_fw_stored(struct agl_chip *chip, u32 *status);
int agl_nsp_hwinfo_lookup(struct agl_chip *chip, char *buf, size_t len);
int agl_nsp_versions_read(struct agl_chip *chip);
void agl_nsp_versions_free(struct agl_chip *chip);

/* eth.c */
int agl_eth_read(struct agl_chip *chip, struct agl_eth_table *table);
int agl_eth_set_configured(struct agl_chip *chip, unsigned int index, bool up);

/* The two NSP commands that eth.c is made of, within one exchange */
int agl_nsp_eth_rescan(struct agl_chip *chip, struct agl_eth_entry *table);
int agl_nsp_eth_modify(struct agl_chip *chip,
		       bool (*modify)(struct agl_eth_entry *table, void *arg),
		       void *arg);

/* rtsym.c */
int agl_rtsym_read(struct agl_chip *chip);
void agl_rtsym_free(struct agl_chip *chip);
int agl_rtsym_value(struct agl_chip *chip, const char *name, u64 *value);
int agl_rtsym_write(struct agl_chip *chip, const char *name, u64 value);
int agl_rtsym_map(struct agl_chip *chip, const char *name, u64 min_size,
		  struct agl_area *area);

/* firmware.c */
int agl_firmware_start(struct agl_chip *chip, const struct agl_eth_table *eth);
void agl_firmware_stop(struct agl_chip *chip);

#endif
