// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flower application: is it there, what can it do, its control vNIC.
 * 03-flower.md sections 1 and 10.
 */
#include <linux/iopoll.h>

#include "../agilio.h"

#define FEATURES_KNOWN		GENMASK_ULL(12, 0)
#define ACK_POLL_US		1000
#define ACK_TIMEOUT_US		(100 * USEC_PER_MSEC)

static u64 combined_features(struct agilio *agl)
{
	u64 v = 0;

	agl_rtsym_value(&agl->chip, AGL_SYM_COMBINED, &v);
	return v;
}

static int agree_features(struct agilio *agl)
{
	struct device *dev = &agl->pdev->dev;
	u64 offered = 0, seen;
	int err;

	agl_rtsym_value(&agl->chip, AGL_SYM_FEATURES, &offered);
	agl->features = offered & FEATURES_KNOWN;
	err = agl_rtsym_write(&agl->chip, AGL_SYM_HOST_MASK,
			      agl->features | AGL_FEAT_HOST_ACK);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (read_poll_timeout(combined_features, seen, seen & AGL_FEAT_HOST_ACK,
			      ACK_POLL_US, ACK_TIMEOUT_US, false, agl))
		dev_warn(dev, "firmware did not acknowledge our features\n");
	return 0;
}

static int check_app(struct agilio *agl)
{
	struct device *dev = &agl->pdev->dev;
	u64 id = 1, version = 0;

	agl_rtsym_value(&agl->chip, AGL_SYM_APP_ID, &id);
	agl_rtsym_value(&agl->chip, AGL_SYM_FLOWER_VERSION, &version);
	if (id != AGL_APP_FLOWER) {
		dev_err(dev, "firmware %s is application %llu, not flower\n",
			agl->chip.fw_name, id);
		return -EINVAL;
	}
	if (version != AGL_FLOWER_VERSION) {
		dev_err(dev, "flower version 0x%llx is not supported\n", version);
		return -EINVAL;
	}
	return 0;
}

/**
 * agl_app_init - see that the firmware is flower and agree on features
 * @agl: card with firmware running
 *
 * Return: 0, -EINVAL if the firmware is another one, errors of its symbols.
 */
int agl_app_init(struct agilio *agl)
{
	int err;

	agl_cmsg_init(agl);
	err = check_app(agl);
	if (!err)
		err = agree_features(agl);
	return err;
}

static const struct agl_vnic_ops ctrl_ops = {
	.rx = agl_cmsg_rx,
};

static int lag_reset(struct agilio *agl)
{
	struct agl_lag_config m = {
		.flags = AGL_LAG_FIRST | AGL_LAG_RESET | AGL_LAG_SWITCH |
			 AGL_LAG_LAST,
		.ttl = AGL_LAG_TTL,
		.pkt_number = cpu_to_be32(1),
		.batch_ver = cpu_to_be32(4),
	};

	/* Groups of an earlier driver: there is no such thing without the symbol */
	if (agl_rtsym_write(&agl->chip, AGL_SYM_LAG_ENABLE, 1))
		return 0;
	return agl_cmsg_send(agl, AGL_CMSG_LAG_CONFIG, &m, sizeof(m));
}

/**
 * agl_app_start - open the control vNIC
 * @agl: ctrl_bar and qc are mapped, interrupts allocated
 *
 * Return: 0, -ENOMEM, errors of the vNIC.
 */
int agl_app_start(struct agilio *agl)
{
	struct agl_vnic *v = &agl->ctrl;
	int err;

	agl->ctrl_dev = alloc_netdev_dummy(0);
	if (!agl->ctrl_dev)
		return -ENOMEM;
	v->pdev = agl->pdev;
	v->chip = &agl->chip;
	v->netdev = agl->ctrl_dev;
	v->ops = &ctrl_ops;
	v->priv = agl;
	v->cb = agl->ctrl_bar.io;
	v->qc = agl->qc.io;
	v->control = true;
	v->queues = AGL_QC_QUEUES;
	v->max_rings = 1;
	v->first_entry = 0;
	err = agl_vnic_init(v);
	if (!err)
		err = agl_vnic_open(v);
	if (err)
		goto err_free;
	err = lag_reset(agl);
	if (err)
		goto err_close;
	return 0;

err_close:
	agl_vnic_close(v);
err_free:
	agl_vnic_exit(v);
	free_netdev(agl->ctrl_dev);
	return err;
}

/**
 * agl_app_stop - close the control vNIC
 * @agl: card
 */
void agl_app_stop(struct agilio *agl)
{
	agl_cmsg_flush(agl);
	cancel_delayed_work_sync(&agl->revive);
	agl_vnic_close(&agl->ctrl);
	agl_vnic_exit(&agl->ctrl);
	free_netdev(agl->ctrl_dev);
}
