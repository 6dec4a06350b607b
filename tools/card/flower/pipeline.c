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
static void merge_hint(struct card *card, const struct rule_ref *first,
		       const struct rule *second)
{
	struct {
		uint8_t reserved[3];
		uint8_t count;
		struct agl_merge_flow flow[2];
	} __packed m = { .count = 1 };
	struct flower *f = card->flower;
	uint32_t pair[2] = { first->ctx, second->counters.ctx };

	if (!f->merge_hints || !get_le(f->merge_hints, 4))
		return;
	f->hints.every = HINT_AGAIN_NS;
	if (!rate_limit(&f->hints, pair, sizeof(pair), card->ops->now(card->host)))
		return;
	m.flow[0].ctx = htobe32(first->ctx);
	m.flow[0].cookie = htobe64(first->cookie);
	m.flow[1].ctx = htobe32(second->counters.ctx);
	m.flow[1].cookie = htobe64(second->counters.cookie);
	card->cnt.merge_hints++;
	cmsg_send(card, AGL_CMSG_MERGE_HINT, &m, sizeof(m));
}

/* The rules' part; what is left for the host, it gets as it came in */
static void look_up(struct card *card, const struct packet *in,
		    const struct packet_key *key)
{
	struct rule *rule = table_lookup(card, key);

	card_spend(card, 1);
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
	if (in->recirc)
		merge_hint(card, &in->from, rule);
	stats_count(card, &rule->counters, in->len);
	action_run(card, rule, in);
}

static void ingress(struct card *card, struct port *p, const uint8_t *frame,
		    size_t len)
{
	struct packet in = {
		.frame = frame,
		.len = len,
		.original = frame,
		.original_len = len,
		.port = p->id,
	};
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

static struct phys_port *phys_of_wire(struct card *card, unsigned int wire)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(card->ports); i++)
		if (card->ports[i].present && card->ports[i].wire == wire)
			return &card->ports[i];
	return NULL;
}

static void wire_in(struct card *card, unsigned int wire, const uint8_t *frame,
		    size_t len)
{
	struct phys_port *phys = phys_of_wire(card, wire);
	struct flower *f = card->flower;
	struct port *p;

	if (!phys)
		return;
	card->cnt.wire_in++;
	p = &f->phys[phys->index];
	if (!f->running || !board_link(phys) || !p->admin_up || !p->reified) {
		card->cnt.in_port_down++;
		return;
	}
	mac_count(card, phys->index, true, frame, len);
	ingress(card, p, frame, len);
}

/*
 * The queue of what waits is short, so that packets that multiply, or go in a
 * circle by way of two wires, cost neither memory nor the caller's time.
 */
static struct deferred *defer(struct card *card, const uint8_t *frame, size_t len)
{
	struct flower *f = card->flower;
	struct deferred *d = NULL;

	if (f->deferred_used < FLOWER_DEFERRED_MAX)
		d = calloc(1, sizeof(*d) + len);
	if (!d) {
		card->cnt.deferred_full++;
		return NULL;
	}
	d->len = len;
	memcpy(d->frame, frame, len);
	*f->deferred_end = d;
	f->deferred_end = &d->next;
	f->deferred_used++;
	/* Nothing new until these are done */
	if (f->deferred_used >= FLOWER_DEFERRED_MAX / 2)
		card_spend(card, CARD_BUDGET);
	return d;
}

static struct deferred *deferred_first(struct flower *f)
{
	struct deferred *d = f->deferred;

	if (!d)
		return NULL;
	f->deferred = d->next;
	if (!f->deferred)
		f->deferred_end = &f->deferred;
	f->deferred_used--;
	return d;
}

void pipeline_recirculate(struct card *card, const struct packet *in)
{
	struct deferred *d;

	if (in->recirc >= FLOWER_RECIRC_MAX) {
		card->cnt.recirc_over++;
		return;
	}
	d = defer(card, in->frame, in->len);
	if (!d)
		return;
	d->port = in->port;
	d->recirc = in->recirc;
	d->from = in->from;
}

static void recirculated(struct card *card, const struct deferred *d)
{
	struct packet in = {
		.frame = d->frame,
		.len = d->len,
		.original = d->frame,
		.original_len = d->len,
		.port = d->port,
		.recirc = d->recirc,
		.from = d->from,
	};
	struct packet_key key;

	key_extract(card, in.port, in.frame, in.len, &key);
	look_up(card, &in, &key);
}

bool pipeline_drain(struct card *card)
{
	struct flower *f = card->flower;
	struct deferred *d;

	while (card_may_spend(card) && (d = deferred_first(f))) {
		if (d->from_wire)
			wire_in(card, d->wire, d->frame, d->len);
		else if (f->running)
			recirculated(card, d);
		free(d);
	}
	return f->deferred;
}

void pipeline_clear(struct card *card)
{
	struct deferred *d;

	while ((d = deferred_first(card->flower)))
		free(d);
}

void card_wire_in(struct card *card, unsigned int wire, const void *frame,
		  size_t len)
{
	struct deferred *d;
	bool more = false;

	if (len < 14 || len > VNIC_FRAME_MAX || fault_on(card, FAULT_SURPRISE))
		return;
	/* Two wires of one card tied together end up here */
	if (card->inside) {
		d = defer(card, frame, len);
		if (d) {
			d->from_wire = true;
			d->wire = wire;
		}
		card->ops->kick(card->host);
		return;
	}
	card_enter(card);
	card_budget(card);
	/*
	 * What the host rang for before the frame was sent is done before it:
	 * QEMU calls its bottom halves last in, first out.
	 */
	if (!fault_on(card, FAULT_CTRL_DEAD))
		more = vnic_tx_run(&card->vnics->ctrl);
	wire_in(card, wire, frame, len);
	more |= pipeline_drain(card);
	if (more)
		card->ops->kick(card->host);
	card_leave(card);
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
}
