"""The preparation job from its command line, on small folders of photos with known properties."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from schemas.derived_schema import derive_schema
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.shipped import load_spec
from schemas.version import verify_version
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import encode, gradient, trimap, write_pair

pytestmark = pytest.mark.slow


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def records(version_dir, split):
    paths = [str(version_dir / shard.path) for shard in read_manifest(version_dir).splits[split].shards]
    return [tf.train.Example.FromString(one) for one in tf.data.TFRecordDataset(paths).as_numpy_iterator()]


def test_a_version_is_published_in_the_layout_of_the_contract(good_data):
    version = good_data / "pets" / "1.0.0"
    assert files_below(good_data) == [
        f"pets/1.0.0/{path}"
        for path in (
            "anomalies/Split-eval/SchemaDiff.pb",
            "anomalies/Split-train/SchemaDiff.pb",
            "dataset.yaml",
            "examples/Split-eval/pets-eval.tfrecord-00000-of-00001",
            "examples/Split-train/pets-train.tfrecord-00000-of-00001",
            "manifest.json",
            "metrics.json",
            "near_duplicates.jsonl",
            "quarantine/quarantine-00000-of-00001.jsonl",
            "repairs/repairs-00000-of-00001.jsonl",
            "report.html",
            "schema.pbtxt",
            "statistics/Split-eval/FeatureStats.pb",
            "statistics/Split-train/FeatureStats.pb",
        )
    ]
    manifest = verify_version(version).manifest
    assert (manifest.inputs, manifest.published, manifest.quarantined, manifest.repaired) == (40, 40, {}, 0)
    assert manifest.splits["train"].records + manifest.splits["eval"].records == 40
    assert manifest.splits["eval"].records > 0


def test_a_record_holds_what_the_contract_says(good_data):
    version = good_data / "pets" / "1.0.0"
    spec = load_spec("pets")
    found = set()
    for example in records(version, "train") + records(version, "eval"):
        feature = example.features.feature
        image_id = feature["image_id"].bytes_list.value[0].decode()
        found.add(image_id)
        photo = Image.open(io.BytesIO(feature["image"].bytes_list.value[0]))
        mask = np.asarray(Image.open(io.BytesIO(feature["mask"].bytes_list.value[0])))
        assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (32, 32))
        assert (mask.dtype, mask.shape) == (np.uint8, (32, 32))
        shares = [feature[name].float_list.value[0] for name in spec.fraction_features]
        np.testing.assert_allclose(shares, np.bincount(mask.ravel(), minlength=3) / 1024, rtol=1e-6)
        assert feature["source_width"].int64_list.value[0] == 60
        assert feature["source_height"].int64_list.value[0] == 40
        assert feature["breed"].bytes_list.value[0].decode() == image_id.rpartition("_")[0]
        assert feature["species"].bytes_list.value[0] == (b"cat" if image_id.startswith("Bengal") else b"dog")
        luma = np.asarray(photo.convert("L")) / 255
        assert feature["brightness"].float_list.value[0] == pytest.approx(luma.mean(), abs=0.01)
        assert feature["contrast"].float_list.value[0] == pytest.approx(luma.std(), abs=0.01)
    assert found == set(GOOD)


def test_statistics_cover_every_feature_and_never_hold_image_bytes(good_data):
    version = good_data / "pets" / "1.0.0"
    data = (version / "statistics" / "Split-train" / "FeatureStats.pb").read_bytes()
    (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets
    by_name = {feature.path.step[0]: feature for feature in dataset.features}
    assert dataset.num_examples == read_manifest(version).splits["train"].records
    schema_features = {
        line.split('"')[1] for line in derive_schema(load_spec("pets")).splitlines() if "  name:" in line
    }
    assert set(by_name) == schema_features - {"cat", "dog"}
    assert by_name["image"].bytes_stats.avg_num_bytes > 300
    assert by_name["image"].bytes_stats.common_stats.num_non_missing == dataset.num_examples
    assert b"JFIF" not in data
    anomalies = anomalies_pb2.Anomalies.FromString(
        (version / "anomalies" / "Split-train" / "SchemaDiff.pb").read_bytes()
    )
    assert not anomalies.anomaly_info


def test_every_rejected_input_is_accounted_for_with_its_reason(photos, tmp_path):
    write_pair(photos, "pug_100", photo=b"")
    write_pair(photos, "pug_101", photo=encode(gradient(600, 400), "JPEG", quality=95)[:5000])
    write_pair(photos, "pug_102", mask=encode(trimap(50, 50), "PNG"))
    write_pair(photos, "pug_103", mask=encode(Image.fromarray(np.full((40, 60), 9, np.uint8)), "PNG"))
    write_pair(photos, "pug_104", mask=encode(Image.fromarray(np.full((40, 60), 2, np.uint8)), "PNG"))
    write_pair(photos, "pug_105")
    (photos / "annotations/trimaps/pug_105.png").unlink()
    write_pair(photos, "pug_106")
    (photos / "images/pug_106.jpg").unlink()
    write_pair(photos, "unknown animal")
    write_pair(photos, "no utf-8 \udcff")
    write_pair(photos, "wolf_1")
    write_pair(photos, "pug_107", photo=encode(gradient().convert("CMYK"), "JPEG"))
    write_pair(photos, "._pug_108")
    large = encode(gradient(600, 400), "JPEG", quality=95)
    write_pair(photos, "pug_109", photo=large[:-2], mask=encode(trimap(600, 400), "PNG"))
    write_pair(photos, "pug_110", photo=large[:-2] + bytes(9) + large[-2:], mask=encode(trimap(600, 400), "PNG"))
    assert prepare(photos, tmp_path / "data", "1.0.0", "--max_rejected_fraction=0.5") == 0
    version = tmp_path / "data" / "pets" / "1.0.0"
    manifest = read_manifest(version)
    assert manifest.quarantined == {
        "empty_image": 1,
        "truncated_image": 1,
        "mask_size_differs": 1,
        "unknown_mask_value": 1,
        "mask_lacks_required_class": 1,
        "missing_mask": 1,
        "missing_image": 1,
        "path_is_not_utf8": 1,
        "unknown_slice": 2,
    }
    assert manifest.inputs == manifest.published + sum(manifest.quarantined.values()) == 53
    assert (manifest.repaired, manifest.repairs) == (3, {"cmyk": 1, "early_end": 1, "extraneous_bytes": 1})
    lines = (version / "quarantine" / "quarantine-00000-of-00001.jsonl").read_text().splitlines()
    quarantined = {entry["id"]: entry for entry in map(json.loads, lines)}
    assert len(lines) == len(quarantined) == 10
    assert quarantined["pug_102"] == {
        "id": "pug_102",
        "image_uri": str(photos / "images/pug_102.jpg"),
        "mask_uri": str(photos / "annotations/trimaps/pug_102.png"),
        "split": quarantined["pug_102"]["split"],
        "stage": "record",
        "reason": "mask_size_differs",
        "detail": "mask is 50x50 pixels, its photo 60x40",
    }
    assert (quarantined["pug_106"]["stage"], quarantined["pug_106"]["image_uri"]) == ("pair", "")
    repaired = map(json.loads, (version / "repairs" / "repairs-00000-of-00001.jsonl").read_text().splitlines())
    assert list(repaired) == [
        {"id": f"pug_{number}", "image_uri": str(photos / f"images/pug_{number}.jpg"), "repairs": [kind]}
        for number, kind in ((107, "cmyk"), (109, "early_end"), (110, "extraneous_bytes"))
    ]


def test_official_lists_decide_the_split_and_what_they_do_not_name_is_left_out(photos, tmp_path):
    train, evaluated = GOOD[:25], GOOD[25:38]
    (photos / "annotations/trainval.txt").write_text("# id\n" + "".join(f"{one} 1 1 1\n" for one in train))
    (photos / "annotations/test.txt").write_text("".join(f"{one} 1 1 1\n" for one in [*evaluated, "pug_999"]))
    # the two that are left out are no defects: they don't count against the allowed fraction
    assert prepare(photos, tmp_path / "data", "1.0.0", "--split=official", "--max_rejected_fraction=0") == 0
    version = tmp_path / "data" / "pets" / "1.0.0"

    def ids(split):
        return {
            example.features.feature["image_id"].bytes_list.value[0].decode() for example in records(version, split)
        }

    assert (ids("train"), ids("eval")) == (set(train), set(evaluated))
    assert read_manifest(version).quarantined == {"not_in_official_lists": 2}


def test_too_many_rejects_publish_nothing_and_leave_the_account(photos, own_data, tmp_path, capsys):
    before = files_below(tmp_path / "data")
    for number in range(10):
        write_pair(photos, f"pug_1{number}0", photo=b"")
    assert prepare(photos, tmp_path / "data", "2.0.0") == 1
    assert "20.0%" in capsys.readouterr().err
    after = files_below(tmp_path / "data")
    assert [path for path in after if not path.startswith("pets/_rejected/2.0.0/")] == before
    rejected = tmp_path / "data" / "pets" / "_rejected" / "2.0.0"
    lines = (rejected / "quarantine" / "quarantine-00000-of-00001.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"pug_1{number}0" for number in range(10)]
    verify_version(tmp_path / "data" / "pets" / "1.0.0")
    # repaired and tried again, the version is published and the account of the refusal is gone
    for number in range(10):
        write_pair(photos, f"pug_1{number}0")
    assert prepare(photos, tmp_path / "data", "2.0.0") == 0
    assert not rejected.exists()


def test_anomalies_publish_nothing_and_are_reported_in_words(photos, tmp_path, capsys):
    train = [f"pug_{number}" for number in range(100, 210)]  # enough records that the splits are compared
    evaluated = [f"Bengal_{number}" for number in range(100, 210)]
    for image_id in train + evaluated:
        write_pair(photos, image_id)
    (photos / "annotations/trainval.txt").write_text("".join(f"{one} 1\n" for one in train))
    (photos / "annotations/test.txt").write_text("".join(f"{one} 1\n" for one in evaluated))
    assert prepare(photos, tmp_path / "data", "1.0.0", "--split=official") == 1
    printed = capsys.readouterr().err
    assert "train" in printed
    assert "species" in printed
    assert "skew: train photos have other shares of species than eval photos: " in printed
    assert not (tmp_path / "data" / "pets" / "1.0.0").exists()


def test_an_empty_split_publishes_nothing(photos, tmp_path, capsys):
    (photos / "annotations/trainval.txt").write_text("".join(f"{one} 1\n" for one in GOOD))
    (photos / "annotations/test.txt").write_text("pug_999 1\n")
    assert prepare(photos, tmp_path / "data", "1.0.0", "--split=official") == 1
    assert "every split needs one" in capsys.readouterr().err


def test_the_same_content_again_is_no_work_and_other_content_is_refused(photos, own_data, tmp_path, capsys):
    version = tmp_path / "data" / "pets" / "1.0.0"
    before = {path: (version / path).stat().st_mtime_ns for path in files_below(version)}
    assert prepare(photos, tmp_path / "data") == 0
    assert "Already published" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"jpeg_quality=92 \(now 80\)"):
        prepare(photos, tmp_path / "data", "1.0.0", "--jpeg_quality=80")
    write_pair(photos, "pug_3", photo=encode(gradient().rotate(180), "JPEG"))
    with pytest.raises(UserError, match="other inputs"):
        prepare(photos, tmp_path / "data")
    assert {path: (version / path).stat().st_mtime_ns for path in files_below(version)} == before
