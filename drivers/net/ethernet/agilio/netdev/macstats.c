// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAC counters of a physical port as ethtool -S shows them.
 * 02-vnic.md section 12.5, in the order of its list column.
 */
#include <linux/ethtool.h>

#include "../agilio.h"

static const struct {
	u16 offset;
	const char *name;
} mac_counters[] = {
	{ 0x000, "mac.rx_octets" },
	{ 0x010, "mac.rx_frame_too_long_errors" },
	{ 0x018, "mac.rx_range_length_errors" },
	{ 0x020, "mac.rx_vlan_received_ok" },
	{ 0x028, "mac.rx_errors" },
	{ 0x030, "mac.rx_broadcast_pkts" },
	{ 0x038, "mac.rx_drop_events" },
	{ 0x040, "mac.rx_alignment_errors" },
	{ 0x048, "mac.rx_pause_mac_ctrl_frames" },
	{ 0x050, "mac.rx_frames_received_ok" },
	{ 0x058, "mac.rx_frame_check_sequence_errors" },
	{ 0x060, "mac.rx_unicast_pkts" },
	{ 0x068, "mac.rx_multicast_pkts" },
	{ 0x070, "mac.rx_pkts" },
	{ 0x078, "mac.rx_undersize_pkts" },
	{ 0x080, "mac.rx_pkts_64_octets" },
	{ 0x088, "mac.rx_pkts_65_to_127_octets" },
	{ 0x0c0, "mac.rx_pkts_128_to_255_octets" },
	{ 0x0c8, "mac.rx_pkts_256_to_511_octets" },
	{ 0x090, "mac.rx_pkts_512_to_1023_octets" },
	{ 0x098, "mac.rx_pkts_1024_to_1518_octets" },
	{ 0x0d0, "mac.rx_pkts_1519_to_max_octets" },
	{ 0x0a0, "mac.rx_jabbers" },
	{ 0x0a8, "mac.rx_fragments" },
	{ 0x0d8, "mac.rx_oversize_pkts" },
	{ 0x0e0, "mac.rx_pause_frames_class0" },
	{ 0x0e8, "mac.rx_pause_frames_class1" },
	{ 0x0b0, "mac.rx_pause_frames_class2" },
	{ 0x0b8, "mac.rx_pause_frames_class3" },
	{ 0x0f0, "mac.rx_pause_frames_class4" },
	{ 0x0f8, "mac.rx_pause_frames_class5" },
	{ 0x100, "mac.rx_pause_frames_class6" },
	{ 0x108, "mac.rx_pause_frames_class7" },
	{ 0x110, "mac.rx_mac_ctrl_frames_received" },
	{ 0x118, "mac.rx_mac_head_drop" },
	{ 0x138, "mac.tx_queue_drop" },
	{ 0x140, "mac.tx_octets" },
	{ 0x150, "mac.tx_vlan_transmitted_ok" },
	{ 0x158, "mac.tx_errors" },
	{ 0x160, "mac.tx_broadcast_pkts" },
	{ 0x180, "mac.tx_pause_mac_ctrl_frames" },
	{ 0x188, "mac.tx_frames_transmitted_ok" },
	{ 0x190, "mac.tx_unicast_pkts" },
	{ 0x198, "mac.tx_multicast_pkts" },
	{ 0x168, "mac.tx_pkts_64_octets" },
	{ 0x1a0, "mac.tx_pkts_65_to_127_octets" },
	{ 0x1a8, "mac.tx_pkts_128_to_255_octets" },
	{ 0x170, "mac.tx_pkts_256_to_511_octets" },
	{ 0x178, "mac.tx_pkts_512_to_1023_octets" },
	{ 0x1b0, "mac.tx_pkts_1024_to_1518_octets" },
	{ 0x1b8, "mac.tx_pkts_1519_to_max_octets" },
	{ 0x1c0, "mac.tx_pause_frames_class0" },
	{ 0x1c8, "mac.tx_pause_frames_class1" },
	{ 0x1e0, "mac.tx_pause_frames_class2" },
	{ 0x1e8, "mac.tx_pause_frames_class3" },
	{ 0x1d0, "mac.tx_pause_frames_class4" },
	{ 0x1d8, "mac.tx_pause_frames_class5" },
	{ 0x1f0, "mac.tx_pause_frames_class6" },
	{ 0x1f8, "mac.tx_pause_frames_class7" },
};

/**
 * agl_mac_stats_count - how many MAC counters there are
 *
 * Return: the number.
 */
unsigned int agl_mac_stats_count(void)
{
	return ARRAY_SIZE(mac_counters);
}

/**
 * agl_mac_stats_names - their names
 * @data: ETH_GSTRING_LEN bytes for each
 */
void agl_mac_stats_names(u8 *data)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mac_counters); i++)
		ethtool_puts(&data, mac_counters[i].name);
}

/**
 * agl_mac_stats_read - their values
 * @block: counters of the port in the card
 * @data: one value for each
 */
void agl_mac_stats_read(void __iomem *block, u64 *data)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mac_counters); i++)
		data[i] = readq(block + mac_counters[i].offset);
}
