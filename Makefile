# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` set up what they need in .venv, from nothing.

JOBS ?= 2
BIN := .venv/bin

.PHONY: help demo test lint format reference lock clean

help:
	@echo "make demo       set up, then classify handwritten digits on a generated accelerator"
	@echo "make test       set up, then ruff, types and all tests (JOBS=$(JOBS))"
	@echo "make lint       ruff and types alone"
	@echo "make format     set the code in ruff's format"
	@echo "make reference  write docs/reference from the definitions"
	@echo "make lock       write requirements.lock anew, with today's versions"
	@echo "make clean      remove what was built; .venv stays"

demo:
	@scripts/setup.sh demo
	$(BIN)/matwright demo

test: lint
	$(BIN)/python -m pytest -q -n $(JOBS)

lint:
	@scripts/setup.sh test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format:
	@scripts/setup.sh test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference:
	@scripts/setup.sh test
	$(BIN)/python scripts/make_reference.py

lock:
	rm -rf build/lock
	$${PYTHON:-python3} -m venv build/lock
	build/lock/bin/python -m pip install --quiet ".[sim,fpga,sweep,cluster,train,dev]"
	echo "# The versions that are known to work together. Written by \`make lock\`." > build/requirements.lock
	build/lock/bin/python -m pip freeze --exclude matwright >> build/requirements.lock
	mv build/requirements.lock requirements.lock

clean:
	rm -rf build dist sim_build obj_dir results.xml .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find hw sim sw scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +
