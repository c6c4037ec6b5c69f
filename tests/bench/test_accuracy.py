import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas.errors import UserError
from schemas.metrics import confusion_matrix
from tests.bench.accuracy import read_settings
from tests.bench.accuracy_runs import evaluate, hold_out
from tests.trainer.conftest import draw, record_of
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


@pytest.mark.parametrize("place", ["in the record", "in another version"])
def test_answers_are_counted_at_the_size_of_the_records_and_of_the_photos_own_masks(tmp_path, place):
    config = read_settings(
        ["encoder_weights=none", "fine_tune_epochs=0", "encoder_scale=1", "decoder_filters=8"], seed=1
    )
    model = build_model(config, SIZE, CLASSES)
    buffer = io.BytesIO()
    Image.fromarray(draw(0, SIZE)[1]).resize((90, 50), Image.Resampling.NEAREST).save(buffer, "PNG")
    shards, own_masks = write(tmp_path / "one", [0]), {"photo_0": buffer.getvalue()}
    if place == "in the record":
        [example] = map(tf.train.Example.FromString, read(shards))
        example.features.feature["source_mask"].bytes_list.value.append(own_masks.pop("photo_0"))
        with tf.io.TFRecordWriter(shards[0]) as writer:
            writer.write(example.SerializeToString())
    [model_size], [own_size] = evaluate(config, model, shards, SIZE, CLASSES, own_masks)
    photo, truth = draw(0, SIZE)
    predicted = np.argmax(model(photo[None] / 127.5 - 1.0), axis=-1)[0]
    np.testing.assert_array_equal(model_size.matrix, confusion_matrix(truth, predicted, CLASSES))
    assert own_size.matrix.sum() == 90 * 50


def test_a_setting_without_a_value_and_a_wrong_one_are_named():
    with pytest.raises(UserError, match="--set recipe: give KEY=VALUE"):
        read_settings(["recipe"], seed=0)
    with pytest.raises(UserError, match="--set: epochs: "):
        read_settings(["epochs=many"], seed=0)
