"""The `dataset.yaml` of annotations, and what a sample of photos looks like under it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.codec.masks import decode_mask, resize_mask
from beam_jobs.codec.photos import decode_photo
from beam_jobs.codec.sixteen_bits import extremes
from beam_jobs.describe.annotations import Annotations
from beam_jobs.describe.dataset_text import quoted, range_lines, unused_lines
from beam_jobs.describe.guesses import guess_range
from beam_jobs.describe.page import SIDE, thumbnails
from beam_jobs.describe.split_files import SplitFacts
from beam_jobs.elements import SourceFile
from beam_jobs.html.document import document
from beam_jobs.html.labels import photo_name, swatch
from beam_jobs.html.markup import data_uri, element, join
from beam_jobs.html.tables import scrolled
from beam_jobs.prepare.annotations import masks_of, read_annotations
from beam_jobs.prepare.listing import ANNOTATIONS, IMAGES, list_files, plan_listings
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.records.sharding import id_hash
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import read_input
from schemas.colors import color_table
from schemas.features import IGNORE_ID
from schemas.image_ids import shown_name
from schemas.photos import container_of
from schemas.sealed_text import sealed
from schemas.shorthand import ASKED, IGNORE
from schemas.spec import DatasetSpec
from schemas.version_files import DATASET_FILE

SAMPLE = 40  # photos whose annotations are drawn
_SHOWN = 8  # of them
BACKGROUND = "background"
_NAMED_NOTHING = ("void", IGNORE, "ignored", "unlabeled", "unlabelled", "_background_", "__ignore__", "don't care")


class Drawn(NamedTuple):
    """What a sample of photos shows.

    Attributes:
      photos: How many were drawn.
      pixels: Class id to its share of their pixels.
      problems: Why others were not, to how often.
      figures: (photo JPEG, mask PNG, id) of the first few.
      ranges: Least and largest sample of photos of 16 bits, such as `300 4011`.
    """

    photos: int
    pixels: dict[int, float]
    problems: dict[str, int]
    figures: list[tuple[bytes, bytes, str]]
    ranges: tuple[str, ...] = ()


def unlabelled_of(found: Annotations) -> tuple[str, str]:
    """What pixels that no annotation covers seem to be, and why."""
    if found.format == "panoptic":
        return IGNORE, "panoptic files name every pixel that somebody has judged"
    return BACKGROUND, f"what nobody has outlined; {IGNORE}, where not everything was"


def description(
    name: str,
    found: Annotations,
    drawn: Drawn | None = None,
    class_names: Sequence[str] = (),
    facts: SplitFacts | None = None,
    unused: str = "",
) -> str:
    """The file's text.

    Args:
      name: Of the data set.
      found: The annotations.
      drawn: What a sample of them shows; None before it is drawn.
      class_names: In the order of `drawn`'s class ids.
      facts: Lists of splits, and photos without a mask; None before they are looked for.
      unused: Which pictures match no pattern, in words.
    """
    unlabelled, reason = unlabelled_of(found)
    asked = sum(one == ASKED for one, _ in found.categories.values())
    lines = ["# Written by beam_jobs.describe; edit it. Everything else that may stand here: schemas/README.md."]
    if asked:
        lines.append(f"# TO DO: {asked} of the classes need a name; nothing is published before.")
    if drawn:
        seen = drawn.photos + sum(drawn.problems.values())
        lines += [f"# Note: {count} of {seen} photos would be rejected: {why}" for why, count in drawn.problems.items()]
    lines += [f"name: {name}", f"image_path: {quoted(found.image_path)}"]
    if found.mask_path:
        lines.append(f"mask_path: {quoted(found.mask_path)}")
    lines += unused_lines(unused)
    if "{split:" in f"{found.image_path}{found.annotations or ''}":
        lines.append("split: official  # the folders or files say it; hash would draw one by the names")
    elif facts:
        lines += facts.lines()
    lines += range_lines(guess_range(drawn.ranges)) if drawn else []
    lines += ["masks:", f"  format: {found.format}"]
    if found.annotations:
        lines.append(f"  annotations: {quoted(found.annotations)}")
    if found.format == "rle":
        lines.append("  pixels: columns  # counted downwards, as mostly on Kaggle; rows, where the page shows stripes")
    if found.has_urls:
        lines.append("  names: url  # as in my%20photo.jpg")
    if found.format == "layers" and len(found.categories) > 1:
        lines.append("  # order: [bottom, ..., top]  # where masks overlap, later classes cover earlier ones")
    share = f"; {drawn.pixels.get(_class_id(unlabelled, class_names), 0):.2%} of the pixels" if drawn else ""
    lines.append(f"  unlabelled: {unlabelled}  # {reason}{share}")
    lines.append(f"classes:  # category: class; several categories may be one class; from {found.names_from}")
    for category, (class_name, count) in found.categories.items():
        shown = IGNORE if class_name.lower() in _NAMED_NOTHING else class_name
        what = f"{count:,} annotations" + ("" if shown != ASKED else ": what is it? A name, or ignore")
        lines.append(f"  {quoted(category)}: {quoted(shown)}  # {what}")
    return sealed("\n".join(lines) + "\n", "beam_jobs.describe")


def draft(name: str, found: Annotations) -> str:
    """The file's text with a name in place of each that is asked for, so that a sample can be drawn."""
    named = {
        category: (f"unnamed {category}" if class_name == ASKED else class_name, count)
        for category, (class_name, count) in found.categories.items()
    }
    return description(name, found._replace(categories=named))


