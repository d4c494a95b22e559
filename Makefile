SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ARGS ?=
# Most tests wait for clocks, brokers and deadlines, so a few at once cost little even on two cores.
WORKERS ?= 4

BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt --build-constraints constraints.txt

# A file that says "done" for each thing that is set up once; what it depends on makes it be done again.
UV := .venv/.uv
RUNTIME := .venv/.runtime
TOOLS := .venv/.tools
KAFKA := .kafka/.fetched
REGISTRY := .registry/.fetched
PICTURES := .pictures/.fetched

KUBERNETES := .kubernetes/.built

# Without Java the tests can still use a broker that somebody else runs.
JAVA := $(and $(shell command -v java),$(shell command -v mvn))
TEST_KAFKA := $(if $(and $(KAFKA_BOOTSTRAP_SERVERS),$(if $(JAVA),,none)),,$(KAFKA) $(REGISTRY))
NEEDS_JAVA = $(if $(JAVA),,echo "Java 17 and Maven are needed to fetch and run Kafka and a schema registry for the tests (on \
  Debian: apt-get install default-jre-headless maven). Without them, set KAFKA_BOOTSTRAP_SERVERS=host:port to a broker for \
  tests." >&2; exit 1)

# The tools for the AsyncAPI document. Without Node its tests say what to install; all others need none.
ASYNCAPI := asyncapi/node_modules/.installed
TEST_ASYNCAPI := $(if $(shell command -v npm),$(ASYNCAPI))

PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

# What plays nodes and pods for the tests of the chart, and whose kinds of objects the chart makes some of.
KWOK := sigs.k8s.io/kwok@v0.8.0
PROMETHEUS_OPERATOR := github.com/prometheus-operator/prometheus-operator@v0.85.0
GO := GOTOOLCHAIN=local GOFLAGS=-buildvcs=false GOBIN=$(CURDIR)/.kubernetes go

# What writes files from code, and with --check tells which are out of date.
WRITERS := streamer.events.generate streamer.config.reference streamer.sources.reference \
  streamer.store.kafka.reference streamer.store.kafka.asyncapi streamer.service.metrics_reference \
  streamer.service.status.reference streamer.cli.reference dashboards.generate

# Parts of the campaign, each of which can be played by itself.
CAMPAIGNS := campaign-kills campaign-freezes campaign-restarts campaign-brokers campaign-network campaign-config

.PHONY: help demo test test-kubernetes check asyncapi campaign $(CAMPAIGNS) campaign-model campaign-mutations campaign-nodes campaign-payloads campaign-requests format generate kafka kafka-run registry pictures build image test-image clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## simulator, service and consumer together, live; ARGS="--tenants 3 --output json"
	@exec $(BIN)/streamer demo $(ARGS)

test: $(TOOLS) $(TEST_KAFKA) $(TEST_ASYNCAPI) ## all tests, against a real Kafka; ARGS="-k name" chooses
	@$(PYTEST) $(ARGS)

test-kubernetes: $(TOOLS) $(KUBERNETES) ## the chart on a real Kubernetes API server; ARGS="-k rollback" chooses
	@$(BIN)/python -m pytest --override-ini timeout=600 tests/kubernetes $(ARGS)

check: $(TOOLS) ## format, lint, types, layers, dependencies, spelling, generated files
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	$(BIN)/codespell
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@git ls-files -z -- '*.yaml' '*.yml' '.yamllint' | xargs -0 -r $(BIN)/yamllint --strict
	@for each in $(WRITERS); do $(BIN)/python -m $$each --check; done

campaign: $(TOOLS) $(KAFKA) ## all faults on many replicas, an hour; ARGS="--size small --seed 7 --resume"
	@$(BIN)/python -m tests.campaign $(ARGS)

$(CAMPAIGNS): campaign-%: $(TOOLS) $(KAFKA)
	@$(BIN)/python -m tests.campaign $* $(ARGS)

campaign-nodes campaign-requests: campaign-%: $(TOOLS) $(KAFKA) ## faults of brokers, of requests; ARGS="--rounds 3 --kafka 3.9.1"
	@$(BIN)/python -m tests.faults $* $(ARGS)

campaign-mutations: $(TOOLS) $(KAFKA) ## each guard of the hand-over taken away in real replicas: the campaign finds it
	@$(BIN)/python -m tests.campaign.mutations $(ARGS)

format: $(TOOLS) ## format, and repair what ruff can repair
	$(BIN)/ruff check --quiet --fix-only
	$(BIN)/ruff format --quiet

generate: $(TOOLS) ## write the schemas, the reference pages and the dashboards from the code
	@for each in $(WRITERS); do $(BIN)/python -m $$each; done

kafka: $(KAFKA) ## fetch Apache Kafka for the tests, once: the newest version and an older one

registry: $(REGISTRY) ## fetch a schema registry for the tests, once: Apicurio

