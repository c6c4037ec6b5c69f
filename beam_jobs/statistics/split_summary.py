"""TFDV's statistics of one split, by the kind of a feature's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, Histogram

from schemas.features import TRAIN, WEIGHT

BINS = 16  # of two histograms that are drawn over each other, and so need common ones


class Numbers(NamedTuple):
    """A numeric feature.

    Attributes:
      histogram: Counts its values in buckets of one width, from `minimum` to `maximum`.
      zeros: How many values are 0.
    """

    present: int
    missing: int
    mean: float
    deviation: float
    minimum: float
    median: float
    maximum: float
    histogram: tuple[float, ...]
    zeros: int = 0


class Words(NamedTuple):
    """A string feature; `counts` is (value, number of records), the most frequent first, as many as TFDV ranked."""

    present: int
    missing: int
    unique: int
    counts: tuple[tuple[str, int], ...]


class Blobs(NamedTuple):
    """A feature of which only sizes were measured, such as encoded pictures; in bytes per value."""

    present: int
    missing: int
    mean_bytes: float
    maximum_bytes: float


class SplitSummary(NamedTuple):
    """All features of one split by name; none where it holds no record."""

    records: int
    numbers: dict[str, Numbers]
    words: dict[str, Words]
    blobs: dict[str, Blobs]


def summarise(serialized: bytes) -> SplitSummary:
    """Reads a serialized DatasetFeatureStatisticsList."""
    datasets = DatasetFeatureStatisticsList.FromString(serialized).datasets
    summary = SplitSummary(sum(dataset.num_examples for dataset in datasets), {}, {}, {})
    for feature in (feature for dataset in datasets for feature in dataset.features):
        name, kind = feature.path.step[0], feature.WhichOneof("stats")
        stats = getattr(feature, kind)
        presence = stats.common_stats.num_non_missing, stats.common_stats.num_missing
        if kind == "num_stats":
            limits = stats.mean, stats.std_dev, stats.min, stats.median, stats.max
            summary.numbers[name] = Numbers(*presence, *limits, _bucket_counts(stats.histograms), stats.num_zeros)
        elif kind == "string_stats":
            counts = tuple((top.value, round(top.frequency)) for top in stats.top_values)
            summary.words[name] = Words(*presence, stats.unique, counts)
        elif kind == "bytes_stats":
            summary.blobs[name] = Blobs(*presence, stats.avg_num_bytes, stats.max_num_bytes)
    return summary


def weights_in_words(summaries: Mapping[str, SplitSummary]) -> str:
    """What the weights of the training photos are; empty where the data set has none."""
    train = summaries.get(TRAIN)
    weights = train.numbers.get(WEIGHT) if train else None
    if weights is None:
        return ""
    return f"in train from {weights.minimum:g} to {weights.maximum:g}, mean {weights.mean:.3g}; evaluation ignores them"


def shares_in_bins(numbers: Numbers, low: float, high: float) -> list[float]:
    """The histogram's shares in BINS bins from `low` to `high`, as if values were even inside each bucket."""
    total, width = sum(numbers.histogram), high - low
    bins = [0.0] * BINS
    step = (numbers.maximum - numbers.minimum) / max(1, len(numbers.histogram))
    if not step:  # one value
        bins[min(BINS - 1, int(BINS * (numbers.minimum - low) / width)) if width else 0] = 1.0
        return bins
    for index, count in enumerate(numbers.histogram):
        start = numbers.minimum + index * step - low
        for target in range(BINS):
            left, right = target * width / BINS, (target + 1) * width / BINS
            covered = min(right, start + step) - max(left, start)
            if covered > 0 and total:
                bins[target] += count / total * covered / step
    return bins


def _bucket_counts(histograms: list[Histogram]) -> tuple[float, ...]:
    standard = next((one for one in histograms if one.type == Histogram.STANDARD), Histogram())
    return tuple(bucket.sample_count for bucket in standard.buckets)
