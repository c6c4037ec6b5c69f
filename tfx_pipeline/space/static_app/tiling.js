// Predicts a photo by overlapping square tiles, for crop models; `tiling.py` is the same in Python.

const OVERLAP_SHARE = 4; // two tiles share a quarter of a side

/**
 * Predicts a photo {rgba, width, height} of any size, one row of tiles after the other.
 *
 * `predict` gives logits [side, side, classes] of RGB Float32Array [side, side, 3] in 0..255. Yields the logits
 * Float32Array [rows, width, classes] of the next rows of the photo, from the top, and their share of the photo.
 */
export async function* tiledLogits(predict, photo, side, classes) {
  const step = side - side / OVERLAP_SHARE;
  const [downs, acrosses] = [tileWeights(photo.height, side), tileWeights(photo.width, side)];
  const line = photo.width * classes;
  let band = new Float32Array(side * line);
  for (const [row, down] of downs.entries()) {
    for (const [column, across] of acrosses.entries()) {
      const logits = await predict(cutTile(photo, row * step, column * step, side));
      const columns = Math.min(side, photo.width - column * step);
      for (let y = 0; y < side; y++) {
        for (let x = 0, to = y * line + column * step * classes, from = y * side * classes; x < columns; x++) {
          const weight = down[y] * across[x];
          for (let id = 0; id < classes; id++) band[to++] += weight * logits[from++];
        }
      }
    }
    const rows = row === downs.length - 1 ? photo.height - row * step : step;
    yield { logits: band.subarray(0, rows * line), done: (row + 1) / downs.length };
    const above = band;
    band = new Float32Array(side * line);
    band.set(above.subarray(step * line)); // both rows of tiles see it
  }
}

/** The weight of each tile along an axis of `length` pixels, Float32Array [side] each; where tiles overlap, they sum to 1. */
export function tileWeights(length, side) {
  const overlap = side / OVERLAP_SHARE;
  const count = Math.max(1, Math.ceil((length - overlap) / (side - overlap)));
  const margin = overlap >> 2;
  const rising = (i) => Math.min(1, Math.max(0, (i - margin + 0.5) / (overlap - 2 * margin)));
  return Array.from({ length: count }, (_, tile) => {
    const weights = new Float32Array(side).fill(1);
    for (let i = 0; i < overlap; i++) {
      if (tile > 0) weights[i] = rising(i);
      if (tile < count - 1) weights[side - overlap + i] = 1 - rising(i);
    }
    return weights;
  });
}

function cutTile(photo, top, left, side) {
  const tile = new Float32Array(side * side * 3);
  for (let y = 0, to = 0; y < side; y++) {
    const start = mirrored(top + y, photo.height) * photo.width;
    for (let x = 0; x < side; x++) {
      const from = (start + mirrored(left + x, photo.width)) * 4;
      for (let channel = 0; channel < 3; channel++) tile[to++] = photo.rgba[from + channel];
    }
  }
  return tile;
}

// Positions beyond the last pixel of an axis are mirrored at it.
function mirrored(position, length) {
  const within = position % Math.max(1, 2 * (length - 1));
  return Math.min(within, 2 * (length - 1) - within) % length;
}
