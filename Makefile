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
# without such a folder, take PyTorch for the CPU, which is a tenth of the one for graphics cards
ifeq ($(strip $(UV_FIND_LINKS)),)
export UV_TORCH_BACKEND ?= cpu
endif
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

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "battery-mi needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement requirements.lock
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
	@echo "Summary: results/summary.html   Claims: results/claims.html   Report: results/report.zip"

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
lock: setup ## resolve the ranges of pyproject.toml anew into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra build --universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-find-links --quiet --upgrade --output-file requirements.lock
	@# any build of PyTorch will do, and what a graphics card needs comes with the build that needs it
	sed -i.old -E -e '/^(nvidia-|cuda-|triton)/d' -e 's/^(torch==[0-9.]+).*/\1/' requirements.lock
	uniq requirements.lock > requirements.lock.old && mv requirements.lock.old requirements.lock

.PHONY: bench
bench: setup ## measure set-up, the default run and the empty rerun
	$(BIN)/python benchmarks/measure.py

.PHONY: clean
clean: ## remove results and logs, keep .venv
	rm -rf results logs

.PHONY: help
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
