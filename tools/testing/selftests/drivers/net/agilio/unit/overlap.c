// SPDX-License-Identifier: GPL-2.0-only
/*
 * The overlap index against a list of all rules, and what it costs: edges that
 * are looked at, and bytes.
 */
#include "kernel.h"
#include "table/overlap.h"

#define TESTS		30
#define MANY		16000
#define FEW		1000

/* A match of the tests' own: kind, MACs, addresses, ports, two odd bytes */
enum { KIND = 1, DST_MAC = 4, SRC_MAC = 10, SRC = 20, DST = 24, SPORT = 28,
	DPORT = 30, SRC6 = 34, ODD = 54 };

static const struct agl_overlap_bytes forth[] = {
	{ KIND, 2, false }, { DST_MAC, 6, false }, { SRC_MAC, 6, false },
	{ SRC, 4, true }, { DST, 4, true }, { SRC6, 16, true },
	{ SPORT, 2, true }, { DPORT, 2, true },
};

static const struct agl_overlap_bytes back[] = {
	{ KIND, 2, false }, { DPORT, 2, true }, { SPORT, 2, true },
	{ SRC6, 16, true }, { DST, 4, true }, { SRC, 4, true },
	{ SRC_MAC, 6, false }, { DST_MAC, 6, false },
};

static struct agl_overlap_layout layout;
static unsigned int tests, failed;
size_t unit_bytes;
long unit_fail;

void *unit_alloc(size_t size)
{
	size_t *p;

	if (unit_fail && !--unit_fail)
		return NULL;
	p = calloc(1, size + 16);
	if (!p)
		abort();
	*p = size;
	unit_bytes += size;
	return (char *)p + 16;
}

void unit_free(const void *p)
{
	size_t *was = p ? (size_t *)((char *)p - 16) : NULL;

	if (was)
		unit_bytes -= *was;
	free(was);
}

/* A rule, and what the list of all knows of it */
struct rule {
	u8 key[AGL_OVERLAP_BYTES] __attribute__((aligned(8)));
	u8 mask[AGL_OVERLAP_BYTES] __attribute__((aligned(8)));
	struct agl_item *item;
};

static u64 seed = 1;

static unsigned int below(unsigned int n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static void check(bool ok, const char *fmt, const char *what, unsigned long value)
{
	char text[200];

	snprintf(text, sizeof(text), fmt, value);
	tests++;
	failed += !ok;
	printf("%s - unit-driver: %s: %s\n", ok ? "ok" : "not ok", what, text);
}

static void set(struct rule *r, unsigned int at, unsigned int len, u64 value,
		unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < len; i++) {
		unsigned int n = bits > 8 * i ? min(bits - 8 * i, 8) : 0;

		r->mask[at + i] = 0xff00 >> n;
		if (len - i <= sizeof(value))
			r->key[at + i] = value >> 8 * (len - 1 - i) & r->mask[at + i];
	}
}

static bool overlaps(const struct rule *a, const struct rule *b)
{
	unsigned int i;

	for (i = 0; i < AGL_OVERLAP_BYTES; i++)
		if ((a->key[i] ^ b->key[i]) & a->mask[i] & b->mask[i])
			return false;
	return true;
}

static bool add(struct agl_overlaps *o, struct rule *r)
{
	r->item = agl_overlap_add(o, (u64 *)r->key, (u64 *)r->mask);
	if (r->item)
		r->item->owner = r;
	return r->item;
}

static void del(struct agl_overlaps *o, struct rule *r)
{
	agl_overlap_del(o, r->item);
	r->item = NULL;
}

static unsigned int find(struct agl_overlaps *o, struct rule *r)
{
	struct agl_item *hit = agl_overlap_find(o, r->item);
	unsigned int n = 0;

	for (; hit; hit = hit->hit)
		n++;
	return n;
}

/* All that overlap it are found once, and nothing else is */
static bool agrees(struct agl_overlaps *o, struct rule *r, struct rule *all,
		   unsigned int count, unsigned long *hits)
{
	unsigned int i, wanted = 0, found = 0;
	struct agl_item *hit;

	for (i = 0; i < count; i++)
		wanted += all[i].item && &all[i] != r && overlaps(&all[i], r);
	for (hit = agl_overlap_find(o, r->item); hit; hit = hit->hit) {
		struct rule *other = hit->owner;

		if (other == r || !overlaps(other, r) || ++found > wanted)
			return false;
	}
	*hits += found;
	return found == wanted;
}

