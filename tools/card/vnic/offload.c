// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checksums and the receive hash. 02-vnic.md section 9.
 */
#include "vnic.h"

#define IPPROTO_TCP_NUM	6
#define IPPROTO_UDP_NUM	17
#define IP4_HEADER	20
#define IP6_HEADER	40
#define NEXT_HOP	0
#define NEXT_ROUTING	43
#define NEXT_FRAGMENT	44
#define NEXT_DEST	60

static bool ip6_extension(uint8_t next)
{
	return next == NEXT_HOP || next == NEXT_ROUTING ||
	       next == NEXT_FRAGMENT || next == NEXT_DEST;
}

/* @end: of the IP packet, which is inside of the frame */
static void parse_ip6(const uint8_t *frame, size_t end, struct l4_view *v)
{
	size_t at = v->l3 + IP6_HEADER;
	uint8_t this;

	v->proto = frame[v->l3 + 6];
	while (ip6_extension(v->proto)) {
		if (end < at || end - at < 8)
			return;
		this = v->proto;
		v->proto = frame[at];
		if (this != NEXT_FRAGMENT) {
			at += 8 * (frame[at + 1] + 1);
			continue;
		}
		v->fragment = true;
		if (get_be16(frame + at + 2) & 0xfff8)
			return;
		at += 8;
	}
	if (at > end)
		return;
	v->l4 = at;
	v->l4_end = end;
}

static void parse_ip4(const uint8_t *frame, size_t end, struct l4_view *v)
{
	const uint8_t *ip = frame + v->l3;
	size_t at = v->l3 + 4 * (ip[0] & 15);

	v->proto = ip[9];
	v->fragment = get_be16(ip + 6) & 0x3fff;
	if (get_be16(ip + 6) & 0x1fff || at > end)
		return;
	v->l4 = at;
	v->l4_end = end;
}

static bool is_ip4(const uint8_t *ip, size_t left)
{
	return left >= IP4_HEADER && ip[0] >> 4 == 4 && (ip[0] & 15) >= 5 &&
	       left >= 4u * (ip[0] & 15);
}

static bool is_ip6(const uint8_t *ip, size_t left)
{
	return left >= IP6_HEADER && ip[0] >> 4 == 6;
}

/**
 * l4_parse - find the headers of a frame
 * @frame: it
 * @len: its length
 * @v: what is where, all of it inside of the frame
 *
 * A packet whose lengths don't fit each other or the frame has no L4.
 */
void l4_parse(const uint8_t *frame, size_t len, struct l4_view *v)
{
	size_t at = 12, end;
	uint16_t type;

	memset(v, 0, sizeof(*v));
	if (len < 14)
		return;
	type = get_be16(frame + at);
	while ((type == 0x8100 || type == 0x88a8) && at + 6 <= len) {
		at += 4;
		type = get_be16(frame + at);
	}
	at += 2;
	if (type == 0x0800 && is_ip4(frame + at, len - at)) {
		v->version = 4;
		v->l3 = at;
		end = at + get_be16(frame + at + 2);
		parse_ip4(frame, end <= len ? end : 0, v);
	} else if (type == 0x86dd && is_ip6(frame + at, len - at)) {
		v->version = 6;
		v->l3 = at;
		end = at + IP6_HEADER + get_be16(frame + at + 4);
		parse_ip6(frame, end <= len ? end : 0, v);
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

/* Bytes from the transport header to the end of the packet */
size_t l4_len(const struct l4_view *v)
{
	return v->l4_end - v->l4;
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

/* Return: 0 if there is no checksum that could be right or wrong */
static size_t l4_csum_at(const struct l4_view *v)
{
	if (!v->l4 || v->fragment)
		return 0;
	if (v->proto == IPPROTO_TCP_NUM && l4_len(v) >= 20)
		return v->l4 + 16;
	if (v->proto == IPPROTO_UDP_NUM && l4_len(v) >= 8)
		return v->l4 + 6;
	return 0;
}

bool csum_ip4_ok(const uint8_t *frame, const struct l4_view *v)
{
	size_t len = 4 * (frame[v->l3] & 15);

	return csum_fold(csum_add(0, frame + v->l3, len)) == 0xffff;
}

bool csum_l4_ok(const uint8_t *frame, const struct l4_view *v)
{
	size_t at = l4_csum_at(v);

	if (!at)
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
	size_t at = l4_csum_at(v);
	uint16_t sum;

	if (!at)
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
	bool whole = l->l4 && !l->fragment && l4_len(l) >= 4;
	size_t addr = v4 ? 8 : 32;
	uint8_t data[36];

	*type = AGL_HASH_NONE;
	if (!l->l3)
		return 0;
	*type = v4 ? AGL_HASH_IPV4 : AGL_HASH_IPV6;
	memcpy(data, frame + l->l3 + (v4 ? 12 : 8), addr);
	if (whole && l->proto == IPPROTO_TCP_NUM) {
		ports = ctrl & (v4 ? AGL_RSS_IPV4_TCP : AGL_RSS_IPV6_TCP);
		if (ports)
			*type = v4 ? AGL_HASH_IPV4_TCP : AGL_HASH_IPV6_TCP;
	} else if (whole && l->proto == IPPROTO_UDP_NUM) {
		ports = ctrl & (v4 ? AGL_RSS_IPV4_UDP : AGL_RSS_IPV6_UDP);
		if (ports)
			*type = v4 ? AGL_HASH_IPV4_UDP : AGL_HASH_IPV6_UDP;
	}
	if (ports)
		memcpy(data + addr, frame + l->l4, 4);
	return toeplitz(v->cb + AGL_CB_RSS_KEY, data, addr + (ports ? 4 : 0));
}
