# Thin over meson: installs what is missing, builds, shows, checks.
#   make          build into build/
#   make demo     record 10 s from the first camera that there is, and report
#   make check    all tests, on a machine where nothing was installed by hand
#   make check-long   what takes longer: Debian 13, arm64; goes on where it was interrupted
#   make fuzz     hostile bytes for all that reads bytes, FUZZ_SECONDS=60 each; what breaks something is in build-fuzz/fuzz
#   make bench    benchmarks
#   make docs     print the reference pages anew from the tables

.PHONY: all build demo check check-long fuzz bench docs clean packages-build packages-check

all: build

packages-build:
	@tests/tools/packages build

packages-check:
	@tests/tools/packages check

build: packages-build
	@[ -f build/build.ninja ] || meson setup build >build.log || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log
	@ninja -C build --quiet

demo: build
	@tests/tools/demo

check: packages-check
	@tests/tools/check

check-long:
	@tests/tools/packages long
	@tests/tools/check-long

fuzz: packages-check
	@tests/tools/build fuzz
	@tests/fuzz/run build-fuzz

bench: packages-check build
	meson test -C build --benchmark --verbose

docs: build
	ninja -C build docs

clean:
	rm -rf build build-*
