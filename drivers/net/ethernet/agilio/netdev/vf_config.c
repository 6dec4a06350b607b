// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of VFs that the PF makes: ip link set DEV vf N. 02-vnic.md
 * sections 10.4 and 10.5. Refusals of the kernel's interface have no extack,
 * so they are told in the log.
 */
#include <linux/if_link.h>

#include "../agilio.h"

static struct agilio *vf_card(struct net_device *dev)
{
	struct agl_repr *r = agl_repr_of(dev);
	struct agl_vnic *v = netdev_priv(dev);

	return r ? r->port.agl : v->priv;
}

/* The PF and its uplinks set all VFs, a VF's representor that VF alone */
static int vf_check(struct net_device *dev, int vf)
{
	struct agl_repr *r = agl_repr_of(dev);

	if (vf < 0 || vf >= pci_num_vf(vf_card(dev)->pdev))
		return -EINVAL;
	return r && r->kind == AGL_REPR_VF && r->index != vf ? -EINVAL : 0;
}

static bool vf_can(struct agilio *agl, u16 op)
{
	return agl->vf_cfg.io &&
	       (readw(agl->vf_cfg.io + AGL_VFCFG_CAP) & op) == op;
}

/*
 * Return: the VF's entry, or why it can't be changed; NULL if nothing is asked
 * for that isn't so already, without the firmware being able to.
 */
static void __iomem *vf_entry(struct net_device *dev, int vf, u16 op, bool asks,
			      const char *name)
{
	struct agilio *agl = vf_card(dev);
	int err = vf_check(dev, vf);

	if (err)
		return IOMEM_ERR_PTR(err);
	if (vf_can(agl, op))
		return agl->vf_cfg.io + AGL_VFCFG_ENTRY(vf);
	if (!asks)
		return NULL;
	netdev_warn(dev, "this firmware can't set %s of a VF\n", name);
	return IOMEM_ERR_PTR(-EOPNOTSUPP);
}

/* Under rtnl, as all settings: one update at a time */
static int vf_update(struct agilio *agl, int vf, u16 what)
{
	void __iomem *box = agl->vf_cfg.io;
	int err;

	writeb(vf, box + AGL_VFCFG_VF);
	writew(what, box + AGL_VFCFG_UPD);
	err = agl_vnic_update(&agl->ctrl, AGL_UPDATE_VF);
	return err ?: -(int)readw(box + AGL_VFCFG_RET);
}

static int vf_set_ctrl(struct net_device *dev, int vf, u16 op, const char *name,
		       u8 mask, u8 bits)
{
	void __iomem *e = vf_entry(dev, vf, op, bits, name);

	if (IS_ERR_OR_NULL(e))
		return PTR_ERR_OR_ZERO(e);
	writeb((readb(e + AGL_VFCFG_CTRL) & ~mask) | bits, e + AGL_VFCFG_CTRL);
	return vf_update(vf_card(dev), vf, op);
}

/**
 * agl_vf_set_mac - ndo_set_vf_mac
 * @dev: the PF's netdev or a representor
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
	e = vf_entry(dev, vf, AGL_VFCFG_OP_MAC, true, "the MAC address");
	if (IS_ERR(e))
		return PTR_ERR(e);
	writel(get_unaligned_be32(mac), e + AGL_VFCFG_MAC_HI);
	writew(get_unaligned_be16(mac + 4), e + AGL_VFCFG_MAC_LO);
	err = vf_update(vf_card(dev), vf, AGL_VFCFG_OP_MAC);
	if (!err)
		netdev_info(dev, "VF %d: %pM, when its driver is loaded next\n",
			    vf, mac);
	return err;
}

/**
 * agl_vf_set_vlan - ndo_set_vf_vlan
 * @dev: the PF's netdev or a representor
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
	bool s_tag = (vlan || qos) && proto != htons(ETH_P_8021Q);
	u16 op = AGL_VFCFG_OP_VLAN | (s_tag ? AGL_VFCFG_OP_VLAN_PROTO : 0);
	void __iomem *e;
	u32 word;

	if (vlan >= VLAN_N_VID || qos > 7 || !eth_type_vlan(proto))
		return -EINVAL;
	e = vf_entry(dev, vf, op, vlan || qos,
		     s_tag ? "a VLAN of 802.1ad" : "the VLAN");
	if (IS_ERR_OR_NULL(e))
		return PTR_ERR_OR_ZERO(e);
	word = vlan | qos << VLAN_PRIO_SHIFT;
	if (word && vf_can(vf_card(dev), AGL_VFCFG_OP_VLAN_PROTO))
		word |= (u32)be16_to_cpu(proto) << 16;
	writel(word, e + AGL_VFCFG_VLAN);
	return vf_update(vf_card(dev), vf, op);
}

/**
 * agl_vf_set_link - ndo_set_vf_link_state
 * @dev: the PF's netdev or a representor
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
	return vf_set_ctrl(dev, vf, AGL_VFCFG_OP_LINK, "the link state",
			   AGL_VFCFG_LINK, bits[state]);
}

/**
 * agl_vf_set_spoofchk - ndo_set_vf_spoofchk
 * @dev: the PF's netdev or a representor
 * @vf: number
 * @on: whether the card drops what has another source address
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_spoofchk(struct net_device *dev, int vf, bool on)
{
	return vf_set_ctrl(dev, vf, AGL_VFCFG_OP_SPOOF, "spoof check",
			   AGL_VFCFG_SPOOF, on ? AGL_VFCFG_SPOOF : 0);
}

/**
 * agl_vf_set_trust - ndo_set_vf_trust
 * @dev: the PF's netdev or a representor
 * @vf: number
 * @on: whether the VF may become promiscuous
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, errors of the firmware.
 */
