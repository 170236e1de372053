# Start with `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UPSTREAM_MANIFESTS ?= ../shared/upstream
export UPSTREAM_MANIFESTS

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-openshift test-real check update chart rows support agreement bench lock sbom docs screenshots release mutants image clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=... make)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(READY)  ## start the webhook, send it reviews over HTTPS, show what changed and why (MANIFESTS=path for your own)
	@$(BIN)/python -m tools.demo $(MANIFESTS)

test: $(READY)  ## run all tests that need no cluster (six to ten minutes)
	$(BIN)/pytest --rig=off $(ARGS)

test-unit: $(READY)  ## run the tests of single modules (half a minute)
	$(BIN)/pytest $(ARGS) tests/unit

test-openshift: $(READY)  ## run the tests on OpenShift's own admission and on a node (needs Go and a module proxy)
	$(BIN)/python -m tests.rig build $(if $(filter required,$(NODE)),--node)
	$(BIN)/pytest --rig=required --durations=20 $(ARGS) tests/openshift tests/node tests/rig/node

test-real: $(READY)  ## run upstream's own controllers on a node, and keep what is seen in docs/evidence/real.json (as root)
	$(BIN)/python -m tests.rig build --real
	$(BIN)/pytest --rig=required --node=required --real --timeout=900 $(ARGS) tests/real
	$(BIN)/python -m tools.generate

check: $(READY)  ## check format, lint, types, import contracts, plain English, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.plain_english
	$(BIN)/python -m tools.generate --check

update: $(READY)  ## rewrite generated files: expected fixtures, docs/rules.md, docs/performance.md, webhook configurations
	$(BIN)/ruff format .
	$(BIN)/python -m tools.generate
	@! command -v kubectl >/dev/null || { $(BIN)/python -m tools.chart && $(BIN)/python -m tools.install; }

chart: $(READY)  ## rewrite the Helm chart from deploy/overlays (needs kubectl)
	$(BIN)/python -m tools.chart

rows: $(READY)  ## rewrite docs/rows.md from what the tests see on the rig
	$(BIN)/pytest --rig=required --update-rows tests/openshift tests/node

support: $(READY)  ## measure docs/support.md on the rig and with check: each Kubeflow on each OpenShift (half an hour)
	$(BIN)/python -m tools.support
	$(BIN)/python -m tools.generate

agreement: $(READY)  ## compare the SCC model with OpenShift's own code on PODS=50000 random pods, and on PODS/5 changed ones
	$(BIN)/pytest --rig=required --pods=$(or $(PODS),50000) --seed=$(or $(SEED),$$(date +%s)) -s tests/openshift/test_scc_model.py tests/openshift/test_identity_agreement.py

bench: $(READY)  ## measure beside a Go webhook and CEL in the API server (five quiet minutes; needs Go)
	@$(BIN)/python -m bench

lock: $(READY)  ## resolve the dependencies again, with hashes
	$(PYTHON) -m venv .lock-venv && .lock-venv/bin/pip install --quiet uv
	.lock-venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -o requirements.lock
	.lock-venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --group dev pyproject.toml -o requirements-dev.lock
	rm -rf .lock-venv

sbom: $(READY)  ## print a CycloneDX bill of materials of the locked Python packages, of which the image has those that it uses
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --spec-version 1.6 --output-reproducible requirements.lock

screenshots: $(READY)  ## make docs/pictures again (the report's needs Chromium)
	$(BIN)/python -m tools.screenshots

release: $(READY)  ## make dist/, the files of release VERSION; its image, too, if BASE and IMAGE are given (docs/release.md)
	@$(BIN)/python -m tools.release "$(VERSION)" "$(BASE)" "$(IMAGE)"

docs: $(READY)  ## build the site into site/, with every link checked and its pictures made (the report's needs Chromium)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	$(BIN)/python -m tools.screenshots site/pictures

mutants: $(READY)  ## list changes of the code that no unit test notices (hours; in a copy, .mutants)
	rm -rf .mutants && git clone --quiet . .mutants && ln -s ../$(VENV) .mutants/$(VENV)
	$(PYTHON) -m venv .mutants/tools && .mutants/tools/bin/pip install --quiet cosmic-ray==8.7.0
	cd .mutants && tools/bin/cosmic-ray init cosmic-ray.toml session.sqlite
	cd .mutants && tools/bin/cosmic-ray exec cosmic-ray.toml session.sqlite
	cd .mutants && tools/bin/cr-report --surviving-only session.sqlite

image:  ## build the image on BASE=NAME@sha256:DIGEST, Red Hat's ubi9/python-312-minimal (needs podman or docker)
	@case "$(BASE)" in *@sha256:*) ;; *) echo "expected BASE=NAME@sha256:DIGEST, Red Hat's ubi9/python-312-minimal; skopeo inspect prints its digest"; exit 1;; esac
	$(or $(shell command -v podman),docker) build --build-arg BASE=$(BASE) -t kubeflow-openshift .

clean:  ## remove what make created
	rm -rf $(VENV) dist site .lock-venv .mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
