"""HFPusher in the pipeline, with a model that needs no training, against a Hub on loopback."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from schemas.version import read_version
from tests.tfx_pipeline.hub.api import READ_TOKEN, WRITE_TOKEN
from tests.tfx_pipeline.hub.faults import Fault
from tests.tfx_pipeline.hub.pushing_runs import Run, run_pipeline
from tests.tfx_pipeline.hub.server import running_hub
from tests.tfx_pipeline.hub.vertex_step import run_step
from tests.tfx_pipeline.test_pipeline import compile_for_vertex
from tfx_pipeline import local_runner
from tfx_pipeline.config.hub import HubConfig
from tfx_pipeline.config.pipeline import EvaluationConfig, PipelineConfig
from tfx_pipeline.hub.properties import DatasetFacts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub():
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch, running_hub() as running:
        patch.setenv("HF_HUB_DISABLE_XET", "1")
        patch.setenv("HF_TOKEN", WRITE_TOKEN)
        patch.setenv("READ_ONLY_TOKEN", READ_TOKEN)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield running


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def space(photo) -> dict:
    return {"repo": "acme/toy-demo", "kind": "gradio", "title": "Find the pet", "examples": [str(photo)]}


@pytest.fixture(scope="module")
def runs(toy_version, output, hub, space) -> SimpleNamespace:
    """A pipeline's life, one run after the other, each into what the one before left here and on the Hub."""

    def run(**settings) -> Run:
        return run_pipeline(toy_version, output, hub, **settings)

    runs = SimpleNamespace()
    runs.not_blessed = run(min_mean_iou=0.99)
    runs.refused = run(token="READ_ONLY_TOKEN")
    hub.faults.append(Fault("POST .*/commit/", after=True))  # the first commit's answer is lost
    runs.first = run()
    runs.again = run()
    hub.api.gradio_needs_pro = True
    runs.space_refused = run(space=space)
    hub.api.gradio_needs_pro = False
    runs.space_pushed = run(space=space)
    runs.dry_run = run(space=space, dry_run=str(output / "hub"))
    return runs


def test_a_model_that_is_not_blessed_reaches_no_hub_and_the_artifact_says_so(runs):
    assert runs.not_blessed.exit_code == local_runner.EXIT_NOT_BLESSED
    assert runs.not_blessed.requests == []
    assert (runs.not_blessed.summary["hub"]["pushed"], runs.not_blessed.summary["hub"]["reason"]) == (
        0,
        "the model is not blessed",
    )


def test_a_hub_that_refuses_is_reported_in_its_words_and_the_model_is_served_all_the_same(runs):
    assert runs.refused.exit_code == local_runner.EXIT_USER_ERROR
    assert "403: You don't have the rights to write here" in runs.refused.err
    assert "nothing was changed there" in runs.refused.err
    assert Path(runs.refused.summary["pushed_to"]).is_dir()
    assert runs.refused.summary["hub"]["pushed"] == 0
    assert "You don't have the rights" in runs.refused.summary["hub"]["reason"]
    assert "mean IoU" in runs.refused.out


def test_a_blessed_model_is_one_commit_with_a_tag_and_the_artifact_names_both(runs, hub):
    assert runs.first.exit_code == local_runner.EXIT_BLESSED
    repository, record = hub.model("acme/toy"), runs.first.summary["hub"]
    first, linked = repository.commits[record["commit_id"]], repository.head  # with the Space, the card links it
    assert [one.oid for one in repository.history()][:2] == [linked.oid, first.oid]
    assert repository.tags == {record["pushed_version"]: record["commit_id"]}
    assert record["pushed_destination"] == f"{hub.endpoint}/acme/toy/tree/{record['commit_id']}"
    assert record["pushed_version"] == f"1.0.0-{record['content_sha256'][:12]}"
    assert (record["pushed"], record["changed"], record["reason"]) == (1, 1, "")
    assert {path.split("/")[0] for path in first.files} == {
        ".gitattributes",
        "README.md",
        "model_info.json",
        "saved_model",
    }


def test_with_examples_the_card_shows_them_and_nothing_else_of_the_model_changes(runs, hub):
    repository = hub.model("acme/toy")
    before, after = repository.commits[runs.first.summary["hub"]["commit_id"]].files, repository.head.files
    assert {path for path in after if after[path] != before.get(path)} == {"README.md", "predictions.jpg"}
    assert b"](predictions.jpg)" in after["README.md"].content
    assert f"{hub.endpoint}/spaces/acme/toy-demo".encode() in after["README.md"].content


