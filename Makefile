# Each target works as the first command on a fresh clone: it needs python3 (3.11 to 3.13) with pip,
# and make. Everything is installed into .uv and .venv here, as locked in uv.lock, and nowhere else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

UV := .uv/uv-$(UV_VERSION)
FOR_RUNNING := .venv/.installed-for-running
FOR_TESTING := .venv/.installed-for-testing
FOR_PORTAL := .venv/.installed-for-portal
WORKERS ?= 2
SEEDS ?= 500
FULL_SEEDS ?= 100

.PHONY: help demo serve portal test test-all lint calibration bench clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(FOR_RUNNING) ## Run the synthetic programme and the real cases, and build the book
	@.venv/bin/newstart demo

serve: $(FOR_RUNNING) ## Show the book on this machine
	@.venv/bin/newstart book serve

portal: $(FOR_PORTAL) ## Show the sites' portal of the demonstration on this machine, with invented people
	@.venv/bin/newstart portal serve --demonstration

test: lint ## Check style, types and layers, then run every test but the slow ones
	@echo "Tests, without the slow ones (make test-all runs those too)"
	@.venv/bin/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow"

test-all: lint ## The same, with the slow tests
	@echo "Tests, all of them"
	@.venv/bin/python -m pytest -q -n $(WORKERS) --dist loadfile

lint: $(FOR_TESTING) ## Check style, types and layers
	@echo "Style"
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check .
	@echo "Types"
	@.venv/bin/mypy
	@echo "Layers"
	@.venv/bin/lint-imports > .venv/layers.log 2>&1 || { cat .venv/layers.log; exit 1; }
	@grep Contracts: .venv/layers.log

calibration: $(FOR_RUNNING) ## Measure the error rates, of programmes and of looks (hours; goes on where stopped)
	@.venv/bin/python -m benchmarks.calibration $(SEEDS) $(FULL_SEEDS)
	@.venv/bin/python -m benchmarks.bars --workers $(WORKERS)

bench: $(FOR_RUNNING) ## Install the peers; list what can be measured, and what was
	@.uv/bin/uv sync --quiet --frozen --inexact --all-extras --group bench
	@.venv/bin/python -m benchmarks

# A real ledger is not made again by a command, so var/ goes only where all of it is invented.
clean: ## Remove what was made here; var/ only in a synthetic workspace
	@if [ -f SYNTHETIC ]; then rm -rf var SYNTHETIC studies/new_start/*/protocol.lock; fi
	@rm -rf .venv .uv book/_build book/_edition
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV):
	@echo "Installing uv $(UV_VERSION) into .uv (once)"
	@command -v python3 > /dev/null || { echo "This needs python3 with pip: install them first." >&2; exit 1; }
	@python3 -m pip --version > /dev/null 2>&1 || { \
	  echo "python3 has no pip: install it first (on Debian and Ubuntu: apt install python3-pip)." >&2; exit 1; }
	@rm -rf .uv
	@PIP_USER=0 python3 -m pip install -qq --disable-pip-version-check --no-warn-script-location \
	  --root-user-action=ignore --target .uv uv==$(UV_VERSION)
	@touch $@

# The first of these that is new and old enough.
define FIND_PYTHON
for candidate in python3 python3.13 python3.12 python3.11; do \
  if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null; \
  then python=$$(command -v "$$candidate"); break; fi; \
done; \
if [ -z "$${python:-}" ]; then \
  echo "This needs Python 3.11, 3.12 or 3.13; python3 here is $$(python3 --version 2>&1) and no other was found." >&2; \
  exit 1; \
fi
endef

# Installing for running leaves the tools for testing where they are, if they are there.
$(FOR_RUNNING): uv.lock pyproject.toml | $(UV)
	@$(FIND_PYTHON); echo "Installing the locked packages into .venv (once; about a minute, 0.8 GB)"; \
	.uv/bin/uv sync --quiet --frozen --inexact --python "$$python" --extra book --extra cases
	@touch $@

$(FOR_PORTAL): uv.lock pyproject.toml | $(UV)
	@$(FIND_PYTHON); echo "Installing the locked packages and the portal's into .venv (once; about a minute, 0.8 GB)"; \
	.uv/bin/uv sync --quiet --frozen --inexact --python "$$python" --extra book --extra cases --extra portal
	@touch $@

$(FOR_TESTING): uv.lock pyproject.toml | $(UV)
	@$(FIND_PYTHON); echo "Installing the locked packages and the tools for testing into .venv (once; about a minute, 1.2 GB)"; \
	.uv/bin/uv sync --quiet --frozen --python "$$python" --extra book --extra cases --extra causal --extra national --extra portal --group test
	@touch $(FOR_RUNNING) $(FOR_PORTAL) $@
