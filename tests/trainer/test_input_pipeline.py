import numpy as np
import pytest

from schemas.errors import UserError
from tests.trainer.conftest import draw
from trainer.input_pipeline import count_records, evaluation_batches, find_shards, training_batches


@pytest.fixture(scope="module")
def shards(write_shards):
    return write_shards(list(range(7)), 32)


def test_patterns_find_the_shards_of_a_split_and_nothing_else(shards):
    assert find_shards([shards[0].replace("00000-of", "*-of")]) == sorted(shards)


def test_a_pattern_without_shards_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match="nothing-here"):
        find_shards([str(tmp_path / "nothing-here*")])


def test_records_of_all_shards_are_counted(shards):
    assert count_records(shards) == 7


def test_evaluation_yields_every_record_once_unchanged(shards):
    images, masks = (np.concatenate(parts) for parts in zip(*evaluation_batches(shards, 32, 4), strict=True))
    photos = np.rint((images + 1) * 127.5).astype(np.uint8)
    drawn = [draw(index, 32) for index in range(7)]
    found = sorted(
        next(i for i, (photo, mask) in enumerate(drawn) if (photo == p).all() and (mask == m).all())
        for p, m in zip(photos, masks, strict=True)
    )
    assert found == list(range(7))


def test_training_batches_repeat_with_the_same_seed_and_not_with_another(shards):
    first, again, other = (
        np.stack([images for images, _ in training_batches(shards, 32, 2, True, seed).take(5)]) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_training_batches_have_static_shapes_and_never_end(shards):
    batches = training_batches(shards, 32, 4, True, 0)
    assert [spec.shape.as_list() for spec in batches.element_spec] == [[4, 32, 32, 3], [4, 32, 32]]
    assert len(list(batches.take(10))) == 10
