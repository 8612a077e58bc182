# The two commands of this project:   make demo   and   make test
# Everything else is listed by          make help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
SAY := @printf '\n== %s\n'
# Many tests wait for somebody else: three of them at a time keep two processors busy. Threads of OpenMP then sleep
# while they wait for each other, where they would keep a processor from other tests.
WORKERS ?= 3
SOURCES := agent coordinator shared proto tests bench examples tools

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types imports contract unit fuzz bench bench-% test-long chaos mutations promises compatibility constraints wheels-aarch64 aarch64-root breaking clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## set everything up, then find the best way to run a bundled real model on this machine
	$(SAY) "training a random forest on the digits data, then measuring every way to run it here"
	@$(BIN)/python examples/forest_digits.py --local --profile quick --state-dir build/demo

test: check unit ## set everything up, then run every check; WORKERS=3 tests at a time

check: lint types imports contract ## static checks only

lint: $(VENV)/.dev
	$(SAY) "style (ruff)"
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

types: $(VENV)/.dev
	$(SAY) "types (mypy strict)"
	@$(BIN)/mypy

imports: $(VENV)/.dev
	$(SAY) "import directions (import-linter)"
	@$(BIN)/lint-imports

contract: $(VENV)/.dev
	$(SAY) "gRPC contract (buf lint, stubs up to date)"
	@$(BIN)/buf lint proto
	@$(BIN)/python proto/generate.py --check

unit: $(VENV)/.dev
	$(SAY) "tests (pytest): unit, contract, integration, system"
	@OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

fuzz: $(VENV)/.fuzz ## fuzz every parser of what comes from a network or a file; SECONDS_EACH=60
	@$(BIN)/python -m tests.fuzz $(or $(SECONDS_EACH),60)

test-long: $(VENV)/.dev ## the long forms: repeated kills, every supported Python
	$(SAY) "long tests"
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "long and not promise" -o faulthandler_timeout=1200

chaos: $(VENV)/.dev ## every promise of docs/promises.md, quick and long, then the mutations; ROWS=26-33 for some
	$(SAY) "what mltest promises (docs/promises.md), with hundreds of kills and power cuts: about an hour"
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -o faulthandler_timeout=1200 -m promise --promises --rows "$(ROWS)"
	$(if $(ROWS),,@$(MAKE) --no-print-directory mutations)

mutations: $(VENV)/.dev ## take out one safeguard after the other: tests have to notice
	$(SAY) "the product without fencing, dropping duplicates, the journal; without what makes energy and memory right"
	@$(BIN)/python -m tests.mutations

promises: $(VENV)/.dev ## write into docs/promises.md which tests prove each row
	@$(BIN)/python -m tests.promises

compatibility: $(VENV)/.dev ## try every family of models in every runtime, and write docs/compatibility.md
	@$(BIN)/python -m tests.compatibility

bench: $(VENV)/.dev ## measure mltest itself; tables here, figures in build/bench/*.json
	$(SAY) "what mltest itself costs; the figures go to build/bench/"
	@for name in upload ingest idle job outbox sandbox energy quality; do $(BIN)/python -m bench.$$name || exit 1; done

bench-%: $(VENV)/.dev ## one of them: bench-NAME for bench/NAME.py; bench-candidates takes half an hour; bench-rigor takes two hours (python -m bench.rigor --resume goes on)
	@$(BIN)/python -m bench.$*

breaking: $(VENV)/.dev ## is the contract still compatible with AGAINST (default: main)?
	@$(BIN)/buf breaking proto --against '.git#ref=$(or $(AGAINST),main),subdir=proto'

constraints: ## renew constraints.txt from the newest releases that fit
	$(SAY) "resolving the newest versions in a fresh environment"
	@$(PYTHON) tools/renew_constraints.py

wheels-aarch64: $(VENV)/.dev ## does an agent install on aarch64 from wheels alone?
	@$(BIN)/python tools/check_wheels.py

aarch64-root: $(VENV)/.dev ## the files of an aarch64 machine below build/, for tests of an emulated agent (Debian)
	@$(BIN)/python tools/aarch64_root.py

clean: ## remove everything that was made here
	rm -rf $(VENV) build dist

$(VENV)/.pip:
	$(SAY) "making a virtual environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "mltest needs Python 3.11, 3.12 or 3.13; name one with: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: pyproject.toml constraints.txt $(VENV)/.pip
	$(SAY) "installing mltest and what it runs on (pinned in constraints.txt)"
	@$(BIN)/python -m pip install --quiet -e '.[agent,coordinator,runtimes-all]'
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev
	$(SAY) "installing the fuzzer (pinned in constraints.txt; wheels for Python 3.11 to 3.13)"
	@$(BIN)/python -m pip install --quiet -e '.[agent,coordinator,runtimes-all,dev,fuzz]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(SAY) "installing the tools of the checks (pinned in constraints.txt)"
	@$(BIN)/python -m pip install --quiet -e '.[agent,coordinator,runtimes-all,dev]'
	@touch $@
