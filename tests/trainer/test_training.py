from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from schemas.errors import UserError
from schemas.metrics import confusion_matrix, mean_iou
from schemas.shipped import load_spec
from tests.trainer.conftest import OPTIONS, draw
from trainer.config import TrainingConfig
from trainer.models import build_model
from trainer.preprocessing import scale_pixels
from trainer.schedule import WarmUpThenCosine
from trainer.tensorboard import TensorBoardWriter
from trainer.training import train

pytestmark = pytest.mark.slow

SIZE, CLASSES = 32, 3
IGNORED_ROWS = SIZE // 4
BY_HEART = TrainingConfig(
    model="small_unet",
    epochs=8,
    batch_size=8,
    augment=False,
    evaluate_every=3,
    checkpoint_steps=30,
    **OPTIONS,
)


@pytest.fixture(scope="module")
def eight_images(write_shards):
    return write_shards(list(range(8)), SIZE)


@pytest.fixture(scope="module")
def run(write_shards, tmp_path_factory):
    """A run with BY_HEART: its model and epochs, the lines that it reported, its log folder."""
    lines, logs = [], tmp_path_factory.mktemp("logs")
    model, epochs = train(
        BY_HEART,
        write_shards([index % 8 for index in range(80)], SIZE, ignored_rows=IGNORED_ROWS),
        write_shards(list(range(8)), SIZE, ignored_rows=IGNORED_ROWS),
        SIZE,
        CLASSES,
        tensorboard=TensorBoardWriter(str(logs), load_spec("pets")),
        checkpoint_dir=str(tmp_path_factory.mktemp("checkpoints")),
        report=lines.append,
    )
    return SimpleNamespace(model=model, epochs=epochs, lines=lines, logs=logs)


@pytest.mark.proof
def test_a_model_learns_eight_images_by_heart(run):
    assert max(one.mean_iou for one in run.epochs if one.mean_iou is not None) > 0.9


def test_each_epoch_is_reported_in_one_line_and_every_third_and_the_last_are_evaluated(run):
    assert [line.split("  loss ")[0] for line in run.lines] == [f"epoch   {number}/8" for number in range(1, 9)]
    assert [number for number, line in enumerate(run.lines, 1) if "mean IoU" in line] == [3, 6, 8]
    assert [one.number for one in run.epochs if one.eval_loss is not None and np.isfinite(one.eval_loss)] == [3, 6, 8]


def test_tensorboard_logs_are_written(run):
    found = {path.parent.name: str(path) for path in run.logs.rglob("events.out.tfevents.*")}
    assert found.keys() == {"train", "validation"}
    losses = [
        tf.make_ndarray(value.tensor)
        for event in tf.compat.v1.train.summary_iterator(found["validation"])
        for value in event.summary.value
        if value.tag == "loss"  # as the training loss is called, so that both are in one chart
    ]
    np.testing.assert_allclose(losses, [one.eval_loss for one in run.epochs if one.eval_loss is not None], rtol=1e-5)


@pytest.mark.proof
def test_the_same_seed_gives_the_same_losses(eight_images):
    config = TrainingConfig(model="small_unet", epochs=2, batch_size=4)
    first, again = (
        [epoch.loss for epoch in train(config, eight_images, eight_images, SIZE, CLASSES, report=lambda line: None)[1]]
        for _ in range(2)
    )
    assert first == again


@pytest.mark.proof
def test_fine_tuning_trains_an_encoder_that_came_with_weights_but_not_its_statistics(eight_images, small_encoder):
    config = TrainingConfig(encoder=small_encoder, encoder_scale=1, epochs=1, fine_tune_epochs=1, batch_size=4)
    before = build_model(config, SIZE, CLASSES).get_layer("encoder")
    after = train(config, eight_images, eight_images, SIZE, CLASSES, report=lambda line: None)[0].get_layer("encoder")
    for old, new in zip(before.variables, after.variables, strict=True):
        is_kernel = "kernel" in new.path
        assert np.array_equal(old, new) != is_kernel, new.path


def test_the_model_is_the_one_whose_evaluation_was_the_best_and_ignored_pixels_are_left_out_of_its_mean_iou(run):
    drawn = [draw(index, SIZE) for index in range(8)]
    photos, truth = np.stack([photo for photo, _ in drawn]), np.stack([mask for _, mask in drawn])
    predicted = np.argmax(run.model(scale_pixels(photos)), axis=-1)
    labelled = slice(None, -IGNORED_ROWS)
    expected = mean_iou(confusion_matrix(truth[:, labelled], predicted[:, labelled], CLASSES))
    best = max(one.mean_iou for one in run.epochs if one.mean_iou is not None)
    assert best == pytest.approx(expected)
    assert expected != pytest.approx(mean_iou(confusion_matrix(truth, predicted, CLASSES)))


def test_the_learning_rate_climbs_to_its_peak_and_falls_to_zero():
    schedule = WarmUpThenCosine(peak=0.5, steps=100)
    rates = [schedule.rate(step) for step in range(1, 101)]
    assert rates.index(max(rates)) == 9
    assert max(rates) == 0.5
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_fewer_records_than_a_batch_is_an_error(eight_images):
    config = TrainingConfig(encoder_weights="none", fine_tune_epochs=0, batch_size=9)
    with pytest.raises(UserError, match="batch_size 9 is more than the 8 training records"):
        train(config, eight_images, eight_images, SIZE, CLASSES)
