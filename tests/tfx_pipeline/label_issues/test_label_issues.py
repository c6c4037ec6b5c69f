"""From a published version to the three files, and what the command line refuses."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest

from beam_jobs.rejections import Repaired
from schemas.errors import UserError
from schemas.version import read_version
from tests.bench.planted_masks import spoil
from tests.html_pages import Page
from tests.published import publish
from tests.trainer.conftest import BACKGROUND, BORDER, PET, draw, record_of
from tfx_pipeline.label_issues.command_line import main
from tfx_pipeline.label_issues.folds import cut_into_folds, deal
from tfx_pipeline.label_issues.judging import judge_fold
from tfx_pipeline.label_issues.suspecting import write_issues

SIZE = 32
SPLITS = {"train": range(10), "eval": range(10, 16)}
INVERTED = "photo_3"  # in the version below


@pytest.fixture(name="version", scope="module")
def published_version(tmp_path_factory):
    """Sixteen drawn records, ten of them in train; one has an inverted mask."""
    records = {split: [[]] for split in SPLITS}
    for split, indices in SPLITS.items():
        for index in indices:
            photo, mask = draw(index, SIZE)
            name = f"photo_{index}"
            if name == INVERTED:
                mask = np.array([BACKGROUND, PET, BORDER], np.uint8)[mask]
            records[split][0].append(record_of(photo, mask, name))
    return publish(tmp_path_factory.mktemp("data"), records=records)


@pytest.fixture(name="folds", scope="module")
def cut_version(version, tmp_path_factory):
    shards = {split: [str(path) for path in version.glob(f"examples/Split-{split}/*")] for split in SPLITS}
    return cut_into_folds(shards, 3, tmp_path_factory.mktemp("folds"))


def sees_colours():
    """A model that knows the drawn photos by their colours: a red disc, a pale ring, and stripes without red."""
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(3, 1)])
    red_alone, dark, pale = (8, 0, -8), (-8, 0, 0), (0, 4, 8)
    model.set_weights([np.array([red_alone, dark, pale], np.float32).T[None, None], np.array([0, -2, -2], np.float32)])
    return model


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_mask_is_judged_once_and_the_worst_are_listed_with_their_pictures(version, folds, tmp_path):
    published, model = read_version(version), sees_colours()
    judgements = sorted(one for index, fold in enumerate(folds) for one in judge_fold(model, index, fold, published))
    write_issues(judgements, folds, version, published, tmp_path, worst=3)
    table = table_of(tmp_path / "label_quality.csv")
    assert sorted(row["id"] for row in table) == sorted(f"photo_{index}" for index in range(16))
    assert sorted(row["fold"] for row in table) == ["0"] * 6 + ["1"] * 5 + ["2"] * 5
    assert all(int(row["id"].removeprefix("photo_")) in SPLITS[row["split"]] for row in table)
    scores = [float(row["score"]) for row in table]
    assert scores == sorted(scores)
    issues = lines_of(tmp_path / "label_issues.jsonl")
    assert [one["id"] for one in issues] == [row["id"] for row in table[:3]]
    assert issues[0].keys() == {"id", "split", "score", "agreement", "kind", "detail", "image_uri", "mask_uri"}
    assert (issues[0]["id"], issues[0]["kind"]) == (INVERTED, "inverted")
    page = Page((tmp_path / "label_issues.html").read_text(encoding="utf-8"))
    assert (page.classes("figure").count("view"), page.count("image")) == (3, 9)


def test_without_a_number_only_what_is_far_below_the_others_is_listed(version, folds, tmp_path):
    published, model = read_version(version), sees_colours()
    judgements = sorted(one for index, fold in enumerate(folds) for one in judge_fold(model, index, fold, published))
    assert [one.image_id for one in write_issues(judgements, folds, version, published, tmp_path, None)] == [INVERTED]
    good = [one for one in judgements if one.image_id != INVERTED]
    assert write_issues(good, folds, version, published, tmp_path, None) == []
    assert (tmp_path / "label_issues.jsonl").read_text() == ""
    assert "None of 15 masks is far from" in (tmp_path / "label_issues.html").read_text()


def test_the_files_of_a_photo_are_named_where_the_version_s_account_has_them(version, folds, tmp_path):
    data = shutil.copytree(version, tmp_path / "version")
    (data / "repairs").mkdir()
    (data / "repairs/repairs-00000-of-00001.jsonl").write_text(
        Repaired(INVERTED, "a/b.jpg", ("cmyk",)).to_json() + "\n"
    )
    published, model = read_version(version), sees_colours()
    judgements = sorted(one for index, fold in enumerate(folds) for one in judge_fold(model, index, fold, published))
    write_issues(judgements, folds, data, published, tmp_path, worst=2)
    files = [(one["image_uri"], one["mask_uri"]) for one in lines_of(tmp_path / "label_issues.jsonl")]
    assert files == [("a/b.jpg", ""), ("", "")]


def test_records_are_dealt_into_folds_of_one_size_and_each_is_in_just_one(folds):
    assert sorted(len(fold.members) for fold in folds) == [5, 5, 6]
    members = [(one.image_id, one.split) for fold in folds for one in fold.members]
    assert sorted(members) == sorted((f"photo_{i}", split) for split, indices in SPLITS.items() for i in indices)


def test_photos_of_one_group_stay_in_one_fold():
    groups = [name for name, photos in (("a", 50), ("b", 5), ("c", 5), ("d", 40)) for _ in range(photos)]
    fold_of = deal(groups, 2)
    assert fold_of.keys() == {"a", "b", "c", "d"}
    assert set(fold_of.values()) == {0, 1}
    with pytest.raises(UserError, match="--folds 5: there are only 4 photos, or groups of them; give fewer"):
        deal(groups, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set=training.epochs=no"], "--set training: epochs: "),
        (["--set=evaluation.min_mean_iou=0"], "--set evaluation: only settings of training can be given"),
        (["--set=training.crop_size=32"], "--set training.crop_size: masks are judged as wholes"),
        (["--output={version}/issues"], "--output .*: lies inside the published version"),
        (["--data=nowhere"], "nowhere"),
        (["--data=gs://bucket/pets/1.0.0"], "--data gs://bucket/pets/1.0.0: is not on this machine"),
    ],
)
def test_what_cannot_be_used_is_reported_before_anything_is_trained(version, tmp_path, options, message):
    given = [one.format(version=version) for one in options]
    with pytest.raises(UserError, match=message):
        main([f"--data={version}", f"--output={tmp_path}/issues", *given])


def test_a_list_that_a_person_may_have_edited_is_kept(version, tmp_path):
    (tmp_path / "label_issues.jsonl").write_text("mine")
    with pytest.raises(UserError, match=r"has a label_issues.jsonl, which you may have edited"):
        main([f"--data={version}", f"--output={tmp_path}"])
    assert (tmp_path / "label_issues.jsonl").read_text() == "mine"


@pytest.mark.proof
@pytest.mark.slow(60)
def test_spoilt_masks_are_the_lowest_though_the_models_have_learnt_from_them_too(tmp_path, capsys):
    photos, masks = zip(*(draw(index, 64) for index in range(60)))
    spoilt, planted = spoil(masks, 8, seed=1)
    records = {split: [[]] for split in SPLITS}
    for index, (photo, mask) in enumerate(zip(photos, spoilt)):
        records["eval" if index % 5 == 0 else "train"][0].append(record_of(photo, mask, f"photo_{index}"))
    version = publish(tmp_path, records=records, image_size=64)
    assert main([f"--data={version}", "--offline", f"--output={tmp_path}/out", "--set=training.epochs=15"]) == 0
    lowest = [row["id"] for row in table_of(tmp_path / "out/label_quality.csv")][:8]
    assert len({f"photo_{index}" for index in planted} & set(lowest)) >= 7
    listed = {one["id"]: one["kind"] for one in lines_of(tmp_path / "out/label_issues.jsonl")}
    inverted = [f"photo_{index}" for index, kind in planted.items() if kind == "inverted"]
    assert {listed.get(one) for one in inverted} == {"inverted"}
    assert f"{len(listed)} of 60 masks are listed: " in capsys.readouterr().out
