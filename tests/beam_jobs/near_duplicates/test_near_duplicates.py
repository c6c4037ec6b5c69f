"""Near-duplicates: what the hash sees through, how pairs are found without comparing all, and where they end."""

import io
import json
import random
import tempfile
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from beam_jobs.near_duplicates import NEAR_DUPLICATES_FILE, candidates
from beam_jobs.near_duplicates.batches import to_batch
from beam_jobs.near_duplicates.hashing import MAX_DISTANCE, HashedPhoto, encoded_photo_hash, photo_hash
from beam_jobs.near_duplicates.one_side import join_clusters
from beam_jobs.near_duplicates.pairs import COPIES_NAMED, NearDuplicatePair, NearDuplicates, write_pairs
from tests.beam_jobs.pictures import encode, scene

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "pets"


def distance(first: bytes, second: bytes) -> int:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def jpeg(image: Image.Image, quality: int = 92) -> bytes:
    return encode(image, "JPEG", quality=quality)


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        pytest.param(lambda image: Image.open(io.BytesIO(jpeg(image, 60))), 15, id="compressed again"),
        pytest.param(lambda image: image.resize((150, 100)), 15, id="half the size"),
        pytest.param(lambda image: ImageEnhance.Brightness(image).enhance(1.1), 15, id="brighter"),
        pytest.param(lambda image: ImageEnhance.Brightness(image).enhance(0.9), 15, id="darker"),
        pytest.param(lambda image: image.convert("L"), 15, id="grey"),
        pytest.param(ImageOps.mirror, 15, id="mirrored"),
        pytest.param(lambda image: image.crop((4, 3, 296, 197)), MAX_DISTANCE, id="cropped by 3 %"),
    ],
)
def test_the_hash_sees_through_what_people_do_to_copies(change, limit):
    for seed in range(20):
        assert distance(photo_hash(scene(seed)), photo_hash(change(scene(seed)))) <= limit


def test_hashes_of_different_photos_are_far_apart():
    hashes = [photo_hash(scene(seed)) for seed in range(40)]
    distances = [distance(one, other) for index, one in enumerate(hashes) for other in hashes[:index]]
    assert min(distances) > MAX_DISTANCE


def test_the_hash_is_the_same_on_every_machine():
    pixels = (np.add.outer(np.arange(40) ** 2, 7 * np.arange(60)) % 251).astype(np.uint8)
    expected = "59cc58c659ce59ee58c60ced0cc2a461f444f6235b660b3905d3a11359e80c9b"
    assert photo_hash(Image.fromarray(pixels)).hex() == expected


def test_an_encoded_photo_has_nearly_the_hash_of_its_pixels():
    assert distance(encoded_photo_hash(jpeg(scene(1))), photo_hash(scene(1))) <= 15


def test_a_photo_without_structure_has_no_hash_and_no_near_duplicate():
    flat = [photo_hash(Image.new("RGB", (60, 40), color)) for color in ("black", "white")]
    assert flat == [None, None]
    assert find([HashedPhoto("a", "train", None), HashedPhoto("b", "eval", None)]) == []


def find(photos: list[HashedPhoto], *flags: str) -> list[NearDuplicatePair]:
    """What the transform finds, from photos in any order."""
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(runner="FnApiRunner", argv=list(flags)) as pipeline:
            batches = pipeline | beam.Create(photos) | beam.BatchElements(50, 50) | beam.Map(to_batch)
            pairs = batches | NearDuplicates()
            pairs | beam.Map(write_pairs, folder)
        lines = (Path(folder) / NEAR_DUPLICATES_FILE).read_text().splitlines()
    return [NearDuplicatePair(one["distance"], one["train"], one["eval"]) for one in map(json.loads, lines)]


def changed(one: bytes, bits: list[int]) -> bytes:
    value = int.from_bytes(one, "big")
    for bit in bits:
        value ^= 1 << bit
    return value.to_bytes(len(one), "big")


def random_photos(count: int, most_changes: int) -> list[HashedPhoto]:
    """Photos of train with random hashes, and for every fifth a copy in eval with some bits changed."""
    rng = random.Random(count)
    photos = [HashedPhoto(f"train_{index:04d}", "train", rng.randbytes(32)) for index in range(count)]
    for one in photos[::5]:
        bits = rng.sample(range(256), rng.randint(0, most_changes))
        photos.append(HashedPhoto(one.image_id.replace("train", "eval"), "eval", changed(one.hash, bits)))
    return photos


