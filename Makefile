# Two commands matter: `make run` and `make test`. Each installs what it needs into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test conformance bench calibration lock clean openapi

run: $(VENV)/.installed
	@exec $(BIN)/breadth up

test: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.check

conformance: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.conformance "$(or $(VECTORS),../shared/vectors)"

bench: $(VENV)/.installed-bench
	@$(BIN)/python -m bench

calibration: $(VENV)/.installed-dev
	@$(BIN)/python -m bench.calibration --through-api

openapi: $(VENV)/.installed
	@$(BIN)/python -m openapi.write

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Breadth needs Python 3.11, 3.12 or 3.13; choose one with: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

# The locks are complete. Without --no-deps pip looks beyond them once an index has something newer.
$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing the locked test tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.installed-bench: requirements-bench.lock $(VENV)/.installed
	@echo "Installing what the benchmarks compare with into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --extra bench -c requirements.lock pyproject.toml -o requirements-bench.lock

clean:
	rm -rf $(VENV) .breadth .mypy_cache .ruff_cache .pytest_cache .hypothesis
