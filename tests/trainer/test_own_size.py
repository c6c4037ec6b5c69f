"""Counts at the photos' own sizes: what people would count who compare a served mask with the mask that they gave."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.records.tf_example import to_example
from schemas.enlarging import enlarged_class_ids
from schemas.features import EVAL, IGNORE_ID, TRAIN
from schemas.fitting import LETTERBOX, STRETCH, photo_box
from schemas.metrics import confusion_matrix
from schemas.shipped import load_spec
from tests.trainer.conftest import draw, png
from trainer import own_size
from trainer.boundaries import batch_boundary_counts
from trainer.graphs import graph
from trainer.own_size import photo_counts
from trainer.preprocessing import scale_pixels
from trainer.signatures import tile_signatures, whole_image_signatures

PETS, CLASSES = load_spec("pets"), 3
SIDES, SIZE = (64, 96), "96x64"  # height and width
PHOTOS = [(150, 100), (70, 120), (200, 33)]  # height and width
OWN = "own_size_confusion_matrix", "own_size_boundary_counts"


def drawn(index: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo of its own size, and its class ids."""
    size = PHOTOS[index][::-1]
    return tuple(np.array(Image.fromarray(one).resize(size, Image.Resampling.NEAREST)) for one in draw(index, 200))


def example(index: int, fit: str, split: str = EVAL) -> bytes:
    photo, mask = drawn(index)
    encoding = Encoding(SIZE, "png", 92, fit=fit, source_masks=True)
    return to_example(make_record("pug_1", png(photo), png(mask + 1), PETS, encoding, split=split).values)


@pytest.fixture(scope="module", params=[STRETCH, LETTERBOX])
def served(request):
    """The signatures of a model of two layers, and how it takes photos."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Conv2D(8, 5, padding="same", activation="relu"),
        keras.layers.Conv2D(CLASSES, 5, padding="same"),
    ]
    model = keras.Sequential([keras.Input((*SIDES, 3)), *layers])

    def logits_of(pixels: tf.Tensor) -> tf.Tensor:
        return model(scale_pixels(pixels))

    signatures = whole_image_signatures(logits_of, SIZE, CLASSES, request.param)
    return SimpleNamespace(signatures=signatures, fit=request.param)


def test_counts_are_those_of_logits_enlarged_to_the_photo_and_its_own_mask(served):
    examples = [example(index, served.fit) for index in range(len(PHOTOS))]
    counted = served.signatures["evaluate"](tf.constant(examples))
    for index, serialized in enumerate(examples):
        image = tf.io.parse_single_example(serialized, {"image": tf.io.FixedLenFeature([], tf.string)})["image"]
        pixels = tf.cast(tf.io.decode_png(image), tf.float32)
        logits = served.signatures["predict_pixels"](pixels[tf.newaxis])["logits"][0].numpy()
        truth = drawn(index)[1]
        inner = logits[photo_box(truth.shape, SIDES, served.fit).slices]
        predicted = enlarged_class_ids(inner, *truth.shape)
        boundaries = batch_boundary_counts(truth[np.newaxis], predicted[np.newaxis], CLASSES)[0]
        for name, expected in zip(OWN, (confusion_matrix(truth, predicted, CLASSES), boundaries)):
            # the two languages may tie-break a pixel otherwise
            assert np.abs(counted[name][index].numpy() - np.ravel(expected)).sum() <= 2e-3 * truth.size
        assert counted[OWN[0]][index].numpy().sum() == truth.size
        assert len(np.unique(predicted)) > 1


def test_a_record_without_a_mask_at_that_size_counts_nothing_there_and_all_at_the_models_size(served):
    counted = served.signatures["evaluate"](tf.constant([example(0, served.fit, TRAIN), example(0, served.fit)]))
    for name in OWN:
        without, with_mask = counted[name].numpy()
        assert without.sum() == 0 < with_mask.sum()
    np.testing.assert_array_equal(*counted["confusion_matrix"].numpy())


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_bands_of_any_height_give_the_counts_of_the_whole_photo(monkeypatch, rows):
    random = np.random.default_rng(rows)
    truth = draw(0, 150)[1][:, :90]
    truth[40:60, :30][random.random((20, 30)) < 0.2] = IGNORE_ID
    predicted = np.roll(draw(0, 150)[1][:, :90], 2, axis=0)
    predicted[random.random(predicted.shape) < 0.01] = 2
    monkeypatch.setattr(own_size, "BAND_PIXELS", rows * truth.shape[1])
    count = graph(lambda *masks: photo_counts(*masks, CLASSES))  # 150 bands take seconds if each step runs by itself
    matrix, boundaries = count(tf.constant(truth), tf.constant(predicted))
    np.testing.assert_array_equal(matrix, confusion_matrix(truth, predicted, CLASSES))
    np.testing.assert_array_equal(boundaries, batch_boundary_counts(truth[None], predicted[None], CLASSES)[0])


def test_a_crop_model_counts_at_no_other_size_because_people_get_its_answer_to_the_photo_itself():
    side = 32
    signatures = tile_signatures(lambda pixels: pixels, side, SIZE, CLASSES)  # any three channels are logits
    counted = signatures["evaluate"](tf.constant([example(0, STRETCH)]))
    assert set(counted) == {"confusion_matrix", "boundary_counts", "fingerprint"}
