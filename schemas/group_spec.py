"""Groups: photos that belong together, such as the frames of a video, and so to one split."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, model_validator

from schemas.frozen_model import FrozenModel
from schemas.lines import Line
from schemas.path_pattern import PathPattern
from schemas.slice_spec import count_groups
from schemas.table_spec import TablePath

_RULES = ("id_pattern", "folder", "table", "near_duplicates")


def varies(part: str) -> bool:
    """Whether a folder in a pattern stands for several, other than those of the splits."""
    return "{split:" not in part and ("*" in part or "?" in part)


class GroupSpec(FrozenModel):
    """How photos belong together; `group: folder` in a file is short for `group: {folder: true}`.

    Attributes:
      id_pattern: Regular expression over the id, whose first group names it. An id that does not match is a group of
        its own.
      folder: The folders that stand as `*` in `image_path` are the group, as in `videos/*/{id}.jpg`.
      table: A CSV file below the input folder, with a row for each photo: what names it, and its group.
      column: The heading of the group's column in the table; None where the table itself says it.
      near_duplicates: Photos that look the same are a group: what the option `near_duplicates: one_side` does.
      whole: A group in several splits, as official lists may have it, withholds the version.
    """

    id_pattern: str | None = Field(default=None, description="regular expression; its first group is the group")
    folder: bool = False
    table: TablePath | None = None
    column: Line | None = None
    near_duplicates: bool = False
    whole: bool = False

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, values: Any) -> Any:
        return {values: True} if isinstance(values, str) else values

    @model_validator(mode="after")
    def _one_rule(self) -> GroupSpec:
        if sum(bool(getattr(self, name)) for name in _RULES) != 1:
            raise ValueError(f"needs exactly one of {', '.join(_RULES)}")
        if self.id_pattern is not None and count_groups(self.id_pattern) < 1:
            raise ValueError("id_pattern needs one group in parentheses, which names the group of the photo")
        if self.column is not None and self.table is None:
            raise ValueError("column: only with table, whose column it names")
        return self

    @property
    def is_named(self) -> bool:
        """Whether each photo's group has a name, which its record then holds."""
        return not self.near_duplicates

    def check_path(self, image_path: str) -> None:
        """Raises a ValueError if folders are the groups, and none varies in the pattern that photos are found by."""
        if self.folder and not any(map(varies, PathPattern(image_path).parts[:-1])):
            raise ValueError("group: folder needs a folder that varies in image_path, such as videos/*/{id}.jpg")

    def group_of(self, image_id: str, photo: str, image_path: str) -> str:
        """The name of a photo's group, where its id or its path says it; a table says it in other words.

        Args:
          image_id: Its id.
          photo: Its path; only the folders that `image_path` describes are looked at.
          image_path: The pattern that it was found by.
        """
        if self.id_pattern is not None:
            match = re.fullmatch(self.id_pattern, image_id)
            return (match.group(1) if match else None) or image_id
        parts = PathPattern(image_path).parts
        folders = zip(reversed(parts[:-1]), reversed(re.split(r"!?/", photo)[:-1]))
        named = [name for part, name in folders if varies(part)]
        return "/".join(reversed(named)) or image_id
