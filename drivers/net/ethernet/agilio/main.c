// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI driver of the physical function: probe order, remove, SR-IOV.
 */
#include <linux/module.h>

#include "agilio.h"
#include "rule/fields.h"
#include "tc/filter.h"

static int read_identity(struct agl_chip *chip)
{
	u64 dsn = pci_get_dsn(chip->pdev);

	chip->ifc = dsn & 0xffff;
	chip->unit = FIELD_GET(AGL_IFC_UNIT, chip->ifc);
	put_unaligned_be32(dsn >> 32, chip->serial);
	put_unaligned_be16(dsn >> 16, chip->serial + 4);
	if (FIELD_GET(AGL_IFC_TYPE, chip->ifc) == AGL_IFC_TYPE_PCI &&
	    FIELD_GET(AGL_IFC_CHANNEL, chip->ifc) == AGL_IFC_CHANNEL_PCI)
		return 0;
	dev_err(&chip->pdev->dev, "serial number %016llx is not this card's kind\n",
		dsn);
	return -ENODEV;
}

static int start_chip(struct agilio *agl)
{
	struct agl_chip *chip = &agl->chip;
	int err;

	chip->pdev = agl->pdev;
	err = read_identity(chip);
	if (!err)
		err = agl_chip_map(chip);
	if (err)
		return err;
	err = agl_resources_init(chip);
	if (!err)
		err = agl_hwinfo_read(chip);
	if (err)
		goto err_unmap;
	err = agl_nsp_wait(chip);
	if (err) {
		dev_err(&agl->pdev->dev, "service processor: %pe\n", ERR_PTR(err));
		goto err_hwinfo;
	}
	agl_nsp_identify(chip);
	agl_nsp_mac_init(chip);
	err = agl_eth_read(chip, &agl->eth);
	if (!err)
		err = agl_firmware_start(chip, &agl->eth);
	if (err)
		goto err_hwinfo;
	err = agl_nsp_versions_read(chip);
	if (err && err != -EOPNOTSUPP)
		dev_warn(&agl->pdev->dev, "versions: %pe\n", ERR_PTR(err));
	return 0;

err_hwinfo:
	agl_hwinfo_free(chip);
err_unmap:
	agl_chip_unmap(chip);
	return err;
}

static void stop_chip(struct agilio *agl)
{
	agl_firmware_stop(&agl->chip);
	agl_nsp_versions_free(&agl->chip);
	agl_hwinfo_free(&agl->chip);
	agl_chip_unmap(&agl->chip);
}

static void unmap_areas(struct agilio *agl)
{
	agl_area_unmap(&agl->chip, &agl->qc);
	agl_area_unmap(&agl->chip, &agl->mac_stats);
	agl_area_unmap(&agl->chip, &agl->vf_cfg);
	agl_area_unmap(&agl->chip, &agl->vf_bar);
	agl_area_unmap(&agl->chip, &agl->ctrl_bar);
	agl_area_unmap(&agl->chip, &agl->bar);
}

static int map_areas(struct agilio *agl)
{
	struct agl_chip *chip = &agl->chip;
	u64 vfs = 0;
	int err;

	agl_rtsym_value(chip, AGL_SYM_MAX_VFS, &vfs);
	agl->max_vfs = min_t(u64, vfs, AGL_MAX_VFS);
	err = agl_rtsym_map(chip, AGL_SYM_BAR0, AGL_CB_SIZE, &agl->bar);
	if (!err)
		err = agl_rtsym_map(chip, AGL_SYM_CTRL_BAR, AGL_CB_SIZE,
				    &agl->ctrl_bar);
	if (!err)
		err = agl_rtsym_map(chip, AGL_SYM_VF_BAR,
				    agl->max_vfs * AGL_CB_SIZE, &agl->vf_bar);
	if (!err)
		err = agl_rtsym_map(chip, AGL_SYM_MAC_STATS,
				    (agl->eth.max_index + 1) * AGL_MAC_STATS_BLOCK,
				    &agl->mac_stats);
	if (!err)
		err = agl_area_map(chip, AGL_CPP_TARGET_LOCAL, AGL_QC_BASE,
				   AGL_QC_SIZE, &agl->qc);
	/* Only newer firmware has that */
	if (!err)
		agl_rtsym_map(chip, AGL_SYM_VF_CFG,
			      AGL_VFCFG_ENTRY(agl->max_vfs), &agl->vf_cfg);
	if (err) {
		dev_err(&agl->pdev->dev, "firmware's memory: %pe\n", ERR_PTR(err));
		unmap_areas(agl);
	}
	return err;
}