kafka-run: $(TOOLS) $(KAFKA) ## run one broker on free ports until Ctrl-C; prints its address
	@exec $(BIN)/python -m tests.support.broker

campaign-model: $(TOOLS) ## the model of the hand-over at larger sizes, its counter-examples as stories; reports/model.txt
	@$(BIN)/python -m tests.model.campaign reports/model.txt

campaign-payloads: $(TOOLS) ## 10,000 mutated payloads for each source and form, queues too; counts in reports/
	@STREAMER_BAD_PAYLOADS=3400 STREAMER_REPORTS=1 $(PYTEST) --override-ini timeout=1800 \
	  tests/sources/test_bad_payloads.py tests/sources/test_eight_by_eight_realtime_queues.py \
	  tests/polling/test_bad_payloads.py $(ARGS)

pictures: $(TOOLS) $(KAFKA) $(PICTURES) ## draw the pictures of the docs anew, from real runs in Chromium
	@$(BIN)/python -m tests.browser.pictures
	@$(BIN)/python -m tests.dashboards.drawing $(ARGS)

asyncapi: $(ASYNCAPI) ## validate the AsyncAPI document of the topics, and draw it as a page: dist/asyncapi.html
	@node asyncapi/validate.mjs schemas/asyncapi.json
	@node asyncapi/page.mjs schemas/asyncapi.json dist/asyncapi.html

build: $(TOOLS) ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

# Root, because layers are unpacked with their owners; buildah and podman, because they need no daemon.
image: ## build the container image; needs root, buildah, podman, runc, mmdebstrap; BASE=... takes a base from a registry
	@deploy/image/build $(BASE)

test-image: $(TOOLS) $(KAFKA) image ## build the image and run the service in it, against a real Kafka; needs what image does
	@$(BIN)/python -m pytest tests/image $(ARGS)

clean: ## delete everything that make made
	rm -rf .venv .kafka .registry .image .kubernetes .pictures dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage reports asyncapi/node_modules

$(UV): constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed and '$(PYTHON)' is not: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv >&2
	@touch $@

$(RUNTIME): $(UV) pyproject.toml
	@$(INSTALL) --editable . >&2
	@touch $@

$(TOOLS): $(RUNTIME)
	@$(INSTALL) --group test >&2
	@touch $@

$(KAFKA): tests/kafka/pom.xml tests/kafka/versions
	@$(NEEDS_JAVA)
	@for version in $$(cat tests/kafka/versions); do \
	  mvn --quiet --batch-mode --file tests/kafka/pom.xml dependency:copy-dependencies -Dkafka.version=$$version \
	    -DoutputDirectory="$(CURDIR)/.kafka/$$version" -DincludeScope=runtime >&2; \
	done
	@touch $@

$(REGISTRY): tests/registry/pom.xml
	@$(NEEDS_JAVA)
	@rm -rf $(@D)
	@mvn --quiet --batch-mode --file $< dependency:unpack-dependencies -DoutputDirectory="$(CURDIR)/$(@D)" >&2
	@touch $@

$(ASYNCAPI): asyncapi/package.json asyncapi/package-lock.json
	@npm ci --prefix asyncapi --ignore-scripts --no-audit --no-fund --silent >&2
	@touch $@

$(PICTURES): tests/dashboards/drawing/package.json
	@mkdir -p $(@D) && cp $< $(@D)/package.json
	@npm --prefix $(@D) install --ignore-scripts --no-audit --no-fund --no-package-lock --silent >&2
	@touch $@

$(KUBERNETES): tests/kubernetes/go.mod tests/kubernetes/go.sum Makefile
	@command -v go >/dev/null && [[ "$$($(GO) version)" =~ go1\.(2[6-9]|[3-9][0-9]) ]] || { \
	  echo "Go 1.26 or newer is needed to build Kubernetes for the tests (https://go.dev/dl)." >&2; exit 1; }
	@echo "building Kubernetes into .kubernetes, once: some minutes" >&2
	@mkdir -p .kubernetes/crds .kubernetes/stages
	@cd tests/kubernetes && $(GO) build -trimpath -ldflags "-s -w \
	  -X k8s.io/component-base/version.gitVersion=$$($(GO) list -m -f '{{.Version}}' k8s.io/kubernetes)" \
	  -o $(CURDIR)/.kubernetes/ tool
	@mv .kubernetes/server .kubernetes/etcd
	@$(GO) install $(subst @,/cmd/kwok@,$(KWOK))
	@$(GO) mod download $(KWOK) $(PROMETHEUS_OPERATOR)
	@cp $$(go env GOMODCACHE)/$(KWOK)/kustomize/stage/{node,pod}/fast/*-*.yaml .kubernetes/stages/
	@cp $$(go env GOMODCACHE)/$(PROMETHEUS_OPERATOR)/example/prometheus-operator-crd/*_{podmonitors,servicemonitors,prometheusrules}.yaml .kubernetes/crds/
	@touch $@
