# One door. `make run` and `make test` set up everything they need in .venv and .cache below this folder.

VENV := .venv
BIN := $(VENV)/bin
UPSTREAM ?=
PORT ?=
ADMIN_PORT ?=
MODE ?=
CONFIG ?= config.example.yaml
DATA ?=
SPLIT ?=
SHARE ?=
SCENARIOS ?=
MOST ?=
PARTS ?=
CALIBRATE ?=
TUNE ?=
OUT ?=
PEERS ?=
ROUNDS ?=
SECONDS ?=
BENCH_DIR ?= .cache/bench
NAME ?= recorded traffic

.DEFAULT_GOAL := help
.PHONY: help run test setup-run setup-test lint types unit replay calibrate bench bench-gate bench-scale profile \
	bench-detection bench-responses test-bench setup-bench lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: setup-run  ## run the gateway (UPSTREAM=URL, PORT, ADMIN_PORT, MODE=shadow|enforce, CONFIG)
	@exec $(BIN)/gateway serve --config '$(CONFIG)' \
		$(if $(UPSTREAM),--upstream '$(UPSTREAM)') $(if $(PORT),--port '$(PORT)') \
		$(if $(ADMIN_PORT),--admin-port '$(ADMIN_PORT)') $(if $(MODE),--mode '$(MODE)')

test: setup-test lint types unit test-bench  ## set up, lint, check types, run every test

setup-run:
	@tools/venv.sh $(VENV) requirements/run.txt requirements/dev.txt

setup-test:
	@tools/venv.sh $(VENV) requirements/dev.txt
	@tools/venv.sh .venv-mitmproxy requirements/mitmproxy.txt
	@tools/setup-tests.sh

lint: setup-test  ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup-test  ## mypy strict over source and tests
	$(BIN)/mypy

unit: setup-test  ## the tests with coverage; the pure core must be covered to the last branch
	$(BIN)/pytest --cov --cov-report=
	$(BIN)/coverage report --include="$$(tr '\n' ',' < tests/core-files.txt)" --fail-under=100 --skip-covered --show-missing

replay: setup-run  ## score recorded traffic: make replay DATA=DIR
	$(BIN)/gateway replay $(DATA)

calibrate: setup-run  ## set the shipped numbers on labelled traffic: make calibrate DATA=DIR NAME="what it is"
	$(BIN)/gateway tune $(DATA) --learn --looser-only --max-benign 1% --fit 0h..96h --check 96h..168h \
		--write --note '$(NAME)'

bench: setup-run  ## CPU per request beside other proxies: make bench PEERS=ours,envoy ROUNDS=3 SECONDS=3 (docs/performance.md)
	$(BIN)/python -m benchmarks.side_by_side --cache '$(BENCH_DIR)' $(if $(PEERS),--peers '$(PEERS)') \
		$(if $(SCENARIOS),--scenarios '$(SCENARIOS)') $(if $(ROUNDS),--rounds '$(ROUNDS)') \
		$(if $(SECONDS),--seconds '$(SECONDS)') $(if $(OUT),--out '$(OUT)')

bench-gate: setup-run  ## fail if a request costs more than it did, in multiples of a bare pass-through
	$(BIN)/python -m benchmarks.side_by_side.gate

bench-scale: setup-run  ## how cost grows with principals, policies, patterns, prompts, history, streams: PARTS, MOST, OUT
	$(BIN)/python -m benchmarks.scale $(if $(PARTS),--parts '$(PARTS)') $(if $(MOST),--most '$(MOST)') \
		$(if $(OUT),--out '$(OUT)')

profile: setup-run  ## CPU of each stage of a call against its budget, and where the time goes
	$(BIN)/python -m benchmarks.stages $(if $(OUT),--out '$(OUT)')

setup-bench:
	@tools/venv.sh .venv-bench requirements/bench.txt
	@tools/bench-models.sh

bench-detection: setup-bench  ## what the policies catch: make bench-detection DATA=DIR (docs/detection.md)
	.venv-bench/bin/python -m benchmarks.detection '$(DATA)' \
		$(if $(SPLIT),--split '$(SPLIT)') $(if $(SHARE),--share '$(SHARE)') $(if $(SCENARIOS),--scenarios '$(SCENARIOS)') \
		$(if $(MOST),--most '$(MOST)') $(if $(PARTS),--parts '$(PARTS)') $(if $(CALIBRATE),--calibrate '$(CALIBRATE)') $(if $(TUNE),--tune) $(if $(OUT),--out '$(OUT)')

bench-responses: setup-bench  ## what responses take and cost: make bench-responses DATA=DIR PARTS=student (docs/responses.md)
	.venv-bench/bin/python -m benchmarks.responses '$(DATA)' --out '$(or $(OUT),.cache/responses)' \
		$(if $(PARTS),--parts '$(PARTS)')

test-bench: setup-bench  ## the benchmarks' own tests, in their own environment
	.venv-bench/bin/pytest -q tests/benchmarks

lock:  ## pin the newest versions of all dependencies anew
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/lock.sh

clean:  ## remove what the targets have made
	rm -rf $(VENV) .venv-mitmproxy .venv-bench .cache tests/node/node_modules build *.egg-info
