"""Photos with their perceptual hashes, and the hash of an encoded photo."""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.codec.photos import decode_photo
from beam_jobs.elements import PhotoSource
from beam_jobs.near_duplicates.perceptual_hash import photo_hash

_DECODED_SIDE = 64  # pixels that a JPEG keeps at least when it is decoded for its hash alone


class HashedPhoto(NamedTuple):
    """A photo as it is compared.

    Attributes:
      image_id: Its id.
      split: Its split.
      hash: What `photo_hash` gave; None for a photo without structure.
      source: Where to read it again to show it; None if it will not be shown.
    """

    image_id: str
    split: str
    hash: bytes | None
    source: PhotoSource | None = None


def encoded_photo_hash(data: bytes, max_missing_fraction: float = 0.0) -> bytes | None:
    """The perceptual hash of an encoded photo, which is decoded at a fraction of its size.

    It may differ in some bits from the hash of the same photo decoded at another size (8 in the median). The arguments
    are those of `beam_jobs.codec.photos.decode_photo`.

    Raises:
      InputRejected: The bytes are not a photo that can be published.
    """
    return photo_hash(decode_photo(data, _DECODED_SIDE, max_missing_fraction).image)
