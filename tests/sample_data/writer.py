"""Writes a folder of sample data: many pictures on all cores, then all at once into place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from schemas.errors import UserError
from schemas.origin import ORIGIN_FILE, Origin
from schemas.path_pattern import PLACEHOLDER
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec
from tests.sample_data.defects import DEFECTS_FILE, encode, kinds_of
from tests.sample_data.layout import Layout
from tests.sample_data.noise import cloud_tile, grain_tile, spot_tile
from tests.sample_data.scenes import SCENES

SETTINGS_FILE = "sample.json"
GENERATOR_VERSION = 1  # of the drawing: another number, other pictures
_QUALITIES = (80, 96)  # of the JPEG files, from and below
_PICTURES_PER_TASK = 8

Progress = Callable[[int, int], None]  # pictures written so far, pictures in all


@dataclass(frozen=True)
class Settings:
    """What decides the content of a sample data folder, byte for byte.

    Attributes:
      dataset: A key of `scenes.SCENES`.
      count: Good pictures.
      seed: The n-th picture depends on the seed and n alone.
      eval_fraction: Part of the pictures in the evaluation split, in [0, 1).
      min_side, max_side: Bounds of a photo's sides, pixels; the data set's own where they are 0.
      defects: Whether one defective input of each kind is added to the good ones.
    """

    dataset: str = "pets"
    count: int = 300
    seed: int = 1
    eval_fraction: float = 0.2
    min_side: int = 0
    max_side: int = 0
    defects: bool = False

    def __post_init__(self) -> None:
        if self.dataset not in SCENES:
            raise UserError(f"no sample data for {self.dataset!r}; can draw: {', '.join(SCENES)}")
        for name, own in zip(("min_side", "max_side"), SCENES[self.dataset].sides):
            object.__setattr__(self, name, getattr(self, name) or own)
        if self.count < 1:
            raise UserError(f"count must be 1 or more, got {self.count}")
        if self.seed < 0:
            raise UserError(f"seed must be 0 or more, got {self.seed}")
        if not 0.0 <= self.eval_fraction < 1.0:
            raise UserError(f"eval_fraction must be in [0, 1), got {self.eval_fraction}")
        if not 64 <= self.min_side <= self.max_side <= 2000:
            raise UserError(f"sides must be 64 <= min_side <= max_side <= 2000, got {self.min_side}, {self.max_side}")

    def to_json(self) -> str:
        """The text of `sample.json`."""
        return json.dumps({"generator_version": GENERATOR_VERSION, **asdict(self)}, indent=2) + "\n"


def write_sample(output: Path, settings: Settings, workers: int, progress: Progress) -> bool:
    """Draws the pictures and writes the folder; it appears complete or not at all.

    Args:
      output: Folder to make; its parents are made as well.
      settings: What to draw.
      workers: Processes to draw with.
      progress: Called after every few pictures.

    Returns:
      False if the folder holds exactly this sample data already, and nothing was done.

    Raises:
      UserError: The folder holds something else, or cannot be written.
    """
    if _is_there(output, settings):
        (output / ORIGIN_FILE).write_text(_origin(settings.dataset), encoding="utf-8")  # earlier releases wrote none
        return False
    spec = load_spec(settings.dataset)
    layout = SCENES[settings.dataset].layout(spec, settings.eval_fraction)
    kinds = {settings.count + place: kind for place, kind in enumerate(kinds_of(spec))} if settings.defects else {}
    total = settings.count + len(kinds)
    partial_folder = output.absolute().parent / f".{output.name}.partial-{os.getpid()}"
    try:
        partial_folder.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(output, error) from None
    try:
        for path in (spec.image_path, spec.mask_path):
            (partial_folder / path).parent.mkdir(parents=True, exist_ok=True)
        task = partial(write_picture, partial_folder, spec, layout, settings, kinds)
        _run(task, total, workers, progress)
        for path, text in layout.list_files(range(total)).items():
            (partial_folder / path).write_text(text, encoding="utf-8")
        if kinds:
            named = {layout.image_id(index): kind for index, kind in kinds.items()}
            (partial_folder / DEFECTS_FILE).write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")
        (partial_folder / ORIGIN_FILE).write_text(_origin(settings.dataset), encoding="utf-8")
        (partial_folder / SETTINGS_FILE).write_text(settings.to_json(), encoding="utf-8")
        partial_folder.rename(output.absolute())
    except OSError as error:
        raise _unwritable(output, error) from None
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
    return True


def _origin(dataset: str) -> str:
    """The text of `origin.yaml`: drawings in the layout of a data set are not its photos."""
    origin = Origin(
        title=SCENES[dataset].title,
        license="Apache-2.0",
        source=f"drawn by python -m tests.sample_data --dataset={dataset}; no photos",
        drawn=True,
    )
    return yaml.safe_dump(origin.model_dump(), sort_keys=False)


def _unwritable(output: Path, error: OSError) -> UserError:
    return UserError(f"{output}: cannot be written ({error.strerror or error}); choose another folder")


def write_picture(
    folder: Path, spec: DatasetSpec, layout: Layout, settings: Settings, kinds: dict[int, str], index: int
) -> None:
    """Draws the picture `index` and writes its photo and mask."""
    image_id = layout.image_id(index)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([settings.seed, index])))
    photo, mask = SCENES[settings.dataset].draw(rng, image_id, (settings.min_side, settings.max_side))
    files = encode(photo, mask, int(rng.integers(*_QUALITIES)), kinds.get(index), spec)
    for path, data in zip((spec.image_path, spec.mask_path), files, strict=True):
        if data is not None:
            (folder / path.replace(PLACEHOLDER, image_id)).write_bytes(data)


def _is_there(output: Path, settings: Settings) -> bool:
    """Whether the folder holds this very sample data; a UserError if it holds anything else."""
    if not output.exists():
        return False
    if not output.is_dir():
        raise UserError(f"{output}: is a file; choose another folder")
    if not any(output.iterdir()):
        return False
    file = output / SETTINGS_FILE
    if file.is_file() and file.read_text(encoding="utf-8", errors="replace") == settings.to_json():
        return True
    raise UserError(f"{output}: is not empty and holds other data; choose another folder or delete it")


def _run(task: Callable[[int], None], total: int, workers: int, progress: Progress) -> None:
    if workers < 2 or total <= _PICTURES_PER_TASK:
        for index in range(total):
            task(index)
            progress(index + 1, total)
        return
    grain_tile(), cloud_tile(), spot_tile()  # made once here, where worker processes are forks of this one
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(task, range(total), chunksize=_PICTURES_PER_TASK), 1):
            progress(done, total)
