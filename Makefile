# The commands of the project; `make` alone lists them.
VENV := .venv
BIN := $(VENV)/bin
# The Python of the environment: the one that it already has, else 3.10; PYTHON=python3.13 recreates it.
PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,python3.10)
PYTHON_VERSION := $(or $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null),3.10)
LOCK := requirements-$(PYTHON_VERSION).lock
READY := $(VENV)/.ready-$(PYTHON_VERSION)
UV_VERSION := 0.13.9
IMAGE_LOCKS := tfx_pipeline/deploy/container/locks
IMAGE_PYTHON_3.10 := 3.10.19-slim-trixie
IMAGE_PYTHON_3.13 := 3.13.9-slim-trixie
BEAM_VERSION = $(shell sed -nE 's/^apache-beam[^=]*==([^ ]+).*/\1/p' $(IMAGE_LOCKS)/$(PYTHON_VERSION).lock)
IMAGE_ARGUMENTS = _PYTHON_MINOR=$(PYTHON_VERSION),_PYTHON_TAG=$(IMAGE_PYTHON_$(PYTHON_VERSION)),_BEAM_VERSION=$(BEAM_VERSION)
IMAGE_NAME = $(REGION)-docker.pkg.dev/$(PROJECT)/segmentation/pipeline
TAG ?= $(shell git rev-parse --short=12 HEAD)
ACCELERATOR ?= cpu
# Each variant of a commit has its own tag: the registry accepts a tag only once.
IMAGE_TAG = $(TAG)$(if $(filter-out 3.10,$(PYTHON_VERSION)),-py$(PYTHON_VERSION))$(if $(filter gpu,$(ACCELERATOR)),-gpu)
DEMO := runs/demo
MODEL ?= $(DEMO)/pipeline
DATASET ?= pets
VERSION ?= 1.0.0
INPUT ?= gs://$(BUCKET)/photos
OUTPUT ?= gs://$(BUCKET)/data
# Workers without public addresses need a subnetwork with Private Google Access: Terraform's, unless another is named.
SUBNETWORK ?= regions/$(REGION)/subnetworks/segmentation
WORKER ?= dataflow-worker@$(PROJECT).iam.gserviceaccount.com
# Some projects may build in few regions: us-central1, us-west2, europe-west1, asia-east1, australia-southeast1,
# southamerica-east1 (Cloud Build, "Restricted regions"). The image goes to the registry in REGION all the same.
BUILD_REGION ?= $(REGION)
CONFIG ?=
DATA ?=
PARTS ?=

# $(call NEED,NAMES): ends a command that lacks one of its variables, before anything starts.
# A folder of the user's as one word of the shell, with any quotes and spaces in its name.
quoted = '$(subst ','\'',$(1))'
NEED = $(foreach one,$(1),$(if $($(one)),,$(error make $@ needs $(one)=; `make` lists the commands with what they take)))

.DEFAULT_GOAL := help
.PHONY: help env demo train label-issues look monitor shadow traffic tensorboard app data dataflow dataflow-plan doctor rehearse vertex-compile vertex-plan vertex-run image test proof lint format \
	bench bench-compare lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY)  ## create the virtual environment from the lock

