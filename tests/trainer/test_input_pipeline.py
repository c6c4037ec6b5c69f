import numpy as np
import pytest
import tensorflow as tf

from schemas import features
from schemas.errors import UserError
from tests.trainer.conftest import draw, record_of
from trainer.input_pipeline import (
    EVERY_BATCH,
    BatchRange,
    count_records,
    evaluation_batches,
    find_shards,
    parse_example,
    training_batches,
)


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


@pytest.mark.parametrize(("mask_size", "image_size"), [(48, 32), (48, 48), (32, 48), (32, 0)])
def test_a_record_whose_parts_have_other_sizes_is_an_error(mask_size, image_size):
    photo, mask = draw(0, 48)[0], draw(0, mask_size)[1]
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        parse_example(record_of(photo[:, :40], mask), image_size)


@pytest.fixture(scope="module")
def shards_of_many_sizes(tmp_path_factory):
    """Six records of 40x90 and smaller; each pixel of a photo says where it is, and the mask too."""
    path = str(tmp_path_factory.mktemp("sizes") / "pets-train.tfrecord-00000-of-00001")
    with tf.io.TFRecordWriter(path) as writer:
        for index in range(6):
            rows, columns = np.mgrid[: 40 - 5 * index, : 90 - 10 * index].astype(np.uint8)
            writer.write(record_of(np.stack([rows, columns, rows * 0 + index], -1), (rows + columns) % 3))
    return [path]


def test_crops_hold_image_and_mask_of_the_same_place_and_ignore_what_lies_beyond(shards_of_many_sizes):
    batches = training_batches(shards_of_many_sizes, 0, 3, False, seed=5, crop_size=32)
    assert [spec.shape.as_list() for spec in batches.element_spec] == [[3, 32, 32, 3], [3, 32, 32]]
    places = set()
    for images, masks in batches.take(10).as_numpy_iterator():
        for pixels, mask in zip(np.rint((images + 1) * 127.5).astype(int), masks, strict=True):
            rows, columns, [[index, *_], *_] = np.moveaxis(pixels, -1, 0)
            height, width = 40 - 5 * index, 90 - 10 * index
            inside = np.s_[: max(1, height - rows[0, 0]), : width - columns[0, 0]]
            np.testing.assert_array_equal(mask[inside], ((rows + columns) % 3)[inside])
            assert (mask != features.IGNORE_ID).sum() == min(32, height) * min(32, width)
            assert (np.diff(columns[inside], axis=1) == 1).all()
            places.add((index, rows[0, 0], columns[0, 0]))
    assert len(places) > 20  # of 30 crops


def test_crops_are_the_same_after_a_restart_and_for_any_number_of_pipelines(shards_of_many_sizes):
    def crops(batch_size, count, batch_range=EVERY_BATCH):
        taken = training_batches(shards_of_many_sizes, 0, batch_size, False, 1, batch_range, crop_size=32).take(count)
        return [images for batch, _ in taken.as_numpy_iterator() for images in batch]

    whole = crops(2, 6)
    np.testing.assert_array_equal(crops(2, 4, BatchRange(2)), whole[4:])
    np.testing.assert_array_equal(crops(2, 2, BatchRange(1, 1, 2)), whole[5::2][:4])
