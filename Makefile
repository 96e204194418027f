# The front door. `make help` lists the targets; docs and README.md explain them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BUILD ?= build/release
OUT ?= out
KERNEL ?=
KERNEL_VERSION ?= $(or $(KERNEL),6.12)
CRIU_VERSION ?= default
RECIPE ?= kata
PREFIX ?= /usr/local
# The demo's image gets the modules of the kernel that it is made for: a distribution's has some.
MODULES ?= $(if $(filter demo,$(RECIPE)),$(shell \
	  k=$$(readlink "$(OUT)/vmlinux.container") && ls -d "$(OUT)/lib/modules/$$(echo "$$k" | cut -d- -f2-)" 2> /dev/null))
JOBS ?= $(shell nproc)
BIN := $(BUILD)/bin
PROGRAMS := kcheck kernel-builder criu-builder rootfs-builder guest-run guest-checkpoint demo-guest demo-workload
# On a terminal ninja shows how far it is; elsewhere a line says that it takes a while, and one each half minute how far
# it is.
ninja = if [ -t 1 ]; then ninja -C "$(BUILD)" $(1); else \
	  [ -x "$(BIN)/kcheck" ] || echo "compiling, a quarter of an hour on two cores the first time"; \
	  scripts/progress.sh compiling "$(BUILD)/make.log" ninja -C "$(BUILD)" $(1) || \
	    { s=$$?; grep -v '^\[[0-9]*/[0-9]*\] ' "$(BUILD)/make.log" | head -n 60 >&2 || true; exit $$s; }; \
	  grep -e 'warning: ' "$(BUILD)/make.log" >&2 || true; fi
configure = [ -f "$(BUILD)/build.ninja" ] || { echo "configuring"; mkdir -p "$(BUILD)"; \
	  cmake -S . -B "$(BUILD)" -G Ninja -DCMAKE_BUILD_TYPE=Release > "$(BUILD)/configure.log" 2>&1 || \
	    { s=$$?; tail -n 30 "$(BUILD)/configure.log" >&2; exit $$s; }; }
ifneq ($(CACHE),)
export CRIU_GUEST_CACHE := $(shell realpath -ms "$(CACHE)")
endif

.PHONY: all tools lab proof test-programs deps deps-if-missing test-deps-if-missing guest-kernel criu rootfs vm-check demo compatibility check check-long fuzz mutate lore bench install release release-verify release-deps-if-missing package site demo-picture clean help

all: tools

help:
	@sed -n 's/^## //p' Makefile

## make                      build the tools
## make deps                 install what is missing (root or sudo)
deps:
	@scripts/deps.sh

deps-if-missing:
	@scripts/deps.sh tools check || scripts/deps.sh tools

test-deps-if-missing:
	@scripts/deps.sh check || scripts/deps.sh

tools: deps-if-missing
	@$(configure)
	@$(call ninja,$(PROGRAMS) manual)

# The tests' programs as well.
test-programs: test-deps-if-missing tools
	@$(call ninja,all)

## make guest-kernel         the guest kernel [KERNEL_VERSION=6.12|debian] [FRAGMENTS="extra.conf"] [BASE=your.config]
##                           [SOURCE=linux.tar.xz] [SHA256=of the source]
guest-kernel: tools
	@"$(BIN)"/kernel-builder build "$(KERNEL_VERSION)" -o "$(OUT)" -j $(JOBS) \
	  $(foreach f,$(FRAGMENTS),--fragments "$(f)") $(if $(BASE),--base "$(BASE)") \
	  $(if $(SOURCE),--source "$(SOURCE)") $(if $(SHA256),--sha256 "$(SHA256)")

## make criu                 a static CRIU [CRIU_VERSION=4.2.1] [SOURCE=criu.tar.gz]
criu: tools
	@"$(BIN)"/criu-builder build "$(CRIU_VERSION)" -o "$(OUT)" $(if $(SOURCE),--source "$(SOURCE)")

