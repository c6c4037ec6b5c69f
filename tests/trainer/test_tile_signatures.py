"""An exported crop model predicts images of any size."""

import io
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas.metrics import confusion_matrix
from schemas.served import even_grid
from tests.trainer.conftest import draw, png, record_of, small_network
from trainer.boundaries import batch_boundary_counts
from trainer.export import export_model
from trainer.feature_hash import FeatureScale, with_features
from trainer.preprocessing import scale_pixels
from trainer.tiling import predict_tiles

TILE, CLASSES = 64, 3
LARGE = (2000, 3000)  # rows, columns


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The signatures of a crop model, and the same without export."""
    folder = str(tmp_path_factory.mktemp("export") / "model")
    model = small_network(TILE, CLASSES)
    width = with_features(model).outputs[1].shape[-1]
    scale = FeatureScale(np.zeros(width, np.float32), np.ones(width, np.float32))
    export_model(model, 0, CLASSES, folder, crop_size=TILE, scale=scale)
    loaded = tf.saved_model.load(folder)

    def expected(pixels):
        return predict_tiles(lambda tile: model(scale_pixels(tile)), tf.constant(pixels), TILE, CLASSES).numpy()

    return SimpleNamespace(folder=folder, loaded=loaded, signatures=loaded.signatures, expected=expected)


def equal_share(one, other):
    assert one.shape == other.shape
    return np.mean(one == other)


@pytest.mark.proof
@pytest.mark.slow(60)
def test_photos_of_any_size_in_one_request_get_masks_of_their_size(exported):
    photos = [draw(0, 150)[0][:90], draw(1, 40)[0], draw(2, TILE)[0]]
    masks = exported.signatures["serving_default"](tf.constant([png(one) for one in photos]))["mask_bytes"].numpy()
    for photo, mask in zip(photos, masks, strict=True):
        class_ids = np.asarray(Image.open(io.BytesIO(mask)))
        assert equal_share(class_ids, exported.expected(photo)) > 0.999


def test_an_image_as_large_as_a_tile_gets_the_models_own_answer(exported):
    photo = draw(3, TILE)[0]
    one = exported.signatures["predict_image"](pixels=tf.constant(photo))["class_ids"]
    whole = exported.signatures["predict_pixels"](pixels=tf.constant(photo[np.newaxis], tf.float32))["class_ids"][0]
    np.testing.assert_array_equal(one, whole)


def test_photos_are_observed_as_they_are_answered(exported):
    photos = [draw(0, 150)[0][:90], draw(1, 40)[0]]
    files = tf.constant([png(one) for one in photos])
    observed = exported.signatures["observe"](files)
    np.testing.assert_array_equal(observed["mask_bytes"], exported.signatures["serving_default"](files)["mask_bytes"])
    np.testing.assert_array_equal(observed["photo_sizes"], [[90, 150], [40, 40]])
    one = exported.signatures["observe_image"](pixels=tf.constant(photos[0]))
    plain = exported.signatures["predict_image"](pixels=tf.constant(photos[0]))
    np.testing.assert_array_equal(one["class_ids"], plain["class_ids"])
    np.testing.assert_allclose(one["logits"], observed["logits"][0], atol=1e-3)
    np.testing.assert_array_equal(one["feature_hashes"], observed["feature_hashes"][0])
    grid = one["class_ids"].numpy()[np.ix_(even_grid(90), even_grid(150))]
    np.testing.assert_array_equal(np.argmax(one["logits"], axis=-1), grid)


def test_the_hash_of_a_photo_says_on_which_side_its_tiles_lie_in_the_mean(exported):
    photo = draw(4, TILE)[0]
    tiles = np.stack([photo, photo[::-1]]).astype(np.float32)
    observed = exported.signatures["observe_pixels"](pixels=tf.constant(tiles))
    plain = exported.signatures["predict_pixels"](pixels=tf.constant(tiles))
    np.testing.assert_allclose(observed["logits"], plain["logits"], atol=1e-3)
    assert observed["feature_projections"].shape == (2, 256)
    one = exported.signatures["observe_image"](pixels=tf.constant(photo))["feature_hashes"].numpy()
    np.testing.assert_array_equal(one, np.packbits(observed["feature_projections"].numpy()[0] > 0))


def test_records_of_any_size_are_evaluated_at_their_own_size(exported):
    drawn = [tuple(part[: 100 - 30 * index] for part in draw(index, 100)) for index in range(2)]
    outputs = exported.signatures["evaluate"](tf.constant([record_of(photo, mask) for photo, mask in drawn]))
    for index, (photo, mask) in enumerate(drawn):
        predicted = exported.signatures["predict_image"](pixels=tf.constant(photo))["class_ids"].numpy()
        matrix = confusion_matrix(mask, predicted, CLASSES)
        boundaries = batch_boundary_counts(mask[np.newaxis], predicted[np.newaxis], CLASSES)
        np.testing.assert_array_equal(outputs["confusion_matrix"][index], matrix.ravel())
        np.testing.assert_array_equal(outputs["boundary_counts"][index], np.ravel(boundaries))


def predict_in_a_process_of_its_own(folder, rows, columns, tmp_path):
    """Predicts noise; how many bytes the process took at most, and its answer."""
    code = """if True:
        import json, resource, sys
        import numpy as np, tensorflow as tf
        folder, rows, columns, answer = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
        predict = tf.saved_model.load(folder).signatures["predict_image"]
        predict(pixels=tf.zeros([200, columns, 3], tf.uint8))
        photo = np.random.default_rng(0).integers(0, 256, (rows, columns, 3), np.uint8)
        np.save(answer, predict(pixels=tf.constant(photo))["class_ids"].numpy())
        print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
    """
    answer = tmp_path / f"{rows}.npy"
    command = [sys.executable, "-c", code, folder, str(rows), str(columns), str(answer)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout), np.load(answer)


@pytest.mark.proof
def test_a_large_photo_takes_little_more_memory_than_a_quarter_of_it(exported, tmp_path):
    rows, columns = LARGE
    most, class_ids = predict_in_a_process_of_its_own(exported.folder, rows, columns, tmp_path)
    least, _ = predict_in_a_process_of_its_own(exported.folder, rows // 4, columns, tmp_path)
    assert class_ids.shape == LARGE
    # Three more quarters as pixels and class ids, some copies included; the logits alone would be three times that.
    assert most - least < 3 * rows // 4 * columns * 4 * 3
