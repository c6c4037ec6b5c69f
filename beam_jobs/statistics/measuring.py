"""TFDV statistics of records, by split or by any slice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_data_validation.statistics import stats_impl
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
        # The core of tfdv.GenerateStatistics, with slices: one graph of 100 transforms for all
        generate = stats_impl.GenerateSlicedStatisticsImpl(_options(schema), is_slicing_enabled=True)
        return rows | "GenerateStatistics" >> generate | "TakeSplits" >> beam.Map(_by_split, self._splits)


def _options(schema: Schema) -> tfdv.StatsOptions:
    return tfdv.StatsOptions(
        schema=schema,
        num_top_values=TOP_VALUES,
        num_rank_histogram_buckets=TOP_VALUES,
        desired_batch_size=1,  # measures each batch as it comes; else all, with their photos, wait in memory
    )


class MeasureSlices(beam.PTransform):
    """(slice, RecordBatch of numbers) -> a DatasetFeatureStatisticsList for each slice, with one dataset of its name.

    In a window of a stream, too, unlike TFDV's own transform, which gives something for no records. Each batch is
    measured as it comes: what is to be held in memory at once, the caller decides.
    """

    def __init__(self, schema: Schema):
        super().__init__()
        self._schema = schema

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        measured = rows | "Measure" >> beam.CombinePerKey(_Measure(self._schema))
        return measured | "NameSlice" >> beam.MapTuple(_named)


class _Measure(beam.CombineFn):
    """RecordBatches -> a DatasetFeatureStatisticsList with one dataset, by TFDV's generators, which combine."""

    def __init__(self, schema: Schema):
        self._schema = schema.SerializeToString()  # what is pickled
        self._made: list[Any] | None = None

    @property
    def _generators(self) -> list[Any]:
        if self._made is None:
            self._made = stats_impl.get_generators(_options(Schema.FromString(self._schema)), in_memory=True)
            for one in self._made:
                one.setup()
        return self._made

    def __reduce__(self):
        return _Measure, (Schema.FromString(self._schema),)

    def create_accumulator(self) -> list[Any]:
        return [one.create_accumulator() for one in self._generators]

    def add_input(self, parts: list[Any], rows: pa.RecordBatch) -> list[Any]:
        return [one.add_input(part, rows) for one, part in zip(self._generators, parts)]

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        return [one.merge_accumulators(parts) for one, parts in zip(self._generators, zip(*accumulators))]

    def compact(self, parts: list[Any]) -> list[Any]:
        return [one.compact(part) for one, part in zip(self._generators, parts)]

    def extract_output(self, parts: list[Any]) -> Statistics:
        return stats_impl.extract_statistics_output(parts, self._generators)


def _named(name: str, measured: Statistics) -> Statistics:
    (dataset,) = measured.datasets
    dataset.name = name
    return measured


def _by_split(measured: Statistics, splits: tuple[str, ...]) -> dict[str, Statistics]:
    """Each split's own statistics as `tfdv.GenerateStatistics` gives them: without a name, empty for no records."""
    there = {*splits, *(one.name for one in measured.datasets)}
    statistics = {split: Statistics(datasets=[DatasetFeatureStatistics()]) for split in SPLITS if split in there}
    for one in measured.datasets:
        if one.name:
            statistics[one.name].datasets[0].CopyFrom(one)
            statistics[one.name].datasets[0].ClearField("name")
    return statistics
