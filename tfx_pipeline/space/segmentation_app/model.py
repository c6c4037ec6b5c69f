"""Loads the model from the Hub by commit id, or from a folder, and predicts class ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from schemas.enlarging import enlarged_class_ids
from schemas.fitting import STRETCH, photo_box

from .confidence import confidence_map, largest_probability
from .resizing import fit_pixels
from .tiling import tiled_logits

INFO_FILE = "model_info.json"
TFLITE_FILE = "model.tflite"
SAVED_MODEL_FOLDER = "saved_model"
SIGNATURE = "predict_pixels"
FILES = {"litert": (INFO_FILE, TFLITE_FILE), "tensorflow": (INFO_FILE, f"{SAVED_MODEL_FOLDER}/*")}

SHOWN_SIDE = 1600  # pixels; larger photos are scaled down for display, but their class ids are not

Predict = Callable[[np.ndarray], np.ndarray]  # pixels float32 [1, S, T, 3] in 0..255 to logits float32 [1, S, T, C]


@dataclass(frozen=True)
class Segmentation:
    """What a model says of a photo.

    Attributes:
      class_ids: uint8 [H, W], as large as the photo.
      confidence: The largest softmax probability of each pixel, float32 [h, w], as large as the photo is shown.
    """

    class_ids: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Segmenter:
    """A loaded model.

    Attributes:
      predict: Pixels float32 [1, S, T, 3] in 0..255 to logits float32 [1, S, T, C].
      info: The content of `model_info.json`.
      metrics: Name, label, decimals and kind of each displayed metric, as in `space.json`.
      source: Name of the model: `owner/name`.
      url: Its page at this commit; None for a folder.
      commit: The commit id; None for a folder.
    """

    predict: Predict
    info: dict[str, Any]
    metrics: list[dict[str, Any]]
    source: str
    url: str | None = None
    commit: str | None = None

    def segment(self, photo: np.ndarray) -> Segmentation:
        """Predicts the class of each pixel of a photo uint8 [H, W, 3]."""
        if self.info.get("tiled"):
            return self._segment_tiles(photo)
        height, width = photo.shape[:2]
        fit = self.info.get("fit", STRETCH)  # models of earlier versions lack it
        logits = self.predict(fit_pixels(photo, self.info["image_size"], fit)[np.newaxis])[0]
        logits = logits[photo_box((height, width), logits.shape[:2], fit).slices]
        confidence = confidence_map(logits, *shown_size(width, height))
        return Segmentation(enlarged_class_ids(logits, height, width), confidence)

    def _segment_tiles(self, photo: np.ndarray) -> Segmentation:
        """Crop models see a photo at its own size."""
        height, width = photo.shape[:2]
        shown_width, shown_height = shown_size(width, height)
        rows = (np.arange(shown_height) * 2 + 1) * height // (2 * shown_height)  # those in the middle of shown ones
        columns = (np.arange(shown_width) * 2 + 1) * width // (2 * shown_width)
        class_ids, confidence, start = [], [], 0
        for logits in tiled_logits(self.predict, photo, self.info["image_size"], len(self.info["classes"])):
            shown = rows[(rows >= start) & (rows < start + len(logits))] - start
            class_ids.append(logits.argmax(axis=-1).astype(np.uint8))
            confidence.append(largest_probability(logits[shown][:, columns]))
            start += len(logits)
        return Segmentation(np.concatenate(class_ids), np.concatenate(confidence))


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
    return Segmenter(predict, info, space["metrics"], source, url, commit)


def _load_litert(folder: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_path=str(folder / TFLITE_FILE)).get_signature_runner(SIGNATURE)
    return lambda pixels: run(pixels=pixels)["logits"].copy()


def _load_tensorflow(folder: Path) -> Predict:
    import tensorflow as tf

    model = tf.saved_model.load(str(folder / SAVED_MODEL_FOLDER))
    run = model.signatures[SIGNATURE]

    def predict(pixels: np.ndarray) -> np.ndarray:
        return run(pixels=tf.constant(pixels))["logits"].numpy()

    predict.model = model  # keeps the weights alive, which a signature alone does not
    return predict
