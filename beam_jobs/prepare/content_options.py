"""The options that decide a version's bytes, as its manifest states them."""

from __future__ import annotations

from beam_jobs.prepare.options import PrepareOptions
from schemas.features import EVAL
from schemas.fitting import LETTERBOX
from schemas.manifest import SOURCE_MASKS

BASE_OPTIONS = ("retry_quarantined", "base_sha256")  # what a version was built upon


def content_options(asked: PrepareOptions) -> dict[str, str | int | float | None]:
    """Name to value of the options that decide the content; not folders or gates, nor what decides nothing here."""
    options = asked.model_dump(
        include={
            "image_size",
            "split",
            "eval_fraction",
            "image_format",
            "jpeg_quality",
            "max_missing_fraction",
            "shard_bytes",
        }
    )
    if asked.split == "official" and not asked.description.hashes_some:
        options["eval_fraction"] = None
    if asked.test_fraction:
        options["test_fraction"] = asked.test_fraction
    if asked.fit == LETTERBOX:
        options["fit"] = asked.fit
    if asked.keeps_source_masks:
        options[SOURCE_MASKS] = EVAL
    if asked.image_format == "png":
        options["jpeg_quality"] = None
    options["near_duplicates"] = asked.near_duplicates if asked.near_duplicates == "one_side" else None
    if asked.retry_quarantined:
        options |= asked.model_dump(include=set(BASE_OPTIONS))
    if asked.exclude_sha256:
        options["exclude_sha256"] = asked.exclude_sha256
    return options
