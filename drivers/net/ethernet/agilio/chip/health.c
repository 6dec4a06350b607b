// SPDX-License-Identifier: GPL-2.0-only
/*
 * What doesn't answer any more. Nobody waits for it again: a waiter that runs
 * into its time limit says so here, and all look here before they wait.
 */
#include "chip.h"

static const char * const faults[AGL_FAULTS] = {
	[AGL_FAULT_GONE] = "the card is gone: it reads as all ones",
	[AGL_FAULT_LOCK] = "a lock in the card is held for ever",
	[AGL_FAULT_NSP] = "the service processor does not answer",
	[AGL_FAULT_UPDATE] = "the firmware does not answer to reconfigurations",
	[AGL_FAULT_QUEUE] = "the card takes no messages",
	[AGL_FAULT_REPLY] = "the firmware does not answer to messages",
	[AGL_FAULT_LOST] = "what the card was told is lost: load the driver anew",
};

/* A function that is unplugged, held by error recovery or asleep */
static bool chip_gone(struct agl_chip *chip)
{
	if (test_bit(AGL_FAULT_GONE, &chip->faults))
		return true;
	/* A slot word is never all ones */
	if (!pci_channel_offline(chip->pdev) &&
	    (!chip->csr || readl(chip->csr) != U32_MAX))
		return false;
	agl_chip_fault(chip, AGL_FAULT_GONE);
	return true;
}

/**
 * agl_chip_fault - note that something does not answer
 * @chip: card
 * @fault: what; the log has it once
 */
void agl_chip_fault(struct agl_chip *chip, enum agl_fault fault)
{
	/* Of a card that is gone no more is known, but of us there may be */
	if (fault != AGL_FAULT_GONE && fault != AGL_FAULT_LOST &&
	    chip_gone(chip))
		return;
	if (!test_and_set_bit(fault, &chip->faults))
		dev_err(&chip->pdev->dev, "%s\n", faults[fault]);
}

/**
 * agl_chip_noted - whether a fault was noted, and nothing else
 * @chip: card
 * @fault: what
 *
 * Return: true if it was and has not been mended.
 */
bool agl_chip_noted(const struct agl_chip *chip, enum agl_fault fault)
{
	return test_bit(fault, &chip->faults);
}

/**
 * agl_chip_mended - note that it answers again
 * @chip: card
 * @fault: what was noted
 */
void agl_chip_mended(struct agl_chip *chip, enum agl_fault fault)
{
	if (test_and_clear_bit(fault, &chip->faults))
		dev_info(&chip->pdev->dev, "no longer: %s\n", faults[fault]);
}

/**
 * agl_chip_dead - whether waiting for something is in vain
 * @chip: card
 * @fault: what
 *
 * Return: true if it doesn't answer, or the whole card is gone.
 */
bool agl_chip_dead(struct agl_chip *chip, enum agl_fault fault)
{
	return test_bit(fault, &chip->faults) || chip_gone(chip);
}

/**
 * agl_chip_back - whether a card that was gone is there again
 * @chip: card
 *
 * Nothing that was written meanwhile has reached it: windows are set up anew,
 * and locks that could not be given back are.
 *
 * Return: true the first time that it answers.
 */
bool agl_chip_back(struct agl_chip *chip)
{
	if (!test_bit(AGL_FAULT_GONE, &chip->faults) ||
	    pci_channel_offline(chip->pdev) || readl(chip->csr) == U32_MAX)
		return false;
	agl_chip_remap(chip);
	agl_chip_mended(chip, AGL_FAULT_GONE);
	mutex_lock(&chip->nsp_lock);
	agl_resources_init(chip);
	mutex_unlock(&chip->nsp_lock);
	return true;
}

/**
 * agl_chip_known_dead - the same without asking the card, for hot paths
 * @chip: card
 * @fault: what
 *
 * Return: as agl_chip_dead().
 */
bool agl_chip_known_dead(const struct agl_chip *chip, enum agl_fault fault)
{
	unsigned long mask = BIT(fault) | BIT(AGL_FAULT_GONE);

	return READ_ONCE(chip->faults) & mask;
}
