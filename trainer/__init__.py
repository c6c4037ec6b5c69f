"""Input pipeline, models, training, metrics and export. Knows nothing of TFX beyond the arguments of `run_fn`.

For training code that is not ours, `load_split` opens a published version as a `tf.data.Dataset`. It is imported on
first use, because TensorFlow takes seconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.published_split import LoadedSplit, load_split

__all__ = ["LoadedSplit", "load_split"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("trainer.published_split"), name)
