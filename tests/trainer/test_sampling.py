"""How much each record counts in training: by its weight, and by repetition of those with rare classes."""

import math
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from schemas.errors import UserError
from schemas.features import WEIGHT, fraction_feature
from tests.trainer.conftest import png
from trainer.config import TrainingConfig
from trainer.input_pipeline import EVERY_BATCH, BatchRange, training_batches
from trainer.losses import PixelTerm, segmentation_loss
from trainer.training import train
from trainer.training_records import survey_records

NAMES = ("sky", "road", "fence")
SIZE, RECORDS = 32, 40
FENCES = (3, 21)  # of 40 records: 5 %


def example(index: int, weight: float | None, size: int = SIZE) -> bytes:
    """A record whose photo is one colour, which says its number."""
    photo, mask = np.full((size, size, 3), index, np.uint8), np.full((size, size), index % 3, np.uint8)
    shares = (0.5, 0.4 if index % 2 else 0.0, 0.1 if index in FENCES else 0.0)
    numbers = dict(zip(map(fraction_feature, NAMES), shares)) | ({} if weight is None else {WEIGHT: weight})
    feature = {name: tf.train.Feature(float_list=tf.train.FloatList(value=[one])) for name, one in numbers.items()}
    for name, pixels in (("image", photo), ("mask", mask)):
        feature[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[png(pixels)]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@pytest.fixture
def write(tmp_path):
    def shards(weights=None, size=SIZE) -> list[str]:
        """Two shards of the records, with these weights if there are any."""
        paths = [str(tmp_path / f"street-train.tfrecord-0000{shard}-of-00002") for shard in range(2)]
        for shard, path in enumerate(paths):
            with tf.io.TFRecordWriter(path) as writer:
                for index in range(shard, RECORDS, 2):
                    writer.write(example(index, weights and weights[index], size))
        return paths

    return shards


def numbers(shards, count, sampling, batch_size=2, batch_range=EVERY_BATCH, **options) -> list[int]:
    """The numbers of the records in the first batches."""
    batches = training_batches(shards, SIZE, batch_size, False, 1, batch_range, sampling=sampling, **options).take(
        count
    )
    return [int(number) for images, *_ in batches for number in np.rint((images[:, 0, 0, 0] + 1) * 127.5)]


def test_photos_of_rare_classes_are_repeated_by_the_square_root_of_their_rarity(write):
    shards = write()
    found = survey_records(shards, NAMES, rare=0.45, seed=3)
    assert dict(found.sampling.factors) == {fraction_feature("fence"): pytest.approx(math.sqrt(0.45 / 0.05))}
    assert (found.records, found.in_epoch) == (RECORDS, RECORDS + 2 * (3 - 1))
    assert found.notes == ("oversampling: an epoch has 44 photos of 40, those with fence 3.0 times",)
    epoch = Counter(numbers(shards, found.in_epoch // 2, found.sampling))
    assert epoch == {index: 3 if index in FENCES else 1 for index in range(RECORDS)}


def test_a_fraction_is_rounded_once_for_each_record_and_right_on_average(write):
    shards = write()
    counts = [survey_records(shards, NAMES, rare=0.8, seed=seed).in_epoch for seed in range(6)]
    # sqrt(0.8 / 0.5) times for the 18 odd records without a fence, and 4 times for the two with one
    assert np.mean(counts) == pytest.approx(20 + 18 * math.sqrt(1.6) + 2 * 4, abs=2)
    assert counts[0] == survey_records(shards, NAMES, rare=0.8, seed=0).in_epoch


@pytest.mark.parametrize("cache", [False, True])
def test_repeated_records_are_the_same_after_a_restart_and_for_any_number_of_pipelines(cache, write):
    shards = write()
    sampling = survey_records(shards, NAMES, rare=0.8, seed=3).sampling
    whole = numbers(shards, 40, sampling)
    assert whole == numbers(shards, 40, sampling, cache=not cache)
    assert numbers(shards, 30, sampling, 2, BatchRange(10), cache=cache) == whole[20:]
    halves = [numbers(shards, 20, sampling, 2, BatchRange(0, one, 2), cache=cache) for one in range(2)]
    assert [number for pair in zip(*halves) for number in pair] == whole


def test_without_rare_classes_nothing_is_repeated_and_the_log_says_so(write):
    shards = write()
    found = survey_records(shards, NAMES, rare=0.04)
    assert (found.records, found.in_epoch, found.sampling.factors) == (RECORDS, RECORDS, ())
    assert found.notes == ("oversampling: no class is in fewer than 4% of the photos, so none is repeated",)
    assert numbers(shards, 40, found.sampling) == numbers(shards, 40, survey_records(shards).sampling)


def test_batches_hold_weights_that_are_1_on_average(write):
    weights = [index / 4 for index in range(RECORDS)]
    shards = write(weights)
    found = survey_records(shards, weighted=True)
    assert found.sampling.mean_weight == pytest.approx(np.mean(weights))
    batches = list(training_batches(shards, SIZE, 4, True, 0, sampling=found.sampling, crop_size=32).take(10))
    assert [spec.shape.as_list() for spec in batches[0]] == [[4, 32, 32, 3], [4, 32, 32], [4]]
    drawn = np.concatenate([one for _, _, one in batches])
    np.testing.assert_allclose(np.sort(drawn), np.divide(weights, np.mean(weights)), rtol=1e-6)


def test_weights_that_are_all_0_are_refused(write):
    with pytest.raises(UserError, match="all training records have weight 0"):
        survey_records(write([0.0] * RECORDS), weighted=True)


@pytest.mark.parametrize("overlap", ["iou", "dice"])
def test_a_weight_is_as_many_records_in_the_overlap(overlap):
    random = np.random.default_rng(0)
    truth, logits = random.integers(0, 3, (3, 8, 8)), random.normal(size=(3, 8, 8, 3)).astype(np.float32)
    truth[0, :4] = 255

    def overlap_of(records, weights=None):
        given = truth[records], logits[records], weights
        return float(segmentation_loss(overlap)(*given)) - float(segmentation_loss(None)(*given))

    assert overlap_of([0, 1, 2], np.array([2.0, 1.0, 0.0], np.float32)) == pytest.approx(
        overlap_of([0, 0, 1]), rel=1e-5
    )


def test_equal_weights_change_nothing_and_a_weight_of_0_leaves_a_record_out():
    random = np.random.default_rng(1)
    truth, logits = random.integers(0, 3, (2, 8, 8)), random.normal(size=(2, 8, 8, 3)).astype(np.float32)
    for pixels in (PixelTerm(), PixelTerm(focal_gamma=2.0), PixelTerm(hard_pixels=0.3), PixelTerm(label_smoothing=0.2)):
        loss = segmentation_loss("iou", pixels)
        assert float(loss(truth, logits, np.ones(2, np.float32))) == pytest.approx(float(loss(truth, logits)), rel=1e-6)
    cross_entropy = segmentation_loss(None)
    alone = float(cross_entropy(truth[:1], logits[:1]))
    assert float(cross_entropy(truth, logits, np.array([2.0, 0.0], np.float32))) == pytest.approx(alone, rel=1e-6)
    assert float(segmentation_loss("iou")(truth, logits, np.zeros(2, np.float32))) == 0


@pytest.mark.proof
def test_a_training_with_weights_and_repeats_learns_from_the_photos_that_count(write):
    shards = write([1.0 if index % 2 else 0.0 for index in range(RECORDS)], size=64)
    config = TrainingConfig(model="small_unet", epochs=1, batch_size=4, oversample=0.45)
    lines = []
    _, epochs = train(config, shards, shards, 64, len(NAMES), NAMES, report=lines.append, weighted=True)
    assert "oversampling: an epoch has 44 photos of 40" in lines[0]
    assert [math.isfinite(one.loss) for one in epochs] == [True]
    with pytest.raises(UserError, match="needs the names of the classes"):
        train(config, shards, shards, 64, len(NAMES))
