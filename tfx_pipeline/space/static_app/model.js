// The model: its files from the Hub at one commit, or from a folder beside the page; run by LiteRT.js on the CPU.
import { loadAndCompile, loadLiteRt, Tensor } from "./runtime/core.js";
import { enlargedClassIds } from "./enlarging.js";
import { cutBox, fitPixels, photoBox } from "./fitting.js";
import { sides } from "./resizing.js";

const TFLITE_FILE = "model.tflite";
const SIGNATURE = "predict_pixels";

/** Loads what `space.json` names: {info, classIds(photo)}, which gives a photo's class ids Uint8Array [height, width]. */
export async function loadModel(space) {
  const [info, bytes] = await Promise.all([
    fetchOk(`${space.model_url}/model_info.json`).then((response) => response.json()),
    fetchOk(`${space.model_url}/${TFLITE_FILE}`).then((response) => response.arrayBuffer()),
    loadLiteRt("runtime/wasm/"),
  ]);
  await checkDigest(bytes, info.tflite[TFLITE_FILE].sha256);
  const model = await loadAndCompile(new Uint8Array(bytes), { accelerator: "wasm" });
  const size = sides(info.image_size);
  const fit = info.fit ?? "stretch"; // models of earlier versions lack it

  async function classIds(photo) {
    const pixels = new Tensor(fitPixels(photo, size, fit), [1, size.height, size.width, 3]);
    const outputs = await model.run(SIGNATURE, { pixels });
    const logits = await outputs.logits.data();
    const [classes, box] = [info.classes.length, photoBox(photo, size, fit)];
    const ids = enlargedClassIds(cutBox(logits, size, classes, box), box, classes, photo.width, photo.height);
    for (const tensor of [pixels, ...Object.values(outputs)]) tensor.delete();
    return ids;
  }
  return { info, classIds };
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
