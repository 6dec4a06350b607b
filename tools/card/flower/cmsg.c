// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control messages: dispatch in, frame out. 03-flower.md section 3.
 */
#include "flower.h"

static void lag_config(struct card *card, const uint8_t *body, size_t len)
{
	const struct agl_lag_config *m = (const void *)body;

	if (len < sizeof(*m)) {
		card->cnt.cmsg_bad++;
		return;
	}
	card->cnt.lag_msgs++;
	if (!(m->flags & AGL_LAG_RESET)) {
		card->cnt.cmsg_unknown++;
		card_log(card, "LAG_CONFIG flags %02x: groups are not modelled yet",
			 m->flags);
	}
}

static void dispatch(struct card *card, uint8_t type, const uint8_t *body,
		     size_t len)
{
	switch (type) {
	case AGL_CMSG_FLOW_ADD:
		table_add(card, body, len);
		break;
	case AGL_CMSG_FLOW_MOD:
		table_mod(card, body, len);
		break;
	case AGL_CMSG_FLOW_DEL:
		table_del(card, body, len);
		break;
	case AGL_CMSG_LAG_CONFIG:
		lag_config(card, body, len);
		break;
	case AGL_CMSG_PORT_REIFY:
		port_reify(card, body, len);
		break;
	case AGL_CMSG_MAC_REPR:
		mac_repr(card, body, len);
		break;
	case AGL_CMSG_PORT_MOD:
		port_mod(card, body, len);
		break;
	case AGL_CMSG_PORT_ECHO:
		cmsg_send(card, type, body, len);
		break;
	case AGL_CMSG_TUN_NEIGH:
	case AGL_CMSG_TUN_NEIGH_V6:
		tun_neigh(card, type == AGL_CMSG_TUN_NEIGH_V6, body, len);
		break;
	case AGL_CMSG_TUN_MAC:
		tun_mac(card, body, len);
		break;
	case AGL_CMSG_TUN_IPS:
		tun_ips(card, body, len);
		break;
	case AGL_CMSG_TUN_IPS_V6:
		tun_ips6(card, body, len);
		break;
	case AGL_CMSG_PRE_TUN_RULE:
		pre_tun_rule(card, body, len);
		break;
	default:
		card->cnt.cmsg_unknown++;
		card_log(card, "control message %u, %zu bytes: not known yet",
			 type, len);
	}
}

/* A frame on the control vNIC's transmit ring */
void flower_cmsg(struct card *card, uint32_t port, const uint8_t *msg,
		 size_t len)
{
	const struct agl_cmsg_head *h = (const void *)msg;

	card->cnt.cmsg_rx++;
	if (!card->flower->running)
		return;
	if (fault_take(card, FAULT_DROP_CMSG)) {
		card->cnt.cmsg_dropped++;
		return;
	}
	if (port != AGL_META_PORTID_CTRL || len < sizeof(*h) ||
	    h->version != AGL_CMSG_VERSION) {
		card->cnt.cmsg_bad++;
		card_log(card, "malformed control message, %zu bytes", len);
		return;
	}
	card_event(card, EVENT_FROM_HOST, h->type);
	if (fault_on(card, FAULT_MUTE_TYPE) &&
	    card->fault[FAULT_MUTE_TYPE].value == h->type) {
		card->fault[FAULT_MUTE_TYPE].on = false;
		card->cnt.cmsg_dropped++;
		return;
	}
	dispatch(card, h->type, msg + sizeof(*h), len - sizeof(*h));
}

bool cmsg_send(struct card *card, uint8_t type, const void *body, size_t len)
{
	uint8_t msg[AGL_CMSG_MAX_TO_HOST] = {};
	struct agl_cmsg_head *h = (void *)msg;

	if (sizeof(*h) + len > sizeof(msg) || fault_on(card, FAULT_SURPRISE))
		return false;
	if (fault_take(card, FAULT_DROP_REPLY)) {
		card->cnt.cmsg_tx_dropped++;
		return true;
	}
	h->type = type;
	h->version = AGL_CMSG_VERSION;
	memcpy(msg + sizeof(*h), body, len);
	if (!vnic_rx(&card->vnics->ctrl, AGL_META_PORTID_CTRL, msg,
		     sizeof(*h) + len)) {
		card->cnt.cmsg_tx_dropped++;
		return false;
	}
	card->cnt.cmsg_tx++;
	card_event(card, EVENT_TO_HOST, type);
	return true;
}

#define GARBAGE_TYPES	(AGL_CMSG_TYPES + 2)

/* Message @n of a firmware that has gone mad: a type, and a form of it */
void cmsg_send_garbage(struct card *card, unsigned int n)
{
	static const size_t length[] = { 0, 3, 64, 1496, 28, 1496, 132, 0 };
	unsigned int type = n % GARBAGE_TYPES, i;
	unsigned int form = n / GARBAGE_TYPES % ARRAY_SIZE(length);
	uint8_t msg[AGL_CMSG_MAX_TO_HOST] = {};
	struct agl_cmsg_head *h = (void *)msg;
	size_t len = sizeof(*h) + length[form];
	uint32_t noise = n;

	h->type = type < AGL_CMSG_TYPES ? type : type == AGL_CMSG_TYPES ? 0x40 : 0xff;
	h->version = form == 6 ? AGL_CMSG_VERSION + 1 : AGL_CMSG_VERSION;
	/* Forms 1 to 3 are all ones, 4 and 6 noise, 5 zeros, 7 half a head */
	for (i = sizeof(*h); i < len && form < 4; i++)
		msg[i] = 0xff;
	for (i = sizeof(*h); i < len && (form == 4 || form == 6); i++) {
		noise = noise * 1103515245u + 12345;
		msg[i] = noise >> 16;
	}
	if (form == 7)
		len = 2;
	if (vnic_rx(&card->vnics->ctrl, AGL_META_PORTID_CTRL, msg, len))
		card->cnt.cmsg_tx++;
	else
		card->cnt.cmsg_tx_dropped++;
}
