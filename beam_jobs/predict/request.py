"""A request for predictions, checked before Beam is imported: the model, the photos or the version, the output."""

from __future__ import annotations

import os
from typing import NamedTuple

from beam_jobs.console import heavy_imports
from beam_jobs.served.log_files import refuse_topic
from beam_jobs.storage.local_paths import check_outside
from beam_jobs.storage.versions import absolute_folder, read_contract, require_shards, require_version
from schemas.bounded_text import enumerated
from schemas.errors import UserError
from schemas.exported_model import EXTRA_FOLDER, INT8_TFLITE_FILE, TFLITE_FILE, ModelInfo
from schemas.manifest import Manifest, Shard
from schemas.path_pattern import PathPattern, check_path_pattern

ANY_PHOTO = "{id}.*"
SAVED_MODEL = "saved_model"
RUNTIMES = {SAVED_MODEL: "", "litert": TFLITE_FILE, "litert_int8": INT8_TFLITE_FILE}  # and the file that each reads


class Request(NamedTuple):
    """What is predicted.

    Attributes:
      model_dir: Folder of the exported model.
      info: Its model_info.json.
      output: Folder that masks and table go to.
      photos: Folder of photos; empty where a version is predicted.
      image_path: Pattern below `photos`.
      version_dir: Published version, whose masks are the truth; empty where photos are predicted.
      shards: Its shards.
      progress_dir: Folder for the progress files.
      log: Folder that records of the answers are added to, see `schemas.served`; empty for none.
      log_photos: Share of the photos that are kept there, in [0, 1].
      runtime: What runs the model, one of RUNTIMES.
    """

    model_dir: str
    info: ModelInfo
    output: str
    photos: str
    image_path: str
    version_dir: str
    shards: tuple[Shard, ...]
    progress_dir: str
    log: str = ""
    log_photos: float = 0.0
    runtime: str = SAVED_MODEL


def make_request(
    model: str,
    output: str,
    photos: str | None = None,
    image_path: str = ANY_PHOTO,
    version_dir: str | None = None,
    split: str | None = None,
    log: str | None = None,
    log_photos: float = 0.0,
    writes_masks: bool = True,
    runtime: str = SAVED_MODEL,
) -> Request:
    """Checks everything that can be checked before a job is built.

    Args:
      model: Folder of an exported model.
      output: Folder that `masks/`, `table/`, `rejected/` and `summary.json` go to.
      photos: Folder of photos; or
      version_dir: a published version, whose masks are the truth. Exactly one of the two is given.
      image_path: Pattern below `photos`.
      split: Of the version; None for all.
      log: Folder that a record of each answer is added to; None for none.
      log_photos: Share of the photos that are kept there.
      writes_masks: Whether the output needs a folder for masks.
      runtime: What runs the model.

    Raises:
      UserError: Names what can't be used, by the option of the command line.
    """
    if bool(photos) == bool(version_dir):
        raise UserError("give either --photos or --version_dir")
    model_dir, output = absolute_folder(model), absolute_folder(output)
    manifest, shards = None, ()
    if photos:
        photos = absolute_folder(photos)
        check_photos(photos, image_path)
    if version_dir:
        version_dir = absolute_folder(version_dir)
        manifest = require_version("--version_dir", version_dir)
        if split and split not in manifest.splits:
            there = enumerated(manifest.split_names)
            raise UserError(f"--split {split}: {version_dir} has no such split; it has {there}")
        splits = [split] if split else sorted(manifest.splits)
        shards = tuple(shard for split in splits for shard in manifest.splits[split].shards)
    refuse_topic("--log", log or "")
    log = absolute_folder(log) if log else ""
    _check_log(log, log_photos, version_dir)
    inputs = {"--photos": photos or "", "--version_dir": version_dir or "", "--model": model_dir}
    for option, folder in (("--output", output), ("--log", log)):
        check_outside(option, folder, inputs)
    with heavy_imports():
        from beam_jobs.predict.log import begin_log
        from beam_jobs.predict.model import read_model_info

    info = read_model_info(model_dir)
    check_runtime(runtime, info, model_dir, bool(log))
    if version_dir and manifest:
        _check_fit(info, manifest, model_dir, version_dir)
        require_shards(version_dir, manifest)
    if log:
        begin_log(log, log_photos, model_dir, info)
    if writes_masks and "://" not in output:
        try:
            os.makedirs(os.path.join(output, "masks"), exist_ok=True)
        except OSError as error:
            raise UserError(f"--output {output}: can't be written to ({error.strerror})") from None
    return Request(
        model_dir=model_dir,
        info=info,
        output=output,
        photos=photos or "",
        image_path=image_path,
        version_dir=version_dir or "",
        shards=shards,
        progress_dir="",
        log=log,
        log_photos=log_photos,
        runtime=runtime,
    )


def _check_log(log: str, log_photos: float, version_dir: str | None) -> None:
    if not 0 <= log_photos <= 1:
        raise UserError(f"--log_photos {log_photos:g}: must be from 0 to 1")
    if log_photos and not log:
        raise UserError("--log_photos: keeps photos in a log; give --log=DIR, too")
    if log_photos and version_dir:
        raise UserError("--log_photos: keeps photos that are to be labelled, but those of --version_dir are labelled")


def check_runtime(runtime: str, info: ModelInfo, model_dir: str, logs: bool) -> None:
    """Raises UserError where a model can't be run that way; `logs`: whether what it answers is logged."""
    file = RUNTIMES[runtime]
    if not file:
        return
    problem = ""
    if info.tiled:
        problem = f"{model_dir} predicts photos in tiles, and its TFLite files only one tile"
    elif file not in (info.tflite or {}):
        problem = f"{model_dir} has no {EXTRA_FOLDER}/{file}; export it with training.export_tflite"
    elif logs and file == INT8_TFLITE_FILE:
        problem = "--log needs the hash of the encoder's features, which int8 rounds to another one"
    if problem:
        raise UserError(f"--runtime {runtime}: {problem}; leave --runtime out to run the SavedModel")


def check_photos(photos: str, pattern: str) -> None:
    """Raises UserError where a pattern is none, or a local folder has no file that it matches."""
    try:
        check_path_pattern(pattern)
    except ValueError as error:
        raise UserError(f"--image_path {pattern}: {error}") from None
    if "://" not in photos:
        from beam_jobs.sources.folders import check_folder, list_photos

        check_folder("--photos", photos)
        if next(list_photos(photos, pattern), None) is None:
            raise UserError(f"--photos {photos}: no file matches {PathPattern(pattern).glob}; give --image_path")


def _check_fit(info: ModelInfo, manifest: Manifest, model_dir: str, version_dir: str) -> None:
    if not info.tiled and manifest.image_size != info.image_size:
        raise UserError(
            f"--version_dir {version_dir}: images of {manifest.image_size} pixels, but {model_dir} takes "
            f"{info.image_size}; give a version of that size, or the photos themselves"
        )
    if info.fit != manifest.fit:
        raise UserError(
            f"--version_dir {version_dir}: its photos were fitted with {manifest.fit}, but {model_dir} takes them with "
            f"{info.fit}; give a version with --fit={info.fit}, or the photos themselves"
        )
    if info.classes != read_contract(version_dir, manifest).class_names:
        raise UserError(f"--version_dir {version_dir}: its classes are not those of {model_dir}: {info.classes}")
