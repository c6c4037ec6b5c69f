// Decodes PNG files to pixels over white. Browsers can do that too, but each rounds opacities and 16 bits in its own
// way, and applies metadata that training ignores. Format: www.w3.org/TR/png-3, sections 7 to 11.

const SIGNATURE_BYTES = 8;
const [GREY, RGB, PALETTE, GREY_ALPHA, RGBA] = [0, 2, 3, 4, 6]; // colour types
const CHANNELS = { [GREY]: 1, [RGB]: 3, [PALETTE]: 1, [GREY_ALPHA]: 2, [RGBA]: 4 };
const DEPTHS = { [GREY]: [1, 2, 4, 8, 16], [RGB]: [8, 16], [PALETTE]: [1, 2, 4, 8], [GREY_ALPHA]: [8, 16], [RGBA]: [8, 16] };
const KEY_BYTES = { [GREY]: 2, [RGB]: 6 }; // of tRNS
// First column and row, and the distances of columns and rows, of each pass: 8.1
const WHOLE = [[0, 0, 1, 1]];
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** {width, height, rgba} of a PNG, all opaque; throws if it is damaged or truncated. */
export async function decodePng(bytes) {
  const { header, palette, transparency, pixels } = readChunks(bytes);
  const { width, height, depth, type } = header;
  const bitsPerPixel = CHANNELS[type] * depth;
  const passes = (header.interlaced ? ADAM7 : WHOLE)
    .map(([x, y, dx, dy]) => ({ x, y, dx, dy, columns: Math.ceil((width - x) / dx), rows: Math.ceil((height - y) / dy) }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0)
    .map((pass) => ({ ...pass, lineBytes: Math.ceil((pass.columns * bitsPerPixel) / 8) }));
  const data = await inflate(pixels, passes.reduce((sum, { rows, lineBytes }) => sum + rows * (1 + lineBytes), 0));
  const write = lineWriter(header, palette, transparency);
  const rgba = new Uint8ClampedArray(width * height * 4);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows, lineBytes } of passes) {
    let above = new Uint8Array(lineBytes);
    for (let row = 0; row < rows; row++, at += 1 + lineBytes) {
      const line = data.subarray(at + 1, at + 1 + lineBytes);
      unfilter(line, above, data[at], Math.max(1, bitsPerPixel >> 3));
      write(line, columns, rgba, 4 * ((y + row * dy) * width + x), 4 * dx);
      above = line;
    }
  }
  return { width, height, rgba };
}

function readChunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = { header: null, palette: [], transparency: null, pixels: [] };
  for (let at = SIGNATURE_BYTES; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR" && found.header) throw new Error("two headers");
    const isLate = found.palette.length || found.transparency || found.pixels.length;
    if (kind === "PLTE" && isLate) throw new Error("a palette out of place");
    if (kind === "IHDR") found.header = readHeader(view, at + 8);
    if (kind === "PLTE") found.palette = content;
    if (kind === "tRNS" && isTransparency(length, found)) found.transparency = content;
    if (kind === "IDAT") found.pixels.push(content);
    if (kind === "IEND") break;
    at += 12 + length;
  }
  if (!found.header || (found.header.type === PALETTE && !found.palette.length)) throw new Error("no header or palette");
  return found;
}

/** Whether a tRNS chunk of `length` bytes is valid after the chunks before it; libpng ignores any other. */
function isTransparency(length, { header, palette, transparency, pixels }) {
  if (!header || transparency || pixels.length) return false;
  return header.type === PALETTE ? length > 0 && length <= palette.length / 3 : length === KEY_BYTES[header.type];
}

function readHeader(view, at) {
  const [depth, type] = [view.getUint8(at + 8), view.getUint8(at + 9)];
  if (!DEPTHS[type]?.includes(depth)) throw new Error(`no PNG has ${depth} bits of colour type ${type}`);
  const interlaced = view.getUint8(at + 12) === 1;
  return { width: view.getUint32(at), height: view.getUint32(at + 4), depth, type, interlaced };
}

