"""A tiny published version whose images a toy model can segment, and configurations for it."""

import hashlib
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import tfx_pipeline
from schemas.contract import dataset_text
from schemas.derived_schema import derive_schema, schema_sha256
from schemas.features import EVAL, TRAIN
from schemas.fitting import STRETCH, Fit
from schemas.manifest import Manifest, Shard, Split, file_sha256
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec
from schemas.version_files import DATASET_FILE, MANIFEST_FILE, SCHEMA_FILE, shard_path, split_folder
from tests.beam_jobs.storage_emulator import forget_clients
from tests.tfx_pipeline.toy_trainer import CLASS_COLORS
from tfx_pipeline.vertex.rehearsal.access import DEPLOYER

REHEARSAL_CONFIG = Path(tfx_pipeline.__file__).parent / "configs" / "rehearsal.yaml"
IMAGE_SIZE = 32
RECORDS = {TRAIN: 8, EVAL: 14}
BREEDS = (("Bengal", "cat"), ("pug", "dog"), ("beagle", "dog"), ("Sphynx", "cat"))
BORDERLESS_BREED = "Sphynx"  # its masks have no pixel of the border class


def toy_mask(generator: np.random.Generator, number: int, border_width: int) -> np.ndarray:
    """Class ids, uint8 [S, S]: a disc of pet (0) with a border (2) on background (1)."""
    rows, columns = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE]
    center = generator.uniform(12, 20, 2)
    distance = np.hypot(rows - center[0], columns - center[1])
    radius = 5 + number % 7
    return np.where(distance < radius, 0, np.where(distance < radius + border_width, 2, 1)).astype(np.uint8)


def png_bytes(pixels: np.ndarray) -> bytes:
    """PNG of uint8 pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def write_split(version_dir: Path, split: str, records: int, spec: DatasetSpec) -> Split:
    """Writes one shard with toy records."""
    import tensorflow as tf

    generator = np.random.default_rng(len(split))
    path = shard_path("pets", split, 0, 1)
    (version_dir / path).parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(version_dir / path)) as writer:
        for number in range(records):
            breed, species = BREEDS[number % len(BREEDS)]
            mask = toy_mask(generator, number, 0 if breed == BORDERLESS_BREED else 2)
            values = {
                "image": png_bytes(np.array(CLASS_COLORS, np.uint8)[mask]),
                "mask": png_bytes(mask),
                "image_id": f"{breed}_{split}_{number}".encode(),
                "breed": breed.encode(),
                "species": species.encode(),
            }
            if spec.names_groups:
                values["group"] = spec.group_of(f"{breed}_{split}_{number}", "").encode()
            feature = {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[one])) for key, one in values.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    shard = version_dir / path
    entry = Shard(path=path, bytes=shard.stat().st_size, records=records, sha256=file_sha256(shard))
    return Split(records=records, shards=(entry,))


@pytest.fixture(scope="session")
def toy_version(tmp_path_factory) -> Path:
    """A published version; tests must not write into it."""
    return publish_toy(tmp_path_factory.mktemp("published"), RECORDS)


def publish_toy(root: Path, sizes: dict[str, int], spec: DatasetSpec | None = None) -> Path:
    """Publishes toy records; `sizes` is their number for each split."""
    spec = spec or load_spec("pets")
    version_dir = root / "pets" / "1.0.0"
    version_dir.mkdir(parents=True)
    splits = {split: write_split(version_dir, split, records, spec) for split, records in sizes.items()}
    for split in sizes:
        folder = version_dir / "statistics" / split_folder(split)
        folder.mkdir(parents=True)
        (folder / "FeatureStats.pb").write_bytes(b"")  # an empty DatasetFeatureStatisticsList; no step reads it
    (version_dir / SCHEMA_FILE).write_text(derive_schema(spec), encoding="utf-8")
    (version_dir / DATASET_FILE).write_text(dataset_text(spec), encoding="utf-8")
    published = sum(sizes.values())
    manifest = Manifest(
        dataset="pets",
        version="1.0.0",
        image_size=IMAGE_SIZE,
        splits=splits,
        inputs=published,
        published=published,
        quarantined={},
        repaired=0,
        repairs={},
        schema_sha256=schema_sha256(spec),
        dataset_sha256=file_sha256(version_dir / DATASET_FILE),
        inputs_sha256=hashlib.sha256(b"toy").hexdigest(),
        options={},
        options_sha256=hashlib.sha256(json.dumps({}).encode()).hexdigest(),
        code_version="0",
    )
    (version_dir / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
    return version_dir


@pytest.fixture(scope="session")
def observed_model(made_once) -> Callable[[Fit], Path]:
    """Gives an exported model with the log's signatures for a fit, with a TFLite model for STRETCH; only to be read."""
    from tests.tfx_pipeline.observed_model import export_observed

    return lambda fit: made_once(f"observed-{fit}", partial(export_observed, fit=fit, tflite=fit == STRETCH))


@pytest.fixture
def write_config(tmp_path, toy_version):
    """Writes a configuration for the toy version; `moved_rows` sets the model's quality, `changes` replace keys."""

    def write(moved_rows: int = 0, min_mean_iou: float = 0.5, **changes) -> Path:
        values = {
            "name": "toy",
            "data": str(toy_version),
            "output": str(tmp_path / "output"),
            "training": {"encoder_weights": "none", "fine_tune_epochs": 0, "seed": moved_rows, "batch_size": 4},
            "evaluation": {"min_mean_iou": min_mean_iou, "max_mean_iou_drop": 0.01},
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(values | changes), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def cloud_config():
    from tfx_pipeline.config.pipeline import load_cloud_config

    return load_cloud_config(REHEARSAL_CONFIG)


@pytest.fixture(scope="session")
def lasting_stage(cloud_config, tmp_path_factory):
    """One stage for all tests of a process: gRPC reads the certificates of an authority only once."""
    from tfx_pipeline.vertex.rehearsal.buckets import Buckets
    from tfx_pipeline.vertex.rehearsal.container_image import Image
    from tfx_pipeline.vertex.rehearsal.stage import raised_stage

    folder = tmp_path_factory.mktemp("stage")
    with raised_stage(cloud_config, folder, Image(folder), Buckets(folder / "buckets")) as stage:
        yield stage


@pytest.fixture(scope="module")
def stage(lasting_stage, request):
    """Servers on loopback, with nothing made there yet; Google's clients of this process take them for Google's.

    This process is the account that the module calls ACCOUNT, else who deploys.
    """
    service = lasting_stage.service
    for made in (service.calls, service.pipeline_jobs, service.schedules, service.models, service.endpoints):
        made.clear()
    from google.cloud.aiplatform import initializer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initializer.global_config, "_credentials", None)
        for name, value in lasting_stage.client_environment(getattr(request.module, "ACCOUNT", DEPLOYER)).items():
            patch.setenv(name, value)
        forget_clients(patch)
        yield lasting_stage
