# Two commands on a bare machine: `make report`, `make test`. `make help` lists the others.
# Set-up is stamped in .venv, so that it costs nothing the second time.
.DEFAULT_GOAL := help
.PHONY: help report test check verify gallery screenshots test-real test-spark test-office bench format environment replay fuzz peers licences sbom advisories lab system clean FORCE

PARTS := pyproject.toml uv.lock package.json package-lock.json .npmrc tools/setup.sh
PLOTLY := node_modules/plotly.js-basic-dist-min/plotly-basic.min.js
AXE := node_modules/axe-core/axe.min.js
# larger public sources lie here for `make test-real`
WORKBENCH_SHARED ?= ../shared
export WORKBENCH_SHARED

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

report: .venv/.core ## set up, then write the reports (ARGS="grading --as-of 2020-03-12")
	@.venv/bin/workbench pool --quiet
	@.venv/bin/workbench report $(ARGS)

test: .venv/.dev system ## set up, check and run the tests (ARGS="-k risk")
	@.venv/bin/python tools/check.py; checked=$$?; \
	.venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS) || exit $$?; \
	[ $$checked -eq 0 ] || echo "the tests passed, but a check above failed" >&2; exit $$checked

check: .venv/.dev ## every check of style, types, floors and docs; runs all, reports all
	@.venv/bin/python tools/check.py

verify: .venv/.dev system ## the long proofs; writes docs/verification.md
	@.venv/bin/python tools/verification.py $(ARGS)

gallery: .venv/.dev ## the worked examples of docs/gallery, each in a clean kernel; pages in build/gallery (NAME="beds")
	@.venv/bin/python tools/gallery.py $(NAME)

screenshots: .venv/.dev system ## after `make gallery`: pictures for README and guides; ARGS=--check holds them against the reports
	@.venv/bin/python tools/screenshots.py $(ARGS)

test-real: .venv/.dev system ## tests on the larger public sources in WORKBENCH_SHARED
	@.venv/bin/python -m pytest -m real $(ARGS)

test-spark: .venv/.dev ## Spark equal to DuckDB: sets up Java 17 and PySpark, runs tests/spark
	@sh tools/setup.sh spark
	@.venv/bin/python -m pytest tests/spark $(ARGS)

test-office: .venv/.dev ## work lists through LibreOffice: sets it up from Debian, runs tests/office
	@sh tools/setup.sh office
	@.venv/bin/python -m pytest tests/office $(ARGS)

bench: .venv/.dev ## benchmarks beside their peers (NAME="rt grades"); writes docs/benchmarks.md
	@.venv/bin/python -m benchmarks $(NAME)

format: .venv/.dev ## let ruff lay out the code
	@.venv/bin/ruff format && .venv/bin/ruff check --fix

environment: .venv/.dev ## write environment.yml anew from pyproject.toml
	@.venv/bin/python tools/environment.py

replay: .venv/.core ## the whole command day by day (ARGS="--people 100000 --output reports/replay-100000"); writes docs/replay.md
	@.venv/bin/workbench replay $(ARGS)
	@.venv/bin/python tools/replay_account.py

fuzz: .venv/.dev ## every reader for a night: guided by coverage, then spoilt files (SECONDS=600 EXAMPLES=20000)
	@sh tools/setup.sh fuzz
	@.venv/bin/python tools/fuzz.py $(or $(SECONDS),600)
	@WORKBENCH_FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) .venv/bin/python -m pytest tests/property/test_reader_laws.py

peers: .venv/.dev ## the plain stack under the same faults; writes docs/faults_peers.json
	@.venv/bin/python tests/faults/peers.py && .venv/bin/python tools/faults.py

licences: .venv/.dev ## write docs/licences.md anew from what is installed
	@.venv/bin/python tools/supply_chain.py licences

sbom: .venv/.dev ## bill of materials (CycloneDX) in build/sbom.cdx.json
	@.venv/bin/python tools/supply_chain.py sbom

advisories: .venv/.dev ## known vulnerabilities, offline, from a stored database (DB="folder-or-zip")
	@.venv/bin/python tools/supply_chain.py advisories $(DB)

lab: .venv/.core ## open JupyterLab on the notebooks
	@.venv/bin/workbench pool --quiet
	@.venv/bin/workbench lab $(ARGS)

clean: ## remove what was set up and made, but for reports and state
	@rm -rf .venv .uv .cache node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# The second waits for the first, so that `make -j` never runs both at once
.venv/.core: $(PARTS) $(if $(wildcard $(PLOTLY)),,FORCE)
	@sh tools/setup.sh core

.venv/.dev: $(PARTS) .venv/.core $(if $(wildcard $(AXE)),,FORCE)
	@sh tools/setup.sh dev

system:
	@sh tools/setup.sh system

FORCE:
