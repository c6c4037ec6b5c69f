"""The published version that `--retry_quarantined` builds upon."""

from __future__ import annotations

from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.storage.versions import read_manifest
from schemas.errors import UserError
from schemas.manifest import Manifest
from schemas.version_files import MANIFEST_FILE


def read_base(options: PrepareOptions) -> Manifest | None:
    """The manifest of the version that the options build upon, if any.

    Raises:
      UserError: As `read_unchanged`.
    """
    return None if options.base_dir is None else read_unchanged(options.base_dir, options.base_sha256)


def read_unchanged(base_dir: str, base_sha256: str | None) -> Manifest:
    """The manifest of a base version.

    Raises:
      UserError: It has changed since the job was launched.
    """
    base = read_manifest(base_dir)
    if base.sha256 != base_sha256:
        raise UserError(f"{base_dir}/{MANIFEST_FILE}: changed after the job was launched; start it again")
    return base