/* Fewer rings rather than none, if there aren't as many interrupts */
static int alloc_irqs(struct agilio *agl)
{
	unsigned int want = agl_vnic_ring_limit(agl->bar.io);
	int min = 2 * (AGL_VNIC_VECTORS + 1);
	int n;

	n = pci_alloc_irq_vectors(agl->pdev, min, min - 1 + want, PCI_IRQ_MSIX);
	if (n < 0) {
		dev_err(&agl->pdev->dev, "%d interrupts: %pe\n", min, ERR_PTR(n));
		return n;
	}
	agl->rings = n - min + 1;
	if (agl->rings < want)
		dev_warn(&agl->pdev->dev, "interrupts for %u of %u rings\n",
			 agl->rings, want);
	return 0;
}

static int start_netdevs(struct agilio *agl)
{
	int err;

	err = alloc_irqs(agl);
	if (err)
		return err;
	err = agl_app_start(agl);
	if (err)
		goto err_irqs;
	err = agl_pf_netdev_create(agl);
	if (err)
		goto err_app;
	err = agl_tunnels_start(agl);
	if (err)
		goto err_pf;
	err = agl_reprs_create(agl);
	if (err)
		goto err_tunnels;
	err = agl_indirect_start(agl);
	if (err)
		goto err_reprs;
	agl_watch_start(agl);
	return 0;

err_reprs:
	agl_reprs_destroy(agl);
err_tunnels:
	agl_ports_flush(agl);
	agl_tunnels_stop(agl);
err_pf:
	agl_pf_netdev_destroy(agl);
err_app:
	agl_app_stop(agl);
err_irqs:
	pci_free_irq_vectors(agl->pdev);
	return err;
}

static void stop_netdevs(struct agilio *agl)
{
	agl_watch_stop(agl);
	agl_indirect_stop(agl);
	agl_reprs_destroy(agl);
	agl_ports_flush(agl);
	agl_tunnels_stop(agl);
	agl_pf_netdev_destroy(agl);
	agl_app_stop(agl);
	pci_free_irq_vectors(agl->pdev);
}

static int start(struct agilio *agl)
{
	int err;

	err = start_chip(agl);
	if (err)
		return err;
	err = agl_app_init(agl);
	if (err)
		goto err_chip;
	agl_port_listen(agl);
	agl_tunnels_init(agl);
	err = agl_table_init(agl);
	if (err)
		goto err_chip;
	err = agl_filters_init(agl);
	if (err)
		goto err_table;
	err = map_areas(agl);
	if (err)
		goto err_filters;
	err = start_netdevs(agl);
	if (err)
		goto err_areas;
	return 0;

err_areas:
	unmap_areas(agl);
err_filters:
	agl_filters_free(agl);
err_table:
	agl_table_free(agl);
err_chip:
	stop_chip(agl);
	return err;
}

static void stop(struct agilio *agl)
{
	stop_netdevs(agl);
	unmap_areas(agl);
	agl_filters_free(agl);
	agl_table_free(agl);
	stop_chip(agl);
}

/*
 * VFs that an earlier driver, or kernel, has left: they stay as they are, and
 * get representors. Those that the firmware doesn't have don't work.
 */
static int adopt_vfs(struct agilio *agl)
{
	struct pci_dev *pdev = agl->pdev;
	unsigned int vfs = pci_num_vf(pdev);

	if (!vfs) {
		if (pci_sriov_set_totalvfs(pdev, agl->max_vfs))
			dev_warn(&pdev->dev, "the limit of %u VFs can't be set\n",
				 agl->max_vfs);
		return 0;
	}
	dev_info(&pdev->dev, "%u VFs are there already\n", vfs);
	if (vfs > agl->max_vfs)
		dev_warn(&pdev->dev, "the firmware has but %u VFs\n",
			 agl->max_vfs);
	return agl_vf_reprs_create(agl, min(vfs, agl->max_vfs));
}

