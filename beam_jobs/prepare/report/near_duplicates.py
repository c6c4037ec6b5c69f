"""The near-duplicates of the report: the nearest pairs across the splits side by side, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from beam_jobs.elements import PhotoSource
from beam_jobs.html.labels import file_link, percent, photo_name, split_mark
from beam_jobs.html.markup import Markup, data_uri, element, join
from beam_jobs.html.pictures import caption_link, viewed
from beam_jobs.near_duplicates import SplitPair
from beam_jobs.near_duplicates.nearest import PARTNERS
from beam_jobs.near_duplicates.pairs import Leak, NearDuplicatePair
from beam_jobs.prepare.report.thumbnails import draw_photo
from beam_jobs.records.published_records import read_photo
from beam_jobs.rejections import InputRejected
from schemas.features import TRAIN
from schemas.image_ids import shown_name
from schemas.manifest import Manifest
from schemas.version_files import NEAR_DUPLICATES_FILE

PAIRS_SHOWN = 12
PHOTO_SIDE = 320  # pixels of a photo's longer side
_GROUP_SPLIT_OPTION = element("code", "--near_duplicates=one_side")


class NearDuplicateSheet(NamedTuple):
    """The near-duplicates of the report.

    Attributes:
      leaks: The photos of one split that have near-duplicates in another.
      photos: JPEG of each photo of the pairs that are shown, by id; empty if it can no longer be read.
      reassigned: Number of photos that went to the split of their near-duplicates; None without a group split.
    """

    leaks: tuple[Leak, ...]
    photos: dict[str, bytes]
    reassigned: int | None


def draw_near_duplicates(
    leaks: Iterable[Leak], reassigned: int | None, photo_range: tuple[int, int] | None = None
) -> NearDuplicateSheet:
    """Draws the nearest of all pairs; only the photos that are shown are read again."""
    leaks = tuple(sorted(leaks, key=lambda leak: leak.splits))
    shown = [pair for leak in leaks for pair in leak.pairs[:PAIRS_SHOWN]]
    photos = {pair.seen_id: pair.seen_photo for pair in shown}
    photos |= {pair.held_out_id: pair.held_out_photo for pair in shown}
    drawn = {image_id: _draw(photo, photo_range) for image_id, photo in photos.items() if photo}
    return NearDuplicateSheet(leaks, drawn, reassigned)


def _draw(photo: PhotoSource, photo_range: tuple[int, int] | None) -> bytes:
    """JPEG of a photo that was read before; empty if its file is missing or has changed since."""
    try:
        return draw_photo(read_photo(photo), PHOTO_SIDE, photo_range)
    except (InputRejected, OSError):
        return b""


def near_duplicate_section(sheet: NearDuplicateSheet, manifest: Manifest) -> Markup:
    """The share of eval that training has seen, the nearest pairs as pictures, and the remedy; so for other splits."""
    words = [] if sheet.reassigned is None else [element("p", _reassigned_in_words(sheet.reassigned))]
    return join(*words, *(_leak(leak, sheet, manifest) for leak in sheet.leaks))


def _leak(leak: Leak, sheet: NearDuplicateSheet, manifest: Manifest) -> Markup:
    held_out, seen = leak.splits
    records = manifest.splits[held_out].records
    if not leak.photos and leak.is_complete:
        return element("p", f"No photo of {held_out} has a near-duplicate in {seen}.")
    count = f"{'' if leak.is_complete else 'At least '}{leak.photos:,} of {records:,} {held_out} photos"
    share = percent(leak.photos / max(1, records))
    verb = "has a near-duplicate" if leak.photos == 1 else "have near-duplicates"
    reason = "the model has seen them in training" if seen == TRAIN else "the model is chosen by them"
    note = join(
        element("strong", count),
        f" ({share}) {verb} in {seen}: {reason}, so the evaluation is too optimistic. ",
        *_remedy(sheet, manifest),
    )
    crowds = [] if leak.is_complete else [element("p", "Too many photos are similar to compare all of them.")]
    shown = leak.pairs[:PAIRS_SHOWN]
    listed = join(
        f"Here are the {len(shown)} nearest pairs; " if len(shown) < len(leak.pairs) else "",
        file_link(NEAR_DUPLICATES_FILE),
        f" beside this file lists {len(leak.pairs):,}, at most {PARTNERS} for each photo of {held_out}. Distance: bits"
        " of 256 in which their hashes differ; copies of one photo differ in few, crops in up to 64.",
    )
    figures = [
        _pair_figure(f"pair-{held_out}-{seen}-{rank}", pair, leak.splits, sheet.photos)
        for rank, pair in enumerate(shown, start=1)
    ]
    return join(element("p", note), *crowds, element("p", listed), element("div", *figures, class_="near"))


def _remedy(sheet: NearDuplicateSheet, manifest: Manifest) -> list[str]:
    look = "Compare them with your own eyes; then remove one of each from the data"
    if sheet.reassigned is None:
        return [f"{look}, or prepare another version with ", _GROUP_SPLIT_OPTION, "."]
    if manifest.options.get("retry_quarantined"):
        return [f"{look}. Records that are copied from a published version are in both splits, and stay there."]
    return [f"{look}."]


def _reassigned_in_words(reassigned: int) -> Markup:
    photos = "One photo was" if reassigned == 1 else f"{reassigned:,} photos were"
    return join(
        _GROUP_SPLIT_OPTION, f": {photos} moved to the split of near-duplicates, against the id or the official lists."
    )


def _pair_figure(name: str, pair: NearDuplicatePair, splits: SplitPair, photos: dict[str, bytes]) -> Markup:
    sides = [
        element(
            "div",
            _image(image_id, photos[image_id]),
            element("span", split_mark(split), " ", photo_name(image_id)),
        )
        for split, image_id in ((splits.seen, pair.seen_id), (splits.held_out, pair.held_out_id))
    ]
    return viewed(name, element("div", *sides, class_="sides"), [caption_link(name, join(f"distance {pair.distance}"))])


def _image(image_id: str, photo: bytes) -> Markup:
    if not photo:
        return element("p", "can't be read any more")
    return element("img", src=data_uri("image/jpeg", photo), alt=f"photo {shown_name(image_id)}")
