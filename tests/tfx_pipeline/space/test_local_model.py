"""A model of one's own in a local Space: finding it, checking it, and the command that opens it."""

import json
import shutil
import subprocess
import sys

import pytest

from schemas.errors import UserError
from schemas.exported_model import EXTRA_FOLDER, INFO_FILE, TFLITE_FILE
from tfx_pipeline.deploy.trigger import __main__ as trigger_command
from tfx_pipeline.space import __main__ as app_command
from tfx_pipeline.space.local_model import find_model
from tfx_pipeline.space.local_space import write_local_space

INFO = {
    "dataset": "pets",
    "classes": ["pet", "background"],
    "palette": [[0, 0, 0], [255, 255, 255]],
    "image_size": 64,
    "tflite": {
        "model.tflite": {
            "bytes": 5,
            "sha256": "0" * 64,
            "compared_images": 1,
            "equal_pixels": 1.0,
            "max_logit_difference": 0.0,
            "mean_iou_difference": 0.0,
        }
    },
}


def test_a_folder_without_a_model_is_an_error_that_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match=r"no exported model there; `make demo` makes one"):
        find_model(tmp_path, "litert")


def test_the_newest_pushed_version_is_found_in_the_folder_of_a_pipeline(tmp_path):
    for version in ("9", "10"):
        extra = tmp_path / "serving" / version / EXTRA_FOLDER
        extra.mkdir(parents=True)
        (extra / INFO_FILE).write_text("{}")
        (extra / TFLITE_FILE).write_bytes(b"model")
    assert find_model(tmp_path, "litert").name == "10"


def test_a_model_without_tflite_files_opens_with_tensorflow_alone(own_model, tmp_path):
    (own_model / EXTRA_FOLDER / TFLITE_FILE).unlink()
    with pytest.raises(UserError, match=r"exported without TFLite models; .* or open .* with --runtime=tensorflow"):
        find_model(own_model, "litert")
    assert find_model(own_model, "tensorflow") == own_model


@pytest.fixture
def own_model(tmp_path):
    """A folder with what a Space needs of a model, under a name that no repository could have."""
    extra = tmp_path / "my model (2)" / "assets.extra"
    extra.mkdir(parents=True)
    (extra / "model_info.json").write_text(json.dumps(INFO))
    (extra / "model.tflite").write_bytes(b"model")
    return extra.parent


def refusal(root, model, title="Pets"):
    """What is said against writing a Space; it leaves nothing behind."""
    with pytest.raises(UserError) as refused:
        write_local_space(root, model, "gradio", title)
    assert not [path for path in root.parent.iterdir() if path.name.lstrip(".").startswith(root.name)]
    return str(refused.value)


def test_a_model_in_a_folder_of_any_name_is_shown_and_its_files_are_copied(own_model, tmp_path):
    write_local_space(tmp_path / "space", own_model, "gradio", "Pets")
    assert json.loads((tmp_path / "space" / "space.json").read_text())["model_repo"] == "local/my-model-2-"
    written = list((tmp_path / "space").rglob("*"))
    assert (tmp_path / "space" / "model" / "model.tflite").read_bytes() == b"model"
    assert not [path for path in written if path.is_symlink()]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"classes": ["<script>", "b"]}, "classes.0"),
        ({"palette": "x"}, "palette"),
        ({"image_size": "<script>"}, "image_size"),
        ({"tflite": 5}, "tflite"),
        ({"data": []}, "data"),
        ({"data": {"title": "a\nb", "license": "x", "source": "y"}}, "data.title"),
        ({"dataset": "../../etc"}, "dataset"),
        ({"metrics": {"examples": "<script>"}}, "metrics: examples"),
        ({"metrics": {"examples": 5, "mean_iou": "<script>"}}, "metrics: mean_iou"),
        ({"metrics": {"examples": 5, "boundary_f_score": "<script>"}}, "metrics: boundary_f_score"),
        ({"metrics": {"examples": 5, "iou": {"<script>": 0.5}}}, "metrics: iou"),
    ],
)
def test_a_model_info_that_could_become_a_page_of_somebody_else_is_refused(own_model, tmp_path, change, problem):
    path = own_model / "assets.extra" / "model_info.json"
    path.write_text(json.dumps(INFO | change))
    assert refusal(tmp_path / "space", own_model).startswith(f"{path}: {problem}: ")


@pytest.mark.parametrize("title", ["a\nb", "", "x" * 100, "\u200b", "hf_" + "aB3" * 11])
def test_a_title_that_cannot_be_one_is_named_before_anything_is_written(own_model, tmp_path, title):
    said = refusal(tmp_path / "space", own_model, title)
    assert said.startswith("the app: title: ")
    assert "aB3" not in said


def test_a_link_in_a_model_that_leads_out_of_it_is_refused(own_model, tmp_path):
    (tmp_path / "secret").write_text("secret")
    model = own_model / "assets.extra" / "model.tflite"
    model.unlink()
    model.symlink_to(tmp_path / "secret")
    assert f"{model}: leads to {tmp_path / 'secret'}" in refusal(tmp_path / "space", own_model)


def test_a_summary_of_somebody_else_beside_a_model_is_not_taken_for_its_metrics(own_model, tmp_path):
    model = own_model.rename(tmp_path / "5")
    for content in ("no JSON", '{"pushed_to": "/x/5", "metrics": 5}'):
        (tmp_path.parent / "summary.json").write_text(content)
        write_local_space(tmp_path / "space", model, "gradio", "Pets")
        assert json.loads((tmp_path / "space" / "model" / "model_info.json").read_text())["metrics"] is None
        shutil.rmtree(tmp_path / "space")


@pytest.mark.parametrize("place", ["n" * 300, "file/space"])
def test_a_folder_that_cannot_be_written_is_named(own_model, tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--write .*can't be"):
        write_local_space(tmp_path / place, own_model, "gradio", "Pets")


def test_folders_that_only_look_like_numbers_are_no_pushed_models(own_model, tmp_path):
    own_model.rename(tmp_path / "\u00b2")
    with pytest.raises(UserError, match="no exported model there"):
        find_model(tmp_path, "litert")


@pytest.mark.parametrize("port", ["99999", "-1", "many"])
def test_a_port_that_is_none_is_named(capsys, port):
    for command, options in ((app_command, []), (trigger_command, ["--config=x"])):
        with pytest.raises(SystemExit):
            command.main([*options, f"--port={port}"])
        assert f"must be a port from 0 to 65535, got '{port}'" in capsys.readouterr().err


def test_the_command_line_answers_a_missing_model_in_words(tmp_path):
    command = [sys.executable, "-m", "tfx_pipeline.space", f"--model={tmp_path / 'nothing'}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "nothing: no exported model there" in ended.stderr
    assert "Traceback" not in ended.stderr
