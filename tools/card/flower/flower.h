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
#include "tunnel.h"

#define FLOWER_DEFERRED_MAX	1024
/* The public image has 500,000; a file may say anything, rules are host memory */
#define FLOWER_CONTEXTS_MAX	(1u << 19)
/* An action list of pushes alone, AGL_ACT_LIST_MAX / 8 of 4 bytes each */
#define FLOWER_HEADROOM		512
/* How often a packet can come back by way of an internal port */
#define FLOWER_RECIRC_MAX		4
#define ENCAP_OPTS_MAX		252
/* Outer Ethernet with a tag, IPv6, UDP, Geneve with all of its options */
#define ENCAP_ROOM		(18 + 40 + 8 + 8 + ENCAP_OPTS_MAX)
#define FLOWER_FRAME_MAX	(VNIC_FRAME_MAX + 256 + FLOWER_RECIRC_MAX *	\
				 (FLOWER_HEADROOM + ENCAP_ROOM))

struct port {
	uint32_t id;
	bool exists;
	bool reified;
	bool admin_up;
	uint16_t mtu;
};

struct mask {
	bool used;
	uint8_t layers;
	uint32_t layers2;
	uint8_t len;
	uint8_t bytes[AGL_KEY_MAX];
	unsigned int rules;
};

struct rule {
	struct rule *next;
	uint32_t hash;
	struct flow_counters counters;
	uint64_t version;
	uint32_t shortcut;
	uint8_t key_len;
	uint16_t act_len;
	uint8_t key[AGL_KEY_MAX];
	uint8_t acts[];
};

/* What a packet has for each layer of a key */
struct packet_key {
	uint8_t layers;
	uint32_t layers2;
	bool qinq_ok;
	uint16_t tci;
	uint32_t in_port;
	struct agl_key_mac mac;
	struct agl_key_tp tp;
	struct agl_key_ipv4 ip4;
	struct agl_key_ipv6 ip6;
	struct agl_key_qinq qinq;
	/* Only after decapsulation, the other layers are the inner packet's */
	uint8_t tun[sizeof(struct agl_key_gre6)];
	size_t tun_len;
	uint8_t opts[AGL_KEY_OPTS_MAX];
};

/* A packet out of a tunnel */
struct decapped {
	const uint8_t *frame;
	size_t len;
	struct packet_key key;
};

/* The rule that a packet met before, which may be gone by now */
struct rule_ref {
	uint32_t ctx;
	uint64_t cookie;
};

/* A packet on its way through the rules */
struct packet {
	const uint8_t *frame;	/* what rules see */
	size_t len;
	const uint8_t *original; /* what the host would get */
	size_t original_len;
	uint32_t port;		/* where the original came in */
	unsigned int recirc;	/* how often it has come back */
	struct rule_ref from;	/* that sent it back, if it has */
};

/* How a packet is encapsulated when it leaves */
struct tunnel {
	struct neigh *neigh;
	const struct agl_act_set_tunnel *set;
	size_t opts_len;
	uint8_t opts[ENCAP_OPTS_MAX];
};

/* Room for a packet while actions change it, and for it encapsulated */
struct scratch {
	uint8_t inner[FLOWER_HEADROOM + FLOWER_FRAME_MAX];
	uint8_t outer[ENCAP_ROOM + FLOWER_HEADROOM + FLOWER_FRAME_MAX];
};

/* A packet that has to wait until another one is done */
struct deferred {
	struct deferred *next;
	bool from_wire;
	unsigned int wire;
	uint32_t port;		/* not from a wire: recirculated */
	unsigned int recirc;
	struct rule_ref from;
	size_t len;
	uint8_t frame[];
};

