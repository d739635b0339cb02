PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow format clean

# The main job on the embedded data set: a table, and where its report is, which shows what the gates learned too.
demo: $(VENV)/.cli
	$(BIN)/senet compare --excite

# A thread for each of pytest's processes: several in each wait for one another on a busy machine.
test test-slow: export OMP_NUM_THREADS = 1

# Everything that a change must pass.
test: $(VENV)/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -n auto

# The proofs that take long.
test-slow: $(VENV)/.dev
	$(BIN)/pytest -n auto -m slow

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "senet needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.cli: pyproject.toml $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable '.[cli]'
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable '.[all,dev]'
	touch $@ $(VENV)/.cli
