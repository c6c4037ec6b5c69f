"""Photos in a request to masks in the answer, as TensorFlow Serving's row format has both.

The format is that of "RESTful API" of TensorFlow Serving (https://www.tensorflow.org/tfx/serving/api_rest): files are
`{"b64": ...}`, with the input's name around them or not, and an answer of one output has no name.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from schemas.exported_model import IMAGE_BYTES, SERVING_DEFAULT

Json = dict[str, Any]


class BadRequest(ValueError):
    """The request can't be answered; the message says which part of it, and why."""


def load_signature(folder: str):
    """The serving signature of a SavedModel in a folder or a bucket; slow, as it imports TensorFlow."""
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    signature = model.signatures[SERVING_DEFAULT]
    signature.keeps_alive = model  # a signature alone does not keep the model's variables
    return signature


def predictions(signature, instances: Any) -> list[Any]:
    """The masks of some photos, in order.

    Args:
      signature: As `load_signature` gives it.
      instances: The request's `instances`.

    Returns:
      One answer each, as the model exports them: `class_ids`, rows of numbers, and `mask_bytes`, a PNG file as
      `{"b64": ...}`; where there is one of the two, without its name.

    Raises:
      BadRequest: An instance holds no file, or one that is not a photo.
    """
    import tensorflow as tf

    if not isinstance(instances, list) or not instances:
        raise BadRequest(f'instances: give a list of {{"{IMAGE_BYTES}": {{"b64": "..."}}}}')
    photos = [_photo(number, one) for number, one in enumerate(instances)]
    try:
        outputs = signature(**{IMAGE_BYTES: tf.constant(photos)})
    except tf.errors.InvalidArgumentError as error:
        raise BadRequest(f"instances: not all are photos that the model reads ({error.message[:200]})") from None
    columns = {name: [_as_json(one) for one in output.numpy()] for name, output in outputs.items()}
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
