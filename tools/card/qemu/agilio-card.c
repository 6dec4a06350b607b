// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The card as a QEMU device. Built as a shared object that QEMU is started
 * with (LD_PRELOAD); the constructor behind type_init() registers the types.
 *
 *   -device agilio-card,board=AMDA0099,wire0=NETDEV,wire1=NETDEV
 *
 * Over QMP: qom-get PATH counters; qom-set PATH fault "nsp-stuck=1";
 * qom-set PATH cable "0 off"; set_link on a wire's netdev does the same.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/pci/msix.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "migration/vmstate.h"
#include "net/net.h"

#include "card.h"

#define TYPE_CARD		"agilio-card"
#define TYPE_CARD_VF		"agilio-card-vf"
OBJECT_DECLARE_SIMPLE_TYPE(CardState, CARD)
OBJECT_DECLARE_SIMPLE_TYPE(CardVFState, CARD_VF)

#define VENDOR			0x19ee
#define DEVICE_PF		0x4000
#define DEVICE_VF		0x6003
#define SUBSYS			0x4001
#define TOTAL_VFS		64
#define VF_OFFSET		64
#define VF_STRIDE		1

#define CAP_PM			0x80
#define CAP_MSIX		0xb0
#define CAP_EXP			0xc0
#define CAP_AER			0x100
#define CAP_AER_SIZE		0x40
#define CAP_DSN			0x150
/* 0x140 on a card, but QEMU clears an AER log up to 0x148 */
#define CAP_ARI			0x160
#define CAP_SRIOV		0x200
#define CFG_SLOTS		0x400
#define CFG_SLOTS_END		0x460

/* Lines of log a second */
#define LOG_LINES		20

#define BAR_TYPE		(PCI_BASE_ADDRESS_SPACE_MEMORY | \
				 PCI_BASE_ADDRESS_MEM_TYPE_64)
#define BAR_TYPE_PREF		(BAR_TYPE | PCI_BASE_ADDRESS_MEM_PREFETCH)

typedef struct CardBar {
	CardState *s;
	unsigned int bar;
	MemoryRegion mr;
} CardBar;

typedef struct CardWire {
	CardState *s;
	unsigned int n;
	NICState *nic;
	NICConf conf;
} CardWire;

struct CardState {
	PCIDevice parent_obj;

	struct card *card;
	struct card_config cfg;
	char *board;
	char *media;
	char *profile;
	char *flash;
	uint32_t device_id;
	CardBar bar[3];
	CardWire wire[CARD_MAX_WIRES];
	QEMUBH *bh;
	QEMUTimer *timer;
	bool timer_due;
	int64_t log_began;
	unsigned int log_lines;
};

struct CardVFState {
	PCIDevice parent_obj;
	MemoryRegion bar0;
	MemoryRegion bar2;
};

/* What the library asks of its host */

static PCIDevice *function(CardState *s, int fn)
{
	PCIDevice *pf = PCI_DEVICE(s);

	return fn == CARD_FN_PF ? pf : pf->exp.sriov_pf.vf[fn - 1];
}

static bool host_dma_read(void *host, int fn, uint64_t addr, void *buf,
			  size_t len)
{
	return pci_dma_read(function(host, fn), addr, buf, len) == MEMTX_OK;
}

static bool host_dma_write(void *host, int fn, uint64_t addr, const void *buf,
			   size_t len)
{
	return pci_dma_write(function(host, fn), addr, buf, len) == MEMTX_OK;
}

static void host_msix(void *host, int fn, unsigned int vector)
{
	PCIDevice *d = function(host, fn);

	if (msix_enabled(d) && vector < msix_nr_vectors_allocated(d))
		msix_notify(d, vector);
}

static void host_wire_out(void *host, unsigned int wire, const void *frame,
			  size_t len)
{
	CardState *s = host;

	if (wire < CARD_MAX_WIRES && s->wire[wire].nic)
		qemu_send_packet(qemu_get_queue(s->wire[wire].nic), frame, len);
}

static void host_kick(void *host)
{
	qemu_bh_schedule(((CardState *)host)->bh);
}

static void host_timer(void *host, uint64_t deadline)
{
	CardState *s = host;

	if (deadline)
		timer_mod(s->timer, deadline);
	else
		timer_del(s->timer);
}

