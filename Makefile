# The commands of the project; `make` alone lists them.
PYTHON ?= python3.10
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV_VERSION := 0.13.9
DEMO := runs/demo
MODEL ?= $(DEMO)/pipeline
DATASET ?= pets
VERSION ?= 1.0.0
INPUT ?= gs://$(BUCKET)/photos
OUTPUT ?= gs://$(BUCKET)/data
CONFIG ?=
DATA ?=

.DEFAULT_GOAL := help
.PHONY: help env demo app data dataflow rehearse vertex-compile vertex-run test proof lint format bench lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY)  ## make the virtual environment from the lock

$(READY): requirements.lock setup.py
	@echo "Environment: installing the locked packages into $(VENV) (about 3 GB; a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "error: $(PYTHON) is missing; install Python 3.10 (pyenv install 3.10), or set PYTHON=" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: env  ## draw sample data, prepare it, train, judge and push a model (under 6 minutes)
	@$(BIN)/python -m beam_jobs.sample_data --output=$(DEMO)/photos --count=300 --seed=1 --defects
	@$(BIN)/python -m beam_jobs.prepare --dataset=pets --input=$(DEMO)/photos --output=$(DEMO)/data --version=1.0.0 \
		--image_size=96 --split=official
	@$(BIN)/python -m tfx_pipeline.local_runner --config=tfx_pipeline/configs/demo.yaml
	@echo
	@echo "Look at $(DEMO)/hub/model/README.md, the model card, and at what else would go to the Hugging Face Hub beside it"
	@echo "Look at $(DEMO)/pipeline/predictions.png and, in a browser, at $(DEMO)/data/pets/1.0.0/report.html"
	@echo "Next: make app opens the model in a browser; then your own photos, README.md, \"Your own photos\""

app: env  ## open the demo app on the last pushed model [MODEL=DIR], offline; Ctrl-C closes it
	@$(BIN)/python -m tfx_pipeline.space --model="$(MODEL)"

data: env  ## fetch the official archives of DATASET=pets into data/DATASET (800 MB; goes on where it was interrupted)
	@$(BIN)/python -m beam_jobs.fetch --dataset=$(DATASET) --output=data/$(DATASET)

dataflow: env  ## prepare on Google Cloud: PROJECT= REGION= BUCKET= [DATASET= INPUT= OUTPUT= VERSION= IMAGE= OPTIONS=]
	@$(BIN)/python -m beam_jobs.dataflow --project="$(PROJECT)" --region="$(REGION)" --bucket="$(BUCKET)" \
		--dataset="$(DATASET)" --version="$(VERSION)" --input="$(INPUT)" --output="$(OUTPUT)" \
		$(if $(IMAGE),--sdk_container_image="$(IMAGE)") $(OPTIONS)

rehearse: env  ## run the Vertex AI job on this machine, for free: 3 to 4 minutes [CONFIG=FILE]
	@$(BIN)/python -m tfx_pipeline.vertex rehearse --config="$(or $(CONFIG),tfx_pipeline/configs/rehearsal.yaml)"

vertex-compile: env  ## write the Vertex AI job to runs/vertex/pipeline.json: CONFIG=FILE [DATA=gs://...]
	@$(BIN)/python -m tfx_pipeline.vertex compile --config="$(CONFIG)" $(if $(DATA),--data="$(DATA)")

vertex-run: env  ## run the pipeline on Vertex AI: CONFIG=FILE [DATA=gs://.../DATASET/VERSION]
	@$(BIN)/python -m tfx_pipeline.vertex run --config="$(CONFIG)" $(if $(DATA),--data="$(DATA)")

test: env  ## run the tests
	@$(BIN)/python -m pytest --numprocesses=2 -m "not proof"

proof: env  ## prove what takes minutes: killed jobs, full disks, other runners
	@$(BIN)/python -m pytest --numprocesses=2 -m proof

lint: env  ## check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: env  ## mend style and format where that is safe
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: env  ## measure the speed of the preparation: about 10 minutes, writes runs/bench.json
	@$(BIN)/python -m tests.bench

lock: env  ## resolve the requirements of setup.py anew
	@$(BIN)/uv pip compile setup.py --all-extras --generate-hashes --python-version 3.10 --no-header --no-annotate \
		--quiet --output-file requirements.lock

clean:  ## delete the environment and all outputs
	rm -rf $(VENV) runs
