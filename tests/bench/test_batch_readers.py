"""What the benchmark of the input pipeline compares is the same work."""

from itertools import islice

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas import features
from tests.bench.batch_readers import BATCH, READERS
from tests.bench.float_lists import write_float_lists
from tests.trainer.conftest import draw, png

SIZE = 32


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """One shard of JPEG photos, one batch."""
    folder = tmp_path_factory.mktemp("encoded")
    with tf.io.TFRecordWriter(str(folder / "shard")) as writer:
        for index in range(BATCH):
            photo, mask = draw(index, SIZE)
            Image.fromarray(photo).save(folder / "photo.jpg", quality=92)
            values = {features.IMAGE: (folder / "photo.jpg").read_bytes(), features.MASK: png(mask)}
            feature = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in values.items()
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return [str(folder / "shard")]


def first_batch(name, shards):
    """Images and masks, in an order that does not depend on the reader's."""
    [(images, masks)] = islice(READERS[name](shards, SIZE), 1)
    images, masks = np.asarray(images), np.asarray(masks)
    order = np.argsort(images.sum(axis=(1, 2, 3), dtype=np.float64))
    return images[order], masks[order]


@pytest.mark.parametrize("name", ["training", "pillow_loop", "tensorflow_loop", "read_float_lists"])
def test_every_reader_yields_the_same_pixels(shards, tmp_path, name):
    if name == "read_float_lists":
        write_float_lists(shards, SIZE, tmp_path)
        found = first_batch(name, [str(tmp_path / "shard")])
    else:
        found = first_batch(name, shards)
    images, masks = first_batch("evaluation", shards)
    np.testing.assert_allclose(found[0], images, atol=1e-6)  # two neighbouring values of a pixel are 8e-3 apart
    np.testing.assert_array_equal(found[1], masks)


def test_the_augmented_loop_changes_pixels(shards):
    images, masks = first_batch("tensorflow_loop_augmented", shards)
    plain, _ = first_batch("tensorflow_loop", shards)
    assert images.shape == plain.shape
    assert masks.shape == images.shape[:3]
    assert not np.allclose(images, plain)
