# `make` explains itself. People, hooks and CI all call these targets.

MAKEFLAGS += --no-print-directory
# Python keeps what it compiles, so that each process that a test starts does not compile it again.
unexport PYTHONDONTWRITEBYTECODE
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
# TENSORFLOW=1 installs TensorFlow, and so do tests that need it. It stays until TENSORFLOW= removes it; everything else
# is exactly as locked, so that no leftover package hides a missing one.
TENSORFLOW ?= $(or $(filter all test test-integration test-browser,$(MAKECMDGOALS)),$(wildcard \
  $(or $(UV_PROJECT_ENVIRONMENT),.venv)/lib/python*/site-packages/tensorflow-*.dist-info))
# COMPILE=: Python compiles modules when they are imported first, so that a first `make demo` waits for nothing else.
COMPILE ?= --compile-bytecode
# PROFILE=redis: the components for `make run`; the default needs nothing installed.
PROFILE ?= embedded
# PORTS=4500: what the ports of `make run` are counted from; PORTS=free: any free ones.
PORTS ?= 3500
# APPS="mine other": apps that may use the state store of `make run`, besides pca and classify.
APPS ?=
# HTTP=1: `make run` lets each service answer HTTP itself, too (docs/clients.md).
HTTP ?=
# JOBS=1: `make run` runs jobs, too, with Dapr's placement and scheduler (docs/jobs.md).
JOBS ?=
# JOIN=mine.yaml: a run file of Dapr with apps of yours, which `make run` starts in the same mesh.
JOIN ?=
# PYTEST=...: further options for pytest, such as PYTEST='-k plot -x'.
PYTEST ?=
# SOAK=20: how many runs of each fault `make soak` and `make reliability` make.
SOAK ?= 20
# TABLES="points cores": which tables of docs/performance.md `make performance` measures; all if empty.
TABLES ?=
# Of tests that start no mesh, several run at a time.
PARALLEL := --numprocesses=logical --maxprocesses=4
# FUZZ=...: options of libFuzzer for `make fuzz`; CI repeats the same inputs, so that it fails only by a change.
FUZZ ?= $(if $(CI),-seed=1 -runs=10000,-max_total_time=15)

.PHONY: help
help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  MODELS=folder   models for run, demo and bench, instead of those that ship"
	@echo "  TENSORFLOW=1    install TensorFlow, for frozen graphs and SavedModels, as make test does; it stays until TENSORFLOW="
	@echo "  PROFILE=redis   state and events in the Redis at REDIS_HOST (localhost:6379), for run"
	@echo "  PORTS=4500      ports from 4501 on instead of 3501, or free ones (PORTS=free), for run"
	@echo "  JOIN=mine.yaml  a run file of Dapr with apps of yours to start in the same mesh; APPS=mine: state for it, for run"
	@echo "  DAPR_BIN=folder daprd and dapr to use; else installed ones, else Dapr's release, else built once"
	@echo "  DAPR_RELEASES=  no Dapr from its release; or the host that has the releases, instead of https://github.com"
	@echo "  SOAK=20         runs of each fault, for soak and reliability"
	@echo "  TABLES=points   tables to measure (peers, cores, callers, models, points), for performance"
	@echo "  HTTP=1          let each service answer HTTP itself, too, for run"
	@echo "  JOBS=1          run durable batch jobs, too, for run"
	@echo "  DAPR_FULL=1     build daprd with all of Dapr's components, not only those that are used here"

.PHONY: demo
demo: ## start the mesh, send it points and a picture, show the answers, stop it
	@$(MAKE) -j2 COMPILE= setup daprd
	@$(RUN) python tools/demo.py

.PHONY: run
run: setup tools ## run the mesh until Ctrl-C and print its addresses
	@DAPR_BIN=$$(tools/dapr-bin daprd dapr $(if $(JOBS),placement scheduler))/.dapr/bin $(RUN) meshlens up --folder . --profile $(PROFILE) --ports $(PORTS) $(addprefix --app ,$(APPS)) $(addprefix --join ,$(JOIN)) $(if $(HTTP),--http) $(if $(JOBS),--jobs)

.PHONY: test
test: packages-test kubectl setup test-programs ## all tests except those on a cluster: unit, contract, integration, browser
ifdef PYTEST
	@$(RUN) pytest $(PYTEST)
else
	@$(RUN) pytest tests/unit $(PARALLEL)
	@$(RUN) pytest tests/contract tests/integration tests/browser
endif

.PHONY: test-unit
test-unit: setup ## tests of the domain, in seconds: without Dapr, what is marked slow and most random examples
	@$(RUN) pytest tests/unit -m 'not slow' --hypothesis-profile=few-examples $(PARALLEL) $(PYTEST)

.PHONY: test-contract
test-contract: setup ## tests of the gRPC contract, without a sidecar
	@$(RUN) pytest tests/contract $(PYTEST)

.PHONY: test-integration
test-integration: packages-test setup test-programs ## tests with real sidecars and a real Redis
	@$(RUN) pytest tests/integration $(PYTEST)

.PHONY: test-browser
test-browser: packages-test setup tools ## tests of the pages in Chromium, through real sidecars
	@$(RUN) pytest tests/browser $(PYTEST)

