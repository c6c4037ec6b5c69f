"""Predicts images of any size by overlapping square tiles, in memory that does not grow with the image's height.

Predictions near a tile's edge, where the tile sees padding instead of the image, are dropped; between there and the
tile's middle, two tiles are blended with linear weights. Tiles of a multiple of 128 pixels start at multiples of an
encoder's stride of 32, so that features lie where the whole image's would. An image no larger than a tile is one tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from schemas.served import GRID_SIDE
from trainer.preprocessing import CHANNELS

OVERLAP_SHARE = (
    4  # two tiles share a quarter of a side: an eighth of a side is mixed, a sixteenth at each edge left out
)

Logits = Callable[[tf.Tensor], tf.Tensor]
Features = Callable[[tf.Tensor], Sequence[tf.Tensor]]  # pixels to logits and features float32 [1, D]


class Tiled(NamedTuple):
    """The answer to an image.

    Attributes:
      class_ids: uint8 [H, W].
      logits: float32 [GRID_SIDE, GRID_SIDE, C] of the pixels at `schemas.served.even_grid`.
      features: float32 [D], the mean of the tiles'.
    """

    class_ids: tf.Tensor
    logits: tf.Tensor
    features: tf.Tensor


def tile_overlap(tile_size: int) -> int:
    """Pixels that two neighbouring tiles share."""
    return tile_size // OVERLAP_SHARE


def predict_tiles(logits_of: Logits, pixels: tf.Tensor, tile_size: int, num_classes: int) -> tf.Tensor:
    """Class ids uint8 [H, W] of an image.

    Args:
      logits_of: From float32 [1, S, S, 3] in 0..255 to logits float32 [1, S, S, C].
      pixels: uint8 or float32 [H, W, 3] in 0..255, any size; beyond its edges it is mirrored.
      tile_size: S, a multiple of 16.
      num_classes: C.
    """
    return observe_tiles(lambda tile: (logits_of(tile), tf.zeros([1, 0])), pixels, tile_size, num_classes, 0).class_ids


def observe_tiles(
    features_of: Features, pixels: tf.Tensor, tile_size: int, num_classes: int, num_features: int
) -> Tiled:
    """Predicts an image by tiles, one row of tiles after the other.

    Args:
      features_of: From float32 [1, S, S, 3] in 0..255 to logits float32 [1, S, S, C] and features float32 [1, D].
      pixels, tile_size, num_classes: See `predict_tiles`.
      num_features: D.
    """
    overlap = tile_overlap(tile_size)
    step = tile_size - overlap
    height, width = tf.shape(pixels)[0], tf.shape(pixels)[1]
    rows, columns = tile_count(height, tile_size), tile_count(width, tile_size)
    row_weights, column_weights = _weights(rows, tile_size), _weights(columns, tile_size)
    across = mirrored(tf.range(columns * step + overlap), width)
    answers = tf.TensorArray(tf.uint8, rows, infer_shape=False, element_shape=[None, None])
    sampled = tf.TensorArray(tf.float32, rows, infer_shape=False, element_shape=[None, GRID_SIDE, num_classes])
    grid_rows, grid_columns = _even_grid(height), _even_grid(width)

    def row_of_tiles(
        index: tf.Tensor, shared: tf.Tensor, total: tf.Tensor, answers: tf.TensorArray, sampled: tf.TensorArray
    ) -> tuple:
        down = mirrored(index * step + tf.range(tile_size), height)
        band = tf.gather(tf.gather(pixels, down), across, axis=1)

        def tile(column: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = column * step
            one = tf.cast(band[:, start : start + tile_size], tf.float32)
            one = tf.ensure_shape(one, [tile_size, tile_size, CHANNELS])
            logits, features = features_of(one[tf.newaxis])
            return logits[0] * column_weights[column][tf.newaxis, :, tf.newaxis], features[0]

        # [columns, S, S, C] to [S, C, columns, S], whose last two axes are added up to the width.
        types = tf.float32, tf.float32
        tiles, features = tf.map_fn(tile, tf.range(columns), fn_output_signature=types, parallel_iterations=1)
        whole = tf.signal.overlap_and_add(tf.transpose(tiles, [1, 3, 0, 2]), step)[..., :width]
        whole = tf.transpose(whole, [0, 2, 1]) * row_weights[index][:, tf.newaxis, tf.newaxis]
        whole = tf.concat([whole[:overlap] + shared, whole[overlap:]], axis=0)
        is_last = index == rows - 1
        done = tf.where(is_last, height - index * step, step)
        ids = tf.cast(tf.argmax(whole[:done], axis=-1), tf.uint8)
        places = grid_rows - index * step
        own = tf.boolean_mask(places, (places >= 0) & (places < done))  # of the grid, those in these rows
        grid = tf.gather(tf.gather(whole, own), grid_columns, axis=1)
        total += tf.reduce_sum(features, axis=0)
        return index + 1, whole[step:], total, answers.write(index, ids), sampled.write(index, grid)

    nothing = tf.zeros([overlap, width, num_classes])
    any_shape = tf.TensorShape(None)  # pyright: ignore[reportArgumentType]  # pyright's types leave unknown ranks out
    sizes = [], [overlap, None, num_classes], [num_features]
    _, _, total, answers, sampled = tf.while_loop(
        lambda index, *_: index < rows,
        row_of_tiles,
        (tf.constant(0), nothing, tf.zeros([num_features]), answers, sampled),
        shape_invariants=(*map(tf.TensorShape, sizes), any_shape, any_shape),
        parallel_iterations=1,
    )
    return Tiled(
        tf.ensure_shape(answers.concat(), [None, None]),
        tf.ensure_shape(sampled.concat(), [GRID_SIDE, GRID_SIDE, num_classes]),
        total / tf.cast(rows * columns, tf.float32),
    )


def _even_grid(length: tf.Tensor) -> tf.Tensor:
    """`schemas.served.even_grid` in the graph, int32 [GRID_SIDE]."""
    return (2 * tf.range(GRID_SIDE) + 1) * length // (2 * GRID_SIDE)


def tile_count(length: tf.Tensor, tile_size: int) -> tf.Tensor:
    """How many tiles cover `length` pixels along an axis."""
    overlap = tile_overlap(tile_size)
    return tf.maximum(1, -(-(length - overlap) // (tile_size - overlap)))


def mirrored(positions: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Positions along an axis of `length` pixels; those beyond its end are mirrored at its last pixel."""
    period = tf.maximum(1, 2 * (length - 1))
    within = tf.math.floormod(positions, period)
    return tf.math.floormod(tf.minimum(within, period - within), tf.maximum(1, length))


def _weights(count: tf.Tensor, tile_size: int) -> tf.Tensor:
    """Weight of each tile along an axis, float32 [count, S]; the weights of overlapping tiles add up to 1."""
    overlap = tile_overlap(tile_size)
    margin, mixed = overlap // 4, overlap - 2 * (overlap // 4)
    rising = tf.clip_by_value((tf.range(overlap, dtype=tf.float32) - margin + 0.5) / mixed, 0.0, 1.0)
    middle = tf.ones([tile_size - 2 * overlap])
    first = tf.concat([tf.ones([overlap]), tf.zeros([tile_size - overlap])], axis=0)
    last = tf.reverse(first, [0])
    inner = tf.concat([rising, middle, 1.0 - rising], axis=0)
    indices = tf.range(count)[:, tf.newaxis]
    weights = tf.where((indices == 0) & (first > 0), 1.0, inner)
    return tf.where((indices == count - 1) & (last > 0), 1.0, weights)
