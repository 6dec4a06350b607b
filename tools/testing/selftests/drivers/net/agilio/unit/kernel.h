/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as the tested files need, for user space.
 */
#ifndef UNIT_KERNEL_H
#define UNIT_KERNEL_H

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8, __u8;
typedef uint16_t u16, __u16, __be16, __le16;
typedef uint32_t u32, __u32, __be32, __le32;
typedef uint64_t u64, __u64, __be64, __le64;
typedef unsigned int gfp_t;

#define GFP_KERNEL	0
#define ETH_ALEN	6
#define ETH_P_IP	0x0800
#define ETH_P_IPV6	0x86dd
#define ETH_P_ARP	0x0806
#define ETH_P_8021Q	0x8100
#define ETH_P_8021AD	0x88a8
#define ETH_P_MPLS_UC	0x8847
#define be16_to_cpu	ntohs
#define be32_to_cpu	ntohl
#define cpu_to_be16	htons
#define cpu_to_be32	htonl
#define GOLDEN_RATIO_64	0x61C8864680B583EBull
#define min(a, b)	((a) < (b) ? (a) : (b))
#define struct_size(p, m, n) (sizeof(*(p)) + (n) * sizeof((p)->m[0]))
#define container_of(p, type, m) ((type *)((char *)(p) - offsetof(type, m)))
#define NSEC_PER_USEC	1000L
#define __packed	__attribute__((packed))
#define WARN_ON(x)	do { if (x) abort(); } while (0)

/* Any hash will do */
static inline u32 jhash(const void *key, u32 len, u32 hash)
{
	const u8 *p = key;

	while (len--)
		hash = (hash ^ *p++) * 16777619u;
	return hash;
}

/* Time is what a test says */
extern u64 unit_now;

static inline u64 ktime_get_ns(void)
{
	return unit_now;
}

typedef struct {
	unsigned int refs;
} refcount_t;

static inline void refcount_set(refcount_t *r, unsigned int n)
{
	r->refs = n;
}

static inline void refcount_inc(refcount_t *r)
{
	r->refs++;
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
	WARN_ON(!r->refs);
	return !--r->refs;
}

static inline u32 hash_64(u64 value, unsigned int bits)
{
	return value * GOLDEN_RATIO_64 >> (64 - bits);
}

#define __force
#define cpu_to_le64(x)	htole64(x)

static inline unsigned int __ffs64(u64 value)
{
	return __builtin_ctzll(value);
}

static inline bool eth_type_vlan(__be16 type)
{
	return type == htons(ETH_P_8021Q) || type == htons(ETH_P_8021AD);
}

static inline const void *memchr_inv(const void *p, int c, size_t len)
{
	const u8 *b = p;

	for (; len; len--, b++)
		if (*b != (u8)c)
			return b;
	return NULL;
}

/* Memory: how many bytes are out, and which call is the next to fail */
extern size_t unit_bytes;
extern long unit_fail;

void *unit_alloc(size_t size);
void unit_free(const void *p);

static inline void *kmalloc(size_t size, gfp_t gfp)
{
	return unit_alloc(size);
}

static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return unit_alloc(n * size);
}

#define kzalloc			kmalloc
#define kfree(p)		unit_free(p)
#define kvfree(p)		unit_free(p)

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#define list_entry(p, type, m)	container_of(p, type, m)
#define list_first_entry(h, type, m) list_entry((h)->next, type, m)
#define list_for_each_entry(p, h, m)					\
	for (p = list_entry((h)->next, __typeof__(*p), m); &p->m != (h);	\
	     p = list_entry(p->m.next, __typeof__(*p), m))

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	n->prev = h->prev;
	n->next = h;
	h->prev->next = n;
	h->prev = n;
}

static inline void list_del(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
}

#define INIT_HLIST_HEAD(h)	((h)->first = NULL)
#define hlist_entry(p, type, m)	container_of(p, type, m)
#define hlist_entry_safe(p, type, m)					\
	({ struct hlist_node *__n = (p); __n ? hlist_entry(__n, type, m) : NULL; })
#define hlist_for_each_entry(p, h, m)					\
	for (p = hlist_entry_safe((h)->first, __typeof__(*p), m); p;	\
	     p = hlist_entry_safe(p->m.next, __typeof__(*p), m))

static inline bool hlist_empty(const struct hlist_head *h)
{
	return !h->first;
}

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	if (h->first)
		h->first->pprev = &n->next;
	h->first = n;
	n->pprev = &h->first;
}

static inline void hlist_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
}

#endif