static uint64_t host_now(void *host)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* A guest can make the card complain about every packet */
static void host_log(void *host, const char *line)
{
	CardState *s = host;
	int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);

	if (now - s->log_began >= NANOSECONDS_PER_SECOND) {
		if (s->log_lines > LOG_LINES)
			info_report("agilio-card: %u lines more",
				    s->log_lines - LOG_LINES);
		s->log_began = now;
		s->log_lines = 0;
	}
	if (s->log_lines++ < LOG_LINES)
		info_report("agilio-card: %s", line);
}

static const struct card_host host_ops = {
	.dma_read = host_dma_read,
	.dma_write = host_dma_write,
	.msix = host_msix,
	.wire_out = host_wire_out,
	.kick = host_kick,
	.timer = host_timer,
	.now = host_now,
	.log = host_log,
};

/* Under the guard: DMA to the card's own BARs finds nobody */
static void on_bh(void *opaque)
{
	CardState *s = opaque;

	if (s->timer_due) {
		s->timer_due = false;
		card_timer(s->card);
	}
	card_run(s->card);
}

/* A timer's callback has no guard, a bottom half has */
static void on_timer(void *opaque)
{
	CardState *s = opaque;

	s->timer_due = true;
	qemu_bh_schedule(s->bh);
}

/* What is called neither by MMIO nor by the bottom half needs the guard, too */
static bool guard_engage(CardState *s)
{
	MemReentrancyGuard *guard = &DEVICE(s)->mem_reentrancy_guard;
	bool was = guard->engaged_in_io;

	guard->engaged_in_io = true;
	return was;
}

static void guard_restore(CardState *s, bool was)
{
	DEVICE(s)->mem_reentrancy_guard.engaged_in_io = was;
}

/* BARs */

static uint64_t bar_read(void *opaque, hwaddr addr, unsigned int size)
{
	CardBar *b = opaque;

	return card_bar_read(b->s->card, b->bar, addr, size);
}

static void bar_write(void *opaque, hwaddr addr, uint64_t val,
		      unsigned int size)
{
	CardBar *b = opaque;

	card_bar_write(b->s->card, b->bar, addr, val, size);
}

static const MemoryRegionOps bar_ops = {
	.read = bar_read,
	.write = bar_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 1, .max_access_size = 8 },
	.impl = { .min_access_size = 1, .max_access_size = 8 },
};

static CardState *vf_card(void *opaque, unsigned int *vf)
{
	PCIDevice *d = PCI_DEVICE(opaque);

	*vf = pcie_sriov_vf_number(d);
	return CARD(pcie_sriov_get_pf(d));
}

#define VF_BAR_OPS(n)							\
static uint64_t vf_bar##n##_read(void *opaque, hwaddr addr,		\
				 unsigned int size)			\
{									\
	unsigned int vf;						\
	CardState *s = vf_card(opaque, &vf);				\
									\
	return card_vf_bar_read(s->card, vf, n, addr, size);		\
}									\
									\
static void vf_bar##n##_write(void *opaque, hwaddr addr, uint64_t val,	\
			      unsigned int size)			\
{									\
	unsigned int vf;						\
	CardState *s = vf_card(opaque, &vf);				\
									\
	card_vf_bar_write(s->card, vf, n, addr, val, size);		\
}									\
									\
static const MemoryRegionOps vf_bar##n##_ops = {			\
	.read = vf_bar##n##_read,					\
	.write = vf_bar##n##_write,					\
	.endianness = DEVICE_LITTLE_ENDIAN,				\
	.valid = { .min_access_size = 1, .max_access_size = 8 },	\
	.impl = { .min_access_size = 1, .max_access_size = 8 },		\
}

VF_BAR_OPS(0);
VF_BAR_OPS(2);

/* Wires */

static bool wire_can_receive(NetClientState *nc)
{
	return true;
}

static ssize_t wire_receive(NetClientState *nc, const uint8_t *buf, size_t len)
{
	CardWire *w = qemu_get_nic_opaque(nc);

	bool was = guard_engage(w->s);

	card_wire_in(w->s->card, w->n, buf, len);
	guard_restore(w->s, was);
	return len;
}

static void wire_link_changed(NetClientState *nc)
{
	CardWire *w = qemu_get_nic_opaque(nc);

	bool was = guard_engage(w->s);

	card_cable(w->s->card, w->n, !nc->link_down);
	guard_restore(w->s, was);
}

