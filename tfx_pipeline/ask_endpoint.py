"""Predicts masks of photos with a deployed model: `python -m tfx_pipeline.ask_endpoint --config=FILE PHOTO...`.

Each photo's mask and an overlay of both are written as PNG files.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from beam_jobs.console import CommandLine, exit_code, quiet_libraries
from beam_jobs.file_names import folded
from beam_jobs.storage.local_paths import local_path
from beam_jobs.storage.ownership import claim_folder
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import enumerated
from schemas.errors import UserError
from schemas.exported_model import SAVED_MODEL_FILE
from schemas.shipped import available_datasets, load_spec

if TYPE_CHECKING:
    import numpy as np

OVERLAY_ALPHA = 0.5  # of the mask's colours over the photo
MAX_FILE_BYTES = 40_000_000  # of a photo, as in the apps
OWNER = "python -m tfx_pipeline.ask_endpoint"


class Classes(NamedTuple):
    """Names and colours (uint8 RGB) in the order of class ids, and where they come from."""

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    source: str


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    options = _parser().parse_args(arguments)
    quiet_libraries(options.verbose)
    if options.dataset is not None:
        load_spec(options.dataset)  # a wrong name is an error before anything is sent
    names = _output_names(options.photos)
    pixels = [_read(path) for path in options.photos]
    # This also keeps a file of the user's, such as a mask beside the photo, from being mistaken for an earlier answer.
    claim_folder("--output", str(local_path("--output", options.output)), OWNER)
    predictor = _local(options.model) if options.model else _deployed(options)

    classes = _classes(predictor, options.dataset)

    from tfx_pipeline.vertex.predictor import fitting

    sent = [fitting(path.read_bytes(), one, predictor.limit_bytes) for path, one in zip(options.photos, pixels)]
    for name, one in zip(names, sent):
        if one.change:
            print_lines(f"Note: {name}: {one.change}")
    photos = [one.photo for one in sent]
    start = time.monotonic()
    for name, photo, class_ids in zip(names, pixels, predictor.class_ids(photos)):
        mask, overlay = options.output / f"{name}_mask.png", options.output / f"{name}_overlay.png"
        if (highest := int(class_ids.max())) >= len(classes.names):
            raise UserError(f"{name}: the answer has class {highest}, but {classes.source} names {len(classes.names)}")
        _write(class_ids, photo, classes, mask, overlay)
        print_lines(f"{name}: {_shares(class_ids, classes)}; {overlay}")
    print_lines(f"{len(photos)} photos in {time.monotonic() - start:.2f} s; {predictor.latency()}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tfx_pipeline.ask_endpoint",
        description="Sends photos to an endpoint of Vertex AI, or to a model here, and writes masks and overlays.",
    )
    where = parser.add_mutually_exclusive_group(required=not os.environ.get("PIPELINE_CONFIG"))
    where.add_argument(
        "--config",
        type=Path,
        default=os.environ.get("PIPELINE_CONFIG"),
        metavar="FILE",
        help="the pipeline's configuration, whose cloud.serving names the endpoint (or PIPELINE_CONFIG)",
    )
    where.add_argument(
        "--model", type=Path, metavar="DIR", help="SavedModel on this machine, such as OUTPUT/serving/TIME"
    )
    parser.add_argument(
        "--dataset",
        help="names and colours of the classes, for a model that does not name them itself:"
        f" {', '.join(available_datasets())}",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/answers"),
        metavar="DIR",
        help="new or empty, or of earlier answers (default %(default)s)",
    )
    parser.add_argument("--verbose", action="store_true", help="show what the libraries log")
    parser.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO", help="file of a format that preparation reads, such as JPEG"
    )
    return parser


def _read(path: Path) -> np.ndarray:
    """The photo as uint8 [H, W, 3], upright and over white, as training reads it."""
    import numpy as np

    from beam_jobs.codec.photos import decode_photo
    from beam_jobs.rejections import InputRejected
    from beam_jobs.storage.files import read_part

    if not local_path("photo", path).is_file():
        raise UserError(f"{path}: no such file")
    try:
        data = read_part(str(path), 0, MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise UserError(f"{path}: more than {MAX_FILE_BYTES // 10**6} MB; send a smaller photo")
        image = decode_photo(data, min_side=0).image
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except InputRejected as rejected:
        raise UserError(f"{path}: {rejected.detail}") from None
    return np.asarray(image)


def _output_names(paths: list[Path]) -> list[str]:
    """The stems of the files, which must differ, in more than case, so that no result overwrites another."""
    stems = [path.stem for path in paths]
    counts = Counter(map(folded, stems))
    if twice := sorted({stem for stem in stems if counts[folded(stem)] > 1}):
        raise UserError(f"photos of the same name: {enumerated(twice)}; send them one at a time")
    return stems


def _local(model: Path):
    from tfx_pipeline.vertex.predictor import LocalModel

    if not (local_path("--model", model) / SAVED_MODEL_FILE).is_file():
        raise UserError(f"{model}: no SavedModel; give a folder with {SAVED_MODEL_FILE} in it")
    return LocalModel(model)


def _deployed(options: argparse.Namespace):
    from tfx_pipeline.config.pipeline import load_config
    from tfx_pipeline.vertex.predictor import DeployedModel

    config = load_config(Path(options.config))
    if config.cloud is None or config.cloud.serving is None:
        raise UserError(f"{options.config}: cloud.serving: missing, so no endpoint is named; or give --model=DIR")
    return DeployedModel(config.cloud)


def _classes(predictor, dataset: str | None) -> Classes:
    """The model's own classes; those of a data set only if the model names none and the user names the data set."""
    try:
        info = predictor.info()
    except UserError as error:
        if dataset is None:
            raise UserError(f"the model does not name its classes: {error}; give --dataset=NAME") from None
        print_lines(f"Note: classes are taken from --dataset={dataset}; the model does not name them: {error}")
        spec = load_spec(dataset)
        return Classes(spec.class_titles, spec.palette, f"--dataset={dataset}")
    if dataset is not None:
        print_lines(f"Note: --dataset={dataset} is ignored; the model names its classes itself")
    return Classes(info.class_titles, info.palette, "the model")


def _write(class_ids: np.ndarray, photo: np.ndarray, classes: Classes, mask_path: Path, overlay_path: Path) -> None:
    """Writes the mask, class ids with the classes' colours as palette, and its colours over the photo.

    Args:
      class_ids: uint8 [S, S].
      photo: uint8 [H, W, 3]; both files have its size.
    """
    from PIL import Image

    shown = Image.fromarray(photo)
    mask = Image.fromarray(class_ids).resize(shown.size, Image.Resampling.NEAREST)
    mask.putpalette([value for color in classes.palette for value in color])
    mask.save(mask_path, "PNG")
    Image.blend(shown, mask.convert("RGB"), OVERLAY_ALPHA).save(overlay_path)


def _shares(class_ids: np.ndarray, classes: Classes) -> str:
    shares = [f"{name} {(class_ids == index).mean():.0%}" for index, name in enumerate(classes.names)]
    return ", ".join(shares)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped"))
