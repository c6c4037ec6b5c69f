"""One way to evaluate, in a process of its own: `python -m tests.bench.evaluators NAME MODELS SHARDS OUTPUT SIDE`.

NAME is `export`, which writes the models of both ways into the folder MODELS, or one of EVALUATORS. Those leave
`evaluation.json` in the folder OUTPUT: `seconds`, imports left out, and `mean_iou`. SHARDS is a pattern.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.shipped import load_spec

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow_model_analysis.proto import config_pb2

EXPORTED, PLAIN = "exported", "plain"  # folders in MODELS: as the trainer exports, and for the mean IoU alone
MODEL_BATCH = 32
SPEC = load_spec("pets")
CLASSES = len(SPEC.classes)

Ready = Callable[[], None]


def export(models: Path, image_size: int) -> None:
    """Writes one untrained U-Net twice: as the trainer exports it, and with signatures for the mean IoU alone."""
    import keras

    from tests.bench.mean_iou_evaluation import export_for_mean_iou
    from trainer.config import TrainingConfig
    from trainer.export import export_model
    from trainer.models import build_model

    keras.utils.set_random_seed(0)
    config = TrainingConfig(encoder_weights="none", encoder_scale=1, fine_tune_epochs=0)
    model = build_model(config, image_size, CLASSES)
    export_model(model, image_size, CLASSES, str(models / EXPORTED))
    export_for_mean_iou(model, image_size, CLASSES, str(models / PLAIN))


def light_tfma(ready: Ready, models: Path, shards: str, output: Path) -> float:
    """The project's Evaluator: every metric of it, with its confidence intervals."""
    from tfx_pipeline.config.pipeline import EvaluationConfig
    from tfx_pipeline.evaluation.eval_config import eval_config

    config = eval_config(SPEC, EvaluationConfig(min_mean_iou=0.0))
    for metric in config.metrics_specs[0].metrics:
        metric.ClearField("per_slice_thresholds")  # one of them asks for a last blessed model
    return _tfma(ready, config, models / EXPORTED, shards, output)


def matrix_tfma(ready: Ready, models: Path, shards: str, output: Path) -> float:
    """TFMA is given confusion matrices, and makes the mean IoU of them."""
    from tests.bench.mean_iou_evaluation import MATRIX, mean_iou_eval_config

    return _tfma(ready, mean_iou_eval_config(SPEC, MATRIX), models / PLAIN, shards, output)


def logits_tfma(ready: Ready, models: Path, shards: str, output: Path) -> float:
    """TFMA is given logits, and makes the mean IoU of them."""
    from tests.bench.mean_iou_evaluation import LOGITS, mean_iou_eval_config

    return _tfma(ready, mean_iou_eval_config(SPEC, LOGITS), models / PLAIN, shards, output)


def light_model(ready: Ready, models: Path, shards: str, output: Path) -> float:
    """The trainer's `evaluate` signature without TFMA."""
    import numpy as np

    from schemas.exported_model import CONFUSION_MATRIX, EVALUATE
    from schemas.metrics import mean_iou

    matrix = np.zeros(CLASSES**2, np.int64)
    for answer in _answers(ready, models / EXPORTED, EVALUATE, shards):
        matrix += answer[CONFUSION_MATRIX].numpy().sum(axis=0)
    return mean_iou(matrix.reshape(CLASSES, CLASSES))


def logits_model(ready: Ready, models: Path, shards: str, output: Path) -> float:
    """The signature for logits without TFMA."""
    import numpy as np

    from schemas.metrics import confusion_matrix, mean_iou
    from tests.bench.mean_iou_evaluation import LOGITS

    matrix = np.zeros((CLASSES, CLASSES), np.int64)
    for answer in _answers(ready, models / PLAIN, LOGITS, shards):
        predicted = np.argmax(answer["logits"].numpy().reshape(-1, CLASSES), axis=-1)
        matrix += confusion_matrix(answer["labels"].numpy().ravel(), predicted, CLASSES)
    return mean_iou(matrix)


EVALUATORS = {one.__name__: one for one in (light_tfma, matrix_tfma, logits_tfma, light_model, logits_model)}


def _tfma(ready: Ready, config: config_pb2.EvalConfig, model: Path, shards: str, output: Path) -> float:
    """The mean IoU that TFMA reports, its Beam job in this process as in a local run of the pipeline."""
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import PipelineOptions

    from schemas.metrics import MEAN_IOU
    from tfx_pipeline.platforms import BEAM_IN_THE_STEP

    ready()
    tfma.run_model_analysis(
        eval_shared_model=tfma.default_eval_shared_model(str(model), eval_config=config),
        eval_config=config,
        data_location=shards,
        file_format="tfrecords",
        output_path=str(output),
        pipeline_options=PipelineOptions(list(BEAM_IN_THE_STEP)),
    )
    [overall] = [one for one in tfma.load_metrics(str(output)) if not one.slice_key.single_slice_keys]
    return {one.key.name: one.value.double_value.value for one in overall.metric_keys_and_values}[MEAN_IOU.name]


def _answers(ready: Ready, model: Path, signature: str, shards: str) -> Iterator[dict[str, tf.Tensor]]:
    """What the signature returns for all records, a batch at a time."""
    import tensorflow as tf

    ready()
    call = tf.saved_model.load(str(model)).signatures[signature]
    for examples in tf.data.TFRecordDataset(tf.io.gfile.glob(shards)).batch(MODEL_BATCH):
        yield call(examples)


def evaluate(name: str, models: Path, shards: str, output: Path) -> dict:
    """Runs one of EVALUATORS: its `seconds` once everything is imported, and the `mean_iou` that it found."""
    started = []
    found = EVALUATORS[name](lambda: started.append(time.perf_counter()), models, shards, output)
    return {"seconds": time.perf_counter() - started[0], "mean_iou": found}


if __name__ == "__main__":
    way, folder, pattern, target, side = sys.argv[1:]
    if way == "export":
        export(Path(folder), int(side))
    else:
        result = evaluate(way, Path(folder), pattern, Path(target))
        Path(target, "evaluation.json").write_text(json.dumps(result))
