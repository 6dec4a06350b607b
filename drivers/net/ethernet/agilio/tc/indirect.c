// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules on devices that aren't ours: tunnels of any kind that the card knows,
 * and the way out of Open vSwitch's internal ports. 03-flower.md section 6.1.
 */
#include <linux/slab.h>
#include <net/pkt_cls.h>

#include "../agilio.h"
#include "actions.h"
#include "filter.h"
#include "parse.h"

static int indirect_callback(enum tc_setup_type type, void *data, void *priv)
{
	return agl_tc_rules(type, data, priv);
}

/* After the last callback */
static void indirect_release(void *priv)
{
	struct agl_ingress *in = priv;

	agl_filters_forget(in);
	agl_ingress_exit(in);
	kfree(in);
}

/* Return: port id of packets that come in by the device, 0: not ours to see */
static u32 indirect_port(struct agilio *agl, struct net_device *dev,
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

/* A device has one block at most that is for us, see indirect_port() */
static struct flow_block_cb *indirect_find(struct agilio *agl,
					   const struct net_device *dev)
{
	struct flow_block_cb *cb;

	list_for_each_entry(cb, &agl->indirect_cbs, driver_list) {
		const struct agl_ingress *in = cb->cb_priv;

		if (in->dev == dev)
			return cb;
	}
	return NULL;
}

static int indirect_bind(struct agilio *agl, struct net_device *dev,
			 struct Qdisc *sch, struct flow_block_offload *f,
			 void *data, void (*cleanup)(struct flow_block_cb *cb))
{
	u32 port = indirect_port(agl, dev, f->binder_type);
	struct flow_block_cb *cb;
	struct agl_ingress *in;

	if (!port)
		return -EOPNOTSUPP;
	if (indirect_find(agl, dev))
		return -EBUSY;
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in)
		return -ENOMEM;
	in->agl = agl;
	in->dev = dev;
	in->port = port;
	in->tun = agl_tunnel_type(dev);
	in->refused = agl->refused;
	agl_ingress_init(in);
	cb = flow_indr_block_cb_alloc(indirect_callback, in, in, indirect_release,
				      f, dev, sch, data, agl, cleanup);
	if (IS_ERR(cb)) {
		kfree(in);
		return PTR_ERR(cb);
	}
	f->unlocked_driver_cb = true;
	flow_block_cb_add(cb, f);
	list_add_tail(&cb->driver_list, &agl->indirect_cbs);
	return 0;
}

static int indirect_unbind(struct agilio *agl, struct net_device *dev,
			   struct flow_block_offload *f)
{
	struct flow_block_cb *cb = indirect_find(agl, dev);

	if (!cb || cb->indr.binder_type != f->binder_type)
		return -ENOENT;
	/* As when it was bound: tc counts those that need rtnl */
	f->unlocked_driver_cb = true;
	flow_indr_block_cb_remove(cb, f);
	list_del(&cb->driver_list);
	return 0;
}

static int indirect_setup(struct net_device *dev, struct Qdisc *sch, void *priv,
			  enum tc_setup_type type, void *type_data, void *data,
			  void (*cleanup)(struct flow_block_cb *cb))
{
	struct flow_block_offload *f = type_data;

	if (!dev || type != TC_SETUP_BLOCK)
		return -EOPNOTSUPP;
	if (f->command == FLOW_BLOCK_BIND)
		return indirect_bind(priv, dev, sch, f, data, cleanup);
	return indirect_unbind(priv, dev, f);
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
	return flow_indr_dev_register(indirect_setup, agl);
}

/**
 * agl_indirect_stop - and no more; their rules are gone after this
 * @agl: card
 */
void agl_indirect_stop(struct agilio *agl)
{
	flow_indr_dev_unregister(indirect_setup, agl, indirect_release);
}
