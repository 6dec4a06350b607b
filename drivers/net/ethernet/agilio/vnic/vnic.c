// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vNIC as a state machine. Rings are prepared without the card, filled with
 * buffers. Starting makes the card use them and then lets NAPI in; stopping
 * takes NAPI and the senders away first, as the card sets its queue pointers
 * to 0 when it stops (02-vnic.md section 3.4). What the card may still write to
 * is not freed. 02-vnic.md section 13.
 */
#include "vnic.h"

#define RESET_DELAY	HZ

static void vnic_link_work(struct work_struct *work)
{
	struct agl_vnic *vnic = container_of(work, struct agl_vnic, link_work);

	if (vnic->ops->link)
		vnic->ops->link(vnic, readw(vnic->cb + AGL_CB_STS) &
				AGL_CB_STS_LINK);
}

static int vnic_poll(struct napi_struct *napi, int budget)
{
	struct agl_ring_vec *vec = container_of(napi, struct agl_ring_vec, napi);
	int done;

	agl_tx_complete(vec, budget);
	done = budget ? agl_rx_poll(vec, budget) : 0;
	if (done < budget && napi_complete_done(napi, done))
		agl_vnic_unmask(vec->vnic, vec->entry);
	return done;
}

static irqreturn_t vnic_ring_irq(int irq, void *data)
{
	struct agl_ring_vec *vec = data;

	napi_schedule_irqoff(&vec->napi);
	return IRQ_HANDLED;
}

static irqreturn_t vnic_link_irq(int irq, void *data)
{
	struct agl_vnic *vnic = data;

	schedule_work(&vnic->link_work);
	agl_vnic_unmask(vnic, vnic->first_entry);
	return IRQ_HANDLED;
}

static void vnic_retry_timer(struct timer_list *t)
{
	struct agl_ring_vec *vec = container_of(t, struct agl_ring_vec, retry);

	napi_schedule(&vec->napi);
}

static int vnic_ring_irq_number(const struct agl_ring_vec *vec)
{
	return pci_irq_vector(vec->vnic->pdev, vec->entry);
}

static int vnic_request_irqs(struct agl_vnic *vnic, struct agl_rings *rings)
{
	const char *name = vnic->control ? pci_name(vnic->pdev) :
					   netdev_name(vnic->netdev);
	unsigned int i;
	int err;

	for (i = 0; i < rings->count; i++) {
		struct agl_ring_vec *vec = &rings->vec[i];

		snprintf(vec->name, sizeof(vec->name), "%s-%s%u", name,
			 vnic->control ? "ctrl" : "rxtx", i);
		err = request_irq(vnic_ring_irq_number(vec), vnic_ring_irq, 0,
				  vec->name, vec);
		if (err)
			goto err_free;
	}
	if (vnic->control)
		return 0;
	snprintf(vnic->link_name, sizeof(vnic->link_name), "%s-link", name);
	err = request_irq(pci_irq_vector(vnic->pdev, vnic->first_entry),
			  vnic_link_irq, 0, vnic->link_name, vnic);
	if (!err)
		return 0;
err_free:
	while (i--)
		free_irq(vnic_ring_irq_number(&rings->vec[i]), &rings->vec[i]);
	return err;
}

static void vnic_free_irqs(struct agl_vnic *vnic, struct agl_rings *rings)
{
	unsigned int i;

	for (i = 0; i < rings->count; i++)
		free_irq(vnic_ring_irq_number(&rings->vec[i]), &rings->vec[i]);
	if (!vnic->control)
		free_irq(pci_irq_vector(vnic->pdev, vnic->first_entry), vnic);
	cancel_work_sync(&vnic->link_work);
}

static void vnic_queue_napi(struct agl_vnic *vnic, struct agl_ring_vec *vec,
			    struct napi_struct *napi)
{
	if (vnic->control)
		return;
	netif_queue_set_napi(vnic->netdev, vec->index, NETDEV_QUEUE_TYPE_RX,
			     napi);
	netif_queue_set_napi(vnic->netdev, vec->index, NETDEV_QUEUE_TYPE_TX,
			     napi);
}

/* Until it is enabled nothing schedules a NAPI */
static void vnic_napi_add(struct agl_vnic *vnic, struct agl_rings *rings)
{
	unsigned int i;

	for (i = 0; i < rings->count; i++) {
		struct agl_ring_vec *vec = &rings->vec[i];

		timer_setup(&vec->retry, vnic_retry_timer, 0);
		netif_napi_add(vnic->netdev, &vec->napi, vnic_poll);
		netif_napi_set_irq(&vec->napi, vnic_ring_irq_number(vec));
		vnic_queue_napi(vnic, vec, &vec->napi);
	}
}

static void vnic_napi_del(struct agl_vnic *vnic, struct agl_rings *rings)
{
	unsigned int i;

	for (i = 0; i < rings->count; i++) {
		vnic_queue_napi(vnic, &rings->vec[i], NULL);
		__netif_napi_del(&rings->vec[i].napi);
	}
	synchronize_net();
}

