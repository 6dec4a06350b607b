// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual functions: a vNIC and nothing else. 02-vnic.md section 10.
 */
#include <linux/module.h>

#include "agilio.h"

static const struct agl_vnic_ops vf_ops = {
	.link = agl_vnic_dev_link,
	.reset = agl_vnic_dev_reset,
};

static int vf_map(struct pci_dev *pdev, void __iomem **cb, void __iomem **qc)
{
	u32 version;
	int err;

	err = pcim_enable_device(pdev);
	if (!err)
		err = pcim_request_all_regions(pdev, AGL_NAME);
	if (!err)
		err = dma_set_mask_and_coherent(&pdev->dev,
						DMA_BIT_MASK(AGL_DMA_BITS));
	if (err)
		return err;
	if (pci_resource_len(pdev, 0) < AGL_CB_SIZE)
		return -EINVAL;
	pci_set_master(pdev);
	*cb = pcim_iomap(pdev, 0, AGL_CB_SIZE);
	*qc = pcim_iomap(pdev, 2, 0);
	if (!*cb || !*qc)
		return -ENOMEM;
	/* Its firmware is loaded by the PF's driver: later, perhaps */
	version = readl(*cb + AGL_CB_VERSION);
	if (!version || version == U32_MAX)
		return dev_err_probe(&pdev->dev, -EPROBE_DEFER,
				     "no firmware runs yet\n");
	return 0;
}

static int vf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem *cb, *qc;
	struct net_device *dev;
	struct agl_vnic *v;
	u8 mac[ETH_ALEN];
	int err, n;

	err = vf_map(pdev, &cb, &qc);
	if (err)
		return err;
	n = pci_alloc_irq_vectors(pdev, AGL_VNIC_VECTORS + 1, AGL_VNIC_VECTORS +
				  agl_vnic_ring_limit(cb), PCI_IRQ_MSIX);
	if (n < 0)
		return n;
	err = -ENOMEM;
	dev = agl_vnic_netdev_alloc(pdev, &vf_ops, n - AGL_VNIC_VECTORS);
	if (!dev)
		goto err_irqs;
	v = netdev_priv(dev);
	v->cb = cb;
	v->qc = qc;
	v->queues = pci_resource_len(pdev, 2) / AGL_QC_STRIDE;
	err = agl_vnic_init(v);
	if (err)
		goto err_free;
	agl_vnic_netdev_limits(dev);
	agl_vnic_read_mac(v, mac);
	if (is_valid_ether_addr(mac))
		eth_hw_addr_set(dev, mac);
	else
		eth_hw_addr_random(dev);
	err = register_netdev(dev);
	if (err)
		goto err_free;
	pci_set_drvdata(pdev, dev);
	return 0;

err_free:
	free_netdev(dev);
err_irqs:
	pci_free_irq_vectors(pdev);
	return err;
}

static void vf_remove(struct pci_dev *pdev)
{
	struct net_device *dev = pci_get_drvdata(pdev);

	agl_vnic_netdev_free(dev);
	pci_free_irq_vectors(pdev);
}

static void vf_shutdown(struct pci_dev *pdev)
{
	struct net_device *dev = pci_get_drvdata(pdev);

	rtnl_lock();
	netif_device_detach(dev);
	dev_close(dev);
	rtnl_unlock();
	pci_clear_master(pdev);
}

static const struct pci_device_id vf_ids[] = {
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_NETRONOME, AGL_PCI_DEVICE_VF,
			 AGL_PCI_VENDOR_NETRONOME, PCI_ANY_ID) },
	{ PCI_DEVICE_SUB(AGL_PCI_VENDOR_CORIGINE, AGL_PCI_DEVICE_VF,
			 AGL_PCI_VENDOR_CORIGINE, PCI_ANY_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, vf_ids);

struct pci_driver agl_vf_driver = {
	.name = AGL_NAME "_vf",
	.id_table = vf_ids,
	.probe = vf_probe,
	.remove = vf_remove,
	.shutdown = vf_shutdown,
};
