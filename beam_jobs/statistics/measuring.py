"""TFDV statistics of records, by split or by any slice."""

from __future__ import annotations

import apache_beam as beam
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_data_validation.statistics.stats_impl import GenerateSlicedStatisticsImpl
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList as Statistics

from schemas.features import IMAGE, IMAGE_ID, MASK, SOURCE_MASK, SPLITS, TRAINING_SPLITS

TOP_VALUES = 64  # more than any slice feature has values, so that their counts are complete


def parse_schema(text: str) -> Schema:
    """Parses the text format of a TensorFlow Metadata schema; raises text_format.ParseError."""
    return text_format.Parse(text, Schema())


class MeasureSplits(beam.PTransform):
    """(split, RecordBatch) -> one element: each split to its DatasetFeatureStatisticsList.

    Photos, masks and ids are counted and sized, never decoded or ranked, regardless of the schema: there are as
    many ids as records, all of which a ranking would shuffle.

    Args:
      splits: That are there, even if empty.
    """

    def __init__(self, schema_text: str, splits: tuple[str, ...] = TRAINING_SPLITS):
        super().__init__()
        self._schema_text = schema_text
        self._splits = splits

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        schema = parse_schema(self._schema_text)
        for feature in schema.feature:
            if feature.name in (IMAGE, MASK, SOURCE_MASK, IMAGE_ID):
                feature.image_domain.SetInParent()  # TFDV's word for bytes without a meaning
        return rows | MeasureSlices(schema) | "TakeSplits" >> beam.Map(_by_split, self._splits)


class MeasureSlices(beam.PTransform):
    """(slice, RecordBatch) -> one DatasetFeatureStatisticsList with a dataset for each slice, of its name.

    Each batch is measured as it comes: what is to be held in memory at once, the caller decides.
    """

    def __init__(self, schema: Schema):
        super().__init__()
        self._schema = schema

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        options = tfdv.StatsOptions(
            schema=self._schema,
            num_top_values=TOP_VALUES,
            num_rank_histogram_buckets=TOP_VALUES,
            desired_batch_size=1,  # measures each batch as it comes; else all, with their photos, wait in memory
        )
        # The core of tfdv.GenerateStatistics, with slices: one graph of 100 transforms for all
        return rows | "GenerateStatistics" >> GenerateSlicedStatisticsImpl(options, is_slicing_enabled=True)


def _by_split(measured: Statistics, splits: tuple[str, ...]) -> dict[str, Statistics]:
    """Each split's own statistics as `tfdv.GenerateStatistics` gives them: without a name, empty for no records."""
    there = {*splits, *(one.name for one in measured.datasets)}
    statistics = {split: Statistics(datasets=[DatasetFeatureStatistics()]) for split in SPLITS if split in there}
    for one in measured.datasets:
        if one.name:
            statistics[one.name].datasets[0].CopyFrom(one)
            statistics[one.name].datasets[0].ClearField("name")
    return statistics
