# `make demo` and `make test` need only Python >= 3.11 and a package index; they make .venv themselves.
#   PYTHON=python3.13   the interpreter that .venv is made with       VENV=.venv313   another folder for it
#   CONSTRAINTS=        the newest versions of everything, not the tested ones
#   ARGS=…              passed on:  make demo ARGS="--backend thread",  make pytest ARGS="-k queue"

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
CHECKED := src tests benchmarks docs/examples .ci/setup_venv.py
export CONSTRAINTS ?= constraints.txt

# An environment of another Python than the one asked for must not be used in silence.
ifneq ($(origin PYTHON),file)
  made_with := $(shell $(BIN)/python -c "import sys; print(*sys.version_info[:2])" 2>/dev/null)
  asked_for := $(shell $(PYTHON) -c "import sys; print(*sys.version_info[:2])" 2>/dev/null)
  ifneq ($(made_with),)
    ifneq ($(made_with),$(asked_for))
      $(error anypool: $(VENV) is of Python $(made_with), PYTHON=$(PYTHON) is $(asked_for); say VENV=.venv-other too)
    endif
  endif
endif

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test lint format types pytest docs docs-serve bench clean

help:
	@echo "make demo   index the standard library on every backend and compare the answers"
	@echo "make test   ruff, mypy --strict, mkdocs build --strict, pytest"
	@echo "make lint | types | pytest | docs | bench | format | docs-serve | clean"

# Two stamps: the demo need not wait for the test tools.
SETUP_DEPENDS := pyproject.toml .ci/setup_venv.py $(wildcard constraints.txt)

$(VENV)/ready-demo: $(SETUP_DEPENDS)
	@command -v $(PYTHON) >/dev/null || { echo "anypool: no $(PYTHON) on this machine; name one: make PYTHON=python3.13" >&2; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) .ci/setup_venv.py $(VENV) ready-demo

$(VENV)/ready-test: $(SETUP_DEPENDS)
	@command -v $(PYTHON) >/dev/null || { echo "anypool: no $(PYTHON) on this machine; name one: make PYTHON=python3.13" >&2; exit 1; }
	@echo "setting up $(VENV) with the test tools (once)"
	@$(PYTHON) .ci/setup_venv.py $(VENV) ready-test test,docs,bench

demo: $(VENV)/ready-demo
	@$(BIN)/anypool demo $(ARGS)

test: lint types docs pytest

lint: $(VENV)/ready-test
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)

format: $(VENV)/ready-test
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

types: $(VENV)/ready-test
	$(BIN)/mypy

docs: $(VENV)/ready-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: $(VENV)/ready-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

pytest: $(VENV)/ready-test
	$(BIN)/python -m pytest $(ARGS)

bench: $(VENV)/ready-test
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