def test_a_lost_answer_is_reported_and_survived(runs):
    assert "HFPusher: commit to main: no answer" in runs.first.out
    assert "trying again in 1 s (1 of 5)" in runs.first.out


def test_the_model_info_on_the_hub_holds_the_metrics_of_the_summary(runs, hub):
    info = json.loads(hub.model("acme/toy").head.files["model_info.json"].content)
    assert info["metrics"] == runs.first.summary["metrics"]
    assert info["classes"] == ["pet", "background", "border"]
    assert info["manifest_sha256"] == runs.first.summary["dataset_manifest_sha256"]


def test_the_same_model_again_changes_nothing(runs, hub):
    assert runs.again.exit_code == local_runner.EXIT_BLESSED
    assert {request.method for request in runs.again.requests} == {"GET"}
    assert runs.again.summary["hub"] == runs.first.summary["hub"] | {"changed": 0}
    assert "already there, unchanged" in runs.again.out


def test_a_dry_run_writes_what_a_push_would_have_sent_and_asks_nobody(runs, output, hub):
    assert runs.dry_run.exit_code == local_runner.EXIT_BLESSED
    assert runs.dry_run.requests == []
    folder = output / "hub" / "model"
    written = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files = {path: file.content for path, file in hub.model("acme/toy").head.files.items() if path != ".gitattributes"}
    assert written == files
    space = output / "hub" / "space"
    assert {path.name for path in space.iterdir()} >= {"README.md", "app.py", "space.json", "requirements.txt"}
    assert json.loads((space / "space.json").read_text())["model_commit"] == runs.first.summary["hub"]["pushed_version"]
    assert f"look at {folder} and {space}; nothing was sent" in runs.dry_run.out
    assert runs.dry_run.summary["hub"]["pushed_version"] == runs.first.summary["hub"]["pushed_version"]


def test_a_dry_run_replaces_no_folder_of_somebody_else(runs, toy_version, output, hub):
    thesis = output / "mine" / "model" / "model_info.json"  # of the same name as a file of a dry run
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years of work")
    run = run_pipeline(toy_version, output, hub, dry_run=str(output / "mine"))
    assert run.exit_code == local_runner.EXIT_USER_ERROR
    assert "holds files, and nothing says that a dry run of HFPusher made it" in run.err
    assert thesis.read_text() == "years of work"


def test_a_dry_run_that_cannot_write_is_reported(runs, toy_version, output, hub):
    run = run_pipeline(toy_version, output, hub, dry_run=str(output / "summary.json"))
    assert run.exit_code == local_runner.EXIT_USER_ERROR
    assert f"hub.dry_run {output / 'summary.json'}: can't be used" in run.err
    assert "choose another folder" in run.err


def test_a_space_that_is_refused_costs_the_model_nothing_and_is_reported(runs, hub):
    assert runs.space_refused.exit_code == local_runner.EXIT_NO_SPACE
    record = runs.space_refused.summary["hub"]
    assert record["pushed"] == 1
    assert (record["space_pushed"], record["space_url"]) == (0, "")
    assert "402: Gradio Spaces on cpu-basic need a PRO subscription" in record["space_reason"]
    assert "Space: not pushed, the model is: Space repository acme/toy-demo" in runs.space_refused.out
    assert hub.model("acme/toy").head.oid == record["commit_id"]


def test_the_next_run_pushes_the_space_that_shows_the_models_commit(runs, hub, photo):
    assert runs.space_pushed.exit_code == local_runner.EXIT_BLESSED
    repository, record = hub.space("acme/toy-demo"), runs.space_pushed.summary["hub"]
    assert (record["space_pushed"], record["space_reason"]) == (1, "")
    assert record["space_commit_id"] == repository.head.oid
    assert record["space_url"] == f"{hub.endpoint}/spaces/acme/toy-demo"
    space = json.loads(repository.head.files["space.json"].content)
    assert space["model_commit"] == record["commit_id"] == hub.model("acme/toy").head.oid
    assert repository.head.files["examples/photo.jpg"].content == photo.read_bytes()
    assert repository.sdk == "gradio"


