"""Limits on the statistics of a version: of each split, and on how much splits and versions may differ."""

from __future__ import annotations

from pydantic import Field, model_validator

from schemas.frozen_model import FrozenModel

NUMBERS = "numbers"  # in `thresholds`: all features that are numbers


class StatisticsRule(FrozenModel):
    """Limits on a number over all records of a split; each range is (smallest, largest), both ends included."""

    feature: str
    mean: tuple[float, float] | None = Field(default=None, description="range of the mean value")
    zeros: tuple[float, float] | None = Field(default=None, description="range of the share of records with value 0")

    @model_validator(mode="after")
    def _ordered_ranges(self) -> StatisticsRule:
        if not self.ranges:
            raise ValueError("needs a range: mean, zeros or both")
        for measure, (low, high) in self.ranges.items():
            if not low <= high:
                raise ValueError(f"{measure}: the range starts with its smaller end, got [{low}, {high}]")
        return self

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Measure (`mean`, `zeros`) to its range, for those that the rule limits."""
        return {name: limits for name in ("mean", "zeros") if (limits := getattr(self, name)) is not None}


class Threshold(FrozenModel):
    """How much a feature may differ: between the splits (`skew`), and from a baseline version (`drift`)."""

    skew: float | None = Field(default=None, gt=0, le=1, description="None: splits may differ, as by city or by video")
    drift: float | None = Field(default=None, gt=0, le=1, description="None: the default of `derived_schema`")
