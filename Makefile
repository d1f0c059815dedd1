# The chores of this project. `make serve` and `make test` set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
OPTIONS ?=

.DEFAULT_GOAL := test
.PHONY: serve frontend test check format bench torture

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The virtual environment is up to date when its stamp is newer than what it is made from.
$(BIN)/.stamp: pyproject.toml constraints.txt hatch_build.py
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("kg needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (once)"
	@$(PIP) --editable '.[dev]'
	@touch $@

## Check and build the graph if needed, and serve it: PORT=, HOST=, OPTIONS=
serve: $(BIN)/.stamp
	@$(BIN)/python frontend/bundle.py || $(MAKE) --no-print-directory frontend
	@exec $(BIN)/kg serve --host $(HOST) --port $(PORT) $(OPTIONS)

## Make the script of the pages, whatever there is of it
frontend: $(BIN)/.stamp
	@rm -f src/kg/web/static/site.js.stamp
	@echo "Making the script of the pages"
	@$(PIP) --no-deps --editable .
	@$(BIN)/python frontend/bundle.py

## Run all tests, a file at a time on each core: TESTS= for some
test: $(BIN)/.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -m 'not torture' --numprocesses auto --dist loadfile --durations 5 $(TESTS)

## Check the graph
check: $(BIN)/.stamp
	$(BIN)/kg check

## Put the code and the Turtle files into their one format
format: $(BIN)/.stamp
	$(BIN)/kg format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

## Measure, as ratios side by side
bench: $(BIN)/.stamp
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/serving.py

## Run the big numbers: KG_TORTURE_SEED=, KG_TORTURE_EDITS=, KG_TORTURE_MUTATIONS=
torture: $(BIN)/.stamp
	$(BIN)/pytest -m torture
