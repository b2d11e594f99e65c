# Everything CI calls is a target here. A clone needs Python >= 3.11 and make; the rest is installed.

PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(if $(shell $(p) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(p))))
# The oldest supported Python: what is pinned on it installs on the newer ones too.
LOCK_PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
PACKAGES := alerts app dashboard detectors engines ingest schemas store

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-crash services kernels check format bench quality docs lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.run kernels ## Generated traffic, live alerts and the dashboard; needs no broker
	$(BIN)/tokentrail demo

test: services ## All tests, with a real broker, database and browser
	$(PYTEST)

test-crash: services ## The long proofs: workers and brokers are killed, nothing is lost or doubled
	$(PYTEST) -m crash --timeout 3600

kernels: $(VENV)/bin/python
	$(BIN)/tokentrail precompile

services: $(VENV)/.dev kernels ## Install what the tests need: broker, database, browser
	$(BIN)/python -m tests.services.install

check: $(VENV)/.dev ## Format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES) tests $(wildcard benchmarks)
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## Rewrite files to the project's format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: services ## Throughput, latency and memory, as a table and as JSON
	$(BIN)/python -m benchmarks

quality: kernels $(VENV)/.dev ## What is found and what is false, on fixed seeds, as tables (15 minutes)
	$(BIN)/python -m benchmarks.quality

docs: $(VENV)/.dev ## Regenerate the pages and schemas that are cut from the code
	$(BIN)/python -m docs.generate

lock: ## Pin the newest versions that pyproject.toml allows
	rm -rf build/lock
	$(LOCK_PYTHON) -m venv build/lock
	build/lock/bin/pip install -q -e '.[dev]'
	build/lock/bin/pip check
	{ echo '# Written by `make lock`; pip reads it as `-c constraints.txt`.'; build/lock/bin/pip freeze --exclude-editable; } > constraints.txt
	rm -rf build/lock

clean: ## Remove what was built, installed and cached, but no data under var/
	rm -rf $(VENV) .tools build dist .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(if $(PYTHON),,$(error no Python >= 3.11 found; install one, or run `make PYTHON=/path/to/python`))
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.run
