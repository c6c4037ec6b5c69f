"""The command line, from a published version to the three files, with tiny trainings."""

import csv
import json

import pytest

from schemas.errors import UserError
from tests.published import publish
from tests.trainer.conftest import draw, record_of
from tfx_pipeline.label_issues.command_line import main
from tfx_pipeline.label_issues.folds import cut_into_folds, deal

SIZE = 32
SPLITS = {"train": range(10), "eval": range(10, 16)}


@pytest.fixture(name="version", scope="module")
def published_version(tmp_path_factory):
    """Sixteen drawn records, ten of them in train."""
    records = {
        split: [[record_of(*draw(index, SIZE), f"photo_{index}") for index in indices]]
        for split, indices in SPLITS.items()
    }
    return publish(tmp_path_factory.mktemp("data"), records=records)


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_every_mask_is_judged_once_and_the_worst_are_listed_with_their_pictures(
    version, tmp_path, capsys, small_encoder
):
    settings = [f"--set=training.{one}" for one in (f"encoder={small_encoder}", "encoder_weights=none", "epochs=1")]
    output = tmp_path / "issues"
    command = [f"--data={version}", f"--output={output}", "--folds=2", "--worst=3", "--offline", *settings]
    assert main([*command, "--set=training.encoder_scale=1", "--set=training.decoder_filters=8"]) == 0
    with (output / "label_quality.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert sorted(row["id"] for row in table) == sorted(f"photo_{index}" for index in range(16))
    assert {row["split"] for row in table} == {"train", "eval"}
    assert sorted(row["fold"] for row in table) == ["0"] * 8 + ["1"] * 8
    scores = [float(row["score"]) for row in table]
    assert scores == sorted(scores)
    issues = lines_of(output / "label_issues.jsonl")
    assert [one["id"] for one in issues] == [row["id"] for row in table[:3]]
    assert issues[0].keys() == {"id", "split", "score", "agreement", "kind", "detail", "image_uri", "mask_uri"}
    page = (output / "label_issues.html").read_text(encoding="utf-8")
    assert (page.count("<figure>"), page.count("<img ")) == (3, 9)
    assert "3 of 16 masks are suspicious" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"label_issues.jsonl, which you may have edited; choose another --output"):
        main(command)


def test_records_are_dealt_into_folds_of_one_size_and_each_is_in_just_one(version, tmp_path):
    shards = {split: [str(path) for path in version.glob(f"examples/Split-{split}/*")] for split in SPLITS}
    folds = cut_into_folds(shards, 3, tmp_path)
    assert sorted(len(fold.members) for fold in folds) == [5, 5, 6]
    members = [(one.image_id, one.split) for fold in folds for one in fold.members]
    assert sorted(members) == sorted((f"photo_{i}", split) for split, indices in SPLITS.items() for i in indices)
    assert folds == cut_into_folds(shards, 3, tmp_path)


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
