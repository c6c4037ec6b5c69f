"""The command line: what it refuses before anything heavy starts, and what it says."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from beam_jobs.storage.sole_use import sole_use
from schemas.errors import UserError
from tests.tfx_pipeline.local.refusal import refusal
from tfx_pipeline.config.pipeline import load_config
from tfx_pipeline.local.temporary_files import temporary_files_in
from tfx_pipeline.local_runner import EXIT_USER_ERROR, check_inputs


def test_a_missing_data_folder_is_refused(capsys, write_config, tmp_path):
    error = refusal(capsys, "--config", write_config(), "--data", tmp_path / "absent")
    assert f"{tmp_path / 'absent'}: no such folder" in error


def test_an_output_inside_the_published_version_is_refused(capsys, write_config, toy_version):
    error = refusal(capsys, "--config", write_config(), "--output", toy_version / "results")
    assert "output lies inside the published version" in error
    assert not (toy_version / "results").exists()


def test_an_output_that_cannot_be_written_is_refused(capsys, write_config, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    error = refusal(capsys, "--config", write_config(), "--output", tmp_path / "file")
    assert f"{tmp_path / 'file'}: cannot write there" in error


def test_a_tilde_in_the_folder_of_a_dry_run_is_the_home_folder(monkeypatch, write_config, toy_version, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    config = load_config(write_config(hub={"model_repo": "acme/pets", "dry_run": "~/hub"}), data=str(toy_version))
    checked, _ = check_inputs(config)
    assert checked.hub.dry_run == str(tmp_path / "home" / "hub")


@pytest.mark.parametrize("option", ["data", "output"])
@pytest.mark.parametrize("character", "*?[\\")
def test_a_folder_that_tensorflow_would_take_for_a_pattern_is_refused(
    capsys, write_config, toy_version, tmp_path, option, character
):
    folder = tmp_path / f"my{character}data"
    if option == "data":
        shutil.copytree(toy_version, folder)
    error = refusal(capsys, "--config", write_config(), f"--{option}", folder)
    assert f"error: {option} {folder}: has {character} in its path" in error
    assert "choose a folder without" in error
    assert not (tmp_path / "output").exists()


def test_a_second_run_in_one_output_is_refused_and_a_killed_one_keeps_nobody_out(capsys, write_config, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    holder = (
        "import sys; from beam_jobs.storage.sole_use import sole_use\n"
        f"with sole_use({str(output / '.lock')!r}, 'held'): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        error = refusal(capsys, "--config", write_config())
        assert f"{output}: another run is writing there; wait for its end, or choose another --output" in error
        other.kill()
    assert (output / ".lock").exists()
    with sole_use(str(output / ".lock"), "held by a killed process"):
        pass
    assert not (output / ".lock").exists()


def test_a_dry_run_into_a_folder_of_somebody_else_is_refused_before_the_training(capsys, write_config, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model_info.json").write_text("mine")
    hub = {"model_repo": "acme/pets", "dry_run": str(tmp_path / "mine")}
    assert f"hub.dry_run {tmp_path / 'mine'}: holds files" in refusal(capsys, "--config", write_config(hub=hub))


@pytest.mark.parametrize("place", ["version/inside", "output", "output/pipeline", "output/serving/hub", "."])
def test_a_dry_run_among_the_files_of_the_run_or_its_data_is_refused_before_the_training(
    capsys, write_config, version_copy, tmp_path, place
):
    folder = tmp_path / place.replace("version", str(version_copy))
    hub = {"model_repo": "acme/pets", "dry_run": str(folder)}
    error = refusal(capsys, "--config", write_config(hub=hub), "--data", version_copy)
    assert f"hub.dry_run {folder}: would mix with" in error


@pytest.mark.parametrize("option", ["data", "output"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [("n" * 300, "can't be used"), ("loop/inside", "can't be used"), ("gs://bucket/folder", "is not on this machine")],
)
def test_a_path_that_is_no_folder_of_this_machine_is_named(
    capsys, write_config, tmp_path, monkeypatch, option, path, reason
):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    assert f"{option} {path}: {reason}" in refusal(capsys, "--config", write_config(), f"--{option}", path)
    assert not Path("gs:").exists()


@pytest.mark.parametrize(
    "name", ["summary.json", "predictions.png", "evaluation.html", "per_image.csv", "confusion.csv"]
)
def test_an_output_with_somebody_elses_file_of_the_same_name_is_refused(capsys, write_config, tmp_path, name):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / name).write_text("mine")
    assert f"{tmp_path / 'output' / name}: no metadata.sqlite" in refusal(capsys, "--config", write_config())
    assert (tmp_path / "output" / name).read_text() == "mine"


def test_temporary_files_of_a_killed_run_are_removed_by_the_next_one(tmp_path):
    folder = tmp_path / "temporary"
    killed = (
        "import os, signal, tempfile; from pathlib import Path\n"
        "from tfx_pipeline.local.temporary_files import temporary_files_in\n"
        f"with temporary_files_in(Path({str(folder)!r})):\n"
        "    tempfile.mkdtemp(prefix='beam-pipeline-temp'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", killed], check=False)
    [left] = folder.glob("beam-pipeline-temp*")
    with temporary_files_in(folder):
        assert not left.exists()
        assert Path(tempfile.mkdtemp()).parent == folder
        child = subprocess.run(
            [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"], capture_output=True, text=True
        )
        assert child.stdout.strip() == str(folder)
    assert not folder.exists()
    assert Path(tempfile.gettempdir()) != folder


def test_a_folder_of_somebody_else_is_not_taken_for_temporary_files(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UserError, match="holds files"), temporary_files_in(tmp_path):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_an_unknown_class_in_the_floors_is_refused(capsys, write_config, tmp_path):
    floors = {"min_mean_iou": 0.5, "min_iou": {"dog": 0.5}}
    assert "evaluation.min_iou" in refusal(capsys, "--config", write_config(evaluation=floors))
    assert not (tmp_path / "output").exists()


def test_every_option_can_come_from_the_environment(capsys, monkeypatch, write_config, tmp_path):
    monkeypatch.setenv("PIPELINE_CONFIG", str(write_config()))
    monkeypatch.setenv("PIPELINE_DATA", str(tmp_path / "from_environment"))
    assert "from_environment: no such folder" in refusal(capsys)


def test_an_argument_wins_over_the_environment(capsys, monkeypatch, write_config, tmp_path):
    monkeypatch.setenv("PIPELINE_DATA", str(tmp_path / "from_environment"))
    error = refusal(capsys, "--config", write_config(), "--data", tmp_path / "from_argument")
    assert "from_argument: no such folder" in error


def test_a_value_set_on_the_command_line_is_checked_like_the_files(capsys, write_config):
    error = refusal(capsys, "--config", write_config(), "--set=training.epochs=0")
    assert "training.epochs: Input should be greater than or equal to 1" in error


def test_a_typo_ends_the_real_command_with_one_line(write_config, tmp_path):
    command = [sys.executable, "-m", "tfx_pipeline.local_runner", f"--config={write_config(trainning={})}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == EXIT_USER_ERROR
    assert result.stderr == f"error: {tmp_path / 'config.yaml'}: trainning: Extra inputs are not permitted\n"
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_nothing_heavy_is_imported_before_the_data_is_checked():
    heavy = "{'tensorflow', 'tfx', 'apache_beam', 'keras', 'keras_tuner', 'ml_metadata'}"
    code = f"import sys; from tfx_pipeline import local_runner; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
