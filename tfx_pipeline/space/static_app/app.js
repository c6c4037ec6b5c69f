// The page: a photo in, its classes out, all in the visitor's browser.
import { titles } from "./classes.js";
import { downloads } from "./downloads.js";
import { drawClasses, drawConfidence, drawPhoto } from "./layers.js";
import { loadModel } from "./model.js";
import { PhotoRefused, readPhoto } from "./photo.js";
import { detailsHtml, legendHtml, purpose, resultInWords, scaleHtml, shares } from "./rendering.js";

const IDLE = "Choose a photo to see its classes.";

const at = (id) => document.getElementById(id);

let model;
let shown = null; // {photo, ids, name} of the result on the page
let latest = 0; // a slow photo must not replace a later one

async function start() {
  const space = await (await fetch("space.json")).json();
  document.title = at("title").textContent = space.title;
  showExamples(space.examples, space.examples_credit);
  model = await loadModel(space);
  at("purpose").textContent = purpose(titles(model.info));
  at("details").innerHTML = detailsHtml(space, model.info);
  at("scale").innerHTML = scaleHtml(model.info);
  showDownloads();
  clear();
  say(IDLE);
  at("file").disabled = false;
  for (const button of at("example-list").children) button.disabled = false;
  document.body.dataset.ready = "true";
}

function showExamples(names, credit) {
  at("examples").hidden = names.length === 0;
  if (credit) at("examples-heading").textContent += `, from ${credit}`;
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

function showDownloads() {
  for (const one of downloads(model.info)) {
    const button = document.createElement("button");
    [button.type, button.id, button.textContent, button.className] = ["button", one.key, one.label, "button"];
    button.addEventListener("click", () => save(one));
    at("downloads").append(button);
  }
}

async function segment(file, name) {
  if (!model || !file) return;
  const turn = ++latest;
  clear();
  say(`Reading ${name}.`, true);
  at("next").hidden = false;
  try {
    await painted();
    const began = performance.now();
    const photo = await readPhoto(file, model.info.photo_range);
    if (turn !== latest) return;
    say("Segmenting the photo; a large one takes some seconds.", true);
    await painted();
    const result = await model.segment(photo, async (share) => {
      if (turn !== latest) throw new Superseded();
      say(`Segmenting the photo: ${(100 * share).toFixed(0)}%.`, true);
      await painted();
    });
    const seconds = (performance.now() - began) / 1000;
    if (turn === latest) await show(photo, result, seconds, name);
  } catch (error) {
    if (turn !== latest) return;
    say(IDLE);
    refuse(error, "The photo could not be segmented");
  }
}

class Superseded extends Error {}

async function show(photo, result, seconds, name) {
  const { info } = model;
  shown = { photo, ids: result.ids, name };
  for (const canvas of [at("photo"), at("bare")]) await drawPhoto(canvas, photo, result.shown);
  drawClasses(at("classes"), photo, result, info);
  drawConfidence(at("confidence"), result, info);
  at("comparison").style.setProperty("--aspect", (result.shown.width / result.shown.height).toFixed(4));
  setShown(true);
  say(resultInWords(photo, result, info, seconds));
  at("legend").innerHTML = legendHtml(shares(result.ids, info.classes), info);
}

function clear() {
  shown = null;
  setShown(false);
  at("refused").textContent = "";
  at("compare").value = 50;
  at("comparison").style.setProperty("--cut", 50);
  at("legend").innerHTML = legendHtml(null, model.info);
}

function setShown(isShown) {
  for (const id of ["photo", "comparison"]) at(id).hidden = !isShown;
  for (const id of ["hint", "empty"]) at(id).hidden = isShown;
  for (const button of at("downloads").children) button.disabled = !isShown;
}

async function save({ suffix, make }) {
  const { photo, ids, name } = shown;
  try {
    const blob = await make(photo, ids, model.info, Number(at("opacity").value));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name.replace(/\.[^.]*$/, "") + suffix;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser has begun to save it by then
  } catch (error) {
    refuse(error, "The file could not be made");
  }
}

/** Says how it is going; `isBusy` shows that it is. */
function say(markup, isBusy = false) {
  at("said").toggleAttribute("data-busy", isBusy);
  document.body.toggleAttribute("data-busy", isBusy);
  if (isBusy) at("said").textContent = at("hint").textContent = markup;
  else [at("said").innerHTML, at("hint").innerHTML] = [markup, HINT];
}

function refuse(error, what) {
  at("refused").textContent = error instanceof PhotoRefused ? error.message : `${what}: ${error.message}`;
}

/** Waits until the page shows what it was changed to, before something blocks it. */
function painted() {
  return new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 100); // a hidden page paints nothing
  });
}

const HINT = at("hint").innerHTML;
at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  if (file) segment(file, file.name);
  at("file").value = ""; // so that the same file can be chosen again
});
at("next").addEventListener("click", () => at("file").click());
at("opacity").addEventListener("input", () => {
  at("opacity-value").textContent = at("opacity").value;
  document.documentElement.style.setProperty("--mask-opacity", at("opacity").value);
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
  refuse(error, "The model could not be loaded");
});
