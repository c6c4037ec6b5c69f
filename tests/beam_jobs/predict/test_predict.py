"""The prediction job, with a model that reads classes off the pixels."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from beam_jobs.predict.command_line import main
from beam_jobs.predict.model import BATCH_BYTES, MAX_BATCH, SegmentationModel, read_model_info
from schemas.errors import UserError
from schemas.image_ids import image_id_of
from schemas.metrics import class_iou, confusion_matrix, mean_iou
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import encode, gradient, trimap, write_pair
from tests.beam_jobs.toy_model import PETS, SIZE, Thresholds, export


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return export(tmp_path_factory.mktemp("exported") / "model")


@pytest.fixture(scope="module")
def tiled_model(tmp_path_factory) -> Path:
    return export(tmp_path_factory.mktemp("exported") / "tiled", tiled=True)


def predict(model: Path, output: Path, *options: str) -> int:
    return main([f"--model={model}", f"--output={output}", *options])


def table(output: Path) -> list[dict]:
    return [json.loads(line) for path in sorted(output.glob("table/*")) for line in path.read_text().splitlines()]


def rejected(output: Path) -> dict[str, str]:
    lines = [line for path in output.glob("rejected/*") for line in path.read_text().splitlines()]
    return {one["id"]: one["reason"] for one in map(json.loads, lines)}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Photos of several formats and sizes, and what is none."""
    photos = tmp_path / "mine"
    photos.mkdir()
    (photos / "wide.jpg").write_bytes(encode(gradient(90, 40), "JPEG", quality=95))
    (photos / "tall.png").write_bytes(encode(gradient(40, 120), "PNG"))
    (photos / "twice.jpg").write_bytes(encode(gradient(), "JPEG"))
    (photos / "twice.png").write_bytes(encode(gradient(), "PNG"))
    (photos / "notes.txt").write_text("no photo")
    (photos / "speck.png").write_bytes(encode(gradient(1, 1), "PNG"))
    return photos


def test_each_photo_gets_a_mask_of_its_own_size_in_the_classes_colours(model, folder, tmp_path, capsys):
    output = tmp_path / "out"
    assert predict(model, output, f"--photos={folder}") == 0
    assert sorted(path.name for path in (output / "masks").iterdir()) == ["tall.png", "wide.png"]
    mask = Image.open(output / "masks" / "wide.png")
    assert (mask.mode, mask.size) == ("P", (90, 40))
    class_ids = np.asarray(mask)
    assert [set(class_ids[row]) for row in (0, 20, 39)] == [{0}, {2}, {1}]
    assert mask.convert("RGB").getpixel((5, 0)) == PETS.palette[0]
    assert [(row["id"], row["width"], row["height"]) for row in table(output)] == [("tall", 40, 120), ("wide", 90, 40)]
    assert sum(table(output)[0]["share"].values()) == pytest.approx(1, abs=1e-5)
    assert "2 masks" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_rejected_and_the_others_are_predicted(model, tmp_path, capsys):
    photos = tmp_path / "mine"
    photos.mkdir()
    (photos / "good.JPG").write_bytes(encode(gradient(), "JPEG"))
    (photos / "dangling.jpg").symlink_to("nowhere")
    (photos / "circle.jpg").symlink_to("circle.jpg")
    (photos / "device.jpg").symlink_to("/dev/zero")
    (photos / "more").mkdir()
    (photos / "exif.jpg").write_bytes(encode(gradient(), "JPEG", exif=b"Exif\0\0II*\0"))
    assert predict(model, tmp_path / "out", f"--photos={photos}", "--image_path={id}.*") == 0
    assert {path.stem for path in (tmp_path / "out" / "masks").iterdir()} == {"good", "exif"}
    assert rejected(tmp_path / "out") == {
        "dangling": "unreadable_file",
        "circle": "unreadable_file",
        "device": "unreadable_file",
    }
    assert "Left out, not matching {id}.*: 1 folders, as more/" in capsys.readouterr().out


