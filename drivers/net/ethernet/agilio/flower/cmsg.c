// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages: transport, and the messages about ports.
 * 03-flower.md section 3.
 */
#include "../agilio.h"

#define REPLY_TIMEOUT_MS	1000
#define MTU_ACKED		BIT(31)
#define ROOM_TIMEOUT_MS		5000
#define CMSG_HEADROOM		64

/**
 * agl_cmsg_alloc - memory for a message
 * @len: bytes after the head
 * @gfp: how to allocate
 *
 * Return: an empty skb with room in front for what is in front of a message;
 * NULL without memory.
 */
struct sk_buff *agl_cmsg_alloc(size_t len, gfp_t gfp)
{
	struct sk_buff *skb;

	skb = alloc_skb(CMSG_HEADROOM + len, gfp);
	if (skb)
		skb_reserve(skb, CMSG_HEADROOM);
	return skb;
}

/**
 * agl_cmsg_xmit - send a message, in the order of the calls
 * @agl: card
 * @type: AGL_CMSG_
 * @skb: from agl_cmsg_alloc(), the body in it; gone after the call
 *
 * It is on its way after agl_cmsg_kick().
 */
void agl_cmsg_xmit(struct agilio *agl, u8 type, struct sk_buff *skb)
{
	struct agl_cmsg_head *h = skb_push(skb, sizeof(*h));

	h->pad = 0;
	h->type = type;
	h->version = AGL_CMSG_VERSION;
	agl_tx_control(&agl->ctrl, skb);
}

/**
 * agl_cmsg_kick - let the messages go that were sent
 * @agl: card; no lock is held
 */
void agl_cmsg_kick(struct agilio *agl)
{
	agl_tx_control_kick(&agl->ctrl);
}

/**
 * agl_cmsg_room - wait until the card keeps up with the messages
 * @agl: card
 *
 * Return: 0, -ETIMEDOUT if it takes none. Can sleep.
 */
int agl_cmsg_room(struct agilio *agl)
{
	if (wait_event_timeout(agl->ctrl.room, agl_tx_control_room(&agl->ctrl),
			       msecs_to_jiffies(ROOM_TIMEOUT_MS)))
		return 0;
	dev_err_ratelimited(&agl->pdev->dev, "the card takes no messages\n");
	return -ETIMEDOUT;
}

/**
 * agl_cmsg_flush - wait until the ring has all messages
 * @agl: card
 */
void agl_cmsg_flush(struct agilio *agl)
{
	if (!wait_event_timeout(agl->ctrl.room,
				skb_queue_empty_lockless(&agl->ctrl.backlog),
				msecs_to_jiffies(ROOM_TIMEOUT_MS)))
		dev_err(&agl->pdev->dev, "the card took not all messages\n");
}

/**
 * agl_cmsg_send - send a message
 * @agl: card
 * @type: AGL_CMSG_
 * @body: what follows the head, big endian
 * @len: its bytes
 *
 * Return: 0, -ENOMEM.
 */
int agl_cmsg_send(struct agilio *agl, u8 type, const void *body, size_t len)
{
	struct sk_buff *skb = agl_cmsg_alloc(len, GFP_ATOMIC);

	if (!skb)
		return -ENOMEM;
	skb_put_data(skb, body, len);
	agl_cmsg_xmit(agl, type, skb);
	agl_cmsg_kick(agl);
	return 0;
}

/**
 * agl_cmsg_tell - send a message that there is no way to do without
 * @agl: card
 * @type: AGL_CMSG_
 * @body: what follows the head, big endian
 * @len: its bytes, few
 *
 * It waits for memory as long as that takes: what the card has been told and
 * what is believed of it stay the same.
 */
void agl_cmsg_tell(struct agilio *agl, u8 type, const void *body, size_t len)
{
	struct sk_buff *skb = agl_cmsg_alloc(len, GFP_KERNEL | __GFP_NOFAIL);

	skb_put_data(skb, body, len);
	agl_cmsg_xmit(agl, type, skb);
	agl_cmsg_kick(agl);
}

static void rx_reify(struct agilio *agl, const struct agl_port_reify *m)
{
	struct agl_repr *r = agl_repr_find(agl, be32_to_cpu(m->port));

	if (!r)
		return;
	WRITE_ONCE(r->reified, be16_to_cpu(m->info) & AGL_REIFY_EXISTS);
	wake_up_all(&agl->reply);
}

static void rx_port_mod(struct agilio *agl, const struct agl_port_mod *m)
{
	struct agl_repr *r = agl_repr_find(agl, be32_to_cpu(m->port));

	if (!r)
		return;
	if (m->info & AGL_PORT_MOD_MTU_ONLY) {
		WRITE_ONCE(r->mtu_acked, MTU_ACKED | be16_to_cpu(m->mtu));
		wake_up_all(&agl->reply);
	} else if (m->info & AGL_PORT_MOD_LINK) {
		netif_carrier_on(r->netdev);
	} else {
		netif_carrier_off(r->netdev);
	}
}

static bool for_tunnels(u8 type)
{
	return type == AGL_CMSG_NO_NEIGH || type == AGL_CMSG_NO_NEIGH_V6 ||
	       type == AGL_CMSG_ACTIVE_TUNS || type == AGL_CMSG_ACTIVE_TUNS_V6;
}

