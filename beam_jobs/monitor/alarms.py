"""Decides what of the served photos is unlike the reference: what is an alarm, and what a person may want to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from beam_jobs.monitor.chance import Count, is_chance, standard_errors
from beam_jobs.monitor.slices import ALL, REFERENCE, Tally, kind_of
from beam_jobs.statistics.differences import (
    CERTAINTY,
    CLASSES,
    LIGHT,
    Compared,
    Difference,
    describe_differences,
    is_less_certain,
    mean_shift,
    notable_features,
    notable_shift,
)
from beam_jobs.statistics.split_summary import SplitSummary
from schemas.features import EVAL, fraction_feature
from schemas.served import LATENCY

VANISHED, EXPLODED, NOVEL = "vanished", "exploded", "novel"
KINDS = (LIGHT, CERTAINTY, CLASSES, VANISHED, EXPLODED, NOVEL)
MIN_PHOTOS = 30  # of a slice, and of the reference, that can be judged
NOVEL_PERCENTILE = 99  # of the reference's distances to train: photos farther away are novel
MAX_NOVEL_SHARE = 0.05
RATIO = 10  # a class vanishes to a tenth of the photos or less, and explodes to ten times as many
_OF_NOVELTY = 2  # comparisons: the share of novel photos, and the mean distance
MORE_SHARE = 0.3  # or to 30 points more


class Alarm(NamedTuple):
    """Something that has changed, beyond chance.

    Attributes:
      kind: Of KINDS.
      slice: ALL, or the slice in which alone it is seen.
      subject: Its class, where it is about one.
      text: What has changed, in words.
      measured, limit: Of a mean: how far it has moved, in standard deviations. Else a share of the photos.
    """

    kind: str
    slice: str
    subject: str
    text: str
    measured: float
    limit: float


class Judgement(NamedTuple):
    """What was found.

    Attributes:
      alarms: Those of ALL first.
      notes: Differences that are no alarm, in words.
      beyond: Slice to the kinds of its alarms, also of those that ALL has, too.
      too_few: Slices with fewer than MIN_PHOTOS photos.
      novel_above: Distance above which a photo is novel; None where it is not known.
      comparisons: That share the rate of false alarms.
    """

    alarms: tuple[Alarm, ...]
    notes: tuple[str, ...]
    beyond: Mapping[str, tuple[str, ...]]
    too_few: tuple[str, ...]
    novel_above: int | None
    comparisons: int


def judge(
    summaries: Mapping[str, SplitSummary],
    tallies: Mapping[str, Tally],
    classes: Sequence[str],
    titles: Mapping[str, str] | None = None,
) -> Judgement:
    """Compares each slice with the reference.

    Args:
      summaries: Slice to its statistics; those of REFERENCE are what the others are compared with.
      tallies: Slice to what was counted of it.
      classes: Names.
      titles: What texts call them; None for their names.
    """
    titles = titles or {one: one for one in classes}
    before = tallies.get(REFERENCE, Tally.nothing(len(classes)))
    names = [name for name in _in_order(tallies) if not _repeats_all(name, tallies)]
    judged = [name for name in names if tallies[name].photos >= MIN_PHOTOS] if before.photos >= MIN_PHOTOS else []
    features = len(summaries[REFERENCE].numbers) if REFERENCE in summaries else 0
    comparisons = len(judged) * (features + len(classes) + _OF_NOVELTY)
    novel_above = before.percentile_distance(NOVEL_PERCENTILE) if before.hashed >= MIN_PHOTOS else None
    found, notes = [], []
    for name in judged:
        pair = _Pair(name, summaries[name], summaries[REFERENCE], tallies[name], before, titles, comparisons)
        found += [*pair.moved(), *pair.classes_gone_or_come(), *pair.novel(novel_above)]
        notes += pair.notes() if name == ALL else []
    beyond = {name: tuple(dict.fromkeys(one.kind for one in found if one.slice == name)) for name in judged}
    everywhere = {(one.kind, one.subject) for one in found if one.slice == ALL}
    alarms = [one for one in found if one.slice == ALL or (one.kind, one.subject) not in everywhere]
    too_few = tuple(name for name in names if name not in judged)
    return Judgement(tuple(alarms), tuple(notes), beyond, too_few, novel_above, comparisons)


def _in_order(tallies: Mapping[str, Tally]) -> list[str]:
    """ALL, then the slices by name."""
    return [*([ALL] if ALL in tallies else []), *sorted(name for name in tallies if kind_of(name))]


def _repeats_all(name: str, tallies: Mapping[str, Tally]) -> bool:
    """Whether a slice has all photos in it, as where there is one source."""
    return name != ALL and tallies[name].photos == tallies[ALL].photos


class _Pair(NamedTuple):
    """A slice and the reference."""

    name: str
    now: SplitSummary
    before: SplitSummary
    tally: Tally
    reference: Tally
    titles: Mapping[str, str]  # name to title, in the order of the classes of a tally
    comparisons: int

    def moved(self) -> Iterator[Alarm]:
        """Means that have moved: light, certainty, shares of classes."""
        for one in self._differences():
            if self._is_alarm(one):
                pairs = [(self.now.numbers[name], self.before.numbers[name]) for name in one.features]
                pair = max(pairs, key=lambda pair: abs(mean_shift(*pair)))
                limit = notable_shift(*pair, self._standard_errors())
                yield Alarm(one.cause, self.name, "", one.text, abs(mean_shift(*pair)), limit)

    def notes(self) -> list[str]:
        """Differences that are no alarm: photos of another size, or answers that are more certain."""
        return [one.text for one in self._differences() if not self._is_alarm(one)]

    def classes_gone_or_come(self) -> Iterator[Alarm]:
        """Classes that far fewer, or far more, photos show."""
        for index, (name, title) in enumerate(self.titles.items()):
            now = Count(int(self.tally.shows[index]), self.tally.photos)
            before = Count(int(self.reference.shows[index]), self.reference.photos)
            few, many = before.share / RATIO, min(RATIO * before.share, before.share + MORE_SHARE)
            if now.share <= few < before.share or (now.share >= many and now.share > before.share):
                if is_chance(now, before, self.comparisons):
                    continue
                kind, limit = (VANISHED, few) if now.share < before.share else (EXPLODED, many)
                words = f"the share of photos that show {title} {'fell' if kind == VANISHED else 'rose'} to "
                text = f"{words}{_percent(now.share)}, {EVAL} {_percent(before.share)}"
                yield Alarm(kind, self.name, name, text, now.share, limit)

    def novel(self, above: int | None) -> Iterator[Alarm]:
        """Photos that are unlike all of train: some of them by far, or all of them a little."""
        if above is None or self.tally.hashed < MIN_PHOTOS:
            return
        now = Count(self.tally.beyond(above), self.tally.hashed)
        before = Count(self.reference.beyond(above), self.reference.hashed)
        if now.share > MAX_NOVEL_SHARE and not is_chance(now, before, self.comparisons):
            text = (
                f"{_percent(now.share)} of the photos are unlike every photo of train, {EVAL} {_percent(before.share)}"
            )
            yield Alarm(NOVEL, self.name, "", text, now.share, MAX_NOVEL_SHARE)
            return
        pair = self.tally.distance_to_train(), self.reference.distance_to_train()
        limit = notable_shift(*pair, self._standard_errors())
        if (shift := mean_shift(*pair)) >= limit:
            text = (
                f"the photos are less like those of train: {pair[0].mean:.1f} bits from the nearest on average, "
                f"{EVAL} {pair[1].mean:.1f}"
            )
            yield Alarm(NOVEL, self.name, "", text, shift, limit)

    def _differences(self) -> list[Difference]:
        by_feature = {fraction_feature(name): title for name, title in self.titles.items()}
        features = [
            one
            for one in notable_features(self.now, self.before, self._standard_errors())
            if one != LATENCY  # of another machine than the reference's
        ]
        return describe_differences(features, self.now, self.before, Compared(ALL, EVAL), by_feature)

    def _is_alarm(self, one: Difference) -> bool:
        if one.cause == CERTAINTY:
            return is_less_certain(self.now, self.before, one.features)
        return one.cause in (LIGHT, CLASSES)

    def _standard_errors(self) -> float:
        return standard_errors(self.comparisons, min(self.tally.photos, self.reference.photos) - 1)


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"
