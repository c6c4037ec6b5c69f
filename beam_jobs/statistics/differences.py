"""How two splits, or two versions of one, differ, in words by cause: light, size, classes, slices.

    eval photos are darker than train photos: brightness 0.26, train 0.45
    train masks have more road and less sky than in 1.0.0: road 31.2 % of the pixels, was 22.0 %; sky 9.1 %, was 15.8 %

What a threshold of the schema finds is worded here too; the distances that TFDV measures are for machines.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from beam_jobs.statistics.split_summary import Numbers, SplitSummary, Words
from schemas.bounded_text import enumerated
from schemas.features import (
    BRIGHTNESS,
    CONTRAST,
    FRACTION_SUFFIX,
    GROUP,
    IGNORED_FRACTION,
    SOURCE_HEIGHT,
    SOURCE_WIDTH,
    TRAIN,
)
from schemas.served import CONFIDENCE, ENTROPY, UNCERTAIN

NOTABLE_SHIFT = 0.5  # of a mean, in standard deviations: Cohen's "medium" (Statistical Power Analysis, 1988)
NOTABLE_SHARE = 0.15  # change of the share of one value of a slice
BY_CHANCE = 3  # standard errors; a smaller difference is not mentioned, so that tiny splits do not raise false alarms
_SAME_MEAN = 0.25  # standard deviations, below which a difference is one of the spread
_NAMED = 4  # classes, or values of a slice

LIGHT, SIZE, CLASSES, IGNORED, CERTAINTY = "light", "size", "classes", "ignored pixels", "certainty"
_OF_CERTAINTY = {CONFIDENCE: "mean confidence", ENTROPY: "mean entropy", UNCERTAIN: "uncertain pixels"}


class Compared(NamedTuple):
    """What is compared: a split with another one, or with itself in an earlier version.

    Attributes:
      split: The split that is spoken of.
      other: The other split; or, where `is_earlier`, the name of the version.
    """

    split: str
    other: str
    is_earlier: bool = False

    def than(self, things: str) -> str:
        """`in 1.0.0`, or `train photos`."""
        return f"in {self.other}" if self.is_earlier else f"{self.other} {things}"

    def was(self, value: str) -> str:
        """`was 0.45`, or `train 0.45`."""
        return f"{'was' if self.is_earlier else self.other} {value}"


class Difference(NamedTuple):
    """One cause in words, with the split that is spoken of and the features that show it."""

    split: str
    cause: str
    text: str
    features: tuple[str, ...]


def differences_of_splits(
    summaries: Mapping[str, SplitSummary], titles: Mapping[str, str] | None = None
) -> list[Difference]:
    """How each split differs from train, as `notable_differences` says it."""
    others = [split for split in summaries if split != TRAIN]
    return [
        one
        for split in others
        for one in notable_differences(summaries[split], summaries[TRAIN], Compared(split, TRAIN), titles)
    ]


def notable_differences(
    now: SplitSummary, before: SplitSummary, compared: Compared, titles: Mapping[str, str] | None = None
) -> list[Difference]:
    """What a person should know, whether the data set has thresholds or not; empty for splits that are alike.

    Args:
      now, before: Of the split that is spoken of, and of the other one.
      compared: Names both.
      titles: Fraction features to what people call their classes.
    """
    return describe_differences(notable_features(now, before), now, before, compared, titles)


def describe_differences(
    features: Iterable[str],
    now: SplitSummary,
    before: SplitSummary,
    compared: Compared,
    titles: Mapping[str, str] | None = None,
) -> list[Difference]:
    """Words for the features that differ, one text for each cause; the other arguments as above."""
    by_cause: dict[str, list[str]] = defaultdict(list)
    for name in features:
        known = name in now.numbers and name in before.numbers, name in now.words and name in before.words
        if any(known):
            by_cause[_cause(name, now)].append(name)
    words = _Words(now, before, compared, titles or {})
    texts = {cause: words.text(cause, names) for cause, names in by_cause.items()}
    return [Difference(compared.split, cause, text, tuple(by_cause[cause])) for cause, text in texts.items()]


def _cause(feature: str, now: SplitSummary) -> str:
    if feature in (BRIGHTNESS, CONTRAST):
        return LIGHT
    if feature in (SOURCE_HEIGHT, SOURCE_WIDTH):
        return SIZE
    if feature == IGNORED_FRACTION:
        return IGNORED
    if feature in _OF_CERTAINTY:
        return CERTAINTY
    return CLASSES if feature in now.numbers and feature.endswith(FRACTION_SUFFIX) else feature


def notable_features(now: SplitSummary, before: SplitSummary, standard_errors: float = BY_CHANCE) -> Iterator[str]:
    """Features that differ by more than NOTABLE_SHIFT or NOTABLE_SHARE, and by more than chance explains.

    Args:
      now, before: Of the two splits.
      standard_errors: What chance explains; who compares more than two splits at once allows it more.
    """
    if not now.records or not before.records:
        return
    numbers = (BRIGHTNESS, CONTRAST, SOURCE_WIDTH, SOURCE_HEIGHT, IGNORED_FRACTION, *_OF_CERTAINTY)
    fractions = sorted(name for name in now.numbers if name.endswith(FRACTION_SUFFIX) and name not in numbers)
    for name in (*numbers, *fractions):
        if name in now.numbers and name in before.numbers:
            pair = now.numbers[name], before.numbers[name]
            if abs(mean_shift(*pair)) >= notable_shift(*pair, standard_errors):
                yield name
    by_chance = standard_errors * math.sqrt(1 / now.records + 1 / before.records)
    for name in sorted(now.words.keys() & before.words.keys() - {GROUP}):  # groups are in one split each
        changes = _changes(now.words[name], before.words[name])
        if changes and abs(changes[0][1] - changes[0][2]) >= max(NOTABLE_SHARE, by_chance / 2):
            yield name


def notable_shift(now: Numbers, before: Numbers, standard_errors: float = BY_CHANCE) -> float:
    """From which on two means differ notably, in standard deviations; never where a feature has no values."""
    if not now.present or not before.present:
        return math.inf
    return max(NOTABLE_SHIFT, standard_errors * math.sqrt(1 / now.present + 1 / before.present))


def mean_shift(now: Numbers, before: Numbers) -> float:
    """How far the means lie apart, in standard deviations of both together (Cohen's d)."""
    difference = now.mean - before.mean
    deviation = math.sqrt((now.deviation**2 + before.deviation**2) / 2)
    return difference / deviation if deviation else math.copysign(math.inf, difference) if difference else 0.0


def is_less_certain(now: SplitSummary, before: SplitSummary, features: Iterable[str]) -> bool:
    """Whether answers are less certain, as the first of some features of CERTAINTY says."""
    first = next(iter(features))
    return (now.numbers[first].mean < before.numbers[first].mean) == (first == CONFIDENCE)


def _changes(now: Words, before: Words) -> list[tuple[str, float, float]]:
    """(value, its share now, its share before), the largest change first."""
    shares = [{value: count / max(1, one.present) for value, count in one.counts} for one in (now, before)]
    changes = [(value, shares[0].get(value, 0.0), shares[1].get(value, 0.0)) for value in shares[0].keys() | shares[1]]
    return sorted(changes, key=lambda one: (-round(abs(one[1] - one[2]), 9), one[0]))


class _Words:
    """Writes the text of a cause."""

    def __init__(self, now: SplitSummary, before: SplitSummary, compared: Compared, titles: Mapping[str, str]):
        self._now, self._before, self._compared, self._titles = now, before, compared, titles

    def text(self, cause: str, names: list[str]) -> str:
        split, compared = self._compared.split, self._compared
        if cause == LIGHT:
            return self._light(names)
        if cause == SIZE:
            return self._size()
        if cause == IGNORED:
            more = "more" if self._is_more(IGNORED_FRACTION) else "fewer"
            figures = self._figures(IGNORED_FRACTION, "ignored", _percent)
            return f"{split} masks have {more} ignored pixels than {compared.than('masks')}: {figures}"
        if cause == CLASSES:
            return self._classes(names)
        if cause == CERTAINTY:
            less = "less" if is_less_certain(self._now, self._before, names) else "more"
            figures = [self._figures(one, _OF_CERTAINTY[one], _percent if one == UNCERTAIN else None) for one in names]
            return f"{split} answers are {less} confident than {compared.than('answers')}: {'; '.join(figures)}"
        if cause in self._now.words:
            changes = _changes(self._now.words[cause], self._before.words[cause])
            figures = [f"{value} {_percent(one)}, {compared.was(_percent(other))}" for value, one, other in changes]
            more = _others(len(figures), "values")
            return f"{split} photos have other shares of {cause} than {compared.than('photos')}: " + (
                "; ".join(figures[:_NAMED]) + more
            )
        return f"{split} photos differ in {cause} from {compared.than('photos')}: {self._figures(cause, 'mean')}"

    def _light(self, names: list[str]) -> str:
        split, compared = self._compared.split, self._compared
        shifted = [name for name in names if abs(self._shift(name)) >= _SAME_MEAN]
        figures = "; ".join(self._figures(name, name) for name in shifted or names)
        if not shifted:
            where = compared.than("photos") if compared.is_earlier else f"in {compared.than('photos')}"
            return f"{' and '.join(names)} varies differently in {split} photos than {where}: {figures}"
        said = [self._brighter() if name == BRIGHTNESS else self._contrast() for name in shifted]
        return f"{split} photos {' and '.join(said)} than {compared.than('photos')}: {figures}"

    def _brighter(self) -> str:
        return "are brighter" if self._is_more(BRIGHTNESS) else "are darker"

    def _contrast(self) -> str:
        return "have more contrast" if self._is_more(CONTRAST) else "have less contrast"

    def _size(self) -> str:
        sides = [
            [one.numbers[name].mean for name in (SOURCE_WIDTH, SOURCE_HEIGHT)] for one in (self._now, self._before)
        ]
        now, before = (f"{width:.0f}x{height:.0f}" for width, height in sides)
        areas = [width * height for width, height in sides]
        larger = "larger" if areas[0] > areas[1] else "smaller" if areas[0] < areas[1] else "of other sizes"
        compared = self._compared
        than = f"{larger} than {compared.than('photos')}"
        return f"{compared.split} photos are {than}: {now} on average, {compared.was(before)}"

    def _classes(self, names: list[str]) -> str:
        ordered = sorted(names, key=lambda name: (-abs(self._shift(name)), name))
        shown = ordered[:_NAMED]
        same = [name for name in shown if abs(self._shift(name)) < _SAME_MEAN]
        more = [self._title(name) for name in shown if name not in same and self._is_more(name)]
        less = [self._title(name) for name in shown if name not in same and not self._is_more(name)]
        kinds = [("more", more), ("less", less), ("a different spread of", [self._title(name) for name in same])]
        words = " and ".join(f"{kind} {_listed(some)}" for kind, some in kinds if some)
        figures = "; ".join(self._figures(name, self._title(name), _percent) for name in shown)
        compared = self._compared
        return (
            f"{compared.split} masks have {words} than {compared.than('masks')}: {figures} of the pixels"
            f"{_others(len(ordered), 'classes')}"
        )

    def _shift(self, name: str) -> float:
        return mean_shift(self._now.numbers[name], self._before.numbers[name])

    def _is_more(self, name: str) -> bool:
        return self._now.numbers[name].mean > self._before.numbers[name].mean

    def _title(self, name: str) -> str:
        return self._titles.get(name, name.removesuffix(FRACTION_SUFFIX))

    def _figures(self, name: str, label: str, written=None) -> str:
        """`brightness 0.26, was 0.45`; with standard deviations where the means are about the same."""
        written = written or _number
        spread = abs(self._shift(name)) < _SAME_MEAN
        now, before = (
            f"{written(one.mean)} ± {written(one.deviation)}" if spread else written(one.mean)
            for one in (self._now.numbers[name], self._before.numbers[name])
        )
        return f"{label} {now}, {self._compared.was(before)}"


def _listed(names: list[str]) -> str:
    return enumerated(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def _others(count: int, things: str) -> str:
    return f"; and {count - _NAMED} more {things}" if count > _NAMED else ""


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}"
