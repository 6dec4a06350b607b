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

static uint32_t hash_key(const uint8_t *key, size_t len)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ key[i]) * 16777619u;
	return (h ^ h >> 15) & (FLOWER_BUCKETS - 1);
}

static struct rule **find(struct card *card, const uint8_t *key, size_t len)
{
	struct rule **at = &card->flower->buckets[hash_key(key, len)];

	for (; *at; at = &(*at)->next)
		if ((*at)->key_len == len && !memcmp((*at)->key, key, len))
			break;
	return at;
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
		card->flower->masks_used++;
	}
	mask->used = true;
	mask->len = m->used;
	memcpy(mask->bytes, m->mask, m->used);
}

static void mask_clear(struct card *card, uint8_t id)
{
	struct mask *mask = &card->flower->masks[id];

	if (!mask->used)
		return;
	if (mask->rules)
		card_log(card, "mask %u forgotten, %u rules left", id, mask->rules);
	mask->used = false;
	card->flower->masks_used--;
}

static void rule_remove(struct card *card, struct rule **at)
{
	struct rule *rule = *at;

	stats_flush(card, &rule->counters);
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
	if (card->flower->rules >= card->flower->contexts) {
		card->cnt.flow_full++;
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

void table_add(struct card *card, const uint8_t *p, size_t len)
{
	struct flow_msg m;
	struct rule **at, *rule;

	card->cnt.flow_add++;
	if (!flow_parse(card, p, len, &m))
		return;
	if (m.meta->flags & AGL_FLOW_MANAGE_MASK)
		mask_set(card, &m);
	if (!card->flower->masks[m.key[1]].used ||
	    memcmp(card->flower->masks[m.key[1]].bytes, m.mask, m.used)) {
		card->cnt.mask_unknown++;
		card_log(card, "flow with unknown mask %u", m.key[1]);
		return;
	}
	if (!flow_acceptable(card, &m))
		return;
	at = find(card, m.key, m.used);
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
}

void table_mod(struct card *card, const uint8_t *p, size_t len)
{
	struct rule **at, *rule, *old;
	struct flow_msg m;

	card->cnt.flow_mod++;
	if (!flow_parse(card, p, len, &m) || !flow_acceptable(card, &m))
		return;
	at = find(card, m.key, m.used);
	if (!*at) {
		card->cnt.flow_missing++;
		card_log(card, "modify of a flow that isn't there");
		return;
	}
	rule = rule_new(&m);
	if (!rule)
		return;
	old = *at;
	stats_flush(card, &old->counters);
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
	at = find(card, m.key, m.used);
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

	for (i = 0; i < FLOWER_BUCKETS && f->rules; i++)
		while (f->buckets[i]) {
			f->buckets[i]->counters.packets = 0;
			rule_remove(card, &f->buckets[i]);
		}
	memset(f->masks, 0, sizeof(f->masks));
	f->masks_used = 0;
}

/* No priorities: the oldest wins, and that there was a choice is counted */
struct rule *table_lookup(struct card *card, const struct packet_key *key)
{
	struct flower *f = card->flower;
	uint8_t k[AGL_KEY_MAX];
	struct rule *best = NULL, *rule;
	unsigned int id, seen, i;

	for (id = AGL_MASK_ID_MAX, seen = 0; id && seen < f->masks_used; id--) {
		struct mask *mask = &f->masks[id];

		if (!mask->used)
			continue;
		seen++;
		if (!mask->rules || !key_build(key, mask->bytes, k))
			continue;
		for (i = 0; i < mask->len; i++)
			k[i] &= mask->bytes[i];
		k[1] = id;
		rule = *find(card, k, mask->len);
		if (!rule)
			continue;
		if (best)
			card->cnt.lookup_conflicts++;
		if (!best || rule->version < best->version)
			best = rule;
	}
	return best;
}
