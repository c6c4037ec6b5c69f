import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.conftest import draw, record_of
from trainer.config import TrainingConfig
from trainer.eval_split import EvalSplit
from trainer.losses import segmentation_loss
from trainer.models import build_model
from trainer.preprocessing import scale_pixels

SIZE, CLASSES = 64, 3
LOSS = segmentation_loss(None)


def test_the_loss_of_a_crop_model_is_that_of_the_middle_of_each_photo(tmp_path):
    config = TrainingConfig(model="small_unet", crop_size=SIZE)
    model = build_model(config, SIZE, CLASSES)
    drawn = [draw(index, 96) for index in range(2)]
    with tf.io.TFRecordWriter(str(tmp_path / "shard")) as writer:
        for photo, mask in drawn:
            writer.write(record_of(photo, mask))
    counts, loss = EvalSplit(config, model, [str(tmp_path / "shard")], 0, CLASSES, LOSS).measure()
    middle = slice(16, 16 + SIZE)
    expected = [
        float(LOSS(mask[None, middle, middle], model(scale_pixels(photo[None, middle, middle]), training=False)))
        for photo, mask in drawn
    ]
    assert loss == pytest.approx(np.mean(expected), rel=1e-4)
    assert counts.matrix.sum() == 2 * 96 * 96
