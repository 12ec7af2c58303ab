# Hesheng (和声). `make` alone lists what there is.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SECONDS ?= 60
SEED ?= 1
TESTS ?= tests

.DEFAULT_GOAL := help
.PHONY: help setup browser run demo status test faults bench lint format docs lock compose-test clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready  ## the virtual environment, from hash-locked requirements

# The lock names every package, so nothing is resolved (--no-deps): pip would meet `pydantic[email]`, which a library
# asks for, outside the lock as soon as a newer pydantic is out, and stop.
$(VENV)/ready: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Hesheng 需要 Python 3.11–3.13(可用 make PYTHON=python3.12 指定)。 It needs Python 3.11 to 3.13 (name one with make PYTHON=python3.12)." >&2; exit 1; }
	@echo "正在准备 Python 环境(约一分钟)… Preparing the Python environment (about a minute)…"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

# Chromium itself does as well where it is all there is, and takes twice as long.
browser:  ## install what the browser tests need: Chromium without windows, Chinese fonts (needs root on Debian)
	@{ command -v chromium-headless-shell && fc-list :lang=zh | grep -q .; } >/dev/null 2>&1 || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium-headless-shell fontconfig fonts-noto-cjk; } >/dev/null || \
	  { command -v chromium && fc-list :lang=zh | grep -q .; } >/dev/null

run: setup  ## start everything here: database, queue, nine processes, mail sink, demo data
	@exec $(PY) -m deploy.local.run

demo: setup  ## the pilot's story, then a crowd at a blood drive, against the running system; every figure is compared
	@$(PY) -m examples.pilot
	@$(PY) -m examples.community_site

status: setup  ## the running system's health and lag at a glance
	@$(PY) -m deploy.local.hesheng status

test: setup  ## every test, two folders at a time, against real servers that it starts itself
	@$(PY) -m pytest -n 2 $(TESTS)

faults: setup  ## load the system while killing its parts, then do the books: SECONDS=60 SEED=1
	@$(PY) -m tests.faults --seconds $(SECONDS) --seed $(SEED)

bench: setup  ## measure it: a table, and bench/latest.json
	@$(PY) -m bench

lint: setup  ## ruff, mypy, import-linter, generated docs
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@PYTHONPATH=. $(VENV)/bin/lint-imports
	@$(PY) -m services.common.events_doc --check docs/events.md

format: setup  ## let ruff mend what it can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

docs: setup  ## write docs/events.md from the event models
	@$(PY) -m services.common.events_doc > docs/events.md

lock: setup  ## compile requirements/*.in into hash-locked files
	@$(PY) -m pip install --quiet uv
	@for name in services dev; do $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' requirements/$$name.in -o requirements/$$name.txt; done

compose-test: setup  ## build, start, drive and break the compose deployment (needs a Docker engine)
	@$(PY) deploy/compose/test

clean:  ## remove the environment and the data of `make run`
	@rm -rf $(VENV) .data
