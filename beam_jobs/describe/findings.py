"""What lies in a folder: layouts of photos and masks, and annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from beam_jobs.console import heavy_imports
from beam_jobs.describe.annotations import Annotations, find_annotations
from beam_jobs.describe.layout import Layout, find_layouts
from beam_jobs.describe.unpaired import why_nothing_pairs

if TYPE_CHECKING:
    from beam_jobs.describe.choosing import Candidates

ALWAYS = ("panoptic", "layers")  # formats whose files look like masks of classes, and are not


class Findings(NamedTuple):
    """What pairs in a folder.

    Attributes:
      candidates: The layouts, of which the one to describe is chosen by a few masks.
      named: Whether any files pair by their names or by a table, even if what pairs are masks alone.
      table: The table that says which mask each photo has; empty where names do.
      annotations: None where there are none that pair with photos.
      problems: What is wrong with files of annotations.
    """

    candidates: Candidates
    named: bool
    table: str
    annotations: Annotations | None
    problems: tuple[str, ...]

    @property
    def layouts(self) -> list[Layout]:
        """The layouts whose photos are photos."""
        return self.candidates.layouts

    @property
    def are_annotated(self) -> bool:
        """Whether annotations take the place of masks."""
        found = self.annotations
        return found is not None and (not self.layouts or found.format in ALWAYS or not self.candidates.any_has_masks())

    def problem(self, paths: Mapping[str, int]) -> str:
        """Why nothing can be described; empty where something can."""
        if self.layouts or self.annotations:
            return ""
        if self.named:
            return self.candidates.problem
        return self.problems[0] if self.problems else why_nothing_pairs(paths)


def look(folder: str, paths: dict[str, int]) -> Findings:
    """Finds what pairs in a folder, by names, by tables, and by a few files.

    Args:
      folder: The folder.
      paths: Relative path of each file in it to its bytes.

    Raises:
      UserError: A table pairs files that no patterns tell apart.
    """
    with heavy_imports():
        from beam_jobs.describe.choosing import Candidates
        from beam_jobs.describe.pair_tables import choose_paired
    found, table = choose_paired(folder, paths, find_layouts(paths))
    problems: list[str] = []
    annotations = find_annotations(folder, paths, problems)
    return Findings(Candidates(folder, found), bool(found), table, annotations, tuple(problems))
