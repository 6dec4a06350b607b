# SPDX-License-Identifier: GPL-2.0-only
"""What the tests in the guest share."""
