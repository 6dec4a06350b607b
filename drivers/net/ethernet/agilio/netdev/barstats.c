// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card's counters of a vNIC as ethtool -S shows them: those of the vNIC's
 * own netdev, and turned around those of its representor. 02-vnic.md 4.15.
 */
#include <linux/ethtool.h>

#include "../agilio.h"

/* Receive and transmit halves are laid out alike */
static const char * const counters[] = {
	"discards", "errors", "bytes", "uc_bytes", "mc_bytes", "bc_bytes",
	"pkts", "mc_pkts", "bc_pkts",
};

#define HALF	ARRAY_SIZE(counters)

/**
 * agl_bar_stats_count - number of counters
 *
 * Return: the number.
 */
unsigned int agl_bar_stats_count(void)
{
	return 2 * HALF;
}

/**
 * agl_bar_stats_names - their names
 * @data: ETH_GSTRING_LEN each
 */
void agl_bar_stats_names(u8 *data)
{
	unsigned int i;

	for (i = 0; i < 2 * HALF; i++)
		ethtool_sprintf(&data, "dev_%s_%s", i < HALF ? "rx" : "tx",
				counters[i % HALF]);
}

/**
 * agl_bar_stats_read - their values
 * @cb: control BAR of the vNIC
 * @repr: for its representor, which receives what the vNIC sends
 * @data: filled in
 */
void agl_bar_stats_read(void __iomem *cb, bool repr, u64 *data)
{
	unsigned int i;

	for (i = 0; i < 2 * HALF; i++)
		data[i] = readq(cb + AGL_CB_STATS +
				8 * (repr ? (i + HALF) % (2 * HALF) : i));
}
