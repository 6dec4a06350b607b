/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flower firmware: control messages, rules, and what happens to packets.
 * 03-flower.md, chapter 9 above all.
 */
#ifndef CARD_FLOWER_H
#define CARD_FLOWER_H

#include "chip/chip.h"
#include "vnic/vnic.h"
#include "abi/action.h"
#include "abi/cmsg.h"
#include "abi/key.h"

#define FLOWER_BUCKETS		(1u << 17)
/* An action list of pushes alone, AGL_ACT_LIST_MAX / 8 of 4 bytes each */
#define FLOWER_HEADROOM		512

struct port {
	uint32_t id;
	bool exists;
	bool reified;
	bool admin_up;
	uint16_t mtu;
};

struct mask {
	bool used;
	uint8_t len;
	uint8_t bytes[AGL_KEY_MAX];
	unsigned int rules;
};

struct rule {
	struct rule *next;
	struct rule *dirty_next;
	uint64_t cookie;
	uint64_t version;
	uint32_t ctx;
	uint32_t shortcut;
	uint64_t packets;	/* not yet reported, as the next */
	uint64_t bytes;
	bool dirty;
	uint8_t key_len;
	uint16_t act_len;
	uint8_t key[AGL_KEY_MAX];
	uint8_t acts[];
};

/* What a packet has for each layer of a key */
struct packet_key {
	uint8_t layers;
	bool qinq_ok;
	uint16_t tci;
	uint32_t in_port;
	struct agl_key_mac mac;
	struct agl_key_tp tp;
	struct agl_key_ipv4 ip4;
	struct agl_key_ipv6 ip6;
	struct agl_key_qinq qinq;
};

struct waiting {
	struct waiting *next;
	unsigned int wire;
	size_t len;
	uint8_t frame[];
};

struct flower {
	bool running;
	bool busy;		/* a frame is being worked on */
	uint64_t features;	/* what host and firmware agreed on */
	uint8_t *host_mask;
	uint8_t *combined;
	uint32_t contexts;
	struct port phys[AGL_ETH_PER_NBI];
	struct port pf;
	struct port vf[CARD_VF_LIMIT];
	struct mask masks[AGL_MASK_ID_MAX + 1];
	unsigned int masks_used;
	struct rule **buckets;
	unsigned int rules;
	struct rule *dirty;
	uint64_t stats_at;	/* ns, 0: nothing to report */
	struct waiting *waiting;
	struct waiting **waiting_end;
	uint8_t work[FLOWER_HEADROOM + VNIC_FRAME_MAX + 256];
};

/* flower.c */
void flower_start(struct card *card);
void flower_stop(struct card *card);
void flower_memory_written(struct card *card, const uint8_t *p);

/* ports.c */
struct port *port_find(struct card *card, uint32_t id);
void flower_port_changed(struct card *card, struct phys_port *p);
void flower_vnic_changed(struct card *card, struct vnic *v);
void flower_vf_link(struct card *card, unsigned int vf);
void port_reify(struct card *card, const uint8_t *p, size_t len);
void port_mod(struct card *card, const uint8_t *p, size_t len);
void mac_repr(struct card *card, const uint8_t *p, size_t len);
void port_output(struct card *card, uint32_t id, const uint8_t *frame,
		 size_t len);

/* cmsg.c */
void flower_cmsg(struct card *card, uint32_t port, const uint8_t *msg,
		 size_t len);
bool cmsg_send(struct card *card, uint8_t type, const void *body, size_t len);

/* table.c */
void table_add(struct card *card, const uint8_t *p, size_t len);
void table_mod(struct card *card, const uint8_t *p, size_t len);
void table_del(struct card *card, const uint8_t *p, size_t len);
void table_clear(struct card *card);
struct rule *table_lookup(struct card *card, const struct packet_key *key);

/* key.c */
void key_extract(struct card *card, uint32_t in_port, const uint8_t *frame,
		 size_t len, struct packet_key *key);
/* Length of the layers that a mask names, 0 if it has an unknown one */
size_t key_length(const uint8_t *mask, size_t len);
/* Packet's values in a mask's layout. Return: false if a layer is missing */
bool key_build(const struct packet_key *key, const uint8_t *mask, uint8_t *out);

/* action.c */
bool action_check(struct card *card, const uint8_t *acts, size_t len,
		  uint32_t shortcut);
void action_run(struct card *card, const struct rule *rule,
		const uint8_t *frame, size_t len);

/* pipeline.c */
void flower_from_host(struct card *card, struct vnic *v, uint32_t port,
		      const uint8_t *frame, size_t len);
void pipeline_drain(struct card *card);

/* stats.c */
void stats_count(struct card *card, struct rule *rule, size_t len);
void stats_flush_rule(struct card *card, struct rule *rule);
void stats_timer(struct card *card, uint64_t now);

#endif
