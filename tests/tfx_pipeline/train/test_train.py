"""The second command: from a described folder to an evaluated model."""

import json

import pytest
from PIL import Image

from schemas.errors import UserError
from schemas.manifest import Split, read_manifest
from schemas.shipped import load_spec
from tests.beam_jobs.describe.test_describe import draw, soft, values
from tests.published import make_manifest
from tfx_pipeline.train.command_line import kept_fit, main, photo_sizes

SHORT = [
    "--set=training.export_tflite=false",
    "--set=training.average_mirrored=false",
    "--set=training.decoder_filters=8",
]


def test_without_a_description_it_is_written_and_asks_and_nothing_else_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "leaves", values)
    assert main(["--input=leaves"]) == 2
    assert "name 2 classes" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"classes.0, classes.3: still '\?'"):
        main(["--input=leaves"])
    assert not (tmp_path / "runs").exists()


def test_sizes_are_read_from_headers_and_what_is_damaged_is_left_to_the_preparation(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    Image.new("RGB", (90, 40)).save(tmp_path / "b.jpg")
    assert photo_sizes(str(tmp_path), "{id}.jpg") == [(40, 90)]
    Image.effect_noise((300, 500), 90).save(tmp_path / "c.tif")  # its size stands behind its pixels
    assert photo_sizes(str(tmp_path), "{id}.tif") == [(500, 300)]


def test_photos_stay_letterboxed_as_they_stay_of_one_size(tmp_path):
    splits = {split: Split(records=0, shards=()) for split in ("train", "eval")}
    manifest = make_manifest(splits, fit="letterbox", options={"fit": "letterbox"})
    (tmp_path / "manifest.json").write_text(manifest.to_json())
    pets = load_spec("pets")
    assert kept_fit(tmp_path, pets, []) == ["--fit=letterbox"]
    assert kept_fit(tmp_path, pets, ["--fit=stretch"]) == kept_fit(None, pets, []) == []
    assert kept_fit(tmp_path, pets.model_copy(update={"fit": "stretch"}), []) == []


@pytest.mark.parametrize(
    ("size", "problem"),
    [("0", r"--image_size 0: .*--set=training.crop_size=256"), ("big", "--image_size big: give a side in pixels")],
)
def test_a_size_that_cannot_be_trained_on_is_refused_before_anything_is_prepared(size, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = "{name: leaves, image_path: '{id}.jpg', mask_path: '{id}.png', classes: [leaf, ground]}"
    (tmp_path / "dataset.yaml").write_text(dataset)
    with pytest.raises(UserError, match=problem):
        main(["--input=.", f"--image_size={size}"])
    assert not (tmp_path / "runs").exists()


def test_photos_that_a_person_left_out_do_not_come_back_by_themselves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "leaves"
    draw(folder, soft, 3, "{}.jpg", "{}.png")
    (folder / "dataset.yaml").write_text("{image_path: '{id}.jpg', mask_path: '{id}.png', classes: [leaf, ground]}")
    splits = {split: Split(records=0, shards=()) for split in ("train", "eval")}
    manifest = make_manifest(splits, dataset="leaves", options={"exclude_sha256": "0" * 64})
    (tmp_path / "runs/leaves/data/leaves/1.0.0").mkdir(parents=True)
    (tmp_path / "runs/leaves/data/leaves/1.0.0/manifest.json").write_text(manifest.to_json())
    with pytest.raises(UserError, match=r"1.0.0: leaves out what --exclude named; give --exclude again"):
        main(["--input=leaves"])


@pytest.mark.proof
@pytest.mark.slow(70)
def test_photos_become_a_judged_model_and_changed_ones_the_next_version(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "leaves"
    for split, first in (("train", "a"), ("val", "b")):
        draw(folder, soft, 12, f"{split}/{first}{{}}.png", f"{split}annot/{first}{{}}.png")
    command = ["--input=leaves", "--offline", *SHORT]
    assert main(command) == 2
    described = (folder / "dataset.yaml").read_text()
    (folder / "dataset.yaml").write_text(described.replace('"?"', "leaf"))
    command.append("--set=evaluation.allow_blind=[background, leaf]")  # after one epoch it may not see them
    assert main([*command, "--set=training.epochs=1"]) == 0
    output = tmp_path / "runs" / "leaves"
    assert read_manifest(output / "data" / "leaves" / "1.0.0").image_size == "96x64"  # photos of 64x48
    assert set(json.loads((output / "pipeline" / "summary.json").read_text())["metrics"]["iou"]) == {
        "background",
        "leaf",
    }
    assert f"make app MODEL={output / 'pipeline'}" in capsys.readouterr().out

    (folder / "train" / "a0.png").unlink()
    (folder / "trainannot" / "a0.png").unlink()
    edited = (output / "pipeline.yaml").read_text().replace("max_mean_iou_drop: 0.02", "max_mean_iou_drop: 1")
    (output / "pipeline.yaml").write_text(edited)
    assert main([*command, "--set=training.epochs=1"]) == 0
    assert read_manifest(output / "data" / "leaves" / "1.1.0").splits["train"].records == 11
    assert (output / "pipeline.yaml").read_text() == edited

    assert main([*command, "--set=training.epochs=1"]) == 0
    assert "Already published from the same inputs" in capsys.readouterr().out
    assert not (output / "data" / "leaves" / "1.2.0").exists()
