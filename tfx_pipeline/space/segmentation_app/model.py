"""Loads the model from the Hub by commit id, or from a folder, and predicts class ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from beam_jobs.served.measures import sampled
from schemas.enlarging import enlarged_class_ids
from schemas.fitting import STRETCH, photo_box
from schemas.served import even_grid

from .confidence import confidence_map, largest_probability
from .resizing import fit_pixels
from .tiling import tiled_logits

INFO_FILE = "model_info.json"
TFLITE_FILE = "model.tflite"
SAVED_MODEL_FOLDER = "saved_model"
SIGNATURE, OBSERVED_SIGNATURE = "predict_pixels", "observe_pixels"
FEATURE_HASHES, FEATURE_PROJECTIONS = "feature_hashes", "feature_projections"
WEIGHTS_INDEX = f"{SAVED_MODEL_FOLDER}/variables/variables.index"  # names the weights, see `beam_jobs.storage.models`
FILES = {"litert": (INFO_FILE, TFLITE_FILE, WEIGHTS_INDEX), "tensorflow": (INFO_FILE, f"{SAVED_MODEL_FOLDER}/*")}

SHOWN_SIDE = 1600  # pixels; larger photos are scaled down for display, but their class ids are not


class Output(NamedTuple):
    """What a model gives for pixels.

    Attributes:
      logits: float32 [1, S, T, C].
      feature_hash: 32 bytes, of what its encoder sees; None from crop models, and those of earlier versions.
      feature_projections: float32 [256], of a crop model's tile; None from others, and those of earlier versions.
    """

    logits: np.ndarray
    feature_hash: bytes | None = None
    feature_projections: np.ndarray | None = None


Predict = Callable[[np.ndarray], Output]  # of pixels float32 [1, S, T, 3] in 0..255


@dataclass(frozen=True)
class Seen:
    """What a model took of a photo and said to it, as it is logged.

    Attributes:
      pixels: uint8 [S, T, 3], without padding; of a crop model the photo itself.
      class_ids: uint8 [S, T].
      logits: float32 [s, t, C] of an even grid of them.
      feature_hash: As in `Output`.
    """

    pixels: np.ndarray
    class_ids: np.ndarray
    logits: np.ndarray
    feature_hash: bytes | None = None


@dataclass(frozen=True)
class Segmentation:
    """What a model says of a photo.

    Attributes:
      class_ids: uint8 [H, W], as large as the photo.
      confidence: The largest softmax probability of each pixel, float32 [h, w], as large as the photo is shown.
      seen: For the log.
    """

    class_ids: np.ndarray
    confidence: np.ndarray
    seen: Seen


@dataclass(frozen=True)
class Segmenter:
    """A loaded model.

    Attributes:
      predict: Runs it.
      info: The content of `model_info.json`.
      metrics: Name, label, decimals and kind of each displayed metric, as in `space.json`.
      source: Name of the model: `owner/name`.
      url: Its page at this commit; None for a folder.
      commit: The commit id; None for a folder.
      digest: Of its weights, as the log of what is served names a model; None where the repository does not say.
    """

    predict: Predict
    info: dict[str, Any]
    metrics: list[dict[str, Any]]
    source: str
    url: str | None = None
    commit: str | None = None
    digest: str | None = None

    def segment(self, photo: np.ndarray) -> Segmentation:
        """Predicts the class of each pixel of a photo uint8 [H, W, 3]."""
        if self.info.get("tiled"):
            return self._segment_tiles(photo)
        height, width = photo.shape[:2]
        fit = self.info.get("fit", STRETCH)  # models of earlier versions lack it
        pixels = fit_pixels(photo, self.info["image_size"], fit)
        output = self.predict(pixels[np.newaxis])
        logits = output.logits[0]
        box = photo_box((height, width), logits.shape[:2], fit).slices
        pixels, logits = np.rint(pixels[box]).astype(np.uint8), logits[box]
        confidence = confidence_map(logits, *shown_size(width, height))
        seen = Seen(pixels, logits.argmax(axis=-1).astype(np.uint8), sampled(logits), output.feature_hash)
        return Segmentation(enlarged_class_ids(logits, height, width), confidence, seen)

    def _segment_tiles(self, photo: np.ndarray) -> Segmentation:
        """Crop models see a photo at its own size."""
        height, width = photo.shape[:2]
        shown_width, shown_height = shown_size(width, height)
        rows = (np.arange(shown_height) * 2 + 1) * height // (2 * shown_height)  # those in the middle of shown ones
        columns = (np.arange(shown_width) * 2 + 1) * width // (2 * shown_width)
        class_ids, confidence, grid, start = [], [], [], 0
        grid_rows, grid_columns = even_grid(height), even_grid(width)
        size, classes = self.info["image_size"], len(self.info["classes"])
        projections: list[np.ndarray] = []

        def logits_of(tile: np.ndarray) -> np.ndarray:
            output = self.predict(tile)
            if output.feature_projections is not None:
                projections.append(output.feature_projections)
            return output.logits

        for logits in tiled_logits(logits_of, photo, size, classes):
            shown = rows[(rows >= start) & (rows < start + len(logits))] - start
            class_ids.append(logits.argmax(axis=-1).astype(np.uint8))
            confidence.append(largest_probability(logits[shown][:, columns]))
            grid += [logits[row - start, grid_columns] for row in grid_rows if start <= row < start + len(logits)]
            start += len(logits)
        ids = np.concatenate(class_ids)
        seen = Seen(photo, ids, np.stack(grid), _tiles_hash(projections))
        return Segmentation(ids, np.concatenate(confidence), seen)


def shown_size(width: int, height: int) -> tuple[int, int]:
    """The width and height at which a photo is shown."""
    scale = min(1.0, SHOWN_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def load_segmenter(root: Path) -> Segmenter:
    """Loads the model that the Space's `space.json` names: from the Hub at its commit, or from a folder next to it."""
    space = json.loads((root / "space.json").read_text(encoding="utf-8"))
    source, url, commit = space["model_repo"], space["model_page"], None
    if url is None:
        path = root / space["model_url"]
    else:
        from huggingface_hub import snapshot_download

        commit = space["model_commit"]
        wanted = list(FILES[space["runtime"]])
        path = Path(snapshot_download(source, revision=commit, endpoint=space["endpoint"], allow_patterns=wanted))
    info = json.loads((path / INFO_FILE).read_text(encoding="utf-8"))
    predict = _load_tensorflow(path) if space["runtime"] == "tensorflow" else _load_litert(path)
    return Segmenter(predict, info, space["metrics"], source, url, commit, _digest(path / WEIGHTS_INDEX))


