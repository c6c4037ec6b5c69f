"""Masks that are unlike all others, found without a model: inside out, or with far more of a class than usual.

Two measures of a mask are compared between the photos, for each class that the mask shows: its share of the pixels, as
log-odds, since shares of small classes are skewed; and its share of the outermost pixels less its share of the middle.
Counts of both are small for any number of photos, and only the records with the most extreme values are kept.
"""

from __future__ import annotations

import heapq
import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.codec.fitting import cut_photo
from schemas.features import IGNORE_ID
from schemas.fitting import STRETCH, Fit
from schemas.spec import DatasetSpec

SHARE, OUTWARD = "share", "outward"
HIGH, LOW = 1, -1  # ends of the values
STEPS = 100  # values are counted in hundredths
KEPT = 36  # records with extreme values that are kept, for each end of all classes together
MAX_PIXELS = 1 << 20  # of a mask that is measured: larger ones would take longer than the rest of the job
SMALLEST = 0.005  # share of the pixels below which shares are not told apart, and above its complement
LEAST_PHOTOS = 20  # that show a class, before any of them can be unlike the others
CLEARLY = 0.2  # of the median of OUTWARD: a class that usually lies outside or inside
TURNED = 0.1  # beyond 0 on the other side: a mask that is inside out
DEVIATIONS = {SHARE: 5.0, OUTWARD: 3.5}  # robust standard deviations from the median
TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


class Measure(NamedTuple):
    """What is measured: SHARE or OUTWARD of a class."""

    kind: str
    class_id: int


class Extreme(NamedTuple):
    """A record with one of the largest values, which is negated at the LOW end; `source` is its height and width."""

    value: float
    image_id: str
    split: str
    photo: bytes
    mask: bytes
    source: tuple[int, int] = (1, 1)


class MaskShapes(NamedTuple):
    """The measures of many masks.

    Attributes:
      counts: Measure to the number of masks at each hundredth of the value.
      extremes: Measure and end to the records with the most extreme values there.
    """

    counts: dict[Measure, Counter[int]] = {}  # noqa: RUF012  # never changed in place
    extremes: dict[tuple[Measure, int], list[Extreme]] = {}  # noqa: RUF012


class OddMask(NamedTuple):
    """A mask that is unlike the others: by how many robust standard deviations, and how, in words."""

    deviations: float
    record: Extreme
    words: str


def measure_masks(records: Sequence[Extreme], fit: Fit = STRETCH) -> MaskShapes:
    """The measures of the masks of some records, without their padding; the `value` of these does not matter."""
    values: dict[Measure, list[tuple[float, int]]] = defaultdict(list)
    for position, record in enumerate(records):
        for measure, value in _measures(record, fit):
            values[measure].append((value, position))
    counts = {measure: Counter(round(STEPS * value) for value, _ in own) for measure, own in values.items()}
    extremes: dict[tuple[Measure, int], list[Extreme]] = {}
    for measure, own in values.items():
        for end in (HIGH, LOW) if measure.kind == OUTWARD else (HIGH,):
            outermost = heapq.nlargest(KEPT, ((end * value, position) for value, position in own))
            extremes[measure, end] = [records[position]._replace(value=value) for value, position in outermost]
    return _cut(MaskShapes(counts, extremes))


def add_shapes(shapes: Iterable[MaskShapes]) -> MaskShapes:
    """The measures of all masks together, in any order."""
    counts: dict[Measure, Counter[int]] = {}
    extremes: dict[tuple[Measure, int], list[Extreme]] = {}
    for one in shapes:
        for measure, levels in one.counts.items():
            counts.setdefault(measure, Counter()).update(levels)
        for key, records in one.extremes.items():
            extremes[key] = extremes.get(key, []) + records
    return _cut(MaskShapes(counts, extremes))


def _cut(shapes: MaskShapes) -> MaskShapes:
    """The measures with only the most extreme records, which are KEPT in all at each end."""
    most = max(1, KEPT // max(1, len({measure.class_id for measure in shapes.counts})))
    return MaskShapes(shapes.counts, {key: heapq.nlargest(most, own) for key, own in shapes.extremes.items()})


def _measures(record: Extreme, fit: Fit) -> Iterator[tuple[Measure, float]]:
    """The measures of a mask, a PNG of uint8 [H, W], for the classes that it shows."""
    image = Image.open(io.BytesIO(record.mask), formats=("PNG",))
    if image.width * image.height > MAX_PIXELS:
        return
    ids = np.asarray(cut_photo(image, record.source, fit))
    height, width = ids.shape
    edges = np.concatenate([ids[0], ids[-1], ids[1:-1, 0], ids[1:-1, -1]])
    middle = ids[height // 4 : height - height // 4, width // 4 : width - width // 4]
    whole, outside, inside = (_shares(one) for one in (ids, edges, middle))
    for class_id in np.flatnonzero(whole):
        yield Measure(SHARE, int(class_id)), _log_odds(whole[class_id])
        if outside.any() and inside.any():
            yield Measure(OUTWARD, int(class_id)), float(outside[class_id] - inside[class_id])


def _shares(ids: np.ndarray) -> np.ndarray:
    """Share of each class id below IGNORE_ID among the labelled pixels."""
    counts = np.bincount(ids.ravel(), minlength=IGNORE_ID + 1)[:IGNORE_ID]
    return counts / max(1, counts.sum())


def _log_odds(share: float) -> float:
    share = min(max(float(share), SMALLEST), 1 - SMALLEST)
    return math.log(share / (1 - share))


def find_odd_masks(shapes: MaskShapes, spec: DatasetSpec) -> list[OddMask]:
    """The masks among the kept ones that are unlike the others, the oddest first, each photo once."""
    found: dict[str, OddMask] = {}
    for (measure, end), records in shapes.extremes.items():
        usual = _usual(shapes.counts[measure])
        if usual is None:
            continue
        for record in records:
            odd = _odd(measure, end, record, *usual, spec)
            if odd and (record.image_id not in found or odd > found[record.image_id]):
                found[record.image_id] = odd
    return sorted(found.values(), reverse=True)


def _usual(counts: Counter[int]) -> tuple[float, float] | None:
    """Median and robust standard deviation of counted values; None where few, or all alike."""
    total = counts.total()
    if total < LEAST_PHOTOS:
        return None
    middle = _median(counts)
    deviation = _median(_distances(counts, middle))
    return (middle / STEPS, TO_SIGMA * deviation / STEPS) if deviation else None


def _distances(counts: Counter[int], middle: int) -> Counter[int]:
    distances: Counter[int] = Counter()
    for level, count in counts.items():
        distances[abs(level - middle)] += count
    return distances


def _median(counts: Counter[int]) -> int:
    half, passed = counts.total() / 2, 0
    for level in sorted(counts):
        passed += counts[level]
        if passed >= half:
            return level
    return 0


def _odd(measure: Measure, end: int, record: Extreme, middle: float, sigma: float, spec: DatasetSpec) -> OddMask | None:
    value = end * record.value
    deviations = end * (value - middle) / sigma
    if deviations < DEVIATIONS[measure.kind]:
        return None
    title = spec.class_titles[measure.class_id]
    if measure.kind == SHARE:
        here, usually = (1 / (1 + math.exp(-one)) for one in (value, middle))
        return OddMask(deviations, record, f"{here:.0%} {title}, where half of the masks have {usually:.0%} or less")
    if end * middle > -CLEARLY or end * value < TURNED:
        return None
    usually, here = ("outside", "inside") if middle > 0 else ("inside", "outside")
    return OddMask(deviations, record, f"inside out? {title} lies {here}, and {usually} in other masks")
