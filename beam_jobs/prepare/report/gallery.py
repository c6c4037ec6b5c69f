"""The pictures: published records with their masks, and one contact sheet per reason of rejected inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from beam_jobs.html.labels import by_count, file_link, in_words, legend, photo_name, split_mark, swatch
from beam_jobs.html.markup import Markup, data_uri, element, join
from beam_jobs.html.pictures import caption_link, photo_and_overlay, viewed
from beam_jobs.prepare.report.mask_shapes import OddMask
from beam_jobs.prepare.report.outliers import Outliers, shown_outliers
from beam_jobs.prepare.report.thumbnails import Sample, Tile, make_sample
from beam_jobs.rejections import EXCLUDED, LEFT_OUT_BY_LIST
from schemas.colors import unknown_color
from schemas.fitting import LETTERBOX
from schemas.image_ids import shown_name
from schemas.image_size import sides
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec
from schemas.version_files import QUARANTINE_FOLDER

ODD_MASKS_SHOWN = 12


def sample_section(spec: DatasetSpec, samples: dict[str, list[Sample]], manifest: Manifest) -> Markup:
    """Some records of each split: the photo as it is stored, and again under its mask."""
    height, width = sides(manifest.image_size)
    fitted = "scaled to fit, the rest padded" if manifest.fit == LETTERBOX else "stretched to that"
    stored = f"{width} × {height} pixels, {fitted}" if width else "source size"
    sheets = []
    for split in manifest.split_names:
        shown = samples.get(split, [])
        note = f"{len(shown)} of {manifest.splits[split].records:,}"
        heading = element("h3", split_mark(split), " ", element("small", note))
        figures = [sample_figure(f"{split}-{index}", sample) for index, sample in enumerate(shown, start=1)]
        sheets += [heading, element("div", *figures, class_="sheet") if figures else element("p", "No record.")]
    shape = ", shown in their own aspect" if width and manifest.fit != LETTERBOX else ""
    words = f"Chosen by a hash of the id; as the records hold them ({stored}){shape}. Right: the photo under its mask."
    return join(element("p", words), _legend(spec, (one for own in samples.values() for one in own), manifest), *sheets)


def _legend(spec: DatasetSpec, samples: Iterable[Sample], manifest: Manifest) -> Markup:
    """The classes that some samples show."""
    return legend(spec, manifest.fit == LETTERBOX, {class_id for one in samples for class_id in one.class_ids})


def outlier_section(spec: DatasetSpec, outliers: Outliers, manifest: Manifest) -> Markup:
    """The photos at the ends of what was measured, with what each is."""
    figures, samples = [], []
    for index, (one, text) in enumerate(shown_outliers(outliers), start=1):
        samples.append(make_sample(one.image_id, one.photo, one.mask, spec, one.source, manifest.fit))
        words = join(" ", split_mark(one.split), element("br"), element("span", text, class_="detail"))
        figures.append(sample_figure(f"end-{index}", samples[-1], words))
    note = element("p", "Of all records: what is rare may be wrong, or what a model needs more of.")
    return join(note, _legend(spec, samples, manifest), element("div", *figures, class_="sheet"))


def odd_mask_section(spec: DatasetSpec, odd: Sequence[OddMask], manifest: Manifest) -> Markup:
    """The masks that are unlike all others, with the reason below each."""
    shown = odd[:ODD_MASKS_SHOWN]
    figures, samples = [], []
    for index, one in enumerate(shown, start=1):
        record = one.record
        samples.append(make_sample(record.image_id, record.photo, record.mask, spec, record.source, manifest.fit))
        words = join(" ", split_mark(record.split), element("br"), element("span", one.words, class_="detail"))
        figures.append(sample_figure(f"odd-{index}", samples[-1], words))
    hidden = len(odd) - len(shown)
    note = [
        "Their masks are unlike those of the other photos. That may be right: look at them before you train. Wrong ones"
        " can be left out of the next version with ",
        element("code", "--exclude=FILE"),
        ". Other mistakes show only to a model: ",
        element("code", "python -m tfx_pipeline.label_issues"),
        " looks for them.",
    ]
    more = [element("p", f"At least {hidden} more are as unusual.")] if hidden else []
    return join(element("p", *note), _legend(spec, samples, manifest), element("div", *figures, class_="sheet"), *more)


def sample_figure(name: str, sample: Sample, words: Markup | str = "") -> Markup:
    """A record as its photo, and again under its mask; `name` is unique in the page, `words` follow the id."""
    link = caption_link(name, photo_name(sample.picture.image_id))
    return viewed(name, photo_and_overlay(name, sample.picture), [link, words])


def rejection_section(spec: DatasetSpec, sheets: dict[str, list[Tile]], manifest: Manifest) -> Markup:
    """One contact sheet per reason, the most frequent first."""
    if not manifest.quarantined:
        return element("p", "Nothing was rejected.")
    note = join(
        "Photo and mask as far as they can be decoded, the mask in the classes' colours and unknown values in ",
        swatch(f"rgb{unknown_color(spec.palette)}"),
        ". The folder ",
        file_link(f"{QUARANTINE_FOLDER}/"),
        " beside this file lists every one with its files.",
    )
    return join(
        element("p", note),
        element(
            "div",
            *(_contact_sheet(reason, n, sheets.get(reason, [])) for reason, n in by_count(manifest.quarantined)),
            class_="contact",
        ),
    )


def _contact_sheet(reason: str, count: int, tiles: Sequence[Tile]) -> Markup:
    note = f"{count:,}" if count == len(tiles) else f"{len(tiles)} of {count:,}"
    details = {tile.detail for tile in tiles}
    shared = details.pop() if len(details) == 1 and len(tiles) > 1 else ""
    words = [shared] if shared else []
    if reason in EXCLUDED:
        chosen = "a person's list says" if reason == LEFT_OUT_BY_LIST else "the split or the description says"
        words.append(f"left out as {chosen}, not a defect")
    return element(
        "section",
        element("h3", in_words(reason), " ", element("small", note)),
        *([element("p", "; ".join(words), class_="detail")] if words else []),
        element(
            "div",
            *(
                _tile_figure(f"{reason}-{number}", tile, "" if shared else tile.detail)
                for number, tile in enumerate(tiles, start=1)
            ),
            class_="tiles",
        ),
        id=f"reason-{reason}",
    )


def _tile_figure(name: str, tile: Tile, detail: str) -> Markup:
    pictures = element(
        "div",
        _tile_picture("photo", "image/jpeg", tile.photo, tile.image_id),
        _tile_picture("mask", "image/png", tile.mask, tile.image_id),
        class_="pictures",
    )
    words = [element("span", detail, class_="detail")] if detail else []
    if not (tile.photo or tile.mask):  # nothing to enlarge
        return element("figure", pictures, element("figcaption", photo_name(tile.image_id), *words))
    return viewed(name, pictures, [caption_link(name, photo_name(tile.image_id)), *words])


def _tile_picture(what: str, media_type: str, data: bytes | None, image_id: str) -> Markup:
    if data:
        return element("img", src=data_uri(media_type, data), alt=f"{what} of {shown_name(image_id)}")
    return element("span", f"no {what}" if data is None else f"{what} can't be shown", class_="detail")
