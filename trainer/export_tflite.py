"""The two TFLite models beside a SavedModel, converted in a process of its own, with measured parity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from schemas.errors import UserError
from schemas.exported_model import EXTRA_FOLDER, INT8_TFLITE_FILE, TFLITE_FILE, TfliteReport
from schemas.manifest import file_sha256

COMPARED_IMAGES = 32  # of the evaluation split: takes seconds, and gives far more pixels than the bounds need

MIN_EQUAL_PIXELS = 0.999  # of the float model: only ties between two classes may differ
MAX_FLOAT_LOGIT_DIFFERENCE = 1e-3  # as a share of the logits' range: rounding, with two orders of magnitude to spare
MAX_INT8_MEAN_IOU_DIFFERENCE = 0.02

REMEDY = "; `training.export_tflite: false` exports without TFLite"


def export_tflite(export_dir: str, eval_shards: Sequence[str]) -> dict[str, TfliteReport]:
    """Writes the float32 and the dynamic range int8 model into the SavedModel's `assets.extra/`.

    Both take `pixels` float32 [1, S, S, 3] in 0..255 and give `class_ids` uint8 [1, S, S] and `logits` float32
    [1, S, S, C], as the signature `predict_pixels`; the float32 one also what `observe_pixels` gives: `feature_hashes`
    uint8 [1, 32], or of a crop model `feature_projections` float32 [1, 256].

    Args:
      export_dir: SavedModel of `trainer.export`; may be a bucket's address.
      eval_shards: Paths or patterns of the shards whose first images the models are compared on.

    Returns:
      File name to its report. An int8 model that is too far from the SavedModel is left out, and a line says so:
      some models quantize badly.

    Raises:
      UserError: The conversion failed, or the float model is not close enough to the SavedModel.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = (Path(folder, TFLITE_FILE), Path(folder, INT8_TFLITE_FILE))
        measured = _convert(export_dir, eval_shards, *files)
        reports = {
            path.name: TfliteReport(
                bytes=path.stat().st_size, sha256=file_sha256(path), compared_images=measured["images"], **figures
            )
            for path, figures in zip(files, measured["models"])
        }
        check_parity(reports[TFLITE_FILE])
        if problem := int8_problem(reports[INT8_TFLITE_FILE]):
            print(f"{problem}; left out", flush=True)
            del reports[INT8_TFLITE_FILE]
        tf.io.gfile.makedirs(f"{export_dir}/{EXTRA_FOLDER}")
        for name in reports:
            tf.io.gfile.copy(f"{folder}/{name}", f"{export_dir}/{EXTRA_FOLDER}/{name}", overwrite=True)
    return reports


def check_parity(report: TfliteReport) -> None:
    """Checks that the float model predicts what the SavedModel does; UserError names the figure and its bound."""
    wrong = None
    if not report.equal_pixels >= MIN_EQUAL_PIXELS:  # also where it is NaN
        wrong = f"equal_pixels is {report.equal_pixels}, not at least {MIN_EQUAL_PIXELS}"
    elif not report.max_logit_difference <= MAX_FLOAT_LOGIT_DIFFERENCE:
        wrong = f"max_logit_difference is {report.max_logit_difference}, not at most {MAX_FLOAT_LOGIT_DIFFERENCE}"
    if wrong:
        raise UserError(f"{TFLITE_FILE} does not predict what the SavedModel predicts: {wrong}{REMEDY}")


def int8_problem(report: TfliteReport) -> str | None:
    """Why the int8 model is not exported; None if it is close enough."""
    difference = report.mean_iou_difference
    if difference is None:
        return f"{INT8_TFLITE_FILE}: its mean IoU can't be compared, because no pixel of the images is labelled"
    if abs(difference) <= MAX_INT8_MEAN_IOU_DIFFERENCE:
        return None
    return f"{INT8_TFLITE_FILE}: its mean IoU differs by {difference:.3f}, more than {MAX_INT8_MEAN_IOU_DIFFERENCE}"


def _convert(export_dir: str, eval_shards: Sequence[str], float_path: Path, int8_path: Path) -> dict:
    command = [
        sys.executable,
        "-m",
        "trainer.tflite_conversion",
        f"--model={export_dir}",
        f"--images={COMPARED_IMAGES}",
    ]
    command += [f"--float={float_path}", f"--int8={int8_path}", "--shards", *eval_shards]
    # On the CPU: the figures do not depend on the machine, and training may still hold the GPU's memory.
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ended.returncode:
        print(ended.stderr, file=sys.stderr)
        cause = f"killed by signal {-ended.returncode}" if ended.returncode < 0 else _last_line(ended.stderr)
        raise UserError(f"{export_dir}: conversion to TFLite failed: {cause}{REMEDY}")
    return json.loads(_last_line(ended.stdout))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1].strip()
