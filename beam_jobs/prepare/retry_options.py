"""Options of `--retry_quarantined`: all that decide content come from the base version."""

from __future__ import annotations

from typing import Any

from beam_jobs.console import COMMAND_LINE
from beam_jobs.prepare.content_options import BASE_OPTIONS, content_options
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.summary import changed_options
from beam_jobs.sources.dataset_file import read_origin
from beam_jobs.storage.versions import read_contract, require_shards, require_version
from schemas.contract import label_changes
from schemas.derived_schema import is_schema_of
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.manifest import SOURCE_MASKS
from schemas.version_files import DATASET_FILE


def with_base_options(values: dict[str, Any]) -> dict[str, Any]:
    """Completes a command line's values from the input's `origin.yaml` and from the options of the version that
    `retry_quarantined` names, if any.

    Raises:
      UserError: A value is wrong or contradicts the base, or the base is not published under the installed contract,
        or its files are not those of its manifest.
    """
    asked = parse_model(PrepareOptions, values, COMMAND_LINE)
    if (origin := read_origin(asked.input)) is not None:
        values = {**values, "origin": origin.model_dump()}
    if asked.base_dir is None:
        return values
    base = require_version("--retry_quarantined", asked.base_dir)
    if not is_schema_of(asked.description, base.schema_sha256):
        raise UserError(
            f"--retry_quarantined {asked.base_dir}: was checked against another schema than that of"
            f" {asked.dataset}'s {DATASET_FILE}; prepare a version from all photos"
        )
    if changes := label_changes(read_contract(asked.base_dir, base), asked.description):
        raise UserError(
            f"--retry_quarantined {asked.base_dir}: was published with {'; '.join(changes)}, and its records are"
            " copied; prepare a version from all photos"
        )
    require_shards(asked.base_dir, base)
    before = _without_base(base.options)
    kept = {name: value for name, value in before.items() if name in PrepareOptions.model_fields and value is not None}
    kept.setdefault(SOURCE_MASKS, "none")  # the base has none, and its records are copied
    completed = {**kept, **values, "base_sha256": base.sha256}
    now = _without_base(content_options(parse_model(PrepareOptions, completed, COMMAND_LINE)))
    if before != now:
        raise UserError(
            f"--retry_quarantined {asked.base_dir}: was made with {changed_options(before, now)}, and its records are"
            " copied; leave such options out, or prepare a version from all photos"
        )
    return completed


def _without_base(options: dict[str, Any]) -> dict[str, Any]:
    """The options that decide content, without the version that it was itself built upon."""
    return {name: value for name, value in options.items() if name not in BASE_OPTIONS}
