"""The Tuner on Vertex AI: TFX's own, in a CustomJob with one machine.

TFX's Tuner for Vertex AI distributes the trials over machines that call a KerasTuner server; one machine needs none.
"""

from __future__ import annotations

import tempfile

from tfx.components.tuner.component import Tuner
from tfx.components.tuner.executor import Executor as TunerExecutor
from tfx.dsl.components.base import executor_spec

from tfx_pipeline.vertex.custom_job import Executor as CustomJobExecutor


class SearchExecutor(TunerExecutor):
    """TFX's search, inside the CustomJob."""

    def _get_tmp_dir(self) -> str:  # TFX gives a CustomJob none, and its search needs one
        return tempfile.mkdtemp()


class Executor(CustomJobExecutor):
    """Starts the CustomJob that searches, and waits for it, as TFX's Trainer does for training."""

    def _GetExecutorClass(self) -> type[SearchExecutor]:  # noqa: N802 (TFX calls it)
        return SearchExecutor


class VertexTuner(Tuner):
    """TFX's Tuner, with an executor that searches in a CustomJob."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
