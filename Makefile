# The front door. `make help` lists the targets; docs and README.md explain them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BUILD ?= build/release
OUT ?= out
KERNEL_VERSION ?= 6.12
CRIU_VERSION ?= default
RECIPE ?= kata
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
TOOLS := $(BUILD)/tools
ifneq ($(CACHE),)
export CRIU_GUEST_CACHE := $(abspath $(CACHE))
endif

.PHONY: all tools deps deps-if-missing guest-kernel criu rootfs vm-check demo check check-long bench install clean help

all: tools

help:
	@sed -n 's/^## //p' Makefile

## make                      build the tools
## make deps                 install what is missing (root or sudo)
deps:
	@scripts/deps.sh

deps-if-missing:
	@scripts/deps.sh check || scripts/deps.sh

tools: deps-if-missing
	@[ -f $(BUILD)/build.ninja ] || cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release
	@ninja -C $(BUILD) --quiet

## make guest-kernel         the guest kernel [KERNEL_VERSION=6.12] [FRAGMENTS="extra.conf"] [SOURCE=linux.tar.xz]
guest-kernel: tools
	@$(TOOLS)/kernel-builder build $(KERNEL_VERSION) -o $(OUT) -j $(JOBS) \
	  $(foreach f,$(FRAGMENTS),--fragments $(f)) $(if $(SOURCE),--source $(SOURCE))

## make criu                 a static CRIU [CRIU_VERSION=4.1.1] [SOURCE=criu.tar.gz]
criu: tools
	@$(TOOLS)/criu-builder build $(CRIU_VERSION) -o $(OUT) $(if $(SOURCE),--source $(SOURCE))
