"""The benchmark of a million ids: what it feeds the job's own steps with, and what it says that they hold."""

import apache_beam as beam
import pytest
from apache_beam.pvalue import AsIter

from beam_jobs.near_duplicates.perceptual_hash import MAX_DISTANCE
from beam_jobs.prepare.listing import IMAGES, MASKS, list_files, plan_listings
from tests.bench.graph_counts import OWN, run_and_count
from tests.bench.scale import STEPS
from tests.bench.scale_steps import BY_NAME, NEAR, ROWS, hashes, image_id, options


def test_archives_without_a_byte_are_listed_as_the_photos_and_masks_of_their_ids(tmp_path):
    BY_NAME["plan and split"].prepare(tmp_path, 20)
    found = [(wanted.kind, one) for place in plan_listings(options(tmp_path)) for wanted, one, _ in list_files(place)]
    ids = sorted(map(image_id, range(20)))
    assert sorted(one for kind, one in found if kind == IMAGES) == ids
    assert sorted(one for kind, one in found if kind == MASKS) == ids


def test_the_planted_hashes_are_near_ones_of_the_block_before_and_no_others_are():
    before, block = hashes(6), hashes(7)
    near = int(NEAR * ROWS)
    differ = [int(sum(byte.bit_count() for byte in (a ^ b).tolist())) for a, b in zip(before[-near:], block)]
    assert max(differ) <= MAX_DISTANCE
    assert len({row.tobytes() for row in (*before, *block)}) == 2 * ROWS


def test_groups_count_as_one_element_and_side_inputs_by_all_that_a_worker_is_given():
    def build(pipeline):
        rows = pipeline | "Make" >> beam.Create([b"x" * 100] * 7)
        _ = (
            rows
            | "Key" >> beam.Map(lambda row: (1, row)).with_output_types(tuple[int, bytes])
            | "Group" >> beam.GroupByKey()
        )
        numbers = pipeline | "Numbers" >> beam.Create(range(5))
        _ = rows | "Use" >> beam.Map(lambda row, of: (row, sum(of)), AsIter(numbers))
        _ = rows | f"{OWN}Look" >> beam.Map(len)

    found = {one.name: one for one in run_and_count(build)}
    assert found["Group"].elements == 1
    assert 700 < found["Group"].largest < 1000
    assert found["Key"].elements == 7
    assert found["Key"].largest < 200
    assert [one.elements for one in found.values() if one.is_side_input] == [5]
    assert not any(name.startswith(OWN) for name in found)


def test_the_command_names_the_steps_that_there_are():
    assert list(STEPS) == list(BY_NAME)


@pytest.mark.proof
@pytest.mark.parametrize("step", STEPS)
def test_every_step_accounts_for_its_ids(tmp_path, step):
    ids = 5000
    BY_NAME[step].prepare(tmp_path, ids)
    found = {one.name: one for one in BY_NAME[step].run(tmp_path, ids)}
    if step == "plan and split":
        assert found["PlanRecords/Pair/ParDo(_Pair)"].elements == ids
    if step == "near-duplicates":
        assert found["WriteLeaks"].elements == 1
    if step == "quarantine":
        (file,) = (tmp_path / "staging/quarantine").iterdir()
        assert len(file.read_text().splitlines()) == ids // 10
    if step == "manifest":
        assert found["shards"].elements > 1
