# The few commands a contributor needs. `make help` lists them.
#
#   PYTHON=python3.12   interpreter for the virtual environment (default: the first suitable one on PATH)
#   VENV=.venv          where the virtual environment lives
#   PATHS="src tests"   what `make audit` audits
#   ARGS="..."          further options for `make audit`, `make test`, `make bench` and `make engine`

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEMO := fixtures/programs/document_upload
PATHS ?=
ARGS ?=
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$python; break; }; done)

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help audit test check lint format samples docs pictures bench engine clean

help:
	@echo 'make audit               audit the bundled example; findings do not fail the target'
	@echo 'make audit PATHS="..."   audit your own code; fails when there are findings'
	@echo 'make test                the quick test suite'
	@echo 'make check               lint and test: what a change must pass'
	@echo 'make lint                format, lint, types, layers, and auditor on itself'
	@echo 'make format              let ruff format and fix what it can'
	@echo 'make samples             write reports/samples/ anew'
	@echo 'make docs                the documentation into build/site'
	@echo 'make pictures            the pictures of the README anew'
	@echo 'make bench               speed and accuracy figures'
	@echo 'make engine              start the reference document engine: http://127.0.0.1:8080'
	@echo 'make clean               remove the virtual environment and caches'

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or newer with the venv module on PATH; \
	install one or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo 'Setting up $(VENV) ...'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable .
	@touch $@

# The example is meant to have findings, so only PATHS= turns them into a failure of make.
audit: $(STAMP)
ifeq ($(strip $(PATHS)),)
	@$(BIN)/auditor check --exit-zero $(ARGS) $(DEMO)
else
	@$(BIN)/auditor check $(ARGS) $(PATHS)
endif

test: $(STAMP)
	@$(BIN)/pytest -q $(ARGS)

check: lint test

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/auditor check auditor

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Committed reports of the broken engine; they change with rules, catalogs and words.
samples: $(STAMP)
	AUDITOR_UPDATE_GOLDENS=1 $(BIN)/pytest -q tests/unit/test_samples.py

# The documentation into build/site, with the generator that docs/requirements.txt pins.
docs: .venvs/docs/.ready
	NO_MKDOCS_2_WARNING=1 .venvs/docs/bin/mkdocs build --strict --quiet

.venvs/docs/.ready: docs/requirements.txt pyproject.toml
	@$(PYTHON) -m venv --clear .venvs/docs
	@.venvs/docs/bin/python -m pip install --quiet --requirement docs/requirements.txt
	@.venvs/docs/bin/python -m pip install --quiet --constraint constraints.txt --no-deps --editable .
	@touch $@

# The pictures of the README: pages in a browser, which .ci/page-tools installs.
pictures: $(STAMP)
	$(BIN)/python docs/pictures.py

bench: $(STAMP)
	@$(BIN)/python tests/bench/run.py $(ARGS)

engine: $(STAMP)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[engine]'
	@cd fixtures/engine && $(abspath $(BIN))/python -m fixed --data $(CURDIR)/engine-data $(ARGS)

clean:
	rm -rf $(VENV) .venvs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
