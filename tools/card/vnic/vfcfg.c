// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VF settings made by the PF: 02-vnic.md section 10.4.
 */
#include <errno.h>

#include "vnic.h"

static uint8_t *entry_of(struct card *card, unsigned int vf)
{
	return card->vnics->vf_cfg + AGL_VFCFG_ENTRY(vf);
}

/* What a VF's link is, given what it would be on its own */
bool vfcfg_link(struct card *card, unsigned int vf, bool normal)
{
	unsigned int mode;

	if (!card->vnics->vf_cfg)
		return normal;
	mode = entry_of(card, vf)[AGL_VFCFG_CTRL] & AGL_VFCFG_LINK;
	return mode == AGL_VFCFG_LINK_AUTO ? normal :
	       mode == AGL_VFCFG_LINK_ENABLE;
}

/* Where the VF's driver finds its address */
void vfcfg_mac(struct card *card, unsigned int vf)
{
	uint8_t *cb = card->vnics->vf[vf].cb, *e;

	if (!card->vnics->vf_cfg)
		return;
	e = entry_of(card, vf);
	memcpy(cb + AGL_CB_MAC_HI, e + AGL_VFCFG_MAC_HI, 4);
	memcpy(cb + AGL_CB_MAC_LO, e + AGL_VFCFG_MAC_LO, 2);
}

void vfcfg_update(struct card *card)
{
	uint8_t *t = card->vnics->vf_cfg, *e;
	unsigned int vf, what, cap;

	if (!t)
		return;
	card->cnt.vf_cfg++;
	vf = t[AGL_VFCFG_VF];
	what = get_le(t + AGL_VFCFG_UPD, 2);
	cap = get_le(t + AGL_VFCFG_CAP, 2);
	if (vf >= card->vnics->vfs || what & ~cap) {
		put_le(t + AGL_VFCFG_RET, EINVAL, 2);
		return;
	}
	e = entry_of(card, vf);
	if (what & AGL_VFCFG_OP_MAC)
		vfcfg_mac(card, vf);
	if (what & AGL_VFCFG_OP_VLAN)
		card->vnics->vf[vf].vst_tci = get_le(e + AGL_VFCFG_VLAN, 2);
	if (what & AGL_VFCFG_OP_LINK)
		card->fw->vf_link(card, vf);
	put_le(t + AGL_VFCFG_RET, 0, 2);
}
