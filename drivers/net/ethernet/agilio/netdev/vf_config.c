// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of VFs that the PF makes: ip link set DEV vf N. 02-vnic.md
 * sections 10.4 and 10.5. Refusals of the kernel's interface have no extack,
 * so they are told in the log.
 */
#include <linux/if_link.h>

#include "../agilio.h"

static struct agilio *agl_of(struct net_device *dev)
{
	struct agl_vnic *v = netdev_priv(dev);

	return v->priv;
}

/* Return: the VF's entry, or why it can't be changed */
static void __iomem *entry(struct net_device *dev, int vf, u16 op,
			   const char *name)
{
	struct agilio *agl = agl_of(dev);

	if (vf < 0 || vf >= pci_num_vf(agl->pdev))
		return IOMEM_ERR_PTR(-EINVAL);
	if (agl->vf_cfg.io && (readw(agl->vf_cfg.io + AGL_VFCFG_CAP) & op) == op)
		return agl->vf_cfg.io + AGL_VFCFG_ENTRY(vf);
	netdev_warn(dev, "this firmware can't set %s of a VF\n", name);
	return IOMEM_ERR_PTR(-EOPNOTSUPP);
}

/* Under rtnl, as all of this file: one update at a time */
static int update(struct net_device *dev, int vf, u16 what)
{
	struct agilio *agl = agl_of(dev);
	void __iomem *box = agl->vf_cfg.io;
	int err;

	writeb(vf, box + AGL_VFCFG_VF);
	writew(what, box + AGL_VFCFG_UPD);
	err = agl_vnic_update(&agl->ctrl, AGL_UPDATE_VF);
	return err ?: -(int)readw(box + AGL_VFCFG_RET);
}

static int set_ctrl(struct net_device *dev, int vf, u16 op, const char *name,
		    u8 mask, u8 bits)
{
	void __iomem *e = entry(dev, vf, op, name);

	if (IS_ERR(e))
		return PTR_ERR(e);
	writeb((readb(e + AGL_VFCFG_CTRL) & ~mask) | bits, e + AGL_VFCFG_CTRL);
	return update(dev, vf, op);
}