/* Few values and many masks, so that rules overlap, nest and are equal */
static void dice(struct rule *r, unsigned int kinds)
{
	memset(r, 0, sizeof(*r));
	if (below(8))
		set(r, KIND, 2, below(2), 16);
	if (kinds & 1 && below(2))
		set(r, DST_MAC, 6, below(3), 48);
	if (kinds & 1 && !below(3))
		set(r, SRC_MAC, 6, below(4), below(2) ? 48 : 45 + below(4));
	if (kinds & 2 && below(3))
		set(r, SRC, 4, below(64), 24 + below(9));
	if (kinds & 2 && below(3))
		set(r, DST, 4, (u64)below(16) << 8 | below(4), 16 + below(17));
	if (kinds & 4 && below(2))
		set(r, DPORT, 2, below(8), 12 + below(5));
	if (kinds & 4 && !below(3))
		set(r, SPORT, 2, below(8), 16);
	if (kinds & 8 && below(2))
		set(r, SRC6, 16, below(16), 100 + below(29));
	if (!below(6)) {
		r->mask[ODD] = below(4);
		r->key[ODD] = below(4) & r->mask[ODD];
	}
}

static void brute(unsigned int kinds, unsigned int count, unsigned int rounds)
{
	struct rule *all = calloc(count, sizeof(*all));
	unsigned long hits = 0, asked = 0, i, n;
	struct agl_overlaps o;
	bool ok = true;

	agl_overlaps_init(&o, &layout);
	for (n = 0; ok && n < rounds; n++) {
		struct rule *r = &all[below(count)];

		if (r->item && below(3)) {
			ok = agrees(&o, r, all, count, &hits);
			asked++;
		} else if (r->item) {
			del(&o, r);
		} else {
			dice(r, kinds);
			ok = add(&o, r) && agrees(&o, r, all, count, &hits);
			asked++;
		}
	}
	for (i = 0; i < count; i++)
		if (all[i].item)
			del(&o, &all[i]);
	agl_overlaps_free(&o);
	/* With nothing found nothing would have been compared */
	check(ok && hits > asked / 4 && !unit_bytes,
	      "the same answers as a list of all rules, %lu overlaps",
	      "random rules, added, asked and deleted", hits);
	free(all);
}

/* Each call for memory fails once: nothing has changed then */
static void no_memory(void)
{
	static struct rule all[200];
	struct agl_overlaps o;
	unsigned long i, n, hits = 0, failures = 0;
	bool ok = true;

	memset(all, 0, sizeof(all));
	agl_overlaps_init(&o, &layout);
	for (i = 0; i < 200; i++) {
		dice(&all[i], 15);
		for (n = 1;; n++) {
			unit_fail = n;
			if (add(&o, &all[i]))
				break;
			failures++;
		}
		unit_fail = 0;
		ok = ok && agrees(&o, &all[i], all, 200, &hits);
	}
	for (i = 0; i < 200; i++)
		ok = ok && agrees(&o, &all[i], all, 200, &hits);
	for (i = 0; i < 200; i++)
		del(&o, &all[i]);
	agl_overlaps_free(&o);
	check(ok && failures > 200 && !unit_bytes,
	      "%lu calls for memory failed, and nothing came of it",
	      "adding without memory", failures);
}

/* A rule of one of so many masks; no two of them overlap */
static void disjoint(struct rule *r, unsigned int n, unsigned int masks)
{
	unsigned int k = n % masks;

	memset(r, 0, sizeof(*r));
	set(r, KIND, 2, 1, 16);
	set(r, SRC_MAC, 6, 0x020000000001, 48);
	set(r, SRC, 4, 0x80000000u | (n * 7919u & 0x3fff) << 14, 32 - k % 14);
	set(r, DST, 4, 0x80000000u | (n * 104729u & 0x3fff) << 14, 32 - k / 14 % 15);
}

/* The most edges that adding, asking for and deleting a rule looks at */
static unsigned long cost(unsigned int count, unsigned int masks,
			  void (*make)(struct rule *, unsigned int, unsigned int),
			  unsigned int hits, size_t *bytes)
{
	struct rule *all = calloc(count, sizeof(*all));
	unsigned long total = 0, sample = 0;
	struct agl_overlaps o;
	bool ok = true;
	unsigned int i;

	agl_overlaps_init(&o, &layout);
	for (i = 0; i < count; i++) {
		make(&all[i], i, masks);
		ok = ok && add(&o, &all[i]);
	}
	*bytes = unit_bytes / count;
	for (i = 0; i < count; i += 7, sample++) {
		unsigned long before = o.visits;

		del(&o, &all[i]);
		ok = ok && add(&o, &all[i]) && find(&o, &all[i]) == hits;
		total += o.visits - before;
	}
	for (i = 0; i < count; i++)
		del(&o, &all[i]);
	agl_overlaps_free(&o);
	free(all);
	return ok ? 10 * total / sample : ULONG_MAX;
}

