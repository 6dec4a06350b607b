// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages: transport, and answers.
 * 03-flower.md section 3.
 */
#include "../agilio.h"

/* As long as a reconfiguration may take */
#define REPLY_TIMEOUT_MS	5000
/* And one that has not answered before */
#define REPLY_DOUBT_MS		100
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
 * there, so that the card gets to know everything when it moves again, or is
 * there again; after something was lost it gets nothing any more.
 */
void agl_cmsg_xmit(struct agilio *agl, u8 type, struct sk_buff *skb)
{
	struct agl_cmsg_head *h = skb_push(skb, sizeof(*h));

	h->pad = 0;
	h->type = type;
	h->version = AGL_CMSG_VERSION;
	/* Many rules can leave at once: as long as the queue moves they all fit */
	if (skb_queue_len_lockless(&agl->ctrl.backlog) >= BACKLOG_LIMIT &&
	    agl_chip_known_dead(&agl->chip, AGL_FAULT_QUEUE))
		agl_chip_fault(&agl->chip, AGL_FAULT_LOST);
	if (agl_chip_noted(&agl->chip, AGL_FAULT_LOST))
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

/**
 * agl_cmsg_answered - the firmware has answered to what was asked of it
 * @agl: card
 *
 * The answer has been noted where agl_cmsg_await() looks for it.
 */
void agl_cmsg_answered(struct agilio *agl)
{
	agl_chip_mended(&agl->chip, AGL_FAULT_REPLY);
	wake_up_all(&agl->reply);
}

/**
 * agl_cmsg_init - before the control vNIC is opened
 * @agl: card
 */
void agl_cmsg_init(struct agilio *agl)
{
	init_waitqueue_head(&agl->reply);
	INIT_DELAYED_WORK(&agl->revive, cmsg_revive);
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
 * agl_cmsg_await - wait for an answer of the firmware
 * @agl: card
 * @said: where it is noted
 * @want: what it shall be
 *
 * A firmware that has not answered before gets little time; one that takes no
 * messages none.
 *
 * Return: 0, -ETIMEDOUT, -EINTR.
 */
int agl_cmsg_await(struct agilio *agl, const u32 *said, u32 want)
{
	bool doubt = agl_chip_known_dead(&agl->chip, AGL_FAULT_REPLY);
	long left = msecs_to_jiffies(doubt ? REPLY_DOUBT_MS : REPLY_TIMEOUT_MS);

	if (agl_chip_known_dead(&agl->chip, AGL_FAULT_QUEUE))
		return READ_ONCE(*said) == want ? 0 : -ETIMEDOUT;
	left = wait_event_killable_timeout(agl->reply, READ_ONCE(*said) == want,
					   left);
	if (left)
		return left < 0 ? -EINTR : 0;
	/* Perhaps just its interrupt was lost */
	agl_tx_control_poke(&agl->ctrl);
	if (READ_ONCE(*said) == want)
		return 0;
	agl_chip_fault(&agl->chip, AGL_FAULT_REPLY);
	return -ETIMEDOUT;
}
