// How a photo is fitted into a model's image, and where it then lies in it; `schemas/fitting.py` is the same in Python.
import { resizePixels } from "./resizing.js";

const STRETCH = "stretch";
const PADDING = 128; // level of each channel

/** Where the photo lies in the image: all of it if stretched, else the middle, as large as its aspect allows. */
export function photoBox(photo, image, fit) {
  let { width, height } = image;
  if (fit === STRETCH) return { top: 0, left: 0, height, width };
  if (photo.width * image.height >= photo.height * image.width) {
    height = Math.max(1, rounded(photo.height * image.width, photo.width)); // the photo is the wider one
  } else {
    width = Math.max(1, rounded(photo.width * image.height, photo.height));
  }
  return { top: (image.height - height) >> 1, left: (image.width - width) >> 1, height, width };
}

/** A photo {rgba, width, height} as RGB Float32Array [image.height, image.width, 3] in 0..255, as for training. */
export function fitPixels(photo, image, fit) {
  const box = photoBox(photo, image, fit);
  const resized = resizePixels(photo.rgba, photo.width, photo.height, `${box.width}x${box.height}`);
  const fitted = new Float32Array(image.height * image.width * 3).fill(PADDING);
  for (let row = 0; row < box.height; row++) {
    const line = resized.subarray(row * box.width * 3, (row + 1) * box.width * 3);
    fitted.set(line, ((box.top + row) * image.width + box.left) * 3);
  }
  return fitted;
}

/** Cuts a box out of logits Float32Array [image.height, image.width, classes]. */
export function cutBox(logits, image, classes, box) {
  const cut = new Float32Array(box.height * box.width * classes);
  for (let row = 0; row < box.height; row++) {
    const start = ((box.top + row) * image.width + box.left) * classes;
    cut.set(logits.subarray(start, start + box.width * classes), row * box.width * classes);
  }
  return cut;
}

const rounded = (numerator, denominator) => Math.floor((2 * numerator + denominator) / (2 * denominator));
