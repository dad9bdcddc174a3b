# Bakeoff. `make` alone lists the targets; every one of them sets .venv up first when it must.
# PYTHON=python3.12 chooses the interpreter, TORCH=torch==2.12.0 another build of PyTorch.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
BIN := .venv/bin
READY := .venv/ready

# Where byte code may not be kept, every process compiles PyTorch anew: 15 s of CPU and not 5.
unexport PYTHONDONTWRITEBYTECODE

# A build that the user names is installed once and then kept until another one is named.
ifdef TORCH
ifneq ($(TORCH),$(shell cat .venv/torch 2>/dev/null))
.PHONY: $(READY)
endif
endif

.PHONY: help demo up test test-all bench bench-peers lint clean chromium

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(READY) ## train three small models and watch them on http://127.0.0.1:8501
	@$(BIN)/bakeoff demo

up: $(READY) ## open the dashboard on your own store (BAKEOFF_HOME, default ./.bakeoff)
	@$(BIN)/bakeoff up

test: $(READY) chromium ## run the tests (under 10 minutes on 2 cores)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not exhaustive"

test-all: $(READY) chromium ## run every test, the minutes-long ones too
	@$(BIN)/python -m pytest -n 2 --dist loadfile

bench: $(READY) ## measure what the README claims
	@$(BIN)/python -c 'import sys; sys.path.insert(0, "tests/bench"); import figures; print(figures.HEADER)'
	@set -e; for file in tests/bench/bench_*.py; do OMP_NUM_THREADS=1 $(BIN)/python "$$file"; done

bench-peers: $(READY) ## give MLflow, TensorBoard, Trackio and wandb the same tasks, in .venv-peers
	@test -d .venv-peers || $(BIN)/python -m venv .venv-peers || $(BIN)/python -m venv --without-pip .venv-peers
	@$(BIN)/python -m pip --python .venv-peers/bin/python install --quiet --disable-pip-version-check -r tests/bench/peers.txt
	@$(BIN)/python tests/bench/peers.py
	@OMP_NUM_THREADS=1 $(BIN)/python tests/bench/peer_pages.py

lint: $(READY) ## check format, rules, import contracts and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright

clean: ## remove .venv and caches; your runs in .bakeoff stay
	@rm -rf .venv .cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

chromium: $(READY)
	@bash .ci/chromium

$(READY): pyproject.toml constraints.txt .ci/setup
	@PYTHON="$(PYTHON)" TORCH="$(TORCH)" bash .ci/setup
