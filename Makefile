# One command for each task. The first command that needs the virtual environment creates it, with the
# exact versions in constraints.txt: `make lab` installs what the notebooks need, and the first other
# command adds the rest. After that, every target starts at once and works offline.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# uv installs if it is there, otherwise pip; `make UV= lab` uses pip.
UV := $(shell command -v uv 2>/dev/null)
VENV ?= .venv
PYTHON ?= $(shell for p in python3.11 python3 python; do \
	$$p -c 'import $(if $(UV),venv,ensurepip), sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

BIN := $(VENV)/bin
# Stamps: the environment exists; it has what the notebooks need; it has everything for development.
CREATED := $(VENV)/.created
LAB := $(VENV)/.lab
STAMP := $(VENV)/.installed
PEERS := $(VENV)/.peers
SITE := $(VENV)/.site
TOOL := $(if $(UV),uv,pip)
PIP := $(if $(UV),$(UV) pip install -q --python $(BIN)/python,$(BIN)/python -m pip install -q --disable-pip-version-check --no-input) -c constraints.txt
USED := live,onnx
EXTRAS := live,test,dev

NOTEBOOK := notebooks/00_five_lines.ipynb
SETTINGS := $(VENV)/share/jupyter/lab/settings/overrides.json
NOTIFY := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}

.PHONY: help install lab test thorough notebooks matrix chromium frontend lint format types previews bench docs package binder pins clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(STAMP) ## create the virtual environment, with everything for development

$(CREATED):
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with ensurepip was found; name one: make PYTHON=..."; exit 1; }
	@echo "[1/2] Making the environment $(VENV) with $(TOOL)"
	@$(if $(UV),$(UV) venv -q --seed --allow-existing --python $(PYTHON),$(PYTHON) -m venv) $(VENV)
	@touch $@

# pip would compile every file of every package now; Python compiles later what is imported.
$(LAB): pyproject.toml constraints.txt | $(CREATED)
	@echo "[2/2] Installing what the notebooks need with $(TOOL), only once"
	@$(PIP) $(if $(UV),,--no-compile) setuptools
	@$(PIP) $(if $(UV),,--no-compile) --no-build-isolation -e ".[$(USED)]"
	@touch $@

$(STAMP): pyproject.toml constraints.txt | $(CREATED)
	@echo "[2/2] Installing everything for development with $(TOOL), only once; this takes some minutes"
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation -e ".[$(EXTRAS)]"
	@touch $(LAB) $@

lab: $(SETTINGS) ## open the first notebook in JupyterLab, on this machine only
	$(BIN)/jupyter lab --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) \
		--LabApp.default_url=/lab/tree/$(NOTEBOOK)

$(SETTINGS): | $(LAB)
	@mkdir -p $(@D)
	@echo '$(NOTIFY)' > $@

# Browser tests first, with two browsers at most; then the others, one thread each. Many tests wait for
# other processes, so there are more workers than cores (tests/conftest.py).
# Failed tests run a second time, alone; the summary marks those that then pass as UNSTEADY.
ATTEMPTS := $(BIN)/python -m tests.support.attempts
TWO := -n 2 --dist loadfile
MANY := --nbval-lax --nbval-current-env -n auto --maxprocesses 8 --dist loadfile --durations 10
test: $(STAMP) chromium ## run the tests, but for the slow ones: units, doctests, contracts, notebooks, browser
	@status=0; \
	$(ATTEMPTS) -m "browser and not slow" tests/browser $(TWO) || status=$$?; \
	OMP_NUM_THREADS=1 $(ATTEMPTS) -m "not browser and not slow" $(MANY) || status=$$?; \
	exit $$status

# Large models in compiled programs, processes killed at random moments, models trained to a stated
# result, and most browser tests, in JupyterLab's default windowing mode.
thorough: $(STAMP) chromium ## run the slow tests, which `make test` leaves out
	@status=0; \
	$(ATTEMPTS) -m "browser and slow" tests/browser $(TWO) || status=$$?; \
	OMP_NUM_THREADS=1 $(ATTEMPTS) -m "not browser and slow" $(MANY) tests || status=$$?; \
	exit $$status

# Tests run the notebooks with the short settings of tests/notebooks/settings.toml.
notebooks: $(STAMP) ## run all notebooks as they are, which takes minutes
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env --full --timeout 1800 notebooks

# The browser tests in every windowing mode of JupyterLab on every kernel: hours on a slow machine.
# A part of it: make matrix WINDOWING=defer,full KERNEL=6.31 MINUTES=20
WINDOWING ?= all
KERNEL ?= all
matrix: $(STAMP) chromium ## run the browser tests in all windowing modes on all versions of ipykernel
	@$(ATTEMPTS) -m browser tests/browser $(TWO) --windowing $(WINDOWING) --kernel $(KERNEL) \
		$(if $(MINUTES),--minutes $(MINUTES))

chromium: $(STAMP)
	@$(BIN)/python -m tests.support.chromium

frontend: $(STAMP) ## check, test and build the scripts of the page, from extensions_live/frontend
	$(BIN)/python -m tests.support.typescript
	TESTS_REQUIRE_NODE=1 $(BIN)/python -m tests.support.frontend lint test build

lint: $(STAMP) ## check for mistakes and for wrong formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.support.frontend lint

format: $(STAMP) ## fix what lint finds, if a fix is safe
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tests.support.frontend format

types: $(STAMP) ## check the types of both packages
	$(BIN)/mypy

previews: $(STAMP) chromium ## run changed notebooks (or ONLY=00,01) in a browser, make their images, slow
	$(BIN)/python -m tests.support.previews $(if $(ONLY),--only $(ONLY))

bench: $(PEERS) ## compare speed with other libraries; write tests/benchmarks/results.md
	$(BIN)/python -m tests.benchmarks

$(PEERS): $(STAMP)
	@echo "Installing the libraries that are compared"
	@$(PIP) --no-build-isolation -e ".[$(EXTRAS),bench]"
	@touch $@

docs: $(SITE) ## build the site of tutorials and reference, check its links (RUN=yes runs notebooks)
	$(BIN)/python notebooks/site/build.py $(if $(RUN),--run)

$(SITE): $(STAMP)
	@echo "Installing the libraries that write the site"
	@$(PIP) --no-build-isolation -e ".[$(EXTRAS),docs]"
	@touch $@

package: $(STAMP) ## build wheel and sdist, install them with each combination of extras (slow)
	$(BIN)/python -m tests.support.package

binder: $(STAMP) chromium ## prove the files of binder/: install, run notebooks, measure memory (slow)
	$(BIN)/python -m tests.support.binder $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write)

pins: ## resolve the floors of pyproject.toml again and write constraints.txt
	rm -rf build/pins
	$(PYTHON) -m venv build/pins
	build/pins/bin/pip install --no-input -e ".[$(EXTRAS),bench,docs,ray]" jupyter-server-proxy
	{ sed '/^[^#]/d' constraints.txt; \
	  build/pins/bin/pip freeze --all --exclude-editable | grep -v '^pip==' | sed 's/+.*//'; } > build/pins.txt
	mv build/pins.txt constraints.txt

clean: ## remove generated files, except the virtual environment
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf extensions_live/frontend/node_modules
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
