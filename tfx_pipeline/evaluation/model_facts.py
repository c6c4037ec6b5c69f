"""What a model is, for people who decide on it: how large, how fast, when it was made, and by which recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from beam_jobs.html.lights import FACT, Light
from schemas.exported_model import EXTRA_FOLDER, INFO_PATH, SAVED_MODEL_FILE, ModelInfo, read_model_info
from schemas.image_size import pixels_text

_ANCHOR = "facts"


class ModelFacts(NamedTuple):
    """What is known of an exported model.

    Attributes:
      info: Its own account.
      bytes: Of the SavedModel, without its TFLite files.
      made: When it was exported, in UTC.
      milliseconds: That `serving_default` took for a photo, on the machine that wrote the page; None if not measured.
    """

    info: ModelInfo
    bytes: int
    made: datetime
    milliseconds: float | None

    @property
    def recipe(self) -> str:
        """Name of the recipe, if it has one, and the settings that say most."""
        training = self.info.training
        words = [training.get("recipe") or "", *_settings(training), f"{pixels_text(self.info.image_size)} px"]
        return ", ".join(one for one in words if one)

    @property
    def size(self) -> str:
        """Of the SavedModel and of the TFLite files."""
        tflite = (f"{name} {megabytes(one.bytes)}" for name, one in sorted((self.info.tflite or {}).items()))
        return ", ".join([megabytes(self.bytes), *tflite])

    @property
    def speed(self) -> str:
        """In words, with what it was measured on."""
        if self.milliseconds is None:
            return "not measured"
        return f"{self.milliseconds:.3g} ms a photo, where this page was made"


def read_model_facts(model: Path, milliseconds: float | None) -> ModelFacts:
    """Reads them from the folder of a SavedModel.

    Raises:
      UserError: The model info is missing or damaged.
    """
    extra = model / EXTRA_FOLDER
    files = [one for one in model.rglob("*") if one.is_file() and extra not in one.parents]
    made = datetime.fromtimestamp((model / SAVED_MODEL_FILE).stat().st_mtime, timezone.utc)
    return ModelFacts(read_model_info(model / INFO_PATH), sum(one.stat().st_size for one in files), made, milliseconds)


def fact_lights(facts: ModelFacts) -> list[Light]:
    """Size, speed and recipe, which are neither good nor bad."""
    return [
        Light("Size", FACT, megabytes(facts.bytes), _ANCHOR),
        Light("Speed", FACT, facts.speed, _ANCHOR),
        Light("Recipe", FACT, f"{facts.recipe}; {facts.made:%Y-%m-%d}", _ANCHOR),
    ]


def fact_rows(facts: ModelFacts) -> list[tuple[str, str]]:
    """(what, value) of everything that is known."""
    return [
        ("recipe", facts.recipe),
        ("made", f"{facts.made:%Y-%m-%d %H:%M} UTC"),
        ("size", facts.size),
        ("speed", facts.speed),
        ("training", ", ".join(f"{name}={value}" for name, value in sorted(facts.info.training.items()))),
        *([("code version", facts.info.code_version)] if facts.info.code_version else []),
    ]


def megabytes(count: int) -> str:
    """A size as people read it, in millions of bytes."""
    return f"{count / 1e6:.1f} MB"


def _settings(training: Mapping[str, Any]) -> Iterator[str]:
    yield str(training.get("model", ""))
    if "epochs" in training:
        more = training.get("fine_tune_epochs", 0)
        yield f"{training['epochs']}{f' + {more}' if more else ''} epochs"