def compare_all(photos: list[HashedPhoto]) -> list[NearDuplicatePair]:
    train, evaluated = ([one for one in photos if one.split == split] for split in ("train", "eval"))
    pairs = ((distance(one.hash, other.hash), one.image_id, other.image_id) for one in train for other in evaluated)
    return sorted(NearDuplicatePair(*pair) for pair in pairs if pair[0] <= MAX_DISTANCE)


def test_all_pairs_that_differ_in_fewer_bits_than_there_are_bands_are_found_once_and_no_others():
    photos = random_photos(1000, most_changes=candidates.BANDS - 1)
    pairs = find(photos)
    assert pairs == compare_all(photos)
    assert len(pairs) == 200


def test_neither_order_nor_repetition_nor_the_spread_of_work_changes_what_is_found(monkeypatch):
    photos = random_photos(300, most_changes=40)
    in_one_partition = find(photos)
    monkeypatch.setattr(candidates, "ROWS_PER_PARTITION", 50)  # many partitions
    assert find(photos) == find(photos[::-1], "--direct_runner_bundle_repeat=1") == in_one_partition != []


def test_photos_that_are_all_alike_cost_no_more_than_the_window_each(monkeypatch):
    monkeypatch.setattr(candidates, "WINDOW", 3)
    rng = random.Random(1)
    alike = [
        HashedPhoto(f"{index}", ("train", "eval")[index % 2], changed(bytes(range(32)), rng.sample(range(256), 6)))
        for index in range(400)
    ]
    assert len(compare_all(alike)) == 200**2
    assert 400 < len(find(alike)) <= 400 * 3 * candidates.BANDS


def test_a_partition_holds_a_bounded_number_of_hashes_and_always_the_same(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_ROWS", 64)
    photos = random_photos(500, most_changes=5)
    pairs = find(photos)
    assert pairs == find(photos[::-1])
    assert 0 < len(pairs) < len(compare_all(photos)) == 100


def test_thousands_of_equal_photos_are_one_and_the_first_of_them_are_named():
    copies = [HashedPhoto(f"{index:05d}", ("train", "eval")[index % 2], bytes(range(32))) for index in range(20_000)]
    pairs = find(copies)
    assert len(pairs) == COPIES_NAMED**2
    assert pairs[0] == NearDuplicatePair(0, "00000", "00001")


def test_near_duplicates_inside_one_split_are_no_leak():
    one = random.Random(1).randbytes(32)
    photos = [
        HashedPhoto("a", "train", one),
        HashedPhoto("b", "train", one),
        HashedPhoto("c", "train", changed(one, [3])),
    ]
    assert find(photos) == []


def test_clusters_are_what_is_connected_over_others_in_any_order():
    names = [bytes([index]) * 32 for index in range(8)]
    near = [candidates.NearHashes(names[first], names[first + 1], 9) for first in (0, 1, 2, 4, 6)]
    expected = {**dict.fromkeys(names[:4], names[0]), **dict.fromkeys(names[4:6], names[4])}
    expected |= dict.fromkeys(names[6:], names[6])
    for seed in range(5):
        assert dict(join_clusters(random.Random(seed).sample(near, len(near)))) == expected


@pytest.mark.skipif(not REAL.is_dir(), reason="the real photos are not here")
def test_every_near_duplicate_of_the_real_photos_is_found():
    paths = sorted((REAL / "images").glob("Abyssinian_*.jpg"))
    hashes = {path.stem: encoded_photo_hash(path.read_bytes()) for path in paths}
    expected = {("11", "177"), ("122", "172"), ("151", "99"), ("24", "56"), ("40", "63")}
    photos = [HashedPhoto(f"Abyssinian_{one}", "train", hashes.pop(f"Abyssinian_{one}")) for one, _ in expected]
    photos += [HashedPhoto(image_id, "eval", hashed) for image_id, hashed in hashes.items()]
    pairs = find(photos)
    assert {(pair.train_id, pair.eval_id) for pair in pairs} == {
        (f"Abyssinian_{one}", f"Abyssinian_{other}") for one, other in expected
    }
