"""Masks at a photo's own size: the same in Python, in TensorFlow's graphs, and in the app's JavaScript."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from schemas import enlarging
from schemas.enlarging import enlarged_class_ids
from schemas.image_size import sides
from trainer import enlarging as in_graphs
from trainer.graphs import graph

SPACE = Path(__file__).parents[2] / "tfx_pipeline" / "space"
SHAPES = [
    ("40x24", 3, 100, 77),
    (32, 3, 100, 77),
    (32, 3, 32, 32),
    (21, 21, 20, 200),
    (16, 150, 60, 90),
    (8, 2, 1, 1),
    (8, 3, 3, 400),
]


def smooth_logits(size, classes):
    shape = sides(size)
    coarse = np.random.default_rng(sum(shape) + classes).normal(size=(8, 8, classes)).astype(np.float32)
    return tf.image.resize(coarse, shape).numpy()


@pytest.mark.parametrize(("size", "classes", "height", "width"), SHAPES)
def test_the_largest_interpolated_logit_wins_in_python_and_in_graphs(size, classes, height, width, monkeypatch):
    monkeypatch.setattr(enlarging, "BAND_PIXELS", 1000)
    monkeypatch.setattr(in_graphs, "BAND_VALUES", 3000)
    logits = smooth_logits(size, classes)
    expected = np.argmax(tf.image.resize(logits, (height, width)), axis=-1)
    for class_ids in (
        enlarged_class_ids(logits, height, width),
        graph(in_graphs.enlarged_class_ids)(logits, height, width).numpy(),
    ):
        assert class_ids.dtype == np.uint8
        assert class_ids.shape == (height, width)
        assert np.mean(class_ids == expected) > 0.999  # sums in another order: a tie may fall the other way


def test_at_the_model_s_own_size_nothing_changes():
    logits = smooth_logits(32, 5)
    np.testing.assert_array_equal(enlarged_class_ids(logits, 32, 32), np.argmax(logits, axis=-1))


def test_an_edge_has_no_stairs():
    position = np.arange(16) - np.arange(16)[:, np.newaxis] * 0.5  # an edge that is no row, column or diagonal
    logits = np.stack([position, np.full_like(position, 2.3)], axis=-1).astype(np.float32)
    class_ids = enlarged_class_ids(logits, 320, 320)
    jumps = np.abs(np.diff(class_ids[20:300].sum(axis=1, dtype=int)))
    assert jumps.max() <= 1  # enlarged class ids would jump by 20 pixels


@pytest.mark.skipif(not shutil.which("node"), reason="node is not here; the browser's tests compare whole masks")
@pytest.mark.parametrize(("size", "classes", "height", "width"), SHAPES)
def test_the_page_has_the_same_function(size, classes, height, width):
    logits = smooth_logits(size, classes)
    script = f"""
      import {{ enlargedClassIds }} from {json.dumps((SPACE / "static_app" / "enlarging.js").as_uri())};
      let text = "";
      for await (const piece of process.stdin) text += piece;
      const ids = enlargedClassIds(Float32Array.from(JSON.parse(text)), {json.dumps(sides(size)._asdict())},
        {classes}, {width}, {height});
      console.log(JSON.stringify(Array.from(ids)));
    """
    answer = subprocess.run(
        ["node", "--no-warnings", "--input-type=module", "--eval", script],
        input=json.dumps(logits.ravel().tolist()),
        capture_output=True,
        text=True,
        check=True,
    )
    class_ids = np.reshape(json.loads(answer.stdout), (height, width))
    assert np.mean(class_ids == enlarged_class_ids(logits, height, width)) > 0.999
