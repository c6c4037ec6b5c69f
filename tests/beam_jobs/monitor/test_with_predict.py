"""The logs that `beam_jobs.predict` writes are what the monitoring reads, on both sides."""

import json
import re

import pytest

from beam_jobs.monitor.command_line import main
from beam_jobs.predict.command_line import main as predict
from schemas.errors import UserError
from schemas.manifest import read_manifest
from tests.beam_jobs import toy_model
from tests.beam_jobs.conftest import write_good_pairs
from tests.beam_jobs.jobs import GOOD
from tests.beam_jobs.monitor.served_logs import monitor

pytestmark = pytest.mark.slow


def test_photos_are_compared_with_the_splits_that_the_same_model_predicted(good_data, tmp_path, capfd):
    version, photos = good_data / "pets/1.0.0", write_good_pairs(tmp_path / "photos") / "images"
    model = f"--model={toy_model.export(tmp_path / 'model')}"
    output = f"--output={tmp_path / 'masks'}"
    assert predict([model, output, f"--version_dir={version}", f"--log={tmp_path / 'reference'}"]) == 0
    assert predict([model, output, f"--photos={photos}", f"--log={tmp_path / 'log'}"]) == 0
    capfd.readouterr()
    assert monitor(tmp_path / "log", tmp_path / "reference", tmp_path / "out") == 0
    drift = json.loads((tmp_path / "out/drift.json").read_text())
    assert drift["records"]["read"] == len(GOOD)
    assert (drift["records"]["judged"], drift["records"]["repeated"]) == (1, len(GOOD) - 1)  # all are one picture
    assert drift["reference"]["judged"] == read_manifest(version).splits["eval"].records
    assert drift["reference"]["train_photos_by_looks"] == read_manifest(version).splits["train"].records
    assert drift["classes"] == list(toy_model.PETS.class_names)  # in the model's order, which the reference's file has
    assert drift["titles"] == dict(zip(toy_model.PETS.class_names, toy_model.PETS.class_titles))
    assert drift["colors"] == {one.name: one.color for one in toy_model.PETS.classes}
    printed = capfd.readouterr().out
    assert "too few to judge: the reference has of eval" in printed
    assert "novelty is not measured" in printed  # the toy has no encoder


@pytest.mark.proof
def test_a_folder_of_photos_and_a_version_are_answered_and_compared_by_one_command(good_data, tmp_path, capfd):
    version, photos = good_data / "pets/1.0.0", write_good_pairs(tmp_path / "photos") / "images"
    (photos / "broken.jpg").write_bytes(b"no photo")
    model = toy_model.export(tmp_path / "model")
    wanted = [f"--model={model}", f"--photos={photos}", f"--reference={version}", f"--output={tmp_path / 'out'}"]
    for _ in range(2):  # the second run replaces what the first one left
        assert main([*wanted, "--select=1"]) == 0
    drift = json.loads((tmp_path / "out/drift.json").read_text())
    assert (drift["records"]["judged"], drift["records"]["repeated"]) == (1, len(GOOD) - 1)  # all are one picture
    assert drift["reference"]["judged"] == read_manifest(version).splits["eval"].records
    assert drift["reference"]["train_photos_by_looks"] == read_manifest(version).splits["train"].records
    (rejected,) = [json.loads(line) for path in (tmp_path / "out/rejected").iterdir() for line in path.open()]
    assert rejected["id"] == "broken"
    assert not (tmp_path / "out/masks").exists()
    assert "Rejected: " in capfd.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--photos=PHOTOS", "--reference=LOG"], "must be answered by a model first; give --model=DIR, too"),
        (["--log=LOG", "--reference=VERSION"], "a published version, must be answered by a model first"),
        (
            ["--log=LOG", "--reference=LOG", "--model=MODEL"],
            "--model: answers --photos, a version as --reference",
        ),
        (["--photos=PHOTOS", "--model=MODEL", "--reference=LOG", "--to=2026-11-29"], "--from, --to: choose records"),
        (["--photos=PHOTOS/none", "--model=MODEL", "--reference=LOG"], "--photos PHOTOS/none: no such folder"),
        (["--photos=PHOTOS", "--model=PHOTOS", "--reference=LOG"], "--model PHOTOS: no exported model"),
    ],
)
def test_what_a_model_cannot_answer_is_refused_in_one_line_and_nothing_is_written(
    good_data, toy, tmp_path, options, said
):
    (tmp_path / "log").mkdir()
    photos = write_good_pairs(tmp_path / "photos") / "images"
    places = {"PHOTOS": photos, "LOG": tmp_path / "log", "VERSION": good_data / "pets/1.0.0", "MODEL": toy}
    for name, path in places.items():
        options = [one.replace(name, str(path)) for one in options]
        said = said.replace(name, str(path))
    with pytest.raises(UserError, match=re.escape(said)):
        main([*options, f"--output={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return toy_model.export(tmp_path_factory.mktemp("toy") / "model")
