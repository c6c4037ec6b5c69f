"""The TFX component TestEvaluator: the one evaluation on the split `test`, at the end, of a model that is blessed.

Nothing that trains, searches, stops or blesses reads that split. A model that is not blessed is not chosen, and its
figures on `test` would only tempt people to choose the next one by them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow_model_analysis as tfma
from tfx.components.evaluator import executor as evaluator_executor
from tfx.components.util import model_utils
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import Artifact, BaseChannel, Channel, ComponentSpec, artifact_utils
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation
from tfx.utils import json_utils

from schemas.features import TEST


class Executor(evaluator_executor.Executor):
    """TFX's Evaluator, for blessed models only; the output of another model stays empty."""

    def Do(  # noqa: N802 (TFX calls it so)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `FinalEvaluatorSpec` for the channels and properties."""
        if model_utils.is_model_blessed(artifact_utils.get_single_instance(input_dict["model_blessing"])):
            super().Do(input_dict, output_dict, exec_properties)


class FinalEvaluatorSpec(ComponentSpec):
    """The interface of TestEvaluator: that of TFX's Evaluator, as far as it is needed, and a blessing to read."""

    PARAMETERS: ClassVar = {
        "eval_config": ExecutionParameter(type=tfma.EvalConfig),
        "example_splits": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "examples": ChannelParameter(type=Examples),
        "model": ChannelParameter(type=Model),
        "model_blessing": ChannelParameter(type=ModelBlessing),
    }
    OUTPUTS: ClassVar = {"evaluation": ChannelParameter(type=ModelEvaluation)}


class FinalEvaluator(BaseBeamComponent):
    """Evaluates a blessed model on the split `test`."""

    SPEC_CLASS = FinalEvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self, examples: BaseChannel, model: BaseChannel, model_blessing: BaseChannel, eval_config: tfma.EvalConfig
    ):
        """Creates the component.

        Args:
          examples: Of a version with the split `test`.
          model: An exported model.
          model_blessing: Evaluator's verdict on it.
          eval_config: Metrics, without thresholds.
        """
        spec = FinalEvaluatorSpec(
            examples=examples,
            model=model,
            model_blessing=model_blessing,
            eval_config=eval_config,
            example_splits=json_utils.dumps([TEST]),
            evaluation=Channel(type=ModelEvaluation),
        )
        super().__init__(spec=spec)
