"""What validation finds in statistics: schema, skew, drift and rules, each by its kind."""

import apache_beam as beam
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from apache_beam.testing.util import assert_that, equal_to
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics, DatasetFeatureStatisticsList

from beam_jobs.prepare.shard_writer import to_record_batch
from beam_jobs.statistics.measuring import TOP_VALUES, MeasureSplits, parse_schema
from beam_jobs.statistics.validation import (
    DRIFT,
    MIN_RECORDS_TO_COMPARE,
    RULE,
    SCHEMA,
    SKEW,
    Baseline,
    Criteria,
    validate_splits,
)
from schemas.statistics_rule import StatisticsRule

SCHEMA_TEXT = """
feature {
  name: "species" type: BYTES
  presence { min_fraction: 1.0 }
  skew_comparator { infinity_norm { threshold: 0.3 } }
  drift_comparator { infinity_norm { threshold: 0.2 } }
}
feature {
  name: "pet_fraction" type: FLOAT
  presence { min_fraction: 1.0 }
  float_domain { min: 0.0 max: 1.0 }
  skew_comparator { jensen_shannon_divergence { threshold: 0.3 } }
  drift_comparator { jensen_shannon_divergence { threshold: 0.15 } }
}
"""


def statistics(cats=60, dogs=60, pet_fraction=0.3):
    """Statistics of a split, without Beam: fractions spread evenly around `pet_fraction`."""
    count = cats + dogs
    frame = {
        "species": ["cat"] * cats + ["dog"] * dogs,
        "pet_fraction": [pet_fraction * (0.5 + index / count) for index in range(count)],
    }
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(frame), n_jobs=1)


def found(validation):
    """(split, feature, kind) of all findings."""
    return {(one.split, one.feature, one.kind) for one in validation.findings}


def as_baseline(train, evaluated):
    return Baseline("1.0.0", {"train": train.SerializeToString(), "eval": evaluated.SerializeToString()})


def test_splits_like_the_schema_and_each_other_have_no_finding():
    one = statistics()
    validation = validate_splits({"train": one, "eval": one}, Criteria(SCHEMA_TEXT), as_baseline(one, one))
    assert (validation.findings, validation.not_compared) == ((), ())
    assert DatasetFeatureStatisticsList.FromString(validation.statistics["train"]) == one
    assert not Anomalies.FromString(validation.anomalies["eval"]).anomaly_info


def test_each_finding_says_what_it_speaks_against():
    now, other, before = statistics(pet_fraction=1.2), statistics(cats=10, dogs=110), statistics(cats=110, dogs=10)
    rules = (StatisticsRule(feature="pet_fraction", mean=(0.1, 0.5)),)
    splits = {"train": now, "eval": other}
    validation = validate_splits(splits, Criteria(SCHEMA_TEXT, rules), as_baseline(before, other))
    assert found(validation) == {
        ("train", "pet_fraction", SCHEMA),  # values above 1
        ("train", "pet_fraction", SKEW),
        ("train", "pet_fraction", DRIFT),
        ("train", "pet_fraction", RULE),
        ("train", "species", SKEW),
        ("train", "species", DRIFT),
    }
    words = {(one.feature, one.kind): one.description for one in validation.findings}
    assert words["species", SKEW] == (
        "train photos have other shares of species than eval photos: cat 50.0 %, eval 8.3 %; dog 50.0 %, eval 91.7 %"
    )
    assert words["species", DRIFT] == (
        "train photos have other shares of species than in 1.0.0: cat 50.0 %, was 91.7 %; dog 50.0 %, was 8.3 %"
    )
    measured = {(one.feature, one.kind): one.measured for one in validation.findings}
    assert "between train and eval is 0.416667, above the threshold 0.3" in measured["species", SKEW]
    assert "between this version and the baseline is 0.416667, above the threshold 0.2" in measured["species", DRIFT]
    assert words["pet_fraction", RULE] == "The mean is 1.195, outside of [0.1, 0.5]."


def test_a_rules_finding_stands_beside_tfdvs_own_in_the_anomalies():
    rules = (
        StatisticsRule(feature="pet_fraction", mean=(0.1, 0.5)),
        StatisticsRule(feature="border_fraction", zeros=(0, 0.1)),
    )
    one = statistics(pet_fraction=1.2)
    validation = validate_splits({"train": one, "eval": one}, Criteria(SCHEMA_TEXT, rules))
    info = Anomalies.FromString(validation.anomalies["train"]).anomaly_info
    assert [reason.type for reason in info["pet_fraction"].reason][-1] == AnomalyInfo.CUSTOM_VALIDATION
    assert len(info["pet_fraction"].reason) == 2
    assert info["pet_fraction"].short_description == "Multiple errors"
    assert info["pet_fraction"].description.endswith("The mean is 1.195, outside of [0.1, 0.5].")
    assert info["border_fraction"].severity == AnomalyInfo.ERROR
    assert list(info["border_fraction"].path.step) == ["border_fraction"]
    assert "no number" in info["border_fraction"].description  # it is in no record