def test_a_photo_of_any_name_in_any_folder_has_a_mask_of_its_own_right_in_the_folder_of_masks(model, tmp_path):
    names = [
        "IMG 1 (2)",
        "写真",
        "U\u0308ber",
        "a@2x",
        "[x]*?",
        "-rf",
        "x" * 225,
        "a/0001",
        "b/0001",
        "Cat",
        "cat",
        "con",
    ]
    names.append("b/.hidden/0001")
    for name in names:
        path = tmp_path / "mine" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(gradient(), "JPEG"))
    assert predict(model, tmp_path / "out", f"--photos={tmp_path / 'mine'}", "--image_path={id:path}.*") == 0
    ids = {image_id_of(name) for name in names[:-1]}
    others = {"cat": "cat~~77af778b.png", "con": "~63on.png"}  # also where capital letters do not count, or on Windows
    assert {path.name for path in (tmp_path / "out/masks").iterdir()} == {others.get(one, f"{one}.png") for one in ids}
    assert {row["id"]: row.get("mask") for row in table(tmp_path / "out")} == {one: others.get(one) for one in ids}
    assert {row["uri"] for row in table(tmp_path / "out")} == {f"{tmp_path}/mine/{name}.jpg" for name in names[:-1]}


def test_a_tiled_model_sees_photos_at_their_own_size(tiled_model, folder, tmp_path):
    rows = np.where(np.arange(120) % 2, 250, 10).astype(np.uint8)  # squashed, they would be one grey
    photo = np.repeat(np.repeat(rows[:, np.newaxis], 40, axis=1)[..., np.newaxis], 3, axis=2)
    (folder / "tall.png").write_bytes(encode(Image.fromarray(photo), "PNG"))
    assert predict(tiled_model, tmp_path / "out", f"--photos={folder}") == 0
    class_ids = np.asarray(Image.open(tmp_path / "out" / "masks" / "tall.png"))
    np.testing.assert_array_equal(class_ids, np.where(photo[..., 1] < 85, 0, 1))


def test_a_tiled_model_is_judged_on_a_version_of_original_sizes(tiled_model, photos, tmp_path):
    assert prepare(photos, tmp_path / "data", "1.0.0", "--image_size=0") == 0
    assert predict(tiled_model, tmp_path / "out", f"--version_dir={tmp_path}/data/pets/1.0.0") == 0
    rows = table(tmp_path / "out")
    assert len(rows) == 40
    for row in rows:
        assert Image.open(tmp_path / "out" / "masks" / f"{row['id']}.png").size == (row["width"], row["height"])
        assert (row["width"], row["height"]) != (SIZE, SIZE)
        assert 0 <= row["mean_iou"] <= 1


@pytest.mark.proof
def test_worker_processes_write_what_one_process_writes(model, folder, tmp_path):
    outputs = []
    for name, options in (("one", []), ("two", ["--direct_running_mode=multi_processing", "--direct_num_workers=2"])):
        command = [sys.executable, "-m", "beam_jobs.predict", f"--model={model}", f"--photos={folder}", *options]
        subprocess.run([*command, f"--output={tmp_path / name}"], check=True, capture_output=True)
        files = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        outputs.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 2 + 3  # two masks; table, rejections and summary


def test_what_gets_no_mask_is_listed_with_its_reason(model, folder, tmp_path):
    predict(model, tmp_path / "out", f"--photos={folder}")
    assert rejected(tmp_path / "out") == {
        "notes": "not_an_image",
        "speck": "image_size_out_of_bounds",
        "twice": "duplicate_id",
    }
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["rejected"] == 3


