"""What Evaluator has found of a model: metrics with intervals, classes that it does not see, the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.metrics import IOU, MEAN_IOU, OWN_SIZE_MEAN_IOU, Figure, figures

FEW_EXAMPLES = 20  # of a slice; with fewer, its figures say little


@dataclass(frozen=True)
class SliceMetrics:
    """The metrics of one slice of the eval split, those of `schemas.metrics.METRICS`.

    Attributes:
      examples: Number of examples.
      values: Maps each metric's name to its value, or to a value per class name; None if there is no value, as for an
        absent class. Those at the photos' own sizes are only there where they were measured.
      intervals: Name of a figure, such as `mean_iou` or `iou_pet`, to the ends of its 95 % confidence interval, by
        bootstrap over examples, or over groups; a figure without a value has none, and none has one where there is
        only one example or group.
      change_interval: Ends of the 95 % confidence interval of the change of the mean IoU against the last blessed
        model on the same examples; None without one.
    """

    examples: int
    values: dict[str, float | dict[str, float | None] | None]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    change_interval: tuple[float, float] | None = None

    @property
    def mean_iou(self) -> float | None:
        """The metric that decides."""
        return self.value(Figure(MEAN_IOU))

    def value(self, figure: Figure) -> float | None:
        """The value of a figure; None if it has none."""
        values = self.values.get(figure.metric.name)
        return values.get(figure.class_name) if isinstance(values, dict) else values

    def to_json(self) -> dict[str, Any]:
        """The form that `summary.json` holds."""
        return {"examples": self.examples, **self.values, "intervals": self.intervals}


@dataclass(frozen=True)
class BlindClass:
    """A class that masks of the eval split show and the model does not see.

    Attributes:
      name: Of the class.
      iou: Below `schemas.metrics.BLIND_IOU`.
      pixel_share: Of the labelled pixels of the split that the class has.
      photos, of_photos: How many photos show it, of how many.
      allowed: Whether the configuration allows it (`evaluation.allow_blind`).
      title: What people call the class; empty where that is its name.
    """

    name: str
    iou: float
    pixel_share: float
    photos: int
    of_photos: int
    allowed: bool
    title: str = ""

    @property
    def text(self) -> str:
        """What people read."""
        seen = f"{self.pixel_share:.2%} of the eval pixels and {self.photos:,} of {self.of_photos:,} photos show it"
        return f"blind to {self.title or self.name}: IoU {IOU.text(self.iou)}, though {seen}"


@dataclass(frozen=True)
class Evaluation:
    """Evaluator's results for one model.

    Attributes:
      overall: Over the whole eval split.
      slices: Slice name to value to metrics, e.g. `slices["species"]["cat"]`; values in alphabetical order.
      baseline_mean_iou: Mean IoU of the last blessed model on the same data; None if there was none.
      blessed: Whether every threshold is met.
      reasons: Why not, one sentence per threshold; empty if blessed.
      baseline: All metrics of the last blessed model on the same data; None if there was none.
      confusion_matrix: Pixels of the whole eval split, rows the true class, columns the predicted one.
      blind: Classes that the model does not see, allowed or not.
      titles: What people call the classes, in the order of class ids; empty where that is their names.
      class_photos: How many photos of the eval split show each class, in the order of class ids; empty if not known.
      slice_baselines: The `slices` of the last blessed model on the same data; empty if there was none.
    """

    overall: SliceMetrics
    slices: dict[str, dict[str, SliceMetrics]]
    baseline_mean_iou: float | None = None
    blessed: bool = False
    reasons: list[str] = field(default_factory=list)
    baseline: SliceMetrics | None = None
    confusion_matrix: tuple[tuple[int, ...], ...] = ()
    blind: tuple[BlindClass, ...] = ()
    titles: tuple[str, ...] = ()
    class_photos: tuple[int, ...] = ()
    slice_baselines: dict[str, dict[str, SliceMetrics]] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What to know about classes beside `reasons`: blindness that is allowed, and classes that no one measured."""
        allowed = [f"{one.text}; evaluation.allow_blind allows it" for one in self.blind if one.allowed]
        absent = [name for name, row in zip(self.class_titles, self.confusion_matrix) if not any(row)]
        return allowed + [f"{name} is not judged: no mask of the eval split shows it" for name in absent]

    @property
    def figures(self) -> list[Figure]:
        """Every number that was measured, in the order in which they are shown."""
        return figures(self.class_names, self.class_titles, self.at_own_size)

    @property
    def at_own_size(self) -> bool:
        """Whether the figures are also those at the photos' own sizes."""
        return OWN_SIZE_MEAN_IOU.name in self.overall.values

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of class ids."""
        iou = self.overall.values.get(IOU.name)
        return tuple(iou) if isinstance(iou, dict) else ()

    @property
    def class_titles(self) -> tuple[str, ...]:
        """What people call the classes, in the order of class ids."""
        return self.titles or self.class_names

    def metrics(self) -> dict[str, Any]:
        """The metrics as JSON: those of `overall`, and `slices`; a metric without a value is None."""
        slices = {
            name: {value: metrics.to_json() for value, metrics in values.items()}
            for name, values in self.slices.items()
        }
        return {**self.overall.to_json(), "confusion_matrix": self.confusion_matrix, "slices": slices}


def final_in_words(test: Evaluation | None, models_evaluated: int) -> str:
    """What the split `test` says of a model, and how many models of the same output were evaluated on it.

    Args:
      test: None where the model is not blessed.
    """
    if test is None:
        return "on the test split: not evaluated, because the model is not blessed"
    mean_iou, text = test.overall.mean_iou, MEAN_IOU.text
    words = f"on the test split: mean IoU {text(mean_iou)}"
    if (interval := test.overall.intervals.get(MEAN_IOU.name)) is not None:
        words += f", 95 % from {text(interval[0])} to {text(interval[1])}"
    words += f", {test.overall.examples:,} examples"
    if models_evaluated > 1:
        words += (
            f"; {models_evaluated} models from this folder were evaluated on it: whoever chooses among them by these"
            " figures needs another test split"
        )
    return words