@pytest.mark.parametrize(("zeros", "broken"), [((0, 0.5), False), ((0, 0.1), True), ((0.6, 1), True)])
def test_a_rule_can_bound_the_share_of_records_with_zero(zeros, broken):
    frame = pd.DataFrame({"species": ["cat"] * 120, "pet_fraction": [0.0] * 40 + [0.5] * 80})
    one = tfdv.generate_statistics_from_dataframe(frame, n_jobs=1)
    rules = (StatisticsRule(feature="pet_fraction", zeros=zeros),)
    validation = validate_splits({"train": one, "eval": one}, Criteria(SCHEMA_TEXT, rules))
    assert bool(validation.findings) is broken
    assert all("0.3333" in finding.description for finding in validation.findings)


def test_small_splits_are_checked_against_the_schema_alone_and_the_outcome_says_so():
    half = MIN_RECORDS_TO_COMPARE // 2
    large, small = statistics(half, half), statistics(0, MIN_RECORDS_TO_COMPARE - 1)
    rules = (StatisticsRule(feature="pet_fraction", mean=(0.9, 1.0)),)
    splits = {"train": large, "eval": small}
    validation = validate_splits(splits, Criteria(SCHEMA_TEXT, rules), as_baseline(small, large))
    assert found(validation) == {("train", "pet_fraction", RULE)}
    assert validation.not_compared == (
        "skew of train and eval: 100 records are needed, 99 are there",
        "drift of train: 100 records are needed, 99 are there",
        "drift of eval: 100 records are needed, 99 are there",
        "rules for eval: 100 records are needed, 99 are there",
    )


def test_a_schema_without_comparators_compares_nothing_and_the_outcome_says_so():
    without = "\n".join(line for line in SCHEMA_TEXT.splitlines() if "comparator" not in line)
    now, before = statistics(), statistics(cats=110, dogs=10)
    validation = validate_splits({"train": now, "eval": before}, Criteria(without), as_baseline(before, before))
    assert validation.findings == ()
    assert [words.partition(": ")[2] for words in validation.not_compared] == [
        "the schema limits none (thresholds: skew in dataset.yaml)",
        *["the schema limits none (thresholds: drift in dataset.yaml)"] * 2,
    ]


def test_photos_are_counted_and_never_ranked_even_where_the_schema_does_not_say_that_they_are_photos():
    photo = {"image": b"a photo \xff\xd8", "mask": b"a mask", "species": b"cat"}
    rows = [{**photo, "image_id": f"pug_{number:02d}".encode()} for number in range(20)]
    schema = "".join(f'feature {{ name: "{name}" type: BYTES }}' for name in ("image", "mask", "image_id"))

    def check(results):
        (statistics,) = results
        measured = statistics["train"]
        assert statistics["eval"] == DatasetFeatureStatisticsList(
            datasets=[DatasetFeatureStatistics()]
        )  # as no record gives them
        by_name = {feature.path.step[0]: feature for feature in measured.datasets[0].features}
        assert by_name["image"].bytes_stats.avg_num_bytes == 10
        assert by_name["mask"].bytes_stats.common_stats.num_non_missing == 20
        assert by_name["image_id"].bytes_stats.avg_num_bytes == 6
        assert by_name["species"].string_stats.unique == 1
        assert b"a photo" not in measured.SerializeToString()
        validation = validate_splits({"train": measured, "eval": measured}, Criteria(schema))
        assert found(validation) == {("train", "species", SCHEMA), ("eval", "species", SCHEMA)}  # it is new

    with beam.Pipeline("FnApiRunner") as pipeline:
        batches = pipeline | beam.Create([("train", to_record_batch(rows))])
        assert_that(batches | MeasureSplits(schema), check)


@pytest.mark.proof
def test_splits_measured_together_have_the_statistics_that_each_has_alone():
    splits = {
        "train": [{"species": b"cat", "pet_fraction": 0.1 * row} for row in range(9)],
        "eval": [{"species": b"dog", "pet_fraction": 0.5} for _ in range(5)],
    }
    options = tfdv.StatsOptions(
        schema=parse_schema(SCHEMA_TEXT), num_top_values=TOP_VALUES, num_rank_histogram_buckets=TOP_VALUES
    )
    with beam.Pipeline("FnApiRunner") as pipeline:
        rows = [(split, to_record_batch(rows)) for split, rows in splits.items()]
        together = (
            pipeline
            | beam.Create(rows)
            | MeasureSplits(SCHEMA_TEXT)
            | beam.FlatMap(lambda measured: [measured[split].SerializeToString(deterministic=True) for split in splits])
        )
        alone = [
            pipeline | f"Rows_{split}" >> beam.Create([batch]) | split >> tfdv.GenerateStatistics(options)
            for split, batch in rows
        ]
        expected = alone | beam.Flatten() | beam.Map(lambda one: one.SerializeToString(deterministic=True))
        # equal_to(), for what is known only when the pipeline runs
        together | beam.Map(lambda one, others: equal_to([True])([one in others]), others=beam.pvalue.AsList(expected))
