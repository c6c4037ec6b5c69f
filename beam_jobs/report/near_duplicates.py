"""The near-duplicates of the report: the nearest pairs across the splits side by side, and what to do about them."""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.near_duplicates import NEAR_DUPLICATES_FILE
from beam_jobs.near_duplicates.pairs import NearDuplicatePair
from beam_jobs.report.labels import split_mark
from beam_jobs.report.markup import Markup, data_uri, element, join
from beam_jobs.report.thumbnails import draw_photo
from beam_jobs.shards.published_records import read_photo
from schemas.features import EVAL, TRAIN

PAIRS_SHOWN = 12
PHOTO_SIDE = 192  # pixels of a photo's longer side
_ONE_SIDE = element("code", "--near_duplicates=one_side")


class NearDuplicateSheet(NamedTuple):
    """What the report says of near-duplicates.

    Attributes:
      count: Number of pairs across the splits.
      pairs: The nearest of them.
      photos: JPEG of each photo in `pairs`, by id.
      moved: Number of photos that were moved to the side of their near-duplicates; None where that was not asked for.
    """

    count: int
    pairs: tuple[NearDuplicatePair, ...]
    photos: dict[str, bytes]
    moved: int | None


def draw_near_duplicates(pairs: tuple[NearDuplicatePair, ...], moved: int | None) -> NearDuplicateSheet:
    """Draws the nearest of all pairs; only the photos that are shown are read again."""
    shown = pairs[:PAIRS_SHOWN]
    photos = {pair.train_id: pair.train_photo for pair in shown} | {pair.eval_id: pair.eval_photo for pair in shown}
    drawn = {image_id: draw_photo(read_photo(photo), PHOTO_SIDE) for image_id, photo in photos.items()}
    return NearDuplicateSheet(len(pairs), shown, drawn, moved)


def near_duplicate_section(sheet: NearDuplicateSheet) -> Markup:
    """The pairs as pictures, what they mean, and what to do."""
    words = [] if sheet.moved is None else [element("p", _moved_in_words(sheet.moved))]
    if not sheet.count:
        return join(*words, element("p", "No photo of one split was found again, nearly the same, in the other."))
    pairs = "One pair" if sheet.count == 1 else f"{sheet.count:,} pairs"
    other_remedy = [", or prepare another version with ", _ONE_SIDE] if sheet.moved is None else []
    note = join(
        f"{pairs} of photos that are nearly the same {'stands' if sheet.count == 1 else 'stand'} on both sides of the"
        " split: what is learned from the one is"
        " known of the other, so the evaluation is too good. Compare them with your own eyes; then remove one of each"
        " from the data",
        *other_remedy,
        ". ",
        element("code", NEAR_DUPLICATES_FILE),
        " beside this file lists all.",
    )
    shown = f"The {len(sheet.pairs)} nearest are shown. " if len(sheet.pairs) < sheet.count else ""
    scale = "Distance: bits of 256 in which their hashes differ; copies of one photo differ in few, crops in up to 64."
    figures = [_pair_figure(pair, sheet.photos) for pair in sheet.pairs]
    return join(*words, element("p", note), element("p", shown + scale), element("div", *figures, class_="near"))


def _moved_in_words(moved: int) -> Markup:
    photos = "One photo was" if moved == 1 else f"{moved:,} photos were"
    return join(_ONE_SIDE, f": {photos} moved to the split of near-duplicates, against the id or the official lists.")


def _pair_figure(pair: NearDuplicatePair, photos: dict[str, bytes]) -> Markup:
    sides = [
        element(
            "div",
            element("img", src=data_uri("image/jpeg", photos[image_id]), alt=f"photo {image_id}"),
            element("span", split_mark(split), " ", image_id),
        )
        for split, image_id in ((TRAIN, pair.train_id), (EVAL, pair.eval_id))
    ]
    return element("figure", element("div", *sides), element("figcaption", f"distance {pair.distance}"))
