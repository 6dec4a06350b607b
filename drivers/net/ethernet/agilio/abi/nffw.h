/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loaded firmware: table of images, MIP, run-time symbols.
 * 01-platform.md section 5, 04-firmware-image.md section 3.
 */
#ifndef AGILIO_ABI_NFFW_H
#define AGILIO_ABI_NFFW_H

#include "base.h"

#define AGL_NFFW_SIZE			0xc88	/* read whole, any version */
#define AGL_NFFW_FLAG_INIT		BIT(0)
#define AGL_NFFW_FLAG_VERSION		GENMASK(27, 16)
#define AGL_NFFW_HEAD_SIZE		8
#define AGL_NFFW_ENTRIES_V1		120
#define AGL_NFFW_ENTRIES_V2		200
#define AGL_NFFW_ME_ENTRY_SIZE		4

struct agl_nffw_entry {
	__le32 flags;
	__le32 mip_cppid;
	__le32 mip_offset_lo;
};

static_assert(sizeof(struct agl_nffw_entry) == 12);
#define AGL_NFFW_LOADED			BIT(31)
#define AGL_NFFW_MIP_DIRECT		BIT(8)
#define AGL_NFFW_MIP_OFFSET_HI		GENMASK(7, 0)

#define AGL_MIP_SIGNATURE		0x0050494d
#define AGL_MIP_VERSION			1

struct agl_mip {
	__le32 magic;
	__le32 mip_version;
	__le32 mip_size;
	__le32 entries;		/* offset of the first entry */
	__le32 release;		/* major << 16 | minor << 8 | patch */
	__le32 build;
	__le32 built;		/* Unix seconds, as the next */
	__le32 loaded;
	struct {		/* both tables: island 24 */
		__le32 addr;
		__le32 size;
	} syms, strs;
	char name[16];
	char tools[32];
};

static_assert(sizeof(struct agl_mip) == 96);

struct agl_rtsym {
	__u8 type;
	__u8 target;
	__u8 island;
	__u8 addr_hi;
	__le32 addr_lo;
	__le16 name;
	__u8 me;
	__u8 size_hi;
	__le32 size_lo;
};

static_assert(sizeof(struct agl_rtsym) == 16);
#define AGL_RTSYM_OBJECT		1
#define AGL_RTSYM_FUNCTION		2
#define AGL_RTSYM_ABS			3
#define AGL_RTSYM_NONE			0xff	/* no island, no ME */

/* Symbols; %u is the PCIe unit */
#define AGL_SYM_APP_ID			"_pf%u_net_app_id"
#define AGL_SYM_BAR0			"_pf%u_net_bar0"
#define AGL_SYM_CTRL_BAR		"_pf%u_net_ctrl_bar"
#define AGL_SYM_VF_BAR			"_pf%u_net_vf_bar"
#define AGL_SYM_VF_CFG			"_pf%u_net_vf_cfg2"
#define AGL_SYM_NUM_PORTS		"nfd_cfg_pf%u_num_ports"
#define AGL_SYM_MAX_VFS			"nfd_vf_cfg_max_vfs"
#define AGL_SYM_MAC_STATS		"_mac_stats"
#define AGL_SYM_FLOWER_VERSION		"hw_flower_version"
#define AGL_SYM_FEATURES		"_abi_flower_extra_features"
#define AGL_SYM_HOST_MASK		"_abi_flower_host_mask"
#define AGL_SYM_COMBINED		"_abi_flower_combined_features_global"
#define AGL_SYM_LAG_ENABLE		"_abi_flower_balance_sync_enable"
#define AGL_SYM_MERGE_ENABLE		"_abi_flower_merge_hint_enable"
#define AGL_SYM_CTX_COUNT		"CONFIG_FC_HOST_CTX_COUNT"
#define AGL_SYM_CTX_SPLIT		"CONFIG_FC_HOST_CTX_SPLIT"

#define AGL_APP_FLOWER			3

#endif
