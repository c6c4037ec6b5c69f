"""TFMA with the mean IoU and nothing else, of logits, as is usual, or of confusion matrices."""

from __future__ import annotations

import json
from collections.abc import Iterable

import apache_beam as beam
import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from schemas.metrics import confusion_matrix, mean_iou
from schemas.spec import DatasetSpec
from trainer.confusion import batch_confusion_matrices
from trainer.input_pipeline import parse_example
from trainer.preprocessing import scale_pixels

LOGITS, MATRIX = "logits", "matrix"  # signatures
MEAN_IOU = "mean_iou"


def export_for_mean_iou(model: keras.Model, image_size: int, num_classes: int, folder: str) -> None:
    """Writes a SavedModel with two signatures from records, string [N].

    - LOGITS: `logits` float32 [N, S * S * C] and `labels` uint8 [N, S * S], which are decoded here and not once more by
      TFMA; that favours this way.
    - MATRIX: int64 [N, C * C], as the trainer's `evaluate`, and nothing else.
    """
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]

    def answer(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, truth = tf.map_fn(
            lambda one: parse_example(one, image_size),
            examples,
            fn_output_signature=(
                tf.TensorSpec([image_size, image_size, 3], tf.uint8),
                tf.TensorSpec([image_size, image_size], tf.uint8),
            ),
        )
        return model(scale_pixels(images), training=False), truth

    records = [tf.TensorSpec([None], tf.string, "examples")]

    @tf.function(input_signature=records)
    def logits(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        answers, truth = answer(examples)
        return {
            "logits": tf.reshape(answers, [-1, image_size * image_size * num_classes]),
            "labels": tf.reshape(truth, [-1, image_size * image_size]),
        }

    @tf.function(input_signature=records)
    def matrix(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        answers, truth = answer(examples)
        matrices = batch_confusion_matrices(truth, tf.argmax(answers, axis=-1), num_classes)
        return {"confusion_matrix": tf.reshape(matrices, [-1, num_classes**2])}

    tf.saved_model.save(module, folder, signatures={LOGITS: logits, MATRIX: matrix})


def mean_iou_eval_config(spec: DatasetSpec, signature: str) -> config_pb2.EvalConfig:
    """Mean IoU and the number of examples, in the slices that the project's own evaluation has."""
    settings = json.dumps({"num_classes": len(spec.classes)})
    metric = config_pb2.MetricConfig(class_name=MeanIou.__name__, module=__name__, config=settings)
    slices = [config_pb2.SlicingSpec(feature_keys=[name]) for name in spec.slice_names]
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name=signature)],
        slicing_specs=[config_pb2.SlicingSpec(), *slices],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[config_pb2.MetricConfig(class_name="ExampleCount"), metric])],
    )


class MeanIou(tfma.metrics.Metric):
    """The mean IoU of a slice."""

    def __init__(self, num_classes: int, name: str = MEAN_IOU):
        super().__init__(_computations, num_classes=num_classes, name=name)


tfma.metrics.metric_types.register_metric(MeanIou)


def _computations(num_classes: int, name: str) -> tfma.metrics.MetricComputations:
    key = tfma.metrics.MetricKey(name=name)
    combiner = _SummedMatrix(key, num_classes)
    return [tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class _SummedMatrix(beam.CombineFn):
    """Adds confusion matrices of examples up."""

    def __init__(self, key: tfma.metrics.MetricKey, num_classes: int):
        self._key = key
        self._num_classes = num_classes

    def create_accumulator(self) -> np.ndarray:
        return np.zeros((self._num_classes, self._num_classes), np.int64)

    def add_input(self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs) -> np.ndarray:
        predictions = element.get_predictions()
        if not isinstance(predictions, dict):  # TFMA unpacks a single output
            return accumulator + np.reshape(predictions, accumulator.shape)
        predicted = np.argmax(np.reshape(predictions["logits"], (-1, self._num_classes)), axis=-1)
        return accumulator + confusion_matrix(np.ravel(predictions["labels"]), predicted, self._num_classes)

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: np.ndarray) -> dict[tfma.metrics.MetricKey, float]:
        return {self._key: mean_iou(accumulator)}
