# Apus. `make help` lists what there is.

SWIFT   ?= swift
BUILD   := .build/release
CLANG   := clang
PACKAGES := pkg-config libopenblas-dev liblapacke-dev libpcre2-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev opencl-headers ocl-icd-libopencl1 pocl-opencl-icd

# Conformance: where the golden data lie, on which device, and which folders of it.
FIXTURES ?= $(if $(wildcard ../shared/conformance),../shared/conformance,Tests/Fixtures)
DEVICE   ?= cpu
ONLY     ?=

.PHONY: help run test bench lint conformance fuzz bundle story-model clean build deps test-c leak-check isa-check

help:            ## Show this list
	@grep -hE '^[a-z-]+: .*##' Makefile | sed -E 's/: .*## /\t/' | expand -t 14

run: deps build  ## Install the packages, build, show what this machine can do, train two models
	$(BUILD)/apus demo

# With the headers for the compile check of the NEON kernels.
test: PACKAGES += $(if $(filter x86_64,$(shell uname -m)),libc6-dev-arm64-cross)

# The golden cases run inside swift test on every device with the best instruction set; before it, with the lesser ones.
test: deps test-c isa-check  ## Build and run every test (release mode, under 10 minutes)
	$(SWIFT) build -c release --build-tests -Xswiftc -enable-testing
	for isa in portable avx2; do echo "golden cases, $$isa:"; \
	    APUS_ISA=$$isa $(BUILD)/conformance Tests/Fixtures || exit 1; done
	$(SWIFT) test -c release --skip-build

bench: deps build  ## Run the standard benchmark suite
	$(BUILD)/apus bench

lint:            ## Check formatting and style
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests
	.ci/lint.sh

conformance: deps  ## Run golden cases: [FIXTURES=dir] [DEVICE=cpu|opencl] [ONLY=ops,gguf/blocks]
	$(SWIFT) build -c release --product conformance
	$(BUILD)/conformance $(FIXTURES) --device $(DEVICE) $(if $(ONLY),--only $(ONLY))

bundle: deps     ## Write bundle/ and apus-bundle.tar.gz, which run on another x86-64 Linux host
	.ci/bundle.sh

# Examples to begin with are the golden files; what finds new ways is kept under .build/fuzz/found.
FUZZ      ?= gguf model safetensors tokenizer template sentencepiece imatrix json
MINUTES   ?= 10
FUZZ_LIB   = $(lastword $(wildcard $(dir $(shell which $(SWIFT)))../lib/clang/*/lib/linux/libclang_rt.fuzzer_no_main-$(shell uname -m).a))
FUZZ_FLAGS = -Xswiftc -DFUZZING -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer \
    $(foreach l,$(FUZZ_LIB) -lstdc++ -lm,-Xlinker $(l))

fuzz: deps       ## Feed the parsers ever new bytes: [FUZZ="gguf template"] [MINUTES=10]
	$(SWIFT) build -c release --product fuzz --scratch-path .build/fuzz $(FUZZ_FLAGS)
	for t in $(FUZZ); do .ci/fuzz.sh $$t $(MINUTES) $(FIXTURES) || exit 1; done

story-model: build ## Train the storyteller that apus carries anew (a quarter of an hour)
	rm -rf .build/story-run .build/storyteller
	$(BUILD)/apus train storyteller --out .build/story-run
	$(BUILD)/apus export .build/story-run --out .build/storyteller
	$(BUILD)/apus convert .build/storyteller .build/storyteller.gguf
	$(BUILD)/apus quantize .build/storyteller.gguf Sources/CStory/story.gguf Q8_0

clean:           ## Remove everything that was built
	rm -rf .build bundle apus-bundle.tar.gz

build: deps      ## Install the packages and build .build/release/apus
	$(SWIFT) build -c release --product apus

# Only where one is missing.
deps:            ## Install the packages of Debian that Apus needs
	@missing=""; for p in $(PACKAGES); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	    echo "Installing:$$missing"; \
	    sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	    $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$missing >/dev/null \
	    || { echo "Apus needs these Debian packages: sudo apt-get install$$missing" >&2; exit 1; }; fi

# The C kernels alone, in each instruction set that this CPU has. The libraries' flags are asked for late (=, not :=),
# when the packages have been installed.
C_SOURCES := $(wildcard Sources/CApus/*.c Sources/CApus/*/*.c Tests/CApus/*.c)
C_OBJECTS  = $(C_SOURCES:%.c=$(C_BUILD)/%.o)
C_BUILD   := .build/c
C_FLAGS    = -std=gnu2x -O2 -Wall -Wextra -Werror -MMD -ISources/CApus/include -ISources/CApus/cpu \
    $(shell pkg-config --cflags openblas lapacke) $(SANITISE)
C_LIBS     = $(shell pkg-config --libs openblas lapacke) -lm -ldl -lpthread

test-c: deps
	+@$(MAKE) --no-print-directory -j$$(nproc) $(C_BUILD)/tests
	for isa in portable avx2 best; do APUS_ISA=$$isa $(C_BUILD)/tests || exit 1; done

leak-check:      ## Run the C tests under the address and undefined-behaviour sanitisers
	+@$(MAKE) --no-print-directory test-c C_BUILD=.build/c-sanitised \
	    SANITISE="-g -fsanitize=address,undefined -fno-sanitize-recover=all -fuse-ld=lld \
	    -Wno-unused-command-line-argument"

$(C_BUILD)/tests: $(C_OBJECTS)
	@echo "Linking $@"
	@$(CLANG) $(C_OBJECTS) $(SANITISE) -o $@ $(C_LIBS)

$(C_BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "Compiling $<"
	@$(CLANG) $(C_FLAGS) -c $< -o $@

-include $(C_OBJECTS:.o=.d)

# Every kernel also compiles for aarch64.
isa-check: deps
	.ci/aarch64.sh
