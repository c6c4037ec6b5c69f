"""Photos letterboxed for a model: the same in the data job, in TensorFlow's graphs, and in both apps."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from beam_jobs.codec.fitting import inner_size, pad_photo
from beam_jobs.codec.photos import resize_photo
from schemas.fitting import LETTERBOX, PADDING, STRETCH, photo_box
from schemas.image_size import sides
from tests.trainer.conftest import draw
from tfx_pipeline.space.segmentation_app.resizing import fit_pixels as fit_in_the_app
from trainer import fitting
from trainer.graphs import graph
from trainer.preprocessing import resize_pixels

PAGE = Path(__file__).parents[2] / "tfx_pipeline" / "space" / "static_app" / "fitting.js"
SIZES = [128, "96x64", "64x96", "480x352"]
PHOTOS = [(1, 1), (1, 700), (700, 1), (100, 150), (150, 100), (64, 96), (33, 65), (375, 500)]
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not here; the browser's tests compare masks")


def photo_of(shape) -> np.ndarray:
    return np.array(draw(sum(shape), max(shape))[0][: shape[0], : shape[1]])


def run_on_the_page(script: str, given: object) -> object:
    """What JavaScript makes of `given`, with everything that `fitting.js` exports as `page`."""
    text = f"""
      import * as page from {json.dumps(PAGE.as_uri())};
      let text = "";
      for await (const piece of process.stdin) text += piece;
      const given = JSON.parse(text);
      console.log(JSON.stringify({script}));
    """
    command = ["node", "--no-warnings", "--input-type=module", "--eval", text]
    answer = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def many_shapes() -> list[tuple[tuple[int, int], int | str]]:
    numbers = random.Random(0)
    drawn = [(numbers.randint(1, 9000), numbers.randint(1, 9000)) for _ in range(60)]
    return [(photo, size) for photo in (*PHOTOS, (65_500, 1500), *drawn) for size in (*SIZES, 4096)]


def test_graphs_have_the_same_box():
    for size in (*SIZES, 4096):
        box_of = graph(lambda photo, size=size: fitting.photo_box(photo, size))
        for photo in [photo for photo, other in many_shapes() if other == size]:
            box = tuple(int(one) for one in box_of(tf.constant(photo)))
            assert box == photo_box(photo, sides(size), LETTERBOX)


@needs_node
def test_the_page_has_the_same_box():
    cases = [[photo, sides(size)] for photo, size in many_shapes()]
    script = """given.map(([[height, width], [rows, columns]]) => {
      const box = page.photoBox({ height, width }, { height: rows, width: columns }, "letterbox");
      return [box.top, box.left, box.height, box.width];
    })"""
    assert run_on_the_page(script, cases) == [list(photo_box(*case, LETTERBOX)) for case in cases]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", PHOTOS)
def test_the_data_job_the_graph_and_the_app_letterbox_a_photo_alike(shape, size):
    photo = photo_of(shape)
    in_the_graph = graph(fitting.fit_pixels)(photo, size, LETTERBOX).numpy()
    assert in_the_graph.shape == (*sides(size), 3)
    np.testing.assert_allclose(fit_in_the_app(photo, size, LETTERBOX), in_the_graph, atol=2e-3)
    resized = resize_photo(Image.fromarray(photo), inner_size(shape, size, LETTERBOX))
    prepared = np.asarray(pad_photo(resized, size), np.float32)
    assert np.abs(prepared - in_the_graph).max() <= 1.01  # the data job rounds twice, to whole levels
    outside = np.ones(sides(size), bool)
    outside[photo_box(shape, sides(size), LETTERBOX).slices] = False
    for pixels in (prepared, in_the_graph):
        assert (pixels[outside] == PADDING).all()


@needs_node
@pytest.mark.parametrize("fit", [STRETCH, LETTERBOX])
@pytest.mark.parametrize("shape", [(100, 150), (150, 100), (64, 96)])
def test_the_page_fits_a_photo_and_cuts_the_answer_as_the_app_does(shape, fit):
    photo, size = photo_of(shape), sides("96x64")
    rgba = np.concatenate([photo, np.full((*shape, 1), 255, np.uint8)], axis=-1)
    script = """(() => {
      const photo = { rgba: Uint8ClampedArray.from(given.rgba), height: given.shape[0], width: given.shape[1] };
      const image = { height: given.size[0], width: given.size[1] };
      const fitted = page.fitPixels(photo, image, given.fit);
      const box = page.photoBox(photo, image, given.fit);
      return [Array.from(fitted), Array.from(page.cutBox(fitted, image, 3, box))];
    })()"""
    found = run_on_the_page(script, {"rgba": rgba.ravel().tolist(), "shape": shape, "size": size, "fit": fit})
    expected = fit_in_the_app(photo, "96x64", fit)
    box = photo_box(shape, size, fit)
    np.testing.assert_allclose(np.reshape(found[0], (*size, 3)), expected, atol=2e-3)
    np.testing.assert_allclose(np.reshape(found[1], (box.height, box.width, 3)), expected[box.slices], atol=2e-3)


def test_stretched_photos_are_resized_as_they_always_were():
    photo = photo_of((100, 150))
    np.testing.assert_array_equal(fitting.fit_pixels(photo, 64, STRETCH), resize_pixels(photo, 64))
