"""The Tuner where Google runs it: TFX's own, in a CustomJob of one machine.

TFX's Tuner for Vertex AI shares the trials among machines that talk to each other; with one machine it is no other.
"""

from __future__ import annotations

from tfx.components.tuner.component import Tuner
from tfx.components.tuner.executor import Executor as TunerExecutor
from tfx.dsl.components.base import executor_spec
from tfx.extensions.google_cloud_ai_platform.trainer.executor import GenericExecutor


class Executor(GenericExecutor):
    """Starts the CustomJob that searches, and waits for it, as TFX's Trainer does for the one that trains."""

    def _GetExecutorClass(self) -> type[TunerExecutor]:  # noqa: N802 (TFX calls it)
        return TunerExecutor


class VertexTuner(Tuner):
    """TFX's Tuner, with an executor that has a CustomJob search."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