int agl_vf_set_trust(struct net_device *dev, int vf, bool on)
{
	return vf_set_ctrl(dev, vf, AGL_VFCFG_OP_TRUST, "trust",
			   AGL_VFCFG_TRUST, on ? AGL_VFCFG_TRUST : 0);
}

/**
 * agl_vf_set_rate - ndo_set_vf_rate
 * @dev: the PF's netdev or a representor
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
	e = vf_entry(dev, vf, AGL_VFCFG_OP_RATE, min || max, "the rate");
	if (IS_ERR_OR_NULL(e))
		return PTR_ERR_OR_ZERO(e);
	writel((u32)(max ?: AGL_VFCFG_NO_RATE) << 16 | min, e + AGL_VFCFG_RATE);
	return vf_update(vf_card(dev), vf, AGL_VFCFG_OP_RATE);
}

static void vf_read_rate(u32 word, struct ifla_vf_info *info)
{
	u16 max = word >> 16, min = word;

	info->max_tx_rate = max == AGL_VFCFG_NO_RATE ? 0 : max;
	info->min_tx_rate = min == AGL_VFCFG_NO_RATE ? 0 : min;
}

/**
 * agl_vf_get_config - ndo_get_vf_config
 * @dev: the PF's netdev or a representor
 * @vf: number
 * @info: filled in
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP.
 */
int agl_vf_get_config(struct net_device *dev, int vf, struct ifla_vf_info *info)
{
	struct agilio *agl = vf_card(dev);
	void __iomem *e;
	u32 vlan;
	u8 ctrl;
	int err;

	if (!agl->vf_cfg.io)
		return -EOPNOTSUPP;
	err = vf_check(dev, vf);
	if (err)
		return err;
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
	if (vf_can(agl, AGL_VFCFG_OP_RATE))
		vf_read_rate(readl(e + AGL_VFCFG_RATE), info);
	return 0;
}

/* What isn't as it should be. Return: AGL_VFCFG_OP_ of it */
static u16 vf_clear(struct agilio *agl, unsigned int vf)
{
	void __iomem *e = agl->vf_cfg.io + AGL_VFCFG_ENTRY(vf);
	u32 no_rate = (u32)AGL_VFCFG_NO_RATE << 16;
	u16 ops = 0;

	if (readl(e + AGL_VFCFG_MAC_HI) || readw(e + AGL_VFCFG_MAC_LO))
		ops |= AGL_VFCFG_OP_MAC;
	if (readl(e + AGL_VFCFG_VLAN))
		ops |= AGL_VFCFG_OP_VLAN;
	if (readb(e + AGL_VFCFG_CTRL))
		ops |= AGL_VFCFG_OP_LINK | AGL_VFCFG_OP_SPOOF |
		       AGL_VFCFG_OP_TRUST;
	if (vf_can(agl, AGL_VFCFG_OP_RATE) &&
	    readl(e + AGL_VFCFG_RATE) != no_rate)
		ops |= AGL_VFCFG_OP_RATE;
	writel(0, e + AGL_VFCFG_MAC_HI);
	writew(0, e + AGL_VFCFG_MAC_LO);
	writel(0, e + AGL_VFCFG_VLAN);
	writeb(0, e + AGL_VFCFG_CTRL);
	if (ops & AGL_VFCFG_OP_RATE)
		writel(no_rate, e + AGL_VFCFG_RATE);
	return ops & readw(agl->vf_cfg.io + AGL_VFCFG_CAP);
}

/**
 * agl_vf_reset - forget what was set for VFs that are gone
 * @agl: card
 * @count: VFs that are about to be made
 *
 * The next user of a VF shall not inherit the VLAN, the address or the link
 * state of the last one: not from the PF's settings, and not from what its
 * driver wrote.
 *
 * Return: 0 or errors of the firmware.
 */
int agl_vf_reset(struct agilio *agl, unsigned int count)
{
	unsigned int i;
	int err = 0;

	rtnl_lock();
	for (i = 0; i < count && !err; i++) {
		u16 ops = agl->vf_cfg.io ? vf_clear(agl, i) : 0;

		if (ops)
			err = vf_update(agl, i, ops);
		writel(0, agl->vf_bar.io + i * AGL_CB_SIZE + AGL_CB_MAC_HI);
		writew(0, agl->vf_bar.io + i * AGL_CB_SIZE + AGL_CB_MAC_LO);
	}
	rtnl_unlock();
	return err;
}
