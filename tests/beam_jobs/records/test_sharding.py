from collections import Counter

import pytest

from beam_jobs.elements import PlannedRecord, SourceFile
from beam_jobs.packing import pack_plans, unpack_plans
from beam_jobs.prepare.pipeline import assign_shards
from beam_jobs.records.sharding import (
    SplitSize,
    expected_record_bytes,
    order_in_shard,
    shard_count,
    shard_index,
    split_by_hash,
)

IDS = [f"Bengal_{number}" for number in range(2000)]


def test_the_eval_share_is_about_what_was_asked_for():
    share = Counter(split_by_hash(image_id, 0.2) for image_id in IDS)["eval"] / len(IDS)
    assert share == pytest.approx(0.2, abs=0.03)


def test_a_larger_eval_fraction_keeps_every_eval_id_in_eval():
    small = {image_id for image_id in IDS if split_by_hash(image_id, 0.1) == "eval"}
    large = {image_id for image_id in IDS if split_by_hash(image_id, 0.3) == "eval"}
    assert small < large


def test_shards_are_about_equally_full():
    sizes = Counter(shard_index(image_id, 8) for image_id in IDS)
    assert len(sizes) == 8
    assert max(sizes.values()) < 1.3 * min(sizes.values())


def test_shard_and_split_and_order_are_decided_independently():
    evaluated = [image_id for image_id in IDS if split_by_hash(image_id, 0.2) == "eval"]
    assert len({shard_index(image_id, 8) for image_id in evaluated}) == 8
    ordered = sorted(IDS, key=order_in_shard)
    assert ordered != IDS
    assert len({shard_index(image_id, 8) for image_id in ordered[:40]}) == 8


@pytest.mark.parametrize(
    ("records", "record_bytes", "shards"),
    [
        (0, 1e4, 0),
        (1, 1e4, 1),
        (65, 1e4, 2),
        (5_000, 1e4, 8),  # 50 MB: by the records, to share the work
        (1_000_000, 1e4, 150),  # 10 GB: by the bytes, 64 MiB each
    ],
)
def test_the_number_of_shards_follows_bytes_and_work(records, record_bytes, shards):
    assert shard_count(SplitSize(records, 0), record_bytes, 64 << 20) == shards


def test_at_the_original_size_the_source_files_are_the_estimate():
    assert expected_record_bytes(0, "jpeg", SplitSize(10, 1_000_000)) == 100_000


def test_masks_at_the_photos_own_sizes_make_records_larger():
    size = SplitSize(10, 1_000_000)
    without, with_masks = (expected_record_bytes(128, "jpeg", size, source_masks=one) for one in (False, True))
    assert with_masks - without == pytest.approx(5_000)


def test_each_batch_of_the_plan_names_its_shards_in_one_order_so_that_workers_get_as_many_of_each_split():
    file = SourceFile("photo.jpg", 1)
    plans = [PlannedRecord(f"pug_{number}", file, file, ("train", "eval")[number % 2]) for number in range(400)]
    assigned = [
        (key, unpack_plans(packed)) for key, packed in assign_shards(pack_plans(plans), {"train": 8, "eval": 4})
    ]
    assert [key for key, _ in assigned] == sorted(key for key, _ in assigned)
    assert [(key.split, key.index) for key, _ in assigned[::2]] == [
        *(("eval", index) for index in (0, 2)),
        *(("train", index) for index in (0, 2, 4, 6)),
    ]
    assert sorted(plan for _, of_one in assigned for plan in of_one) == sorted(plans)
    assert all(shard_index(plan.image_id, key.count) == key.index for key, of_one in assigned for plan in of_one)
