// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules on devices that aren't ours: tunnels of any kind that the card knows,
 * and the way out of Open vSwitch's internal ports. 03-flower.md section 6.1.
 */
#include <linux/slab.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "actions.h"
#include "parse.h"

/**
 * struct indirect - a device whose rules we are shown
 * @ingress: the device, for rules
 * @binder: which of its blocks
 */
struct indirect {
	struct agl_ingress ingress;
	enum flow_block_binder_type binder;
};

static int callback(enum tc_setup_type type, void *data, void *priv)
{
	struct indirect *i = priv;

	return agl_tc_rules(type, data, &i->ingress);
}

static void release(void *priv)
{
	kfree(priv);
}

/* Return: port id of packets that come in by the device, 0: not ours to see */
static u32 port_of(struct agilio *agl, struct net_device *dev,
		   enum flow_block_binder_type binder)
{
	u8 type = agl_tunnel_type(dev);
	int id;

	if (type)
		return binder == FLOW_BLOCK_BINDER_TYPE_CLSACT_INGRESS ?
		       AGL_PORT_TUNNEL(type) : 0;
	if (!netif_is_ovs_master(dev) || !(agl->features & AGL_FEAT_PRE_TUN) ||
	    binder != FLOW_BLOCK_BINDER_TYPE_CLSACT_EGRESS)
		return 0;
	id = agl_internal_get(&agl->tunnels, dev);
	return id > 0 ? AGL_PORT_INTERNAL(id) : 0;
}

/* A device has one block at most that is for us, see port_of() */
static struct flow_block_cb *find(struct agilio *agl,
				  const struct net_device *dev)
{
	struct flow_block_cb *cb;

	list_for_each_entry(cb, &agl->indirect_cbs, driver_list) {
		struct indirect *i = cb->cb_priv;

		if (i->ingress.dev == dev)
			return cb;
	}
	return NULL;
}

static int bind(struct agilio *agl, struct net_device *dev, struct Qdisc *sch,
		struct flow_block_offload *f, void *data,
		void (*cleanup)(struct flow_block_cb *cb))
{
	u32 port = port_of(agl, dev, f->binder_type);
	struct flow_block_cb *cb;
	struct indirect *i;

	if (!port)
		return -EOPNOTSUPP;
	if (find(agl, dev))
		return -EBUSY;
	i = kzalloc(sizeof(*i), GFP_KERNEL);
	if (!i)
		return -ENOMEM;
	i->binder = f->binder_type;
	i->ingress.agl = agl;
	i->ingress.dev = dev;
	i->ingress.port = port;
	i->ingress.tun = agl_tunnel_type(dev);
	i->ingress.refused = agl->refused;
	cb = flow_indr_block_cb_alloc(callback, i, i, release, f, dev, sch, data,
				      agl, cleanup);
	if (IS_ERR(cb)) {
		kfree(i);
		return PTR_ERR(cb);
	}
	f->unlocked_driver_cb = true;
	flow_block_cb_add(cb, f);
	list_add_tail(&cb->driver_list, &agl->indirect_cbs);
	return 0;
}

static int unbind(struct agilio *agl, struct net_device *dev,
		  struct flow_block_offload *f)
{
	struct flow_block_cb *cb = find(agl, dev);
	struct indirect *i = cb ? cb->cb_priv : NULL;

	if (!cb || i->binder != f->binder_type)
		return -ENOENT;
	flow_indr_block_cb_remove(cb, f);
	list_del(&cb->driver_list);
	return 0;
}

static int setup(struct net_device *dev, struct Qdisc *sch, void *priv,
		 enum tc_setup_type type, void *type_data, void *data,
		 void (*cleanup)(struct flow_block_cb *cb))
{
	struct flow_block_offload *f = type_data;

	if (!dev || type != TC_SETUP_BLOCK)
		return -EOPNOTSUPP;
	if (f->command == FLOW_BLOCK_BIND)
		return bind(priv, dev, sch, f, data, cleanup);
	return unbind(priv, dev, f);
}

/**
 * agl_indirect_start - have rules of other devices shown to us
 * @agl: card
 *
 * Return: 0, -ENOMEM.
 */
int agl_indirect_start(struct agilio *agl)
{
	INIT_LIST_HEAD(&agl->indirect_cbs);
	return flow_indr_dev_register(setup, agl);
}

/**
 * agl_indirect_stop - and no more; their rules are gone after this
 * @agl: card
 */
void agl_indirect_stop(struct agilio *agl)
{
	flow_indr_dev_unregister(setup, agl, release);
}
