"""Chooses among layouts by what a few of their files contain: masks of classes, drawings of them, or other photos."""

from __future__ import annotations

from collections.abc import Mapping

from beam_jobs.describe.class_names import find_names
from beam_jobs.describe.layout import Layout
from beam_jobs.describe.names import DERIVED_WORDS, MASK_WORDS
from beam_jobs.describe.survey import Survey, add_surveys, are_drawn, are_pictures, may_be_masks, survey_pair
from beam_jobs.elements import SourceFile
from beam_jobs.records.sharding import id_hash
from schemas.errors import UserError

FEW = 12  # masks of each layout that are read to choose one


class Candidates:
    """The layouts of a folder; of each a few pairs are read, once."""

    def __init__(self, folder: str, layouts: list[Layout]):
        self.folder = folder
        self._surveys: dict[tuple[str, str], list[Survey]] = {}
        self.problem = ""
        self.layouts = [layout for layout in layouts if not self._are_masks_alone(layout)]
        if layouts and not self.layouts:
            self.problem = (
                f"{layouts[0].image_path} and {layouts[0].mask_path} pair, but both have masks, and no photos are"
                " there; put the folder of photos beside theirs"
            )

    def has_masks(self, layout: Layout) -> bool:
        """Whether a few of a layout's masks look like masks of classes."""
        return may_be_masks(self._few(layout)) and not self._are_photos(layout)

    def any_has_masks(self) -> bool:
        """Whether those of any layout do."""
        return any(map(self.has_masks, self.layouts))

    def choose(self, paths: Mapping[str, int]) -> Layout:
        """The likeliest layout whose masks look like masks of classes; the likeliest of all where none does.

        Of several kinds of mask for the same photos, the colours that a file names come before values without a name.

        Args:
          paths: Relative path of each file in the folder to its bytes.

        Raises:
          UserError: Its masks are photos, too.
        """
        found = [layout for layout in self.layouts if self.has_masks(layout)]
        if not found:
            return self._first_without_photos()
        best = found[0]
        others = [one for one in found[1:] if _photos(one) == _photos(best) and not DERIVED_WORDS.search(one.mask_path)]
        drawn = [one for one in found[1:] if _photos(one) == _photos(best) and one not in others]
        if (others or drawn) and not self._names(best, paths):
            named = (one for one in (*others, *drawn) if any(key.startswith("#") for key in self._names(one, paths)))
            return next(named, best)
        return best

    def survey(self, layout: Layout) -> Survey:
        """Of a few of a layout's masks."""
        return add_surveys(self._few(layout))

    def _first_without_photos(self) -> Layout:
        best = self.layouts[0]
        if self._are_photos(best):
            pair = f"{best.image_path} and {best.mask_path}"
            raise UserError(
                f"--input {self.folder}: {pair} pair by their names, but the second are photos, too, not masks of a few"
                " values or colours. Put masks beside them, each with its photo's name; where they are cut-outs, save"
                " their alpha channel as a grey PNG"
            )
        return best

    def _are_photos(self, layout: Layout) -> bool:
        return are_pictures(self._few(layout), is_named=bool(MASK_WORDS.search(layout.mask_path)))

    def _names(self, layout: Layout, paths: Mapping[str, int]) -> dict[str, str]:
        return find_names(self.folder, paths, self.survey(layout).pixels)[0]

    def _few(self, layout: Layout) -> list[Survey]:
        key = layout.image_path, layout.mask_path
        if key not in self._surveys:
            pairs = sample_pairs(layout, self.folder, FEW)
            self._surveys[key] = [survey_pair(SourceFile(photo, 0), SourceFile(mask, 0)) for photo, mask in pairs]
        return self._surveys[key]

    def _are_masks_alone(self, layout: Layout) -> bool:
        """Whether what pairs with the masks are masks as well, such as those of single objects, by name and content."""
        if not (MASK_WORDS.search(layout.image_path) or DERIVED_WORDS.search(layout.image_path)):
            return False
        return are_drawn([SourceFile(photo, 0) for photo, _ in sample_pairs(layout, self.folder, FEW)])


def sample_pairs(layout: Layout, folder: str, count: int) -> list[tuple[str, str]]:
    """Photo and mask of some of the pairs, by a hash of their names."""
    chosen = sorted(layout.pairs, key=lambda pair: id_hash("describe", pair[0]))[:count]
    return [(f"{folder}/{photo}", f"{folder}/{mask}") for photo, mask in chosen]


def _photos(layout: Layout) -> list[str]:
    return [photo for photo, _ in layout.pairs]
