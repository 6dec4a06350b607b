/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the layout headers stand on: fixed-width types, bit helpers and
 * static_assert(), for the kernel and for the card model in user space (whose
 * Makefile supplies __packed).
 */
#ifndef AGILIO_ABI_BASE_H
#define AGILIO_ABI_BASE_H

#include <linux/types.h>

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/build_bug.h>
#else
#include <assert.h>
#ifndef BIT
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#endif
#endif

#endif