def draw_sample(folder: str, spec: DatasetSpec) -> Drawn:
    """Draws the annotations of some photos, chosen by a hash of their names.

    Raises:
      UserError: A file of annotations can't be read.
    """
    # nothing is written: an output needs a plainer path than an input
    options = PrepareOptions(description=spec, input=folder, output="/", version="0", dataset=spec.name)
    found: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    files: list[tuple[str, SourceFile]] = []
    for listing in plan_listings(options):
        for wanted, image_id, source in list_files(listing):
            if wanted.kind == ANNOTATIONS:
                files.append((wanted.split, source))
            else:
                found[image_id][wanted.kind].append(source)
    ids = sorted((one for one in found if found[one][IMAGES]), key=lambda one: id_hash("describe", one))[:SAMPLE]
    wanted_ids = set(ids)
    for file in files:
        for row in read_annotations(file, spec):
            if row.image_id in wanted_ids:
                found[row.image_id][row.kind].append(row.value)
    counts, problems, figures = np.zeros(256, np.int64), Counter(), []
    examples: dict[str, str] = {}
    drawn = 0
    ranges = []
    for image_id in ids:
        try:
            data = read_input(found[image_id][IMAGES][0])
            ranges += [f"{low} {high}" for low, high in filter(None, [extremes(data, container_of(data) or "")])]
            photo, class_ids = _draw(found[image_id], spec)
        except InputRejected as error:
            problems[error.reason] += 1
            examples.setdefault(error.reason, f"{shown_name(image_id)}: {error.detail}")
            continue
        drawn += 1
        counts += np.bincount(class_ids.ravel(), minlength=256)
        if len(figures) < _SHOWN:
            figures.append((*_figure(photo, class_ids, spec), image_id))
    total = max(1, int(counts.sum()))
    pixels = {class_id: count / total for class_id, count in enumerate(counts.tolist()) if count}
    shown = {
        f"{reason.replace('_', ' ')}, such as {examples[reason]}": count for reason, count in problems.most_common(5)
    }
    return Drawn(drawn, pixels, shown, figures, tuple(ranges))


def _draw(found: dict[str, list], spec: DatasetSpec) -> tuple[Image.Image, np.ndarray]:
    masks = masks_of(found, spec)
    if len(masks) != 1:
        raise InputRejected("missing_mask" if not masks else "duplicate_id", f"{len(masks)} masks")
    photo = decode_photo(read_input(found[IMAGES][0]), SIDE, 1, spec.photo_range)
    mask = decode_mask(read_input(masks[0]), spec, (photo.source_width, photo.source_height))
    return photo.image, resize_mask(mask, spec, 0)


def _figure(photo: Image.Image, class_ids: np.ndarray, spec: DatasetSpec) -> tuple[bytes, bytes]:
    return thumbnails(photo, Image.fromarray(color_table(spec.palette)[class_ids]))


def annotated_page(name: str, text: str, spec: DatasetSpec, drawn: Drawn) -> str:
    """The page beside the file: classes with their pixels, and photos with their annotations drawn."""
    header = join(
        element("h1", name),
        element("p", "What describe has found. Correct names in dataset.yaml; then prepare.", class_="lead"),
    )
    rows = [
        element(
            "tr",
            element("td", swatch(one.color)),
            element("td", element("strong", one.shown)),
            element("td", ", ".join(one.categories or ()) or "unlabelled pixels"),
            element("td", f"{drawn.pixels.get(class_id, 0):.2%} of the pixels of {drawn.photos} photos"),
        )
        for class_id, one in enumerate(spec.classes)
    ]
    figures = [
        element(
            "figure",
            element(
                "div",
                element("img", src=data_uri("image/jpeg", photo), alt="photo"),
                element("img", src=data_uri("image/png", mask), alt="mask"),
                class_="sides",
            ),
            element("figcaption", photo_name(image_id)),
        )
        for photo, mask, image_id in drawn.figures
    ]
    sections = [
        ("classes", "Categories and classes", element("table", element("tbody", *rows))),
        ("pairs", "Photos and their annotations", element("div", *figures, class_="near")),
        ("file", DATASET_FILE, scrolled(element("pre", text), DATASET_FILE)),
    ]
    return document(f"{name}: description", header, sections)


def _class_id(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else IGNORE_ID
