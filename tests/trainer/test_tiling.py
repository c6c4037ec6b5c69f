import numpy as np
import pytest
import tensorflow as tf

from schemas.served import even_grid
from trainer.graphs import graph
from trainer.tiling import mirrored, observe_tiles, predict_tiles, tile_overlap

TILE, CLASSES = 64, 3


def random_pixels(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def local_model(reach):
    """Logits that depend on pixels at most `reach` away, with zeros beyond the edge as convolutions have."""
    kernel = np.random.default_rng(1).normal(size=(2 * reach + 1, 2 * reach + 1, 3, CLASSES)).astype(np.float32)
    return lambda images: tf.nn.conv2d(images, kernel, 1, "SAME")


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 64), (112, 300), (200, 113), (400, 64)])
def test_a_model_that_looks_no_farther_than_the_margin_answers_as_for_the_whole_image(height, width):
    pixels = random_pixels(height, width)
    model = local_model(tile_overlap(TILE) // 4)
    whole = model(tf.cast(pixels[np.newaxis], tf.float32))[0]
    expected = np.argmax(whole, axis=-1)
    found = graph(predict_tiles)(model, tf.constant(pixels), TILE, CLASSES).numpy()
    assert (found.dtype, found.shape) == (np.uint8, (height, width))
    # Within the reach of the photo's own edge, a tile may see its mirror where the whole image ends in zeros.
    inside = (
        slice(None, height - 4 if height % 48 != 16 else None),
        slice(None, width - 4 if width % 48 != 16 else None),
    )
    np.testing.assert_array_equal(found[inside], expected[inside])


def test_an_image_of_one_tile_is_predicted_as_the_model_does():
    def whole_image(images):  # looks at everything
        return images - tf.reduce_mean(images, axis=[1, 2], keepdims=True)

    pixels = random_pixels(TILE, TILE)
    expected = np.argmax(whole_image(tf.cast(pixels[np.newaxis], tf.float32))[0], axis=-1)
    np.testing.assert_array_equal(predict_tiles(whole_image, tf.constant(pixels), TILE, CLASSES), expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 70), (50, 3), (63, 65)])
def test_an_image_smaller_than_a_tile_is_mirrored_beyond_its_edge(height, width):
    pixels = random_pixels(height, width)
    found = predict_tiles(lambda images: images, tf.constant(pixels), TILE, CLASSES)
    np.testing.assert_array_equal(found, np.argmax(pixels, axis=-1))


def test_seams_pass_linearly_from_one_tile_to_the_next():
    """Two tiles that disagree: the first says class 0 everywhere, the second class 1 twice as strongly."""
    calls = iter(range(2))

    def disagreeing(images):
        return tf.zeros_like(images) + [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]][next(calls)]

    step = TILE - tile_overlap(TILE)
    row, *_ = predict_tiles(disagreeing, tf.constant(random_pixels(TILE, TILE + step)), TILE, CLASSES).numpy()
    [change] = np.flatnonzero(np.diff(row.astype(int)))
    margin, mixed = 4, 8
    assert (row[0], row[-1]) == (0, 1)
    assert change + 1 == step + margin + np.ceil(mixed / 3 - 0.5)  # from where on the second one's weight is above 1/3


@pytest.mark.parametrize("length", [1, 2, 5])
def test_positions_beyond_the_end_go_back(length):
    expected = np.pad(np.arange(length), (0, 12 - length), mode="reflect") if length > 1 else np.zeros(12)
    np.testing.assert_array_equal(mirrored(tf.range(12), tf.constant(length)), expected)


@pytest.mark.parametrize(("height", "width"), [(40, 200), (200, 113)])
def test_what_is_logged_of_tiles_is_the_grid_of_the_logits_and_the_mean_of_the_features(height, width):
    pixels = random_pixels(height, width)

    def features_of(tile):
        return tile / 255, tf.reduce_mean(tile, axis=[1, 2])

    tiled = observe_tiles(features_of, tf.constant(pixels), TILE, CLASSES, 3)
    expected = pixels[np.ix_(even_grid(height), even_grid(width))] / np.float32(255)
    np.testing.assert_allclose(tiled.logits, expected, atol=1e-5)
    assert np.all(np.abs(tiled.features - pixels.mean(axis=(0, 1))) < 10)  # near the photo's mean, as the tiles' are
