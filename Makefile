# Everything runs in .venv; the stamp makes set-up happen once.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: chat test test-fast lint bench clean

chat: $(STAMP)
	@$(BIN)/memgraft chat

test: $(STAMP)
	@$(BIN)/memgraft bundles fetch
	$(BIN)/python -m pytest

test-fast: $(STAMP)
	$(BIN)/python -m pytest -m "not slow and not bundle"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/chat.py

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing memgraft into .venv (once, about two minutes) ..." >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]" >&2
	@touch $@

clean:
	rm -rf .venv build dist src/*.egg-info
