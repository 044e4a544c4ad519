# `make demo` and `make test` need Python 3.10 or newer and make; everything else they fetch.
PYTHON ?= python3
PORT ?= 3000
BIN := .venv/bin

.PHONY: demo test conformance format bench tables screenshots clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	@echo "Installing into .venv: a minute or so, once ..."
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/genai demo --port $(PORT)

test: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 4 --dist worksteal

# needs Node 20, npm and a C++ compiler as well; some 15 minutes, and the installation once
conformance: .venv/installed
	$(BIN)/python -m conformance

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed
	$(BIN)/python -m benchmarks $(PARTS)

tables: .venv/installed
	$(BIN)/python -m docs.tables

screenshots: .venv/installed
	$(BIN)/python -m docs.screenshots

# never .genai itself: that is your own warehouse and history
clean:
	rm -rf .venv .genai/demo .genai/demo.lock .mypy_cache .pytest_cache .ruff_cache