def test_a_published_version_is_judged_image_by_image_as_numpy_judges_it(model, photos, tmp_path):
    write_pair(photos, "pug_99", encode(gradient(80, 30), "JPEG", quality=90))
    assert prepare(photos, tmp_path / "data") == 0
    version = tmp_path / "data" / "pets" / "1.0.0"
    output = tmp_path / "out"
    assert predict(model, output, f"--version_dir={version}", "--split=eval") == 0
    total = np.zeros((3, 3), np.int64)
    rows = {row["id"]: row for row in table(output)}
    toy = Thresholds()
    shards = [str(path) for path in version.glob("examples/Split-eval/*")]
    for serialized in tf.data.TFRecordDataset(shards):
        values = tf.train.Example.FromString(serialized.numpy()).features.feature
        image_id = values["image_id"].bytes_list.value[0].decode()
        truth = np.asarray(Image.open(io.BytesIO(values["mask"].bytes_list.value[0])))
        pixels = tf.io.decode_jpeg(values["image"].bytes_list.value[0], dct_method="INTEGER_ACCURATE")
        predicted = toy.predict_pixels(tf.cast(pixels[tf.newaxis], tf.float32))["class_ids"].numpy()[0]
        matrix = confusion_matrix(truth, predicted, 3)
        assert rows.pop(image_id)["mean_iou"] == pytest.approx(mean_iou(matrix), abs=0.02)  # decoders differ a little
        total += matrix
    assert not rows
    summary = json.loads((output / "summary.json").read_text())
    np.testing.assert_allclose([summary["iou"][name] for name in PETS.class_names], class_iou(total), atol=0.02)
    assert len(summary["worst"]) == 5


def test_batches_are_bounded_by_their_bytes(model):
    info = read_model_info(str(model))
    for image_size in (SIZE, 512, 4096):
        one = SegmentationModel("anywhere", info.model_copy(update={"image_size": image_size}))
        most = one.batch_elements_kwargs()["max_batch_size"]
        assert 1 <= most <= MAX_BATCH
        assert most == 1 or most * image_size**2 * 3 <= BATCH_BYTES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--photos={tmp}/nowhere"], "--photos .*nowhere: no such folder"),
        (["--photos={folder}", "--image_path=*.webp"], r"--image_path \*\.webp: needs {id}"),
        (["--photos={folder}", "--image_path={{id}}.webp"], r"no file matches \*\.webp"),
        (["--version_dir={folder}"], "--version_dir .*mine"),
    ],
)
def test_unusable_input_is_an_error_that_names_it(options, message, model, folder, tmp_path):
    given = [one.format(tmp=tmp_path, folder=folder) for one in options]
    with pytest.raises(UserError, match=message):
        predict(model, tmp_path / "out", *given)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_model_is_an_error_that_names_it(folder, tmp_path):
    with pytest.raises(UserError, match=r"--model .*mine: no exported model"):
        predict(folder, tmp_path / "out", f"--photos={folder}")


def test_a_version_of_another_size_is_an_error_that_names_both(model, photos, tmp_path):
    assert prepare(photos, tmp_path / "data", "1.0.0", "--image_size=64") == 0
    with pytest.raises(UserError, match=r"images of 64 pixels, but .*model takes 32"):
        predict(model, tmp_path / "out", f"--version_dir={tmp_path}/data/pets/1.0.0")


def test_output_inside_what_is_read_is_refused(model, folder):
    with pytest.raises(UserError, match=r"--output .* lies in .*mine, which is read"):
        predict(model, folder / "out", f"--photos={folder}")


def test_where_no_photo_can_be_predicted_the_job_fails(model, tmp_path, capsys):
    photos = tmp_path / "mine"
    photos.mkdir()
    (photos / "notes.jpg").write_text("no photo")
    assert predict(model, tmp_path / "out", f"--photos={photos}") == 1
    assert "error: no mask was written: all 1 photos were rejected" in capsys.readouterr().err
    assert list(rejected(tmp_path / "out")) == ["notes"]


