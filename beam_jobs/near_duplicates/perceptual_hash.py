"""The perceptual hash: photos that look the same differ in few of its bits, regardless of size and compression.

Measured on 648 photos of the Oxford-IIIT Pet data set: copies that were compressed again, resized, brightened, mirrored
or watermarked differ in 0 to 14 bits, those cropped by 3 % in 22 and by 8 % in 60 (medians). Unrelated photos differ in
127 on average, the closest two in 88, and the closest two of 21 million pairs of unlike cuttings of the photos in 65.
One in 200 copies and one in 50 crops is mistaken for mirrored, and so not found.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

HASH_BYTES = 32
MAX_DISTANCE = 64  # bits in which the hashes of near-duplicates differ at most: a quarter of all
FLAT_RANGE = 8  # luma levels: a photo that varies by less shows nothing that could be recognised

_SIDE = 32  # pixels of the thumbnail
_FREQUENCIES = 16  # lowest ones kept in each direction
_ONE = 1 << 10  # fixed point of the cosines


def photo_hash(image: Image.Image) -> bytes | None:
    """The perceptual hash of a photo: the signs of its lowest frequencies (the pHash of C. Zauner, 2010, by sign).

    The photo's luma is averaged to 32x32 pixels, ignoring its aspect, and transformed by a DCT-II; a bit says whether
    a coefficient is positive. A mirrored photo has the same hash, since both are turned to have their darker half on
    the same side first. All arithmetic is exact on integers, so that every processor gives the same bytes.

    Args:
      image: The decoded, upright photo, mode RGB or L, any size; JPEG drafts will do.

    Returns:
      32 bytes; bytes 2v and 2v + 1 hold vertical frequency v, so that a crop at the top leaves some of them whole.
      None for a flat photo, such as a black one: it equals every other flat photo and means nothing.
    """
    luma = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(luma, np.float64)
    if np.ptp(pixels) < FLAT_RANGE:
        return None
    cosines = _cosines()
    coefficients = cosines @ pixels @ cosines.T  # integers below 2**38: exact in float64, in any order
    if coefficients[0, 1] < 0:
        coefficients[:, 1::2] *= -1  # what mirroring does
    coefficients[0, 0] = 0  # the mean is always positive
    return np.packbits(coefficients > 0).tobytes()


@cache
def _cosines() -> np.ndarray:
    """float64 [frequencies, pixels]: basis of the DCT-II, rounded to integers."""
    angles = np.pi / (2 * _SIDE) * np.outer(np.arange(_FREQUENCIES), 2 * np.arange(_SIDE) + 1)
    return np.rint(_ONE * np.cos(angles))
