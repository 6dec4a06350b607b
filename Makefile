# SPDX-License-Identifier: GPL-2.0-only
# See README.md; "make help" lists the targets.

.PHONY: help modules shell test lint clean

help:
	@echo 'make shell   root shell in a Debian guest with the card, under mainline nfp'
	@echo 'make test    all tests (root; builds what it needs into the cache)'
	@echo 'make lint    checkpatch --strict, shellcheck, python'
	@echo 'make clean   remove what was built in the tree; the cache: scripts/lab clean'

KDIR ?= /lib/modules/$(shell uname -r)/build

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

shell:
	scripts/lab shell --driver nfp

test:
	@scripts/test

lint:
	@scripts/lint

clean:
	$(MAKE) -C tools/card clean