static NetClientInfo wire_info = {
	.type = NET_CLIENT_DRIVER_NIC,
	.size = sizeof(NICState),
	.can_receive = wire_can_receive,
	.receive = wire_receive,
	.link_status_changed = wire_link_changed,
};

static void wires_init(CardState *s)
{
	unsigned int i;
	char name[32];

	for (i = 0; i < CARD_MAX_WIRES; i++) {
		CardWire *w = &s->wire[i];

		w->s = s;
		w->n = i;
		if (!w->conf.peers.ncs[0])
			continue;
		w->conf.peers.queues = 1;
		snprintf(name, sizeof(name), "%s.wire%u",
			 DEVICE(s)->id ?: TYPE_CARD, i);
		w->nic = qemu_new_nic(&wire_info, &w->conf, TYPE_CARD, name,
				      &DEVICE(s)->mem_reentrancy_guard, w);
	}
}

/* Configuration space */

static void card_pci_config_write(PCIDevice *d, uint32_t addr, uint32_t val,
				  int len)
{
	CardState *s = CARD(d);

	if (addr >= CFG_SLOTS && addr < CFG_SLOTS_END) {
		if (len == 4)
			card_config_write(s->card, addr, val);
		return;
	}
	pci_default_write_config(d, addr, val, len);
	pcie_cap_flr_write_config(d, addr, val, len);
	pcie_aer_write_config(d, addr, val, len);
}

static void vf_config_write(PCIDevice *d, uint32_t addr, uint32_t val, int len)
{
	pci_default_write_config(d, addr, val, len);
	pcie_cap_flr_write_config(d, addr, val, len);
	pcie_aer_write_config(d, addr, val, len);
}

/* QMP */

static void counter_line(void *opaque, const char *name, uint64_t value)
{
	g_string_append_printf(opaque, "%s %" PRIu64 "\n", name, value);
}

static char *get_counters(Object *obj, Error **errp)
{
	GString *text = g_string_new("");

	if (CARD(obj)->card)
		card_counters(CARD(obj)->card, counter_line, text);
	return g_string_free(text, false);
}

static void event_line(void *opaque, uint64_t first, uint64_t last,
		       unsigned int count, const char *kind, uint32_t arg)
{
	g_string_append_printf(opaque, "%" PRIu64 " %" PRIu64 " %u %s %u\n", first,
			       last, count, kind, arg);
}

static char *get_events(Object *obj, Error **errp)
{
	GString *text = g_string_new("");

	if (CARD(obj)->card)
		card_events(CARD(obj)->card, event_line, text);
	return g_string_free(text, false);
}

static void fault_line(void *opaque, const char *name, const char *value,
		       const char *help)
{
	g_string_append_printf(opaque, "%s=%s\t%s\n", name, value, help);
}

static char *get_faults(Object *obj, Error **errp)
{
	GString *text = g_string_new("");

	if (CARD(obj)->card)
		card_faults(CARD(obj)->card, fault_line, text);
	return g_string_free(text, false);
}

static void set_fault(Object *obj, const char *value, Error **errp)
{
	CardState *s = CARD(obj);
	bool was = guard_engage(s);

	if (!s->card || !card_fault(s->card, value))
		error_setg(errp, "no such fault: %s", value);
	guard_restore(s, was);
}

static void set_cable(Object *obj, const char *value, Error **errp)
{
	CardState *s = CARD(obj);
	unsigned int wire;
	bool on, was;
	int end = 0;

	if (sscanf(value, "%u on%n", &wire, &end) == 1 && end)
		on = true;
	else if (sscanf(value, "%u off%n", &wire, &end) == 1 && end)
		on = false;
	if (!end || value[end] || wire >= CARD_MAX_WIRES) {
		error_setg(errp, "cable takes \"WIRE on\" or \"WIRE off\"");
		return;
	}
	if (!s->card) {
		error_setg(errp, "the card is not there yet");
		return;
	}
	was = guard_engage(s);
	card_cable(s->card, wire, on);
	guard_restore(s, was);
}

/* Life and death */

