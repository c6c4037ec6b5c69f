// Reads visitors' photos: checks the header before anything is decoded, then gives upright RGB over white.
// The pipeline's `schemas/photos.py` defines what a photo's bytes mean; `photo.py` is the same in Python.
import { statedSize } from "./image_header.js";
import { withoutMetadata } from "./photo_metadata.js";
import { decodePng } from "./png.js";

const MIN_SIDE = 16; // pixels; anything smaller shows nothing
const MAX_MEGAPIXELS = 40;
const MAX_FILE_BYTES = 40_000_000;
const SMALLER = "Save it smaller, or choose another one.";
const PNG_DEPTH = 24; // position of the bits a sample: www.w3.org/TR/png-3, 5.3 and 11.2.1
const [JPEG_START, PNG_START] = [0xff, 0x89];

/** A photo cannot be used; the message says why and what the visitor can do. */
export class PhotoRefused extends Error {}

/**
 * A file's pixels: {width, height, rgba}.
 * @param photoRange What the model says of photos of 16 bits, which no page can show; models of earlier versions lack it.
 */
export async function readPhoto(file, photoRange) {
  if (file.size > MAX_FILE_BYTES) {
    throw new PhotoRefused(`This file is too large: the limit is ${MAX_FILE_BYTES / 1e6} MB. ${SMALLER}`);
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  checkSize(statedSize(bytes));
  if (photoRange && bytes[0] === PNG_START && bytes[PNG_DEPTH] === 16) {
    throw new PhotoRefused(
      `This photo has 16 bits a channel. Save it with 8 bits, ${photoRange[0]} as 0 and ${photoRange[1]} as 255.`,
    );
  }
  return decode(bytes).catch(() => {
    throw new PhotoRefused("This photo is damaged or ends too early. Choose another one.");
  });
}

function checkSize(size) {
  if (!size) throw new PhotoRefused("This file is not a photo. Choose a JPEG, PNG, GIF or WebP file.");
  if (Math.min(size.width, size.height) < MIN_SIDE) {
    throw new PhotoRefused(
      `This photo has ${size.width} x ${size.height} pixels. Each side needs at least ${MIN_SIDE}. Choose a larger one.`,
    );
  }
  if (size.width * size.height > MAX_MEGAPIXELS * 1e6) {
    throw new PhotoRefused(
      `This photo is too large: ${size.width} x ${size.height} pixels. The limit is ${MAX_MEGAPIXELS} megapixels. ` +
        SMALLER,
    );
  }
}

async function decode(bytes) {
  if (bytes[0] === PNG_START) return decodePng(bytes);
  if (bytes[0] !== JPEG_START) return decodeInBrowser([bytes]);
  const { parts, orientation } = withoutMetadata(bytes);
  return turnUpright(await decodeInBrowser(parts), orientation);
}

async function decodeInBrowser(parts) {
  const bitmap = await createImageBitmap(new Blob(parts), { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const context = newCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}

/** Undoes an orientation. EXIF 2.32, 4.6.4, table of tag 0x0112. */
function turnUpright(picture, orientation) {
  if (orientation === 1) return picture;
  const { width, height } = picture;
  const isOnItsSide = orientation >= 5;
  const [columns, rows] = isOnItsSide ? [height, width] : [width, height];
  const source = new Uint32Array(picture.rgba.buffer); // a pixel each
  const turned = new Uint32Array(source.length);
  for (let row = 0; row < rows; row++) {
    const y = [3, 4, 7, 8].includes(orientation) ? rows - 1 - row : row;
    for (let column = 0; column < columns; column++) {
      const x = [2, 3, 6, 7].includes(orientation) ? columns - 1 - column : column;
      turned[row * columns + column] = source[isOnItsSide ? x * width + y : y * width + x];
    }
  }
  return { width: columns, height: rows, rgba: new Uint8ClampedArray(turned.buffer) };
}

function newCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}