def test_what_earlier_runs_left_beside_the_new_masks_is_named_and_kept(model, folder, tmp_path, capsys):
    output = tmp_path / "out"
    predict(model, output, f"--photos={folder}")
    assert "Note:" not in capsys.readouterr().out
    (output / "table" / "table-00001-of-00002.jsonl").write_text("")
    (folder / "tall.png").unlink()
    assert predict(model, output, f"--photos={folder}") == 0
    printed = capsys.readouterr().out
    assert f"Note: {output}/masks also holds 1 of earlier runs" in printed
    assert f"Note: {output}/table also holds table/table-00001-of-00002.jsonl of earlier runs" in printed
    assert (output / "masks" / "tall.png").exists()


def test_folders_whose_names_look_like_patterns_are_read_and_written_as_they_are(model, folder, tmp_path):
    odd = tmp_path / "[odd]? *"
    odd.mkdir()
    shutil.copytree(model, odd / "model")
    folder.rename(odd / "photos")
    assert predict(odd / "model", odd / "out", f"--photos={odd / 'photos'}") == 0
    assert sorted(path.name for path in (odd / "out" / "masks").iterdir()) == ["tall.png", "wide.png"]


@pytest.fixture
def letterboxing_model(tmp_path) -> Path:
    return export(tmp_path / "letterboxing", fit="letterbox")


def test_a_letterboxed_photo_s_mask_shows_nothing_of_its_padding(letterboxing_model, tmp_path):
    photos = tmp_path / "mine"
    photos.mkdir()
    for name, size in (("wide", (90, 40)), ("tall", (30, 100))):
        (photos / f"{name}.png").write_bytes(encode(Image.new("RGB", size, (0, 10, 0)), "PNG"))
    assert predict(letterboxing_model, tmp_path / "out", f"--photos={photos}") == 0
    for name, shape in (("wide", (40, 90)), ("tall", (100, 30))):
        class_ids = np.asarray(Image.open(tmp_path / "out" / "masks" / f"{name}.png"))
        assert class_ids.shape == shape
        assert (class_ids == 0).all()  # padding is of class 2 to this model


def test_padding_is_no_part_of_the_judgement_of_a_letterboxed_version(letterboxing_model, photos, tmp_path):
    for number in range(8):
        write_pair(photos, f"pug_{100 + number}", encode(gradient(100, 20), "JPEG"), encode(trimap(100, 20), "PNG"))
    assert prepare(photos, tmp_path / "data", "1.0.0", "--fit=letterbox") == 0
    version = tmp_path / "data" / "pets" / "1.0.0"
    assert predict(letterboxing_model, tmp_path / "out", f"--version_dir={version}") == 0
    for row in table(tmp_path / "out"):
        assert Image.open(tmp_path / "out" / "masks" / f"{row['id']}.png").size == (row["width"], row["height"])
    wide = next(row for row in table(tmp_path / "out") if row["id"] == "pug_100")
    truth = np.asarray(trimap(32, 6)) - 1  # of the records' size, without the padding
    green = np.asarray(gradient(100, 20).resize((32, 6), Image.Resampling.BILINEAR))[np.newaxis]
    assert wide["mean_iou"] == pytest.approx(_iou_of_thresholds(green[..., 1][0], truth), abs=0.06)  # a JPEG


def _iou_of_thresholds(green: np.ndarray, truth: np.ndarray) -> float:
    class_ids = np.where(green < 85, 0, np.where(green < 170, 2, 1))
    return float(mean_iou(confusion_matrix(truth, class_ids, 3)))


def test_a_version_that_was_fitted_otherwise_than_the_model_s_photos_is_refused(
    letterboxing_model, good_data, tmp_path
):
    version = good_data / "pets" / "1.0.0"
    with pytest.raises(UserError, match=r"fitted with stretch, but .* give a version with --fit=letterbox"):
        predict(letterboxing_model, tmp_path / "out", f"--version_dir={version}")
