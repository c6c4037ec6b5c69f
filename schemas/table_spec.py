"""Tables beside the photos, with a row for each: which mask it has, to which group it belongs, how much it counts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from schemas.frozen_model import FrozenModel
from schemas.lines import Line
from schemas.path_pattern import check_file_pattern

MAX_WEIGHT = 1e6  # and its inverse is the smallest above 0: records hold them as float32


def check_listed_path(text: str) -> str:
    """Returns the path of a list or a table if it stays below the input folder; otherwise ValueError."""
    if "://" in text or text.startswith("/") or not text or ".." in text.split("/"):
        raise ValueError("must be a path below the input folder, without '..'")
    return text


def _check_table_path(text: str) -> str:
    check_listed_path(text)
    if set(text) & set("*?{}") or any(part in ("", ".") for part in text.split("/")):
        raise ValueError("must be the path of one CSV file below the input folder, such as groups.csv")
    return text


ListPath = Annotated[str, AfterValidator(check_listed_path)]
TablePath = Annotated[str, AfterValidator(_check_table_path)]


class WeightSpec(FrozenModel):
    """How much each photo counts in training; `weights: weights.csv` in a file is short for `{table: weights.csv}`.

    Attributes:
      table: A CSV file below the input folder, with a row for each photo: what names it, and its weight.
      column: The heading of the weight's column; None where the table itself says it.
      default: Weight of photos without a row; None where each needs one.
    """

    table: TablePath
    column: Line | None = None
    default: float | None = Field(default=None, ge=0, le=MAX_WEIGHT)

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, values: Any) -> Any:
        return {"table": values} if isinstance(values, str) else values


class PairSpec(FrozenModel):
    """Which mask each photo has, where names do not say it; `pairs: pairs.csv` is short for `{table: pairs.csv}`.

    Attributes:
      table: JSON Lines or CSV below the input folder; may name splits, as `{split:train|test}/metadata.jsonl` does.
      image, mask: The columns that name them; None where the table itself says it.
    """

    table: Annotated[str, AfterValidator(check_file_pattern)]
    image: Line | None = None
    mask: Line | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, values: Any) -> Any:
        return {"table": values} if isinstance(values, str) else values
