// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical ports on and off. The service processor does it and may take
 * seconds, or not answer at all: nobody waits for that under rtnl.
 */
#include "../agilio.h"

/* Whether the service processor, or its lock, is known not to be had */
static bool ports_in_vain(struct agilio *agl)
{
	return agl_chip_known_dead(&agl->chip, AGL_FAULT_NSP) ||
	       agl_chip_known_dead(&agl->chip, AGL_FAULT_LOCK);
}

/* Not twice at a time, and each port's last wish counts */
static void ports_work(struct work_struct *work)
{
	struct agilio *agl = container_of(work, struct agilio, ports_work);
	unsigned int i;

	for_each_set_bit(i, agl->ports_new, AGL_ETH_MAX) {
		bool known = ports_in_vain(agl), up;
		int err;

		clear_bit(i, agl->ports_new);
		smp_mb__after_atomic(); /* the wish after that it is looked at */
		up = test_bit(i, agl->ports_up);
		err = agl_eth_set_configured(&agl->chip, i, up);
		if (err && !known)
			dev_warn(&agl->pdev->dev,
				 "port %u could not be switched %s: %pe\n", i,
				 up ? "on" : "off", ERR_PTR(err));
		/* For agl_ports_again() */
		if (err && ports_in_vain(agl))
			set_bit(i, agl->ports_new);
	}
}

/**
 * agl_ports_again - switch the ports that could not be, if that can be now
 * @agl: card
 */
void agl_ports_again(struct agilio *agl)
{
	if (!bitmap_empty(agl->ports_new, AGL_ETH_MAX))
		queue_work(system_long_wq, &agl->ports_work);
}

/**
 * agl_port_configure - switch a physical port on or off, soon
 * @agl: card
 * @index: chip-wide port number
 * @up: which
 *
 * Under rtnl. What the service processor says to it is in the log.
 */
void agl_port_configure(struct agilio *agl, unsigned int index, bool up)
{
	assign_bit(index, agl->ports_up, up);
	smp_mb__before_atomic(); /* the wish before that there is one */
	set_bit(index, agl->ports_new);
	queue_work(system_long_wq, &agl->ports_work);
}

/**
 * agl_ports_init - nothing to do yet
 * @agl: card
 */
void agl_ports_init(struct agilio *agl)
{
	INIT_WORK(&agl->ports_work, ports_work);
}

/**
 * agl_ports_flush - wait until all ports are as they shall be
 * @agl: card whose representors are gone
 */
void agl_ports_flush(struct agilio *agl)
{
	flush_work(&agl->ports_work);
}
