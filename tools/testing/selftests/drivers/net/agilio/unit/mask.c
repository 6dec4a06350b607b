// SPDX-License-Identifier: GPL-2.0-only
/*
 * Masks and their ids: each has one, no two have the same, and one that was
 * just given back rests, 03-flower.md section 4.5.
 */
#include "kernel.h"
#include "table/mask.h"

#define REST_NS		40000

static unsigned int tests, failed;
u64 unit_now = 1000000000;

void *unit_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

void unit_free(const void *p)
{
	free((void *)p);
}

static void report(bool ok, const char *what)
{
	tests++;
	failed += !ok;
	printf("%sok - unit-driver: mask: %s\n", ok ? "" : "not ", what);
}

static struct agl_mask *get(struct agl_masks *m, unsigned int n)
{
	u8 bytes[20] = { n, n >> 8 };

	return agl_mask_get(m, bytes, sizeof(bytes));
}

static void put(struct agl_masks *m, struct agl_mask *mask)
{
	while (mask->entries)
		agl_mask_leave(m, mask);
	agl_mask_put(mask);
}

static void test_get(void)
{
	static const u8 shorter[12];
	struct agl_mask *a, *b, *c, *d;
	struct agl_masks m;

	agl_masks_init(&m);
	a = get(&m, 0);
	b = get(&m, 0);
	c = agl_mask_get(&m, shorter, sizeof(shorter));
	d = get(&m, 1);
	report(a == b && a != d && a != c && c != d,
	       "one for the same bytes, others for others and for fewer");
	agl_mask_put(b);
	report(get(&m, 0) == a && !agl_mask_enter(&m, a),
	       "it stays as long as it has a user");
	agl_mask_put(a);
	put(&m, a);
	put(&m, c);
	put(&m, d);
}

static void test_all(void)
{
	struct agl_mask *mask[256];
	u8 seen[256] = {};
	struct agl_masks m;
	unsigned int i, ok = 1;

	agl_masks_init(&m);
	for (i = 0; i < 255; i++) {
		mask[i] = get(&m, i);
		ok &= !agl_mask_enter(&m, mask[i]) && mask[i]->entries == 1 &&
		      mask[i]->id && !seen[mask[i]->id]++;
	}
	report(ok, "255 of them have 255 ids, none of them 0");
	mask[255] = get(&m, 255);
	report(agl_mask_enter(&m, mask[255]) == -ENOSPC && !mask[255]->entries,
	       "a 256th has none");
	report(!agl_mask_enter(&m, mask[7]) && mask[7]->entries == 2 && !m.count,
	       "a second entry needs no id");
	agl_mask_leave(&m, mask[7]);
	report(agl_mask_enter(&m, mask[255]) == -ENOSPC,
	       "nor is one free before the last entry is gone");
	for (i = 0; i < 256; i++)
		put(&m, mask[i]);
}

static void test_rest(void)
{
	struct agl_mask *mask[256];
	struct agl_masks m;
	unsigned int i;
	u8 id;

	agl_masks_init(&m);
	for (i = 0; i < 256; i++)
		mask[i] = get(&m, i);
	for (i = 0; i < 255; i++)
		agl_mask_enter(&m, mask[i]);
	id = mask[9]->id;
	agl_mask_leave(&m, mask[9]);
	unit_now += REST_NS - 1;
	report(agl_mask_enter(&m, mask[255]) == -EAGAIN && !mask[255]->entries &&
	       m.count == 1, "an id that was given back rests for 40 us");
	unit_now++;
	report(!agl_mask_enter(&m, mask[255]) && mask[255]->id == id,
	       "and no longer");
	agl_mask_leave(&m, mask[3]);
	unit_now += REST_NS;
	agl_mask_leave(&m, mask[4]);
	id = mask[3]->id;
	report(!agl_mask_enter(&m, mask[9]) && mask[9]->id == id &&
	       agl_mask_enter(&m, mask[3]) == -EAGAIN,
	       "the one that has rested longest is the next");
	for (i = 0; i < 256; i++)
		put(&m, mask[i]);
}

int main(void)
{
	test_get();
	test_all();
	test_rest();
	return failed || !tests;
}
