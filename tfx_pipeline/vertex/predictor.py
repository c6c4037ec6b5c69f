"""Predicts masks of photos, with an endpoint of Vertex AI or a SavedModel on this machine."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.dataflow.submission import CREDENTIALS_REMEDY
from beam_jobs.storage.models import read_info
from schemas.errors import UserError
from schemas.exported_model import IMAGE_BYTES, MASK_BYTES, SERVING_DEFAULT, ModelInfo
from tfx_pipeline.config.cloud import CloudConfig
from tfx_pipeline.evaluation.served_masks import decode_mask, masks_of

# Limits of requests and answers. Shared endpoints: https://cloud.google.com/vertex-ai/docs/quotas; dedicated ones:
# https://cloud.google.com/vertex-ai/docs/predictions/using-dedicated-endpoints
SHARED_LIMIT_BYTES = 1_500_000
DEDICATED_LIMIT_BYTES = 10_000_000
ROOM_BYTES = 100_000  # for everything but photos in a request
BYTES_OF_A_NUMBER = 12  # in an answer, at most: a double with its tag and length
JPEG_QUALITY = 90
SENT_AS_THEY_ARE = (b"\xff\xd8", b"\x89PNG")  # JPEG and PNG, which the model decodes


class Sent(NamedTuple):
    """A photo as it is sent, and how it was changed to fit into a request; empty if it was not changed."""

    photo: bytes
    change: str


class LocalModel:
    """A SavedModel on this machine; attributes and `class_ids` as in `DeployedModel`."""

    limit_bytes = DEDICATED_LIMIT_BYTES

    def __init__(self, folder: Path):
        import tensorflow as tf

        self._folder = folder
        start = time.monotonic()
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"{folder}: the model can't be loaded ({reason}); give a complete one") from None
        self._load_seconds = time.monotonic() - start
        self._seconds: list[float] = []

    def class_ids(self, photos: list[bytes]) -> Iterator[np.ndarray]:
        """One mask per photo, in order."""
        import tensorflow as tf

        for photo in photos:
            start = time.monotonic()
            answer = self._loaded.signatures[SERVING_DEFAULT](**{IMAGE_BYTES: tf.constant([photo])})
            self._seconds.append(time.monotonic() - start)
            yield from masks_of(answer)

    def info(self) -> ModelInfo:
        """The model info; UserError if there is none."""
        return read_info(str(self._folder))

    def latency(self) -> str:
        """How long the answers took, as text."""
        return f"model loaded in {self._load_seconds:.1f} s, {_milliseconds(self._seconds)} a photo"


class DeployedModel:
    """The endpoint of a configuration.

    Attributes:
      limit_bytes: Of a request, and of an answer.
    """

    def __init__(self, cloud: CloudConfig):
        """Raises a UserError if there is no such endpoint, or Google refuses."""
        from google.cloud import aiplatform

        if cloud.serving is None:
            raise UserError("cloud.serving: missing, so no endpoint is named")
        aiplatform.init(project=cloud.project, location=cloud.region)
        name = cloud.serving.endpoint
        endpoints = _answered(lambda: aiplatform.Endpoint.list(filter=f'display_name="{name}"'))
        if not endpoints:
            raise UserError(
                f"cloud.serving.endpoint: project {cloud.project} has no endpoint {name!r} in {cloud.region}"
            )
        self._endpoint = endpoints[0]
        dedicated = self._endpoint.dedicated_endpoint_enabled
        self.limit_bytes = DEDICATED_LIMIT_BYTES if dedicated else SHARED_LIMIT_BYTES
        self._seconds: list[float] = []

    def class_ids(self, photos: list[bytes]) -> Iterator[np.ndarray]:
        """One mask per photo, in order: uint8 class ids, [S, S] or as large as the photo, as the model exports them.

        The first photo is sent alone, so that the size of its answer shows how many fit into one response.

        Args:
          photos: From `fitting`.
        """
        encoded = [base64.b64encode(photo).decode() for photo in photos]
        answered, most = 0, 1
        while answered < len(encoded):
            batch = _batch(encoded[answered:], most, self.limit_bytes)
            start = time.monotonic()
            instances = [{IMAGE_BYTES: {"b64": one}} for one in batch]
            predictions = _answered(lambda instances=instances: self._endpoint.predict(instances=instances)).predictions
            self._seconds.append(time.monotonic() - start)
            masks = [_deployed_mask(one) for one in predictions]
            yield from masks
            answered += len(batch)
            most = max(1, self.limit_bytes // max(map(_answer_bytes, predictions)))

    def info(self) -> ModelInfo:
        """The model info of the deployed models that get traffic, read from the folders that the registry names.

        Raises:
          UserError: One is missing, can't be read, or has other classes than another one, as either may answer.
        """
        from google.cloud import aiplatform

        infos: dict[str, ModelInfo] = {}
        traffic = _answered(lambda: self._endpoint.traffic_split)
        for one in _answered(self._endpoint.list_models):
            if traffic.get(one.id):
                name = f"{one.model}@{one.model_version_id}" if one.model_version_id else one.model
                uri = _answered(lambda name=name: aiplatform.Model(name).uri)
                if not uri:
                    raise UserError(f"{name}: the registry does not say where it comes from")
                infos[name] = read_info(uri.rstrip("/"))
        if not infos:
            raise UserError(f"endpoint {self._endpoint.display_name}: no model gets traffic")
        if len({(info.classes, info.palette) for info in infos.values()}) > 1:
            raise UserError(f"models with different classes share the traffic: {', '.join(infos)}")
        return next(iter(infos.values()))

    def latency(self) -> str:
        """How long the answers took, as text."""
        return f"{len(self._seconds)} requests, {_milliseconds(self._seconds)} each"


def fitting(photo: bytes, pixels: np.ndarray, limit_bytes: int) -> Sent:
    """Prepares a photo for sending: unchanged if the model can read it and it fits into a request, else as a JPEG,
    smaller if necessary.

    Args:
      photo: Encoded, in any format.
      pixels: The same, decoded: uint8 [H, W, 3].
      limit_bytes: Of a request.
    """
    most = (limit_bytes - ROOM_BYTES) * 3 // 4  # base64 makes four bytes of three
    too_large = len(photo) > most
    if photo.startswith(SENT_AS_THEY_ARE) and not too_large:
        return Sent(photo, "")
    picture = whole = Image.fromarray(pixels)
    while True:
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=JPEG_QUALITY)
        if buffer.tell() <= most:
            why = f"its {len(photo):,} bytes do not fit into a request of {limit_bytes:,}"
            if picture.size != whole.size:
                width, height = picture.size
                return Sent(buffer.getvalue(), f"sent as {width} x {height} pixels, because {why}")
            return Sent(buffer.getvalue(), f"sent as a JPEG of lower quality, because {why}" if too_large else "")
        picture = picture.resize(
            (max(1, picture.width * 2 // 3), max(1, picture.height * 2 // 3)), Image.Resampling.BOX
        )


def _deployed_mask(prediction: list | Mapping) -> np.ndarray:
    """The mask in TensorFlow Serving's JSON, where files are `{"b64": ...}`; as large as the photo if it is there."""
    if isinstance(prediction, Mapping) and MASK_BYTES in prediction:
        prediction = prediction[MASK_BYTES]
    if isinstance(prediction, Mapping):
        return decode_mask(base64.b64decode(prediction["b64"]))
    return np.asarray(prediction, np.uint8)