static void vnic_publish(struct agl_vnic *vnic, struct agl_rings *rings)
{
	spin_lock_bh(&vnic->tx_lock);
	WRITE_ONCE(vnic->rings, rings);
	/* Messages for an open vNIC outlive its rings */
	if (!vnic->users)
		__skb_queue_purge(&vnic->backlog);
	spin_unlock_bh(&vnic->tx_lock);
	wake_up_all(&vnic->room);
}

/* Readers and senders of the rings, from here on there are some */
static void vnic_let_in(struct agl_vnic *vnic, struct agl_rings *rings)
{
	unsigned int i;

	for (i = 0; i < rings->count; i++)
		agl_rx_announce(&rings->vec[i]);
	for (i = 0; i < rings->count; i++)
		napi_enable(&rings->vec[i].napi);
	/* What was signalled before NAPI was there stays masked till a poll */
	local_bh_disable();
	for (i = 0; i < rings->count; i++)
		napi_schedule(&rings->vec[i].napi);
	local_bh_enable();
	vnic_publish(vnic, rings);
	if (vnic->control)
		return;
	schedule_work(&vnic->link_work);
	netif_tx_wake_all_queues(vnic->netdev);
}

/* No reader and no sender, when it returns */
static void vnic_keep_out(struct agl_vnic *vnic, struct agl_rings *rings)
{
	unsigned int i;

	if (!vnic->control)
		netif_tx_disable(vnic->netdev);
	for (i = 0; i < rings->count; i++)
		napi_disable(&rings->vec[i].napi);
	/* A completion may have woken a queue */
	if (!vnic->control)
		netif_tx_disable(vnic->netdev);
	vnic_publish(vnic, NULL);
	if (vnic->control && vnic->users)
		agl_tx_control_keep(&rings->vec[0]);
	/* Who finds rings may have started it */
	for (i = 0; i < rings->count; i++)
		timer_delete_sync(&rings->vec[i].retry);
}

/*
 * Make the card use @rings.
 * Return: 0; without being AGL_VNIC_DEAD then, the rings are the caller's again.
 */
static int vnic_start(struct agl_vnic *vnic, struct agl_rings *rings)
{
	int err = 0;

	if (!vnic->control)
		err = netif_set_real_num_queues(vnic->netdev, rings->count,
						rings->count);
	if (err)
		return err;
	vnic_napi_add(vnic, rings);
	err = vnic_request_irqs(vnic, rings);
	if (err)
		goto err_napi;
	err = agl_bar_enable(vnic, rings);
	if (err)
		goto err_disable;
	vnic->cfg = rings->cfg;
	vnic_let_in(vnic, rings);
	return 0;

err_disable:
	if (agl_bar_disable(vnic))
		vnic->kept = rings;
	vnic_free_irqs(vnic, rings);
err_napi:
	vnic_napi_del(vnic, rings);
	return err;
}

/* Return: 0; or the vNIC is AGL_VNIC_DEAD and keeps its rings */
static int vnic_stop(struct agl_vnic *vnic)
{
	struct agl_rings *rings = vnic->rings;
	unsigned int i;
	int err;

	vnic_keep_out(vnic, rings);
	err = agl_bar_disable(vnic);
	vnic_free_irqs(vnic, rings);
	vnic_napi_del(vnic, rings);
	for (i = 0; !vnic->control && i < rings->count; i++)
		netdev_tx_reset_queue(netdev_get_tx_queue(vnic->netdev, i));
	if (err)
		vnic->kept = rings;
	return err;
}

/* A late answer is as good as one in time: the card has let go then */
static int vnic_revive(struct agl_vnic *vnic)
{
	if (!agl_bar_answered(vnic) || agl_bar_disable(vnic)) {
		dev_err(&vnic->pdev->dev,
			"the card has not answered: nothing but a reload of the driver helps\n");
		return -EIO;
	}
	if (vnic->kept)
		agl_rings_release(vnic->kept);
	vnic->kept = NULL;
	return 0;
}

static int vnic_up(struct agl_vnic *vnic)
{
	struct agl_rings *rings;
	int err;

	if (vnic->state == AGL_VNIC_DEAD) {
		err = vnic_revive(vnic);
		if (err)
			return err;
	}
	rings = agl_rings_prepare(vnic, &vnic->cfg);
	if (IS_ERR(rings))
		return PTR_ERR(rings);
	err = vnic_start(vnic, rings);
	if (err && vnic->kept != rings)
		agl_rings_release(rings);
	return err;
}

/**
 * agl_vnic_open - one more user of a vNIC
 * @vnic: initialised; rtnl is held, if it isn't the control vNIC
 *
 * The first one starts it. A vNIC that could not be started again after a
 * change is started by the next user.
 *
 * Return: 0, -ENOMEM, errors of the interrupts or of agl_vnic_update().
 */
int agl_vnic_open(struct agl_vnic *vnic)
{
	int err;

	if (vnic->state != AGL_VNIC_UP) {
		err = vnic_up(vnic);
		if (err)
			return err;
	}
	vnic->users++;
	return 0;
}

