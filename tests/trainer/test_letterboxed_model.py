"""A model of letterboxed photos: what it learns from, how it is evaluated, and what its export does with a photo."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from schemas.enlarging import enlarged_class_ids
from schemas.errors import UserError
from schemas.exported_model import INFO_PATH, read_model_info
from schemas.features import IGNORE_ID
from schemas.fitting import LETTERBOX, PADDING, photo_box
from schemas.metrics import confusion_matrix
from schemas.shipped import load_spec
from tests.trainer.conftest import draw, png, record_of
from trainer.augmentation import augment_batch
from trainer.config import TrainingConfig
from trainer.export import export_model, write_model_info
from trainer.fitting import fit_pixels
from trainer.requirements import Surroundings, check_training

SIZE, CLASSES = "96x64", 3
SIDES = (64, 96)
PHOTO = (120, 70)  # a tall one in a wide image
BOX = photo_box(PHOTO, SIDES, LETTERBOX)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("export") / "model")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((*SIDES, 3)), keras.layers.Conv2D(CLASSES, 5, padding="same")])
    export_model(model, SIZE, CLASSES, folder, fit=LETTERBOX)
    config = TrainingConfig(encoder_weights="none", fine_tune_epochs=0)
    write_model_info(folder, load_spec("pets"), SIZE, "0" * 64, config, "1" * 64, fit=LETTERBOX)
    loaded = tf.saved_model.load(folder)
    return SimpleNamespace(folder=folder, loaded=loaded, signatures=loaded.signatures)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.array(draw(0, 120)[0][:, : PHOTO[1]])


def padded(pixels: np.ndarray, padding: int) -> np.ndarray:
    image = np.full((*SIDES, *pixels.shape[2:]), padding, np.uint8)
    image[BOX.slices] = pixels
    return image


def test_the_mask_of_a_photo_is_its_own_part_of_the_logits_enlarged(exported, photo):
    wide = np.array(draw(1, 200)[0][:50])
    answer = exported.signatures["serving_default"](tf.constant([png(photo), png(wide)]))  # shapes mix in a request
    for index, one in enumerate((photo, wide)):
        fitted = fit_pixels(one, SIZE, LETTERBOX)
        logits = exported.signatures["predict_pixels"](fitted[tf.newaxis])["logits"][0].numpy()
        box = photo_box(one.shape[:2], SIDES, LETTERBOX)
        expected = enlarged_class_ids(logits[box.slices], *one.shape[:2])
        mask = tf.io.decode_png(answer["mask_bytes"][index])[..., 0]
        assert mask.shape == one.shape[:2]
        assert np.mean(mask == expected) > 0.999
        class_ids = answer["class_ids"][index].numpy()
        np.testing.assert_array_equal(class_ids[box.slices], np.argmax(logits, axis=-1)[box.slices])
        assert (class_ids == IGNORE_ID).sum() == class_ids.size - box.height * box.width


def test_padding_counts_neither_in_the_matrix_nor_in_the_boundaries(exported):
    photo, mask = (np.array(one[: BOX.height, : BOX.width]) for one in draw(2, 96))
    image, truth = padded(photo, PADDING), padded(mask, IGNORE_ID)
    counted = exported.signatures["evaluate"](tf.constant([record_of(image, truth)]))
    predicted = exported.signatures["predict_pixels"](tf.constant(image[np.newaxis], tf.float32))["class_ids"][0]
    expected = confusion_matrix(mask, predicted.numpy()[BOX.slices], CLASSES)
    np.testing.assert_array_equal(counted["confusion_matrix"][0], expected.ravel())
    one_class = record_of(image, padded(np.zeros_like(mask), IGNORE_ID))  # its only edge is that of the padding
    boundaries = exported.signatures["evaluate"](tf.constant([one_class]))["boundary_counts"][0]
    assert boundaries.numpy().reshape(CLASSES, 4)[:, 2].sum() == 0


def test_augmentation_moves_padding_of_image_and_mask_together():
    photo, mask = (np.array(one[: BOX.height, : BOX.width]) for one in draw(4, 96))
    photo[...] = np.where(photo < 128, 20, 230)  # nothing in it is as grey as padding
    image, truth = padded(photo, PADDING)[np.newaxis], padded(mask, IGNORE_ID)[np.newaxis]
    for seed in range(8):
        images, masks = augment_batch(image, truth, tf.constant([0, seed], tf.int64))
        assert set(np.unique(masks)) <= {*np.unique(mask), IGNORE_ID}
        padding = masks.numpy()[0] == IGNORE_ID
        inside = -tf.nn.max_pool2d(-tf.cast(padding, tf.float32)[tf.newaxis, ..., tf.newaxis], 5, 1, "SAME")[0, ..., 0]
        assert 0.2 < padding.mean() < 0.9
        assert np.ptp(images.numpy()[0][inside.numpy() == 1], axis=0).max() < 1  # one colour, though no longer grey


def test_the_model_info_says_how_photos_are_fitted_and_does_not_where_they_are_stretched(exported, tmp_path):
    assert read_model_info(Path(exported.folder, INFO_PATH)).fit == LETTERBOX
    config = TrainingConfig(encoder_weights="none", fine_tune_epochs=0)
    write_model_info(str(tmp_path), load_spec("pets"), SIZE, "0" * 64, config, "1" * 64)
    assert '"fit"' not in (tmp_path / INFO_PATH).read_text()
    assert read_model_info(tmp_path / INFO_PATH).fit == "stretch"


def test_crops_of_letterboxed_photos_are_refused_with_the_remedy():
    config = TrainingConfig(encoder_weights="none", fine_tune_epochs=0, crop_size=32)
    surroundings = Surroundings(SIZE, None, 100, fit=LETTERBOX)
    with pytest.raises(UserError, match=r"training\.crop_size 32: .* letterboxed.* --image_size=0 --fit=stretch"):
        check_training(config, surroundings)
