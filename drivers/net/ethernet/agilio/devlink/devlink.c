// SPDX-License-Identifier: GPL-2.0-only
/*
 * devlink: what the card is, and its ports.
 */
#include "../agilio.h"

/* Slots of the running versions; that in flash is always the next one */
static const struct version {
	const char *name;
	unsigned int slot;
} versions[] = {
	{ DEVLINK_INFO_VERSION_GENERIC_FW_MGMT, 0 },
	{ "fw.cpld", 2 },
	{ DEVLINK_INFO_VERSION_GENERIC_FW_APP, 4 },
	{ DEVLINK_INFO_VERSION_GENERIC_FW_BUNDLE_ID, 6 },
	{ DEVLINK_INFO_VERSION_GENERIC_FW_UNDI, 8 },
	{ DEVLINK_INFO_VERSION_GENERIC_FW_NCSI, 10 },
	{ "chip.init", 12 },
};

static const char *version_text(const u8 *table, unsigned int slot)
{
	unsigned int at;

	if (slot >= get_unaligned_le16(table))
		return NULL;
	at = get_unaligned_le16(table + 2 + 2 * slot);
	if (!at || at >= AGL_NSP_VERSIONS_SIZE ||
	    !memchr(table + at, 0, AGL_NSP_VERSIONS_SIZE - at))
		return NULL;
	return (const char *)table + at;
}

static int put_versions(struct devlink_info_req *req, const u8 *table)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(versions) && !err; i++) {
		const char *run = version_text(table, versions[i].slot);
		const char *flash = version_text(table, versions[i].slot + 1);

		if (run)
			err = devlink_info_version_running_put(req,
							       versions[i].name,
							       run);
		if (flash && !err)
			err = devlink_info_version_stored_put(req,
							      versions[i].name,
							      flash);
	}
	return err;
}

static int put_board(struct agl_chip *chip, struct devlink_info_req *req)
{
	static const struct {
		const char *name;
		const char *key;
	} fixed[] = {
		{ DEVLINK_INFO_VERSION_GENERIC_BOARD_ID, "assembly.partno" },
		{ DEVLINK_INFO_VERSION_GENERIC_BOARD_REV, "assembly.revision" },
		{ DEVLINK_INFO_VERSION_GENERIC_BOARD_MANUFACTURE,
		  "assembly.vendor" },
		{ "board.model", "assembly.model" },
	};
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(fixed) && !err; i++) {
		const char *value = agl_hwinfo_get(chip, fixed[i].key);

		if (value)
			err = devlink_info_version_fixed_put(req, fixed[i].name,
							     value);
	}
	return err;
}

static int info_get(struct devlink *devlink, struct devlink_info_req *req,
		    struct netlink_ext_ack *extack)
{
	struct agilio *agl = devlink_priv(devlink);
	const char *vendor = agl_hwinfo_get(&agl->chip, "assembly.vendor");
	const char *part = agl_hwinfo_get(&agl->chip, "assembly.partno");
	const char *serial = agl_hwinfo_get(&agl->chip, "assembly.serial");
	char text[64];
	int err = 0;

	if (vendor && part && serial) {
		snprintf(text, sizeof(text), "%s%s%s", vendor, part, serial);
		err = devlink_info_serial_number_put(req, text);
	}
	if (!err)
		err = put_board(&agl->chip, req);
	if (!err && agl->chip.versions)
		err = put_versions(req, agl->chip.versions);
	return err;
}

static int eswitch_mode_get(struct devlink *devlink, u16 *mode)
{
	*mode = DEVLINK_ESWITCH_MODE_SWITCHDEV;
	return 0;
}

static int eswitch_mode_set(struct devlink *devlink, u16 mode,
			    struct netlink_ext_ack *extack)
{
	if (mode == DEVLINK_ESWITCH_MODE_SWITCHDEV)
		return 0;
	NL_SET_ERR_MSG(extack, "flower firmware has no mode but switchdev");
	return -EOPNOTSUPP;
}

const struct devlink_ops agl_devlink_ops = {
	.info_get = info_get,
	.eswitch_mode_get = eswitch_mode_get,
	.eswitch_mode_set = eswitch_mode_set,
};

static unsigned int port_attrs(struct agl_repr *r,
			       struct devlink_port_attrs *attrs)
{
	struct agl_eth_port *p = &r->port.agl->eth.port[r->index];

	attrs->flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL;
	attrs->phys.port_number = p->phy;
	attrs->phys.split_subport_number = p->label;
	attrs->split = p->split;
	attrs->lanes = p->cage_lanes;
	return p->index;
}

/* Indexes: physical ports as the chip numbers them, the PF, then VFs */
#define INDEX_PF	AGL_ETH_MAX
#define INDEX_VF	(INDEX_PF + 1)

/**
 * agl_devlink_port_add - register the port behind a representor
 * @repr: its netdev isn't registered yet: the port gives it its name
 *
 * Return: 0; errors of devlink's.
 */
int agl_devlink_port_add(struct agl_repr *repr)
{
	struct devlink *devlink = priv_to_devlink(repr->port.agl);
	struct devlink_port *port = &repr->devlink_port;
	struct devlink_port_attrs attrs = {};
	unsigned int index;
	int err;

	attrs.switch_id.id_len = sizeof(repr->port.agl->chip.serial);
	memcpy(attrs.switch_id.id, repr->port.agl->chip.serial, attrs.switch_id.id_len);
	switch (repr->kind) {
	case AGL_REPR_PHYS:
		index = port_attrs(repr, &attrs);
		devlink_port_attrs_set(port, &attrs);
		break;
	case AGL_REPR_PF:
		index = INDEX_PF;
		devlink_port_attrs_set(port, &attrs);
		devlink_port_attrs_pci_pf_set(port, 0, 0, false);
		break;
	default:
		index = INDEX_VF + repr->index;
		devlink_port_attrs_set(port, &attrs);
		devlink_port_attrs_pci_vf_set(port, 0, 0, repr->index, false);
		break;
	}
	err = devlink_port_register(devlink, port, index);
	if (!err)
		SET_NETDEV_DEVLINK_PORT(repr->port.netdev, port);
	return err;
}

/**
 * agl_devlink_port_del - take the port away
 * @repr: its netdev is gone
 */
void agl_devlink_port_del(struct agl_repr *repr)
{
	devlink_port_unregister(&repr->devlink_port);
}
