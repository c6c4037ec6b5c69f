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

from .resizing import fit_pixels

INFO_FILE = "model_info.json"
TFLITE_FILE = "model.tflite"
SAVED_MODEL_FOLDER = "saved_model"
SIGNATURE = "predict_pixels"
FILES = {"litert": (INFO_FILE, TFLITE_FILE), "tensorflow": (INFO_FILE, f"{SAVED_MODEL_FOLDER}/*")}

Predict = Callable[[np.ndarray], np.ndarray]  # pixels float32 [1, S, T, 3] in 0..255 to logits float32 [1, S, T, C]


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

    def class_ids(self, photo: np.ndarray) -> np.ndarray:
        """Predicts the class of each pixel of a photo: uint8 [H, W, 3] to uint8 [H, W]."""
        fit = self.info.get("fit", STRETCH)  # models of earlier versions lack it
        logits = self.predict(fit_pixels(photo, self.info["image_size"], fit)[np.newaxis])[0]
        box = photo_box(photo.shape[:2], logits.shape[:2], fit)
        return enlarged_class_ids(logits[box.slices], *photo.shape[:2])


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
