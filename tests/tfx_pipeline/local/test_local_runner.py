"""The command line: what it refuses before anything heavy starts, and what it says."""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from beam_jobs.storage.sole_use import sole_use
from schemas.errors import UserError
from schemas.version_files import MANIFEST_FILE, SCHEMA_FILE
from tfx_pipeline.config.pipeline import load_config
from tfx_pipeline.local.temporary_files import temporary_files_in
from tfx_pipeline.local_runner import EXIT_USER_ERROR, check_inputs, main


@pytest.fixture
def version_copy(toy_version, tmp_path):
    """A copy of the published version that a test may damage."""
    return shutil.copytree(toy_version, tmp_path / "pets" / "1.0.0")


def refusal(capsys, *arguments) -> str:
    """Runs the command line, checks that it refuses, and returns its error."""
    assert main([str(argument) for argument in arguments]) == EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    return printed.err


def eval_shard(version_dir):
    [shard] = version_dir.glob("examples/Split-eval/*")
    return shard


def damage_nothing_published(version_dir):
    (version_dir / MANIFEST_FILE).unlink()


def damage_schema(version_dir):
    (version_dir / SCHEMA_FILE).write_text("# another schema\n")


def damage_schema_digest(version_dir):
    path = version_dir / MANIFEST_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_sha256": "0" * 64}))


def damage_missing_shard(version_dir):
    eval_shard(version_dir).unlink()


def damage_shard_size(version_dir):
    with eval_shard(version_dir).open("ab") as file:
        file.write(b"more")


def damage_shard_content(version_dir):
    shard = eval_shard(version_dir)
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)


def damage_empty_split(version_dir):
    values = json.loads((version_dir / MANIFEST_FILE).read_text())
    gone = values["splits"]["eval"]["records"]
    for shard in values["splits"]["eval"]["shards"]:
        (version_dir / shard["path"]).unlink()
    values["splits"]["eval"] = {"records": 0, "shards": []}
    values |= {name: values[name] - gone for name in ("published", "inputs")}
    (version_dir / MANIFEST_FILE).write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing_published, "no manifest, so nothing is published there"),
        (damage_schema, "schema.pbtxt: sha256 differs from the manifest's"),
        (damage_schema_digest, "schema.pbtxt: sha256 differs from the manifest's"),
        (damage_missing_shard, "shard is missing"),
        (damage_shard_size, "bytes, manifest says"),
        (damage_shard_content, "sha256 differs from the manifest's"),
        (damage_empty_split, "split 'eval' is empty"),
    ],
)
def test_a_damaged_version_is_refused_and_nothing_is_written(
    capsys, write_config, version_copy, tmp_path, damage, message
):
    damage(version_copy)
    error = refusal(capsys, "--config", write_config(), "--data", version_copy)
    assert message in error
    assert str(version_copy) in error
    assert not (tmp_path / "output").exists()


def test_a_missing_data_folder_is_refused(capsys, write_config, tmp_path):
    error = refusal(capsys, "--config", write_config(), "--data", tmp_path / "absent")
    assert f"{tmp_path / 'absent'}: no such folder" in error


def test_an_output_inside_the_published_version_is_refused(capsys, write_config, toy_version):
    error = refusal(capsys, "--config", write_config(), "--output", toy_version / "results")
    assert "output lies inside the published version" in error
    assert not (toy_version / "results").exists()


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def replace_by_text(path):
    path.write_text("not a database" * 999)


def replace_by_another_database(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE another (one)")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, "database disk image is malformed"),
        (empty, "empty, or not a file"),
        (replace_by_text, "file is not a database"),
        (replace_by_another_database, "not written by ML Metadata"),
    ],
)
def test_a_damaged_memory_of_earlier_runs_is_named_with_the_remedy(capsys, write_config, tmp_path, damage, message):
    path = tmp_path / "output" / "metadata.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE MLMDEnv (schema_version INT); CREATE TABLE Artifact (uri TEXT)")
        connection.executemany("INSERT INTO Artifact VALUES (?)", [("a place " * 99,)] * 99)
        connection.commit()
    damage(path)
    before = path.read_bytes()
    error = refusal(capsys, "--config", write_config())
    assert f"{path}: " in error
    assert message in error
    assert "restore it from a copy, or start with another --output" in error
    assert path.read_bytes() == before


def test_a_memory_of_earlier_runs_that_another_process_holds_is_named(capsys, write_config, tmp_path):
    path = tmp_path / "output" / "metadata.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE MLMDEnv (schema_version INT); BEGIN EXCLUSIVE")
        assert f"{path}: another process is using it" in refusal(capsys, "--config", write_config())


@pytest.mark.parametrize("made", ["pipeline/Trainer", "serving/1700000000"])
def test_a_lost_memory_of_earlier_runs_is_not_taken_for_a_first_run(capsys, write_config, tmp_path, made):
    (tmp_path / "output" / made).mkdir(parents=True)
    error = refusal(capsys, "--config", write_config())
    assert f"{tmp_path / 'output' / 'metadata.sqlite'}: missing, but {made.partition('/')[0]}/ holds" in error


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


@pytest.mark.parametrize("name", ["summary.json", "predictions.png", "evaluation.html", "per_image.csv"])
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