def _answer_bytes(prediction: list | Mapping | str) -> int:
    """Upper bound of the bytes that one prediction takes in an answer."""
    if isinstance(prediction, str):
        return len(prediction)
    if isinstance(prediction, Mapping):
        return sum(map(_answer_bytes, prediction.values()))
    return np.size(prediction) * BYTES_OF_A_NUMBER


def _batch(encoded: list[str], most: int, limit_bytes: int) -> list[str]:
    """As many of the first photos as fit into one request: at least one, at most `most`."""
    batch, size = [], 0
    for one in encoded[:most]:
        size += len(one)
        if batch and size > limit_bytes - ROOM_BYTES:
            break
        batch.append(one)
    return batch


def _answered(call):
    """The answer to a call; UserError if Google refuses it."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError

    try:
        return call()
    except GoogleAuthError as error:
        raise UserError(f"Google refuses the credentials ({error}); {CREDENTIALS_REMEDY}") from None
    except GoogleAPICallError as error:
        raise UserError(f"Vertex AI refuses: {error.message or type(error).__name__}") from None
    except ValueError as error:  # the client raises it for any answer of a dedicated endpoint other than 200
        raise UserError(f"the endpoint refuses: {' '.join(str(error).split())[:500]}") from None


def _milliseconds(seconds: list[float]) -> str:
    if not seconds:
        return "no answer"
    return f"{1000 * float(np.median(seconds)):.0f} ms (median; {1000 * max(seconds):.0f} ms at most)"
