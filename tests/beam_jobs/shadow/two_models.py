"""Two models that differ in a known way: up to which green a pixel is a pet."""

from pathlib import Path

import numpy as np
from PIL import Image

from beam_jobs.shadow.command_line import main
from tests.beam_jobs.pictures import encode
from tests.beam_jobs.toy_model import SIZE, export

DARK = {"served": 85, "candidate": 120}
PET, BACKGROUND, BORDER = range(3)
CLASSES = "pet", "background", "border"


def export_both(folder: Path) -> Path:
    """The served model, the candidate, and the candidate as a model of photos at their own size."""
    folder.mkdir()
    for name, dark in DARK.items():
        export(folder / name, dark)
    export(folder / "tiled", DARK["candidate"], tiled=True)
    return folder


def photo(seed: int, bright: int = 256) -> np.ndarray:
    """Of the models' size, so that neither changes a pixel, and below a green level: uint8 [SIZE, SIZE, 3]."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, bright, (SIZE, 1, 1), np.uint8)
    return np.broadcast_to(rows, (SIZE, SIZE, 3)).copy()


def answer(pixels: np.ndarray, model: str) -> np.ndarray:
    """The class ids that a model gives: int [SIZE, SIZE]."""
    green = pixels[..., 1]
    return np.where(green < DARK[model], PET, np.where(green < 170, BORDER, BACKGROUND))


def write_photo(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(Image.fromarray(pixels), "PNG"))


def shadow(models: Path | str, output: Path | str, *options: object, candidate: str = "candidate") -> int:
    both = f"--model={models}/served", f"--candidate={models}/{candidate}"
    return main([*both, f"--output={output}", *map(str, options)])
