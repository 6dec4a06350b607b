/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of fields: the one place that says how each is matched, set and
 * encoded.
 */
#ifndef AGILIO_FIELDS_H
#define AGILIO_FIELDS_H

#include <net/flow_dissector.h>
#include <net/flow_offload.h>

#include "rule.h"

/*
 * Where a field is in the key; AGL_LAYER_IP is what IPv4 and IPv6 have in
 * common, and either of them is where that is
 */
enum agl_layer {
	AGL_LAYER_NONE,
	AGL_LAYER_MAC,
	AGL_LAYER_TP,
	AGL_LAYER_IP,
	AGL_LAYER_IPV4,
	AGL_LAYER_IPV6,
	AGL_LAYER_QINQ,
	AGL_LAYERS,
};

/**
 * struct agl_field - a field that tc can match or set
 * @name: as tc-flower(8) calls it
 * @at: offset in struct agl_fields
 * @size: bytes, there and in the packet; 0 if the card doesn't know the field
 * @matched: the row can be in a match
 * @dissector: FLOW_DISSECTOR_KEY_ that it comes in
 * @dissector_at: offset in that key
 * @dissector_size: bytes there, of a field that the card doesn't know
 * @get: takes it out of the key when it isn't simply there
 * @feature: AGL_FEAT_ that matching it needs
 * @cannot_match: bits of the mask that the card would not compare
 * @why: what the user reads when it can't be matched, or how far it can be
 * @layer: of the key
 * @layer_at: offset in the layer
 * @header: FLOW_ACT_MANGLE_HDR_TYPE_ of the header that pedit finds it in
 * @header_at: offset there
 * @cannot_set: bits that can't be set
 */
struct agl_field {
	const char *name;
	u8 at;
	u8 size;
	bool matched;
	u8 dissector;
	u8 dissector_at;
	u16 dissector_size;
	void (*get)(const void *from, void *to);
	u64 feature;
	u32 cannot_match;
	const char *why;
	enum agl_layer layer;
	u8 layer_at;
	enum flow_action_mangle_base header;
	u8 header_at;
	u32 cannot_set;
};

static_assert(sizeof(struct agl_fields) <= 256);

extern const struct agl_field agl_fields[];

/* For each field of a set, a bit for each row of the table, in their order */
#define agl_for_each_field(f, set)					\
	for (u64 __left = (set);					\
	     __left && ((f) = &agl_fields[__ffs64(__left)], true);	\
	     __left &= __left - 1)

void agl_fields_init(void);
u64 agl_fields_of_keys(u64 *keys);
u64 agl_fields_of_layer(enum agl_layer layer);
bool agl_field_copy(const struct agl_field *f, u8 *to_key, u8 *to_mask,
		    const u8 *key, const u8 *mask);
u32 agl_field_bits(const struct agl_field *f, const struct agl_fields *from);
const struct agl_field *agl_field_in_header(enum flow_action_mangle_base header,
					    unsigned int at);

#endif
