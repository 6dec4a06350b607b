// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses that tunnels end at: the firmware wants the whole list each time.
 * 03-flower.md sections 3.11.2, 3.11.3 and 6.9.
 */
#include <linux/slab.h>
#include <net/ipv6.h>

#include "../agilio.h"
#include "tunnel.h"

static void local_tell4(struct agl_tunnels *t)
{
	struct agl_tun_ips m = {};
	struct agl_local *l;
	unsigned int n = 0;

	list_for_each_entry(l, &t->locals, list)
		if (!l->v6 && l->in_card)
			m.addr[n++] = l->addr.s6_addr32[0];
	m.count = cpu_to_be32(n);
	agl_cmsg_tell(t->agl, AGL_CMSG_TUN_IPS, &m, sizeof(m));
}

static void local_tell6(struct agl_tunnels *t)
{
	struct agl_tun_ips6 m = {};
	struct agl_local *l;
	unsigned int n = 0;

	list_for_each_entry(l, &t->locals, list)
		if (l->v6 && l->in_card)
			memcpy(m.addr[n++], &l->addr, sizeof(l->addr));
	m.count = cpu_to_be32(n);
	agl_cmsg_tell(t->agl, AGL_CMSG_TUN_IPS_V6, &m, sizeof(m));
}

static void local_tell(struct agl_tunnels *t, bool v6)
{
	if (v6)
		local_tell6(t);
	else
		local_tell4(t);
}

static struct agl_local *local_new(struct agl_tunnels *t, bool v6,
				   const struct in6_addr *addr)
{
	unsigned int most = v6 ? AGL_TUN_IPS6_MAX : AGL_TUN_IPS_MAX;
	struct agl_local *l;

	if (t->locals_count[v6] == most)
		return ERR_PTR(-ENOSPC);
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return ERR_PTR(-ENOMEM);
	l->v6 = v6;
	l->addr = *addr;
	refcount_set(&l->users, 1);
	list_add_tail(&l->list, &t->locals);
	t->locals_count[v6]++;
	return l;
}

/**
 * agl_local_get - have room for an address that packets are decapsulated for
 * @agl: card
 * @v6: family
 * @addr: outer destination, IPv4 in the first word
 *
 * The card knows it while a rule with it is there, agl_local_use().
 *
 * Return: a reference; -ENOSPC if the card has no room for another address,
 * -ENOMEM.
 */
struct agl_local *agl_local_get(struct agilio *agl, bool v6,
				const struct in6_addr *addr)
{
	struct agl_tunnels *t = &agl->tunnels;
	struct agl_local *l;

	mutex_lock(&t->lock);
	list_for_each_entry(l, &t->locals, list)
		if (l->v6 == v6 && ipv6_addr_equal(&l->addr, addr)) {
			refcount_inc(&l->users);
			goto out;
		}
	l = local_new(t, v6, addr);
out:
	mutex_unlock(&t->lock);
	return l;
}

/**
 * agl_local_put - drop a reference
 * @agl: card
 * @local: address; the rule that matched it is out of the card
 */
void agl_local_put(struct agilio *agl, struct agl_local *local)
{
	struct agl_tunnels *t = &agl->tunnels;

	if (!refcount_dec_and_mutex_lock(&local->users, &t->lock))
		return;
	list_del(&local->list);
	t->locals_count[local->v6]--;
	mutex_unlock(&t->lock);
	kfree(local);
}

/**
 * agl_local_use - a rule is going into the card, or has left it
 * @agl: card; the table's order is locked
 * @local: address that it matches, or NULL
 * @in_card: it is going in
 *
 * Packets to an address that no rule in the card is for are as any others.
 */
void agl_local_use(struct agilio *agl, struct agl_local *local, bool in_card)
{
	struct agl_tunnels *t = &agl->tunnels;

	if (!local)
		return;
	mutex_lock(&t->lock);
	local->in_card += in_card ? 1 : -1;
	if (local->in_card == in_card)
		local_tell(t, local->v6);
	mutex_unlock(&t->lock);
}