/* Each rule overlaps one other: it compares more, or less */
static void pairs(struct rule *r, unsigned int n, unsigned int masks)
{
	memset(r, 0, sizeof(*r));
	set(r, KIND, 2, 1, 16);
	set(r, DST, 4, n / 2, 32);
	if (n & 1)
		set(r, DPORT, 2, 80, 16);
}

/* Half compare both addresses, half one of them: the destination tells all apart */
static void one_side(struct rule *r, unsigned int n, unsigned int masks)
{
	memset(r, 0, sizeof(*r));
	set(r, KIND, 2, 1, 16);
	if (n & 1)
		set(r, SRC, 4, n * 7919u, 32);
	set(r, DST, 4, n, 32);
}

static void costs(const char *what, unsigned int masks, unsigned int hits,
		  void (*make)(struct rule *, unsigned int, unsigned int))
{
	size_t bytes;
	unsigned long few = cost(FEW, masks, make, hits, &bytes);
	unsigned long many = cost(MANY, masks, make, hits, &bytes);

	/* A trie gets deeper by one level for 256 times as many: six edges */
	check(few != ULONG_MAX && many != ULONG_MAX && many <= few + 80,
	      "no dearer among 16,000 than among 1,000: %lu tenths of an edge a rule",
	      what, many);
	check(bytes <= 320, "%lu bytes a rule", what, bytes);
}

static void many_masks(void)
{
	size_t bytes;
	unsigned long one = cost(MANY, 1, disjoint, 0, &bytes);
	unsigned long all = cost(MANY, 200, disjoint, 0, &bytes);

	check(one != ULONG_MAX && all != ULONG_MAX && all <= 3 * one,
	      "%lu tenths of an edge a rule, no three times what one mask takes",
	      "two hundred masks", all);
}

/* One rule overlaps all: who comes and goes below it finds it alone */
static void below_a_wide_one(unsigned int count, unsigned long *visits)
{
	struct rule *all = calloc(count, sizeof(*all)), wide = {};
	struct agl_overlaps o;
	unsigned long before;
	unsigned int i;
	bool ok;

	agl_overlaps_init(&o, &layout);
	set(&wide, KIND, 2, 1, 16);
	ok = add(&o, &wide);
	for (i = 0; i < count; i++) {
		disjoint(&all[i], i, 30);
		ok = ok && add(&o, &all[i]);
	}
	ok = ok && find(&o, &wide) == count;
	before = o.visits;
	for (i = 0; i < count; i++) {
		ok = ok && find(&o, &all[i]) == 1;
		del(&o, &all[i]);
	}
	*visits = ok ? 10 * (o.visits - before) / count : ULONG_MAX;
	del(&o, &wide);
	agl_overlaps_free(&o);
	free(all);
}

static void wide(void)
{
	unsigned long few, many;

	below_a_wide_one(FEW, &few);
	below_a_wide_one(MANY, &many);
	check(many != ULONG_MAX && many <= few + few / 5 + 10,
	      "%lu tenths of an edge, as among 1,000", "deleting below a wide rule", many);
}

int main(void)
{
	unsigned int kinds;

	printf("1..%u\n", TESTS);
	agl_overlap_lay_out(&layout, 0, forth, sizeof(forth) / sizeof(*forth));
	agl_overlap_lay_out(&layout, 1, back, sizeof(back) / sizeof(*back));
	for (kinds = 1; kinds < 16; kinds++)
		brute(kinds, 60, 10000);
	brute(15, 1000, 6000);
	brute(6, 1000, 6000);
	no_memory();
	costs("disjoint rules, one mask", 1, 0, disjoint);
	costs("disjoint rules, 30 masks", 30, 0, disjoint);
	costs("disjoint rules, 200 masks", 200, 0, disjoint);
	costs("each overlaps another", 1, 1, pairs);
	costs("half of them by destination alone", 1, 0, one_side);
	many_masks();
	wide();
	return failed || tests != TESTS;
}
