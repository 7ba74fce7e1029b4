# Longhaul: `make help` lists what there is. Works with GNU make 3.81 and later, from any directory (make -C).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
PYTHON := .venv/bin/python
LOCK := $(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11

.PHONY: help run test test-long check format bench lock openapi replay-record clean-state setup setup-dev temporal \
	tool-servers reference-servers bench-rivals

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: setup temporal tool-servers ## Serve everything on this machine and send a first request (MESSAGE="…" makes it yours)
	@exec $(PYTHON) -m runtime.local $(ARGS)

test: setup-dev temporal tool-servers reference-servers ## Run the tests (ARGS="tests/domain -x" for some of them)
	@exec $(PYTHON) -m pytest -q -m "not long" $(ARGS)

test-long: setup-dev temporal tool-servers reference-servers ## Run the tests with the full numbers; takes long
	@exec $(PYTHON) -m pytest -q -m long --timeout 3600 $(ARGS)

check: setup-dev ## Check format, lint, types, imports and house rules
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/basedpyright --warnings
	.venv/bin/lint-imports
	$(PYTHON) -m pytest tests/house -q

format: setup-dev ## Format the code and fix what can be fixed by rule
	$(PYTHON) -m ruff check --fix-only --quiet .
	$(PYTHON) -m ruff format .

bench: setup-dev temporal bench-rivals ## Measure against a hand-written program and LiteLLM; writes docs/benchmarks.md
	@exec $(PYTHON) -m bench $(ARGS)

openapi: setup-dev ## Write docs/openapi.json
	@exec $(PYTHON) -m api.openapi

replay-record: setup-dev temporal ## Record the histories that the replay tests replay
	@exec $(PYTHON) -m tests.replay.record $(ARGS)

lock: setup-dev ## Pin requirements*.in with hashes, keeping the pins that still fit (ARGS=--upgrade renews them)
	$(LOCK) $(ARGS) requirements.in -o requirements.txt
	$(LOCK) $(ARGS) requirements-dev.in -c requirements.txt -o requirements-dev.txt
	$(LOCK) $(ARGS) deploy/tools/requirements-atlassian.in -o deploy/tools/requirements-atlassian.txt
	$(LOCK) $(ARGS) deploy/tools/requirements-reference.in -o deploy/tools/requirements-reference.txt
	$(LOCK) $(ARGS) deploy/bench/requirements-litellm.in -o deploy/bench/requirements-litellm.txt

clean-state: ## Remove all data, logs and records of `make run`
	rm -rf .longhaul

# What the commands above stand on. The script does nothing when all is there already.
setup:
	@sh deploy/local/setup.sh requirements.txt

setup-dev:
	@sh deploy/local/setup.sh requirements-dev.txt

temporal: setup
	@$(PYTHON) -m runtime.local.temporal_binary

# Tool servers live in environments of their own: they need other versions of what Longhaul stands on.
tool-servers: setup
	@sh deploy/tools/setup.sh atlassian

reference-servers: setup
	@sh deploy/tools/setup.sh reference
	@sh deploy/tools/setup.sh node

# What `make bench` measures the gateway against.
bench-rivals: setup
	@sh deploy/tools/setup.sh litellm deploy/bench
