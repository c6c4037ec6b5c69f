"""Whether slices, rules and thresholds name features of the records; a ValueError begins with the key at fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schemas.features import GROUP, WEIGHT
from schemas.slice_spec import SliceSpec
from schemas.statistics_rule import NUMBERS, StatisticsRule


def check_slices(slices: Sequence[SliceSpec], names_groups: bool, has_weights: bool) -> None:
    """Checks that no slice takes the name of another feature, and that each refers to earlier ones alone.

    Args:
      slices: In the order of `dataset.yaml`.
      names_groups, has_weights: Whether records hold the name of their group, and their weight.
    """
    for key, feature, is_held in (("group", GROUP, names_groups), ("weights", WEIGHT, has_weights)):
        if is_held and feature in [one.name for one in slices]:
            raise ValueError(f"slices: beside `{key}` none can be called {feature}, which is a feature of the records")
    for index, one in enumerate(slices):
        if one.of is not None and one.of not in [earlier.name for earlier in slices[:index]]:
            raise ValueError(f"slices.{one.name}: `of` must name an earlier slice, got {one.of!r}")


def check_limits(
    rules: Iterable[StatisticsRule], thresholds: Iterable[str], slice_names: Sequence[str], numbers: Sequence[str]
) -> None:
    """Checks that there is a feature for each limit.

    Args:
      rules: Each of a number.
      thresholds: Their keys: names of slices or numbers, or `numbers`.
      slice_names, numbers: The features that records have.
    """
    for rule in rules:
        if rule.feature not in numbers:
            raise ValueError(f"rules: no number {rule.feature!r}; there are: {', '.join(numbers)}")
    known = (NUMBERS, *slice_names, *numbers)
    if unknown := [name for name in thresholds if name not in known]:
        raise ValueError(f"thresholds: no {', '.join(unknown)}; there are: {', '.join(known)}")
