# The few commands of this project; CI runs the same ones (.ci/run).
# All they need is make and Python 3.11 to 3.14: each builds .venv on first use, from locks/ with every hash checked.
# Installing talks on stderr, so `make train ARGS=--json` leaves only the JSON on stdout.

ARGS =
PYTHON = python3
VENV = .venv
KERAS_VENV = .venv-keras
PAGE_VENV = .venv-page
EXTRAS_VENV = .venv-extras
TORCH_VENV = .venv-torch
EXTRAS_TESTS = $(wildcard tests/onnx tests/serving tests/sklearn tests/notebooks tests/tensorboard \
	tests/*/test_parquet*.py tests/*/*/test_parquet*.py)
KERAS_BACKENDS = tensorflow jax
CHROMIUM = chromium
WORKERS = 2

# Neighbours stay in one process, so that what is made for the tests of a file is made once; who is done first, steals.
PYTEST = -m pytest -n $(WORKERS) --dist worksteal

# The tests share the cores between worker processes, not between the threads of one matrix product. Our own kernels have
# two threads all the same: what goes wrong only between threads must have the chance to.
ONE_THREAD_EACH = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 CONVLET_THREADS=2

unexport PYTHONDONTWRITEBYTECODE  # else each of several hundred processes compiles our sources again

LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-annotate --no-strip-extras --custom-compile-command "make lock" $(ARGS)
UV = uv==0.13.9
SMALL_EXTRAS = --extra onnx --extra parquet --extra serve --extra sklearn --extra tensorboard

.DEFAULT_GOAL := help
.PHONY: help train explore texts test test-keras test-page test-extras test-torch check check-page format coverage docs bench bench-page mutants lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo '  Options go in ARGS, as in: make train ARGS="--steps 1200 --json"'

train: $(VENV)/installed ## Train the default recipe on the MNIST images inside the package
	@exec $(VENV)/bin/python .ci/stoppable.py $(VENV)/bin/convlet train $(ARGS)

explore: $(PAGE_VENV)/installed ## Look into a network on a page: RUN=runs/…, or one that learns while you watch
	@$(PAGE_VENV)/bin/convlet explore $(RUN) $(ARGS)

texts: $(PAGE_VENV)/installed ## Collect the words of page and command line for their translation, and compile both
	@$(PAGE_VENV)/bin/python tests/helpers/catalogues.py

test: $(VENV)/installed ## Run the tests
	@$(ONE_THREAD_EACH) $(VENV)/bin/python $(PYTEST) $(ARGS)

test-keras: $(KERAS_VENV)/installed ## Run tests/engines/keras once per backend, in an environment of its own (2.5 GB)
	@for backend in $(KERAS_BACKENDS); do \
		echo "tests/engines/keras on $$backend" >&2; \
		KERAS_BACKEND=$$backend $(KERAS_VENV)/bin/python $(PYTEST) tests/engines/keras $(ARGS) || exit 1; \
	done

test-page: $(PAGE_VENV)/installed ## Run tests/explore in Chromium, in an environment of its own
	@command -v $(CHROMIUM) >/dev/null || { \
		echo 'The tests of the page need Chromium, and there is no $(CHROMIUM) here. On Debian: apt install chromium.'; \
		echo 'Elsewhere name yours: make test-page CHROMIUM=/path/to/chrome'; exit 1; } >&2
	@CHROMIUM=$(CHROMIUM) $(ONE_THREAD_EACH) $(PAGE_VENV)/bin/python $(PYTEST) tests/explore $(ARGS)

test-extras: $(EXTRAS_VENV)/installed ## Run the tests that need ONNX, scikit-learn, Parquet, TensorBoard, a server or a notebook's kernel
	@$(ONE_THREAD_EACH) $(EXTRAS_VENV)/bin/python $(PYTEST) $(EXTRAS_TESTS) $(ARGS)

test-torch: $(TORCH_VENV)/installed ## Run tests/torch and those of models from Keras on PyTorch, in an environment of their own
	@KERAS_BACKEND=torch $(ONE_THREAD_EACH) $(TORCH_VENV)/bin/python $(PYTEST) tests/torch tests/engines/keras/test_from_keras.py $(ARGS)

check: $(VENV)/installed ## Lint, formatting and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

check-page: $(PAGE_VENV)/typescript/installed ## Types of the page's JavaScript, by the TypeScript compiler; needs npm
	@$(PAGE_VENV)/typescript/node_modules/.bin/tsc --project tests/explore/tsconfig.json

