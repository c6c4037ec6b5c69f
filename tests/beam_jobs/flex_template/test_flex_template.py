"""The Flex Template: its file agrees with the job's options, and its launcher writes down a job."""

import argparse
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from beam_jobs import flex_template
from beam_jobs.flex_template.__main__ import main as write_template
from beam_jobs.flex_template.container_spec import container_spec
from beam_jobs.flex_template.launch import main as launch
from beam_jobs.prepare.command_line import add_arguments
from beam_jobs.prepare.options import PrepareOptions
from schemas.errors import UserError
from tests.beam_jobs.dataflow.dataflow_command import IMAGE, REGION
from tests.beam_jobs.pictures import write_pair
from tests.beam_jobs.storage_emulator import PROJECT

LAUNCHER = Path(flex_template.__file__).parent / "launch.py"


@functools.cache
def parameters():
    return {one["name"]: one for one in container_spec(IMAGE)["metadata"]["parameters"]}


def matches(name, text):
    return all(re.fullmatch(regex, text) for regex in parameters()[name]["regexes"])


def test_the_template_has_a_parameter_for_every_option_of_the_job():
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    options = {action.dest: action for action in parser._actions}
    assert set(parameters()) == {*options, "sdk_container_image"}
    for name, action in options.items():
        assert parameters()[name]["isOptional"] is not action.required
        assert parameters()[name]["helpText"] == action.help


def test_every_default_passes_its_own_pattern_and_is_the_jobs_default():
    defaults = {name: one["defaultValue"] for name, one in parameters().items() if "defaultValue" in one}
    assert len(defaults) > 5
    assert [name for name, text in defaults.items() if not matches(name, text)] == []
    required = {"dataset": "pets", "input": "gs://a-bucket/photos", "output": "gs://a-bucket/data", "version": "1.0.0"}
    del defaults["sdk_container_image"]
    given, own = (
        PrepareOptions.model_validate(one).model_dump(exclude={"job_id"}) for one in (required | defaults, required)
    )
    assert given == own


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("dataset", "pets", "birds"),
        ("input", "gs://a-bucket/photos", "/home/me/photos"),
        ("output", "gs://a-bucket/data", "data"),
        ("version", "1.0.0-rc1", "../1.0.0"),
        ("image_size", "256", "-1"),
        ("image_size", "480x360", "480x"),
        ("split", "hash", "random"),
        ("eval_fraction", "0.25", "a quarter"),
        ("shard_bytes", "32MiB", "12 apples"),
        ("sdk_container_image", IMAGE, "image"),
    ],
)
def test_a_parameter_accepts_what_the_job_accepts(name, good, bad):
    assert matches(name, good)
    assert not matches(name, bad)


def test_the_template_is_written_for_one_image_and_tells_how_to_launch_it(storage, bucket, capsys):
    assert write_template([f"--image={IMAGE}", f"--output={bucket}/templates/prepare.json"]) == 0
    written = json.loads(storage.get(f"{bucket}/templates/prepare.json"))
    assert written["image"] == written["defaultEnvironment"]["sdkContainerImage"] == IMAGE
    assert written["defaultEnvironment"]["ipConfiguration"] == "WORKER_IP_PRIVATE"
    assert written["sdkInfo"] == {"language": "PYTHON"}
    printed = capsys.readouterr().out
    assert f"--template-file-gcs-location={bucket}/templates/prepare.json" in printed
    assert f"sdk_container_image={IMAGE}" in printed


def test_an_image_without_a_version_and_a_local_file_are_refused(tmp_path):
    with pytest.raises(UserError, match="image: means latest") as caught:
        write_template(["--image=gcr.io/a/image", f"--output={tmp_path}/prepare.json"])
    assert "output: " in str(caught.value)


def service_flags(bucket, *more):
    """What the service's launcher gives to the file: the parameters, and options of its own."""
    given = [f"--input={bucket}/photos", f"--output={bucket}/data", "--dataset=pets", "--version=1.0.0"]
    given += ["--image_size=32", f"--project={PROJECT}", f"--region={REGION}", "--job_name=prepare-pets"]
    given += [f"--temp_location={bucket}/temp", f"--staging_location={bucket}/staging", "--runner=DataflowRunner"]
    return [*given, f"--template_location={bucket}/staging/template_launches/1/job_object", *more]


@pytest.mark.proof
def test_the_launcher_writes_down_a_job_that_runs_in_the_templates_image(storage, bucket, tmp_path):
    write_pair(tmp_path, "pug_1")
    storage.put_folder(tmp_path, f"{bucket}/photos")
    flags = service_flags(bucket, f"--sdk_container_image={IMAGE}", "--max_num_workers=7", "--an_option_of_next_year=1")
    ended = subprocess.run(
        [sys.executable, LAUNCHER, *flags],
        cwd=tmp_path,
        env=os.environ | {"HF_TOKEN": "planted-secret-123"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    job = json.loads(storage.get(f"{bucket}/staging/template_launches/1/job_object"))
    (pool,) = job["environment"]["workerPools"]
    assert job["name"] == "prepare-pets"
    assert [one["containerImage"] for one in pool["sdkHarnessContainerImages"]] == [IMAGE]
    assert pool["autoscalingSettings"]["maxNumWorkers"] == 7
    assert "packages" not in pool
    staged = {uri.rpartition("/")[2]: storage.get(uri) for uri in storage.list(f"{bucket}/staging/")}
    assert set(staged) == {"job_object", "pipeline.pb"}
    assert b"__main__" not in staged["pipeline.pb"]
    assert [name for name, content in staged.items() if b"planted-secret-123" in content] == []


def test_the_launcher_refuses_a_job_whose_workers_would_lack_the_package(storage, bucket):
    with pytest.raises(UserError, match="sdk_container_image: missing"):
        launch(service_flags(bucket))


def test_the_launcher_refuses_places_that_workers_cannot_reach(tmp_path):
    with pytest.raises(UserError, match="input: workers see Cloud Storage alone"):
        launch(service_flags("gs://a", f"--input={tmp_path}"))
