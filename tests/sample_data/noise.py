"""Noise tiles, the raw material of every texture: made once per process from a fixed seed, then cut and stretched.

A picture takes from its own random generator only where it cuts a tile, so it depends on nothing but its own seed.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

TILE = 512  # pixels, a power of two so that `& (TILE - 1)` wraps around
_TILE_SEED = 20120616


@cache
def grain_tile() -> np.ndarray:
    """White noise slightly blurred, float32 [TILE, TILE], mean 0, standard deviation 1; wraps around."""
    noise = np.random.default_rng(_TILE_SEED).standard_normal((TILE, TILE), np.float32)
    noise = noise + 0.5 * (np.roll(noise, 1, 0) + np.roll(noise, 1, 1))
    return noise / noise.std()


@cache
def cloud_tile() -> np.ndarray:
    """Fractal noise with a 1/f spectrum, float32 [TILE, TILE], mean 0, standard deviation 1; wraps around."""
    return _spectral_tile(seed=1, exponent=1.5)


@cache
def lock_tile() -> np.ndarray:
    """Noise as fine as locks of hair, about 3 pixels, float32 [TILE, TILE], mean 0, standard deviation 1; wraps."""
    return _spectral_tile(seed=3, high=TILE / 6)


@cache
def spot_tile() -> np.ndarray:
    """Blobs of one size, about 24 pixels apart, float32 [TILE, TILE], mean 0, standard deviation 1; wraps around."""
    return _spectral_tile(seed=2, ring=TILE / 24)


def _spectral_tile(seed: int, exponent: float = 0.0, ring: float = np.inf, high: float = np.inf) -> np.ndarray:
    """White noise shaped in the frequency domain, all in periods per tile.

    Args:
      seed: Of the noise.
      exponent: Of a power law.
      ring: Keep frequencies about this one only, where it is finite.
      high: Where a soft limit of the frequencies lies.
    """
    noise = np.random.default_rng(_TILE_SEED + seed).standard_normal((TILE, TILE))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]) * TILE
    weight = np.maximum(frequency, 2.0) ** -exponent * np.exp(-0.5 * (frequency / high) ** 2)
    if np.isfinite(ring):
        weight *= np.exp(-(((frequency - ring) / (0.3 * ring)) ** 2))
    tile = np.fft.irfft2(np.fft.rfft2(noise) * weight, s=(TILE, TILE))
    tile -= tile.mean()
    return (tile / tile.std()).astype(np.float32)


def texture(
    rng: np.random.Generator, tile: np.ndarray, height: int, width: int, scale: float, stretch: float = 1.0
) -> np.ndarray:
    """A random cut of a tile, stretched over a picture.

    Args:
      rng: Decides where the tile is cut.
      tile: float32 [TILE, TILE].
      height, width: Pixels of the result.
      scale: Pixels of the result per pixel of the tile, vertically.
      stretch: How many times more pixels horizontally.

    Returns:
      float32 [height, width].
    """
    if scale == stretch == 1.0 and height <= TILE and width <= TILE:
        top, left = rng.integers(0, TILE - height + 1), rng.integers(0, TILE - width + 1)
        return tile[top : top + height, left : left + width]
    rows = min(TILE, max(2, int(np.ceil(height / scale))))
    columns = min(TILE, max(2, int(np.ceil(width / (scale * stretch)))))
    top, left = rng.integers(0, TILE - rows + 1), rng.integers(0, TILE - columns + 1)
    cut = Image.fromarray(tile[top : top + rows, left : left + columns])
    return np.asarray(cut.resize((width, height), Image.Resampling.BILINEAR))
