"""Classes as people name them in a configuration, by name or title, turned into the names that machines use."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TypeVar

from schemas.errors import UserError
from schemas.spec import DatasetSpec
from tfx_pipeline.config.pipeline import PipelineConfig

Value = TypeVar("Value")


def with_class_names(config: PipelineConfig, spec: DatasetSpec) -> PipelineConfig:
    """The configuration with the names of classes where it has their titles: `Traffic sign` becomes `traffic_sign`.

    What is neither a name nor a title stays, for the checks that say which classes there are.

    Raises:
      UserError: A key is the name of one class and the title of another, or a class is named twice.
    """
    evaluation, training = config.evaluation, config.training
    floors = _by_name("evaluation.min_iou", evaluation.min_iou, spec)
    allowed = tuple(dict.fromkeys(_name_of("evaluation.allow_blind", one, spec) for one in evaluation.allow_blind))
    weights = _by_name("training.class_weights", training.class_weights, spec)
    changed = {"min_iou": floors, "allow_blind": allowed}
    return config.model_copy(
        update={
            "evaluation": evaluation.model_copy(update=changed),
            "training": training.model_copy(update={"class_weights": weights}),
        }
    )


def _by_name(key: str, values: Mapping[str, Value], spec: DatasetSpec) -> dict[str, Value]:
    names = {one: _name_of(key, one, spec) for one in values}
    if twice := [one for one, name in names.items() if list(names.values()).count(name) > 1]:
        raise UserError(f"{key}: {' and '.join(map(repr, twice))} are the same class; give one of them")
    return {names[one]: value for one, value in values.items()}


def _name_of(key: str, written: str, spec: DatasetSpec) -> str:
    titled = [one.name for one in spec.classes if _same(one.title or "", written)]
    if written in spec.class_names:
        if titled and titled != [written]:
            raise UserError(f"{key}: {written!r} is the name of one class and the title of {titled[0]!r}; give names")
        return written
    return titled[0] if titled else written


def _same(title: str, written: str) -> bool:
    """Whether two texts are the same, however their accents are composed."""
    return _plain(title) == _plain(written)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())
