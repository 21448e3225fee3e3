# One command per habit. Every target prepares .venv by itself: when it is missing, and when the requirements changed.
#
#   make run      open the explorer              make run ARGS="mnist-vae-2 --port 7900"
#   make test     the whole suite                make test ARGS="tests/test_analysis_holes.py -x"
#   make check    formatting, lint, types, JavaScript
#   make bench    measure start-up, decoding, fitting
#   make kernel   build the inner loops of decoding in the browser again, after a change of loops.ts
#   make bundle   put the page's modules together in few files again, after a change of one of them
#   make runs     fit every shipped run again and write their scores into the README; those of faces and flowers
#                 need the sets in $EXPLORER_DATA: make runs-pictures
#   make readme   make the tables and pictures of the README again; those of tabs need Chromium
#   make clean    remove .venv and node_modules
#
# PYTHON is the interpreter that .venv is made from: make run PYTHON=python3.12

PYTHON ?= python3
NPM ?= npm
NODE ?= node
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# What a command needs is recorded by copying the list that was installed, last: an install that was cut short
# is done again, and a change of the list is seen whatever the clocks say.
RUNTIME_DONE := $(VENV)/installed-requirements.txt
TOOLS_DONE := $(VENV)/installed-pyproject.toml
NODE_DONE := node_modules/installed-package-lock.json

.PHONY: help run test check check-lint check-types check-javascript bench kernel bundle runs runs-pictures readme install install-tools install-node clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#  \{1,\}make/make/p' Makefile

run: install
	$(BIN)/python -m explorer $(ARGS)

test: install-tools
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),--numprocesses auto --maxprocesses 4 --dist loadfile)

check: check-lint check-types check-javascript

check-lint: install-tools
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

check-types: install-tools
	@if command -v $(NODE) >/dev/null 2>&1; then \
		echo "pyright" && $(BIN)/python -m pyright --pythonpath $(BIN)/python; \
	elif [ -n "$$CI" ]; then \
		echo "pyright needs Node.js, and in CI it must run."; exit 1; \
	else \
		echo "Skipped: types (pyright) need Node.js; install it to check them."; \
	fi

check-javascript:
	@if command -v $(NODE) >/dev/null 2>&1 && command -v $(NPM) >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory install-node && \
		echo "eslint" && $(NODE) node_modules/eslint/bin/eslint.js --max-warnings 0 . && \
		echo "tsc --noEmit --checkJs" && $(NODE) node_modules/typescript/bin/tsc --project tsconfig.json && \
		$(NODE) node_modules/typescript/bin/tsc --project tests/js/tsconfig.json && \
		echo "node --test tests/js" && $(NODE) --test tests/js/*.test.*js; \
	elif [ -n "$$CI" ]; then \
		echo "The JavaScript checks need Node.js with npm, and in CI they must run."; exit 1; \
	else \
		echo "Skipped: the JavaScript checks need Node.js with npm; install them to run the checks."; \
	fi

bench: install-tools
	$(BIN)/python -m tests.benchmarks $(ARGS)

kernel: install-node
	$(NODE) tests/js/kernel.mjs

bundle: install-node
	$(NODE) tests/js/bundle.mjs

runs: install
	$(BIN)/python train.py --dataset digits --latent-dim 2 --twin --overwrite
	$(BIN)/python train.py --dataset mnist --latent-dim 2 --net mlp --hidden 256 --lr 0.002 --epochs 80 --average-epochs 2 --save-every 20 --twin --overwrite
	$(BIN)/python train.py --dataset mnist --latent-dim 16 --widths 32 40 --hidden 256 --epochs 50 --average-epochs 2 --save-every 16 --tested 5000 --ladder --overwrite
	rm checkpoints/mnist-vae-16-beta*/sheets/*.safetensors  # 2 MB: the codes after each epoch are kept of the twins,
	rm checkpoints/mnist-*-16*/sheets/epoch-0048.*  # and two epochs before its end a fit is as it is there
	$(BIN)/python train.py --dataset digits --latent-dim 8 --ladder --hidden 128 --overwrite
	$(BIN)/python train.py --dataset digits --latent-dim 8 --family hierarchical --hidden 128 --overwrite
	$(BIN)/python train.py --dataset digits --latent-dim 8 --family denoising --hidden 128 --overwrite
	$(BIN)/python -m tests.readme tables

runs-pictures: install
	$(BIN)/python train.py --dataset flowers102 --twin --widths 32 64 128 --overwrite
	$(BIN)/python train.py --dataset celeba --extra-train $(EXPLORER_DATA)/celeba-faces64 --twin --sigma 0.3 --widths 32 80 128 128 --save-every 6 --overwrite
	$(BIN)/python train.py --dataset celeba --extra-train $(EXPLORER_DATA)/celeba-faces64 --begin-with celeba-vae-64 --tag sharp --feature-loss 1000 --warmup none --lr 0.0015 --epochs 10 --sigma 0.3 --widths 32 80 128 128 --save-every 5 --overwrite
	$(BIN)/python -m tests.readme tables

readme: install-tools
	$(BIN)/python -m tests.readme $(ARGS)

install:
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
			echo "The explorer needs Python 3.11 or newer, which \"$(PYTHON)\" is not; name another: make PYTHON=python3.12"; \
			exit 1; }; \
		echo "Creating $(VENV)"; \
		$(PYTHON) -m venv --clear $(VENV); }
	@cmp -s requirements.txt $(RUNTIME_DONE) || { \
		echo "Installing what the explorer needs (a few gigabytes the first time)"; \
		$(PIP) install --requirement requirements.txt && \
		cp requirements.txt $(RUNTIME_DONE); }

# pip reads dependency groups from 25.1 on.
install-tools: install
	@cmp -s pyproject.toml $(TOOLS_DONE) || { \
		echo "Installing the tools of development"; \
		{ $(PIP) install --help | grep -q -e --group || $(PIP) install --quiet --upgrade 'pip>=25.1'; } && \
		$(PIP) install --requirement requirements.txt --group dev && \
		cp pyproject.toml $(TOOLS_DONE); }

install-node:
	@cmp -s package-lock.json $(NODE_DONE) || { \
		echo "Installing the JavaScript tools" && \
		$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel error && \
		cp package-lock.json $(NODE_DONE); }

clean:
	rm -rf $(VENV) node_modules
