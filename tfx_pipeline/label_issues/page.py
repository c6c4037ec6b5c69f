"""`label_issues.html`: the photos with the lowest scores, their masks, what was predicted, and how low they are."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.html.class_png import class_png
from beam_jobs.html.document import document
from beam_jobs.html.labels import by_count, in_words, legend, photo_name, split_mark
from beam_jobs.html.markup import Markup, data_uri, element, join
from beam_jobs.html.score_plot import score_histogram
from schemas.colors import color_table
from schemas.image_ids import shown_name
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec
from tfx_pipeline.label_issues.ranking import ISSUES_FILE, QUALITY_FILE, Issue

SHOWN = 120  # triples; the files have all
PICTURE_SIDE = 192  # pixels


class Triple(NamedTuple):
    """A photo as its record holds it (JPEG or PNG), and PNGs of class ids: its mask, and what was predicted."""

    photo: bytes
    mask: bytes
    predicted: bytes


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
        ("masks", "Masks", _masks(spec, issues, triples)),
    ]
    title = f"Masks to look at: {spec.title} {manifest.version}"
    return document(title, _header(title, len(scores), issues), sections)


def _header(title: str, count: int, issues: Sequence[Issue]) -> Markup:
    learnt = "that has not learnt it" if len(issues) < 2 else "that has not learnt them"
    lead = f"Of {count:,} photos, the masks of these {len(issues):,} fit least what is predicted by a model {learnt}."
    if len(issues) == 1:
        lead = f"Of {count:,} photos, the mask of this one fits least what is predicted by a model {learnt}."
    if not issues:
        lead = f"None of {count:,} masks is far from what is predicted by a model {learnt}."
    steps = [
        element("code", ISSUES_FILE),
        " lists them. Delete the lines of masks that are right; then correct the other masks, or leave their photos out"
        " of the next version: ",
        element("code", f"--exclude={ISSUES_FILE}"),
        ". ",
        element("code", QUALITY_FILE),
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


def _masks(spec: DatasetSpec, issues: Sequence[Issue], triples: dict[str, Triple]) -> Markup:
    if not issues:
        return element("p", "None is listed.")
    colors = color_table(spec.palette)
    shown = [one for one in issues if one.image_id in triples]
    figures = [_figure(rank, one, triples[one.image_id], colors) for rank, one in enumerate(shown, start=1)]
    hidden = len(issues) - len(shown)
    more = [element("p", f"{hidden:,} more are in ", element("code", ISSUES_FILE), ".")] if hidden else []
    note = element("p", "The lowest score first. From left to right: photo, mask, and prediction.")
    return join(note, legend(spec), element("div", *figures, class_="near"), *more)


def _figure(rank: int, issue: Issue, triple: Triple, colors: np.ndarray) -> Markup:
    pictures = [
        element("img", src=data_uri(media_type, data), alt=f"{what} of {shown_name(issue.image_id)}", loading="lazy")
        for what, media_type, data in (
            ("photo", "image/jpeg", _photo(triple.photo)),
            ("mask", "image/png", class_png(_class_ids(triple.mask), colors)),
            ("prediction", "image/png", class_png(_class_ids(triple.predicted), colors)),
        )
    ]
    suspicion = issue.suspicion
    words = element("span", f"{in_words(suspicion.kind)}: {suspicion.detail}", class_="detail")
    place = [f"{rank}. ", photo_name(issue.image_id), " ", split_mark(issue.split), f" score {issue.score:.2f}"]
    return element(
        "figure",
        element("div", *pictures, class_="triple"),
        element("figcaption", *place, element("br"), words),
    )


def _photo(data: bytes) -> bytes:
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG")).convert("RGB")
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _class_ids(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data), formats=("PNG",))
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.NEAREST)
    return np.asarray(image)
