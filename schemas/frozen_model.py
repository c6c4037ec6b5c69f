"""The base of all configurations and contracts, and the parser that reports each wrong key in one line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from schemas.errors import UserError
from schemas.secrets import REMEDY, find_secrets, may_be_secret, redacted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_PROBLEMS, MAX_SHOWN = 20, 200  # lines of one message, and characters of a value in it

Model = TypeVar("Model", bound=BaseModel)


class FrozenModel(BaseModel):
    """Immutable, typed, and strict about keys: the base of every configuration of the project."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuses `true` and `yes`, which pydantic takes for 1, where a field holds numbers."""
        if info.field_name and _takes_numbers_alone(cls, info.field_name) and _holds_truth(value):
            raise ValueError("must be a number, not true or false")
        return value


@cache
def _takes_numbers_alone(model: type[BaseModel], field_name: str) -> bool:
    """Whether a field holds numbers, at any depth, and neither truth values nor anything; models check their own."""
    leaves = set(_leaves(model.model_fields[field_name].annotation))
    return bool(leaves & {int, float}) and not leaves & {bool, Any, object}


def _leaves(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is built of; a value of a Literal, or a constraint, stands for its type."""
    children = get_args(annotation)
    if not children:
        yield annotation if isinstance(annotation, type) or annotation is Any else type(annotation)
    for child in children:
        yield from _leaves(child)


def _holds_truth(value: Any) -> bool:
    """Whether a value, or one in it, is true or false."""
    if isinstance(value, dict):
        return any(map(_holds_truth, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_truth, value))
    return isinstance(value, bool)


def parse_model(model: type[Model], values: Any, source: str) -> Model:
    """Makes a `model` of plain values, or raises a UserError with one line per wrong key.

    Args:
      model: The pydantic class to make.
      values: What a YAML or JSON file held; plain values, none of which is a secret.
      source: What to call the origin of `values` in the message, such as a path.
    """
    try:
        made = model.model_validate(values)
    except ValidationError as error:
        problems = error.errors()
        lines = [f"{source}: {_problem(one)}" for one in problems[:MAX_PROBLEMS]]
        if len(problems) > MAX_PROBLEMS:
            lines.append(f"{source}: and {len(problems) - MAX_PROBLEMS} more")
        raise UserError("\n".join(lines)) from None
    if secrets := list(itertools.islice(find_secrets(values), MAX_PROBLEMS)):
        lines = [f"{source}: {key}: {what}, which must not be there; {REMEDY}" for key, what in secrets]
        raise UserError(redacted("\n".join(lines)))
    return made


def _problem(problem: ErrorDetails) -> str:
    """One of pydantic's errors as key, message and value; what may be a secret is not repeated."""
    key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
    value = problem["input"]
    given = (
        ""
        if isinstance(value, (dict, list, tuple)) or may_be_secret(key, value)
        else f", got {_shortened(repr(value))}"
    )
    return redacted(f"{_shortened(key)}: {problem['msg'].removeprefix('Value error, ')}{given}")


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
