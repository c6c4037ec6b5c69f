// What the visitor reads of a result: legend, messages, and facts about the model. `rendering.py` writes the same.
import { backgroundId, hexColor, titles } from "./classes.js";
import { confidenceInWords } from "./confidence.js";
import { sides } from "./resizing.js";

const MOST_NAMED = 5; // classes
const MOST_ROWS = 12; // of more classes, the legend has those that are found, the largest first

/** The share of each class, in the order of class ids. */
export function shares(ids, classes) {
  const counts = new Array(classes.length).fill(0);
  for (const id of ids) counts[id] += 1;
  return counts.map((count) => count / ids.length);
}

/** The legend's markup; `found` has the shares of a photo, and is null before the first one. */
export function legendHtml(found, info) {
  let ids = info.classes.map((_, id) => id);
  let said = "";
  if (ids.length > MOST_ROWS) {
    const present = ids.filter((id) => found?.[id] > 0).sort((one, other) => found[other] - found[one]);
    said = `${ids.length - present.length} other classes are not in this photo.`;
    if (!found) said = `${ids.length} classes; those that a photo shows will be listed here.`;
    ids = present;
  }
  const rows = ids.map((id) => legendRow(id, found, info)).join("");
  const table = `<table class="legend"><caption>Share of the pixels</caption><tbody>${rows}</tbody></table>`;
  return (rows && table) + (said && `<p class="rest">${said}</p>`);
}

function legendRow(id, found, info) {
  const color = hexColor(info.palette[id]);
  const share = found ? found[id] : 0;
  const swatch = id === backgroundId(info) ? "swatch hollow" : "swatch";
  return `<tr><th scope="row"><span class="${swatch}" style="--color:${color}"></span>${escape(titles(info)[id])}</th>
    <td class="bar"><span style="--color:${color};--share:${share.toFixed(4)}"></span></td>
    <td class="figure">${found ? `${(100 * share).toFixed(1)}%` : "&ndash;"}</td></tr>`;
}

/** The photo's size, how long it took, whether anything was found, and how sure the model is, as markup. */
export function resultInWords({ width, height }, { ids, confidence }, info, seconds) {
  const sentences = [`${width} &times; ${height} pixels, segmented in ${seconds.toFixed(2)} s.`];
  const background = backgroundId(info);
  if (background !== null && ids.every((id) => id === background)) {
    sentences.push(`<strong>Nothing found: the whole photo is ${escape(titles(info)[background])}.</strong>`);
  }
  return [...sentences, confidenceInWords(confidence)].join(" ");
}

/** What the colours of the confidence view mean. */
export function scaleHtml(info) {
  const guess = (100 / info.classes.length).toFixed(0);
  return `<span>unsure, ${guess}%</span><span class="ramp"></span><span>sure, 100%</span>`;
}

/** Which model this is, and how good it was on the photos that it was evaluated on. */
export function detailsHtml(space, info) {
  const { metrics } = info;
  const name = escape(space.model_repo);
  const link = `<a href="${escape(space.model_page ?? "")}" target="_blank" rel="noopener">${name}</a>`;
  const facts = [["Model", space.model_page ? link : name]];
  if (space.model_page) facts.push(["Version", `<code>${escape(space.model_commit.slice(0, 12))}</code>`]);
  const input = sides(info.image_size);
  facts.push(["Input", `${info.tiled ? "tiles of " : ""}${input.width} &times; ${input.height} pixels`]);
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

function escape(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML.replaceAll('"', "&quot;");
}
