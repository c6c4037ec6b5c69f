"""TFDV statistics of a split, and what the schema says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from schemas.features import EVAL, TRAIN

TOP_VALUES = 64  # more than any slice feature has values, so that their counts are complete
MIN_RECORDS_FOR_SKEW = 100  # below this the thresholds would measure chance

Statistics = statistics_pb2.DatasetFeatureStatisticsList


class Finding(NamedTuple):
    """One anomaly in words."""

    split: str
    feature: str
    description: str


class Validation(NamedTuple):
    """Statistics and anomalies per split as serialized protos, and the anomalies in words."""

    statistics: dict[str, bytes]
    anomalies: dict[str, bytes]
    findings: tuple[Finding, ...]


def parse_schema(text: str) -> schema_pb2.Schema:
    """Parses the text format of a TensorFlow Metadata schema."""
    return text_format.Parse(text, schema_pb2.Schema())


class SplitStatistics(beam.PTransform):
    """RecordBatches of one split -> its DatasetFeatureStatisticsList.

    Features with an image domain are counted and sized, never decoded or ranked.
    """

    def __init__(self, schema_text: str):
        super().__init__()
        self._schema_text = schema_text

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        options = tfdv.StatsOptions(
            schema=parse_schema(self._schema_text), num_top_values=TOP_VALUES, num_rank_histogram_buckets=TOP_VALUES
        )
        return batches | "GenerateStatistics" >> tfdv.GenerateStatistics(options)


def validate_splits(statistics: dict[str, Statistics], schema_text: str) -> Validation:
    """Compares each split with the schema, and the splits with each other where both are large enough.

    Args:
      statistics: Split name to its statistics.
      schema_text: The schema in text format.
    """
    schema = parse_schema(schema_text)
    large = all(_records(statistics[split]) >= MIN_RECORDS_FOR_SKEW for split in (TRAIN, EVAL))
    anomalies = {}
    for split, one in statistics.items():
        other = statistics[EVAL] if split == TRAIN and large else None
        anomalies[split] = tfdv.validate_statistics(one, schema, serving_statistics=other)
    return Validation(
        {split: one.SerializeToString(deterministic=True) for split, one in statistics.items()},
        {split: one.SerializeToString(deterministic=True) for split, one in anomalies.items()},
        tuple(finding for split in anomalies for finding in _findings(split, anomalies[split])),
    )


def _records(statistics: Statistics) -> int:
    return sum(dataset.num_examples for dataset in statistics.datasets)


def _findings(split: str, anomalies: anomalies_pb2.Anomalies) -> Iterator[Finding]:
    if anomalies.HasField("dataset_anomaly_info"):
        yield Finding(split, "(all)", anomalies.dataset_anomaly_info.description)
    for feature, info in sorted(anomalies.anomaly_info.items()):
        yield Finding(split, feature, info.description)
