# `make demo` and `make test` need Python 3.11 or newer and make; they create what else they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Programs start often in these tests: without byte code each start would compile all of hardsuit again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint bench format tuf-conformance clean

demo: $(READY)
	$(BIN)/hardsuit demo

test: lint
	$(BIN)/pytest -q -n auto

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m spec.generate --check
	$(BIN)/python -m conformance.generate --check
	$(BIN)/python -m spec.requirements --check --unproved --strict

bench: $(READY)
	$(BIN)/python -m conformance.bench

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m spec.generate
	$(BIN)/python -m conformance.generate
	$(BIN)/python -m spec.requirements

# The TUF conformance suite is not on the package index: TUF_CONFORMANCE names a checkout with a .venv of its own.
TUF_CONFORMANCE_PYTHON ?= $(TUF_CONFORMANCE)/.venv/bin/python
tuf-conformance: $(READY)
	@test -n "$(TUF_CONFORMANCE)" || { echo "TUF_CONFORMANCE=DIR names a checkout"; exit 2; }
	for mode in plain ic anchor; do (cd "$(TUF_CONFORMANCE)" && HARDSUIT_TUF_CLIENT=$$mode \
	  "$(TUF_CONFORMANCE_PYTHON)" -m pytest -q -c pyproject.toml -p no:cacheprovider tuf_conformance \
	  --entrypoint "$(CURDIR)/conformance/tuf-client") || exit 1; done

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hardsuit needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
