// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The model and agilio.ko share the headers in abi/, so neither finds a slip in
 * them. These numbers are those of the pages, written down once more.
 */
#include "host.h"
#include "abi/action.h"
#include "abi/cmsg.h"

struct literal {
	const char *name;
	uint64_t have, want;
};

#define IS(name, value)	{ #name, name, value }
#define AT(type, field, at) { #type "." #field, offsetof(type, field), at }
#define SIZE(type, size) { "sizeof " #type, sizeof(type), size }

static void all(const char *what, const struct literal *l, size_t n)
{
	test_begin(what);
	for (; n--; l++) {
		if (l->have != l->want)
			printf("# %s is %#llx\n", l->name,
			       (unsigned long long)l->have);
		CHECK(l->have == l->want);
	}
}

#define ALL(what, list) all(what, list, ARRAY_SIZE(list))

static const struct literal registers[] = {
	IS(AGL_CB_CTRL, 0x00), IS(AGL_CB_UPDATE, 0x04),
	IS(AGL_CB_TXRS_ENABLE, 0x08), IS(AGL_CB_RXRS_ENABLE, 0x10),
	IS(AGL_CB_MTU, 0x18), IS(AGL_CB_FLBUFSZ, 0x1c), IS(AGL_CB_EXN, 0x1f),
	IS(AGL_CB_LSC, 0x20), IS(AGL_CB_MAC_HI, 0x24), IS(AGL_CB_MAC_LO, 0x2a),
	IS(AGL_CB_VERSION, 0x30), IS(AGL_CB_STS, 0x34), IS(AGL_CB_NSP_RATE, 0x36),
	IS(AGL_CB_CAP, 0x38), IS(AGL_CB_MAX_TXRINGS, 0x3c),
	IS(AGL_CB_MAX_RXRINGS, 0x40), IS(AGL_CB_MAX_MTU, 0x44),
	IS(AGL_CB_START_TXQ, 0x48), IS(AGL_CB_START_RXQ, 0x4c),
	IS(AGL_CB_RX_OFFSET, 0x50), IS(AGL_CB_RSS_CAP, 0x54), IS(AGL_CB_TLV, 0x58),
	IS(AGL_CB_CTRL_WORD1, 0x98), IS(AGL_CB_CAP_WORD1, 0xa4),
	IS(AGL_CB_RSS_CTRL, 0x100), IS(AGL_CB_RSS_KEY, 0x104),
	IS(AGL_RSS_KEY_SIZE, 40), IS(AGL_CB_RSS_ITBL, 0x12c),
	IS(AGL_RSS_ITBL_SIZE, 128), IS(AGL_CB_TXR_ADDR(1), 0x208),
	IS(AGL_CB_TXR_SZ(1), 0x601), IS(AGL_CB_TXR_VEC(1), 0x641),
	IS(AGL_CB_TXR_IRQMOD(1), 0x704), IS(AGL_CB_RXR_ADDR(1), 0x808),
	IS(AGL_CB_RXR_SZ(1), 0xa01), IS(AGL_CB_RXR_VEC(1), 0xa41),
	IS(AGL_CB_RXR_IRQMOD(1), 0xb04), IS(AGL_CB_ICR(255), 0xcff),
	IS(AGL_CB_TXR_STATS(1), 0x1010), IS(AGL_CB_RXR_STATS(1), 0x1410),
	IS(AGL_CB_MBOX, 0x1800),
};

static const struct literal statistics[] = {
	IS(AGL_CB_RX_DISCARDS, 0xd00), IS(AGL_CB_RX_ERRORS, 0xd08),
	IS(AGL_CB_RX_OCTETS, 0xd10), IS(AGL_CB_RX_UC_OCTETS, 0xd18),
	IS(AGL_CB_RX_MC_OCTETS, 0xd20), IS(AGL_CB_RX_BC_OCTETS, 0xd28),
	IS(AGL_CB_RX_FRAMES, 0xd30), IS(AGL_CB_RX_MC_FRAMES, 0xd38),
	IS(AGL_CB_RX_BC_FRAMES, 0xd40), IS(AGL_CB_TX_DISCARDS, 0xd48),
	IS(AGL_CB_TX_ERRORS, 0xd50), IS(AGL_CB_TX_OCTETS, 0xd58),
	IS(AGL_CB_TX_UC_OCTETS, 0xd60), IS(AGL_CB_TX_MC_OCTETS, 0xd68),
	IS(AGL_CB_TX_BC_OCTETS, 0xd70), IS(AGL_CB_TX_FRAMES, 0xd78),
	IS(AGL_CB_TX_MC_FRAMES, 0xd80), IS(AGL_CB_TX_BC_FRAMES, 0xd88),
};

