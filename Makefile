# What a user runs: `make demo`, `make test`. What is too long for CI has a target of its own.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS ?= 20000

.PHONY: help setup demo test test-integrations test-large test-bounds fuzz soak sbom audit lint docs eval eval-detectors bench lock clean simulate-month test-flink test-prism test-airflow scale eval-full eval-peers check-independent

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(VENV)/.ready  ## virtual environment with everything, and a working $(BIN)/tocsin

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python deploy/dataflow/warm.py > /dev/null  # compiles the kernels: a minute, once
	@touch $@

demo: setup  ## a corpus of this machine's own Python, poisoned and scanned
	$(BIN)/tocsin demo

test: setup lint  ## linters, then the whole test suite
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-integrations: setup  ## the README's steps for datatrove and dolma, in the real ones
	for one in "datatrove[io,processing]==0.10.1" dolma==1.2.1; do \
	  environment=build/integrations/$${one%%[[=]*} && { test -e $$environment/.ready || { \
	  $(BIN)/uv venv --quiet --clear --python $(PYTHON) $$environment && \
	  $(BIN)/uv pip install --quiet --python $$environment/bin/python "$$one" && \
	  touch $$environment/.ready; }; } || exit 1; \
	done
	$(BIN)/python -m pytest tests/integrations

fuzz: setup  ## every parser, reader and kernel: RUNS executions each, with counts
	$(BIN)/python -m fuzz.run --runs $(RUNS)

soak: setup  ## 200 faults injected into scans (as root also full and read-only disks); docs/soak.md
	$(BIN)/python -m soak.run --faults 200

test-bounds: setup  ## the tests of the kernels, compiled with checked indices
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=build/bounds $(BIN)/python -m pytest tests/measure tests/correlate

test-flink: setup  ## a Flink cluster of three processes; its jobs if Maven has Beam's job server
	PYTHON=$(BIN)/python deploy/flink/fetch.sh build/flink || [ $$? = 3 ]
	$(BIN)/python -m pytest -rs tests/e2e/engines/test_flink.py

test-prism: setup  ## the same rows on Prism, which Go builds (a few minutes the first time)
	[ -x build/prism/prism ] || GOBIN=$(CURDIR)/build/prism go install \
	  github.com/apache/beam/sdks/v2/go/cmd/prism@v$$(sed -n 's/^apache-beam==\([0-9.]*\).*/\1/p' requirements.lock)
	$(BIN)/python -m pytest -rs tests/e2e/engines/test_prism.py

test-airflow:  ## loads the DAG of deploy/airflow in the real Airflow
	$(PYTHON) -m venv build/airflow/venv
	build/airflow/venv/bin/python -m pip install --quiet --disable-pip-version-check \
	  apache-airflow apache-airflow-providers-google apache-airflow-providers-apache-beam
	AIRFLOW_HOME=$(CURDIR)/build/airflow AIRFLOW__CORE__LOAD_EXAMPLES=False build/airflow/venv/bin/python deploy/airflow/check.py

scale: setup  ## time, memory and shuffled bytes at 0.1 to 3 million documents: hours
	$(BIN)/python -m benchmarks.scale growth --corpora ../shared/corpora \
	  --documents 100000 300000 1000000 3000000
	$(BIN)/python -m benchmarks.scale evidence --scan build/scale/out-3000000

test-large: setup  ## 1 GB in one line, ten million empty documents; docs/guarantees.md
	$(BIN)/python tests/large.py

sbom: setup  ## software bill of materials (CycloneDX) of the lock file, in build/sbom.json
	mkdir -p build
	$(BIN)/uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements \
	  --of JSON --output-reproducible -o build/sbom.json requirements.lock

audit: setup  ## known vulnerabilities of the lock file, where the database can be reached
	$(BIN)/uv tool run pip-audit==2.10.1 --strict --no-deps --disable-pip -r requirements.lock

docs: setup  ## the documentation as a site, in build/site; broken links are errors
	$(BIN)/mkdocs build --strict --quiet

eval: setup  ## planted campaigns in real corpora; the tables of docs/quality.md
	$(BIN)/python -m evals.run --corpora ../shared/corpora --out build/eval --markdown build/quality.md

bench: setup  ## speed and memory, beside others on the same text; writes docs/benchmarks.md
	for one in "datatrove[io,processing]==0.10.1 spacy" dolma==1.2.1 rensa==0.5.0 datasketch==2.0.0; do \
	  environment=build/peers/$${one%%[[=]*} && { test -e $$environment/.ready || { \
	  $(BIN)/uv venv --quiet --clear --python $(PYTHON) $$environment && \
	  $(BIN)/uv pip install --quiet --python $$environment/bin/python $$one && \
	  touch $$environment/.ready; }; } || exit 1; \
	done
	$(BIN)/python -m benchmarks.run --corpora ../shared/corpora --out build/bench --markdown docs/benchmarks.md

eval-full: setup  ## every recipe, size and seed, in several planted copies (two hours); goes on where it was
	$(BIN)/python -m evals.matrix --corpora ../shared/corpora --out build/eval-full \
	  --markdown build/matrix.md --figure docs/images/power.svg

simulate-month: setup  ## thirty nights of real corpora with dripping campaigns; docs/month.md
	$(BIN)/python -m evals.month --corpora ../shared/corpora --out build/month --markdown docs/month.md

eval-detectors: setup  ## each detector's share of clean documents by source, and its worst
	$(BIN)/tocsin scan ../shared/corpora -o build/clean
	$(BIN)/python -m evals.detectors build/clean --markdown build/detectors.md
check-independent: setup  ## an independent checker derives again what a scan of 20,000 documents flagged
	rm -rf build/derived
	$(BIN)/python -m evals.derived --corpora ../shared/corpora --out build/derived

eval-peers: setup  ## what others flag in the copy of make eval; after that and make test-integrations
	$(BIN)/python -m evals.peers --planted build/eval/planted --scan build/eval/scans/planted \
	  --datatrove build/integrations/datatrove/bin/python --markdown build/peers.md

lock:  ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.10 \
	  --no-emit-index-url --no-annotate --no-header --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build demo
