# `make demo` and `make test` need Python 3.10 or newer and make; everything else they fetch.
PYTHON ?= python3
PORT ?= 3000
MINUTES ?= 10
BIN := .venv/bin
# .venv is of one Python: `make test PYTHON=python3.13` makes it again if it is of another one
INSTALLED := .venv/installed-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

.PHONY: demo test long conformance soak format bench tables screenshots clean

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear .venv
	@echo "Installing into .venv: a minute or so, once ..."
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/genai demo --port $(PORT)

test: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest -m "not long" --numprocesses 3 --dist worksteal

# the same at full size, under real daemons and in a browser; the result is written to docs/long.txt
long: $(INSTALLED)
	$(BIN)/python -m docs.long

# needs Node 20, npm and a C++ compiler as well; some 15 minutes, and the installation once
conformance: $(INSTALLED)
	$(BIN)/python -m conformance

# minutes of faults and SIGKILLs, and then at most 15 to settle; SEED=7 repeats one; the counts are
# written to docs/soak.txt
soak: $(INSTALLED)
	$(BIN)/python -m genai_orchestration_tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks $(PARTS)

tables: $(INSTALLED)
	$(BIN)/python -m docs.tables

screenshots: $(INSTALLED)
	$(BIN)/python -m docs.screenshots

# never .genai itself: that is your own warehouse and history
clean:
	rm -rf .venv .genai/demo .genai/demo.lock .mypy_cache .pytest_cache .ruff_cache
