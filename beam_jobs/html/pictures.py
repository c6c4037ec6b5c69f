"""Photos with their masks side by side, each embedded once; the viewer enlarges them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from beam_jobs.html.document import Part
from beam_jobs.html.markup import Markup, data_uri, element, join
from schemas.colors import Color, css_color, ignored_color
from schemas.image_ids import shown_name
from schemas.spec import DatasetSpec

PHOTO, TRUTH, PREDICTED = "photo", "truth", "predicted"  # as viewer.js knows them
_GAP = 2  # between pictures, in percent of the width of one


class Words(NamedTuple):
    """What the viewer calls two masks and how they differ; figures are added at the end.

    Attributes:
      truth, predicted: The masks.
      errors: How they differ; the name of a class follows.
      missed, wrong: What only the one, and only the other mask has of that class.
    """

    truth: str = "Truth"
    predicted: str = "Prediction"
    errors: str = "Errors of"
    missed: str = "missed"
    wrong: str = "wrongly found"


TRUTH_AND_PREDICTION = Words()


class Picture(NamedTuple):
    """A photo with its classes.

    Attributes:
      image_id: Of the record.
      width, height: Aspect in which all of it is shown, which is that of the photo at its source.
      photo: JPEG.
      truth, predicted: PNGs in the classes' colours; `predicted` is empty where nothing was.
    """

    image_id: str
    width: int
    height: int
    photo: bytes
    truth: bytes
    predicted: bytes = b""


def display_size(pixels: Sequence[int], source: Sequence[int] = ()) -> tuple[int, int]:
    """Width and height in which a photo is shown: as long as its pixels, in the aspect of its source.

    Args:
      pixels: Width and height of the picture.
      source: Height and width of the photo at its source, if they are known; less than 2 is not.
    """
    if len(source) != 2 or min(source) < 2:
        return pixels[0], pixels[1]
    longest, (height, width) = max(pixels), source
    return max(1, round(longest * width / max(source))), max(1, round(longest * height / max(source)))


def photo_and_overlay(name: str, one: Picture) -> Markup:
    """The photo, and again under its mask; `name` is unique in the page."""
    again = element("use", href=f"#photo-{name}", x=f"{_step(one):g}")
    photo = _image(one, one.photo, 0, PHOTO, id=f"photo-{name}")
    return _drawn(name, one, 2, (photo, again, _image(one, one.truth, 1, f"{TRUTH} overlay")))


def triple(name: str, one: Picture, words: Words = TRUTH_AND_PREDICTION) -> Markup:
    """Photo, truth and prediction; `name` is unique in the page."""
    kinds = (PHOTO, one.photo), (TRUTH, one.truth), (PREDICTED, one.predicted)
    images = [_image(one, data, place, kind) for place, (kind, data) in enumerate(kinds)]
    return _drawn(name, one, 3, images, f"photo, {words.truth.lower()} and {words.predicted.lower()}")


def four(name: str, one: Picture, difference: bytes, words: Words) -> Markup:
    """Photo, both masks, and a PNG of where they differ; `name` is unique in the page."""
    kinds = (PHOTO, one.photo), (TRUTH, one.truth), (PREDICTED, one.predicted), ("difference", difference)
    images = [_image(one, data, place, kind) for place, (kind, data) in enumerate(kinds)]
    return _drawn(name, one, 4, images, f"photo, {words.truth}, {words.predicted}, and where they differ")


def same_again(name: str, one: Picture) -> Markup:
    """The triple that the page holds under this name, without another copy of its bytes."""
    return _frame(one, 3, element("use", href=f"#pictures-{name}"))


def viewed(name: str, pictures: Markup, caption: Sequence[Markup | str], about: str = "") -> Markup:
    """A figure that the viewer can enlarge, and that a link can lead to.

    Args:
      name: Unique in the page.
      pictures: What is above the caption.
      caption: With a link to `name` around the photo's name.
      about: What people call the class whose errors are shown first; empty for the one with the most.
    """
    data = {"data_about": about} if about else {}
    return element("figure", pictures, element("figcaption", *caption), id=name, class_="view", **data)


def viewer(spec: DatasetSpec) -> Part:
    """What enlarges the `viewed` figures of a page, with the classes and colours of their masks."""
    return viewer_of([one.shown for one in spec.classes], spec.palette)


def viewer_of(titles: Sequence[str], palette: tuple[Color, ...], words: Words = TRUTH_AND_PREDICTION) -> Part:
    """The same for classes that no data set describes, and for masks that are not truth and prediction."""
    classes = [[title, css_color(color)] for title, color in zip(titles, palette, strict=True)]
    ignored = css_color(ignored_color(palette))
    overlay = element("input", type="range", min=0, max=100, value=55, step=5, class_="opacity")
    content = element(
        "dialog",
        element(
            "div",
            element("h2", "Picture", id="viewer-title", tabindex=-1),
            element("span", class_="place", aria_live="polite"),
            element("button", "← Previous", type="button", class_="previous"),
            element("button", "Next →", type="button", class_="next"),
            element("button", "Close", type="button", class_="close"),
            class_="bar",
        ),
        element("p", class_="caption"),
        element("div", class_="panels"),
        element(
            "div",
            element("label", "Opacity of the classes ", overlay),
            element("label", f"{words.errors} ", element("select", class_="focus")),
            element("fieldset", element("legend", "Classes shown"), element("div", class_="toggles")),
            class_="controls",
        ),
        id="viewer",
        aria_labelledby="viewer-title",
        data_classes=json.dumps(classes, ensure_ascii=False, separators=(",", ":")),
        data_ignored=ignored,
        data_words=json.dumps(words._asdict(), ensure_ascii=False, separators=(",", ":")),
    )
    return Part("viewer", content)


def _step(one: Picture) -> float:
    return one.width * (100 + _GAP) / 100


def _image(one: Picture, data: bytes, place: int, kind: str, **attributes: str) -> Markup:
    media_type = "image/jpeg" if kind == PHOTO else "image/png"
    return element(
        "image",
        class_=kind,
        href=data_uri(media_type, data),
        x=f"{_step(one) * place:g}",
        width=one.width,
        height=one.height,
        preserveAspectRatio="none",
        **attributes,
    )


def _drawn(name: str, one: Picture, count: int, images: Sequence[Markup], shown: str = "") -> Markup:
    return _frame(one, count, element("g", *images, id=f"pictures-{name}"), shown)


def _frame(one: Picture, count: int, content: Markup, shown: str = "") -> Markup:
    """`content` is as wide as `count` pictures; `shown` says what they are."""
    shown = shown or ("photo, truth and prediction" if count == 3 else "photo, and photo under its mask")
    drawn = element(
        "svg",
        content,
        viewBox=f"0 0 {_step(one) * (count - 1) + one.width:g} {one.height}",
        role="img",
        aria_label=f"{shown_name(one.image_id)}: {shown}",
        data_size=f"{one.width} {one.height}",
    )
    return element("div", drawn, class_="double" if count == 2 else "triple")


def caption_link(name: str, words: Markup) -> Markup:
    """The name of a photo in the caption of the figure `name`, as a link to keep and to send."""
    return join(element("a", words, href=f"#{name}"))
