# SPDX-License-Identifier: GPL-2.0-only
# See README.md; "make help" lists the targets.

KDIR ?= /lib/modules/$(shell uname -r)/build
BENCH ?= bench
SECONDS ?= 60

.PHONY: modules modules_install run test shell bench bench-wall fuzz lint clean help

modules modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

run:
	@scripts/lab run --driver agilio scripts/demo

test:
	@scripts/test

shell:
	@scripts/lab shell --driver agilio

bench:
	@scripts/lab run --driver none --icount --timeout 900 --out $(BENCH) scripts/bench

bench-wall:
	@scripts/lab run --driver none --timeout 7200 --memory 6144 --out $(BENCH) \
		scripts/bench --wall

fuzz:
	@scripts/lab chroot "make -s -j2 -C tools/card O=/tmp/card-fuzz SECONDS=$(SECONDS) fuzz"

lint:
	@scripts/lint

clean:
	$(MAKE) -C tools/card clean
	-$(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf bench

help:
	@echo 'make                  agilio.ko for the running kernel, or for KDIR='
	@echo 'make modules_install  put it in place'
	@echo 'make run              Open vSwitch on the card, in the lab (root)'
	@echo 'make shell            a root shell in the lab'
	@echo 'make test             all tests (root); the last line says passed, failed, skipped'
	@echo 'make bench            instructions a rule: agilio.ko, nfp.ko, software; into BENCH=bench'
	@echo 'make bench-wall       the same by the clock, and traffic: two hours'
	@echo 'make fuzz             hostile inputs for the card model, SECONDS=60 each of three'
	@echo 'make lint             checkpatch, sparse, W=1, gcc, clang, shellcheck, python'
	@echo 'make clean            remove what was built here; the cache: scripts/lab clean'
