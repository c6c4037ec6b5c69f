"""What data brings, by the thousand, to the functions that read it: a result, or a sentence that names the input."""

import contextlib
import io
import json
import random
import resource
import tarfile
from pathlib import Path

import numpy as np
import pytest

from beam_jobs.codec.masks import decode_mask, resize_mask
from beam_jobs.codec.orientation import exif_orientation
from beam_jobs.codec.photos import decode_photo
from beam_jobs.elements import SourceFile, read_source
from beam_jobs.prepare.joining import LISTED
from beam_jobs.prepare.pairing import _read_split_list
from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.archives import list_members
from schemas.documents import parse_yaml
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.manifest import parse_manifest
from schemas.photos import EXIF_START, PNG_START
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec
from tests.fuzz import archives, documents, mutations, pictures
from tests.fuzz.cases import check_each, check_sentence, seeded
from tfx_pipeline.config.pipeline import load_config
from tfx_pipeline.space.segmentation_app.photo import PhotoRefused, read_photo

pytestmark = [pytest.mark.proof, pytest.mark.slow(50)]

PETS = load_spec("pets")
CONFIGS = sorted((Path(__file__).parents[2] / "tfx_pipeline" / "configs").glob("*.yaml"))
MEMORY = 1 << 30  # bytes beyond what was there before: three times what the largest photo takes