.PHONY: test-cluster
test-cluster: packages-cluster setup ## tests on a real Kubernetes with the real Dapr control plane, as root; ROLLOUTS=10 updates under load
	@$(RUN) pytest tests/cluster tests/unit/test_helm.py $(PYTEST)

.PHONY: soak
soak: packages-test setup test-programs ## SOAK=20 runs of each fault, and what else takes hours: the tests marked soak
	@SOAK=$(SOAK) $(RUN) pytest -m soak tests/unit tests/integration $(PYTEST)

.PHONY: reliability
reliability: packages-test setup test-programs ## write docs/reliability.md: SOAK=20 runs of each fault, 10,000 hostile inputs
	@PYTHONPATH=tests:tools $(RUN) python tools/reliability.py --runs $(SOAK)

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
lint: packages-lint setup ## check style and format
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@if command -v shellcheck >/dev/null; then shellcheck $(SHELL_SCRIPTS); fi

.PHONY: types
types: setup ## check types, strictly, tests included
	@$(RUN) mypy

.PHONY: imports
imports: setup ## check the import contracts
	@$(RUN) lint-imports

.PHONY: schemas
schemas: setup ## write the API reference, the topics' and the JSON Schema of the result event to docs/
	@$(RUN) python tools/event_schema.py
	@$(RUN) python tools/api_reference.py

.PHONY: protos
protos: setup ## compile the .proto files of meshlens.protocols
	@$(RUN) python tools/compile_protos.py

.PHONY: dist
dist: setup ## build the distributions into dist/ and check them
	@rm -rf dist && $(UV) build --quiet --all-packages --out-dir dist
	@$(RUN) twine check --strict dist/*.whl dist/*.tar.gz

.PHONY: sbom
sbom: setup ## write what all distributions consist of to dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist && $(UV) export --frozen --quiet --all-packages --all-extras --no-dev --preview-features sbom-export \
	  --format cyclonedx1.5 --output-file dist/sbom.cdx.json >/dev/null

.PHONY: audit
audit: setup ## look up known vulnerabilities of what is locked; AUDIT=--required: fail if they cannot be looked up
	@PATH="$(dir $(UV)):$$PATH" $(RUN) python tools/audit.py $(AUDIT)

.PHONY: bench
bench: setup tools ## measure against bare loops and print ratios
	@for program in $(BENCHMARKS); do PYTHONPATH=$(BENCH_PATH) $(RUN) --group bench python $$program; done

.PHONY: goals
goals: setup tools ## measure each goal of speed, and say which are met; in 10 minutes
	@PYTHONPATH=$(BENCH_PATH) $(RUN) --group bench python bench/goals.py

.PHONY: performance
performance: setup tools ## write docs/performance.md: beside MLServer, KServe and a plain gRPC server, and growth; in 10 minutes
	@PYTHONPATH=$(BENCH_PATH) $(RUN) --group bench python bench/peers.py --page $(if $(TABLES),--tables $(TABLES))

.PHONY: tools
tools: ## find Dapr's programs, or fetch or build them once into the cache
	@tools/dapr-bin >/dev/null

# Built beforehand: a test that builds one itself has no time left.
.PHONY: test-programs
test-programs:
	@tools/dapr-bin daprd dapr placement scheduler sentry >/dev/null

# `make demo` starts the sidecars itself, without Dapr's CLI.
.PHONY: daprd
daprd:
	@tools/dapr-bin daprd >/dev/null

# The tests of the manifests render them with kubectl.
.PHONY: kubectl
kubectl:
	@command -v kubectl >/dev/null || if command -v go >/dev/null; then $(MAKE) -s -C tools kubectl; \
	  else echo "Without kubectl, or Go to build it, the manifests are not tested: https://go.dev/dl"; fi

.PHONY: packages
packages: packages-setup packages-lint packages-test packages-cluster ## install what all targets need, as root on Debian

# `packages-test` installs what the tests need or, where it may not, says what will not be tested.
.PHONY: packages-setup packages-lint packages-test packages-cluster
packages-setup packages-lint packages-test packages-cluster: packages-%:
	@tools/packages $*

.PHONY: setup
setup: $(UV) ## create the Python environment as locked
	@$(UV) sync --frozen --quiet $(COMPILE) $(if $(CI)$(TENSORFLOW),--group train)

.PHONY: install-hooks
install-hooks: setup ## check before each commit, and the unit tests before each push
	@$(RUN) pre-commit install --hook-type pre-commit --hook-type pre-push

$(UV_CACHED):
	@tools/packages setup
	@echo "uv is not installed: installing uv $(UV_VERSION) into $(CACHE)"
	@rm -rf $(CACHE)/uv-$(UV_VERSION).part
	@python3 -m venv $(CACHE)/uv-$(UV_VERSION).part
	@$(CACHE)/uv-$(UV_VERSION).part/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@rm -rf $(CACHE)/uv-$(UV_VERSION) && mv $(CACHE)/uv-$(UV_VERSION).part $(CACHE)/uv-$(UV_VERSION)

SHELL_SCRIPTS = .ci/run tools/dapr-bin tools/go-build tools/packages tools/slim-daprd $(wildcard examples/*.sh examples/*/*.sh)
BENCH_PATH    = tests:tools:bench/peers
# The goals are figures of the others.
BENCHMARKS    = $(filter-out bench/goals.py,$(shell grep -l __main__ bench/*.py))
