# make            set up, run the pipeline, show the summary
# make test       set up, then every check and test
# make help       all targets

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.NOTPARALLEL:
SHELL := /bin/bash

PYTHON ?= python3
CORES ?= all
# processes that run tests: one more than a small machine has cores, since the tests of Slurm mostly wait
WORKERS ?= 3
BIN := .venv/bin
READY := .venv/.ready
# uv does not read pip's configuration; hand on the folder of wheels that it names, if it names one
WHEELS := $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
export UV_FIND_LINKS ?= $(WHEELS)
# 'optional' goes on where there is no build of PyTorch for this Python
TORCH ?= needed
# text is UTF-8 here, whatever the system's language settings say
export PYTHONUTF8 := 1
# Snakemake and matplotlib keep caches at home; where nothing can be written there, keep them here
ifeq ($(shell test -w "$$HOME" && echo yes),)
export XDG_CACHE_HOME ?= $(CURDIR)/.snakemake/cache
export MPLCONFIGDIR ?= $(CURDIR)/.snakemake/cache/matplotlib
endif
# compiled modules make every job start faster
unexport PYTHONDONTWRITEBYTECODE
export PYBAMM_DISABLE_TELEMETRY := true
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: all
all: setup run report show ## set up, run every study, build the report, show the summary

.PHONY: setup
setup: $(READY) ## create .venv from requirements.lock

$(READY): requirements.lock pyproject.toml supply/torch.sha256
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "battery-mi needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# uv is pinned in the lock like the rest, and installs it
	@test -x $(BIN)/uv || { awk '/^[^ ]/ { wanted = /^uv==/ } wanted' requirements.lock >.venv/uv.lock \
		&& $(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement .venv/uv.lock; }
	@grep -v '^torch==' requirements.lock \
		| $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps --requirement -
	@$(BIN)/python supply/install_torch.py $(if $(filter optional,$(TORCH)),--optional)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: run
run: setup ## run every study of config/config.yaml
	@$(BIN)/snakemake --cores $(CORES) $$(test -t 1 && echo --logger rich || echo --quiet rules host)

.PHONY: measured
measured: setup ## run both editions; data sets from MIRROR=folder if given, else from the network
	@$(BIN)/snakemake --cores $(CORES) --configfile config/measured.yaml $(if $(MIRROR),--config mirror=$(MIRROR)) \
		$$(test -t 1 && echo --logger rich || echo --quiet rules host)
	@$(MAKE) --no-print-directory report show

.PHONY: report
report: results/report.zip ## collect figures and tables in results/report.zip

results/report.zip: results/summary.html results/claims.html $(wildcard results/*/figures/index.json)
	@$(BIN)/snakemake --report $@ --quiet all

results/summary.html results/claims.html: ; @true

.PHONY: show
show: ## print the summary
	@cat results/summary.txt
	@echo
	@echo "What next, and can I trust it: $(CURDIR)/results/report.html"
	@echo "Summary: results/summary.html   Claims: results/claims.html   All figures: results/report.zip"

.PHONY: check
check: setup ## format, lint and type checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/python tests/lint_workflow.py

.PHONY: format
format: setup ## format all code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt Snakefile rules

.PHONY: test
test: setup check ## every check and test
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

.PHONY: nightly
nightly: setup ## what takes too long for every change
	$(BIN)/python -m pytest -m nightly
	@$(MAKE) --no-print-directory audit

.PHONY: cluster
cluster: setup ## every test on a Slurm that it starts on this machine; needs root, and Debian's packages
	$(BIN)/python -m pytest -m cluster tests/cluster

.PHONY: verify
verify: setup ## hold results against their manifest, rebuild them in a clean folder, compare
	@$(BIN)/batterymi verify

.PHONY: docs
docs: setup ## generate config/schema.json and the option tables of config/README.md
	$(BIN)/python -m batterymi.config.document

.PHONY: lock
lock: setup ## resolve the ranges of pyproject.toml into a new requirements.lock, with hashes
	@mkdir -p build
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra build --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-find-links --quiet --upgrade --output-file build/requirements.lock
	@# any build of PyTorch will do, so that it has no hash here; what a graphics card needs comes with its build
	awk '/^[^ ]/ { wanted = !/^(torch==|nvidia-|cuda-|triton==)/ } /^torch==/ && !printed++ { sub(/[+ ].*/, ""); print } \
		wanted' build/requirements.lock >requirements.lock
	$(BIN)/python supply/install_torch.py --record

.PHONY: sbom
sbom: setup ## list all components with versions, licences and what needs what: build/sbom.json (CycloneDX)
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file build/sbom.json $(BIN)/python

.PHONY: audit
audit: setup ## hold requirements.lock against published vulnerabilities (pip-audit)
	@$(BIN)/python supply/audit_lock.py

.PHONY: bench
bench: setup ## measure set-up, the default run and the empty rerun
	$(BIN)/python benchmarks/measure.py

.PHONY: clean
clean: ## remove results and logs, keep .venv
	rm -rf results logs

.PHONY: help
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