def test_an_example_that_is_no_photo_is_refused_before_anything_is_pushed(runs, toy_version, output, hub, space):
    page = output / "page.html"
    page.write_text("<html>")
    run = run_pipeline(toy_version, output, hub, model_repo="acme/other", space=space | {"examples": [str(page)]})
    assert run.exit_code == local_runner.EXIT_USER_ERROR
    assert "hub.space: examples: example 'page.html' must be the plain file name of a JPEG" in run.err
    assert run.requests == []


@pytest.fixture(scope="module")
def photo(toy_version, tmp_path_factory) -> Path:
    """A folder that holds `photo.jpg`, the first photo of the eval split (a PNG, despite its name)."""
    import tensorflow as tf

    [shard] = toy_version.glob("examples/Split-eval/*")
    example = tf.train.Example.FromString(next(iter(tf.data.TFRecordDataset(str(shard)))).numpy())
    path = tmp_path_factory.mktemp("photos") / "photo.jpg"
    path.write_bytes(example.features.feature["image"].bytes_list.value[0])
    return path


@pytest.mark.proof
def test_the_code_of_the_card_downloads_and_predicts_in_a_fresh_process_as_it_stands(runs, hub, photo, tmp_path):
    card = hub.model("acme/toy").head.files["README.md"].content.decode()
    blocks = re.findall(r"^```python\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    environment = os.environ | {"HF_HOME": str(tmp_path)}
    for block in blocks:
        ended = subprocess.run(
            [sys.executable, "-c", block],
            cwd=photo.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == "(32, 32) classes: [0, 1, 2]\n"


def test_the_container_of_a_vertex_step_pushes_the_same_and_tells_it(runs, hub, output, toy_version, tmp_path):
    config = HubConfig(model_repo="acme/from-vertex", endpoint=hub.endpoint)
    model = Path(runs.first.summary["model"]).parents[0]
    summary = run_step(
        tmp_path,
        inputs={
            "model": ("Model", str(model), {}),
            "model_blessing": ("ModelBlessing", str(tmp_path / "blessing"), {"blessed": 1}),
            "evaluation": ("ModelEvaluation", str(evaluation_folder(output)), {}),
        },
        parameters={
            "hub": config.model_dump_json(),
            "dataset": DatasetFacts.of(read_version(toy_version)).model_dump_json(),
            "source_sha256": "0" * 64,
        },
    )
    pushed = hub.model("acme/from-vertex")
    assert summary["commit_id"] == pushed.head.oid
    assert summary["pushed"] == 1
    assert summary["pushed_version"] == runs.first.summary["hub"]["pushed_version"]
    other = hub.model("acme/toy").commits[runs.first.summary["hub"]["commit_id"]].files
    assert {path: file for path, file in pushed.head.files.items() if path != "README.md"} == {
        path: file for path, file in other.items() if path != "README.md"
    }


def evaluation_folder(output: Path) -> Path:
    """The newest folder that Evaluator wrote its metrics to."""
    return max((output / "pipeline" / "Evaluator" / "evaluation").iterdir(), key=lambda path: int(path.name))


def test_the_token_is_in_the_header_of_requests_and_in_no_file(runs, hub, output, toy_version):
    assert {request.token for request in runs.again.requests} == {WRITE_TOKEN}
    config = PipelineConfig(
        name="toy",
        data="gs://bucket/pets/1.0.0",
        output="gs://bucket/output",
        training={"encoder_weights": "none", "fine_tune_epochs": 0},
        evaluation=EvaluationConfig(min_mean_iou=0.5),
        hub=HubConfig(model_repo="acme/toy", endpoint=hub.endpoint),
    )
    compile_for_vertex(config, read_version(toy_version), output)
    scanned = 0
    for path in output.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert WRITE_TOKEN.encode() not in content, path
            assert READ_TOKEN.encode() not in content, path
            scanned += 1
    assert scanned > 20
    assert {"metadata.sqlite", "summary.json", "pipeline.json"} <= {path.name for path in output.iterdir()}
    assert any((output / "logs").iterdir())
    assert WRITE_TOKEN not in runs.first.out + runs.first.err + runs.again.out + runs.again.err + runs.dry_run.out
    for file in hub.model("acme/toy").head.files.values():
        assert WRITE_TOKEN.encode() not in file.content
