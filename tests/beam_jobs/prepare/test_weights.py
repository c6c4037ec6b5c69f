"""`weights: weights.csv`: a table beside the photos says how much each counts in training."""

from pathlib import Path

import pytest

from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.validate.command_line import main as validate
from schemas.errors import UserError
from schemas.features import IMAGE_ID, WEIGHT
from schemas.frozen_model import parse_model
from schemas.spec import DatasetSpec
from schemas.version import read_version
from tests.beam_jobs.prepare.test_groups import draw
from tests.beam_jobs.prepare.test_three_splits import TRIMAPS, publish

PLAIN = TRIMAPS | {"image_path": "photos/{id}.jpg"}
WEIGHED = PLAIN | {"weights": "tables/weights.csv"}


def write_table(folder: Path, lines: list[str]) -> None:
    (folder / "photos" / "tables").mkdir(parents=True, exist_ok=True)
    (folder / "photos" / "tables" / "weights.csv").write_text("\n".join(lines))


def weights_of(version: Path) -> dict[str, float | None]:
    found = {}
    for shard in version.glob("examples/*/*"):
        with shard.open("rb") as file:
            values = [parse_record(data) for data in TFRecordReader(file)]
        found |= {one[IMAGE_ID].decode(): one.get(WEIGHT) for one in values}
    return found


def refused(folder: Path, described: dict = WEIGHED) -> str:
    with pytest.raises(UserError) as error:
        publish(folder, described)
    assert not (folder / "data" / "frames").exists() or not list((folder / "data" / "frames").glob("[0-9]*"))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_records_hold_the_weights_of_the_table_and_those_without_a_table_are_as_before(tmp_path, capsys):
    drawn = draw(tmp_path)
    write_table(tmp_path, [f"{name};{index / 4}" for index, name in enumerate(drawn)])
    assert publish(tmp_path, WEIGHED) == 0
    version = tmp_path / "data" / "frames" / "1.0.0"
    assert weights_of(version) == {name: index / 4 for index, name in enumerate(drawn)}
    assert "  weights               in train from " in capsys.readouterr().out
    assert "; evaluation ignores them.</p>" in (version / "report.html").read_text()
    assert read_version(version).spec.weights.table == "tables/weights.csv"
    assert validate([f"--version_dir={version}"]) == 0
    assert publish(tmp_path, PLAIN, version="2.0.0") == 0
    assert set(weights_of(tmp_path / "data" / "frames" / "2.0.0").values()) == {None}


def test_photos_without_a_row_have_the_default_where_there_is_one(tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, ["photo,sample_weight", f"{drawn[0]}.jpg,2.5e0"])
    assert "no row for 17 photos, such as v0_1 (" in (message := refused(tmp_path))
    assert "or give weights.default" in message
    described = PLAIN | {"weights": {"table": "tables/weights.csv", "default": 1}}
    assert publish(tmp_path, described) == 0
    weights = weights_of(tmp_path / "data" / "frames" / "1.0.0")
    assert weights == {name: 2.5 if name == drawn[0] else 1.0 for name in drawn}
    write_table(tmp_path, ["photo,sample_weight", f"{drawn[0]}.jpg,2.6"])
    with pytest.raises(UserError, match="already published from other inputs"):
        publish(tmp_path, described)


@pytest.mark.parametrize("weight", ["-1", "nan", "inf", "1e999", "0,5", "1_0", "heavy", "1e-9", "2000000", "٣"])
def test_a_weight_that_is_no_weight_is_refused_with_its_line(weight, tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, [f"{name};1" for name in drawn[1:]] + [f"{drawn[0]};{weight}"])
    assert (
        f"weights.csv: line 18: v0_0: a weight is a number such as 0.5, 0, or from 1e-06 to 1,000,000; got {weight!r}"
        in (refused(tmp_path))
    )


def test_weights_that_leave_nothing_to_learn_from_or_differ_are_refused(tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, [f"{name};0" for name in drawn])
    assert "gives every photo of train the weight 0" in refused(tmp_path)
    write_table(tmp_path, [f"{name};1.0" for name in drawn] + [f"{drawn[0]}.jpg;1", f"{drawn[0]}.jpg;2"])
    assert "rows that differ for 1 photo, such as v0_0 (" in refused(tmp_path)


def test_one_table_may_say_both_groups_and_weights(tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, ["image,patient,weight", *(f"{name}.jpg,{name[:2]},2" for name in drawn)])
    described = WEIGHED | {"group": {"table": "tables/weights.csv"}}
    assert publish(tmp_path, described) == 0
    assert set(weights_of(tmp_path / "data" / "frames" / "1.0.0").values()) == {2.0}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"table": "../w.csv"}, "below the input folder"),
        ({"table": "w.csv", "default": -1}, "weights.default"),
        ({"table": "w.csv", "default": ".nan"}, "weights.default"),
        ({"column": "w"}, "weights.table: Field required"),
        ([1, 2], "weights"),
    ],
)
def test_a_description_of_weights_that_cannot_be_is_refused_by_its_key(weights, message):
    with pytest.raises(UserError, match=message):
        parse_model(DatasetSpec, PLAIN | {"weights": weights}, "dataset.yaml")