static const struct literal bits[] = {
	IS(AGL_CTRL_ENABLE, 1 << 0), IS(AGL_CTRL_PROMISC, 1 << 1),
	IS(AGL_CTRL_L2BC, 1 << 2), IS(AGL_CTRL_L2MC, 1 << 3),
	IS(AGL_CTRL_RXCSUM, 1 << 4), IS(AGL_CTRL_TXCSUM, 1 << 5),
	IS(AGL_CTRL_RXVLAN, 1 << 6), IS(AGL_CTRL_GATHER, 1 << 9),
	IS(AGL_CTRL_LSO, 1 << 10), IS(AGL_CTRL_CTAG_FILTER, 1 << 11),
	IS(AGL_CTRL_RXQINQ, 1 << 13), IS(AGL_CTRL_RXVLAN_V2, 1 << 15),
	IS(AGL_CTRL_RINGCFG, 1 << 16), IS(AGL_CTRL_RSS, 1 << 17),
	IS(AGL_CTRL_IRQMOD, 1 << 18), IS(AGL_CTRL_MSIXAUTO, 1 << 20),
	IS(AGL_CTRL_TXRWB, 1 << 21), IS(AGL_CTRL_TXVLAN_V2, 1 << 23),
	IS(AGL_CTRL_LSO2, 1 << 28), IS(AGL_CTRL_RSS2, 1 << 29),
	IS(AGL_CTRL_LIVE_ADDR, 1u << 31),
	IS(AGL_UPDATE_GEN, 0x1), IS(AGL_UPDATE_RING, 0x2), IS(AGL_UPDATE_RSS, 0x4),
	IS(AGL_UPDATE_MSIX, 0x20), IS(AGL_UPDATE_RESET, 0x80),
	IS(AGL_UPDATE_IRQMOD, 0x100), IS(AGL_UPDATE_MACADDR, 0x800),
	IS(AGL_UPDATE_MBOX, 0x1000), IS(AGL_UPDATE_VF, 0x2000),
	IS(AGL_UPDATE_ERR, 0x80000000),
	IS(AGL_RSS_TABLE_MASK, 0x7f), IS(AGL_RSS_IPV4, 1 << 8),
	IS(AGL_RSS_IPV6, 1 << 9), IS(AGL_RSS_IPV4_TCP, 1 << 10),
	IS(AGL_RSS_IPV4_UDP, 1 << 11), IS(AGL_RSS_IPV6_TCP, 1 << 12),
	IS(AGL_RSS_IPV6_UDP, 1 << 13), IS(AGL_RSS_TOEPLITZ, 1 << 24),
	IS(AGL_CB_STS_LINK, 1), IS(AGL_CB_STS_RATE, 0x1e),
	IS(AGL_CB_RATE_UNKNOWN, 1), IS(AGL_CB_RATE_1G, 2), IS(AGL_CB_RATE_10G, 3),
	IS(AGL_CB_RATE_25G, 4), IS(AGL_CB_RATE_40G, 5), IS(AGL_CB_RATE_50G, 6),
	IS(AGL_CB_RATE_100G, 7),
	IS(AGL_ICR_UNMASKED, 0), IS(AGL_ICR_RING, 1), IS(AGL_ICR_LSC, 2),
};

