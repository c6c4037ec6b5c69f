"""Slices of the evaluation: how an id maps to the value of each, such as a breed or a city."""

from __future__ import annotations

import re
from functools import cached_property

from pydantic import Field, model_validator

from schemas.frozen_model import FrozenModel
from schemas.lines import Line


class SliceSpec(FrozenModel):
    """How an id maps to one slice of the evaluation: by a pattern over the id, or by groups of another slice."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    id_pattern: str | None = Field(default=None, description="regular expression; its first group is the value")
    of: str | None = Field(default=None, description="an earlier slice whose values `groups` gathers")
    groups: dict[Line, tuple[str, ...]] = Field(default_factory=dict)
    values: tuple[Line, ...] = Field(default=(), description="all values that id_pattern may return; empty for any")

    @model_validator(mode="after")
    def _one_rule(self) -> SliceSpec:
        if (self.id_pattern is None) == (self.of is None):
            raise ValueError("needs exactly one of id_pattern and of")
        if self.of is not None and not self.groups:
            raise ValueError("a slice with `of` needs groups")
        listed = [member for members in self.groups.values() for member in members]
        if twice := sorted({member for member in listed if listed.count(member) > 1}):
            raise ValueError(f"groups: {', '.join(twice)} is in more than one group")
        if self.id_pattern is not None and count_groups(self.id_pattern) < 1:
            raise ValueError("id_pattern needs one group, the value of the slice")
        return self

    @cached_property
    def members(self) -> dict[str, str]:
        """Value of the earlier slice to the value of this one; empty without `of`."""
        return {member: group for group, members in self.groups.items() for member in members}

    def value(self, image_id: str, earlier: dict[str, str]) -> str:
        """The slice's value for one id, given the values of earlier slices; ValueError where no rule matches."""
        if self.of is not None:
            member = earlier[self.of]
            if member not in self.members:
                raise ValueError(f"{self.of} {member!r} belongs to no {self.name}")
            return self.members[member]
        match = re.fullmatch(self.id_pattern or "", image_id)
        if match is None:
            raise ValueError(f"id {image_id!r} does not match the {self.name} pattern {self.id_pattern!r}")
        return match.group(1)


def count_groups(id_pattern: str) -> int:
    """Number of groups in a regular expression; ValueError where it is none."""
    try:
        return re.compile(id_pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"id_pattern is not a regular expression ({error})") from None