/**
 * agl_cmsg_rx - a message from the firmware, in softirq
 * @vnic: control vNIC
 * @skb: head and body; freed here
 */
void agl_cmsg_rx(struct agl_vnic *vnic, struct sk_buff *skb)
{
	struct agl_cmsg_head *h = (void *)skb->data;
	struct agilio *agl = vnic->priv;
	void *body = skb->data + sizeof(*h);
	int len = skb->len - sizeof(*h);

	if (len < 0 || h->version != AGL_CMSG_VERSION)
		goto bad;
	rcu_read_lock();
	if (h->type == AGL_CMSG_PORT_REIFY &&
	    len >= sizeof(struct agl_port_reify))
		rx_reify(agl, body);
	else if (h->type == AGL_CMSG_PORT_MOD &&
		 len >= sizeof(struct agl_port_mod))
		rx_port_mod(agl, body);
	else if (h->type == AGL_CMSG_FLOW_STATS)
		agl_stats_rx(agl, body, len / sizeof(struct agl_flow_stats));
	rcu_read_unlock();
	if (for_tunnels(h->type))
		agl_tunnels_rx(agl, skb);
	else
		dev_consume_skb_any(skb);
	return;

bad:
	dev_warn_ratelimited(&agl->pdev->dev, "malformed message, %u bytes\n",
			     skb->len);
	dev_kfree_skb_any(skb);
}

/**
 * agl_cmsg_reify - tell the firmware that a representor exists, or no more
 * @agl: card
 * @repr: which
 * @exists: or not
 *
 * Return: 0, -ENOMEM.
 */
int agl_cmsg_reify(struct agilio *agl, struct agl_repr *repr, bool exists)
{
	struct agl_port_reify m = {
		.port = cpu_to_be32(repr->id),
		.info = cpu_to_be16(exists ? AGL_REIFY_EXISTS : 0),
	};

	return agl_cmsg_send(agl, AGL_CMSG_PORT_REIFY, &m, sizeof(m));
}

/**
 * agl_cmsg_reify_wait - wait for the firmware's answer
 * @agl: card
 * @repr: which
 *
 * Return: 0, -ETIMEDOUT.
 */
int agl_cmsg_reify_wait(struct agilio *agl, struct agl_repr *repr)
{
	if (wait_event_timeout(agl->reply, READ_ONCE(repr->reified),
			       msecs_to_jiffies(REPLY_TIMEOUT_MS)))
		return 0;
	dev_err(&agl->pdev->dev, "firmware does not answer for port 0x%08x\n",
		repr->id);
	return -ETIMEDOUT;
}

/**
 * agl_cmsg_port_mod - tell the firmware a port's admin state
 * @repr: its representor
 * @info: AGL_PORT_MOD_
 * @mtu: L3 bytes
 *
 * Return: 0, -ENOMEM.
 */
int agl_cmsg_port_mod(struct agl_repr *repr, u8 info, unsigned int mtu)
{
	struct agl_port_mod m = {
		.port = cpu_to_be32(repr->id),
		.info = info,
		.mtu = cpu_to_be16(mtu),
	};

	return agl_cmsg_send(repr->agl, AGL_CMSG_PORT_MOD, &m, sizeof(m));
}

/**
 * agl_cmsg_port_mtu - change a physical port's MTU
 * @repr: its representor
 * @mtu: L3 bytes
 *
 * Return: 0, -ETIMEDOUT if the firmware doesn't take it.
 */
int agl_cmsg_port_mtu(struct agl_repr *repr, unsigned int mtu)
{
	u8 info = AGL_PORT_MOD_MTU_ONLY |
		  (netif_carrier_ok(repr->netdev) ? AGL_PORT_MOD_LINK : 0);
	int err;

	WRITE_ONCE(repr->mtu_acked, 0);
	err = agl_cmsg_port_mod(repr, info, mtu);
	if (err)
		return err;
	if (wait_event_timeout(repr->agl->reply,
			       READ_ONCE(repr->mtu_acked) == (MTU_ACKED | mtu),
			       msecs_to_jiffies(REPLY_TIMEOUT_MS)))
		return 0;
	return -ETIMEDOUT;
}

/**
 * agl_cmsg_mac_repr - announce the physical ports; link states come back
 * @agl: card, its physical representors reified
 *
 * Return: 0, -ENOMEM.
 */
int agl_cmsg_mac_repr(struct agilio *agl)
{
	struct agl_mac_repr *m;
	unsigned int i;
	size_t len;
	int err;

	len = struct_size(m, entry, agl->eth.count);
	m = kzalloc(len, GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->count = agl->eth.count;
	for (i = 0; i < agl->eth.count; i++) {
		m->entry[i].idx = i;
		m->entry[i].nbi = agl->eth.port[i].nbi;
		m->entry[i].base = agl->eth.port[i].base;
		m->entry[i].port = agl->eth.port[i].index;
	}
	err = agl_cmsg_send(agl, AGL_CMSG_MAC_REPR, m, len);
	kfree(m);
	return err;
}
