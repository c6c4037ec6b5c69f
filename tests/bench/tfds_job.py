"""The same photos prepared by TensorFlow Datasets: `python -m tests.bench.tfds_job PHOTOS OUTPUT SIDE`.

Its builder for the official pets copies photos as they are; the resize that `beam_jobs.prepare` does is added here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from beam_jobs.records.sharding import split_by_hash
from schemas.features import EVAL, TRAIN
from schemas.path_pattern import PLACEHOLDER
from tests.bench.photos import PETS


class Pets(tfds.core.GeneratorBasedBuilder):
    """Photos and trimaps of one folder, resized."""

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, photos: Path, side: int, **options):
        self._photos, self._side = photos, side
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        side = self._side
        features = {
            "image": tfds.features.Image(shape=(side, side, 3), encoding_format="jpeg"),
            "mask": tfds.features.Image(shape=(side, side, 1), encoding_format="png"),
            "image_id": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(builder=self, description="pets", features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        return {split: self._generate_examples(split) for split in (TRAIN, EVAL)}

    def _generate_examples(self, split: str) -> Iterator:
        for path in sorted((self._photos / PETS.image_path).parent.iterdir()):
            image_id = path.stem
            if split_by_hash(image_id, 0.2) != split:
                continue
            photo = Image.open(path)
            photo.draft("RGB", (2 * self._side, 2 * self._side))
            mask = Image.open(self._photos / PETS.mask_path.replace(PLACEHOLDER, image_id))
            size = (self._side, self._side)
            yield (
                image_id,
                {
                    "image": np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BILINEAR)),
                    "mask": np.asarray(mask.resize(size, Image.Resampling.NEAREST))[..., None] - 1,
                    "image_id": image_id,
                },
            )


if __name__ == "__main__":
    source, target, pixels = sys.argv[1:]
    Pets(Path(source), int(pixels), data_dir=target).download_and_prepare()
