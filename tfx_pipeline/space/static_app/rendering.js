// What the visitor sees of a result: overlay, legend, and facts about the model. `rendering.py` writes the same markup.

import { sides } from "./resizing.js";

const BACKGROUND = "background"; // left out of the overlay, because it would hide the photo
const MOST_NAMED = 5; // classes

/** The share of each class, in the order of class ids. */
export function shares(ids, classes) {
  const counts = new Array(classes.length).fill(0);
  for (const id of ids) counts[id] += 1;
  return counts.map((count) => count / ids.length);
}

/** Draws the photo and, over it, all classes except the background; `ids` has a class for each pixel of the photo. */
export function drawOverlay(canvas, photo, ids, info, opacity) {
  const { width, height } = photo;
  const colors = info.palette.map((rgb, id) => {
    const bytes = Uint8ClampedArray.of(...rgb, info.classes[id] === BACKGROUND ? 0 : 255);
    return new Uint32Array(bytes.buffer)[0];
  });
  const overlay = new ImageData(width, height);
  const pixels = new Uint32Array(overlay.data.buffer);
  for (let at = 0; at < pixels.length; at++) pixels[at] = colors[ids[at]];
  const layer = document.createElement("canvas");
  [layer.width, layer.height] = [canvas.width, canvas.height] = [width, height];
  layer.getContext("2d").putImageData(overlay, 0, 0);
  const context = canvas.getContext("2d");
  context.drawImage(photo.canvas, 0, 0);
  context.globalAlpha = opacity;
  context.drawImage(layer, 0, 0);
}

/** What people call the classes, in the order of class ids; models lack it where that is their names. */
export function titles(info) {
  return info.titles ?? info.classes;
}

/** The legend's markup; `result` is null before the first photo. */
export function legendHtml(result, info) {
  const rows = info.classes.map((name, index) => {
    const color = hexColor(info.palette[index]);
    const share = result ? result.shares[index] : 0;
    const swatch = name === BACKGROUND ? "swatch hollow" : "swatch";
    return `<tr><th scope="row"><span class="${swatch}" style="--color:${color}"></span>${escape(titles(info)[index])}</th>
      <td class="bar"><span style="--color:${color};--share:${share.toFixed(4)}"></span></td>
      <td class="figure">${result ? `${(100 * share).toFixed(1)}%` : "&ndash;"}</td></tr>`;
  });
  const said = result
    ? `${result.width} &times; ${result.height} pixels, segmented in ${result.seconds.toFixed(2)} s`
    : "Choose a photo to see its classes.";
  return `<table class="legend"><caption>Share of the pixels</caption><tbody>${rows.join("")}</tbody></table>
    <p class="said" role="status">${said}</p>`;
}

/** Which model this is, and how good it was on the photos that it was evaluated on. */
export function detailsHtml(space, info) {
  const { metrics } = info;
  const name = escape(space.model_repo);
  const link = `<a href="${escape(space.model_page ?? "")}" target="_blank" rel="noopener">${name}</a>`;
  const facts = [["Model", space.model_page ? link : name]];
  if (space.model_page) facts.push(["Version", `<code>${escape(space.model_commit.slice(0, 12))}</code>`]);
  const input = sides(info.image_size);
  facts.push(["Input", `${input.width} &times; ${input.height} pixels`]);
  if (metrics) {
    const known = space.metrics.filter((one) => one.name in metrics); // models of earlier versions lack some
    for (const one of known.filter((each) => !each.per_class)) {
      facts.push([one.label, figure(metrics[one.name], one.digits)]);
    }
    const title = info.data?.title ?? info.dataset; // models of earlier versions lack it
    facts.push(["Evaluated on", `${Number(metrics.examples)} images of: ${escape(title)}`]);
    for (const one of known.filter((each) => each.per_class)) {
      const values = info.classes.map(
        (key, index) => `${escape(titles(info)[index])} ${figure(metrics[one.name][key], one.digits)}`,
      );
      facts.push([`${one.label} of each class`, values.join(", ")]);
    }
  } else {
    facts.push(["Metrics", "not in the model info"]);
  }
  const rows = facts.map(([key, value]) => `<div><dt>${key}</dt><dd>${value}</dd></div>`);
  return `<dl class="details">${rows.join("")}</dl>`;
}

/** What the app does, in a sentence; many classes are only counted, because the legend names them all. */
export function purpose(classes) {
  const named = classes.length < 2 ? classes.join() : `${classes.slice(0, -1).join(", ")} and ${classes.at(-1)}`;
  return `Each pixel of a photo, sorted into ${classes.length <= MOST_NAMED ? named : `${classes.length} classes`}.`;
}

function figure(value, digits) {
  return value === null ? "&ndash;" : value.toFixed(digits);
}

function hexColor(rgb) {
  return `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

function escape(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML.replaceAll('"', "&quot;");
}
