// Strips metadata that browsers would apply from a photo's file, and reads the one fact that counts.
// The rules are those of the pipeline's `schemas/photos.py`; `photo_metadata.py` is the same in Python.

const FILL = 0xff; // JPEG, ITU-T T.81, B.1.1: the second byte of a marker
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
const COMMENT = 0xfe;
const [APP0, APP1, APP14, APP15] = [0xe0, 0xe1, 0xee, 0xef]; // JFIF's and Adobe's (0 and 14) explain the components
const EXIF = "Exif\0\0";
const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const UPRIGHT = 1;

/**
 * A JPEG without EXIF, XMP, colour profile and comments, and its orientation 1 to 8: {parts, orientation}.
 *
 * `parts` are stretches of `bytes` for a Blob. From a damaged segment on, everything is kept.
 */
export function withoutMetadata(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = [bytes.subarray(0, 2)];
  let exif = null;
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && ![START_OF_SCAN, END_OF_IMAGE].includes(bytes[at + 1])) {
    const mark = bytes[at + 1];
    if (mark === FILL) {
      at += 1;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (end < at + 4 || end > bytes.length) break;
    if (mark === APP1 && !exif && text(bytes, at + 4, EXIF.length) === EXIF) {
      exif = bytes.subarray(at + 4 + EXIF.length, end);
    }
    const isMetadata = mark === COMMENT || (mark >= APP0 && mark <= APP15 && mark !== APP0 && mark !== APP14);
    if (!isMetadata) parts.push(bytes.subarray(at, end));
    at = end;
  }
  parts.push(bytes.subarray(at));
  return { parts, orientation: exif ? readOrientation(exif) : UPRIGHT };
}

/** The first orientation of the first directory, if the segment holds all of it. TIFF 6.0, section 2. */
function readOrientation(tiff) {
  const start = text(tiff, 0, 4);
  if (!["II*\0", "MM\0*"].includes(start) || tiff.length < 8) return UPRIGHT;
  const isLittle = start[0] === "I";
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > tiff.length) return UPRIGHT;
  const end = directory + 2 + 12 * view.getUint16(directory, isLittle);
  for (let at = directory + 2; at < end && at + 12 <= tiff.length; at += 12) {
    if (view.getUint16(at, isLittle) !== ORIENTATION_TAG) continue;
    const isOneShort = view.getUint16(at + 2, isLittle) === SHORT && view.getUint32(at + 4, isLittle) === 1;
    const value = view.getUint16(at + 8, isLittle);
    return isOneShort && value >= 1 && value <= 8 ? value : UPRIGHT;
  }
  return UPRIGHT;
}

function text(bytes, at, length) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
