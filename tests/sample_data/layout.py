"""Which id the n-th picture has, its split, and the list files that name it; each data set has a layout of its own."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.features import EVAL, TRAIN
from schemas.spec import DatasetSpec


@dataclass(frozen=True)
class Layout(ABC):
    """Ids, splits and lists of a data set.

    Attributes:
      spec: The data set.
      eval_fraction: Part of the pictures that go to the evaluation split, in [0, 1).
    """

    spec: DatasetSpec
    eval_fraction: float

    @abstractmethod
    def image_id(self, index: int) -> str:
        """Id of the picture `index` (from 0)."""

    def split(self, index: int) -> str:
        """`train` or `eval`, spread evenly and independent of how many pictures there are."""
        return EVAL if math.floor((index + 1) * self.eval_fraction) > math.floor(index * self.eval_fraction) else TRAIN

    def list_files(self, indexes: Iterable[int]) -> dict[str, str]:
        """Relative path to text of every list file that names these pictures: an id a line, sorted."""
        ids: dict[str, list[str]] = {path: [] for path in self.spec.official_splits.values()}
        for index in indexes:
            ids[self.spec.official_splits[self.split(index)]].append(f"{self.image_id(index)}\n")
        return {path: "".join(sorted(own)) for path, own in ids.items()}