/* 8 GT/s, eight lanes */
static void set_link(PCIDevice *d)
{
	uint8_t *exp = d->config + d->exp.exp_cap;

	pci_set_long(exp + PCI_EXP_LNKCAP,
		     (pci_get_long(exp + PCI_EXP_LNKCAP) &
		      ~(PCI_EXP_LNKCAP_SLS | PCI_EXP_LNKCAP_MLW)) |
		     PCI_EXP_LNKCAP_SLS_8_0GB | 8 << 4);
	pci_set_word(exp + PCI_EXP_LNKSTA,
		     (pci_get_word(exp + PCI_EXP_LNKSTA) &
		      ~(PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW)) |
		     PCI_EXP_LNKSTA_CLS_8_0GB | 8 << PCI_EXP_LNKSTA_NLW_SHIFT);
	pci_set_long(exp + PCI_EXP_LNKCAP2, PCI_EXP_LNKCAP2_SLS_2_5GB |
		     PCI_EXP_LNKCAP2_SLS_5_0GB | PCI_EXP_LNKCAP2_SLS_8_0GB);
}

static bool caps_init(CardState *s, Error **errp)
{
	PCIDevice *d = PCI_DEVICE(s);

	if (pci_add_capability(d, PCI_CAP_ID_PM, CAP_PM, PCI_PM_SIZEOF, errp) < 0)
		return false;
	pci_set_word(d->config + CAP_PM + PCI_PM_PMC, 3);
	if (msix_init(d, CARD_PF_VECTORS, &s->bar[0].mr, 0, 0, &s->bar[0].mr, 0,
		      CARD_PF_PBA, CAP_MSIX, errp))
		return false;
	for (unsigned int i = 0; i < CARD_PF_VECTORS; i++)
		msix_vector_use(d, i);
	if (pcie_endpoint_cap_init(d, CAP_EXP) < 0) {
		error_setg(errp, "agilio-card needs a PCI Express slot");
		return false;
	}
	pcie_cap_flr_init(d);
	set_link(d);
	if (pcie_aer_init(d, PCI_ERR_VER, CAP_AER, CAP_AER_SIZE, errp) < 0)
		return false;
	pcie_ari_init(d, CAP_ARI);
	pcie_dev_ser_num_init(d, CAP_DSN, card_serial_number(s->card));
	if (!pcie_sriov_pf_init(d, CAP_SRIOV, TYPE_CARD_VF, DEVICE_VF, TOTAL_VFS,
				TOTAL_VFS, VF_OFFSET, VF_STRIDE, errp))
		return false;
	pcie_sriov_pf_init_vf_bar(d, 0, BAR_TYPE, CARD_VF_BAR0_SIZE);
	pcie_sriov_pf_init_vf_bar(d, 2, BAR_TYPE, CARD_VF_BAR2_SIZE);
	return true;
}

/* All but wires and VFs; does nothing for what is not there */
static void card_destroy(CardState *s)
{
	PCIDevice *d = PCI_DEVICE(s);

	pcie_aer_exit(d);
	pcie_cap_exit(d);
	msix_unuse_all_vectors(d);
	msix_uninit(d, &s->bar[0].mr, &s->bar[0].mr);
	qemu_bh_delete(s->bh);
	timer_free(s->timer);
	card_free(s->card);
	s->card = NULL;
}

static void card_realize(PCIDevice *d, Error **errp)
{
	static const uint32_t size[] = {
		CARD_BAR0_SIZE, CARD_BAR2_SIZE, CARD_BAR4_SIZE
	};
	CardState *s = CARD(d);
	const char *why;
	unsigned int i;

	if (s->board)
		s->cfg.board = s->board;
	if (s->profile)
		s->cfg.profile = s->profile;
	s->cfg.media = s->media;
	s->cfg.flash = s->flash;
	s->card = card_new(&s->cfg, &host_ops, s, &why);
	if (!s->card) {
		error_setg(errp, "agilio-card: %s", why);
		return;
	}
	s->bh = qemu_bh_new_guarded(on_bh, s, &DEVICE(s)->mem_reentrancy_guard);
	s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, on_timer, s);
	pci_config_set_device_id(d->config, s->device_id);
	d->config_write = card_pci_config_write;
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		s->bar[i].s = s;
		s->bar[i].bar = 2 * i;
		memory_region_init_io(&s->bar[i].mr, OBJECT(s), &bar_ops,
				      &s->bar[i], "agilio-card-bar", size[i]);
		pci_register_bar(d, 2 * i, BAR_TYPE_PREF, &s->bar[i].mr);
	}
	if (!caps_init(s, errp)) {
		card_destroy(s);
		return;
	}
	wires_init(s);
}