static const struct literal descriptors[] = {
	SIZE(struct agl_tx_desc, 16), AT(struct agl_tx_desc, addr_hi, 0),
	AT(struct agl_tx_desc, dma_len, 1), AT(struct agl_tx_desc, offset_eop, 3),
	AT(struct agl_tx_desc, addr_lo, 4), AT(struct agl_tx_desc, mss, 8),
	AT(struct agl_tx_desc, lso_hdrlen, 10), AT(struct agl_tx_desc, flags, 11),
	AT(struct agl_tx_desc, l3_offset, 12), AT(struct agl_tx_desc, l4_offset, 13),
	AT(struct agl_tx_desc, vlan, 12), AT(struct agl_tx_desc, data_len, 14),
	IS(AGL_TXD_EOP, 0x80), IS(AGL_TXD_OFFSET, 0x7f), IS(AGL_TXD_MSS, 0x3fff),
	IS(AGL_TXD_CSUM, 1 << 7), IS(AGL_TXD_IP4_CSUM, 1 << 6),
	IS(AGL_TXD_TCP_CSUM, 1 << 5), IS(AGL_TXD_UDP_CSUM, 1 << 4),
	IS(AGL_TXD_VLAN, 1 << 3), IS(AGL_TXD_LSO, 1 << 2), IS(AGL_TXD_ENCAP, 1 << 1),
	SIZE(union agl_rx_desc, 8), AT(union agl_rx_desc, fld.addr_hi, 0),
	AT(union agl_rx_desc, fld.meta_len_dd, 3),
	AT(union agl_rx_desc, fld.addr_lo, 4), AT(union agl_rx_desc, rxd.data_len, 0),
	AT(union agl_rx_desc, rxd.meta_len_dd, 3), AT(union agl_rx_desc, rxd.flags, 4),
	AT(union agl_rx_desc, rxd.vlan, 6),
	IS(AGL_RXD_DD, 0x80), IS(AGL_RXD_META_LEN, 0x7f), IS(AGL_RXD_EOP, 1 << 7),
	IS(AGL_RXD_IP4_CSUM, 1 << 6), IS(AGL_RXD_IP4_CSUM_OK, 1 << 5),
	IS(AGL_RXD_TCP_CSUM, 1 << 4), IS(AGL_RXD_TCP_CSUM_OK, 1 << 3),
	IS(AGL_RXD_UDP_CSUM, 1 << 2), IS(AGL_RXD_UDP_CSUM_OK, 1 << 1),
	IS(AGL_RXD_VLAN, 1 << 0),
	IS(AGL_META_HASH, 1), IS(AGL_META_MARK, 2), IS(AGL_META_VLAN, 4),
	IS(AGL_META_PORTID, 5), IS(AGL_META_CSUM, 6),
	IS(AGL_META_PORTID_CTRL, 0xffffffff), IS(AGL_META_VLAN_STRIPPED, 1u << 31),
	IS(AGL_META_VLAN_TPID, 0xf0000), IS(AGL_META_VLAN_TCI, 0xffff),
	IS(AGL_HASH_NONE, 0), IS(AGL_HASH_IPV4, 1), IS(AGL_HASH_IPV6, 2),
	IS(AGL_HASH_IPV6_EXT, 3), IS(AGL_HASH_IPV4_TCP, 4), IS(AGL_HASH_IPV6_TCP, 5),
	IS(AGL_HASH_IPV4_UDP, 7), IS(AGL_HASH_IPV6_UDP, 8),
};

static const struct literal vf_table[] = {
	IS(AGL_VFCFG_ENTRY(0), 16), IS(AGL_VFCFG_ENTRY(1), 32),
	IS(AGL_VFCFG_MAC_HI, 0x0), IS(AGL_VFCFG_CTRL, 0x4), IS(AGL_VFCFG_MAC_LO, 0x6),
	IS(AGL_VFCFG_VLAN, 0x8), IS(AGL_VFCFG_RATE, 0xc),
	IS(AGL_VFCFG_LINK, 3), IS(AGL_VFCFG_LINK_AUTO, 0),
	IS(AGL_VFCFG_LINK_ENABLE, 1), IS(AGL_VFCFG_LINK_DISABLE, 2),
	IS(AGL_VFCFG_SPOOF, 1 << 2), IS(AGL_VFCFG_TRUST, 1 << 3),
	IS(AGL_VFCFG_VLAN_VID, 0xfff), IS(AGL_VFCFG_VLAN_QOS, 0xe000),
	IS(AGL_VFCFG_OP_MAC, 0x01), IS(AGL_VFCFG_OP_VLAN, 0x02),
	IS(AGL_VFCFG_OP_SPOOF, 0x04), IS(AGL_VFCFG_OP_TRUST, 0x10),
	IS(AGL_VFCFG_OP_VLAN_PROTO, 0x20), IS(AGL_VFCFG_OP_RATE, 0x40),
};