/** The first `length` bytes that zlib's stream holds; a stream that holds more is not read further. */
async function inflate(parts, length) {
  const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const data = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { done, value } = await reader.read();
    if (done) throw new Error("ends too early");
    data.set(value.subarray(0, length - at), at);
    at += value.length;
  }
  reader.cancel().catch(() => {}); // anything after the pixels does not matter
  return data;
}

/** Undoes a line's filter in place; `step` is the distance to the byte of the pixel before: 9.2. */
function unfilter(line, above, kind, step) {
  const { length } = line;
  if (kind === 1) {
    for (let at = step; at < length; at++) line[at] += line[at - step];
  } else if (kind === 2) {
    for (let at = 0; at < length; at++) line[at] += above[at];
  } else if (kind === 3) {
    for (let at = 0; at < length; at++) line[at] += ((at < step ? 0 : line[at - step]) + above[at]) >> 1;
  } else if (kind === 4) {
    for (let at = 0; at < step; at++) line[at] += above[at];
    for (let at = step; at < length; at++) line[at] += paeth(line[at - step], above[at], above[at - step]);
  } else if (kind !== 0) {
    throw new Error(`no filter ${kind}`);
  }
}

function paeth(left, above, aboveLeft) {
  const estimate = left + above - aboveLeft;
  const toLeft = Math.abs(estimate - left);
  const toAbove = Math.abs(estimate - above);
  const toBoth = Math.abs(estimate - aboveLeft);
  if (toLeft <= toAbove && toLeft <= toBoth) return left;
  return toAbove <= toBoth ? above : aboveLeft;
}

/** A function of (line, columns, rgba, at, step) that writes a line's pixels over white, from `at` in steps. */
function lineWriter({ depth, type }, palette, transparency) {
  const channels = CHANNELS[type];
  const [green, blue] = type === RGB || type === RGBA ? [1, 2] : [0, 0]; // which sample of a pixel; red is the first
  const alpha = type === RGBA || type === GREY_ALPHA ? channels - 1 : 0;
  const key = transparency && type !== PALETTE ? readSamples(transparency, channels, 16) : null;
  const levels = depth < 16 ? Uint8Array.from({ length: 2 ** depth }, (_, value) => (value * 255) / (2 ** depth - 1)) : null;
  const level = (sample) => (levels ? levels[sample] : sample >> 8);
  const over = (value, opacity) => Math.trunc((value * opacity + 255 * (255 - opacity) + 127) / 255);
  const isKey = (samples, from) => key.every((value, channel) => value === samples[from + channel]);

  function put(rgba, at, red, green, blue, opacity) {
    rgba[at] = over(red, opacity);
    rgba[at + 1] = over(green, opacity);
    rgba[at + 2] = over(blue, opacity);
    rgba[at + 3] = 255;
  }

  return (line, columns, rgba, at, step) => {
    const samples = readSamples(line, columns * channels, depth);
    for (let from = 0; from < samples.length; from += channels, at += step) {
      const first = samples[from];
      if (type === PALETTE) {
        const opacity = transparency?.[first] ?? 255;
        put(rgba, at, palette[3 * first], palette[3 * first + 1], palette[3 * first + 2], opacity);
      } else {
        const opacity = alpha ? level(samples[from + alpha]) : key && isKey(samples, from) ? 0 : 255;
        put(rgba, at, level(first), level(samples[from + green]), level(samples[from + blue]), opacity);
      }
    }
  };
}

/** The first `count` numbers of `depth` bits each, big-endian. */
function readSamples(bytes, count, depth) {
  if (depth === 8) return bytes.subarray(0, count);
  if (depth === 16) return Uint16Array.from({ length: count }, (_, at) => bytes[2 * at] * 256 + bytes[2 * at + 1]);
  const samples = new Uint8Array(count);
  for (let at = 0, bit = 0; at < count; at++, bit += depth) {
    samples[at] = (bytes[bit >> 3] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  }
  return samples;
}
