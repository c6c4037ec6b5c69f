"""Small published versions, as whole as a job leaves them, for tests that read or harm one."""

import hashlib
import json
from pathlib import Path

from beam_jobs.records.tfrecord import TFRecordWriter
from schemas.contract import dataset_text
from schemas.derived_schema import derive_schema, schema_sha256
from schemas.features import TRAINING_SPLITS
from schemas.manifest import Manifest, Shard, Split, options_sha256, read_manifest
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec
from schemas.version_files import DATASET_FILE, MANIFEST_FILE, SCHEMA_FILE, shard_path

RECORDS = {"train": ((b"one", b"two"), (b"three",)), "eval": ((b"four", b"five"),)}


def write_shard(path: Path, relative: str, records) -> Shard:
    """Writes a TFRecord file and returns its entry."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = TFRecordWriter(file)
        for one in records:
            writer.write(one)
    return Shard(path=relative, bytes=writer.bytes, records=writer.records, sha256=writer.sha256)


def make_manifest(splits: dict[str, Split], **values) -> Manifest:
    """A manifest that adds up, of the given splits."""
    published = sum(split.records for split in splits.values())
    options = values.pop("options", {})
    defaults = {
        "dataset": "pets",
        "version": "1.0.0",
        "image_size": 32,
        "inputs": published + sum(values.get("quarantined", {}).values()),
        "published": published,
        "quarantined": {},
        "repaired": 0,
        "repairs": {},
        "schema_sha256": schema_sha256(load_spec("pets")),
        "inputs_sha256": "0" * 64,
        "options_sha256": options_sha256(options),
        "code_version": "0",
    }
    return Manifest(splits=splits, options=options, **defaults | values)


def publish(root: Path, spec: DatasetSpec | None = None, records=None, image_size: int = 32) -> Path:
    """Publishes `<root>/pets/1.0.0`, of three shards, and returns its folder."""
    spec = spec or load_spec("pets")
    version_dir = root / "pets" / "1.0.0"
    splits = {}
    for split in TRAINING_SPLITS:
        shards = (records or RECORDS)[split]
        entries = []
        for index, content in enumerate(shards):
            relative = shard_path("pets", split, index, len(shards))
            entries.append(write_shard(version_dir / relative, relative, content))
        splits[split] = Split(records=sum(one.records for one in entries), shards=tuple(entries))
    text = dataset_text(spec)
    (version_dir / SCHEMA_FILE).write_text(derive_schema(load_spec("pets")))
    (version_dir / DATASET_FILE).write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    manifest = make_manifest(splits, dataset_sha256=digest, image_size=image_size)
    (version_dir / MANIFEST_FILE).write_text(manifest.to_json())
    return version_dir


def published_under(version_dir: Path, **changes) -> None:
    """Makes a published version one that was published under a contract with changed fields, consistently."""
    from schemas.contract import parse_dataset

    path = version_dir / DATASET_FILE
    spec = parse_dataset(path.read_bytes(), str(path))
    text = dataset_text(DatasetSpec.model_validate(spec.model_dump(mode="json") | changes))
    path.write_text(text)
    values = json.loads((version_dir / MANIFEST_FILE).read_text())
    values["dataset_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (version_dir / MANIFEST_FILE).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def published_before_contracts(version_dir: Path) -> None:
    """Makes a version one of those that were published when they held no `dataset.yaml`."""
    (version_dir / DATASET_FILE).unlink()
    values = json.loads((version_dir / MANIFEST_FILE).read_text())
    del values["dataset_sha256"]
    (version_dir / MANIFEST_FILE).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def ids_by_split(version: Path) -> dict[str, set[str]]:
    """Split to the ids of its records."""
    import tensorflow as tf

    found = {}
    for name, split in read_manifest(version).splits.items():
        records = tf.data.TFRecordDataset([str(version / shard.path) for shard in split.shards]).as_numpy_iterator()
        features = [tf.train.Example.FromString(one).features.feature for one in records]
        found[name] = {feature["image_id"].bytes_list.value[0].decode() for feature in features}
    return found
