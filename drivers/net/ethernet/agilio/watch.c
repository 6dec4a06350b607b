// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the card there? What is written to one that isn't gets lost without a
 * word, doorbells as well. When it answers again, and has not been reset, all
 * that it missed is told.
 */
#include "agilio.h"

#define WATCH_DELAY	HZ

/* Its rules and tunnels are as they were: messages of that time are all kept */
static void watch_catch_up(struct agilio *agl)
{
	if (!agl_bar_kept(&agl->ctrl) || agl_vnic_again(&agl->ctrl)) {
		agl_chip_fault(&agl->chip, AGL_FAULT_LOST);
		return;
	}
	agl_vnic_dev_again(agl->netdev);
}

static void watch_work(struct work_struct *work)
{
	struct agilio *agl = container_of(to_delayed_work(work), struct agilio,
					  watch);

	if (agl_chip_dead(&agl->chip, AGL_FAULT_GONE) &&
	    agl_chip_back(&agl->chip))
		watch_catch_up(agl);
	agl_ports_again(agl);
	schedule_delayed_work(&agl->watch, WATCH_DELAY);
}

/**
 * agl_watch_start - look after the card from now on
 * @agl: card with all its netdevs
 */
void agl_watch_start(struct agilio *agl)
{
	INIT_DELAYED_WORK(&agl->watch, watch_work);
	schedule_delayed_work(&agl->watch, WATCH_DELAY);
}

/**
 * agl_watch_stop - no more
 * @agl: card; rtnl isn't held
 */
void agl_watch_stop(struct agilio *agl)
{
	cancel_delayed_work_sync(&agl->watch);
}
