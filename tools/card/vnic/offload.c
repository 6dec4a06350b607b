// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checksums and the receive hash. 02-vnic.md section 9.
 */
#include "vnic.h"

#define IPPROTO_TCP_NUM	6
#define IPPROTO_UDP_NUM	17

static void parse_ip6(const uint8_t *frame, size_t len, struct l4_view *v)
{
	size_t at = v->l3 + 40;
	uint8_t next = frame[v->l3 + 6];

	while (at + 8 <= len) {
		if (next == 44) {
			v->fragment = true;
			if (get_be16(frame + at + 2) & 0xfff8) {
				v->proto = frame[at];
				return;
			}
			next = frame[at];
			at += 8;
		} else if (next == 0 || next == 43 || next == 60) {
			next = frame[at];
			at += 8 * (frame[at + 1] + 1);
		} else {
			break;
		}
	}
	v->proto = next;
	v->l4 = at <= len ? (int)at : -1;
}

void l4_parse(const uint8_t *frame, size_t len, struct l4_view *v)
{
	size_t at = 12;
	uint16_t type;

	memset(v, 0, sizeof(*v));
	v->l3 = -1;
	v->l4 = -1;
	if (len < 14)
		return;
	type = get_be16(frame + at);
	while ((type == 0x8100 || type == 0x88a8) && at + 6 <= len) {
		at += 4;
		type = get_be16(frame + at);
	}
	at += 2;
	if (type == 0x0800 && len >= at + 20 && frame[at] >> 4 == 4 &&
	    (frame[at] & 15) >= 5 && len >= at + 4 * (frame[at] & 15)) {
		v->version = 4;
		v->l3 = at;
		v->proto = frame[at + 9];
		v->l3_len = get_be16(frame + at + 2);
		v->fragment = get_be16(frame + at + 6) & 0x3fff;
		if (!(get_be16(frame + at + 6) & 0x1fff))
			v->l4 = at + 4 * (frame[at] & 15);
	} else if (type == 0x86dd && len >= at + 40 && frame[at] >> 4 == 6) {
		v->version = 6;
		v->l3 = at;
		v->l3_len = get_be16(frame + at + 4) + 40;
		parse_ip6(frame, len, v);
	}
	if (v->l3 >= 0 && v->l3 + v->l3_len > (int)len) {
		/* Truncated: no checksum can be right */
		v->l3_len = len - v->l3;
		v->l4 = -1;
	}
}

uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get_be16(p + i);
	if (len & 1)
		sum += p[len - 1] << 8;
	return sum;
}

uint16_t csum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static size_t l4_len(const struct l4_view *v)
{
	return v->l3 + v->l3_len - v->l4;
}

/* Sum over pseudo header and payload, checksum field included */
static uint16_t l4_sum(const uint8_t *frame, const struct l4_view *v)
{
	bool v4 = v->version == 4;
	uint64_t sum;

	sum = csum_add(0, frame + v->l3 + (v4 ? 12 : 8), v4 ? 8 : 32);
	sum += v->proto + l4_len(v);
	return csum_fold(csum_add(sum, frame + v->l4, l4_len(v)));
}

static int l4_csum_offset(const struct l4_view *v)
{
	if (v->l4 < 0 || v->fragment)
		return -1;
	if (v->proto == IPPROTO_TCP_NUM && l4_len(v) >= 20)
		return v->l4 + 16;
	if (v->proto == IPPROTO_UDP_NUM && l4_len(v) >= 8)
		return v->l4 + 6;
	return -1;
}

bool csum_ip4_ok(const uint8_t *frame, const struct l4_view *v)
{
	size_t len = 4 * (frame[v->l3] & 15);

	return csum_fold(csum_add(0, frame + v->l3, len)) == 0xffff;
}

bool csum_l4_ok(const uint8_t *frame, const struct l4_view *v)
{
	int at = l4_csum_offset(v);

	if (at < 0)
		return false;
	if (v->proto == IPPROTO_UDP_NUM && !get_be16(frame + at))
		return v->version == 4;
	return l4_sum(frame, v) == 0xffff;
}

void csum_ip4_fill(uint8_t *frame, const struct l4_view *v)
{
	size_t len = 4 * (frame[v->l3] & 15);

	put_be16(frame + v->l3 + 10, 0);
	put_be16(frame + v->l3 + 10,
		 ~csum_fold(csum_add(0, frame + v->l3, len)));
}

void csum_l4_fill(uint8_t *frame, const struct l4_view *v)
{
	int at = l4_csum_offset(v);
	uint16_t sum;

	if (at < 0)
		return;
	put_be16(frame + at, 0);
	sum = ~l4_sum(frame, v);
	if (!sum && v->proto == IPPROTO_UDP_NUM)
		sum = 0xffff;
	put_be16(frame + at, sum);
}

static uint32_t toeplitz(const uint8_t *key, const uint8_t *data, size_t len)
{
	uint32_t window = get_be32(key), hash = 0;
	size_t i;
	int bit;

	for (i = 0; i < len; i++)
		for (bit = 7; bit >= 0; bit--) {
			if (data[i] >> bit & 1)
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	return hash;
}

uint32_t rss_hash(struct vnic *v, const uint8_t *frame, const struct l4_view *l,
		  uint32_t *type)
{
	uint32_t ctrl = get_le(v->cb + AGL_CB_RSS_CTRL, 4);
	bool v4 = l->version == 4, ports = false;
	size_t addr = v4 ? 8 : 32;
	uint8_t data[36];

	*type = AGL_HASH_NONE;
	if (l->l3 < 0)
		return 0;
	*type = v4 ? AGL_HASH_IPV4 : AGL_HASH_IPV6;
	memcpy(data, frame + l->l3 + (v4 ? 12 : 8), addr);
	if (l->l4 >= 0 && !l->fragment && l->proto == IPPROTO_TCP_NUM) {
		ports = ctrl & (v4 ? AGL_RSS_IPV4_TCP : AGL_RSS_IPV6_TCP);
		if (ports)
			*type = v4 ? AGL_HASH_IPV4_TCP : AGL_HASH_IPV6_TCP;
	} else if (l->l4 >= 0 && !l->fragment && l->proto == IPPROTO_UDP_NUM) {
		ports = ctrl & (v4 ? AGL_RSS_IPV4_UDP : AGL_RSS_IPV6_UDP);
		if (ports)
			*type = v4 ? AGL_HASH_IPV4_UDP : AGL_HASH_IPV6_UDP;
	}
	if (ports)
		memcpy(data + addr, frame + l->l4, 4);
	return toeplitz(v->cb + AGL_CB_RSS_KEY, data, addr + (ports ? 4 : 0));
}