/**
 * agl_vnic_close - one user less
 * @vnic: an open one; rtnl is held, if it isn't the control vNIC
 *
 * The last one stops it: no DMA happens after that.
 */
void agl_vnic_close(struct agl_vnic *vnic)
{
	struct agl_rings *rings = vnic->rings;

	if (vnic->users && --vnic->users)
		return;
	if (vnic->state == AGL_VNIC_UP && !vnic_stop(vnic))
		agl_rings_release(rings);
}

static int vnic_swap(struct agl_vnic *vnic, struct agl_rings *rings)
{
	struct agl_rings *old = vnic->rings;
	int err, again;

	err = vnic_stop(vnic);
	if (err) {
		agl_rings_release(rings);
		return err;
	}
	err = vnic_start(vnic, rings);
	if (!err) {
		agl_rings_release(old);
		return 0;
	}
	if (vnic->kept != rings)
		agl_rings_release(rings);
	again = vnic->state == AGL_VNIC_DEAD ? err : vnic_start(vnic, old);
	if (!again)
		return err;
	if (vnic->kept != old)
		agl_rings_release(old);
	dev_err(&vnic->pdev->dev, "neither new nor old rings could be started: %pe\n",
		ERR_PTR(again));
	return err;
}

/**
 * agl_vnic_reconfigure - other rings for a vNIC
 * @vnic: vNIC, running or not; rtnl is held
 * @cfg: what they are for; that of now starts it anew
 *
 * If they can't be had or started, the old ones go on. If not even that works
 * the vNIC isn't AGL_VNIC_UP any more when this returns.
 *
 * Return: 0, -ENOMEM, errors of the interrupts or of agl_vnic_update().
 */
int agl_vnic_reconfigure(struct agl_vnic *vnic,
			 const struct agl_vnic_config *cfg)
{
	struct agl_rings *rings;
	int err;

	if (vnic->state != AGL_VNIC_UP) {
		err = netif_set_real_num_queues(vnic->netdev, cfg->rings,
						cfg->rings);
		if (!err)
			vnic->cfg = *cfg;
		return err;
	}
	rings = agl_rings_prepare(vnic, cfg);
	if (IS_ERR(rings))
		return PTR_ERR(rings);
	return vnic_swap(vnic, rings);
}

/**
 * agl_vnic_again - start a vNIC anew of which the card may know less than we do
 * @vnic: vNIC in any state; rtnl is held, if it isn't the control vNIC
 *
 * Nothing happens if it has no user. The control vNIC's messages are sent by the
 * new rings.
 *
 * Return: 0, -EIO if the card doesn't answer, errors of agl_vnic_reconfigure().
 */
int agl_vnic_again(struct agl_vnic *vnic)
{
	struct agl_vnic_config cfg = vnic->cfg;

	if (!agl_bar_answered(vnic))
		return -EIO;
	if (vnic->state == AGL_VNIC_UP)
		return agl_vnic_reconfigure(vnic, &cfg);
	return vnic->users ? vnic_up(vnic) : 0;
}

static void vnic_reset_work(struct work_struct *work)
{
	struct agl_vnic *vnic = container_of(to_delayed_work(work),
					     struct agl_vnic, reset_work);

	if (vnic->ops->reset)
		vnic->ops->reset(vnic);
}

/**
 * agl_vnic_suspect - card and driver are out of step: start the vNIC anew, soon
 * @vnic: vNIC; any context
 */
void agl_vnic_suspect(struct agl_vnic *vnic)
{
	schedule_delayed_work(&vnic->reset_work, RESET_DELAY);
}

/**
 * agl_vnic_init - learn what a vNIC offers and put it into a known state
 * @vnic: pdev, netdev, ops, cb, qc, queues and max_rings are set
 *
 * Return: 0, -EINVAL if the firmware is too different, errors of
 * agl_vnic_update().
 */
int agl_vnic_init(struct agl_vnic *vnic)
{
	unsigned int i;

	mutex_init(&vnic->reconfig_lock);
	spin_lock_init(&vnic->tx_lock);
	INIT_WORK(&vnic->link_work, vnic_link_work);
	INIT_DELAYED_WORK(&vnic->reset_work, vnic_reset_work);
	__skb_queue_head_init(&vnic->backlog);
	init_waitqueue_head(&vnic->room);
	for (i = 0; i < AGL_MAX_RINGS; i++) {
		u64_stats_init(&vnic->stats[i].tx.sync);
		u64_stats_init(&vnic->stats[i].rx.sync);
	}
	return agl_bar_init(vnic);
}

/**
 * agl_vnic_exit - the end of a vNIC
 * @vnic: from agl_vnic_init(), closed
 *
 * If the card never said that it stopped, it can't reach the host's memory any
 * more after that.
 */
void agl_vnic_exit(struct agl_vnic *vnic)
{
	cancel_delayed_work_sync(&vnic->reset_work);
	cancel_work_sync(&vnic->link_work);
	if (!vnic->kept)
		return;
	pci_clear_master(vnic->pdev);
	agl_rings_release(vnic->kept);
	vnic->kept = NULL;
}
