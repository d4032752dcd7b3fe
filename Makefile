# `make demo` and `make test` do all the set-up that a fresh machine needs, once, in .venv. `make help` lists the rest.
# Any make of the last 15 years; Python 3.10 to 3.13.

VENV ?= .venv

# Paths with the environment in front, whether VENV is relative or not.
IN_VENV = PATH="$$(cd $(VENV)/bin && pwd):$$PATH"
PYTEST_ARGS ?= -n 2 -q

.PHONY: help demo test lint types android-check venv clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    export flex-nano to ONNX and TFLite, run it on a sample picture, say what was made (in demo/)"
	@echo "make test    lint, types and all tests"
	@echo "make lint    ruff's rules and format, and which room may import which"
	@echo "make types   mypy, strict"
	@echo "make android-check   the demo app's Kotlin: compile, JVM tests, screens, APK, as far as the tools are there"
	@echo "make venv    the environment alone (in $(VENV))"
	@echo "make clean   remove what the above made, but not the environment"
	@echo
	@echo "PYTHON=python3.12   the interpreter for a new environment (default: the first suitable one)"
	@echo "PIP_ARGS='...'      options for pip install, such as another index with a CPU-only torch"
	@echo "PYTEST_ARGS='...'   options for pytest (default: $(PYTEST_ARGS))"
	@echo "VENV=folder         where the environment is (default: .venv)"

venv:
	@.ci/venv "$(VENV)"

demo: venv
	@mkdir -p demo
	@$(IN_VENV); python examples/street_picture.py demo/street.png
	@$(IN_VENV); edgedepth export flex-nano -o demo/flex-nano --force
	@$(IN_VENV); edgedepth run demo/flex-nano demo/street.png -o demo/depth.png
	@$(IN_VENV); python examples/read_artifact.py demo/flex-nano
	@$(IN_VENV); edgedepth bench host demo/flex-nano --runs 10 --seconds 0 --allow-invalid
	@echo "In demo/, in bytes:"; cd demo && find . -type f | sort | xargs wc -c

lint: venv
	@echo "ruff check";          $(IN_VENV); ruff check
	@echo "ruff format --check"; $(IN_VENV); ruff format --check
	@echo "lint-imports";        $(IN_VENV); lint-imports

types: venv
	@echo "mypy"; $(IN_VENV); mypy

test: lint types
	@echo "pytest $(PYTEST_ARGS)"; $(IN_VENV); python -m pytest $(PYTEST_ARGS)

# 77 says that a tool is not there; the last line before it says which.
android-check: venv
	@$(IN_VENV); for part in android_demo/check android_demo/app/check; do \
	    $$part; status=$$?; [ $$status = 0 ] || [ $$status = 77 ] || exit $$status; done

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find edgedepth tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
