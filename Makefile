PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FOREIGN := .foreign
MODULES := node_modules
BROWSER := $(VENV)/.browser
# What one wants at every save: the rules of the house, the mathematics, the pictures, what makes explaining safe, and the
# contract that holds every callback to both promises. Left to `make test`: whatever trains for many epochs, starts other
# programs or a browser, or is about one callback's options.
FAST := tests/test_package.py tests/explain tests/render tests/harness tests/contract lightning_viz
# One thread each; and large pages, of which a fork has fewer to copy: every training forks a few times.
# Bytecode is kept whatever the environment says: each worker, and each program that a test starts, would compile all anew.
# One more worker than there are cores, since whoever waits for a browser or another program leaves its core to others.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 GLIBC_TUNABLES=glibc.malloc.hugetlb=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

.PHONY: help demo homework test test-fast test-js test-versions check check-js matrix matrix-gpu gpu bench gallery front screenshots docs wheel sdist-test audit clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

# Projects that the tests train unchanged: in a folder of their own, since they ask for old versions of everything.
$(FOREIGN)/.ready: $(READY) tests/foreign/requirements.txt tests/foreign/loggers.txt
	rm -rf $(FOREIGN)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(FOREIGN) --requirement tests/foreign/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(FOREIGN)/apart torchvision==0.28.0  # which other projects must not find
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(FOREIGN)/loggers --requirement tests/foreign/loggers.txt
	@touch $(FOREIGN)/.ready

# The browser of the tests and screenshots: the system's Chromium, else one that playwright brings.
$(BROWSER): $(READY)
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
		|| $(BIN)/playwright install --only-shell chromium
	@touch $(BROWSER)

demo: $(READY)  ## Train the food classifier with every picture, then say how to look at it
	$(BIN)/python train.py fit --config configs/demo.yaml

homework: $(READY)  ## Train the food classifier and answer the homework's four questions in runs/homework; ARGS="--data.root FOLDER --language zh"
	$(BIN)/python -m homework $(ARGS)

test: test-js $(READY) $(MODULES)/.ready $(FOREIGN)/.ready $(BROWSER)  ## Run all tests
	$(PYTEST) --no-loadscope-reorder

test-fast: $(READY)  ## Run the tests that one wants at every save, in three minutes
	$(PYTEST) $(FAST)

test-versions: $(READY)  ## Run them on the oldest Python with the lowest versions, and on the newest with the newest
	.ci/versions $(FAST)

check: $(READY) check-js  ## Lint and type-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Node.js comes with the environment, from PyPI, so that no machine leaves the JavaScript out.
check-js test-js $(MODULES)/.ready: export PATH := $(CURDIR)/$(BIN):$(PATH)

check-js: $(MODULES)/.ready  ## Lint and type-check the JavaScript of the Explanations tab
	$(MODULES)/.bin/eslint eslint.config.js lightning_viz/tensorboard/static tests/javascript
	$(MODULES)/.bin/tsc --project .

test-js: $(READY)  ## Test the parts of the Explanations tab that need no browser
	node --test tests/javascript/*.test.js

$(MODULES)/.ready: $(READY) package.json
	npm install --silent --no-audit --no-fund --no-package-lock
	@touch $(MODULES)/.ready

matrix: $(READY)  ## Train in every way with all callbacks and without: both must end bit for bit alike, explained on a copy and in place
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.matrix $(ARGS)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.matrix --guard $(ARGS)

matrix-gpu: $(READY)  ## The same on a GPU, and what only a GPU does
	$(BIN)/python -m tests.matrix --accelerator gpu
	$(BIN)/python -m tests.matrix --accelerator gpu --guard

# Eight minutes at most: what one who is lent a GPU for a quarter of an hour wants to know.
GPU_ROWS := "plain" "momentum teacher" "frozen BatchNorm" "16-mixed" "bf16-mixed, channels_last" "channels_last" \
	"cudnn.benchmark" "segmentation" "torch.compile(module), inductor" "negative control: plain, without isolation"

gpu: $(READY)  ## What only a GPU can tell, in one go: neutrality, ratios, seconds and memory
	$(BIN)/python -m tests.matrix --accelerator gpu --only $(GPU_ROWS)
	$(BIN)/python -m tests.matrix --accelerator gpu --guard --only "plain" "momentum teacher"
	$(BIN)/python -m benchmarks.gpu $(ARGS)

bench: $(READY)  ## Measure what a drawing costs
	$(BIN)/python -m benchmarks

gallery: $(READY) $(FOREIGN)/.ready  ## Draw every kind of picture into docs/gallery.md
	$(BIN)/python -m gallery

front: $(READY)  ## Draw README's first pictures from the run of make demo
	$(BIN)/python -m gallery.front runs/demo/version_0

screenshots: $(READY) $(BROWSER)  ## Take pictures of the Explanations tab into docs/images/tab; ARGS="--logs FOLDER"
	$(BIN)/python -m gallery.screenshots $(ARGS)

# Of a run that is a little shorter than the demo's, so that the page stays below 15 MB.
docs/sample.html:
	rm -rf build/sample
	$(BIN)/python train.py fit --config configs/demo.yaml --trainer.max_epochs 11 \
		--trainer.logger.init_args.save_dir build --trainer.logger.init_args.name sample
	$(BIN)/python -m lightning_viz.tensorboard.export build/sample/version_0 $@

docs: $(READY)  ## Build the documentation into site/index.html, which needs no server
	test -f docs/sample.html || $(MAKE) docs/sample.html
	$(BIN)/python -m gallery.notebooks
	$(BIN)/zensical build --clean --strict

wheel: $(READY)  ## Build wheel and sdist, check both, and try them in an empty environment
	rm -rf dist build/empty build/sdist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(PYTHON) -m venv build/empty
	build/empty/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	build/empty/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/*.whl
	cd build && empty/bin/python ../.ci/attach.py
	mkdir -p build/sdist && tar xzf dist/*.tar.gz -C build/sdist --strip-components 1
	build/empty/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --force-reinstall --no-deps dist/*.tar.gz
	cd build && empty/bin/python ../.ci/attach.py

sdist-test: wheel  ## Run the fast tests in the unpacked sdist, which must bring all they need
	build/empty/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt './build/sdist[captum,cli,test]'
	cd build/sdist && OMP_NUM_THREADS=1 ../empty/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile -p no:cacheprovider $(FAST)

audit: $(READY)  ## Ask an index of advisories about the pinned versions, where one can be reached
	$(BIN)/python .ci/audit.py

clean:  ## Remove the environment and everything generated
	rm -rf $(VENV) .versions $(FOREIGN) $(MODULES) runs lightning_logs dist build site docs/sample.html docs/tutorials .cache .pytest_cache .mypy_cache .ruff_cache
