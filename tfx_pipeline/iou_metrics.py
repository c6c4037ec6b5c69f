"""TFMA metrics of a segmentation model, exact, from one small confusion matrix per example.

The model's `evaluate` signature returns `confusion_matrix` [N, C*C], rows the true class, columns the predicted class,
in pixels. These metrics sum the matrices of a slice and derive from the sum what `trainer.confusion` defines. A class
that is absent from truth and prediction of a slice has no IoU: it is NaN and is left out of the mean. No label is
needed beside the matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from trainer.confusion import class_iou, mean_iou, pixel_accuracy

CONFUSION_MATRIX_OUTPUT = "confusion_matrix"
MEAN_IOU = "mean_iou"
PIXEL_ACCURACY = "pixel_accuracy"
_SUMMED_MATRIX = "_segmentation_confusion_matrix"  # TFMA keeps names with a leading underscore out of its results

MetricValues = dict[tfma.metrics.MetricKey, "float | np.ndarray"]


def class_iou_name(class_name: str) -> str:
    """Name of the metric that holds one class's IoU, e.g. `iou_pet`."""
    return f"iou_{class_name}"


# Each metric takes `source_sha256`, the digest of the code behind it, only so that it stands in the EvalConfig.
class MeanIoU(tfma.metrics.Metric):
    """Mean IoU of a slice, over the classes that occur in it."""

    def __init__(self, num_classes: int, name: str = MEAN_IOU, source_sha256: str = ""):
        super().__init__(_mean_iou_computations, num_classes=num_classes, name=name)


class PixelAccuracy(tfma.metrics.Metric):
    """Share of the pixels of a slice whose class is right."""

    def __init__(self, num_classes: int, name: str = PIXEL_ACCURACY, source_sha256: str = ""):
        super().__init__(_pixel_accuracy_computations, num_classes=num_classes, name=name)


class ClassIoU(tfma.metrics.Metric):
    """IoU of one class of a slice."""

    def __init__(self, num_classes: int, class_id: int, name: str, source_sha256: str = ""):
        super().__init__(_class_iou_computations, num_classes=num_classes, class_id=class_id, name=name)


for _metric_class in (MeanIoU, PixelAccuracy, ClassIoU):
    tfma.metrics.metric_types.register_metric(_metric_class)


# TFMA passes each function the arguments that it names: those of the metric, and `model_names` of the EvalConfig.
def _mean_iou_computations(
    num_classes: int, name: str, model_names: list[str] | None = None
) -> tfma.metrics.MetricComputations:
    return _computations(mean_iou, num_classes, name, model_names)


def _pixel_accuracy_computations(
    num_classes: int, name: str, model_names: list[str] | None = None
) -> tfma.metrics.MetricComputations:
    return _computations(pixel_accuracy, num_classes, name, model_names)


def _class_iou_computations(
    num_classes: int, class_id: int, name: str, model_names: list[str] | None = None
) -> tfma.metrics.MetricComputations:
    return _computations(lambda matrix: float(class_iou(matrix)[class_id]), num_classes, name, model_names)


def _computations(
    derive: Callable[[np.ndarray], float], num_classes: int, name: str, model_names: list[str] | None
) -> tfma.metrics.MetricComputations:
    """Per model: the sum of the slice's matrices (TFMA computes equal ones once), and `derive` of that sum."""
    computations = []
    for model_name in model_names or [""]:
        matrix_key = tfma.metrics.MetricKey(name=_SUMMED_MATRIX, model_name=model_name)
        metric_key = tfma.metrics.MetricKey(name=name, model_name=model_name)

        def result(metrics: MetricValues, matrix_key=matrix_key, metric_key=metric_key) -> MetricValues:
            return {metric_key: derive(metrics[matrix_key])}

        computations += [
            tfma.metrics.MetricComputation(
                keys=[matrix_key],
                preprocessors=None,
                combiner=_SumConfusionMatrices(matrix_key, num_classes),
            ),
            tfma.metrics.DerivedMetricComputation(keys=[metric_key], result=result),
        ]
    return computations


class _SumConfusionMatrices(beam.CombineFn):
    """Adds the matrices of examples up, int64 [C, C]: counts of pixels stay exact."""

    def __init__(self, key: tfma.metrics.MetricKey, num_classes: int):
        self._key = key
        self._num_classes = num_classes

    def create_accumulator(self) -> np.ndarray:
        return np.zeros((self._num_classes, self._num_classes), np.int64)

    def add_input(self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs) -> np.ndarray:
        predictions = element.get_predictions(self._key.model_name)
        matrix = np.asarray(predictions[CONFUSION_MATRIX_OUTPUT], np.int64)
        if matrix.size != accumulator.size:
            raise ValueError(
                f"the model returned a confusion matrix of {matrix.size} numbers for one example,"
                f" expected {accumulator.size} for {self._num_classes} classes"
            )
        return accumulator + matrix.reshape(accumulator.shape)

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: np.ndarray) -> MetricValues:
        return {self._key: accumulator}