def _digest(index: Path) -> str | None:
    """As `beam_jobs.storage.models.model_digest`; None where there is no such file."""
    return hashlib.sha256(index.read_bytes()).hexdigest()[:12] if index.is_file() else None


def _tiles_hash(projections: list[np.ndarray]) -> bytes | None:
    """The hash of a photo, from the projections of all its tiles; None without any."""
    return np.packbits(np.mean(projections, axis=0) > 0).tobytes() if projections else None


def _output(values: Mapping[str, np.ndarray]) -> Output:
    """Copies what a runtime may overwrite."""
    hashed, projections = values.get(FEATURE_HASHES), values.get(FEATURE_PROJECTIONS)
    return Output(
        values["logits"].copy(),
        None if hashed is None else hashed.tobytes(),
        None if projections is None else projections[0].copy(),
    )


def _load_litert(folder: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_path=str(folder / TFLITE_FILE)).get_signature_runner(SIGNATURE)
    return lambda pixels: _output(run(pixels=pixels))


def _load_tensorflow(folder: Path) -> Predict:
    import tensorflow as tf

    model = tf.saved_model.load(str(folder / SAVED_MODEL_FOLDER))
    run = model.signatures[OBSERVED_SIGNATURE if OBSERVED_SIGNATURE in model.signatures else SIGNATURE]

    def predict(pixels: np.ndarray) -> Output:
        return _output({name: value.numpy() for name, value in run(pixels=tf.constant(pixels)).items()})

    predict.model = model  # keeps the weights alive, which a signature alone does not
    return predict
