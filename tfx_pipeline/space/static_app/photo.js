// Photos as visitors send them: checked by header before anything is decoded, then upright RGB over white.
import { statedSize } from "./image_header.js";

const MIN_SIDE = 16; // pixels; less holds no picture
const MAX_MEGAPIXELS = 40;

/** A photo cannot be used; the message tells the visitor why and what to do. */
export class PhotoRefused extends Error {}

/** A file's pixels: {width, height, rgba, canvas}. Colour profiles are left out, as in training. */
export async function readPhoto(file) {
  const size = statedSize(new Uint8Array(await file.arrayBuffer()));
  if (!size) throw new PhotoRefused("This file is not a photo. Choose a JPEG, PNG, GIF or WebP file.");
  if (Math.min(size.width, size.height) < MIN_SIDE) {
    throw new PhotoRefused(
      `This photo has ${size.width} x ${size.height} pixels. Each side needs at least ${MIN_SIDE}.`,
    );
  }
  if (size.width * size.height > MAX_MEGAPIXELS * 1e6) {
    throw new PhotoRefused(
      `This photo is too large: ${size.width} x ${size.height} pixels. At most ${MAX_MEGAPIXELS} megapixels are taken.`,
    );
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new PhotoRefused("This photo is damaged or ends too early. Choose another one.");
  }
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width: canvas.width, height: canvas.height, rgba: data, canvas };
}
