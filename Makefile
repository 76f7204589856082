# SPDX-License-Identifier: Apache-2.0
# The front door. CMake does the work (CMakePresets.json); this file says what the targets are called.
#
#   make               build/trident and the library                   make test     everything that must hold, counted
#   make demo          three-way retrieval on real text, in a minute   make install  PREFIX=/usr/local DESTDIR=
#   make demo-competition   two contests, from raw files to checked submissions, in a minute
#
#   make quick         under a minute: no scripts, no torture          make full     test, sanitizers, the other compiler
#   make test-asan     the tests under ASan, LSan and UBSan            make fuzz     libFuzzer, FUZZ_SECONDS=60 each target
#   make test-arm      the kernels' tests on AArch64, emulated
#   make bench         speed against sentence-transformers, to CSV     make bench-quality   retrieval figures on real sets
#   make bench-peers   speed beside the other engines on this CPU   (PEERS="--quick": options; makes environments, 2 GB, once)
#   make bench-manners a query beside a busy process, for every engine of bench-peers
#   make bench-tokenizer   against HF tokenizers, one thread and all   make bench-precisions   what bf16 and int8 lose
#   make check-headers make format   make docs (docs/cli)              make deps     install what is missing
#
# Every target that builds asks tools/deps.sh first: as root it installs what is missing, otherwise it prints the line to run.
PREFIX ?= /usr/local
WERROR ?= OFF
FUZZ_SECONDS ?= 60
TESTS ?=

.DEFAULT_GOAL := all
.PHONY: all tests test quick full test-asan test-tsan test-clang test-arm demo demo-competition bench bench-quality bench-precisions bench-peers bench-archs bench-manners bench-tokenizer fuzz docs check-headers install deps format clean

# $(call build,PRESET,options of the configuration,options of the build)
build = cmake --preset $(1) --log-level=WARNING $(2) && cmake --build --preset $(1) $(3)
options = -DTRI_WERROR=$(WERROR) $(if $(filter install,$(MAKECMDGOALS)),-DCMAKE_INSTALL_PREFIX=$(PREFIX))

all:
	@tools/deps.sh build test
	@$(call build,release,$(options),--target trident trident_archive trident_shared trident_plugins)

tests:
	@tools/deps.sh build test
	@$(call build,release,$(options))

test: tests
	@python3 tools/run_tests.py build $(TESTS)

quick: tests
	@python3 tools/run_tests.py build --quick $(TESTS)

full: test test-asan test-clang

# A sanitizer makes a program five to ten times slower, hence the longer limit.
test-asan:
	@tools/deps.sh build test
	@$(call build,asan)
	@python3 tools/run_tests.py build-asan --timeout 1200 $(TESTS)

test-tsan:
	@tools/deps.sh build test
	@$(call build,tsan)
	@python3 tools/run_tests.py build-tsan --timeout 1200 $(TESTS)

test-clang:
	@tools/deps.sh build test clang
	@$(call build,clang)
	@python3 tools/run_tests.py build-clang $(TESTS)

# The kernels alone, cross-compiled and run by QEMU: as the best processor it knows, and as one with plain NEON.
test-arm:
	@tools/deps.sh build arm
	@$(call build,arm)
	@tools/test_arm.sh build-arm

demo: all
	@tools/deps.sh pull
	@tools/demo.sh build/trident

demo-competition: all
	@tools/deps.sh pull
	@tools/demo_competition.sh build/trident

bench: all
	@tools/deps.sh venv pull
	@bench/bench_venv.sh
	@build/trident pull small-m3
	@.venv-bench/bin/python bench/bench_st.py build/trident

bench-quality: all
	@python3 bench/bench_quality.py build/trident

bench-precisions: all
	@tools/deps.sh venv
	@bench/bench_venv.sh
	@.venv-bench/bin/python bench/bench_precisions.py build/trident

bench-tokenizer: all
	@tools/deps.sh venv pull
	@bench/bench_venv.sh
	@build/trident pull small-m3
	@$(call build,release,$(options),--target bench_tokenizer)
	@.venv-bench/bin/python bench/bench_tokenizer.py build/bench/bench_tokenizer

# The comparison wants the peaks of the same round from build/trident; it takes the machine for itself.
bench-peers: all
	@tools/deps.sh venv pull
	@bench/peers_venv.sh
	@build/trident pull small-m3
	@.venv-bench/bin/python bench/peers/bench_peers.py build/trident $(PEERS)

bench-archs: all
	@tools/deps.sh venv pull
	@bench/bench_venv.sh
	@build/trident pull small-m3
	@.venv-bench/bin/python bench/bench_archs.py build/trident

bench-manners: all
	@.venv-bench/bin/python bench/peers/bench_manners.py build/trident

fuzz:
	@tools/deps.sh build clang
	@$(call build,fuzz)
	@tools/fuzz.sh build-fuzz $(FUZZ_SECONDS)

docs: all
	@python3 tools/cli_pages.py build/trident

check-headers:
	@tools/deps.sh build test
	@python3 tools/check_headers.py build

install: all
	cmake --install build

deps:
	@tools/deps.sh build test pull

format:
	@tools/deps.sh format
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build build-debug build-asan build-tsan build-clang build-fuzz build-arm
