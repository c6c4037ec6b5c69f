"""One record: a photo and its mask, encoded, with scalar features for the statistics."""

from __future__ import annotations

import io
import time
from typing import NamedTuple

from PIL import Image

from beam_jobs.codec.fitting import cut_photo, inner_size, pad_mask, pad_photo
from beam_jobs.codec.luma import luma_statistics
from beam_jobs.codec.mask_colors import PaletteColor
from beam_jobs.codec.masks import decode_mask, merge_classes, resize_mask
from beam_jobs.codec.photos import Photo, decode_photo, misnamed, resize_photo
from beam_jobs.codec.png import encode_mask
from beam_jobs.near_duplicates.hashing import encoded_photo_hash
from beam_jobs.near_duplicates.perceptual_hash import photo_hash
from beam_jobs.records.published_records import bytes_of, int_of
from beam_jobs.records.tf_example import Value
from beam_jobs.rejections import UNKNOWN_SLICE, InputRejected
from schemas import features
from schemas.fitting import STRETCH, Fit
from schemas.image_size import sides
from schemas.spec import DatasetSpec

MAX_MISSING_FRACTION = 0.02  # largest share of pixels that may be grey filling under the mask's classes
FULL_CHROMA = 0  # JPEG subsampling 4:4:4: at 128 pixels, halved chroma would blur the borders to be learned
PNG_COMPRESSION = 3  # zlib level, of photos: 6 takes twice as long and saves 3 %


class Encoding(NamedTuple):
    """How records are made of photos and masks.

    Attributes:
      image_size: Of photo and mask, see `schemas.image_size`; 0 keeps the sizes.
      image_format: `jpeg` or `png`, of the photo; masks are PNG.
      jpeg_quality: Of the photo, from 0 to 100.
      max_missing_fraction: Photos that end early are repaired up to this share of missing pixels; 0 repairs none.
      fit: How photos and masks are fitted into that size, see `schemas.fitting`.
      source_masks: Whether records of eval and test keep the mask at the photo's own size, too.
      photo_range: Of samples of 16 bits, see `schemas.photo_range`.
    """

    image_size: int | str
    image_format: str
    jpeg_quality: int
    max_missing_fraction: float = MAX_MISSING_FRACTION
    fit: Fit = STRETCH
    source_masks: bool = False
    photo_range: tuple[int, int] | None = None

    @property
    def longer_side(self) -> int:
        """Pixels that a photo's sides need for a sharp resize; 0 where it keeps its size."""
        return max(sides(self.image_size))

    def inner_size(self, photo: Photo) -> int | str:
        """The size that a photo is resized to, without its padding."""
        return inner_size((photo.source_height, photo.source_width), self.image_size, self.fit)

    def keeps_source_mask(self, split: str) -> bool:
        """Whether the records of a split keep it; training has no use for it."""
        return self.source_masks and split != features.TRAIN


class Record(NamedTuple):
    """One record, ready to be serialized.

    Attributes:
      values: Feature values by name, each one value.
      repairs: Kinds of repair that the photo needed.
      microseconds: What the steps `decode`, `resize` and `encode` took, photo and mask together.
      photo_hash: Perceptual hash to find near-duplicates; None for a flat photo, or without a search.
      mask_colors: Each value that a palette mask uses, to its colour; empty for a grey mask.
    """

    values: dict[str, Value]
    repairs: tuple[str, ...]
    microseconds: dict[str, int]
    photo_hash: bytes | None = None
    mask_colors: dict[int, PaletteColor] = {}  # noqa: RUF012  # never changed in place


