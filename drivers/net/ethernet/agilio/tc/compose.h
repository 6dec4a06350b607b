/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filters of tc that aren't one rule of the card: those that jump to a chain,
 * those in a chain, and those with ranges of ports.
 */
#ifndef AGILIO_COMPOSE_H
#define AGILIO_COMPOSE_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct agilio;
struct agl_compiled;
struct agl_request;
struct flow_cls_common_offload;
struct flow_stats;

#define AGL_FILTER_HASH_BITS	8

/**
 * struct agl_composer - filters that are composed
 * @lock: guards all of it
 * @by_name: filters, by cookie and port
 * @by_chain: likewise, by the chain that they are in
 * @by_next: likewise, by the chain that they jump to
 */
struct agl_composer {
	struct mutex lock; /* filters, and what is made of them */
	DECLARE_HASHTABLE(by_name, AGL_FILTER_HASH_BITS);
	DECLARE_HASHTABLE(by_chain, AGL_FILTER_HASH_BITS);
	DECLARE_HASHTABLE(by_next, AGL_FILTER_HASH_BITS);
};

void agl_composer_init(struct agl_composer *c);
void agl_composer_free(struct agl_composer *c);
int agl_compose_add(const struct agl_request *req,
		    const struct flow_cls_common_offload *common,
		    const struct agl_compiled *from, bool host);
int agl_compose_del(struct agilio *agl, unsigned long cookie, u32 port);
int agl_compose_stats(struct agilio *agl, unsigned long cookie, u32 port,
		      struct flow_stats *to);

#endif
