"""Near-duplicates: what the hash sees through, how pairs are found without comparing all, and where they end."""

import io
import json
import random
import tempfile
import time
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from beam_jobs.near_duplicates import bands, pairs
from beam_jobs.near_duplicates.batches import to_batch
from beam_jobs.near_duplicates.clusters import NO_CLUSTER, find_clusters, join_clusters
from beam_jobs.near_duplicates.hashing import HashedPhoto, encoded_photo_hash
from beam_jobs.near_duplicates.links import find_links
from beam_jobs.near_duplicates.nearest import PARTNERS, find_nearest, to_pairs
from beam_jobs.near_duplicates.pairs import COPIES_NAMED, Leak, NearDuplicatePair, NearDuplicates
from beam_jobs.near_duplicates.perceptual_hash import MAX_DISTANCE, photo_hash
from tests.beam_jobs.pictures import encode, scene

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "pets"
CROWDED = b"\x12\x34"  # the first band of many hashes


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


def search(photos: list[HashedPhoto], *flags: str) -> Leak:
    """What the transform finds, from photos in any order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leak"
        with beam.Pipeline(runner="FnApiRunner", argv=list(flags)) as pipeline:
            batches = pipeline | beam.Create(photos) | beam.BatchElements(50, 50) | beam.Map(to_batch)
            batches | NearDuplicates() | beam.Map(lambda leak: path.write_text(json.dumps(leak)))
        count, is_complete, found, _ = json.loads(path.read_text())
    return Leak(count, is_complete, tuple(NearDuplicatePair(*pair) for pair in found))


def find(photos: list[HashedPhoto], *flags: str) -> list[NearDuplicatePair]:
    return list(search(photos, *flags).pairs)


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
    photos = random_photos(1000, most_changes=bands.BANDS - 1)
    found = find(photos)
    assert found == compare_all(photos)
    assert len(found) == 200


def test_neither_order_nor_repetition_nor_the_spread_of_work_changes_what_is_found(monkeypatch):
    photos = random_photos(300, most_changes=40)
    in_one_partition = find(photos)
    monkeypatch.setattr(bands, "ROWS_PER_PARTITION", 50)  # many partitions
    assert find(photos) == find(photos[::-1], "--direct_runner_bundle_repeat=1") == in_one_partition != []


def frames(count: int, changes: int, seed: int = 1) -> list[HashedPhoto]:
    """A video of hashes: each differs from the one before in some bits; every fifth is in eval."""
    rng = random.Random(seed)
    one = rng.randbytes(32)
    photos = []
    for index in range(count):
        one = changed(one, rng.sample(range(256), changes))
        photos.append(HashedPhoto(f"{seed}_{index:05d}", "eval" if index % 5 == 0 else "train", one))
    return photos


def strangers(count: int) -> list[HashedPhoto]:
    """Photos of train that all agree in a band and in nothing else."""
    rng = random.Random(count)
    return [HashedPhoto(f"stranger_{index:04d}", "train", CROWDED + rng.randbytes(30)) for index in range(count)]


def test_of_a_video_every_eval_photo_is_counted_and_a_few_partners_are_named():
    photos = frames(600, changes=3)
    leak, every = search(photos), compare_all(photos)
    assert len(every) > 3_000
    assert (leak.photos, leak.is_complete) == (120, True)
    assert len(leak.pairs) == 120 * PARTNERS
    assert set(leak.pairs) <= set(every)
    assert {pair.held_out_id for pair in leak.pairs} == {photo.image_id for photo in photos if photo.split == "eval"}


def test_one_frame_of_train_that_slipped_into_a_crowd_of_others_is_found_by_every_frame_of_eval():
    rng = random.Random(1)
    scene = CROWDED + rng.randbytes(30)
    leaked = [HashedPhoto(f"eval_{index}", "eval", changed(scene, rng.sample(range(200), 9))) for index in range(300)]
    leak = search([*strangers(500), HashedPhoto("slipped", "train", scene), *leaked])
    assert (leak.photos, leak.is_complete) == (300, True)
    assert {pair.seen_id for pair in leak.pairs} == {"slipped"}


def test_the_work_in_a_crowd_without_near_duplicates_is_bounded_and_the_result_says_so(monkeypatch):
    monkeypatch.setattr(bands, "COMPARISONS", 4)
    crowd = [photo._replace(split=("train", "eval")[index % 2]) for index, photo in enumerate(strangers(600))]
    near = [HashedPhoto("eval", "eval", bytes(32)), HashedPhoto("train", "train", changed(bytes(32), [1]))]
    leak = search([*crowd, *near])
    assert (leak.photos, leak.is_complete) == (1, False)
    assert [(pair.seen_id, pair.held_out_id) for pair in leak.pairs] == [("train", "eval")]


def test_many_thousand_frames_are_searched_and_connected_in_seconds():
    photos = [photo for seed in range(4) for photo in frames(5_000, changes=2, seed=seed)]
    bucketed = bands.gather([to_batch(photos).rows])
    start = time.process_time()
    nearest, links = (find(bucketed, range(bands.BANDS)) for find in (find_nearest, find_links))
    assert time.process_time() - start < 20  # takes 2; there are 50 million pairs
    assert len(np.unique(to_pairs(nearest)[:, :32], axis=0)) > 0.99 * len(photos) / 5
    assert len(links) // 64 < len(photos)


def test_a_partition_holds_a_bounded_number_of_hashes_and_says_so(monkeypatch):
    monkeypatch.setattr(bands, "MAX_ROWS", 64)
    photos = random_photos(500, most_changes=5)
    leak = search(photos)
    assert leak == search(photos[::-1])
    assert not leak.is_complete
    assert 0 < leak.photos < len(compare_all(photos)) == 100


@pytest.mark.proof
def test_thousands_of_equal_photos_are_counted_in_full_and_named_in_part():
    copies = [HashedPhoto(f"{index:05d}", ("train", "eval")[index % 2], bytes(range(32))) for index in range(20_000)]
    leak = search(copies)
    assert (leak.photos, leak.is_complete) == (10_000, True)
    assert len(leak.pairs) == COPIES_NAMED * PARTNERS
    assert leak.pairs[0] == NearDuplicatePair(0, "00000", "00001")


def test_of_all_pairs_the_nearest_are_named(monkeypatch):
    monkeypatch.setattr(pairs, "PAIRS_NAMED", 10)
    photos = random_photos(300, most_changes=15)
    leak = search(photos)
    assert leak.photos == 60
    assert [pair.distance for pair in leak.pairs] == [pair.distance for pair in compare_all(photos)[:10]]
    assert set(leak.pairs) <= set(compare_all(photos))


def test_near_duplicates_inside_one_split_are_no_leak():
    one = random.Random(1).randbytes(32)
    photos = [
        HashedPhoto("a", "train", one),
        HashedPhoto("b", "train", one),
        HashedPhoto("c", "train", changed(one, [3])),
    ]
    assert find(photos) == []


def test_no_pair_that_the_search_finds_lies_in_two_clusters():
    photos = [*frames(400, changes=6), *frames(400, changes=20, seed=2), *strangers(300), *random_photos(200, 30)]
    parts = list(join_clusters([find_links(bands.gather([to_batch(photos).rows]), range(bands.BANDS))]))
    found_clusters = find_clusters([photo.hash for photo in photos], parts)
    clusters = dict(zip([photo.image_id for photo in photos], found_clusters.tolist()))
    found = find(photos)
    assert len(found) > 300
    for pair in found:
        assert clusters[pair.seen_id] == clusters[pair.held_out_id] != NO_CLUSTER


@pytest.mark.skipif(not REAL.is_dir(), reason="the real photos are not here")
def test_every_near_duplicate_of_the_real_photos_is_found():
    paths = sorted((REAL / "images").glob("Abyssinian_*.jpg"))
    hashes = {path.stem: encoded_photo_hash(path.read_bytes()) for path in paths}
    expected = {("11", "177"), ("122", "172"), ("151", "99"), ("24", "56"), ("40", "63")}
    photos = [HashedPhoto(f"Abyssinian_{one}", "train", hashes.pop(f"Abyssinian_{one}")) for one, _ in expected]
    photos += [HashedPhoto(image_id, "eval", hashed) for image_id, hashed in hashes.items()]
    found = find(photos)
    assert {(pair.seen_id, pair.held_out_id) for pair in found} == {
        (f"Abyssinian_{one}", f"Abyssinian_{other}") for one, other in expected
    }
