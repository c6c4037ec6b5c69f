"""Converts an exported model to TFLite and measures parity: `python -m trainer.tflite_conversion --help`.

`trainer.export_tflite` starts it as a separate process, because TensorFlow's converter can abort its process.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from schemas.exported_model import CLASS_IDS, LOGITS, OBSERVE_PIXELS, PIXELS, PREDICT_PIXELS
from schemas.image_size import parse_image_size, sides
from schemas.metrics import confusion_matrix, mean_iou
from trainer.augmentation import center_crop
from trainer.graphs import graph
from trainer.input_pipeline import find_shards, parse_example
from trainer.preprocessing import CHANNELS


class Loaded(Protocol):
    """What is used of `tf.saved_model.load`'s object, whose own type has no public name."""

    @property
    def signatures(self) -> Mapping[str, tf.types.experimental.ConcreteFunction]: ...


class _Kept(tf.Module):
    """Keeps weights alive, which a signature alone does not; the loaded model would bring all its functions along."""

    def __init__(self, weights: Iterable[tf.Variable]):
        super().__init__()
        self.weights = list(weights)


def main(arguments: list[str] | None = None) -> int:
    """Writes the two models and prints the report as the last line of standard output."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.tflite_conversion", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--model", required=True, help="folder of the SavedModel")
    parser.add_argument("--shards", required=True, nargs="+", help="glob patterns of the evaluation split's shards")
    parser.add_argument("--images", required=True, type=int, help="how many evaluation images to measure with")
    parser.add_argument("--float", required=True, type=Path, help="where the float32 model goes")
    parser.add_argument("--int8", required=True, type=Path, help="where the dynamic range model goes")
    options = parser.parse_args(arguments)
    shards = find_shards(options.shards)
    model = tf.saved_model.load(options.model)
    with tempfile.TemporaryDirectory() as folder:
        for path, is_float in ((options.float, True), (options.int8, False)):
            # quantized, the hash would be another one than the SavedModel's
            save_for_one_image(model, f"{folder}/{path.name}", observed=is_float)
            path.write_bytes(convert(f"{folder}/{path.name}", quantize=not is_float))
    predict = model.signatures[PREDICT_PIXELS]
    image_size = _image_size(predict)
    records = tf.data.TFRecordDataset(shards).take(options.images)
    # Records of the model's input size stay as they are; a crop model is given the middle of larger ones.
    examples = [center_crop(*parse_example(one, 0), image_size) for one in records]
    truth = [mask.numpy() for _, mask in examples]
    pixels = [tf.cast(image, tf.float32)[tf.newaxis] for image, _ in examples]
    expected = [{name: value.numpy()[0] for name, value in predict(pixels=one).items()} for one in pixels]
    report = {
        "images": len(examples),
        "models": [
            compare(expected, list(_predictions(path, pixels)), truth) for path in (options.float, options.int8)
        ],
    }
    print(json.dumps(report))
    return 0


def save_for_one_image(model: Loaded, folder: str, observed: bool = True) -> None:
    """Saves a loaded model's signature `predict_pixels` for batches of one: TFLite needs a static shape.

    With `observed`, it also gives what `observe_pixels` says of features, where the model has that signature.
    """
    observed = observed and OBSERVE_PIXELS in model.signatures
    answer = model.signatures[OBSERVE_PIXELS if observed else PREDICT_PIXELS]
    shape = [1, *sides(_image_size(answer)), CHANNELS]

    @graph(input_signature=[tf.TensorSpec(shape, tf.float32, PIXELS)])
    def predict_one(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = answer(pixels=pixels)
        class_ids = {CLASS_IDS: tf.cast(tf.argmax(outputs[LOGITS], axis=-1), tf.uint8)} if observed else {}
        return {**class_ids, **outputs}

    kept = _Kept(answer.variables)  # pyright: ignore[reportAttributeAccessIssue]  # as in `_image_size`
    tf.saved_model.save(kept, folder, signatures={PREDICT_PIXELS: predict_one})


def convert(folder: str, quantize: bool) -> bytes:
    """A TFLite model of `save_for_one_image`'s folder, under the same signature and names.

    With `quantize`, weights are int8 with a scale per channel, and activations are quantized on the fly ("dynamic
    range"); inputs and outputs stay as they are.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[PREDICT_PIXELS])
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def compare(
    expected: list[dict[str, np.ndarray]], actual: list[dict[str, np.ndarray]], truth: list[np.ndarray]
) -> dict[str, float | None]:
    """Measures how far a converted model is from the SavedModel on the same images.

    Args:
      expected: The SavedModel's `class_ids` [S, T] and `logits` [S, T, C] per image.
      actual: The converted model's.
      truth: Class ids or IGNORE_ID, uint8 [S, T] per image.

    Returns:
      `equal_pixels`, the share of pixels of the same class; `max_logit_difference`, as a share of the logits' range;
      `mean_iou_difference`, the converted model's mean IoU less the SavedModel's, None where no pixel is labelled. To
      six decimals.
    """
    classes = expected[0][LOGITS].shape[-1]
    logits = np.stack([one[LOGITS] for one in expected])
    difference = np.abs(logits - np.stack([one[LOGITS] for one in actual])).max()
    equal = [np.mean(one[CLASS_IDS] == other[CLASS_IDS]) for one, other in zip(expected, actual)]
    matrices = [
        np.sum([confusion_matrix(mask, one[CLASS_IDS], classes) for mask, one in zip(truth, predictions)], axis=0)
        for predictions in (expected, actual)
    ]
    before, after = (float(mean_iou(matrix)) for matrix in matrices)
    return {
        "equal_pixels": round(float(np.mean(equal)), 6),
        "max_logit_difference": round(float(difference / np.ptp(logits)), 6),
        "mean_iou_difference": None if np.isnan([before, after]).any() else round(after - before, 6),
    }


def _image_size(predict: tf.types.experimental.ConcreteFunction) -> int | str:
    # pyright's types of TensorFlow leave the attribute out.
    height, width = predict.structured_input_signature[1][PIXELS].shape[1:3]  # pyright: ignore[reportAttributeAccessIssue]
    return parse_image_size(f"{width}x{height}")


def _predictions(path: Path, pixels: list[tf.Tensor]) -> Iterator[dict[str, np.ndarray]]:
    predict = Interpreter(model_path=str(path)).get_signature_runner(PREDICT_PIXELS)
    for one in pixels:
        yield {name: value[0].copy() for name, value in predict(pixels=one.numpy()).items()}


if __name__ == "__main__":
    sys.exit(main())
