// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Firmware files, and a card that works with what was loaded: every vNIC is
 * switched on, sends, gets a frame and is reset.
 */
#include "fuzz.h"

static void use(struct vnic *v)
{
	static const uint8_t f[64] = { 2 };

	if (!v->cb)
		return;
	host_vnic_up(v, AGL_CTRL_RXCSUM);
	host_tx(v, f, sizeof(f), 0, NULL);
	vnic_rx(v, 0, f, sizeof(f));
	card_flr(host.card, v->fn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *own = malloc(size + !size), f[64] = { 2 };
	unsigned int i, round;
	int error = 0;

	host_card(NULL, true);
	host.dma_may_fail = true;
	memcpy(own, data, size);
	/* Over one that runs, then over itself */
	for (round = 0; round < 2; round++) {
		nsp_firmware_load(host.card, own, size, &error);
		use(&host.card->vnics->ctrl);
		use(&host.card->vnics->pf);
		for (i = 0; i < host.card->vnics->vfs; i++)
			use(&host.card->vnics->vf[i]);
		card_wire_in(host.card, 0, f, sizeof(f));
		vfcfg_update(host.card);
		for (i = 0; i < 8; i++)
			mac_count(host.card, i, true, f, sizeof(f));
	}
	nsp_soft_reset(host.card);
	free(own);
	return 0;
}
