"""The TensorFlow Metadata schema of a data set's records, derived from its `dataset.yaml`.

Every feature is present exactly once in every record, but for source masks, which records of train lack. Skew
comparators compare the splits of one version, drift comparators each split with the same split of a baseline version:
infinity norm for strings, Jensen-Shannon divergence for numbers. With any other combination, TFDV only warns and
compares nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from schemas.features import (
    BRIGHTNESS,
    CONTRAST,
    GROUP,
    IGNORED_FRACTION,
    IMAGE,
    IMAGE_ID,
    MASK,
    SOURCE_HEIGHT,
    SOURCE_MASK,
    SOURCE_WIDTH,
    WEIGHT,
)
from schemas.photos import MAX_SIDE, MIN_SIDE
from schemas.spec import DatasetSpec
from schemas.statistics_rule import NUMBERS, Threshold

DEFAULT_DRIFT = {"BYTES": 0.2, "FLOAT": 0.15}  # only where a baseline is named
_IN_EACH = ("presence { min_fraction: 1.0 min_count: 1 }", "shape { dim { size: 1 } }")
_IN_SOME = ("value_count { min: 1 max: 1 }",)  # a shape would demand it of each record
_NORMS = {"BYTES": "infinity_norm", "FLOAT": "jensen_shannon_divergence"}

# Digests of the hand-written schemas of earlier versions, which have the same effect.
_WRITTEN_BY_HAND = {
    "pets": "72c12e18500ba5ce11c40a78a5b085de3b0016305126f3c0ba5b670f89dcba9d",
    "streets": "b174386936d34030e7f0e4cbec9a709aae33607d15deb96dd54aa303c24852ed",
}


def is_schema_of(spec: DatasetSpec, sha256: str) -> bool:
    """Whether a digest in a manifest is of the data set's schema, or of the hand-written one that it had before."""
    return sha256 in (schema_sha256(spec), schema_sha256(spec, source_masks=True), _WRITTEN_BY_HAND.get(spec.name))


def derive_schema(spec: DatasetSpec, source_masks: bool = False) -> str:
    """The schema in protobuf's text format; the same arguments give the same text.

    Args:
      spec: Of the data set.
      source_masks: Whether records of eval and test hold their masks at the photos' own sizes.
    """
    parts = [_feature(name, "BYTES", ["image_domain {}"]) for name in (IMAGE, MASK)]
    if source_masks:
        parts.append(_feature(SOURCE_MASK, "BYTES", ["image_domain {}"], presence=_IN_SOME))
    parts.append(_feature(IMAGE_ID, "BYTES", []))
    if spec.names_groups:
        parts.append(_feature(GROUP, "BYTES", []))
    domains = _domains(spec)
    for name in spec.slice_names:
        own = [f"domain: {_text(name)}"] if name in domains else []
        parts.append(_feature(name, "BYTES", [*own, *_comparators("BYTES", spec.thresholds.get(name))]))
    for name in (SOURCE_HEIGHT, SOURCE_WIDTH):
        parts.append(_feature(name, "INT", [f"int_domain {{ min: {MIN_SIDE} max: {MAX_SIDE} }}"]))
    most = dict.fromkeys(spec.fraction_features, 1.0)
    if spec.ignores_pixels:
        most[IGNORED_FRACTION] = spec.max_ignored_fraction
    for name, largest in {**most, BRIGHTNESS: 1.0, CONTRAST: 0.5}.items():
        domain = f"float_domain {{ min: 0.0 max: {largest} disallow_nan: true }}"
        threshold = spec.thresholds.get(name, spec.thresholds.get(NUMBERS))
        parts.append(_feature(name, "FLOAT", [domain, *_comparators("FLOAT", threshold)]))
    if spec.has_weights:
        parts.append(_feature(WEIGHT, "FLOAT", ["float_domain { min: 0.0 disallow_nan: true }"]))
    for name, values in domains.items():
        lines = "".join(f"  value: {_text(value)}\n" for value in values)
        parts.append(f"string_domain {{\n  name: {_text(name)}\n{lines}}}\n")
    return "".join(parts)


def schema_sha256(spec: DatasetSpec, source_masks: bool = False) -> str:
    """Digest of the bytes of a version's `schema.pbtxt`, as manifests record it."""
    return hashlib.sha256(derive_schema(spec, source_masks).encode()).hexdigest()


def _text(value: str) -> str:
    """A string of the text format, which takes letters as they are; JSON's `\\u00fc` would be the byte 0xfc there."""
    return json.dumps(value, ensure_ascii=False)


def _feature(name: str, kind: str, more: list[str], presence: Sequence[str] = _IN_EACH) -> str:
    lines = [f"name: {_text(name)}", f"type: {kind}", *presence, *more]
    return "feature {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _comparators(kind: str, threshold: Threshold | None) -> Iterator[str]:
    limits = {
        "skew": threshold.skew if threshold else None,
        "drift": threshold.drift if threshold and threshold.drift is not None else DEFAULT_DRIFT[kind],
    }
    for name, limit in limits.items():
        if limit is not None:
            yield f"{name}_comparator {{ {_NORMS[kind]} {{ threshold: {limit} }} }}"


def _domains(spec: DatasetSpec) -> dict[str, list[str]]:
    """Slice to its possible values, if the data set states them."""
    domains = {}
    for one in spec.slices:
        of_later = [member for later in spec.slices if later.of == one.name for member in later.members]
        if values := [*one.groups] or [*one.values] or of_later:
            domains[one.name] = sorted(values)
    return domains