static const struct literal messages[] = {
	IS(AGL_CMSG_FLOW_ADD, 0), IS(AGL_CMSG_FLOW_MOD, 1), IS(AGL_CMSG_FLOW_DEL, 2),
	IS(AGL_CMSG_LAG_CONFIG, 4), IS(AGL_CMSG_PORT_REIFY, 6),
	IS(AGL_CMSG_MAC_REPR, 7), IS(AGL_CMSG_PORT_MOD, 8),
	IS(AGL_CMSG_MERGE_HINT, 9), IS(AGL_CMSG_NO_NEIGH, 10),
	IS(AGL_CMSG_TUN_MAC, 11), IS(AGL_CMSG_ACTIVE_TUNS, 12),
	IS(AGL_CMSG_TUN_NEIGH, 13), IS(AGL_CMSG_TUN_IPS, 14),
	IS(AGL_CMSG_FLOW_STATS, 15), IS(AGL_CMSG_PORT_ECHO, 16),
	IS(AGL_CMSG_QOS_MOD, 18), IS(AGL_CMSG_QOS_DEL, 19), IS(AGL_CMSG_QOS_STATS, 20),
	IS(AGL_CMSG_PRE_TUN_RULE, 21), IS(AGL_CMSG_TUN_IPS_V6, 22),
	IS(AGL_CMSG_NO_NEIGH_V6, 23), IS(AGL_CMSG_TUN_NEIGH_V6, 24),
	IS(AGL_CMSG_ACTIVE_TUNS_V6, 25), IS(AGL_CMSG_TYPES, 32),
	SIZE(struct agl_flow_meta, 28), SIZE(struct agl_flow_stats, 24),
	SIZE(struct agl_port_reify, 8), SIZE(struct agl_port_mod, 8),
};

static const struct literal actions[] = {
	IS(AGL_ACT_OUTPUT, 0), SIZE(struct agl_act_output, 2 * 4),
	IS(AGL_ACT_PUSH_VLAN, 1), SIZE(struct agl_act_push_vlan, 2 * 4),
	IS(AGL_ACT_POP_VLAN, 2), SIZE(struct agl_act_pop_vlan, 1 * 4),
	IS(AGL_ACT_PUSH_MPLS, 3), SIZE(struct agl_act_push_mpls, 2 * 4),
	IS(AGL_ACT_POP_MPLS, 4), SIZE(struct agl_act_pop_mpls, 1 * 4),
	IS(AGL_ACT_SET_TUNNEL, 6), IS(AGL_ACT_SET_ETH, 7),
	SIZE(struct agl_act_set_eth, 7 * 4), IS(AGL_ACT_SET_MPLS, 8),
	SIZE(struct agl_act_set_mpls, 3 * 4), IS(AGL_ACT_SET_IPV4, 9),
	SIZE(struct agl_act_set_ipv4, 5 * 4), IS(AGL_ACT_SET_IPV4_TTL, 10),
	SIZE(struct agl_act_set_ipv4_ttl, 2 * 4), IS(AGL_ACT_SET_IPV6_SRC, 11),
	IS(AGL_ACT_SET_IPV6_DST, 12), SIZE(struct agl_act_set_ipv6, 9 * 4),
	IS(AGL_ACT_SET_IPV6_TC, 13), SIZE(struct agl_act_set_ipv6_tc, 4 * 4),
	IS(AGL_ACT_SET_UDP, 14), IS(AGL_ACT_SET_TCP, 15),
	SIZE(struct agl_act_set_tp, 3 * 4), IS(AGL_ACT_PRE_LAG, 16),
	IS(AGL_ACT_PRE_TUNNEL, 17), IS(AGL_ACT_METER, 24), IS(AGL_ACT_PUSH_GENEVE, 26),
	AT(struct agl_act_set_ipv4, src_mask, 4), AT(struct agl_act_set_ipv4, src, 8),
	AT(struct agl_act_set_ipv4, dst_mask, 12), AT(struct agl_act_set_ipv4, dst, 16),
};

int main(void)
{
	ALL("control BAR, 02-vnic.md sections 4.2 and 4.11 to 4.16", registers);
	ALL("vNIC statistics, section 4.15", statistics);
	ALL("CTRL, UPDATE, RSS, link and ICR, sections 4.3, 4.5, 4.8, 4.11, 4.14", bits);
	ALL("descriptors and metadata, sections 7.2 to 7.8", descriptors);
	ALL("VF table, section 10.4 and 10.5", vf_table);
	ALL("messages, 03-flower.md section 3.2", messages);
	ALL("actions, section 5", actions);
	return test_end();
}
