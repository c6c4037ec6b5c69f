"""A version that is already published: the same inputs and options change nothing, and others are a mistake."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from beam_jobs.prepare.content_options import content_options
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.sole_job import clear_staging
from beam_jobs.prepare.summary import changed_options
from beam_jobs.storage.files import exists, read_file, write_atomically
from beam_jobs.storage.versions import read_contract, read_manifest
from schemas.contract import contract_changes
from schemas.derived_schema import is_schema_of
from schemas.errors import UserError
from schemas.manifest import SOURCE_MASKS, Manifest, options_sha256
from schemas.version_files import MANIFEST_FILE, METRICS_FILE

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

OTHER_VERSION = "choose another --version"


class AlreadyPublished(UserError):
    """The version is published with another content."""


def read_published(options: PrepareOptions) -> Manifest | None:
    """The manifest of the version that the options name, or None where it is not published."""
    try:
        return read_manifest(options.version_dir) if exists(f"{options.version_dir}/{MANIFEST_FILE}") else None
    except (OSError, ValueError) as error:  # ValueError: a file system of Beam's that is not set up
        raise UserError(f"--output {options.output}: {MANIFEST_FILE} can't be read ({error})") from None


def compare_with_published(published: Manifest, options: PrepareOptions, pipeline_options: PipelineOptions) -> int:
    """Repeating the same inputs and options is no error and no work; anything else must not touch the version."""
    from beam_jobs.prepare.accounting import restore_metrics

    check_same_options(published, options)
    digest_lists = published.dataset_sha256 is not None
    if _digest_of_inputs(options, pipeline_options, digest_lists) != published.inputs_sha256:
        raise AlreadyPublished(f"{options.version_dir} is already published from other inputs; {OTHER_VERSION}")
    clear_staging(options)
    print(f"Already published from the same inputs and options: {options.version_dir}")
    if restore_metrics(published, options.version_dir):
        print(f"Its {METRICS_FILE} was missing: counts are restored from the manifest, times are lost.")
    return 0


def check_same_options(published: Manifest, options: PrepareOptions) -> None:
    """Raises a UserError if a published version was made with other options or under another contract."""
    if options.source_masks is None:  # versions from before there were any are still what the same command gives
        options = options.model_copy(update={SOURCE_MASKS: published.options.get(SOURCE_MASKS, "none")})
    if published.options_sha256 != options_sha256(content_options(options)):
        changed = changed_options(published.options, content_options(options))
        raise AlreadyPublished(f"{options.version_dir} is already published with {changed}; {OTHER_VERSION}")
    if not is_schema_of(options.description, published.schema_sha256):
        raise AlreadyPublished(
            f"{options.version_dir} is already published, checked against another schema; {OTHER_VERSION}"
        )
    if changes := contract_changes(read_contract(options.version_dir, published), options.description):
        raise AlreadyPublished(f"{options.version_dir} is already published with {'; '.join(changes)}; {OTHER_VERSION}")


def _digest_of_inputs(options: PrepareOptions, pipeline_options: PipelineOptions, digest_lists: bool) -> str:
    import apache_beam as beam

    from beam_jobs.prepare.inputs_digest import DigestInputs
    from beam_jobs.prepare.planning import plan_records
    from beam_jobs.runners.supervision import supervised_pipeline

    with tempfile.TemporaryDirectory() as local:
        folder = options.staging_dir if "://" in options.output else local
        path = f"{folder}/inputs_sha256"
        with supervised_pipeline(pipeline_options) as pipeline:
            _ = (
                pipeline
                | "DigestInputs" >> DigestInputs(plan_records(options, digest_lists))
                | "WriteDigest" >> beam.Map(lambda digest: write_atomically(path, digest.encode()))
            )
        return read_file(path).decode()
