// Writes class ids as a PNG, in grey or with a palette. W3C PNG, sections 5, 9 and 11.
const [GREY, INDEXED] = [0, 3]; // colour types

/**
 * A Blob of the PNG of class ids Uint8Array [height, width].
 *
 * With a palette of RGB triples it is shown in colours; without one, each grey level is a class id, which every program
 * reads as it is.
 */
export async function classPng(ids, width, height, palette = null) {
  const rows = new Uint8Array(height * (width + 1)); // each row begins with its filter, 0 for none
  for (let row = 0; row < height; row++) {
    rows.set(ids.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bits per value
  header.setUint8(9, palette ? INDEXED : GREY);
  const deflated = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(deflated).arrayBuffer());
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const chunks = [
    chunk("IHDR", new Uint8Array(header.buffer)),
    ...(palette ? [chunk("PLTE", Uint8Array.from(palette.flat()))] : []),
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Blob([signature, ...chunks], { type: "image/png" });
}

function chunk(type, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(Uint8Array.from(type, (letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
