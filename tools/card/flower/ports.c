// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ports: which there are, their state machine, and the way out of them.
 * 03-flower.md sections 2, 3.7 to 3.9, 9.7 and 9.12.
 */
#include "flower.h"

#define VLAN_TAG	4

struct port *port_find(struct card *card, uint32_t id)
{
	struct flower *f = card->flower;
	unsigned int n;
	struct port *p = NULL;

	switch (FIELD_GET(AGL_PORT_TYPE, id)) {
	case AGL_PORT_TYPE_PHYS:
		n = FIELD_GET(AGL_PORT_NUMBER, id);
		p = n < ARRAY_SIZE(f->phys) ? &f->phys[n] : NULL;
		break;
	case AGL_PORT_TYPE_PCIE:
		n = FIELD_GET(AGL_PORT_VNIC, id);
		if (FIELD_GET(AGL_PORT_VNIC_TYPE, id) == AGL_PORT_VNIC_PF)
			p = &f->pf;
		else if (FIELD_GET(AGL_PORT_VNIC_TYPE, id) == AGL_PORT_VNIC_VF)
			p = n < ARRAY_SIZE(f->vf) ? &f->vf[n] : NULL;
		break;
	}
	return p && p->exists ? p : NULL;
}

static struct vnic *port_vnic(struct card *card, const struct port *p)
{
	struct flower *f = card->flower;

	if (p == &f->pf)
		return &card->vnics->pf;
	if (p >= f->vf && p < f->vf + ARRAY_SIZE(f->vf))
		return &card->vnics->vf[p - f->vf];
	return NULL;
}

static bool port_link(struct card *card, const struct port *p)
{
	struct vnic *v = port_vnic(card, p);

	if (!v)
		return board_link(&card->ports[FIELD_GET(AGL_PORT_NUMBER, p->id)]);
	if (v->kind == VNIC_PF)
		return vnic_enabled(v);
	return vnic_enabled(v) && vfcfg_link(card, v->index, true);
}

static void report_link(struct card *card, struct port *p)
{
	struct agl_port_mod msg = { .port = htobe32(p->id) };

	if (!p->reified)
		return;
	msg.info = port_link(card, p) ? AGL_PORT_MOD_LINK : 0;
	cmsg_send(card, AGL_CMSG_PORT_MOD, &msg, sizeof(msg));
}

/* A VF's own link follows its representor */
static void update_vf(struct card *card, struct port *p)
{
	struct vnic *v = port_vnic(card, p);

	if (v && v->kind == VNIC_VF)
		vnic_set_link(v, vfcfg_link(card, v->index,
					    p->reified && p->admin_up));
}

void flower_port_changed(struct card *card, struct phys_port *p)
{
	if (card->flower->running)
		report_link(card, &card->flower->phys[p->index]);
}

void flower_vnic_changed(struct card *card, struct vnic *v)
{
	struct flower *f = card->flower;

	if (f->running && v->kind != VNIC_CTRL)
		report_link(card, v->kind == VNIC_PF ? &f->pf : &f->vf[v->index]);
}

void flower_vf_link(struct card *card, unsigned int vf)
{
	struct flower *f = card->flower;

	if (!f->running)
		return;
	update_vf(card, &f->vf[vf]);
	report_link(card, &f->vf[vf]);
}

void port_reify(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_port_reify *m = (const void *)body;
	struct port *p;

	if (len < sizeof(*m)) {
		card->cnt.cmsg_bad++;
		return;
	}
	p = port_find(card, be32toh(m->port));
	if (!p) {
		card->cnt.cmsg_bad++;
		card_log(card, "reify of unknown port %08x", be32toh(m->port));
		return;
	}
	p->reified = be16toh(m->info) & AGL_REIFY_EXISTS;
	cmsg_send(card, AGL_CMSG_PORT_REIFY, m, sizeof(*m));
	update_vf(card, p);
	/* Physical ports report after MAC_REPR */
	if (port_vnic(card, p))
		report_link(card, p);
}

void port_mod(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_port_mod *m = (const void *)body;
	struct port *p;

	if (len < sizeof(*m)) {
		card->cnt.cmsg_bad++;
		return;
	}
	p = port_find(card, be32toh(m->port));
	if (!p) {
		card->cnt.cmsg_bad++;
		card_log(card, "PORT_MOD of unknown port %08x", be32toh(m->port));
		return;
	}
	p->mtu = be16toh(m->mtu);
	if (m->info & AGL_PORT_MOD_MTU_ONLY) {
		cmsg_send(card, AGL_CMSG_PORT_MOD, m, sizeof(*m));
		return;
	}
	p->admin_up = m->info & AGL_PORT_MOD_LINK;
	update_vf(card, p);
}

void mac_repr(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_mac_repr *m = (const void *)body;
	unsigned int i;

	if (len < sizeof(*m) || len < sizeof(*m) + m->count * sizeof(m->entry[0])) {
		card->cnt.cmsg_bad++;
		return;
	}
	for (i = 0; i < m->count; i++) {
		struct port *p = port_find(card, AGL_PORT_PHYS(m->entry[i].port));

		if (p)
			report_link(card, p);
		else
			card->cnt.cmsg_bad++;
	}
}

static size_t frame_limit(const struct port *p, const uint8_t *frame, size_t len)
{
	size_t limit = p->mtu + 14, at;

	for (at = 12; at + 4 <= len && limit < p->mtu + 14u + 2 * VLAN_TAG; at += 4) {
		uint16_t type = get_be16(frame + at);

		if (type != 0x8100 && type != 0x88a8)
			break;
		limit += VLAN_TAG;
	}
	return limit;
}

static void output_phys(struct card *card, struct port *p, const uint8_t *frame,
			size_t len)
{
	struct phys_port *phys = &card->ports[FIELD_GET(AGL_PORT_NUMBER, p->id)];
	uint8_t padded[60];

	if (!p->admin_up || !board_link(phys)) {
		card->cnt.out_port_down++;
		return;
	}
	if (len > frame_limit(p, frame, len)) {
		card->cnt.out_too_long++;
		mac_drop(card, phys->index, false);
		return;
	}
	mac_count(card, phys->index, false, frame, len);
	card->cnt.wire_out++;
	if (len < sizeof(padded)) {
		memset(padded, 0, sizeof(padded));
		memcpy(padded, frame, len);
		frame = padded;
		len = sizeof(padded);
	}
	card->ops->wire_out(card->host, phys->wire, frame, len);
}

static void output_vnic(struct card *card, struct vnic *v, const uint8_t *frame,
			size_t len)
{
	uint8_t untagged[VNIC_MTU_MAX + 64];

	if (!v->link) {
		card->cnt.out_port_down++;
		return;
	}
	if (v->vst_tci && len >= 18 && len - 4 <= sizeof(untagged) &&
	    get_be16(frame + 12) == 0x8100 &&
	    !((get_be16(frame + 14) ^ v->vst_tci) & AGL_TCI_VID)) {
		memcpy(untagged, frame, 12);
		memcpy(untagged + 12, frame + 16, len - 16);
		frame = untagged;
		len -= 4;
	}
	vnic_rx(v, 0, frame, len);
}

void port_output(struct card *card, uint32_t id, const uint8_t *frame,
		 size_t len)
{
	struct port *p = port_find(card, id);
	struct vnic *v;

	card->cnt.outputs++;
	if (!p) {
		card->cnt.out_unknown++;
		card_log(card, "output to unknown port %08x", id);
		return;
	}
	v = port_vnic(card, p);
	if (v)
		output_vnic(card, v, frame, len);
	else
		output_phys(card, p, frame, len);
}
