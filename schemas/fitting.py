"""How a photo is fitted into an image of another shape, and where it then lies in it.

Stretched, it fills the image and loses its aspect. Letterboxed, it keeps its aspect: it is scaled to the largest size
that the image holds and laid into the middle, and the rest is padding, grey in the image and IGNORE_ID in the mask.
`trainer/fitting.py` is the same for TensorFlow, `tfx_pipeline/space/static_app/fitting.js` for browsers; this file is
copied into Gradio Spaces as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

STRETCH: Final = "stretch"
LETTERBOX: Final = "letterbox"
Fit = Literal["stretch", "letterbox"]

PADDING = 128  # level of each channel: next to 0 once a model has scaled it


class Box(NamedTuple):
    """The pixels of an image that show the photo."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Cuts the photo out of an array [H, W, ...] of the image's size."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def photo_box(photo: Sequence[int], image: Sequence[int], fit: Fit) -> Box:
    """Where the photo lies in the image.

    Sizes that are not whole pixels are rounded half up, and an odd pixel of padding goes below or to the right. All of
    it is exact on integers, so that every language gets the same box.

    Args:
      photo, image: Height and width of each, at least one pixel.
      fit: How the one was fitted into the other.
    """
    (photo_height, photo_width), (height, width) = photo, image
    if fit == STRETCH:
        return Box(0, 0, height, width)
    if photo_width * height >= photo_height * width:  # the photo is the wider one
        inner_height, inner_width = max(1, _rounded(photo_height * width, photo_width)), width
    else:
        inner_height, inner_width = height, max(1, _rounded(photo_width * height, photo_height))
    return Box((height - inner_height) // 2, (width - inner_width) // 2, inner_height, inner_width)


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
