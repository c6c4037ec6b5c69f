"""TensorBoard: losses, learning rate, metrics, and panels of photo, truth and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from schemas.colors import color_table
from schemas.features import IGNORE_ID
from schemas.metrics import Counts, figures
from schemas.spec import DatasetSpec

PANELS = 4  # photos shown
GAP = 2  # pixels between the images of a panel


class TensorBoardWriter:
    """Writes what TensorBoard shows into `FOLDER/train` and `FOLDER/validation`; the x axis is the step.

    Nothing is opened before something is written: several workers must find each other before any other op runs.
    """

    def __init__(self, folder: str, spec: DatasetSpec):
        self._folder = folder
        self._spec = spec
        self._colors = color_table(spec.palette)

    @cached_property
    def _train(self) -> tf.summary.SummaryWriter:
        return tf.summary.create_file_writer(f"{self._folder}/train")

    @cached_property
    def _validation(self) -> tf.summary.SummaryWriter:
        return tf.summary.create_file_writer(f"{self._folder}/validation")

    def epoch(self, step: int, loss: float, learning_rate: float, images_per_second: float) -> None:
        """Writes the figures of an epoch of training."""
        with self._train.as_default(step):
            tf.summary.scalar("loss", loss)
            tf.summary.scalar("learning_rate", learning_rate)
            tf.summary.scalar("images_per_second", images_per_second)
        self._train.flush()

    def evaluation(self, step: int, counts: Counts, loss: float) -> None:
        """Writes every metric of an evaluation, from the counts of the whole evaluation split, and its loss.

        The loss has the training loss's name, so that TensorBoard draws both in one chart.
        """
        with self._validation.as_default(step):
            tf.summary.scalar("loss", loss)
            for figure in figures(self._spec.class_names):
                value = figure.of(counts)
                if np.isfinite(value):
                    name = figure.metric.name
                    tf.summary.scalar(f"{name}/{figure.class_name}" if figure.class_name else name, value)
        self._validation.flush()

    def panels(self, step: int, photos: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> None:
        """Writes panels: photos uint8 [N, S, S, 3], class ids or IGNORE_ID [N, S, S], predicted class ids [N, S, S]."""
        shown = np.where(truth == IGNORE_ID, IGNORE_ID, predicted)
        with self._validation.as_default(step):
            tf.summary.image(
                "photo, truth, prediction",
                _side_by_side([photos, self._colors[truth], self._colors[shown]]),
                max_outputs=PANELS,
            )
        self._validation.flush()


def _side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Batches [N, S, S, 3] as one of [N, S, 3 * S + gaps, 3]."""
    gap = np.full((*pictures[0].shape[:2], GAP, 3), 255, np.uint8)
    return np.concatenate([part for one in pictures for part in (gap, one)][1:], axis=2)