static void card_unrealize(PCIDevice *d)
{
	CardState *s = CARD(d);
	unsigned int i;

	for (i = 0; i < CARD_MAX_WIRES; i++)
		if (s->wire[i].nic)
			qemu_del_nic(s->wire[i].nic);
	pcie_sriov_pf_exit(d);
	card_destroy(s);
}

static void card_reset_hold(Object *obj, ResetType type)
{
	PCIDevice *d = PCI_DEVICE(obj);

	if (pci_is_vf(d))
		card_flr(CARD(pcie_sriov_get_pf(d))->card,
			 CARD_FN_VF(pcie_sriov_vf_number(d)));
	else
		card_flr(CARD(obj)->card, CARD_FN_PF);
}

static void card_instance_init(Object *obj)
{
	card_config_default(&CARD(obj)->cfg);
	object_property_add_str(obj, "counters", get_counters, NULL);
	object_property_add_str(obj, "fault", get_faults, set_fault);
	object_property_add_str(obj, "events", get_events, NULL);
	object_property_add_str(obj, "cable", NULL, set_cable);
}

static const Property card_properties[] = {
	DEFINE_PROP_STRING("board", CardState, board),
	DEFINE_PROP_STRING("media", CardState, media),
	DEFINE_PROP_STRING("profile", CardState, profile),
	DEFINE_PROP_STRING("flash", CardState, flash),
	DEFINE_PROP_UINT32("device-id", CardState, device_id, DEVICE_PF),
	DEFINE_PROP_UINT8("serial", CardState, cfg.serial_low, 0),
	DEFINE_PROP_UINT32("nsp-minor", CardState, cfg.nsp_minor, 39),
	DEFINE_PROP_BOOL("nsp-dma", CardState, cfg.nsp_dma, true),
	DEFINE_PROP_BOOL("repr-cap", CardState, cfg.repr_cap, false),
	DEFINE_PROP_BOOL("ctag-filter", CardState, cfg.ctag_filter, false),
	DEFINE_PROP_BOOL("tx-vlan", CardState, cfg.tx_vlan, false),
	DEFINE_PROP_UINT32("stats-ms", CardState, cfg.stats_ms, 1000),
	DEFINE_PROP_UINT32("active-ms", CardState, cfg.active_ms, 5000),
	DEFINE_PROP_BOOL("encap-df", CardState, cfg.encap_df, false),
	DEFINE_PROP_UINT32("contexts", CardState, cfg.contexts, 0),
	DEFINE_PROP_UINT32("cap-off", CardState, cfg.cap_off, 0),
	DEFINE_PROP_UINT32("flow-byte-overhead", CardState, cfg.flow_overhead, 14),
	DEFINE_PROP_NETDEV("wire0", CardState, wire[0].conf.peers),
	DEFINE_PROP_NETDEV("wire1", CardState, wire[1].conf.peers),
	DEFINE_PROP_NETDEV("wire2", CardState, wire[2].conf.peers),
	DEFINE_PROP_NETDEV("wire3", CardState, wire[3].conf.peers),
	DEFINE_PROP_NETDEV("wire4", CardState, wire[4].conf.peers),
	DEFINE_PROP_NETDEV("wire5", CardState, wire[5].conf.peers),
	DEFINE_PROP_NETDEV("wire6", CardState, wire[6].conf.peers),
	DEFINE_PROP_NETDEV("wire7", CardState, wire[7].conf.peers),
};

/*
 * Headers and program must agree on the layout of what is shared; the place
 * of a field near the end of PCIDevice tells.
 */
static void check_layout(void)
{
	DeviceClass *dc = DEVICE_CLASS(object_class_by_name(TYPE_PCI_DEVICE));
	unsigned int i;

	for (i = 0; i < dc->props_count_; i++)
		if (!strcmp(dc->props_[i].name, "acpi-index") &&
		    dc->props_[i].offset == offsetof(PCIDevice, acpi_index))
			return;
	error_report("agilio-card.so was built for another QEMU");
	exit(1);
}

static void ids(PCIDeviceClass *c, uint16_t device)
{
	c->vendor_id = VENDOR;
	c->device_id = device;
	c->subsystem_vendor_id = VENDOR;
	c->subsystem_id = SUBSYS;
	c->class_id = PCI_CLASS_NETWORK_ETHERNET;
}

