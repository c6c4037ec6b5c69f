"""Keeps temporary files in a folder of the run's own, so that the next run can remove those of a killed one.

TFX, Beam and TensorFlow create theirs where `tempfile` does: `beam-pipeline-temp...`, a copy of the model, code that
AutoGraph wrote. In the system's folder, nothing would say whose they are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beam_jobs.storage.ownership import claim_folder, delete_marked_folder, is_marked

OWNER = "python -m tfx_pipeline.local_runner"
VARIABLE = "TMPDIR"  # the first variable that Python, C++ code and child processes read


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Makes this process and its children create temporary files in `folder`, which is new and removed afterwards.

    Only one process at a time may use the folder.

    Raises:
      UserError: The folder holds files that no run created.
    """
    if is_marked(str(folder), OWNER):  # left by a killed run
        delete_marked_folder(str(folder))
    claim_folder("output", str(folder), OWNER)
    before, variable = tempfile.tempdir, os.environ.get(VARIABLE)
    tempfile.tempdir = os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = variable
        delete_marked_folder(str(folder))
