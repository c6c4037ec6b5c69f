// The training's resize: tf.image.resize(..., antialias=True) without TensorFlow. `resizing.py` is the same in NumPy
// and names the source of the formulas.

const SHOWN_SIDE = 1600; // pixels; larger photos are scaled down for display, but their class ids are not
const f32 = Math.fround;

/** What a model takes: `imageSize` of its info is a square's side, or "WIDTHxHEIGHT". */
export function sides(imageSize) {
  const [width, height = width] = String(imageSize).split("x").map(Number);
  return { width, height };
}

/** The size at which a photo is shown. */
export function shownSize({ width, height }) {
  const scale = Math.min(1, SHOWN_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The pixel of `source` that is in the middle of one of `target`, along an axis. */
export function middle(position, source, target) {
  return Math.floor(((2 * position + 1) * source) / (2 * target));
}

/** RGBA bytes of a photo to RGB Float32Array [height, width, 3] of the model's size, in 0..255, antialiased. */
export function resizePixels(rgba, width, height, imageSize) {
  const target = sides(imageSize);
  const rows = new Float32Array(target.height * width * 3);
  resizeSpans(height, target.height).forEach(({ first, weights }, row) => {
    const sums = new Float64Array(width * 3);
    weights.forEach((weight, offset) => {
      let source = (first + offset) * width * 4;
      for (let at = 0; at < sums.length; source += 1) {
        for (let channel = 0; channel < 3; channel++) sums[at++] += weight * rgba[source++];
      }
    });
    rows.set(sums, row * width * 3);
  });
  const resized = new Float32Array(target.height * target.width * 3);
  resizeSpans(width, target.width).forEach(({ first, weights }, column) => {
    for (let row = 0; row < target.height; row++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        weights.forEach((weight, offset) => (sum += weight * rows[(row * width + first + offset) * 3 + channel]));
        resized[(row * target.width + column) * 3 + channel] = Math.min(255, Math.max(0, sum));
      }
    }
  });
  return resized;
}

/** For each target pixel, the first source pixel that contributes to it, and weights that add up to 1. */
export function resizeSpans(sourceSize, targetSize) {
  const inverse = f32(1 / f32(targetSize / sourceSize));
  const kernelScale = Math.max(inverse, 1); // antialiasing: the kernel is as wide as a target pixel
  const clamp = (position) => Math.min(sourceSize - 1, Math.max(0, position));
  return Array.from({ length: targetSize }, (_, target) => {
    const center = f32(f32(target + 0.5) * inverse);
    const first = clamp(Math.ceil(f32(f32(center - kernelScale) - 0.5)));
    const last = clamp(Math.floor(f32(f32(center + kernelScale) - 0.5)));
    const weights = [];
    for (let source = first; source <= last; source++) {
      weights.push(Math.max(0, f32(1 - Math.abs(f32(f32(source + 0.5 - center) / kernelScale)))));
    }
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => (total > 1e-34 ? f32(weight / total) : weight)) };
  });
}
