/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rules can a packet of this rule match too? Knows bits alone: neither
 * fields nor rules, no card and no lock.
 */
#ifndef AGILIO_OVERLAP_H
#define AGILIO_OVERLAP_H

#include <linux/list.h>
#include <linux/types.h>

#define AGL_OVERLAP_WORDS	24
#define AGL_OVERLAP_BYTES	(8 * AGL_OVERLAP_WORDS)
#define AGL_OVERLAP_ORDERS	2

/**
 * struct agl_overlap_bytes - bytes of a match that belong together
 * @at: offset of the first
 * @len: how many
 * @alone: rules compare prefixes of it: each byte is a step of its own
 */
struct agl_overlap_bytes {
	u8 at;
	u8 len;
	bool alone;
};

/**
 * struct agl_overlap_step - what a node of a trie tells its rules apart by
 * @slice: bits of the word
 * @word: index of it
 */
struct agl_overlap_step {
	u64 slice;
	u8 word;
};

/**
 * struct agl_overlap_layout - in which order the bytes of a match are looked at
 * @count: steps of each order
 * @step: they
 * @rank: for each byte its step
 */
struct agl_overlap_layout {
	unsigned int count[AGL_OVERLAP_ORDERS];
	struct agl_overlap_step step[AGL_OVERLAP_ORDERS][AGL_OVERLAP_BYTES];
	u8 rank[AGL_OVERLAP_ORDERS][AGL_OVERLAP_BYTES];
};

struct agl_overlap_fan;
struct agl_overlap_shape;

/**
 * struct agl_overlap_edge - what leads to a rule or to a node of a trie
 * @chain: next in its bucket
 * @child: in the list of the fan
 * @fan: where it comes from, NULL: it is the root
 * @hash: of the fan and the value
 * @is_node: it leads to a node
 */
struct agl_overlap_edge {
	struct agl_overlap_edge *chain;
	struct hlist_node child;
	struct agl_overlap_fan *fan;
	u32 hash;
	bool is_node;
};

/**
 * struct agl_item - a rule's match
 * @edge: what leads to it; only the first of those with one match has any
 * @twins: others with the same match
 * @shape: which bits it compares
 * @hit: next in the answer to a question
 * @owner: the rule; for the caller
 * @placed: it is the one that has edges
 * @word: values of the words in which these bits are
 */
struct agl_item {
	struct agl_overlap_edge edge[AGL_OVERLAP_ORDERS];
	struct list_head twins;
	struct agl_overlap_shape *shape;
	struct agl_item *hit;
	void *owner;
	bool placed;
	u64 word[];
};

/**
 * struct agl_overlaps - rules of a port
 * @layout: of their matches
 * @shapes: sets of bits that are compared
 * @root: of the tries, one for each order
 * @bucket: edges, by hash
 * @bits: there are two to the power of this of them; 0: none yet
 * @edges: how many edges are in them
 * @visits: how often an edge was looked at; for tests
 */
struct agl_overlaps {
	const struct agl_overlap_layout *layout;
	struct hlist_head shapes[64];
	struct agl_overlap_edge *root[AGL_OVERLAP_ORDERS];
	struct agl_overlap_edge **bucket;
	unsigned int bits;
	unsigned int edges;
	unsigned long visits;
};

void agl_overlap_lay_out(struct agl_overlap_layout *layout, unsigned int order,
			 const struct agl_overlap_bytes *bytes, unsigned int count);
void agl_overlaps_init(struct agl_overlaps *o,
		       const struct agl_overlap_layout *layout);
void agl_overlaps_free(struct agl_overlaps *o);
struct agl_item *agl_overlap_add(struct agl_overlaps *o, const u64 *key,
				 const u64 *mask);
void agl_overlap_del(struct agl_overlaps *o, struct agl_item *item);
void agl_overlap_words(const struct agl_item *item, u64 *key, u64 *mask);
bool agl_overlap_same(const struct agl_item *a, const struct agl_item *b);
struct agl_item *agl_overlap_find(struct agl_overlaps *o, struct agl_item *with);

#endif