format: $(VENV)/installed ## Put the code in the form that check wants, as far as a tool can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

coverage: $(EXTRAS_VENV)/installed ## Which lines the tests run, of the small extras too; fails below the floors of tests/measure_coverage.py
	@$(ONE_THREAD_EACH) $(EXTRAS_VENV)/bin/python tests/measure_coverage.py $(ARGS)

docs: $(VENV)/installed ## The API as pages, from the docstrings, in build/api
	@$(VENV)/bin/pdoc convlet '!convlet.engines.keras' '!convlet.exchange.torch' '!convlet.exchange.keras' '!convlet.sklearn' '!convlet.benchmarks.peers' '!convlet.__main__' -o build/api
	@echo 'Open build/api/index.html'

bench: $(VENV)/installed ## Measure what the README's tables claim
	@$(VENV)/bin/convlet bench $(ARGS)

bench-page: $(PAGE_VENV)/installed ## Measure the budgets of the page in Chromium
	@CHROMIUM=$(CHROMIUM) $(PAGE_VENV)/bin/python tests/measure_page.py

mutants: $(EXTRAS_VENV)/installed ## Put in bugs of one line, one at a time: which do the tests notice? (half an hour)
	@$(ONE_THREAD_EACH) $(EXTRAS_VENV)/bin/python tests/mutants/run.py $(ARGS)

lock: $(VENV)/installed ## Write locks/ again from pyproject.toml (ARGS=--upgrade takes newer versions)
	@$(VENV)/bin/python -m pip install --quiet $(UV) >&2
	@$(LOCK) pyproject.toml --extra dev --output-file locks/dev.txt
	@$(LOCK) pyproject.toml locks/keras.in --extra dev --extra keras --constraints locks/dev.txt --output-file locks/keras.txt
	@$(LOCK) pyproject.toml locks/page.in --extra dev --extra explore --constraints locks/dev.txt --output-file locks/page.txt
	@$(LOCK) pyproject.toml locks/extras.in --extra dev $(SMALL_EXTRAS) --constraints locks/dev.txt --output-file locks/extras.txt
	@$(LOCK) pyproject.toml locks/torch.in --extra dev --extra onnx --extra keras --constraints locks/extras.txt --output-file locks/torch.txt

clean: ## Remove all that these commands made, but for runs/
	rm -rf .venv .venv-* build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# One rule for all environments: the lock's name is what differs. The stamp is made last, so a broken-off
# installation starts again. The package itself comes without isolation: its build tools are in the lock.
$(VENV)/installed: locks/dev.txt
$(KERAS_VENV)/installed: locks/keras.txt
$(PAGE_VENV)/installed: locks/page.txt
$(EXTRAS_VENV)/installed: locks/extras.txt
$(TORCH_VENV)/installed: locks/torch.txt
$(VENV)/installed $(KERAS_VENV)/installed $(PAGE_VENV)/installed $(EXTRAS_VENV)/installed $(TORCH_VENV)/installed: pyproject.toml
	@{ set -e; \
	test -x $(@D)/bin/python || { \
		for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11 none; do \
			"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && break; \
		done; \
		test "$$python" != none || { \
			echo 'convlet needs Python 3.11 to 3.14; $(PYTHON) is' "$$($(PYTHON) --version 2>&1)."; \
			echo 'Install one, or name it: make PYTHON=/path/to/python3.12'; exit 1; }; \
		echo "Making $(@D) with $$("$$python" --version) ..."; \
		"$$python" -m venv $(@D) || { rm -rf $(@D); \
			echo 'This Python cannot make environments. On Debian and Ubuntu: apt install python3-venv'; exit 1; }; \
	}; \
	echo 'Installing $(filter locks/%,$^) in $(@D): a minute or so the first time ...'; \
	$(@D)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $(filter locks/%,$^); \
	$(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	touch $@; } >&2

$(PAGE_VENV)/typescript/installed: locks/typescript/package.json locks/typescript/package-lock.json
	@{ set -e; \
	command -v npm >/dev/null || { echo "Checking the types of the page's JavaScript needs npm, which is not here."; exit 1; }; \
	mkdir -p $(@D); cp $^ $(@D); \
	npm ci --prefix $(@D) --silent --ignore-scripts --no-audit --no-fund; \
	touch $@; } >&2
