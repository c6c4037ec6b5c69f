// The page: a photo in, its classes out, all in the visitor's browser.
import { maskPng } from "./mask_png.js";
import { loadModel } from "./model.js";
import { PhotoRefused, readPhoto } from "./photo.js";
import { detailsHtml, drawOverlay, legendHtml, purpose, shares, titles } from "./rendering.js";

const at = (id) => document.getElementById(id);

let model;
let shown = null; // {photo, ids} of the result on the page
let latest = 0; // a slow photo must not replace a later one

async function start() {
  const space = await (await fetch("space.json")).json();
  document.title = at("title").textContent = space.title;
  showExamples(space.examples);
  model = await loadModel(space);
  at("purpose").textContent = purpose(titles(model.info));
  at("legend").innerHTML = legendHtml(null, model.info);
  at("details").innerHTML = detailsHtml(space, model.info);
  at("file").disabled = false;
  for (const button of at("example-list").children) button.disabled = false;
  document.body.dataset.ready = "true";
}

function showExamples(names) {
  at("examples").hidden = names.length === 0;
  for (const name of names) {
    const button = document.createElement("button");
    button.type = "button";
    button.disabled = true;
    const image = new Image();
    image.src = `examples/${encodeURIComponent(name)}`;
    image.alt = `Example: ${name}`;
    button.append(image);
    button.addEventListener("click", async () => segment(await (await fetch(image.src)).blob(), name));
    at("example-list").append(button);
  }
}

async function segment(file, name) {
  if (!model || !file) return;
  const turn = ++latest;
  clear();
  try {
    const began = performance.now();
    const photo = await readPhoto(file);
    const ids = await model.classIds(photo);
    const seconds = (performance.now() - began) / 1000;
    if (turn === latest) await show(photo, ids, seconds, name);
  } catch (error) {
    if (turn !== latest) return;
    at("refused").textContent =
      error instanceof PhotoRefused ? error.message : `The photo could not be segmented: ${error.message}`;
  }
}

async function show(photo, ids, seconds, name) {
  const { info } = model;
  shown = { photo, ids };
  const canvas = at("photo");
  canvas.width = photo.width;
  canvas.height = photo.height;
  canvas.getContext("2d").drawImage(photo.canvas, 0, 0);
  drawShown();
  for (const id of ["photo", "result"]) at(id).hidden = false;
  at("hint").hidden = true;
  const { width, height } = photo;
  at("legend").innerHTML = legendHtml({ shares: shares(ids, info.classes), width, height, seconds }, info);
  const mask = await maskPng(ids, width, height, info.palette);
  at("mask").href = URL.createObjectURL(mask);
  at("mask").download = `${name.replace(/\.[^.]*$/, "")}_mask.png`;
  at("mask").setAttribute("aria-disabled", "false");
}

function clear() {
  shown = null;
  for (const id of ["photo", "result"]) at(id).hidden = true;
  at("hint").hidden = false;
  at("refused").textContent = "";
  at("legend").innerHTML = legendHtml(null, model.info);
  if (at("mask").href) URL.revokeObjectURL(at("mask").href);
  at("mask").removeAttribute("href");
  at("mask").setAttribute("aria-disabled", "true");
}

function drawShown() {
  if (shown) drawOverlay(at("result"), shown.photo, shown.ids, model.info, Number(at("opacity").value));
}

at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  if (file) segment(file, file.name);
  at("file").value = ""; // so that the same file can be chosen again
});
at("opacity").addEventListener("input", () => {
  at("opacity-value").textContent = at("opacity").value;
  drawShown();
});
document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) segment(file, file.name);
});
for (const type of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", type === "dragover");
    const [file] = type === "drop" ? event.dataTransfer.files : [];
    if (file) segment(file, file.name);
  });
}
start().catch((error) => {
  at("purpose").textContent = "";
  at("refused").textContent = `The model could not be loaded: ${error.message}`;
});