static int pf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct devlink *devlink;
	struct agilio *agl;
	int err;

	err = pcim_enable_device(pdev);
	if (!err)
		err = pcim_request_all_regions(pdev, AGL_NAME);
	if (!err)
		err = dma_set_mask_and_coherent(&pdev->dev,
						DMA_BIT_MASK(AGL_DMA_BITS));
	if (err)
		return err;
	pci_set_master(pdev);
	devlink = devlink_alloc(&agl_devlink_ops, sizeof(*agl), &pdev->dev);
	if (!devlink)
		return -ENOMEM;
	agl = devlink_priv(devlink);
	agl->pdev = pdev;
	agl_ports_init(agl);
	agl_reprs_init(agl);
	pci_set_drvdata(pdev, agl);
	err = start(agl);
	if (err)
		goto err_devlink;
	err = adopt_vfs(agl);
	if (err)
		goto err_stop;
	dev_info(&pdev->dev, "%s, NSP %s, %u ports, features 0x%llx\n",
		 agl->chip.fw_name, agl->chip.nsp_version, agl->eth.count,
		 agl->features);
	/* Last: from here on anybody may ask what all of it answers */
	devlink_register(devlink);
	return 0;

err_stop:
	stop(agl);
err_devlink:
	devlink_free(devlink);
	return err;
}

static int sriov_disable(struct agilio *agl)
{
	if (pci_vfs_assigned(agl->pdev))
		return -EPERM;
	agl_vf_reprs_destroy(agl);
	pci_disable_sriov(agl->pdev);
	return 0;
}

static int pf_sriov_configure(struct pci_dev *pdev, int num_vfs)
{
	struct agilio *agl = pci_get_drvdata(pdev);
	int err;

	if (!num_vfs)
		return sriov_disable(agl);
	if (num_vfs > agl->max_vfs)
		return -EINVAL;
	/*
	 * udev finds the name of a VF's netdev among the PF's children, so it
	 * shall find the representors named already.
	 */
	err = agl_vf_reset(agl, num_vfs);
	if (!err)
		err = agl_vf_reprs_create(agl, num_vfs);
	if (err)
		return err;
	err = pci_enable_sriov(pdev, num_vfs);
	if (err) {
		agl_vf_reprs_destroy(agl);
		return err;
	}
	return num_vfs;
}

static void pf_remove(struct pci_dev *pdev)
{
	struct agilio *agl = pci_get_drvdata(pdev);
	struct devlink *devlink = priv_to_devlink(agl);

	devlink_unregister(devlink);
	if (pci_num_vf(pdev) && sriov_disable(agl))
		dev_warn(&pdev->dev, "removed with VFs in use\n");
	agl_vf_reprs_destroy(agl);
	stop(agl);
	devlink_free(devlink);
}

/* Nothing of the card's may write into the memory of who comes next */
static void pf_shutdown(struct pci_dev *pdev)
{
	struct agilio *agl = pci_get_drvdata(pdev);

	/* It would start what stops here */
	agl_watch_stop(agl);
	rtnl_lock();
	netif_device_detach(agl->netdev);
	dev_close(agl->netdev);
	rtnl_unlock();
	pci_clear_master(pdev);
}

static const struct pci_device_id pf_ids[] = {
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_NETRONOME, AGL_PCI_DEVICE_4000,
			 AGL_PCI_VENDOR_NETRONOME, PCI_ANY_ID) },
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_NETRONOME, AGL_PCI_DEVICE_5000,
			 AGL_PCI_VENDOR_NETRONOME, PCI_ANY_ID) },
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_NETRONOME, AGL_PCI_DEVICE_6000,
			 AGL_PCI_VENDOR_NETRONOME, PCI_ANY_ID) },
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_CORIGINE, AGL_PCI_DEVICE_4000,
			 AGL_PCI_VENDOR_CORIGINE, PCI_ANY_ID) },
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_CORIGINE, AGL_PCI_DEVICE_5000,
			 AGL_PCI_VENDOR_CORIGINE, PCI_ANY_ID) },
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_CORIGINE, AGL_PCI_DEVICE_6000,
			 AGL_PCI_VENDOR_CORIGINE, PCI_ANY_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, pf_ids);

static struct pci_driver pf_driver = {
	.name = AGL_NAME,
	.id_table = pf_ids,
	.probe = pf_probe,
	.remove = pf_remove,
	.shutdown = pf_shutdown,
	.sriov_configure = pf_sriov_configure,
};

static int __init agilio_init(void)
{
	int err;

	agl_fields_init();
	err = pci_register_driver(&pf_driver);
	if (err)
		return err;
	err = pci_register_driver(&agl_vf_driver);
	if (err)
		pci_unregister_driver(&pf_driver);
	return err;
}
module_init(agilio_init);

static void __exit agilio_exit(void)
{
	pci_unregister_driver(&agl_vf_driver);
	pci_unregister_driver(&pf_driver);
}
module_exit(agilio_exit);

MODULE_DESCRIPTION("Agilio CX/LX SmartNICs with flower firmware");
MODULE_LICENSE("GPL");
