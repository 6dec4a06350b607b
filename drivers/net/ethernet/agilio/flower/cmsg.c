// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages: transport, and the messages about ports.
 * 03-flower.md section 3.
 */
#include "../agilio.h"

/* As long as a reconfiguration may take */
#define REPLY_TIMEOUT_MS	5000
#define MTU_ACKED		BIT(31)
/* A queue that doesn't move for so long stands still */
#define ROOM_TIMEOUT_MS		3000
#define REVIVE_MS		1000
/* Of a queue that stands still: deletions wait in it, whatever their number */
#define BACKLOG_LIMIT		32768
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
 * It is on its way after agl_cmsg_kick(). While the queue stands still it waits
 * there, so that the card gets to know everything when it moves again; a card
 * that is gone gets nothing.
 */
void agl_cmsg_xmit(struct agilio *agl, u8 type, struct sk_buff *skb)
{
	struct agl_cmsg_head *h = skb_push(skb, sizeof(*h));

	h->pad = 0;
	h->type = type;
	h->version = AGL_CMSG_VERSION;
	if (skb_queue_len_lockless(&agl->ctrl.backlog) >= BACKLOG_LIMIT)
		agl_chip_fault(&agl->chip, AGL_FAULT_LOST);
	if (agl_chip_known_dead(&agl->chip, AGL_FAULT_LOST))
		dev_kfree_skb_any(skb);
	else
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

static void cmsg_revive(struct work_struct *work)
{
	struct agilio *agl = container_of(to_delayed_work(work), struct agilio,
					  revive);

	if (agl_tx_control_done(&agl->ctrl) != agl->stuck_at) {
		agl_chip_mended(&agl->chip, AGL_FAULT_QUEUE);
		return;
	}
	agl_tx_control_poke(&agl->ctrl);
	schedule_delayed_work(&agl->revive, msecs_to_jiffies(REVIVE_MS));
}

/* From now on nobody waits for it, until it has moved on from here */
static void cmsg_stuck(struct agilio *agl, u32 at)
{
	WRITE_ONCE(agl->stuck_at, at);
	agl_chip_fault(&agl->chip, AGL_FAULT_QUEUE);
	schedule_delayed_work(&agl->revive, 0);
}

static bool cmsg_answer_is_known(struct agilio *agl)
{
	return agl_chip_known_dead(&agl->chip, AGL_FAULT_QUEUE) ||
	       agl_tx_control_room(&agl->ctrl);
}

/**
 * agl_cmsg_room - wait until the card keeps up with the messages
 * @agl: card
 *
 * One that doesn't is waited for once.
 *
 * Return: 0, -ETIMEDOUT if it takes none, -EINTR. Can sleep.
 */
int agl_cmsg_room(struct agilio *agl)
{
	u32 done;
	long left;

	if (agl_chip_known_dead(&agl->chip, AGL_FAULT_LOST))
		return -ETIMEDOUT;
	while (!cmsg_answer_is_known(agl)) {
		done = agl_tx_control_done(&agl->ctrl);
		left = wait_event_killable_timeout(agl->ctrl.room,
						   cmsg_answer_is_known(agl),
						   msecs_to_jiffies(ROOM_TIMEOUT_MS));
		if (left < 0)
			return -EINTR;
		if (!left && done == agl_tx_control_done(&agl->ctrl))
			cmsg_stuck(agl, done);
	}
	return agl_tx_control_room(&agl->ctrl) ? 0 : -ETIMEDOUT;
}

static bool cmsg_is_flushed(struct agilio *agl)
{
	return agl_chip_known_dead(&agl->chip, AGL_FAULT_QUEUE) ||
	       skb_queue_empty_lockless(&agl->ctrl.backlog);
}

/**
 * agl_cmsg_flush - wait until the ring has all messages
 * @agl: card
 */
void agl_cmsg_flush(struct agilio *agl)
{
	wait_event_timeout(agl->ctrl.room, cmsg_is_flushed(agl),
			   msecs_to_jiffies(ROOM_TIMEOUT_MS));
	if (!skb_queue_empty_lockless(&agl->ctrl.backlog))
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

/**
 * agl_cmsg_handle - who takes a kind of messages
 * @agl: card; its control vNIC isn't open
 * @type: AGL_CMSG_
 * @fn: is called in softirq; the skb, head and body, is its own
 */
void agl_cmsg_handle(struct agilio *agl, u8 type, agl_cmsg_handler fn)
{
	agl->handle[type] = fn;
}

/**
 * agl_cmsg_body - what follows the head of a message
 * @skb: as agl_cmsg_handle() gives it
 * @len: is set to its bytes
 *
 * Return: its first byte.
 */
const void *agl_cmsg_body(const struct sk_buff *skb, size_t *len)
{
	*len = skb->len - sizeof(struct agl_cmsg_head);
	return skb->data + sizeof(struct agl_cmsg_head);
}

static void rx_reply(struct agilio *agl)
{
	agl_chip_mended(&agl->chip, AGL_FAULT_REPLY);
	wake_up_all(&agl->reply);
}

static void rx_reify(struct agilio *agl, struct sk_buff *skb)
{
	const struct agl_port_reify *m;
	struct agl_port *port;
	size_t len;

	m = agl_cmsg_body(skb, &len);
	rcu_read_lock();
	port = len >= sizeof(*m) ? agl_port_find(agl, be32_to_cpu(m->port)) : NULL;
	if (port) {
		WRITE_ONCE(port->reified,
			   !!(be16_to_cpu(m->info) & AGL_REIFY_EXISTS));
		rx_reply(agl);
	}
	rcu_read_unlock();
	dev_consume_skb_any(skb);
}

/* Under RCU */
static void port_modified(struct agl_port *port, const struct agl_port_mod *m)
{
	if (m->info & AGL_PORT_MOD_MTU_ONLY) {
		WRITE_ONCE(port->mtu_acked, MTU_ACKED | be16_to_cpu(m->mtu));
		rx_reply(port->agl);
	} else if (m->info & AGL_PORT_MOD_LINK) {
		netif_carrier_on(port->netdev);
	} else {
		netif_carrier_off(port->netdev);
	}
}

static void rx_port_mod(struct agilio *agl, struct sk_buff *skb)
{
	const struct agl_port_mod *m;
	struct agl_port *port;
	size_t len;

	m = agl_cmsg_body(skb, &len);
	rcu_read_lock();
	port = len >= sizeof(*m) ? agl_port_find(agl, be32_to_cpu(m->port)) : NULL;
	if (port)
		port_modified(port, m);
	rcu_read_unlock();
	dev_consume_skb_any(skb);
}

/**
 * agl_cmsg_init - before the control vNIC is opened
 * @agl: card
 */
void agl_cmsg_init(struct agilio *agl)
{
	init_waitqueue_head(&agl->reply);
	INIT_DELAYED_WORK(&agl->revive, cmsg_revive);
	agl_cmsg_handle(agl, AGL_CMSG_PORT_REIFY, rx_reify);
	agl_cmsg_handle(agl, AGL_CMSG_PORT_MOD, rx_port_mod);
}

/**
 * agl_cmsg_rx - a message from the firmware, in softirq
 * @vnic: control vNIC
 * @skb: head and body; it is gone after the call
 */
void agl_cmsg_rx(struct agl_vnic *vnic, struct sk_buff *skb)
{
	struct agl_cmsg_head *h = (void *)skb->data;
	struct agilio *agl = vnic->priv;

	if (skb->len < sizeof(*h) || h->version != AGL_CMSG_VERSION)
		goto bad;
	if (h->type < AGL_CMSG_TYPES && agl->handle[h->type])
		agl->handle[h->type](agl, skb);
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
 * @port: which
 * @exists: or not
 *
 * Return: 0, -ENOMEM.
 */
int agl_cmsg_reify(struct agilio *agl, struct agl_port *port, bool exists)
{
	struct agl_port_reify m = {
		.port = cpu_to_be32(port->id),
		.info = cpu_to_be16(exists ? AGL_REIFY_EXISTS : 0),
	};

	return agl_cmsg_send(agl, AGL_CMSG_PORT_REIFY, &m, sizeof(m));
}

static bool port_is_reified(const struct agl_port *port, u32 unused)
{
	return READ_ONCE(port->reified);
}

static bool port_mtu_is(const struct agl_port *port, u32 acked)
{
	return READ_ONCE(port->mtu_acked) == acked;
}

/* A firmware that is known not to answer isn't waited for */
static int cmsg_await(struct agl_port *port,
		      bool (*said)(const struct agl_port *port, u32 what), u32 what)
{
	struct agilio *agl = port->agl;
	long left;

	if (agl_chip_known_dead(&agl->chip, AGL_FAULT_QUEUE) ||
	    agl_chip_known_dead(&agl->chip, AGL_FAULT_REPLY))
		return said(port, what) ? 0 : -ETIMEDOUT;
	left = wait_event_killable_timeout(agl->reply, said(port, what),
					   msecs_to_jiffies(REPLY_TIMEOUT_MS));
	if (left)
		return left < 0 ? -EINTR : 0;
	/* Perhaps just its interrupt was lost */
	agl_tx_control_poke(&agl->ctrl);
	if (said(port, what))
		return 0;
	agl_chip_fault(&agl->chip, AGL_FAULT_REPLY);
	return -ETIMEDOUT;
}

/**
 * agl_cmsg_reify_wait - wait for the firmware's answer
 * @agl: card
 * @port: which
 *
 * Return: 0, -ETIMEDOUT, -EINTR.
 */
int agl_cmsg_reify_wait(struct agilio *agl, struct agl_port *port)
{
	int err = cmsg_await(port, port_is_reified, 0);

	if (err)
		dev_err(&agl->pdev->dev,
			"firmware does not answer for port 0x%08x\n", port->id);
	return err;
}

/**
 * agl_cmsg_port_mod - tell the firmware a port's admin state
 * @port: which
 * @info: AGL_PORT_MOD_
 * @mtu: L3 bytes
 *
 * Return: 0, -ENOMEM.
 */
int agl_cmsg_port_mod(struct agl_port *port, u8 info, unsigned int mtu)
{
	struct agl_port_mod m = {
		.port = cpu_to_be32(port->id),
		.info = info,
		.mtu = cpu_to_be16(mtu),
	};

	return agl_cmsg_send(port->agl, AGL_CMSG_PORT_MOD, &m, sizeof(m));
}

/**
 * agl_cmsg_port_mtu - change a physical port's MTU
 * @port: which
 * @mtu: L3 bytes
 *
 * Return: 0, -ETIMEDOUT if the firmware doesn't take it, -EINTR.
 */
int agl_cmsg_port_mtu(struct agl_port *port, unsigned int mtu)
{
	u8 info = AGL_PORT_MOD_MTU_ONLY |
		  (netif_carrier_ok(port->netdev) ? AGL_PORT_MOD_LINK : 0);
	int err;

	WRITE_ONCE(port->mtu_acked, 0);
	err = agl_cmsg_port_mod(port, info, mtu);
	if (err)
		return err;
	return cmsg_await(port, port_mtu_is, MTU_ACKED | mtu);
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
