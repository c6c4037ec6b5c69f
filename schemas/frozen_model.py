"""The base of every configuration and contract, and how values become one or one line for each mistake."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import UserError
from schemas.secrets import REMEDY, find_secrets, may_be_secret, redacted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_PROBLEMS, MAX_SHOWN = 20, 200  # lines of one message, and characters of a value in it

Model = TypeVar("Model", bound=BaseModel)


class FrozenModel(BaseModel):
    """Immutable, typed, and strict about keys: the base of every configuration of the project."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


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
        lines = [f"{source}: {key}: {what}, which must not stand there; {REMEDY}" for key, what in secrets]
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
