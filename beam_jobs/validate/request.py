"""Checks a request for validation before a job is built: the version, the baseline, the output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from beam_jobs.console import heavy_imports
from beam_jobs.storage.versions import (
    absolute_folder,
    read_bounded,
    read_contract,
    refuse_published,
    require_baseline,
    require_version,
)
from schemas.errors import UserError
from schemas.manifest import Manifest
from schemas.version import MAX_SCHEMA_BYTES
from schemas.version_files import SCHEMA_FILE

if TYPE_CHECKING:
    from beam_jobs.validate.pipeline import Request


def read_checked(version_dir: str, baseline_dir: str | None, output: str | None) -> Manifest:
    """Reads the manifest of the version to validate.

    Raises:
      UserError: It is not published, or the baseline or the output can't be used; names the option.
    """
    manifest = require_version("--version_dir", version_dir)
    if baseline_dir:
        _check_baseline(baseline_dir, version_dir, manifest)
    if output:
        _check_output(output, [version_dir, *([baseline_dir] if baseline_dir else [])])
    return manifest


def make_request(
    version_dir: str, manifest: Manifest, schema: str | None, baseline_dir: str | None, output: str, progress_dir: str
) -> Request:
    """Reads and checks the schema."""
    with heavy_imports():
        from google.protobuf.text_format import ParseError

        from beam_jobs.statistics.measuring import parse_schema
        from beam_jobs.statistics.validation import Criteria
        from beam_jobs.validate.pipeline import Request

    path = absolute_folder(schema) if schema else f"{version_dir}/{SCHEMA_FILE}"
    name, remedy = ("--schema ", "") if schema else ("", "; --schema names another")
    try:
        text = read_bounded(path, MAX_SCHEMA_BYTES).decode()
        parse_schema(text)
    except OSError as error:
        raise UserError(f"{name}{path}: can't be read ({error.strerror or error}){remedy}") from None
    except (UnicodeDecodeError, ParseError, RecursionError) as error:  # the parser recurses into nested messages
        raise UserError(f"{name}{path}: not a schema in protobuf's text format ({error}){remedy}") from None
    spec = read_contract(version_dir, manifest)
    criteria = Criteria(text, spec.rules, baseline_dir, manifest.split_names, spec.fraction_titles)
    return Request(version_dir, manifest, criteria, output, progress_dir)


def _check_baseline(baseline_dir: str, version_dir: str, manifest: Manifest) -> None:
    if baseline_dir == version_dir:
        raise UserError(f"--baseline {baseline_dir}: is the version itself; give an earlier one")
    require_baseline(baseline_dir, manifest.dataset)


def _check_output(output: str, published: list[str]) -> None:
    refuse_published("--output", output, published)
    if "://" in output:
        return
    try:
        os.makedirs(output, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {output}: can't be written to ({error.strerror})") from None