## make rootfs               a root image [RECIPE=kata|demo|kata-extension] [CRIU_VERSION=4.2.1]
##                           [AGENT=path/to/kata-agent] [MODULES=out/lib/modules/RELEASE]
rootfs: criu
	@v=$$("$(BIN)"/criu-builder resolve "$(CRIU_VERSION)"); \
	[ ! -d "$(OUT)/criu-$$v.d" ] || { echo "CRIU $$v is to be had as a distribution's binary with libraries of its own only: for make lab, not for an image" >&2; exit 3; }; \
	if [ "$(RECIPE)" = kata ]; then image=kata-criu-$$v.img; else image="$(RECIPE).img"; fi; \
	"$(BIN)"/rootfs-builder build "$(RECIPE)" -o "$(OUT)/$$image" --set criu="$(OUT)/criu-$$v" --set kcheck="$(BIN)/kcheck" \
	  --set guest-checkpoint="$(BIN)/guest-checkpoint" $(if $(AGENT),--set agent="$(AGENT)") \
	  $(if $(MODULES),--set modules="$(MODULES)"); \
	if [ "$(RECIPE)" = kata ]; then ln -sfn "$$image" "$(OUT)/kata-containers.img"; fi

## make vm-check             boots that image and asks kcheck inside it [RECIPE=demo] [CRIU_VERSION=4.2.1]
vm-check: guest-kernel rootfs
	@v=$$("$(BIN)"/criu-builder resolve "$(CRIU_VERSION)"); \
	if [ "$(RECIPE)" = kata ]; then image=kata-criu-$$v.img; else image="$(RECIPE).img"; fi; \
	"$(BIN)"/guest-run --kernel "$(OUT)/vmlinux.container" --image "$(OUT)/$$image" --timeout 300 -- kcheck --criu=$$v

## make demo                 everything, up to a container that is checkpointed and restored [CRIU_VERSION=4.2.1]
##                           [KERNEL=debian: the distribution's, unpacked in seconds instead of built]
demo:
	@BIN="$(BIN)" OUT="$(OUT)" CRIU_VERSION="$(CRIU_VERSION)" KERNEL="$(KERNEL)" MAKE=$(MAKE) demo/run.sh

## make lab                  kcheck's word against CRIU's deed, case by case in a guest
##                           [LAB_CRIU="4.2.1 4.3"|all] [LAB_CASES="..."]
lab: tools
	@$(call ninja,lab-guest)
	@BIN="$(BIN)" OUT="$(OUT)" MAKE=$(MAKE) lab/run.sh

## make compatibility        what one CRIU dumped, restored by another, in a guest [LAB_CRIU="3.17.1 … 4.3"]
compatibility: tools
	@$(call ninja,lab-guest)
	@BIN="$(BIN)" OUT="$(OUT)" MAKE=$(MAKE) LAB_ACROSS=1 LAB_CRIU="$(or $(LAB_CRIU),3.17.1 3.19 4.1.1 4.2.1 4.3)" lab/run.sh

## make proof                redis, postgresql, java and others through a checkpoint and back, row by row, resumable (docs/proof.md)
##                           [ROWS="redis/4.2.1/6.12/tree sleep/*"] [PROOF_CRIU="4.1.1 4.2.1 4.3"] [PROOF_KERNELS="6.12 7.3"]
proof: tools
	@$(call ninja,proof-guest)
	@BIN="$(BIN)" OUT="$(OUT)" MAKE=$(MAKE) ROWS="$(ROWS)" DOCS="$(DOCS)" proof/run.sh

## make check                all tests that fit an hour
check:
	@BUILD="$(BUILD)" OUT="$(OUT)" MAKE=$(MAKE) tests/check.sh

## make check-long           the exhaustive ones as well: rebuilt kernels, every CRIU version
check-long:
	@BUILD="$(BUILD)" OUT="$(OUT)" MAKE=$(MAKE) tests/check.sh long

