// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Masks and rules. 03-flower.md sections 3.5, 4.5 and 9.4. What the host got
 * wrong is an error that nobody answers: it is counted and logged here.
 */
#include <stdlib.h>

#include "flower.h"

struct flow_msg {
	const struct agl_flow_meta *meta;
	const uint8_t *key;
	const uint8_t *mask;
	const uint8_t *acts;
	size_t key_len;
	size_t act_len;
	size_t used;		/* bytes of the key that its layers name */
};

#define ORDER_MIN	10

bool table_init(struct card *card)
{
	struct flower *f = card->flower;

	f->order = ORDER_MIN;
	f->buckets = calloc(1u << f->order, sizeof(*f->buckets));
	return f->buckets;
}

/* Keys are long words; the tail is for those who send something else */
static uint32_t hash_key(const uint8_t *key, size_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15ULL, w;

	for (; len >= 8; len -= 8, key += 8) {
		memcpy(&w, key, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	w = 0;
	memcpy(&w, key, len);
	h = (h ^ w) * 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 32;
}

static struct rule **bucket(struct flower *f, uint32_t hash)
{
	return &f->buckets[hash & ((1u << f->order) - 1)];
}

static struct rule **find(struct card *card, const uint8_t *key, size_t len,
			  uint32_t hash)
{
	struct rule **at = bucket(card->flower, hash);

	for (; *at; at = &(*at)->next)
		if ((*at)->hash == hash && (*at)->key_len == len &&
		    !memcmp((*at)->key, key, len))
			break;
	return at;
}

/* As many buckets as there are rules, or the chains get long */
static void table_grow(struct flower *f)
{
	unsigned int i, old = 1u << f->order;
	struct rule **from = f->buckets, *rule, **at;

	if (f->rules < old)
		return;
	f->buckets = calloc(2 * old, sizeof(*f->buckets));
	if (!f->buckets) {
		f->buckets = from;
		return;
	}
	f->order++;
	for (i = 0; i < old; i++)
		while ((rule = from[i])) {
			from[i] = rule->next;
			at = bucket(f, rule->hash);
			rule->next = *at;
			*at = rule;
		}
	free(from);
}

static bool flow_parse(struct card *card, const uint8_t *p, size_t len,
		       struct flow_msg *m)
{
	size_t need;

	m->meta = (const void *)p;
	if (len < sizeof(*m->meta))
		goto bad;
	m->key_len = m->meta->key_len << AGL_FLOW_LW_SHIFT;
	m->act_len = m->meta->act_len << AGL_FLOW_LW_SHIFT;
	need = sizeof(*m->meta) + 2 * m->key_len + m->act_len;
	if (m->meta->mask_len != m->meta->key_len || len < need ||
	    m->key_len < 4 || m->key_len > AGL_KEY_MAX)
		goto bad;
	m->key = p + sizeof(*m->meta);
	m->mask = m->key + m->key_len;
	m->acts = m->mask + m->key_len;
	if (m->key[0] != m->mask[0] || m->mask[1] != 0xff || !m->key[1])
		goto bad;
	m->used = key_length(m->mask, m->key_len);
	if (!m->used) {
		card->cnt.flow_bad_key++;
		card_log(card, "flow with key layers %02x: not known yet",
			 m->key[0]);
		return false;
	}
	return true;
bad:
	card->cnt.cmsg_bad++;
	card_log(card, "malformed flow message, %zu bytes", len);
	return false;
}

/* Bits of the key outside of the mask would never match */
static bool key_within_mask(const struct flow_msg *m)
{
	size_t i;

	for (i = 2; i < m->used; i++)
		if (m->key[i] & ~m->mask[i])
			return false;
	return true;
}

static void mask_set(struct card *card, const struct flow_msg *m)
{
	struct mask *mask = &card->flower->masks[m->key[1]];

	if (mask->used) {
		card->cnt.mask_replaced++;
		card_log(card, "mask %u replaced", m->key[1]);
	} else {
		card->flower->mask_ids[card->flower->masks_used++] = m->key[1];
	}
	mask->used = true;
	mask->layers = m->mask[0];
	mask->layers2 = mask->layers & AGL_KEY_EXT ? get_be32(m->mask + 4) : 0;
	mask->len = m->used;
	memcpy(mask->bytes, m->mask, m->used);
}

static void mask_clear(struct card *card, uint8_t id)
{
	struct flower *f = card->flower;
	struct mask *mask = &f->masks[id];
	uint8_t *at;

	if (!mask->used)
		return;
	if (mask->rules)
		card_log(card, "mask %u forgotten, %u rules left", id, mask->rules);
	mask->used = false;
	at = memchr(f->mask_ids, id, f->masks_used);
	*at = f->mask_ids[--f->masks_used];
}

static void rule_remove(struct card *card, struct rule **at)
{
	struct rule *rule = *at;

	stats_final(card, &rule->counters);
	*at = rule->next;
	card->flower->masks[rule->key[1]].rules--;
	card->flower->rules--;
	free(rule);
}

static struct rule *rule_new(const struct flow_msg *m)
{
	struct rule *rule = calloc(1, sizeof(*rule) + m->act_len);

	if (!rule)
		return NULL;
	rule->hash = hash_key(m->key, m->used);
	rule->counters.cookie = be64toh(m->meta->cookie);
	rule->version = be64toh(m->meta->version);
	rule->counters.ctx = be32toh(m->meta->host_ctx);
	rule->shortcut = be32toh(m->meta->shortcut);
	rule->key_len = m->used;
	rule->act_len = m->act_len;
	memcpy(rule->key, m->key, m->used);
	memcpy(rule->acts, m->acts, m->act_len);
	return rule;
}

static bool flow_acceptable(struct card *card, const struct flow_msg *m)
{
	uint32_t ctx = FIELD_GET(AGL_CTX_INDEX, be32toh(m->meta->host_ctx));

	if (ctx >= card->flower->contexts) {
		card->cnt.flow_bad_ctx++;
		card_log(card, "flow with context %u of %u", ctx,
			 card->flower->contexts);
		return false;
	}
	if (!key_within_mask(m)) {
		card->cnt.flow_bad_key++;
		card_log(card, "flow with key bits outside of its mask");
		return false;
	}
	return action_check(card, m->acts, m->act_len,
			    be32toh(m->meta->shortcut));
}

/*
 * Each message has a higher version than the one before, or the order that
 * rules win in is another one than the host thinks. A host that starts anew
 * has no rules.
 */
static bool version_grows(struct card *card, const struct flow_msg *m)
{
	uint64_t version = be64toh(m->meta->version);
	struct flower *f = card->flower;

	if (f->rules && version <= f->version) {
		card->cnt.flow_old_version++;
		card_log(card, "flow message of version %llu after %llu",
			 (unsigned long long)version,
			 (unsigned long long)f->version);
		return false;
	}
	f->version = version;
	return true;
}

/* A rule's mask must be the one that the host gave that id */
static bool mask_known(struct card *card, const struct flow_msg *m)
{
	const struct mask *mask = &card->flower->masks[m->key[1]];

	if (mask->used && mask->len == m->used &&
	    !memcmp(mask->bytes, m->mask, m->used))
		return true;
	card->cnt.mask_unknown++;
	card_log(card, "flow with unknown mask %u", m->key[1]);
	return false;
}

void table_add(struct card *card, const uint8_t *p, size_t len)
{
	struct rule **at, *rule;
	struct flow_msg m;

	card->cnt.flow_add++;
	if (!flow_parse(card, p, len, &m) || !version_grows(card, &m))
		return;
	if (m.meta->flags & AGL_FLOW_MANAGE_MASK)
		mask_set(card, &m);
	if (!mask_known(card, &m) || !flow_acceptable(card, &m))
		return;
	if (card->flower->rules >= card->flower->contexts) {
		card->cnt.flow_full++;
		return;
	}
	at = find(card, m.key, m.used, hash_key(m.key, m.used));
	if (*at) {
		/* An error in real firmware, 04 section 5.3: keep the old one */
		card->cnt.flow_dup++;
		card_log(card, "flow exists already, context %u",
			 be32toh(m.meta->host_ctx));
		return;
	}
	rule = rule_new(&m);
	if (!rule)
		return;
	*at = rule;
	card->flower->masks[m.key[1]].rules++;
	card->flower->rules++;
	table_grow(card->flower);
}

void table_mod(struct card *card, const uint8_t *p, size_t len)
{
	struct rule **at, *rule, *old;
	struct flow_msg m;

	card->cnt.flow_mod++;
	if (!flow_parse(card, p, len, &m) || !version_grows(card, &m) ||
	    !mask_known(card, &m) || !flow_acceptable(card, &m))
		return;
	at = find(card, m.key, m.used, hash_key(m.key, m.used));
	if (!*at) {
		card->cnt.flow_missing++;
		card_log(card, "modify of a flow that isn't there");
		return;
	}
	rule = rule_new(&m);
	if (!rule)
		return;
	old = *at;
	stats_final(card, &old->counters);
	rule->next = old->next;
	*at = rule;
	free(old);
}

void table_del(struct card *card, const uint8_t *p, size_t len)
{
	struct flow_msg m;
	struct rule **at;

	card->cnt.flow_del++;
	if (!flow_parse(card, p, len, &m))
		return;
	/* Counted, and deleted all the same */
	version_grows(card, &m);
	at = find(card, m.key, m.used, hash_key(m.key, m.used));
	if (*at) {
		rule_remove(card, at);
	} else {
		card->cnt.flow_missing++;
		card_log(card, "delete of a flow that isn't there, context %u",
			 be32toh(m.meta->host_ctx));
	}
	if (m.meta->flags & AGL_FLOW_MANAGE_MASK)
		mask_clear(card, m.key[1]);
}

void table_clear(struct card *card)
{
	struct flower *f = card->flower;
	unsigned int i;

	for (i = 0; i < 1u << f->order && f->rules; i++)
		while (f->buckets[i]) {
			stats_forget(card, &f->buckets[i]->counters);
			rule_remove(card, &f->buckets[i]);
		}
	memset(f->masks, 0, sizeof(f->masks));
	f->masks_used = 0;
}

/* The mask's part of the packet, if the packet has what the mask is about */
static bool mask_apply(const struct mask *mask, uint8_t id,
		       const struct packet_key *key, uint8_t *k)
{
	unsigned int i;

	if (!mask->rules || mask->layers & ~key->layers ||
	    mask->layers2 & ~key->layers2 || !key_build(key, mask->bytes, k))
		return false;
	for (i = 0; i < mask->len; i++)
		k[i] &= mask->bytes[i];
	k[1] = id;
	return true;
}

/* No priorities: the oldest wins, and that there was a choice is counted */
struct rule *table_lookup(struct card *card, const struct packet_key *key)
{
	struct flower *f = card->flower;
	struct rule *best = NULL, *rule;
	uint8_t k[AGL_KEY_MAX];
	unsigned int i, len;

	for (i = 0; i < f->masks_used; i++) {
		struct mask *mask = &f->masks[f->mask_ids[i]];

		len = mask->len;
		if (!mask_apply(mask, f->mask_ids[i], key, k))
			continue;
		rule = *find(card, k, len, hash_key(k, len));
		if (!rule)
			continue;
		if (best)
			card->cnt.lookup_conflicts++;
		if (!best || rule->version < best->version)
			best = rule;
	}
	return best;
}
