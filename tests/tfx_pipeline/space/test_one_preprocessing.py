"""One photo through training input, serving, evaluation and the demo app: the same pixels, the same mask."""

import numpy as np
import pytest
import tensorflow as tf
from gradio_client import Client, handle_file
from PIL import Image

from beam_jobs.codec.photos import decode_photo as decode_for_training
from beam_jobs.codec.photos import resize_photo
from schemas import features
from schemas.metrics import confusion_matrix
from tests.tfx_pipeline.space.conftest import IMAGE_SIZE, encoded, photo
from tests.trainer.conftest import draw, png
from tfx_pipeline.space.local_space import write_local_space
from tfx_pipeline.space.segmentation_app.model import load_segmenter
from tfx_pipeline.space.segmentation_app.photo import read_photo
from tfx_pipeline.space.segmentation_app.resizing import resize_pixels
from trainer.input_pipeline import parse_example
from trainer.preprocessing import resize_pixels as resize_for_training

RUNTIMES = ("litert", "tensorflow")


@pytest.fixture(scope="module")
def model(exported):
    return tf.saved_model.load(str(exported))


def load_segmenters(model, folder):
    for runtime in RUNTIMES:
        write_local_space(folder / runtime, model, "gradio", "Pets", runtime)
    return {runtime: load_segmenter(folder / runtime) for runtime in RUNTIMES}


@pytest.fixture(scope="module")
def segmenters(exported, tmp_path_factory):
    return load_segmenters(exported, tmp_path_factory.mktemp("spaces"))


@pytest.fixture(scope="module")
def letterboxing(letterboxed, tmp_path_factory):
    """The model of letterboxed photos, and the apps that run it."""
    return tf.saved_model.load(str(letterboxed)), load_segmenters(letterboxed, tmp_path_factory.mktemp("letterboxed"))


def record(image: bytes, mask: np.ndarray) -> bytes:
    values = {features.IMAGE: image, features.MASK: png(mask)}
    feature = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def mask_of(answer):
    """The mask of the first photo, class ids uint8 as large as the photo."""
    return tf.io.decode_png(answer["mask_bytes"][0])[..., 0].numpy()


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_photo_of_a_record_has_the_same_pixels_and_the_same_mask_everywhere(model, segmenters, image_format):
    pixels, truth = draw(5, IMAGE_SIZE)
    data = encoded(Image.fromarray(pixels), image_format)
    trained_on, _ = parse_example(record(data, truth), IMAGE_SIZE)
    in_the_app = read_photo(data)
    np.testing.assert_array_equal(in_the_app, trained_on)
    np.testing.assert_array_equal(resize_pixels(in_the_app, IMAGE_SIZE), trained_on)

    signatures = model.signatures
    answer = signatures["serving_default"](image_bytes=tf.constant([data]))
    served = answer["class_ids"][0].numpy()
    np.testing.assert_array_equal(mask_of(answer), served)  # the photo has the model's own size
    assert len(np.unique(served)) > 1
    matrix = signatures["evaluate"](examples=tf.constant([record(data, truth)]))["confusion_matrix"][0]
    np.testing.assert_array_equal(matrix, confusion_matrix(truth, served, 3).ravel())
    for runtime in RUNTIMES:
        np.testing.assert_array_equal(segmenters[runtime].segment(in_the_app).class_ids, served)


def exif(orientation):
    values = Image.Exif()
    values[0x0112] = orientation
    return values


@pytest.mark.parametrize(
    "data",
    [encoded(photo()), encoded(photo(1, 90, 260), exif=exif(6)), encoded(photo(2, 40, 50), "PNG")],
    ids=["wide JPEG", "JPEG on its side", "small PNG"],
)
def test_a_photo_as_people_send_it_gets_the_same_mask_from_serving_and_the_app(model, segmenters, data):
    in_the_app = read_photo(data)
    served = mask_of(model.signatures["serving_default"](image_bytes=tf.constant([data])))
    assert len(np.unique(served)) > 1
    for runtime in RUNTIMES:
        # Sums in another order: a pixel between two classes may fall the other way.
        assert np.mean(segmenters[runtime].segment(in_the_app).class_ids == served) >= 0.999
    prepared = resize_photo(decode_for_training(data, min_side=0).image, IMAGE_SIZE)
    difference = np.abs(np.asarray(prepared, np.float32) - resize_for_training(in_the_app, IMAGE_SIZE).numpy())
    assert difference.max() <= 1.01  # the data job rounds twice, to whole levels


@pytest.mark.proof
@pytest.mark.parametrize("data", [encoded(photo()), encoded(photo(1, 40, 190))], ids=["wide", "tall"])
def test_a_model_of_letterboxed_photos_gets_them_so_from_serving_and_the_app(letterboxing, model, data):
    loaded, apps = letterboxing
    served = mask_of(loaded.signatures["serving_default"](image_bytes=tf.constant([data])))
    for app in apps.values():
        class_ids = app.segment(read_photo(data)).class_ids
        assert class_ids.shape == served.shape
        assert np.mean(class_ids == served) >= 0.999
    stretched = mask_of(model.signatures["serving_default"](image_bytes=tf.constant([data])))
    assert np.mean(stretched == served) < 0.98  # the same weights see another picture


@pytest.mark.proof
@pytest.mark.slow
def test_the_running_app_answers_a_program_with_the_same_mask(model, open_space, tmp_path):
    data = encoded(photo())
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    annotated, mask, result = Client(open_space("gradio"), verbose=False).predict(
        handle_file(str(path)), api_name="/segment"
    )
    served = mask_of(model.signatures["serving_default"](image_bytes=tf.constant([data])))
    assert served.shape == (100, 150)
    assert np.mean(np.asarray(Image.open(mask)) == served) >= 0.999
    assert (result["width"], result["height"]) == (150, 100)
    assert sum(result["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert 0.3 < result["mean_confidence"] <= 1
    assert Image.open(mask).mode == "L"  # without a palette, which some programs would read in place of the class ids
    assert "background" not in {one["label"] for one in annotated["annotations"]}


def test_the_running_app_refuses_a_program_in_words(open_space, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"# not a photo")
    with pytest.raises(Exception, match="This file is not a photo"):
        Client(open_space("gradio"), verbose=False).predict(handle_file(str(path)), api_name="/segment")
