"""Turns the photos of a request into the masks of its answer, both in TensorFlow Serving's row format.

The format is that of "RESTful API" of TensorFlow Serving (https://www.tensorflow.org/tfx/serving/api_rest): files are
`{"b64": ...}`, with or without the input's name, and a single output has no name.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.exported_model import CLASS_IDS, IMAGE_BYTES, MASK_BYTES, OBSERVE, SERVING_DEFAULT

Json = dict[str, Any]
Outputs = Mapping[str, np.ndarray]


class BadRequest(ValueError):
    """The request can't be answered; the message names the part and the reason."""


def load_signature(folder: str, observed: bool = False):
    """Loads the serving signature of a SavedModel in a folder or a bucket; slow, as it imports TensorFlow.

    With `observed`, it is the one that also gives what is logged of an answer, where the model has it.
    """
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    name = OBSERVE if observed and OBSERVE in model.signatures else SERVING_DEFAULT
    signature = model.signatures[name]
    signature.keeps_alive = model  # a signature alone does not keep the model's variables
    return signature


def predictions(signature, instances: Any) -> list[Any]:
    """Predicts the masks of some photos, in order.

    Args:
      signature: From `load_signature`.
      instances: The request's `instances`.

    Returns:
      One answer each, as `rows_of` gives them.

    Raises:
      BadRequest: An instance holds no file, or a file that is not a photo.
    """
    return rows_of(answered(signature, photos_of(instances)))


def photos_of(instances: Any) -> list[bytes]:
    """The files of a request's `instances`; BadRequest where one holds none."""
    if not isinstance(instances, list) or not instances:
        raise BadRequest(f'instances: give a list of {{"{IMAGE_BYTES}": {{"b64": "..."}}}}')
    return [_photo(number, one) for number, one in enumerate(instances)]


def answered(signature, photos: list[bytes]) -> Outputs:
    """All outputs of the signature, with one value a photo; BadRequest where a file is not a photo."""
    import tensorflow as tf

    try:
        outputs = signature(**{IMAGE_BYTES: tf.constant(photos)})
    except tf.errors.InvalidArgumentError as error:
        raise BadRequest(f"instances: not all are photos that the model reads ({error.message[:200]})") from None
    return {name: output.numpy() for name, output in outputs.items()}


def rows_of(outputs: Outputs) -> list[Any]:
    """The answer for each photo: `class_ids`, rows of numbers, and `mask_bytes`, a PNG file as `{"b64": ...}`; a single
    output without its name."""
    columns = {name: [_as_json(one) for one in outputs[name]] for name in (CLASS_IDS, MASK_BYTES) if name in outputs}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, one)) for one in zip(*columns.values())]


def _photo(number: int, instance: Any) -> bytes:
    """The file in an instance."""
    file = instance.get(IMAGE_BYTES, instance) if isinstance(instance, dict) else None
    if not isinstance(file, dict) or not isinstance(file.get("b64"), str):
        raise BadRequest(f'instances[{number}]: give {{"{IMAGE_BYTES}": {{"b64": "..."}}}}')
    try:
        return base64.b64decode(file["b64"], validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(f"instances[{number}]: b64 is not valid base64") from None


def _as_json(value) -> Any:
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value.tolist()
