"""The workflows of GitHub Actions: valid, linted, pinned, and with no more rights than they need."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT_DIR = Path(__file__).parents[1]
WORKFLOWS = sorted((PROJECT_DIR / ".github/workflows").glob("*.yml"))
BIN = Path(sys.executable).parent
PIN = re.compile(r"uses: ([\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def jobs(workflow):
    return yaml.safe_load(workflow.read_text())["jobs"].values()


def inputs(workflow):
    triggers = yaml.safe_load(workflow.read_text())[True]  # YAML 1.1 reads the key `on` as true
    return triggers["workflow_dispatch"]["inputs"]


def named(name):
    return PROJECT_DIR / f".github/workflows/{name}.yml"


def test_every_workflow_passes_the_published_schema():
    checked = run(BIN / "check-jsonschema", "--builtin-schema=vendor.github-workflows", *WORKFLOWS)
    assert checked.returncode == 0, checked.stdout


def test_every_workflow_passes_the_security_linter():
    linted = run(BIN / "zizmor", "--offline", "--no-progress", *WORKFLOWS)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_a_whole_commit(workflow):
    uses = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not PIN.fullmatch(line)] == []


def test_an_action_has_one_commit_in_all_workflows():
    pins = {
        PIN.search(line).groups() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line
    }
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_input_is_pasted_into_a_shell_command(workflow):
    commands = [step["run"] for job in jobs(workflow) for step in job["steps"] if "run" in step]
    assert [command for command in commands if "${{" in command] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_may_read_the_code_and_ask_for_a_cloud_identity_and_nothing_else(workflow):
    content = yaml.safe_load(workflow.read_text())
    assert content["permissions"] in ({}, {"contents": "read"})
    for job in jobs(workflow):
        assert job.get("permissions", {}).items() <= {"contents": "read", "id-token": "write"}.items()
        assert ("id-token" in job.get("permissions", {})) == any(
            "auth@" in step.get("uses", "") for step in job["steps"]
        )


def test_secrets_are_two_names_and_no_keys():
    used = {name for path in WORKFLOWS for name in re.findall(r"secrets\.(\w+)", path.read_text())}
    assert used == {"GCP_WORKLOAD_IDENTITY_PROVIDER", "GCP_DEPLOYER"}
    assert not [
        path for path in WORKFLOWS if re.search(r"credentials_json|secrets: inherit|toJSON\(secrets", path.read_text())
    ]


def test_both_locks_are_tested():
    tested = yaml.safe_load(named("ci").read_text())["jobs"]["test"]["strategy"]["matrix"]["python"]
    locks = {path.stem.removeprefix("requirements-") for path in PROJECT_DIR.glob("requirements-*.lock")}
    assert set(tested) == locks == {"3.10", "3.13"}


def test_a_data_set_version_is_dispatched_without_editing_a_file():
    needed = {"project", "region", "bucket", "image", "dataset", "version", "input", "output"}
    assert {name for name, one in inputs(named("dataflow")).items() if one.get("required")} == needed


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_target_of_make_that_is_called_exists(workflow):
    called = {
        target
        for job in jobs(workflow)
        for step in job["steps"]
        for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))
    }
    targets = re.findall(r"^([a-z-]+):", (PROJECT_DIR / "Makefile").read_text(), re.MULTILINE)
    assert called <= set(targets)


def command_of(workflow, step_name):
    return next(step["run"] for job in jobs(workflow) for step in job["steps"] if step.get("name") == step_name)


def test_the_command_that_prepares_takes_every_option_that_the_workflow_gives():
    printed = run(sys.executable, "-m", "beam_jobs.dataflow", "--help").stdout
    options = re.findall(r"--([a-z_]+)=", command_of(named("dataflow"), "Prepare"))
    assert len(options) == 12
    assert [option for option in options if f"--{option} " not in printed] == []


def test_the_command_that_trains_makes_of_the_inputs_what_the_example_leaves_open():
    """The workflow's own line, with `compile` in place of `run`: only what no input says is still to be filled in."""
    command = (
        command_of(named("pipeline"), "Train")
        .replace(" run --", " compile --")
        .replace(".venv/bin/python", sys.executable)
    )
    environment = {
        "CONFIG": "tfx_pipeline/configs/vertex.example.yaml",
        "PROJECT": "my-project-1",
        "REGION": "europe-west1",
        "IMAGE": "europe-west1-docker.pkg.dev/my-project-1/segmentation/pipeline:1.0",
        "DATA": "gs://a-bucket/data/pets/1.1.0",
        "OUTPUT": "gs://a-bucket/pipelines/pets",
        "NAME": "pets-europe",
    }
    ended = subprocess.run(
        ["/bin/bash", "-ec", command],
        cwd=PROJECT_DIR,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    left = re.findall(r"yaml: ([a-z.]+): put your own values", ended.stderr)
    assert set(left) == {"cloud.labels.team"}, ended.stderr


@pytest.mark.parametrize("name", ["dataflow", "pipeline"])
def test_a_launch_has_the_python_of_its_image(name):
    text = named(name).read_text()
    assert "PYTHON_VERSION: ${{ contains(inputs.image, '-py3.13') && '3.13' || '3.10' }}" in text
    assert "python-version: ${{ env.PYTHON_VERSION }}" in text
    assert 'make env PYTHON="python$PYTHON_VERSION"' in text
    assert "-py$(PYTHON_VERSION)" in (PROJECT_DIR / "Makefile").read_text()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_more_inputs_than_github_takes_everywhere(workflow):
    triggers = yaml.safe_load(workflow.read_text())[True]
    assert len((triggers.get("workflow_dispatch") or {}).get("inputs", {})) <= 10
