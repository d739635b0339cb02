PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo lint test test-slow format dist clean

# The main job on the embedded data set: a table, and where its report is, which shows what the gates learned too.
demo: $(VENV)/.cli
	$(BIN)/senet compare --excite

# A thread for each of pytest's processes: several in each wait for one another on a busy machine.
test test-slow: export OMP_NUM_THREADS = 1

# What can be said of a change without running it; .pre-commit-config.yaml asks for it too.
lint: $(VENV)/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

# Everything that a change must pass.
test: lint
	$(BIN)/pytest -n auto

# The proofs that take long.
test-slow: $(VENV)/.dev
	$(BIN)/pytest -n auto -m slow

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# What would be released: both archives, and the main job by the wheel alone, in an empty folder far from this tree.
dist: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	unset PYTHONPATH; far=$$(mktemp -d) && trap 'rm -rf "$$far"' EXIT && \
		$(BIN)/python -m venv "$$far/venv" && mkdir "$$far/empty" && \
		"$$far/venv/bin/pip" install --quiet "$$(echo $(CURDIR)/dist/*.whl)[cli]" && \
		cd "$$far/empty" && "$$far/venv/bin/senet" compare --excite

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache dist

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
