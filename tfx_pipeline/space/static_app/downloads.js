// The files that a visitor can take away; all are as large as the photo. `downloads.py` makes the same ones.
import { backgroundId } from "./classes.js";
import { classPng } from "./png_writer.js";

const JPEG_QUALITY = 0.92;

/** Those that a model offers, {key, label, suffix, make}: without a background there is nothing to cut away. */
export function downloads(info) {
  const all = [
    { key: "class-ids", label: "Class ids", suffix: "_class_ids.png", make: classIds },
    { key: "mask", label: "Coloured mask", suffix: "_mask.png", make: coloredMask },
    { key: "overlay", label: "Overlay", suffix: "_overlay.jpg", make: overlay },
    { key: "cutout", label: "Cut-out", suffix: "_cutout.png", make: cutout },
  ];
  return all.filter(({ make }) => make !== cutout || backgroundId(info) !== null);
}

// Each: a photo {rgba, width, height}, its class ids, the model's info, and the opacity of colours, to a Blob.

const classIds = ({ width, height }, ids) => classPng(ids, width, height);

const coloredMask = ({ width, height }, ids, info) => classPng(ids, width, height, info.palette);

function overlay(photo, ids, info, opacity) {
  const background = backgroundId(info);
  const rgba = photo.rgba.slice();
  for (let at = 0; at < ids.length; at++) {
    if (ids[at] === background) continue;
    const color = info.palette[ids[at]];
    for (let i = 0; i < 3; i++) rgba[4 * at + i] += (color[i] - rgba[4 * at + i]) * opacity;
  }
  return encoded(rgba, photo, "image/jpeg", JPEG_QUALITY);
}

function cutout(photo, ids, info) {
  const background = backgroundId(info);
  const rgba = photo.rgba.slice();
  const pixels = new Uint32Array(rgba.buffer);
  for (let at = 0; at < ids.length; at++) if (ids[at] === background) pixels[at] = 0;
  return encoded(rgba, photo, "image/png");
}

function encoded(rgba, { width, height }, type, quality) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  return new Promise((done, failed) => {
    const take = (blob) => (blob ? done(blob) : failed(new Error("this browser cannot write so large an image")));
    canvas.toBlob(take, type, quality);
  });
}
