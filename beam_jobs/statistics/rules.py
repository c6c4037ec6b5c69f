"""A data set's rules for the statistics of a split, reported in the form of TFDV's anomalies.

TFDV 1.16 has `custom_validation_config` for this (SQL over the statistics), TFDV 1.21 no longer does. A rule's finding
is an AnomalyInfo of type CUSTOM_VALIDATION, as it was there, so TFX's tools show it beside TFDV's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, NumericStatistics

from schemas.statistics_rule import StatisticsRule

_MEASURES = {"mean": "mean", "zeros": "share of records with 0"}


def add_rule_anomalies(
    anomalies: Anomalies, statistics: DatasetFeatureStatisticsList, rules: Iterable[StatisticsRule]
) -> None:
    """Evaluates rules on the statistics of one split, and adds their findings to its anomalies."""
    numbers = {
        feature.path.step[0]: feature.num_stats
        for dataset in statistics.datasets
        for feature in dataset.features
        if feature.HasField("num_stats")
    }
    for rule in rules:
        for description in _violations(rule, numbers.get(rule.feature)):
            _add_reason(anomalies.anomaly_info[rule.feature], rule.feature, description)


def _violations(rule: StatisticsRule, numbers: NumericStatistics | None) -> Iterator[str]:
    if numbers is None or not numbers.common_stats.num_non_missing:
        yield "The feature has no number, so its rules can't be checked."
        return
    measured = {"mean": numbers.mean, "zeros": numbers.num_zeros / numbers.common_stats.num_non_missing}
    for measure, (low, high) in rule.ranges.items():
        value = measured[measure]
        if not low <= value <= high:  # NaN is outside too
            yield f"The {_MEASURES[measure]} is {value:.4g}, outside of [{low:g}, {high:g}]."


def _add_reason(info: AnomalyInfo, feature: str, description: str) -> None:
    """Adds one reason, and a heading as TFDV writes it."""
    short = "Outside of a rule's range"
    info.path.step[:] = [feature]
    info.severity = AnomalyInfo.ERROR
    info.reason.add(type=AnomalyInfo.CUSTOM_VALIDATION, short_description=short, description=description)
    info.description = " ".join(reason.description for reason in info.reason)
    info.short_description = short if len(info.reason) == 1 else "Multiple errors"
