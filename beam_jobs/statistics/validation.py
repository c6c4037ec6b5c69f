"""TFDV statistics of the splits, checked against the schema, each other, a baseline and the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import apache_beam as beam
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList as Statistics

from beam_jobs.statistics.differences import Compared, describe_differences
from beam_jobs.statistics.measuring import MeasureSplits, parse_schema
from beam_jobs.statistics.rules import add_rule_anomalies
from beam_jobs.statistics.split_summary import summarise
from beam_jobs.storage.files import exists, read_file
from schemas.bounded_text import clipped, enumerated
from schemas.features import EVAL, TEST, TRAIN, TRAINING_SPLITS
from schemas.statistics_rule import StatisticsRule
from schemas.version_files import statistics_path

MIN_RECORDS_TO_COMPARE = 100  # in each compared split; below this, distances would measure chance

SCHEMA, SKEW, DRIFT, RULE = "schema", "skew", "drift", "rule"
FILE = "file"


class Finding(NamedTuple):
    """One anomaly in words.

    Attributes:
      split: The split that it is about; empty for the whole version.
      feature: The feature; for a FILE the path inside the version.
      kind: What was violated: SCHEMA, SKEW, DRIFT, RULE or FILE.
      description: What was found. For SKEW and DRIFT it covers all features with the same cause.
      measured: TFDV's own words, with distance and threshold, where they are others.
    """

    split: str
    feature: str
    kind: str
    description: str
    measured: str = ""


class Baseline(NamedTuple):
    """An earlier version to compare with: its name, and each split's serialized statistics."""

    version: str
    statistics: dict[str, bytes]


class Validation(NamedTuple):
    """What was measured and found.

    Attributes:
      statistics, anomalies: Split to the serialized proto, as TFX's artifacts hold it.
      findings: The anomalies in words.
      baseline: What drift was measured against, if anything.
      not_compared: Comparisons that were left out, in words.
    """

    statistics: dict[str, bytes]
    anomalies: dict[str, bytes]
    findings: tuple[Finding, ...]
    baseline: Baseline | None = None
    not_compared: tuple[str, ...] = ()


class Criteria(NamedTuple):
    """What statistics are checked against.

    Attributes:
      schema_text: The schema in text format.
      rules: The data set's rules.
      baseline_dir: Folder of the published version that drift is measured against; None for none.
      splits: That the version has, with or without records; others are measured where records are copied into them.
      titles: Features with the share of a class to what people call it; the name, where it is missing.
    """

    schema_text: str
    rules: tuple[StatisticsRule, ...] = ()
    baseline_dir: str | None = None
    splits: tuple[str, ...] = TRAINING_SPLITS
    titles: dict[str, str] = {}  # noqa: RUF012  # never changed in place


def record_count(statistics: Statistics) -> int:
    """Number of records that were measured."""
    return sum(dataset.num_examples for dataset in statistics.datasets)


class ValidateStatistics(beam.PTransform):
    """(split, RecordBatch) -> the one Validation of all splits; reads the baseline's statistics, if there is one."""

    def __init__(self, criteria: Criteria):
        super().__init__()
        self._criteria = criteria

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        measured = rows | "MeasureSplits" >> MeasureSplits(self._criteria.schema_text, self._criteria.splits)
        return measured | "Compare" >> beam.Map(_validate, self._criteria)


def _validate(statistics: dict[str, Statistics], criteria: Criteria) -> Validation:
    baseline = None
    if criteria.baseline_dir:
        name = criteria.baseline_dir.rpartition("/")[2]
        paths = {split: f"{criteria.baseline_dir}/{statistics_path(split)}" for split in statistics}
        baseline = Baseline(
            name,
            {split: read_file(path) for split, path in paths.items() if split in TRAINING_SPLITS or exists(path)},
        )
    return validate_splits(statistics, criteria, baseline)