/**
 * agl_vf_set_mac - ndo_set_vf_mac
 * @dev: PF's netdev
 * @vf: number
 * @mac: address that the VF finds when its driver is loaded
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_mac(struct net_device *dev, int vf, u8 *mac)
{
	void __iomem *e;
	int err;

	if (is_multicast_ether_addr(mac))
		return -EINVAL;
	e = entry(dev, vf, AGL_VFCFG_OP_MAC, "the MAC address");
	if (IS_ERR(e))
		return PTR_ERR(e);
	writel(get_unaligned_be32(mac), e + AGL_VFCFG_MAC_HI);
	writew(get_unaligned_be16(mac + 4), e + AGL_VFCFG_MAC_LO);
	err = update(dev, vf, AGL_VFCFG_OP_MAC);
	if (!err)
		netdev_info(dev, "VF %d: %pM, when its driver is loaded next\n",
			    vf, mac);
	return err;
}

/**
 * agl_vf_set_vlan - ndo_set_vf_vlan
 * @dev: PF's netdev
 * @vf: number
 * @vlan: id, 0 for none
 * @qos: priority
 * @proto: 802.1Q, or 802.1ad if the firmware has it
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_vlan(struct net_device *dev, int vf, u16 vlan, u8 qos,
		    __be16 proto)
{
	bool s_tag = proto != htons(ETH_P_8021Q);
	u16 op = AGL_VFCFG_OP_VLAN | (s_tag ? AGL_VFCFG_OP_VLAN_PROTO : 0);
	void __iomem *e;
	u32 word;

	if (vlan >= VLAN_N_VID || qos > 7 || !eth_type_vlan(proto))
		return -EINVAL;
	e = entry(dev, vf, op, s_tag ? "a VLAN of 802.1ad" : "the VLAN");
	if (IS_ERR(e))
		return PTR_ERR(e);
	word = vlan | qos << VLAN_PRIO_SHIFT;
	if (word && readw(agl_of(dev)->vf_cfg.io + AGL_VFCFG_CAP) &
	    AGL_VFCFG_OP_VLAN_PROTO)
		word |= (u32)be16_to_cpu(proto) << 16;
	writel(word, e + AGL_VFCFG_VLAN);
	return update(dev, vf, op);
}

/**
 * agl_vf_set_link - ndo_set_vf_link_state
 * @dev: PF's netdev
 * @vf: number
 * @state: IFLA_VF_LINK_STATE_
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_link(struct net_device *dev, int vf, int state)
{
	static const u8 bits[] = {
		[IFLA_VF_LINK_STATE_AUTO] = AGL_VFCFG_LINK_AUTO,
		[IFLA_VF_LINK_STATE_ENABLE] = AGL_VFCFG_LINK_ENABLE,
		[IFLA_VF_LINK_STATE_DISABLE] = AGL_VFCFG_LINK_DISABLE,
	};

	if (state < 0 || state >= ARRAY_SIZE(bits))
		return -EINVAL;
	return set_ctrl(dev, vf, AGL_VFCFG_OP_LINK, "the link state",
			AGL_VFCFG_LINK, bits[state]);
}

/**
 * agl_vf_set_spoofchk - ndo_set_vf_spoofchk
 * @dev: PF's netdev
 * @vf: number
 * @on: whether the card drops what has another source address
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_spoofchk(struct net_device *dev, int vf, bool on)
{
	return set_ctrl(dev, vf, AGL_VFCFG_OP_SPOOF, "spoof check",
			AGL_VFCFG_SPOOF, on ? AGL_VFCFG_SPOOF : 0);
}

/**
 * agl_vf_set_trust - ndo_set_vf_trust
 * @dev: PF's netdev
 * @vf: number
 * @on: whether the VF may become promiscuous
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_trust(struct net_device *dev, int vf, bool on)
{
	return set_ctrl(dev, vf, AGL_VFCFG_OP_TRUST, "trust", AGL_VFCFG_TRUST,
			on ? AGL_VFCFG_TRUST : 0);
}

/**
 * agl_vf_set_rate - ndo_set_vf_rate
 * @dev: PF's netdev
 * @vf: number
 * @min: Mbit/s
 * @max: Mbit/s, 0 for no limit
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_rate(struct net_device *dev, int vf, int min, int max)
{
	void __iomem *e;

	if (min < 0 || max < 0 || min >= AGL_VFCFG_NO_RATE ||
	    max >= AGL_VFCFG_NO_RATE)
		return -EINVAL;
	e = entry(dev, vf, AGL_VFCFG_OP_RATE, "the rate");
	if (IS_ERR(e))
		return PTR_ERR(e);
	writel((u32)(max ?: AGL_VFCFG_NO_RATE) << 16 | min, e + AGL_VFCFG_RATE);
	return update(dev, vf, AGL_VFCFG_OP_RATE);
}

static void read_rate(u32 word, struct ifla_vf_info *info)
{
	u16 max = word >> 16, min = word;

	info->max_tx_rate = max == AGL_VFCFG_NO_RATE ? 0 : max;
	info->min_tx_rate = min == AGL_VFCFG_NO_RATE ? 0 : min;
}

/**
 * agl_vf_get_config - ndo_get_vf_config
 * @dev: PF's netdev
 * @vf: number
 * @info: filled in
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP.
 */
int agl_vf_get_config(struct net_device *dev, int vf, struct ifla_vf_info *info)
{
	struct agilio *agl = agl_of(dev);
	void __iomem *e;
	u32 vlan;
	u8 ctrl;

	if (!agl->vf_cfg.io)
		return -EOPNOTSUPP;
	if (vf < 0 || vf >= pci_num_vf(agl->pdev))
		return -EINVAL;
	e = agl->vf_cfg.io + AGL_VFCFG_ENTRY(vf);
	memset(info, 0, sizeof(*info));
	info->vf = vf;
	put_unaligned_be32(readl(e + AGL_VFCFG_MAC_HI), info->mac);
	put_unaligned_be16(readw(e + AGL_VFCFG_MAC_LO), info->mac + 4);
	vlan = readl(e + AGL_VFCFG_VLAN);
	info->vlan = vlan & VLAN_VID_MASK;
	info->qos = FIELD_GET(VLAN_PRIO_MASK, vlan);
	info->vlan_proto = cpu_to_be16(vlan >> 16 ?: ETH_P_8021Q);
	ctrl = readb(e + AGL_VFCFG_CTRL);
	info->spoofchk = !!(ctrl & AGL_VFCFG_SPOOF);
	info->trusted = !!(ctrl & AGL_VFCFG_TRUST);
	/* The same numbers as IFLA_VF_LINK_STATE_ */
	info->linkstate = FIELD_GET(AGL_VFCFG_LINK, ctrl);
	if (readw(agl->vf_cfg.io + AGL_VFCFG_CAP) & AGL_VFCFG_OP_RATE)
		read_rate(readl(e + AGL_VFCFG_RATE), info);
	return 0;
}
