"""One job of a version at a time on this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import delete_staging, free_interrupted, mark_staging
from beam_jobs.storage.files import exists, remove_if_empty
from beam_jobs.storage.sole_use import sole_use
from schemas.errors import UserError


@contextlib.contextmanager
def alone(options: PrepareOptions) -> Iterator[None]:
    """Keeps a second job of this version from running on this machine; UserError where there is one.

    A bucket has no such lock: the first job to publish wins, and the other one finds out when it ends.
    """
    if "://" in options.output:
        yield
        return
    refusal = (
        f"{options.version_dir}: another job is preparing this version; wait for its end, or choose another --version"
    )
    all_staging = os.path.dirname(options.staging_root)
    with contextlib.ExitStack() as stack:
        stack.callback(remove_if_empty, all_staging)
        try:
            os.makedirs(all_staging, exist_ok=True)
            stack.enter_context(sole_use(_lock(options), refusal))
            free_interrupted(options)
            mark_staging(options)
        except OSError as error:
            raise UserError(f"--output {options.output}: can't be written to ({error.strerror})") from None
        yield


def clear_staging(options: PrepareOptions) -> None:
    """Deletes what killed jobs left behind of a version that is published."""
    if "://" not in options.output and exists(_lock(options)):
        with (
            contextlib.suppress(UserError),
            sole_use(_lock(options), "a job that can no longer publish is still running"),
        ):
            pass  # removes it
    delete_staging(options, published=True)


def _lock(options: PrepareOptions) -> str:
    return f"{options.staging_root}.lock"