def validate_splits(
    statistics: dict[str, Statistics], criteria: Criteria, baseline: Baseline | None = None
) -> Validation:
    """Compares each split with the schema and the rules, train with the others, and each split with the baseline's.

    What thresholds measure needs MIN_RECORDS_TO_COMPARE records: smaller splits are compared with the schema alone.

    Args:
      statistics: Split to its statistics.
      criteria: Schema and rules; `baseline_dir` was read into `baseline`.
      baseline: The earlier version's statistics.
    """
    schema = parse_schema(criteria.schema_text)
    before = {split: Statistics.FromString(one) for split, one in baseline.statistics.items()} if baseline else {}
    not_compared = []

    def possible(what: str, comparator: str, *compared: Statistics) -> bool:
        fewest = min(map(record_count, compared))
        if comparator and not any(feature.HasField(comparator) for feature in schema.feature):
            kind = comparator.partition("_")[0]
            not_compared.append(f"{what}: the schema limits none (thresholds: {kind} in dataset.yaml)")
        elif fewest < MIN_RECORDS_TO_COMPARE:
            not_compared.append(f"{what}: {MIN_RECORDS_TO_COMPARE} records are needed, {fewest} are there")
        else:
            return True
        return False

    skewed = {
        split: possible(f"skew of {TRAIN} and {split}", "skew_comparator", statistics[TRAIN], one)
        for split, one in statistics.items()
        if split != TRAIN
    }
    anomalies = {}
    for split, one in statistics.items():
        drift = split in before and possible(f"drift of {split}", "drift_comparator", one, before[split])
        if baseline and split not in before:
            not_compared.append(f"drift of {split}: the baseline has no such split")
        anomalies[split] = tfdv.validate_statistics(
            one,
            schema,
            previous_statistics=before[split] if drift else None,
            serving_statistics=statistics[EVAL] if split == TRAIN and skewed[EVAL] else None,
        )
    if skewed.get(TEST):
        _add_skew(anomalies[TEST], statistics[TRAIN], statistics[TEST], schema)
    for split, one in statistics.items():
        if criteria.rules and possible(f"rules for {split}", "", one):
            add_rule_anomalies(anomalies[split], one, criteria.rules)
    findings = [finding for split in anomalies for finding in _findings(split, anomalies[split])]
    return Validation(
        {split: one.SerializeToString(deterministic=True) for split, one in statistics.items()},
        {split: one.SerializeToString(deterministic=True) for split, one in anomalies.items()},
        tuple(_in_plain_words(findings, statistics, before, criteria.titles, baseline)),
        baseline,
        tuple(not_compared),
    )


def _in_plain_words(
    findings: list[Finding],
    statistics: dict[str, Statistics],
    before: dict[str, Statistics],
    titles: Mapping[str, str],
    baseline: Baseline | None,
) -> Iterator[Finding]:
    """Findings with words for people in place of TFDV's distances, where features can be compared."""
    summaries = {split: summarise(one.SerializeToString()) for split, one in statistics.items()}
    texts: dict[tuple[str, str, str], str] = {}
    for split, kind in dict.fromkeys((one.split, one.kind) for one in findings if one.kind in (SKEW, DRIFT)):
        if kind == SKEW:
            compared = Compared(split, EVAL if split == TRAIN else TRAIN)
            other = summaries[compared.other]
        else:
            compared = Compared(split, baseline.version if baseline else "", is_earlier=True)
            other = summarise(before[split].SerializeToString())
        features = [one.feature for one in findings if (one.split, one.kind) == (split, kind)]
        for cause in describe_differences(features, summaries[split], other, compared, titles):
            texts |= dict.fromkeys(((split, kind, name) for name in cause.features), cause.text)
    for one in findings:
        text = texts.get((one.split, one.kind, one.feature))
        yield one._replace(description=clipped(text), measured=one.description) if text else one


def by_cause(findings: Iterable[Finding]) -> list[Finding]:
    """Findings as people read them: those with the same words are one, of several features."""
    features: dict[Finding, list[str]] = {}
    for one in findings:
        features.setdefault(one._replace(feature="", measured=""), []).append(one.feature)
    return [one._replace(feature=enumerated(names)) for one, names in features.items()]


def _add_skew(anomalies: Anomalies, train: Statistics, test: Statistics, schema: Schema) -> None:
    """Adds the skew of train and test to the anomalies of test; those of train have its skew against eval."""
    compared = tfdv.validate_statistics(train, schema, serving_statistics=test)
    for feature, info in compared.anomaly_info.items():
        for reason in info.reason:
            if _kind(reason) == SKEW:
                reason.description = reason.description.replace("training and serving", f"{TRAIN} and {TEST}")
                own = anomalies.anomaly_info[feature]
                own.path.CopyFrom(info.path)
                own.severity = info.severity
                own.reason.append(reason)
                own.short_description = own.short_description or reason.short_description
                own.description = " ".join(filter(None, (own.description, reason.description)))


def _findings(split: str, anomalies: Anomalies) -> Iterator[Finding]:
    if anomalies.HasField("dataset_anomaly_info"):
        for reason in anomalies.dataset_anomaly_info.reason:
            yield Finding(split, "(all)", _kind(reason), _in_words(reason))
    for feature, info in sorted(anomalies.anomaly_info.items()):
        for reason in info.reason:
            yield Finding(split, feature, _kind(reason), _in_words(reason))


def _kind(reason: AnomalyInfo.Reason) -> str:
    if reason.type == AnomalyInfo.CUSTOM_VALIDATION:
        return RULE
    if AnomalyInfo.Type.Name(reason.type).startswith("COMPARATOR_"):
        return DRIFT if "previous" in reason.description else SKEW  # TFDV distinguishes them only in its text
    return SCHEMA


def _in_words(reason: AnomalyInfo.Reason) -> str:
    """TFDV's description with our names of what was compared."""
    words = reason.description or reason.short_description
    words = words.replace(" (up to six significant digits)", "").replace("training and serving", "train and eval")
    return clipped(words.replace("current and previous", "this version and the baseline"))  # it may list all values
