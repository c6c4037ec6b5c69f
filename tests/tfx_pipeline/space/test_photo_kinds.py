"""Photos of every kind through all that decodes photos in the project: the same pixels, and so the same masks."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from beam_jobs.codec.photos import decode_photo as decode_for_training
from beam_jobs.codec.photos import resize_photo
from beam_jobs.predict.command_line import main as predict
from beam_jobs.prepare.command_line import main as prepare
from schemas import features
from schemas.enlarging import enlarged_class_ids
from schemas.manifest import read_manifest
from tests.beam_jobs.pictures import trimap, write_pair
from tests.photo_kinds import Kind, photo_kinds
from tests.tfx_pipeline.space.browser import chromium, file_input, needs_chromium, needs_npm, wait
from tests.tfx_pipeline.space.conftest import IMAGE_SIZE
from tfx_pipeline.space.segmentation_app.photo import read_photo
from trainer.graphs import graph
from trainer.input_pipeline import parse_example
from trainer.photo_decoding import decode_photo
from trainer.preprocessing import resize_pixels

pytestmark = pytest.mark.slow

KINDS = photo_kinds()
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
IDS = {name: f"pug_{number}" for number, name in enumerate(KINDS)}
decode_in_a_graph = graph(decode_photo, input_signature=[tf.TensorSpec([], tf.string)])


def assert_same(pixels: np.ndarray, kind: Kind) -> None:
    assert pixels.shape == kind.pixels.shape
    assert np.abs(np.asarray(pixels, int) - kind.pixels).max() <= kind.tolerance


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Every kind with an upright mask, in the layout of the pets."""
    folder = tmp_path_factory.mktemp("photos")
    for name, kind in KINDS.items():
        height, width, _ = kind.pixels.shape
        buffer = io.BytesIO()
        trimap(width, height).save(buffer, "PNG")
        write_pair(folder, IDS[name], kind.data, buffer.getvalue())
    return folder


@pytest.fixture(scope="module")
def records(photos, tmp_path_factory) -> dict[str, bytes]:
    """Each id's record of a version whose photos keep their pixels."""
    output = tmp_path_factory.mktemp("data")
    options = ["--image_size=0", "--image_format=png", "--split=hash", "--near_duplicates=ignore"]
    assert prepare(["--dataset=pets", f"--input={photos}", f"--output={output}", "--version=1.0.0", *options]) == 0
    version = output / "pets" / "1.0.0"
    shards = [shard for split in read_manifest(version).splits.values() for shard in split.shards]
    found = {}
    for shard in shards:
        for record in tf.data.TFRecordDataset(str(version / shard.path)).as_numpy_iterator():
            values = tf.io.parse_single_example(record, {features.IMAGE_ID: tf.io.FixedLenFeature([], tf.string)})
            found[values[features.IMAGE_ID].numpy().decode()] = record
    return found


@pytest.fixture(scope="module")
def model(exported):
    return tf.saved_model.load(str(exported))  # must be kept: its signatures alone lose their weights


@pytest.mark.parametrize("name", KINDS)
def test_prepared_photos_reach_training_with_the_right_pixels_and_fit_their_masks(records, name):
    image, mask = parse_example(records[IDS[name]], 0)
    assert_same(image.numpy(), KINDS[name])
    height, width, _ = KINDS[name].pixels.shape
    np.testing.assert_array_equal(mask, np.asarray(trimap(width, height)) - 1)


@every_kind
def test_the_exported_model_decodes_the_right_pixels(kind):
    assert_same(decode_in_a_graph(kind.data).numpy(), kind)


def test_the_exported_model_segments_the_right_pixels(model):
    served = model.signatures["serving_default"](image_bytes=tf.constant([kind.data for kind in KINDS.values()]))
    pixels = tf.stack([resize_pixels(kind.pixels, IMAGE_SIZE) for kind in KINDS.values()])
    expected = model.signatures["predict_pixels"](pixels=pixels)["class_ids"]
    for name, one, other in zip(KINDS, served["class_ids"].numpy(), expected.numpy(), strict=True):
        assert np.mean(one == other) >= (0.9 if KINDS[name].tolerance else 1), name


def test_the_prediction_job_segments_the_right_pixels(photos, exported, model, tmp_path):
    assert predict([f"--model={exported}", f"--photos={photos}/images", f"--output={tmp_path}/out"]) == 0
    resized = [resize_photo(Image.fromarray(kind.pixels), IMAGE_SIZE) for kind in KINDS.values()]
    pixels = tf.constant(np.stack(resized), tf.float32)
    expected = model.signatures["predict_pixels"](pixels=pixels)["logits"].numpy()
    for (name, kind), logits in zip(KINDS.items(), expected, strict=True):
        height, width, _ = kind.pixels.shape
        mask = np.asarray(Image.open(tmp_path / "out" / "masks" / f"{IDS[name]}.png"))
        assert np.mean(mask == enlarged_class_ids(logits, height, width)) >= (0.9 if kind.tolerance else 1), name


@every_kind
def test_the_gradio_app_decodes_the_right_pixels(kind):
    assert_same(read_photo(kind.data), kind)


CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
FAILED_ONCE = sorted(
    path
    for name in (
        "xmp-orientation",
        "png-exif-orientation",
        "png-1-and-2-bit-grey-photo-serving",
        "cmyk-without-adobe-*",
    )
    for path in CASES.glob(f"{name}/images/*")
)


@pytest.mark.skipif(not FAILED_ONCE, reason="the shared cases are not here")
@pytest.mark.parametrize("path", FAILED_ONCE, ids=lambda path: path.stem)
def test_photos_that_once_differed_are_the_same_everywhere_and_fit_their_masks(path):
    data = path.read_bytes()
    prepared = np.asarray(decode_for_training(data, min_side=0).image, int)
    mask = Image.open(path.parents[1] / "annotations" / "trimaps" / f"{path.stem}.png")
    assert prepared.shape[:2] == (mask.height, mask.width)
    for decoded in (decode_in_a_graph(data).numpy(), read_photo(data)):
        np.testing.assert_allclose(decoded, prepared, atol=1)


@pytest.fixture(scope="module")
def static_page(open_space):
    with chromium() as driver:
        driver.get(open_space("static"))
        wait(driver, lambda: file_input(driver).is_enabled())
        yield driver


@needs_chromium
@needs_npm
@every_kind
def test_the_static_app_decodes_the_right_pixels(static_page, kind):
    script = """
      const [text, done] = arguments;
      const { readPhoto } = await import(new URL("photo.js", location.href));
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const { width, height, rgba } = await readPhoto(new Blob([bytes]));
      done([width, height, btoa(Array.from(rgba, (value) => String.fromCharCode(value)).join(""))]);
    """
    script = f"(async () => {{{script}}}).apply(null, arguments)"
    width, height, rgba = static_page.execute_async_script(script, base64.b64encode(kind.data).decode())
    pixels = np.frombuffer(base64.b64decode(rgba), np.uint8).reshape(height, width, 4)
    assert_same(pixels[..., :3], kind)
    assert (pixels[..., 3] == 255).all()
