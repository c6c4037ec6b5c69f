import numpy as np
import pytest
import tensorflow as tf

from schemas.features import IGNORE_ID
from schemas.image_size import Sides
from tests.trainer.conftest import draw
from trainer.augmentation import _random_transforms, _transform, augment_batch


@pytest.fixture
def batch():
    drawn = [draw(index, 64) for index in range(8)]
    return np.stack([photo for photo, _ in drawn]), np.stack([mask for _, mask in drawn])


def test_the_same_seed_gives_the_same_batch_and_another_seed_another(batch):
    first, again, other = (
        augment_batch(*map(tf.constant, batch), tf.constant([0, step], tf.int64)) for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


def test_masks_keep_to_their_class_ids_when_those_are_far_apart(batch):
    masks = tf.constant(batch[1] * 100)
    _, augmented = augment_batch(tf.constant(batch[0]), masks, tf.constant([0, 0], tf.int64))
    assert augmented.dtype == tf.uint8
    assert set(np.unique(augmented)) <= {0, 100, 200}


def test_ignored_pixels_move_with_the_photo_and_stay_ignored(batch):
    masks = np.where(batch[1] == 0, IGNORE_ID, batch[1]).astype(np.uint8)
    seed = tf.constant([0, 0], tf.int64)
    _, classes = augment_batch(*map(tf.constant, batch), seed)
    _, ignored = augment_batch(tf.constant(batch[0]), tf.constant(masks), seed)
    np.testing.assert_array_equal(ignored, np.where(classes.numpy() == 0, IGNORE_ID, classes))


def test_photo_and_mask_move_together(batch):
    masks = (batch[1] == 0).astype(np.uint8)
    photos = np.repeat(60 + 120 * masks[..., np.newaxis], 3, axis=-1)
    augmented, moved = augment_batch(tf.constant(photos), tf.constant(masks), tf.constant([0, 0], tf.int64))
    grey = augmented.numpy().mean(axis=-1)
    middle = (grey.max(axis=(1, 2)) + grey.min(axis=(1, 2)))[:, np.newaxis, np.newaxis] / 2
    assert np.mean((grey > middle) == moved.numpy()) > 0.98
    assert not np.array_equal(moved, masks)


def test_a_rectangle_is_turned_about_its_own_middle():
    middle = np.zeros((4, 64, 128), np.uint8)
    middle[:, 30:34, 62:66] = 1
    photos = np.repeat(60 + 120 * middle[..., np.newaxis], 3, axis=-1)
    augmented, moved = augment_batch(tf.constant(photos), tf.constant(middle), tf.constant([0, 0], tf.int64))
    assert moved.shape == (4, 64, 128)
    assert augmented.shape == (4, 64, 128, 3)
    for mask in moved.numpy():  # zooms shift the middle by no more than a fifth of each side
        rows, columns = np.nonzero(mask)
        assert abs(rows.mean() - 31.5) <= 64 / 5
        assert abs(columns.mean() - 63.5) <= 128 / 5


def test_pixels_stay_in_their_range(batch):
    augmented, _ = augment_batch(*map(tf.constant, batch), tf.constant([0, 0], tf.int64))
    assert augmented.numpy().min() >= 0
    assert augmented.numpy().max() <= 255


def test_a_pixel_gets_the_class_that_one_hot_masks_mixed_like_photos_give_the_most_weight(batch):
    masks = np.where(batch[1] == 0, IGNORE_ID, batch[1]).astype(np.uint8)
    seed = tf.constant([0, 3], tf.int64)
    transforms = _random_transforms(tf.constant(len(masks)), Sides(64, 64), tf.random.split(seed, 2)[0])
    ids = np.unique(masks)
    one_hot = (masks[..., np.newaxis] == ids).astype(np.float32)
    mixed = _transform(tf.constant(one_hot), transforms, "BILINEAR").numpy()
    _, moved = augment_batch(tf.constant(batch[0]), tf.constant(masks), seed)
    second, first = np.sort(mixed, axis=-1)[..., -2:].transpose(3, 0, 1, 2)
    certain = first - second > 1e-3
    assert certain.mean() > 0.99
    np.testing.assert_array_equal(moved.numpy()[certain], ids[mixed.argmax(axis=-1)][certain])
