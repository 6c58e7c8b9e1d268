# The commands of this repository. Plain pip and python equivalents, for Windows and conda too: docs/install.md
#
# All paths are relative and programs are called as `python -m`: a folder name may hold spaces and any script.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/sh

# A PYTHONPATH or PYTHONSAFEPATH of the user must not choose which `search` or `trainer` runs.
unexport PYTHONPATH PYTHONSAFEPATH PYTHONHOME

PYTHON ?=
ARGS ?=
# One more than two cores: many tests wait, for a lease to end or a process to start.
JOBS ?= 3
# Tests of a file in one process, which sets up once what they share; files in order, the long ones in the middle.
TOGETHER := --dist loadscope --no-loadscope-reorder
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
GROUND := requirements.txt constraints.txt
# One thread per process: two test processes with a thread pool each fight over the same cores.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest

.PHONY: help search doctor test test-cp949 check lint types imports bench bench-gpu format environment environment-dev \
    environment-bench environment-docs clean curves verdicts chaos fleet docs

help:
	@echo 'make search   install what is needed into .venv, then search the learning rate, loss and augmentation'
	@echo "              (more: make search ARGS='--data my_photos --name mine')"
	@echo "make test     the same set-up, then every test         (some: make test ARGS='tests/ground -k doctor')"
	@echo '              (in a cp949 console, in a Korean home folder with a space: make test-cp949)'
	@echo 'make check    lint, types, import rules, then every test'
	@echo 'make bench    measure against Optuna and Ray Tune on this CPU: hours; whether it works: make bench ARGS=--quick'
	@echo '              make bench-gpu measures on a GPU'
	@echo 'make curves   replay stopping and pruning on the table of learning curves, next to Optuna'"'"'s pruners: minutes'
	@echo 'make verdicts simulate verdicts, then search where nothing is better and where something is: half an hour'
	@echo 'make chaos    kill, pause and cut off workers, databases and disks, and check that nothing is lost: half an hour'
	@echo 'make fleet    measure how a study scales to 100 workers on one PostgreSQL: half an hour'
	@echo 'make docs     build the pages of docs/ into build/docs, to be read in a browser, offline; dead links fail'
	@echo 'make format   write the code in the common format'
	@echo 'make doctor   name Python, torch, driver, devices, memory and disk'
	@echo 'make clean    remove .venv (6 GB to install again) and caches; studies in runs/ stay'

search: environment
	@$(PY) -m search.launch --study lr_aug $(ARGS)

doctor: environment
	@$(PY) -m search.doctor

test: environment-dev environment-docs
	@$(PYTEST) -n $(JOBS) $(TOGETHER) $(ARGS)

# The same tests as a Korean Windows desktop has it: no UTF-8 mode, a cp949 console, a home folder with a space in it.
test-cp949: environment-dev environment-docs
	@home="$$(mktemp -d)/집 폴더" && mkdir -p "$$home" && \
	    HOME="$$home" TMPDIR="$$home" PYTHONUTF8=0 PYTHONIOENCODING=cp949:replace $(PYTEST) -n $(JOBS) $(TOGETHER) $(ARGS)

check: lint types imports test

lint: environment-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: environment-dev
	$(PY) -m pyright

imports: environment-dev
	$(PY) -c 'from importlinter.cli import lint_imports_command as run; run()' --no-logo

# What is measured should have the machine to itself. Some of it: make bench ARGS='step trial --rounds 5'
bench: environment-bench
	@$(PY) -m benchmarks.bench $(ARGS)

# Where there is no CUDA device: the same at toy size on the CPU, and it says so.
bench-gpu: environment-bench
	@$(PY) -m benchmarks.bench --device cuda $(ARGS)

curves: environment-dev
	@$(PY) -m benchmarks.curves $(ARGS)

verdicts: environment-dev
	@$(PY) -m benchmarks.verdicts
	@$(PY) -m benchmarks.same $(ARGS)

chaos: environment-dev
	@$(PY) -m benchmarks.chaos $(ARGS)

# Whether it works: make fleet ARGS=--quick
fleet: environment-dev
	@$(PY) -m benchmarks.fleet $(ARGS)

docs: environment-docs
	@$(PY) -m sphinx --fail-on-warning --keep-going --quiet --fresh-env docs build/docs && echo 'build/docs/index.html'

format: environment-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

environment: .venv/.installed
environment-dev: .venv/.installed-dev
environment-bench: .venv/.installed-bench
environment-docs: .venv/.installed-docs

# Stamps: a second call installs nothing, a changed requirement does.
.venv/.installed: $(GROUND) | .venv/bin/python
	@echo 'Installing the pinned dependencies into .venv: on Linux about 3.1 GB to download and 6.0 GB on disk, once.'
	@start=$$(date +%s) && $(PIP) install -r requirements.txt -c constraints.txt \
	    && echo "Installed in $$(( $$(date +%s) - start )) s (not part of any search time)." && touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@start=$$(date +%s) && $(PIP) install -r requirements-dev.txt -c constraints.txt \
	    && echo "Installed what the tests need in $$(( $$(date +%s) - start )) s." && touch $@

.venv/.installed-bench: requirements-bench.txt .venv/.installed
	@start=$$(date +%s) && $(PIP) install -r requirements-bench.txt -c constraints.txt \
	    && echo "Installed what the benchmarks need in $$(( $$(date +%s) - start )) s." && touch $@

.venv/.installed-docs: requirements-docs.txt constraints.txt | .venv/bin/python
	@$(PIP) install -r requirements-docs.txt -c constraints.txt && touch $@

.venv/bin/python:
	@for python in "$(PYTHON)" python3.11 python3.12 python3.13 python3.14 python3 python; do \
	    if [ -n "$$python" ] && "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making .venv with $$("$$python" -V)."; \
	        "$$python" -m venv .venv && exit 0; \
	    fi; \
	    if [ -n "$(PYTHON)" ]; then break; fi; \
	done; \
	echo 'No Python 3.11 or newer with venv was found (on Debian or Ubuntu: apt install python3-venv);' \
	    'with one in a place of its own: make search PYTHON=/path/to/python3' >&2; exit 1

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
