# SPDX-License-Identifier: GPL-2.0-only
"""What scripts/lab is made of."""