$(READY): $(wildcard $(LOCK)) setup.py
	@test -f $(LOCK) || { echo "error: there is no $(LOCK); use Python 3.10 or 3.13, for example PYTHON=python3.13" >&2; \
		exit 2; }
	@echo "Environment: installing $(LOCK) into $(VENV) (about 3 GB; a minute or two)"
	@test "$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$(PYTHON_VERSION)" || \
		$(PYTHON) -m venv --clear $(VENV) || \
		{ echo "error: $(PYTHON) is missing; install Python 3.10 (pyenv install 3.10), or set PYTHON=" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(LOCK)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: env  ## draw sample data, prepare it, train, evaluate and push a model (under 6 minutes)
	@$(BIN)/python -m tests.sample_data --output=$(DEMO)/photos --count=450 --seed=1 --defects
	@$(BIN)/python -m beam_jobs.prepare --dataset=pets --input=$(DEMO)/photos --output=$(DEMO)/data --version=1.0.0 \
		--image_size=96 --split=official
	@$(BIN)/python -m tfx_pipeline.local_runner --config=tfx_pipeline/configs/demo.yaml
	@echo
	@echo "What would go to the Hugging Face Hub: $(DEMO)/hub; start with the model card, $(DEMO)/hub/model/README.md"
	@echo "In a browser: $(DEMO)/pipeline/evaluation.html, how good the model is, and $(DEMO)/data/pets/1.0.0/report.html, the data"
	@echo "Next: make app opens the model in a browser; then your own photos, README.md, \"Your own photos\""

train: env  ## prepare, train and evaluate on your photos: INPUT=FOLDER [OUTPUT=runs/NAME VERSION=1.1.0 OPTIONS=--offline]
	@test -n "$(filter-out file,$(origin INPUT))" || { echo "error: name your photos: make train INPUT=my_photos" >&2; exit 2; }
	@$(BIN)/python -m tfx_pipeline.train --input=$(call quoted,$(INPUT)) $(if $(filter-out file,$(origin OUTPUT)),--output=$(call quoted,$(OUTPUT))) \
		$(if $(filter-out file,$(origin VERSION)),--version="$(VERSION)") $(OPTIONS)

label-issues: env  ## list the masks to look at first, of a published version: DATA=ROOT/DATASET/VERSION [OPTIONS=--offline]
	@$(call NEED,DATA)
	@$(BIN)/python -m tfx_pipeline.label_issues --data=$(call quoted,$(DATA)) $(OPTIONS)

look: env  ## write one page of links to all versions and models: [ROOT=runs]
	@$(BIN)/python -m tfx_pipeline.look --root="$(or $(ROOT),runs)"

monitor: env  ## compare what a model serves with its reference: LOG= REFERENCE= [OUTPUT=runs/monitor OPTIONS="--select=100"]
	@$(call NEED,LOG REFERENCE)
	@$(BIN)/python -m beam_jobs.monitor --log=$(call quoted,$(LOG)) --reference=$(call quoted,$(REFERENCE)) \
		--output=$(call quoted,$(if $(filter-out file,$(origin OUTPUT)),$(OUTPUT),runs/monitor)) $(OPTIONS)

shadow: env  ## compare a candidate with the served model: MODEL= CANDIDATE= LOG= (or PHOTOS=) OUTPUT= [OPTIONS=]
	@$(call NEED,CANDIDATE $(if $(PHOTOS),,LOG))
	@test -n "$(filter-out file,$(origin OUTPUT))" || { echo "error: make shadow needs OUTPUT=" >&2; exit 2; }
	@test -n "$(filter-out file,$(origin MODEL))" || { echo "error: make shadow needs MODEL=" >&2; exit 2; }
	@$(BIN)/python -m beam_jobs.shadow --model=$(call quoted,$(MODEL)) --candidate=$(call quoted,$(CANDIDATE)) \
		$(if $(PHOTOS),--photos=$(call quoted,$(PHOTOS)),--log=$(call quoted,$(LOG))) --output=$(call quoted,$(OUTPUT)) $(OPTIONS)

traffic: env  ## compare two models that share the traffic: LOG= [OUTPUT=runs/traffic OPTIONS=--candidate=DIGITS]
	@$(call NEED,LOG)
	@$(BIN)/python -m beam_jobs.traffic --log=$(call quoted,$(LOG)) \
		--output=$(call quoted,$(if $(filter-out file,$(origin OUTPUT)),$(OUTPUT),runs/traffic)) $(OPTIONS)

tensorboard: env  ## show the training curves of all runs in a browser: [ROOT=runs]; Ctrl-C closes it
	@$(BIN)/tensorboard --logdir="$(or $(ROOT),runs)"

app: env  ## open the demo app with the last pushed model [MODEL=DIR OPTIONS=--log=DIR], offline; Ctrl-C closes it
	@$(BIN)/python -m tfx_pipeline.space --model="$(MODEL)" $(OPTIONS)

data: env  ## fetch the official archives of DATASET=pets into data/DATASET (800 MB; resumes after an interruption)
	@$(BIN)/python -m beam_jobs.fetch --dataset=$(DATASET) --output=data/$(DATASET)

dataflow: env  ## prepare on Google Cloud: PROJECT= REGION= BUCKET= [DATASET= INPUT= OUTPUT= VERSION= IMAGE= SUBNETWORK= WORKER= OPTIONS=]
	@$(call NEED,PROJECT REGION BUCKET)
	@$(BIN)/python -m beam_jobs.dataflow --project="$(PROJECT)" --region="$(REGION)" --bucket="$(BUCKET)" \
		--dataset="$(DATASET)" --version="$(VERSION)" --input=$(call quoted,$(INPUT)) --output=$(call quoted,$(OUTPUT)) \
		$(if $(IMAGE),--sdk_container_image="$(IMAGE)") $(if $(SUBNETWORK),--subnetwork="$(SUBNETWORK)") \
		$(if $(WORKER),--service_account_email="$(WORKER)") $(OPTIONS)

doctor: env  ## check a Google Cloud project before a run costs money: CONFIG=FILE [DATA=gs://... OPTIONS=--deep]
	@$(call NEED,CONFIG)
	@$(BIN)/python -m tfx_pipeline.vertex doctor --config="$(CONFIG)" $(if $(DATA),--data="$(DATA)") $(OPTIONS)

rehearse: env  ## run the Vertex AI job on this machine, for free: 3 to 6 minutes [CONFIG=FILE]
	@$(BIN)/python -m tfx_pipeline.vertex rehearse --config="$(or $(CONFIG),tfx_pipeline/configs/rehearsal.yaml)"

vertex-compile: env  ## write the Vertex AI job to runs/vertex/pipeline.json: CONFIG=FILE [DATA=gs://...]
	@$(call NEED,CONFIG)
	@$(BIN)/python -m tfx_pipeline.vertex compile --config="$(CONFIG)" $(if $(DATA),--data="$(DATA)")

vertex-run: env  ## run the pipeline on Vertex AI: CONFIG=FILE [DATA=gs://.../DATASET/VERSION]
	@$(call NEED,CONFIG)
	@$(BIN)/python -m tfx_pipeline.vertex run --config="$(CONFIG)" $(if $(DATA),--data="$(DATA)")

dataflow-plan: env  ## estimate time and cost of `make dataflow`: INPUT= (also a folder here) or OPTIONS=--images=N [DATASET= REGION= OPTIONS=]
	@$(BIN)/python -m beam_jobs.dataflow.plan --dataset="$(DATASET)" $(if $(REGION),--region="$(REGION)") \
		$(if $(or $(BUCKET),$(filter-out file,$(origin INPUT))),--input=$(call quoted,$(INPUT))) $(OPTIONS)

vertex-plan: env  ## estimate time and cost of `make vertex-run`: CONFIG=FILE [DATA=gs://... OPTIONS=--calibrate]
	@$(call NEED,CONFIG)
	@$(BIN)/python -m tfx_pipeline.vertex.plan --config="$(CONFIG)" $(if $(DATA),--data="$(DATA)") $(OPTIONS)

image:  ## build, check and push the container image with Cloud Build: PROJECT= REGION= BUCKET= [TAG= ACCELERATOR=gpu BUILD_REGION=]
	@$(call NEED,PROJECT REGION BUCKET)
	gcloud beta builds submit . --project="$(PROJECT)" --region="$(BUILD_REGION)" --config=tfx_pipeline/deploy/container/cloudbuild.yaml \
		--gcs-source-staging-dir="gs://$(BUCKET)/builds" \
		--service-account="projects/$(PROJECT)/serviceAccounts/image-builder@$(PROJECT).iam.gserviceaccount.com" \
		--substitutions="_IMAGE=$(IMAGE_NAME),_TAG=$(IMAGE_TAG),$(IMAGE_ARGUMENTS),_ACCELERATOR=$(ACCELERATOR),_COMMIT=$(shell git describe --always --abbrev=40 --dirty --exclude='*')"

# A third test runs while others wait for a browser, a server or a process.
test: env  ## run the tests
	@$(BIN)/python -m pytest --numprocesses=3 -m "not proof"

proof: env  ## run the slow proofs: killed jobs, full disks, other runners, hostile inputs [FUZZ_SEEDS=1,2]
	@$(BIN)/python -m pytest --numprocesses=3 -m proof

lint: env  ## check style, format and, on Python 3.10, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@# the other stack's libraries have other types; checking one stack is enough to find our mistakes
	@if [ "$(PYTHON_VERSION)" = 3.10 ]; then $(BIN)/pyright; fi

format: env  ## fix style and format where it is safe
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: env  ## measure speed and memory into runs/bench.json: about 30 minutes [PARTS="preparation input evaluation" OPTIONS=--quick]
	@$(BIN)/python -m tests.bench $(PARTS) $(OPTIONS)

bench-compare: env  ## compare runs/bench.json of make bench OPTIONS=--quick with that of a release [OPTIONS=--tolerance=0.25]
	@$(BIN)/python -m tests.bench.compare $(OPTIONS)

lock: env  ## resolve the requirements of setup.py again, for both Pythons and the container image
	@$(call RESOLVE,3.10,x86_64-manylinux_2_36)
	@$(call RESOLVE,3.13,x86_64-manylinux_2_39)

# $(1): Python; $(2): platform. The image's locks are subsets of the project's, plus what GPUs need.
define RESOLVE
echo "Resolving for Python $(1)" && set -e; \
	compile="$(BIN)/uv pip compile setup.py --generate-hashes --no-header --no-annotate --quiet --python-version=$(1) \
		--python-platform=$(2)"; \
	$$compile --extra=pipeline --extra=models --extra=hub --extra=dev --output-file=requirements-$(1).lock; \
	cpu=$(IMAGE_LOCKS)/$(1).lock; \
	$$compile --extra=pipeline --extra=models --extra=hub --constraint=requirements-$(1).lock --output-file=$$cpu; \
	$$compile --extra=pipeline --extra=models --extra=hub --extra=gpu --constraint=$$cpu --output-file=$(IMAGE_LOCKS)/$(1)-gpu.lock \
		$$(sed -nE 's/^([a-z0-9._-]+)[^ ]*==.*/--no-emit-package=\1/p' $$cpu)
endef

clean:  ## delete the environment and all outputs
	rm -rf $(VENV) runs
