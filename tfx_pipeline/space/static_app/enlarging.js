// Class ids at a photo's own size from the logits of a smaller picture; `schemas/enlarging.py` is the same in Python.

/** The class of each pixel: logits Float32Array [size.height, size.width, classes] to Uint8Array [height, width]. */
export function enlargedClassIds(logits, size, classes, width, height) {
  const down = neighbours(size.height, height);
  const across = neighbours(size.width, width);
  const ids = new Uint8Array(width * height);
  const tall = new Float32Array(size.width * classes); // one row of the logits, between two of its rows
  for (let row = 0, at = 0; row < height; row++) {
    const above = down.low[row] * tall.length;
    const below = down.high[row] * tall.length;
    for (let i = 0; i < tall.length; i++) tall[i] = between(logits[above + i], logits[below + i], down.share[row]);
    for (let column = 0; column < width; column++, at++) {
      const left = across.low[column] * classes;
      const right = across.high[column] * classes;
      let highest = -Infinity;
      for (let id = 0; id < classes; id++) {
        const value = between(tall[left + id], tall[right + id], across.share[column]);
        if (value > highest) {
          highest = value;
          ids[at] = id;
        }
      }
    }
  }
  return ids;
}

/** For each of `target` pixels along an axis: the two `source` pixels around it, and its position between them. */
export function neighbours(source, target) {
  const scale = Math.fround(source / target);
  const [low, high, share] = [new Int32Array(target), new Int32Array(target), new Float32Array(target)];
  for (let i = 0; i < target; i++) {
    const position = Math.fround(Math.fround(Math.fround(i + 0.5) * scale) - 0.5);
    const inside = Math.min(Math.max(position, 0), source - 1);
    low[i] = Math.trunc(inside);
    high[i] = Math.min(low[i] + 1, source - 1);
    share[i] = inside - low[i];
  }
  return { low, high, share };
}

export const between = (one, other, share) => Math.fround(one + Math.fround(Math.fround(other - one) * share));
