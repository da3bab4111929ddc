# One command per intention; each sets up .venv when it is missing or older than its inputs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
STYLE  := ../shared/tools/style.py
PACKAGES := fsm grammars guidance classifiers proxy_tuning

.PHONY: demo test check help
.DEFAULT_GOAL := help

help:
	@echo "make demo   extract typed records with the embedded model, offline"
	@echo "make test   run the whole test suite"
	@echo "make check  ruff, mypy, import directions, style figures"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "python >= 3.11 is needed; run: make PYTHON=python3.11 <target>" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "python3-venv is missing; run: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a few minutes the first time)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: $(STAMP)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not bench" -n auto --maxprocesses 4

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/test_imports.py
	@if test -f $(STYLE); then $(BIN)/python $(STYLE) . $(PACKAGES); fi