## make mutate               do the tests bite? one change of the sources at a time [ONLY=TEXT]
mutate: test-deps-if-missing
	@tests/mutate/run.py $(foreach t,$(ONLY),--only $(t))

## make fuzz                 every fuzzer for a while [SECONDS=20] [TARGETS="kconfig-config"]
SECONDS ?= 20
fuzz: test-deps-if-missing
	@OUT="$(OUT)" tests/fuzz/run.sh $(SECONDS) $(TARGETS)

## make bench                figures against limits and peers, medians
bench:
	@BIN="$(BIN)" OUT="$(OUT)" MAKE=$(MAKE) PROGRAMS="$(PROGRAMS)" tests/bench/run.sh

## make lore                 what explain answers of CRIU's own error texts [TREES="CRIU-SOURCE-TREE…"]
lore: test-deps-if-missing
	@$(configure)
	@$(call ninja,lore)
	@"$(BIN)"/lore --check tests/lore/summary.txt $(or $(TREES),$(error give the source trees of CRIU: make lore TREES="DIR…"))

## make install              the tools and recipes [PREFIX=/usr/local] [DESTDIR=]
install: tools
	@DESTDIR="$(DESTDIR)" cmake --install "$(BUILD)" --prefix "$(PREFIX)" > /dev/null
	@echo "installed to $(DESTDIR)$(PREFIX); the tools are in $(DESTDIR)$(PREFIX)/bin"

## make release              a commit as a release, in out/release/VERSION: source, tools, Kata's archives, SBOM, provenance
##                           [VERSION=1.4.0] [KEY=secret key of minisign or openssl] [AGENT=path/to/kata-agent]
##                           [PARTS="tools kernel criu image extension initrd"] [KERNEL_VERSION=6.12] [CRIU_VERSION=4.2.1]
release: release-deps-if-missing tools
	@BUILD="$(BUILD)" OUT="$(OUT)" MAKE=$(MAKE) VERSION="$(VERSION)" KEY="$(KEY)" AGENT="$(AGENT)" PARTS="$(PARTS)" \
	  KERNEL_VERSION="$(KERNEL_VERSION)" CRIU_VERSION="$(CRIU_VERSION)" scripts/release.sh

## make release-verify       is it, to the last bit, what was released? Offline [DIR=out/release/latest] [PUBKEY=public key]
release-verify: release-deps-if-missing
	@OUT="$(OUT)" PUBKEY="$(PUBKEY)" scripts/release-verify.sh $(if $(DIR),"$(DIR)")

release-deps-if-missing:
	@scripts/deps.sh release check || scripts/deps.sh release

## make package              a Debian package of what `make install` installs, in out/packages
package: tools
	@scripts/deps.sh package check || scripts/deps.sh package
	@BUILD="$(BUILD)" OUT="$(OUT)" scripts/package.sh

## make site                 README.md, docs/ and all that kcheck knows as pages with a search, in out/site, to be opened as files
site: tools
	@scripts/deps.sh site check || scripts/deps.sh site
	@BIN="$(BIN)" OUT="$(OUT)" scripts/site/build.sh

## make demo-picture         a `make demo`, and of what it said docs/demo.svg, the picture of README.md
demo-picture:
	@scripts/deps.sh site check || scripts/deps.sh site
	@mkdir -p "$(OUT)"
	@scripts/progress.sh "running make demo" "$(OUT)/demo.log" $(MAKE) demo || { s=$$?; tail -n 20 "$(OUT)/demo.log" >&2; exit $$s; }
	@scripts/site/picture.sh "$(OUT)/demo.log" docs/demo.svg

##
## everywhere: BUILD=build/release (the tools' build tree) OUT=out (results) JOBS=N
##             CACHE=DIR (downloads and reusable builds; default: XDG_CACHE_HOME/criu-guest)
clean:
	@rm -rf build "$(OUT)"