@seeded
def test_photos(seed, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def check(data: bytes) -> None:
        try:
            photo = decode_photo(data, 64 if len(data) % 2 else 0, 0.1)
        except InputRejected as rejected:
            check_sentence(rejected.detail)
            return
        assert photo.image.mode == "RGB"
        size = photo.source_width, photo.source_height
        assert min(size) >= 16
        assert max(size) <= 65_500
        scale = round(size[0] / photo.image.width)
        assert scale in (1, 2, 4, 8), f"{photo.image.size} of {size}"
        assert photo.image.size == tuple(-(-side // scale) for side in size), f"{photo.image.size} of {size}"

    check_each("photo", seed, 3_000, pictures.hostile_photo, check, tmp_path)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY


@seeded
def test_photos_of_a_visitor_of_the_app(seed, tmp_path):
    def check(data: bytes) -> None:
        try:
            pixels = read_photo(data)
        except PhotoRefused as refused:
            check_sentence(str(refused))
            return
        assert pixels.dtype == np.uint8
        assert pixels.shape[2:] == (3,)
        with contextlib.suppress(InputRejected):  # it is stricter: of a damaged photo nothing is to be learned
            prepared = np.asarray(decode_photo(data, 0).image)
            assert prepared.shape == pixels.shape
            if data.startswith(PNG_START):
                assert np.abs(prepared.astype(int) - pixels).max() <= 1

    check_each("photo", seed, 2_000, pictures.hostile_photo, check, tmp_path)


@seeded
def test_orientations(seed, tmp_path):
    found = set()

    def check(data: bytes) -> None:
        found.add(exif_orientation(data))

    check_each("exif", seed, 3_000, _hostile_orientation, check, tmp_path)
    assert found <= set(range(1, 9))
    assert {1, 6} <= found  # the damage spares some


def _hostile_orientation(rng: random.Random) -> bytes:
    sound = EXIF_START + b"MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x02ab\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    return mutations.damaged(rng, sound) if rng.random() < 0.9 else sound


@seeded
def test_masks(seed, tmp_path):
    def check(data: bytes) -> None:
        try:
            class_ids = resize_mask(decode_mask(data, PETS, (40, 24)), PETS, 0)
        except InputRejected as rejected:
            check_sentence(rejected.detail)
            return
        assert class_ids.shape == (24, 40)
        assert class_ids.max() < len(PETS.classes)

    check_each("mask", seed, 3_000, pictures.hostile_mask, check, tmp_path)


@seeded
def test_records(seed, tmp_path):
    encoding = Encoding(image_size=32, image_format="jpeg", jpeg_quality=90)
    mask = pictures.good_masks()[0]

    def check(data: bytes) -> None:
        try:
            record = make_record("pug_1", data, mask, PETS, encoding, hash_photo=True)
        except InputRejected as rejected:
            check_sentence(rejected.detail)
            return
        assert abs(sum(record.values[name] for name in PETS.fraction_features) - 1) < 1e-6

    check_each("record", seed, 1_000, pictures.hostile_photo, check, tmp_path)


@seeded
def test_archives(seed, tmp_path):
    members = [(f"images/pug_{number}.jpg", bytes([number]) * 100) for number in range(5)]
    path = tmp_path / "images.tar"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            found = []
            for member in list_members(str(path)):
                found.append(member)
                assert len(found) < 1_000
        except UserError as error:
            check_sentence(str(error), str(path))
            return
        for member in found:
            assert not member.member.startswith("/")
            assert ".." not in member.member.split("/")
            assert member.bytes >= 0
            assert member.offset >= 0
            assert member.offset + member.bytes <= len(data), "reaches beyond the end"
            assert len(read_source(member)) == member.bytes

    check_each("archive", seed, 2_000, lambda rng: archives.hostile_archive(rng, members), check, tmp_path)


def test_an_archive_that_is_not_damaged_gives_up_all_its_members(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("images/pug_1.jpg"))
    (tmp_path / "images.tar").write_bytes(buffer.getvalue())
    assert len(list(list_members(str(tmp_path / "images.tar")))) == 1


@seeded
def test_lists(seed, tmp_path):
    ids = [f"pug_{number}" for number in range(30)]
    path = tmp_path / "trainval.txt"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            listed = _read_split_list(("train", SourceFile(str(path), len(data))), PETS)
            found = [one.image_id for one in listed if one.kind == LISTED]
        except UserError as error:
            check_sentence(str(error), str(path))
            return
        for image_id in found:
            assert image_id
            assert image_id == image_id.strip()
        for encoding in ("utf-8", "utf-8-sig"):
            if data == "\n".join(ids).encode(encoding):
                assert found == ids

    check_each("list", seed, 2_000, lambda rng: documents.hostile_list(rng, ids), check, tmp_path)


@seeded
def test_manifests(seed, tmp_path):
    values = documents.manifest_values()

    def check(data: bytes) -> None:
        try:
            manifest = parse_manifest(data, "a/manifest.json")
        except UserError as error:
            check_sentence(str(error), "a/manifest.json")
            return
        assert manifest.inputs == manifest.published + sum(manifest.quarantined.values())
        shards = [shard for split in manifest.splits.values() for shard in split.shards]
        assert manifest.published == sum(shard.records for shard in shards)
        for shard in shards:
            assert shard.path.startswith("examples/Split-")
            assert ".." not in shard.path.split("/")
        json.loads(manifest.to_json())

    check_each("manifest", seed, 3_000, lambda rng: documents.hostile_json(rng, values), check, tmp_path)


@seeded
def test_configurations(seed, tmp_path):
    path = tmp_path / "config.yaml"
    texts = [config.read_text(encoding="utf-8") for config in CONFIGS]

    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            config = load_config(path)
        except UserError as error:
            said = str(error)
        else:
            assert config.name
            return
        check_sentence(said, str(path))
        assert "hf_abc" not in said

    check_each("config", seed, 600, lambda rng: documents.hostile_yaml(rng, rng.choice(texts)), check, tmp_path)


@seeded
def test_data_sets(seed, tmp_path):
    path = Path(__file__).parents[2] / "schemas" / "pets" / "dataset.yaml"
    text = path.read_text(encoding="utf-8")

    def check(data: bytes) -> None:
        try:
            spec = parse_model(DatasetSpec, parse_yaml(data, "a/dataset.yaml"), "a/dataset.yaml")
        except UserError as error:
            check_sentence(str(error), "a/dataset.yaml")
            return
        for pattern in (spec.image_path, spec.mask_path):
            assert not pattern.startswith("/")
            assert ".." not in pattern.split("/")

    check_each("dataset", seed, 600, lambda rng: documents.hostile_yaml(rng, text), check, tmp_path)