/* What the card knows is in no stream: saving it would lose it silently */
static const VMStateDescription card_vmstate = {
	.name = TYPE_CARD,
	.unmigratable = 1,
};

static const VMStateDescription vf_vmstate = {
	.name = TYPE_CARD_VF,
	.unmigratable = 1,
};

static void card_class_init(ObjectClass *class, void *data)
{
	DeviceClass *dc = DEVICE_CLASS(class);
	PCIDeviceClass *c = PCI_DEVICE_CLASS(class);

	check_layout();
	c->realize = card_realize;
	c->exit = card_unrealize;
	ids(c, DEVICE_PF);
	RESETTABLE_CLASS(class)->phases.hold = card_reset_hold;
	dc->desc = "Agilio CX SmartNIC";
	dc->vmsd = &card_vmstate;
	dc->hotpluggable = false;
	device_class_set_props(dc, card_properties);
	set_bit(DEVICE_CATEGORY_NETWORK, dc->categories);
}

static void vf_unrealize(PCIDevice *d)
{
	CardVFState *s = CARD_VF(d);

	pcie_aer_exit(d);
	pcie_cap_exit(d);
	msix_unuse_all_vectors(d);
	msix_uninit(d, &s->bar0, &s->bar0);
}

static void vf_realize(PCIDevice *d, Error **errp)
{
	CardVFState *s = CARD_VF(d);

	d->config_write = vf_config_write;
	memory_region_init_io(&s->bar0, OBJECT(s), &vf_bar0_ops, s,
			      "agilio-card-vf-ctrl", CARD_VF_BAR0_SIZE);
	pci_register_bar(d, 0, BAR_TYPE, &s->bar0);
	memory_region_init_io(&s->bar2, OBJECT(s), &vf_bar2_ops, s,
			      "agilio-card-vf-queues", CARD_VF_BAR2_SIZE);
	pci_register_bar(d, 2, BAR_TYPE, &s->bar2);
	/* One card, one guard */
	s->bar0.dev = DEVICE(pcie_sriov_get_pf(d));
	s->bar2.dev = DEVICE(pcie_sriov_get_pf(d));
	if (msix_init(d, CARD_VF_VECTORS, &s->bar0, 0, CARD_VF_MSIX, &s->bar0, 0,
		      CARD_VF_PBA, CAP_MSIX, errp))
		return;
	for (unsigned int i = 0; i < CARD_VF_VECTORS; i++)
		msix_vector_use(d, i);
	if (pcie_endpoint_cap_init(d, CAP_EXP) < 0) {
		error_setg(errp, "no PCI Express capability");
		vf_unrealize(d);
		return;
	}
	pcie_cap_flr_init(d);
	if (pcie_aer_init(d, PCI_ERR_VER, CAP_AER, CAP_AER_SIZE, errp) < 0) {
		vf_unrealize(d);
		return;
	}
	pcie_ari_init(d, CAP_ARI);
}

static void vf_class_init(ObjectClass *class, void *data)
{
	DeviceClass *dc = DEVICE_CLASS(class);
	PCIDeviceClass *c = PCI_DEVICE_CLASS(class);

	c->realize = vf_realize;
	c->exit = vf_unrealize;
	ids(c, DEVICE_VF);
	RESETTABLE_CLASS(class)->phases.hold = card_reset_hold;
	dc->desc = "Agilio CX virtual function";
	dc->vmsd = &vf_vmstate;
	dc->user_creatable = false;
	set_bit(DEVICE_CATEGORY_NETWORK, dc->categories);
}

static const TypeInfo card_types[] = {
	{
		.name = TYPE_CARD,
		.parent = TYPE_PCI_DEVICE,
		.instance_size = sizeof(CardState),
		.instance_init = card_instance_init,
		.class_init = card_class_init,
		.interfaces = (InterfaceInfo[]) {
			{ INTERFACE_PCIE_DEVICE }, { }
		},
	}, {
		.name = TYPE_CARD_VF,
		.parent = TYPE_PCI_DEVICE,
		.instance_size = sizeof(CardVFState),
		.class_init = vf_class_init,
		.interfaces = (InterfaceInfo[]) {
			{ INTERFACE_PCIE_DEVICE }, { }
		},
	},
};

DEFINE_TYPES(card_types)
