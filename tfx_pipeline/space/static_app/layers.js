// What a comparison shows, at the size at which photos are shown; `layers.py` draws the same.
import { backgroundId } from "./classes.js";
import { middle } from "./resizing.js";

// From unsure to sure, evenly spaced: matplotlib's viridis, which grows lighter in grey and for the colour-blind, too.
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const LEVELS = 32; // of confidence; more are not told apart

/** Draws the photo {rgba, width, height} as large as it is shown. */
export async function drawPhoto(canvas, photo, shown) {
  [canvas.width, canvas.height] = [shown.width, shown.height];
  const options = { resizeWidth: shown.width, resizeHeight: shown.height, resizeQuality: "high" };
  const bitmap = await createImageBitmap(new ImageData(photo.rgba, photo.width, photo.height), options);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

/** Draws class ids in the classes' colours; the background, which would hide the photo, is transparent. */
export function drawClasses(canvas, photo, { ids, shown }, info) {
  const colors = opaqueColors(info.palette);
  const background = backgroundId(info);
  if (background !== null) colors[background] = 0;
  draw(canvas, shown, (row, column) => {
    const line = middle(row, photo.height, shown.height) * photo.width;
    return colors[ids[line + middle(column, photo.width, shown.width)]];
  });
}

/** Draws confidence in the colours of `RAMP`, from 1 / classes, which is a guess, to 1. */
export function drawConfidence(canvas, { confidence, shown }, info) {
  const guess = 1 / info.classes.length;
  const colors = opaqueColors(Array.from({ length: LEVELS }, (_, level) => rampColor(level / (LEVELS - 1))));
  draw(canvas, shown, (row, column) => {
    const sure = (confidence[row * shown.width + column] - guess) / (1 - guess);
    return colors[Math.round(Math.min(1, Math.max(0, sure)) * (LEVELS - 1))];
  });
}

/** RGB triples as pixels of an ImageData, all opaque. */
export function opaqueColors(palette) {
  return palette.map((rgb) => new Uint32Array(Uint8ClampedArray.of(...rgb, 255).buffer)[0]);
}

function draw(canvas, { width, height }, color) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++) pixels[at++] = color(row, column);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function rampColor(share) {
  const position = share * (RAMP.length - 1);
  const low = Math.min(Math.floor(position), RAMP.length - 2);
  return RAMP[low].map((value, channel) => Math.round(value + (RAMP[low + 1][channel] - value) * (position - low)));
}
