# `make` alone lists the targets. Everything runs from .venv, which `make setup` makes.

.DEFAULT_GOAL := help
.PHONY: help setup demo run up down test test-fast test-parts test-system test-late faults audit sbom bench check fix schemas

BIN := .venv/bin
# What Kubernetes itself defines; kustomizations and the operators' own resources have tests.
KUBERNETES := $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/base/*.yaml deploy/kubernetes/example/*.yaml))

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .venv/.ready ## make .venv and fetch Kafka and mongod, once

.venv/.ready: uv.lock pyproject.toml deploy/setup
	@deploy/setup

demo: .venv/.ready ## set up, start everything, play the spring of 2024
	@$(BIN)/wea demo --state .wea/demo

run: .venv/.ready ## start the whole system here; Ctrl-C stops it
	@$(BIN)/wea up

up: .venv/.ready ## start the whole system in the background
	@$(BIN)/wea up --detach

down: .venv/.ready ## stop it
	@$(BIN)/wea down

test: .venv/.ready ## all tests, against real servers
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target --keep-going test-parts test-system

test-parts: .venv/.ready ## all but those of a whole running system
	$(BIN)/pytest -m "not system"

test-fast: .venv/.ready ## policies and contracts: no server, no process, no long comparison
	$(BIN)/pytest -m "unit or contracts"

test-system: .venv/.ready ## the tests of a whole running system
	$(BIN)/pytest -m system

test-late: .venv/.ready ## the same, while partitions are read late and in another order: no test may need luck
	PYTHONPATH=$(CURDIR)/tests/system/late WEA_TEST_LATE=$(or $(LATE),2) $(BIN)/pytest -m system

faults: .venv/.ready ## misfortunes for three minutes, judged by an oracle; LONG=60: an hour (docs/reliability.md)
	$(BIN)/python -m faults.run $(if $(LONG),--long $(LONG)) $(if $(SEED),--seed $(SEED)) $(ARGS)

audit: .venv/.ready ## known vulnerabilities in what is locked; says so where it cannot ask
	@$(BIN)/uv sync --frozen --inexact --group audit -q && $(BIN)/python deploy/audit

sbom: .venv/.ready ## the bill of materials of what is shipped, CycloneDX, on standard output
	@$(BIN)/uv export --frozen --no-dev --all-extras --format cyclonedx1.5 --preview-features sbom-export -q

bench: .venv/.ready ## how near the limits: three minutes, docs/performance.md; ARGS=--full for the long form
	-@UV_SYSTEM_CERTS=1 $(BIN)/uv sync --frozen --inexact --all-extras --group peer -q
	$(BIN)/python -m bench $(ARGS)

check: .venv/.ready ## lint, format, types, import rules, schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contracts.generate --check
	$(BIN)/python -m wea.asyncapi --check
	$(BIN)/python -m wea.strimzi --check
	$(BIN)/kubernetes-validate --strict --quiet $(KUBERNETES)

schemas: .venv/.ready ## after a change of an event: schemas, topic table, AsyncAPI
	$(BIN)/python -m contracts.generate
	$(BIN)/python -m wea.asyncapi
	$(BIN)/python -m wea.strimzi

fix: .venv/.ready ## repair what lint and format can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
