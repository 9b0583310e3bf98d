# `make` explains itself. People, hooks and CI all call these targets.

MAKEFLAGS += --no-print-directory
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The installed uv, else this version from PyPI, in the user's cache.
UV_VERSION := 0.13.9
CACHE      := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/meshlens
UV_CACHED  := $(CACHE)/uv-$(UV_VERSION)/bin/uv
UV         := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),$(UV_CACHED))
RUN        := $(UV) run --frozen --quiet

# MODELS=folder: models for classify instead of those that ship. Absolute, as services run in another folder.
ifdef MODELS
export MODELS := $(abspath $(MODELS))
endif
# TENSORFLOW=1 installs TensorFlow. It stays until TENSORFLOW= removes it; everything else is exactly as locked, so
# that no leftover package hides a missing one.
TENSORFLOW ?= $(wildcard $(or $(UV_PROJECT_ENVIRONMENT),.venv)/lib/python*/site-packages/tensorflow-*.dist-info)
# PROFILE=redis: the components for `make run`; the default needs nothing installed.
PROFILE ?= embedded
# PORTS=4500: what the ports of `make run` are counted from; PORTS=free: any free ones.
PORTS ?= 3500
# APPS="mine other": apps that may use the state store of `make run`, besides pca and classify.
APPS ?=
# PYTEST=...: further options for pytest, such as PYTEST='-k plot -x'.
PYTEST ?=
# FUZZ=...: options of libFuzzer for `make fuzz`; CI repeats the same inputs, so that it fails only by a change.
FUZZ ?= -max_total_time=15

.PHONY: help
help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  MODELS=folder   models for run, demo, test and bench, instead of those that ship"
	@echo "  TENSORFLOW=1    install TensorFlow, for frozen graphs and SavedModels; it stays until TENSORFLOW="
	@echo "  PROFILE=redis   state and events in the Redis at REDIS_HOST (localhost:6379), for run"
	@echo "  PORTS=4500      ports from 4501 on instead of 3501, or free ones (PORTS=free), for run"
	@echo "  DAPR_BIN=folder daprd and dapr to use; else installed ones, else built once"

.PHONY: demo
demo: setup tools ## start the mesh, send it points and a picture, show the answers, stop it
	@$(RUN) python tools/demo.py

.PHONY: run
run: setup tools ## run the mesh until Ctrl-C and print its addresses
	@DAPR_BIN=$$(tools/dapr-bin daprd dapr)/.dapr/bin $(RUN) meshlens up --folder . --profile $(PROFILE) --ports $(PORTS) $(addprefix --app ,$(APPS))

.PHONY: test
test: setup tools ## all tests except those on a cluster: unit, contract, integration, browser
	@$(RUN) pytest $(PYTEST)

.PHONY: test-unit
test-unit: setup ## tests of the domain, in seconds: without Dapr, what is marked slow and most random examples
	@$(RUN) pytest tests/unit -m 'not slow' --hypothesis-profile=few-examples $(PYTEST)

.PHONY: test-contract
test-contract: setup ## tests of the gRPC contract, without a sidecar
	@$(RUN) pytest tests/contract $(PYTEST)

.PHONY: test-integration
test-integration: setup tools ## tests with real sidecars and a real Redis
	@$(RUN) pytest tests/integration $(PYTEST)

.PHONY: test-browser
test-browser: setup tools ## tests of the pages in Chromium, through real sidecars
	@$(RUN) pytest tests/browser $(PYTEST)

.PHONY: test-cluster
test-cluster: setup ## tests on a real Kubernetes with the real Dapr control plane, as root; ROLLOUTS=10 updates under load
	@$(RUN) pytest tests/cluster $(PYTEST)

.PHONY: fuzz
fuzz: setup ## feed the parsers hostile bytes, other ones each time, for 15 seconds each
	@found=$$(mktemp -d) && trap 'rm -rf "$$found"' EXIT && for harness in tests/fuzz/fuzz_*.py; do \
	  name=$${harness#tests/fuzz/fuzz_} && name=$${name%.py} && mkdir "$$found/$$name" && \
	  $(RUN) python $$harness $(FUZZ) -verbosity=0 -print_final_stats=1 \
	    "$$found/$$name" tests/fuzz/corpus/$$name || exit 1; done

.PHONY: all
all: format lint types imports test ## everything that CI checks, after formatting

.PHONY: format
format: setup ## format, and fix what ruff can fix
	@$(RUN) ruff format
	@$(RUN) ruff check --fix

.PHONY: lint
lint: setup ## check style and format
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@if command -v shellcheck >/dev/null; then shellcheck $(SHELL_SCRIPTS); \
	  else echo "shellcheck is missing, so shell scripts are not checked; install it: apt-get install shellcheck"; fi

.PHONY: types
types: setup ## check types, strictly, tests included
	@$(RUN) mypy

.PHONY: imports
imports: setup ## check the import contracts
	@$(RUN) lint-imports

.PHONY: schemas
schemas: setup ## write the JSON Schema of the result event to docs/
	@$(RUN) python tools/event_schema.py

.PHONY: bench
bench: setup tools ## measure against bare loops and print ratios
	@for program in $(BENCHMARKS); do PYTHONPATH=tests:tools $(RUN) --group bench python $$program; done

.PHONY: tools
tools: ## find Dapr's programs, or build them once into the cache
	@tools/dapr-bin >/dev/null

.PHONY: setup
setup: $(UV) ## create the Python environment as locked
	@$(UV) sync --frozen --quiet --compile-bytecode $(if $(CI)$(TENSORFLOW),--group train)

.PHONY: install-hooks
install-hooks: setup ## check before each commit, and the unit tests before each push
	@$(RUN) pre-commit install --hook-type pre-commit --hook-type pre-push

$(UV_CACHED):
	@echo "uv is not installed: installing uv $(UV_VERSION) into $(CACHE)"
	@rm -rf $(CACHE)/uv-$(UV_VERSION).part
	@python3 -m venv $(CACHE)/uv-$(UV_VERSION).part
	@$(CACHE)/uv-$(UV_VERSION).part/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@rm -rf $(CACHE)/uv-$(UV_VERSION) && mv $(CACHE)/uv-$(UV_VERSION).part $(CACHE)/uv-$(UV_VERSION)

SHELL_SCRIPTS = .ci/run tools/dapr-bin tools/go-build $(wildcard examples/*.sh examples/*/*.sh)
BENCHMARKS    = $(shell grep -l __main__ bench/*.py)
