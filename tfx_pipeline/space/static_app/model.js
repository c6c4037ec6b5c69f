// The model: its files from the Hub at one commit, or from a folder beside the page; run by LiteRT.js on the CPU.
import { loadAndCompile, loadLiteRt, Tensor } from "./runtime/core.js";
import { confidenceMap, largestProbability } from "./confidence.js";
import { enlargedClassIds } from "./enlarging.js";
import { cutBox, fitPixels, photoBox } from "./fitting.js";
import { middle, shownSize, sides } from "./resizing.js";
import { tiledLogits } from "./tiling.js";

const TFLITE_FILE = "model.tflite";
const SIGNATURE = "predict_pixels";

/**
 * Loads what `space.json` names: {info, segment(photo, progress)}.
 *
 * `segment` gives a photo's class ids Uint8Array [height, width], its confidence Float32Array [shown.height, shown.width],
 * and the size `shown`. It awaits `progress` with the share that is done, where there are several steps.
 */
export async function loadModel(space) {
  const [info, bytes] = await Promise.all([
    fetchOk(`${space.model_url}/model_info.json`).then((response) => response.json()),
    fetchOk(`${space.model_url}/${TFLITE_FILE}`).then((response) => response.arrayBuffer()),
    loadLiteRt("runtime/wasm/"),
  ]);
  await checkDigest(bytes, info.tflite[TFLITE_FILE].sha256);
  const model = await loadAndCompile(new Uint8Array(bytes), { accelerator: "wasm" });
  const size = sides(info.image_size);
  const classes = info.classes.length;

  async function predict(values) {
    const pixels = new Tensor(values, [1, size.height, size.width, 3]);
    const outputs = await model.run(SIGNATURE, { pixels });
    const logits = (await outputs.logits.data()).slice();
    for (const tensor of [pixels, ...Object.values(outputs)]) tensor.delete();
    return logits;
  }

  async function segmentWhole(photo) {
    const fit = info.fit ?? "stretch"; // models of earlier versions lack it
    const box = photoBox(photo, size, fit);
    const logits = cutBox(await predict(fitPixels(photo, size, fit)), size, classes, box);
    const shown = shownSize(photo);
    const ids = enlargedClassIds(logits, box, classes, photo.width, photo.height);
    return { ids, confidence: confidenceMap(logits, box, classes, shown), shown };
  }

  async function segmentTiles(photo, progress) {
    const shown = shownSize(photo);
    const ids = new Uint8Array(photo.width * photo.height);
    const confidence = new Float32Array(shown.width * shown.height);
    let [at, top, row] = [0, 0, 0];
    for await (const { logits, done } of tiledLogits(predict, photo, size.width, classes)) {
      for (let from = 0; from < logits.length; from += classes) ids[at++] = largest(logits, from, classes);
      const bottom = at / photo.width;
      for (; row < shown.height && middle(row, photo.height, shown.height) < bottom; row++) {
        const line = (middle(row, photo.height, shown.height) - top) * photo.width;
        for (let column = 0; column < shown.width; column++) {
          const from = (line + middle(column, photo.width, shown.width)) * classes;
          confidence[row * shown.width + column] = largestProbability(logits, from, classes);
        }
      }
      top = bottom;
      await progress(done);
    }
    return { ids, confidence, shown };
  }

  return { info, segment: info.tiled ? segmentTiles : segmentWhole };
}

function largest(logits, start, classes) {
  let id = 0;
  for (let one = 1; one < classes; one++) if (logits[start + one] > logits[start + id]) id = one;
  return id;
}

async function fetchOk(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be loaded: the Hub answered ${response.status}`);
  return response;
}

async function checkDigest(bytes, expected) {
  if (!crypto.subtle) return; // only missing if the page itself came unencrypted
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== expected) throw new Error(`${TFLITE_FILE} is not the model that model_info.json describes`);
}
