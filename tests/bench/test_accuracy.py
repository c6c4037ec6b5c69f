import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas.errors import UserError
from schemas.metrics import confusion_matrix
from tests.bench.accuracy import other_scales, read_settings
from tests.bench.accuracy_runs import Data, evaluate, hold_out, measure
from tests.trainer.conftest import draw, png, record_of
from trainer.models import build_model

SIZE, CLASSES = 64, 3


def write(path, indices):
    """Records with ids."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for index in indices:
            writer.write(record_of(*draw(index, SIZE), f"photo_{index}"))
    return [str(path)]


def read(paths):
    return [one.numpy() for one in tf.data.TFRecordDataset(paths)]


def test_about_a_fifth_is_held_out_and_nothing_is_in_both_parts(tmp_path):
    shards = write(tmp_path / "all", range(60))
    kept, held = (read(paths) for paths in hold_out(shards, tmp_path))
    assert sorted(kept + held) == sorted(read(shards))
    assert 5 <= len(held) <= 20


def own_mask(index, width, height):
    """The mask of a drawn photo at a size of its own."""
    return png(np.asarray(Image.fromarray(draw(index, SIZE)[1]).resize((width, height), Image.Resampling.NEAREST)))


def test_answers_are_counted_at_the_size_of_the_records_and_of_the_photos_own_masks(tmp_path):
    config = read_settings(["model=small_unet"], seed=1)
    model = build_model(config, SIZE, CLASSES)
    shards, in_another_version = write(tmp_path / "two", [0, 1]), {"photo_1": own_mask(1, 70, 40)}
    examples = [tf.train.Example.FromString(one) for one in read(shards)]
    examples[0].features.feature["source_mask"].bytes_list.value.append(own_mask(0, 90, 50))
    with tf.io.TFRecordWriter(shards[0]) as writer:
        for example in examples:
            writer.write(example.SerializeToString())
    model_size, own_size = evaluate(config, model, shards, SIZE, CLASSES, in_another_version)
    for index, counted in enumerate(model_size):
        photo, truth = draw(index, SIZE)
        predicted = np.argmax(model(photo[None] / 127.5 - 1.0), axis=-1)[0]
        np.testing.assert_array_equal(counted.matrix, confusion_matrix(truth, predicted, CLASSES))
    assert [counted.matrix.sum() for counted in own_size] == [90 * 50, 70 * 40]


def test_a_setting_without_a_value_and_a_wrong_one_are_named():
    with pytest.raises(UserError, match="--set recipe: give KEY=VALUE"):
        read_settings(["recipe"], seed=0)
    with pytest.raises(UserError, match="--set: epochs: "):
        read_settings(["epochs=many"], seed=0)


def test_scales_that_give_a_size_twice_are_named_before_anything_is_trained():
    settings = ["model=small_unet"]
    others = other_scales(settings, ["[1.1]"], seed=0)
    with pytest.raises(UserError, match=r"--scales: average_scales: 1\.1 of image_size 64 is 64, once more"):
        measure(read_settings(settings, seed=0), Data(64, ("a", "b"), [], [], {}, []), others)