struct flower {
	bool running;
	uint64_t features;	/* what host and firmware agreed on */
	uint8_t *host_mask;
	uint8_t *combined;
	uint8_t *merge_hints;
	uint32_t contexts;
	struct port phys[AGL_ETH_PER_NBI];
	struct port pf;
	struct port vf[CARD_VF_LIMIT];
	struct mask masks[AGL_MASK_ID_MAX + 1];
	uint8_t mask_ids[AGL_MASK_ID_MAX];	/* of those that are used */
	unsigned int masks_used;
	struct rule **buckets;
	unsigned int order;	/* there are 1 << order of them */
	unsigned int rules;
	uint64_t version;	/* of the last flow message */
	struct flow_counters_list dirty;
	struct final_counters_list finals;
	unsigned int finals_used;
	struct tunnels tun;
	uint64_t stats_at;	/* ns, 0: nothing to report */
	bool stats_stuck;	/* the host had no room: wait for @stats_at */
	struct rate_limits hints;
	struct deferred *deferred;	/* first in, first out */
	struct deferred **deferred_end;
	unsigned int deferred_used;
	struct scratch scratch;
};

/* flower.c */
void flower_start(struct card *card);
void flower_stop(struct card *card);

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
void cmsg_send_garbage(struct card *card, unsigned int n);

/* table.c */
void table_add(struct card *card, const uint8_t *p, size_t len);
void table_mod(struct card *card, const uint8_t *p, size_t len);
void table_del(struct card *card, const uint8_t *p, size_t len);
bool table_init(struct card *card);
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
/* Return: false if the packet has to go to the host instead */
bool action_ready(struct card *card, const struct rule *rule,
		  const struct packet *in);
void action_run(struct card *card, const struct rule *rule,
		const struct packet *in);

/* pipeline.c */
void flower_from_host(struct card *card, struct vnic *v, uint32_t port,
		      const uint8_t *frame, size_t len);
/* What waits, as far as the budget reaches. Return: whether there is more */
bool pipeline_drain(struct card *card);
void pipeline_clear(struct card *card);
/* A packet that left through an internal port of the host's */
void pipeline_recirculate(struct card *card, const struct packet *in);

/* stats.c */
void stats_init(struct card *card);
void stats_count(struct card *card, struct flow_counters *c, size_t len);
void stats_final(struct card *card, struct flow_counters *c);
void stats_forget(struct card *card, struct flow_counters *c);
void stats_finals(struct card *card);
void stats_resume(struct card *card);
void stats_timer(struct card *card, uint64_t now);
void stats_clear(struct card *card);

/* ratelimit.c. Return: whether @key may be asked for now, and notes it */
bool rate_limit(struct rate_limits *l, const void *key, size_t len, uint64_t now);

/* tunnel.c */
void tun_mac(struct card *card, const uint8_t *body, size_t len);
void tun_ips(struct card *card, const uint8_t *body, size_t len);
void tun_ips6(struct card *card, const uint8_t *body, size_t len);
void tun_neigh(struct card *card, bool v6, const uint8_t *body, size_t len);
void pre_tun_rule(struct card *card, const uint8_t *body, size_t len);
bool tunnel_mac(struct card *card, const uint8_t *addr, uint16_t *index);
bool tunnel_ip(struct card *card, bool v6, const uint8_t *addr);
struct neigh *neigh_find(struct card *card, bool v6, const uint8_t *dst);
struct pre_tun *pre_tun_find(struct card *card, uint16_t port_idx, uint16_t tci);
/* Ask the host for a destination that there is no neighbour for */
void neigh_ask(struct card *card, uint32_t ingress, bool v6, const uint8_t *dst);
void neigh_used(struct card *card, struct neigh *n);
void tunnel_timer(struct card *card, uint64_t now);
void tunnel_clear(struct card *card);

/* decap.c */
bool decap(struct card *card, uint32_t in_port, const uint8_t *frame, size_t len,
	   struct decapped *d);

/* encap.c */
size_t encap(struct card *card, const struct tunnel *t, const uint8_t *inner,
	     size_t len, uint8_t *out);

#endif
