// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way of a packet: from a wire or a vNIC through the rules, or to the
 * host. 03-flower.md sections 9.2 and 9.5.
 */
#include <stdlib.h>

#include "flower.h"

#define HINT_AGAIN_NS	1000000000ULL

static void fallback(struct card *card, uint32_t port, const uint8_t *frame,
		     size_t len)
{
	card->cnt.fallbacks++;
	vnic_rx(&card->vnics->pf, port, frame, len);
}

/* Two rules that a packet took one after the other: the host may make it one */
static void merge_hint(struct card *card, const struct rule *first,
		       const struct rule *second)
{
	struct {
		uint8_t reserved[3];
		uint8_t count;
		struct agl_merge_flow flow[2];
	} __packed m = { .count = 1 };
	struct flower *f = card->flower;
	uint64_t now = card->ops->now(card->host);

	if (!f->merge_hints || !get_le(f->merge_hints, 4))
		return;
	if (f->hint.at && now - f->hint.at < HINT_AGAIN_NS &&
	    f->hint.first == first->tally.ctx && f->hint.second == second->tally.ctx)
		return;
	f->hint.first = first->tally.ctx;
	f->hint.second = second->tally.ctx;
	f->hint.at = now;
	m.flow[0].ctx = htobe32(first->tally.ctx);
	m.flow[0].cookie = htobe64(first->tally.cookie);
	m.flow[1].ctx = htobe32(second->tally.ctx);
	m.flow[1].cookie = htobe64(second->tally.cookie);
	card->cnt.merge_hints++;
	cmsg_send(card, AGL_CMSG_MERGE_HINT, &m, sizeof(m));
}

/* The rules' part; what is left for the host, it gets as it came in */
static void look_up(struct card *card, const struct transit *in,
		    const struct packet_key *key)
{
	struct rule *rule = table_lookup(card, key);

	if (!rule) {
		card->cnt.lookup_misses++;
		fallback(card, in->port, in->original, in->original_len);
		return;
	}
	card->cnt.lookup_hits++;
	if (rule->shortcut == AGL_SHORTCUT_USER || !action_ready(card, rule, in)) {
		fallback(card, in->port, in->original, in->original_len);
		return;
	}
	if (in->from)
		merge_hint(card, in->from, rule);
	stats_count(card, &rule->tally, in->len);
	action_run(card, rule, in);
}

static void ingress(struct card *card, struct port *p, const uint8_t *frame,
		    size_t len)
{
	struct transit in = { frame, len, frame, len, p->id, 0, NULL };
	struct packet_key key;
	struct decapped d;

	if (decap(card, p->id, frame, len, &d)) {
		in.frame = d.frame;
		in.len = d.len;
		look_up(card, &in, &d.key);
		return;
	}
	key_extract(card, p->id, frame, len, &key);
	look_up(card, &in, &key);
}

void pipeline_again(struct card *card, const struct transit *in)
{
	struct packet_key key;

	if (in->pass >= FLOWER_PASSES) {
		card->cnt.passes_over++;
		card_log(card, "a packet went around %u times", in->pass);
		return;
	}
	key_extract(card, in->port, in->frame, in->len, &key);
	look_up(card, in, &key);
}

/* Frames that came while another one was on its way */
void pipeline_drain(struct card *card)
{
	struct flower *f = card->flower;
	struct waiting *w;

	while ((w = f->waiting)) {
		f->waiting = w->next;
		if (!f->waiting)
			f->waiting_end = &f->waiting;
		card_wire_in(card, w->wire, w->frame, w->len);
		free(w);
	}
}

static void wait_frame(struct card *card, unsigned int wire, const void *frame,
		       size_t len)
{
	struct waiting *w = malloc(sizeof(*w) + len);

	if (!w)
		return;
	w->next = NULL;
	w->wire = wire;
	w->len = len;
	memcpy(w->frame, frame, len);
	*card->flower->waiting_end = w;
	card->flower->waiting_end = &w->next;
	card->ops->kick(card->host);
}

static struct phys_port *phys_of_wire(struct card *card, unsigned int wire)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(card->ports); i++)
		if (card->ports[i].present && card->ports[i].wire == wire)
			return &card->ports[i];
	return NULL;
}

void card_wire_in(struct card *card, unsigned int wire, const void *frame,
		  size_t len)
{
	struct phys_port *phys = phys_of_wire(card, wire);
	struct flower *f = card->flower;
	bool inside = card->inside;
	struct port *p;

	if (!phys || len < 14 || len > VNIC_FRAME_MAX ||
	    fault_on(card, FAULT_SURPRISE))
		return;
	/* Two wires of one card tied together end up here */
	if (f->busy) {
		wait_frame(card, wire, frame, len);
		return;
	}
	card->cnt.wire_in++;
	p = &f->phys[phys->index];
	if (!f->running || !board_link(phys) || !p->admin_up || !p->reified) {
		card->cnt.in_port_down++;
		return;
	}
	mac_count(card, phys->index, true, frame, len);
	f->busy = true;
	card->inside = true;
	ingress(card, p, frame, len);
	card->inside = inside;
	f->busy = false;
}

/* A VF with a port VLAN sends untagged */
static const uint8_t *add_vst(struct vnic *v, const uint8_t *frame, size_t *len,
			      uint8_t *room)
{
	if (!v->vst_tci || *len > VNIC_MTU_MAX + 32)
		return frame;
	memcpy(room, frame, 12);
	put_be16(room + 12, 0x8100);
	put_be16(room + 14, v->vst_tci);
	memcpy(room + 16, frame + 12, *len - 12);
	*len += 4;
	return room;
}

void flower_from_host(struct card *card, struct vnic *v, uint32_t port,
		      const uint8_t *frame, size_t len)
{
	struct flower *f = card->flower;
	uint8_t room[VNIC_MTU_MAX + 64];
	struct port *p;

	if (!f->running)
		return;
	f->busy = true;
	if (v->kind == VNIC_PF && port) {
		card->cnt.direct_outputs++;
		port_output(card, port, frame, len);
	} else {
		p = v->kind == VNIC_PF ? &f->pf : &f->vf[v->index];
		if (v->kind == VNIC_VF)
			frame = add_vst(v, frame, &len, room);
		if (p->reified)
			ingress(card, p, frame, len);
		else
			card->cnt.in_port_down++;
	}
	f->busy = false;
}
