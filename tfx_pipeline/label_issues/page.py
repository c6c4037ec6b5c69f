"""`label_issues.html`: the photos with the lowest scores, their masks, what was predicted, and how low they are."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.codec.fitting import cut_photo
from beam_jobs.html.class_png import class_png
from beam_jobs.html.document import document
from beam_jobs.html.labels import by_count, file_link, in_words, legend, photo_name, split_mark
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.pictures import Picture, Words, caption_link, display_size, triple, viewed, viewer_of
from beam_jobs.html.score_plot import score_histogram
from schemas.colors import color_table
from schemas.fitting import Fit
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec
from tfx_pipeline.label_issues.ranking import ISSUES_FILE, QUALITY_FILE, Issue

SHOWN = 120  # triples; the files have all
PICTURE_SIDE = 320  # pixels
_JPEG_QUALITY = 80


WORDS = Words(truth="Mask")  # which is what is in doubt


class Triple(NamedTuple):
    """A photo as its record holds it (JPEG or PNG), and PNGs of class ids: its mask, and what was predicted.

    `source` is height and width of the photo at its source.
    """

    photo: bytes
    mask: bytes
    predicted: bytes
    source: tuple[int, int] = (1, 1)


def label_issues_page(
    spec: DatasetSpec,
    manifest: Manifest,
    scores: Sequence[float],
    limit: float,
    issues: Sequence[Issue],
    triples: dict[str, Triple],
) -> str:
    """The whole page; the same arguments give the same text.

    Args:
      spec, manifest: Of the version.
      scores: Of all photos that were judged.
      limit: The score up to which photos are listed.
      issues: The photos that are listed, the lowest score first.
      triples: Pictures of the first of them, by id.
    """
    sections = [
        ("scores", "Scores", _scores(scores, limit, issues)),
        ("masks", "Masks", _masks(spec, manifest, issues, triples)),
    ]
    title = f"Masks to look at: {spec.title} {manifest.version}"
    return document(
        title, _header(title, len(scores), issues), sections, [viewer_of(spec.class_titles, spec.palette, WORDS)]
    )


def _header(title: str, count: int, issues: Sequence[Issue]) -> Markup:
    learnt = "that has not learnt it" if len(issues) < 2 else "that has not learnt them"
    lead = f"Of {count:,} photos, the masks of these {len(issues):,} fit least what is predicted by a model {learnt}."
    if len(issues) == 1:
        lead = f"Of {count:,} photos, the mask of this one fits least what is predicted by a model {learnt}."
    if not issues:
        lead = f"None of {count:,} masks is far from what is predicted by a model {learnt}."
    steps = [
        file_link(ISSUES_FILE),
        " lists them. Delete the lines of masks that are right; then correct the other masks, or leave their photos out"
        " of the next version: ",
        element("code", f"--exclude={ISSUES_FILE}"),
        ". ",
        file_link(QUALITY_FILE),
        " has the score of every photo.",
    ]
    return join(element("h1", title), element("p", lead, class_="lead"), element("p", *steps))


def _scores(scores: Sequence[float], limit: float, issues: Sequence[Issue]) -> Markup:
    note = (
        "The score of a mask says how well it fits what was predicted, as a share of the fit that the model expected:"
        " near 1 for a good mask, near 0 for a wrong one. Each photo was judged by a model that was trained on the"
        " others. Where the model is poor, a good mask can score low: look before you delete."
    )
    kinds = by_count(Counter(one.suspicion.kind for one in issues))
    rows = [
        element("li", element("span", in_words(kind)), element("span", f"{n:,}", class_="number")) for kind, n in kinds
    ]
    counts = [element("h3", "What may be wrong"), element("ul", *rows, class_="counts")] if rows else []
    plot = score_histogram(scores, limit)
    return join(element("p", note), element("div", plot, element("div", *counts), class_="columns"))


def _masks(spec: DatasetSpec, manifest: Manifest, issues: Sequence[Issue], triples: dict[str, Triple]) -> Markup:
    if not issues:
        return element("p", "None is listed.")
    colors = color_table(spec.palette)
    shown = [one for one in issues if one.image_id in triples]
    pictures = [_picture(one, triples[one.image_id], manifest.fit, colors) for one in shown]
    figures = [_figure(rank, *pair) for rank, pair in enumerate(zip(shown, (one for one, _ in pictures)), start=1)]
    class_ids = set().union(*(ids for _, ids in pictures))
    hidden = len(issues) - len(shown)
    more = [element("p", f"{hidden:,} more are in ", file_link(ISSUES_FILE), ".")] if hidden else []
    note = element("p", "The lowest score first. From left to right: photo, mask, and prediction.")
    return join(note, legend(spec, class_ids=class_ids), element("div", *figures, class_="near"), *more)


def _figure(rank: int, issue: Issue, picture: Picture) -> Markup:
    name, suspicion = f"mask-{rank}", issue.suspicion
    words = element("span", f"{in_words(suspicion.kind)}: {suspicion.detail}", class_="detail")
    link = caption_link(name, photo_name(issue.image_id))
    place = [f"{rank}. ", link, " ", split_mark(issue.split), f" score {issue.score:.2f}"]
    return viewed(name, triple(name, picture, WORDS), [*place, element("br"), words])


def _picture(issue: Issue, one: Triple, fit: Fit, colors: np.ndarray) -> tuple[Picture, set[int]]:
    """The photo with its mask and what was predicted, without padding; and the class ids that are shown."""
    photo = cut_photo(Image.open(io.BytesIO(one.photo), formats=("JPEG", "PNG")).convert("RGB"), one.source, fit)
    photo.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    masks = [_class_ids(data, one.source, fit) for data in (one.mask, one.predicted)]
    drawn = [class_png(ids, colors) for ids in masks]
    size = display_size(photo.size, one.source)
    return Picture(issue.image_id, *size, buffer.getvalue(), *drawn), {int(i) for ids in masks for i in np.unique(ids)}


def _class_ids(data: bytes, source: Sequence[int], fit: Fit) -> np.ndarray:
    image = cut_photo(Image.open(io.BytesIO(data), formats=("PNG",)), source, fit)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.NEAREST)
    return np.asarray(image)
