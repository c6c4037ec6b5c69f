// How sure the model is: the largest softmax probability of each pixel. `confidence.py` is the same in Python.
import { between, neighbours } from "./enlarging.js";

const [VERY_SURE, FAIRLY_SURE] = [0.9, 0.7]; // mean confidence

/** Logits Float32Array [size.height, size.width, classes] of a whole photo to Float32Array [to.height, to.width]. */
export function confidenceMap(logits, size, classes, to) {
  const down = neighbours(size.height, to.height);
  const across = neighbours(size.width, to.width);
  const confidence = new Float32Array(to.width * to.height);
  const tall = new Float32Array(size.width * classes); // one row of the logits, between two of its rows
  const values = new Float32Array(classes);
  for (let row = 0, at = 0; row < to.height; row++) {
    const [above, below] = [down.low[row] * tall.length, down.high[row] * tall.length];
    for (let i = 0; i < tall.length; i++) tall[i] = between(logits[above + i], logits[below + i], down.share[row]);
    for (let column = 0; column < to.width; column++, at++) {
      const [left, right] = [across.low[column] * classes, across.high[column] * classes];
      for (let id = 0; id < classes; id++) values[id] = between(tall[left + id], tall[right + id], across.share[column]);
      confidence[at] = largestProbability(values, 0, classes);
    }
  }
  return confidence;
}

/** The largest softmax probability of `classes` logits from a position on. */
export function largestProbability(logits, start, classes) {
  let highest = -Infinity;
  for (let at = start; at < start + classes; at++) if (logits[at] > highest) highest = logits[at];
  let total = 0;
  for (let at = start; at < start + classes; at++) total += Math.exp(logits[at] - highest);
  return 1 / total;
}

/** The mean over the photo, as a sentence. */
export function confidenceInWords(confidence) {
  const mean = confidence.reduce((sum, value) => sum + value, 0) / confidence.length;
  let said = "the model is unsure nearly everywhere";
  if (mean >= VERY_SURE) said = "the model is sure nearly everywhere";
  else if (mean >= FAIRLY_SURE) said = "the model is unsure in places";
  return `Mean confidence ${(100 * mean).toFixed(1)}%: ${said}.`;
}