def make_record(
    image_id: str,
    photo_data: bytes,
    mask_data: bytes,
    spec: DatasetSpec,
    encoding: Encoding,
    hash_photo: bool = False,
    photo_name: str = "",
    group: str = "",
    weight: float | None = None,
    split: str = features.TRAIN,
) -> Record:
    """Checks, resizes and encodes one pair of files.

    Args:
      image_id, photo_data, mask_data: The id, and the bytes of the files.
      spec, encoding: What records hold, and how.
      hash_photo: Whether near-duplicates are looked for.
      photo_name: The photo's path, of which only extension and folder are looked at.
      group: What a table says that its group is; empty where id or path say it.
      weight: What a table says that it counts in training; None without such a table, which is 1 where data sets are
        merged and another one has a table.
      split: That the record will be in.

    Raises:
      InputRejected: The photo, the mask or the id cannot be published.
    """
    try:
        slices = spec.slices_of(image_id)
    except ValueError as error:
        raise InputRejected(UNKNOWN_SLICE, str(error)) from None
    start = time.perf_counter_ns()
    photo = decode_photo(photo_data, encoding.longer_side, encoding.max_missing_fraction, encoding.photo_range)
    reading = spec.reading_of(image_id)
    source_mask = decode_mask(mask_data, reading, (photo.source_width, photo.source_height))
    decoded = time.perf_counter_ns()
    size = encoding.inner_size(photo)
    image = resize_photo(photo.image, size)
    mask = merge_classes(resize_mask(source_mask, reading, size), image_id, spec)
    resized = time.perf_counter_ns()
    encoded_image = encode_photo(pad_photo(image, encoding.image_size), encoding)
    encoded_mask = encode_mask(pad_mask(mask, encoding.image_size))
    kept: dict[str, Value] = {}
    if encoding.keeps_source_mask(split):  # rejects nothing: it has all the classes of the resized one
        whole = merge_classes(resize_mask(source_mask, reading, 0), image_id, spec)
        kept[features.SOURCE_MASK] = encode_mask(whole)
    encoded = time.perf_counter_ns()
    luma = image.convert("L")
    brightness, contrast = luma_statistics(luma)
    counts = Image.fromarray(mask).histogram()  # NumPy takes three times as long
    labelled = mask.size - counts[features.IGNORE_ID]
    ignored = {features.IGNORED_FRACTION: counts[features.IGNORE_ID] / mask.size} if spec.ignores_pixels else {}
    named = group or spec.group_of(image_id, photo_name)
    values: dict[str, Value] = {
        features.IMAGE: encoded_image,
        features.MASK: encoded_mask,
        **kept,
        features.IMAGE_ID: image_id.encode(),
        **({features.GROUP: named.encode()} if spec.names_groups else {}),
        **{name: value.encode() for name, value in slices.items()},
        features.SOURCE_HEIGHT: photo.source_height,
        features.SOURCE_WIDTH: photo.source_width,
        **{name: count / labelled for name, count in zip(spec.fraction_features, counts)},
        **ignored,
        **({features.WEIGHT: 1.0 if weight is None else weight} if spec.has_weights else {}),
        features.BRIGHTNESS: brightness,
        features.CONTRAST: contrast,
    }
    steps = {"decode": decoded - start, "resize": resized - decoded, "encode": encoded - resized}
    microseconds = {step: nanoseconds // 1000 for step, nanoseconds in steps.items()}
    hashed = photo_hash(luma) if hash_photo else None
    return Record(
        values,
        misnamed(photo, photo_name) + photo.repairs + source_mask.repairs,
        microseconds,
        hashed,
        source_mask.colors,
    )


def new_photo_hash(photo_data: bytes, encoding: Encoding) -> bytes | None:
    """The hash that `make_record` gives the photo, without the record; None for a flat photo.

    Raises:
      InputRejected: The photo cannot be published.
    """
    photo = decode_photo(photo_data, encoding.longer_side, encoding.max_missing_fraction, encoding.photo_range)
    return photo_hash(resize_photo(photo.image, encoding.inner_size(photo)).convert("L"))


def copied_photo_hash(record: dict[str, Value], fit: Fit) -> bytes | None:
    """The hash of the photo in a published record, which is copied as it is; None for a flat photo."""
    data = bytes_of(record, features.IMAGE)
    if fit == STRETCH:
        return encoded_photo_hash(data)
    source = int_of(record, features.SOURCE_HEIGHT), int_of(record, features.SOURCE_WIDTH)
    return photo_hash(cut_photo(decode_photo(data, 0).image, source, fit))


def encode_photo(image: Image.Image, encoding: Encoding) -> bytes:
    """The photo of a record, mode RGB, as JPEG or PNG."""
    buffer = io.BytesIO()
    if encoding.image_format == "png":
        image.save(buffer, "PNG", compress_level=PNG_COMPRESSION)
    else:
        image.save(buffer, "JPEG", quality=encoding.jpeg_quality, subsampling=FULL_CHROMA)
    return buffer.getvalue()
