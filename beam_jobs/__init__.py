"""Apache Beam jobs: photos and masks in, published data set versions out.

Imports `schemas` alone of the project's packages; a worker needs no TFX and no Keras.

The public names are imported on first use, so that a command line that only prints its help does not wait for Beam:

    PrepareOptions                       what to prepare, from where, to where, and how
    Prepare, Validate, Compare, Predict, Monitor, Shadow  the jobs as transforms of a `beam.Pipeline`

In lower case, `prepare`, `validate`, `compare`, `predict`, `monitor` and `shadow` are the packages that hold them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beam_jobs.prepare.options import PrepareOptions
    from beam_jobs.transforms import Compare, Monitor, Predict, Prepare, Shadow, Validate

__all__ = ["Compare", "Monitor", "Predict", "Prepare", "PrepareOptions", "Shadow", "Validate"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "beam_jobs.prepare.options" if name == "PrepareOptions" else "beam_jobs.transforms"
    return getattr(importlib.import_module(module), name)
