"""What the visitor reads of a result: legend, messages, and facts about the model. `rendering.js` writes the same."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from .classes import background_id, hex_color, titles
from .confidence import confidence_in_words
from .model import Segmentation, Segmenter
from .resizing import sides

MOST_NAMED = 5  # classes
MOST_ROWS = 12  # of more classes, the legend has those that are found, the largest first
IDLE = "Choose a photo to see its classes."
BUSY = "Segmenting the photo; a large one takes some seconds."


def shares(class_ids: np.ndarray, classes: list[str]) -> dict[str, float]:
    """Class name to its share of the pixels, in the order of class ids."""
    counts = np.bincount(class_ids.ravel(), minlength=len(classes))
    return {name: float(counts[index] / class_ids.size) for index, name in enumerate(classes)}


def legend_html(found: dict[str, float] | None, info: dict[str, Any]) -> str:
    """The legend: each class with its colour, its share as a bar and in percent.

    Args:
      found: The shares of a photo; None before the first one.
      info: The content of `model_info.json`.
    """
    class_ids = list(range(len(info["classes"])))
    said = ""
    if len(class_ids) > MOST_ROWS:
        present = [one for one in class_ids if found and found[info["classes"][one]] > 0]
        present.sort(key=lambda one: -(found or {})[info["classes"][one]])
        said = f"{len(class_ids) - len(present)} other classes are not in this photo."
        if not found:
            said = f"{len(class_ids)} classes; those that a photo shows will be listed here."
        class_ids = present
    rows = "".join(_row(one, found, info) for one in class_ids)
    table = f'<table class="legend"><caption>Share of the pixels</caption><tbody>{rows}</tbody></table>' if rows else ""
    return table + (f'<p class="rest">{said}</p>' if said else "")


def _row(class_id: int, found: dict[str, float] | None, info: dict[str, Any]) -> str:
    share = found[info["classes"][class_id]] if found else 0.0
    figure = f"{share:.1%}" if found else "&ndash;"
    swatch = "swatch hollow" if class_id == background_id(info) else "swatch"
    color = hex_color(info["palette"][class_id])
    return (
        f'<tr><th scope="row"><span class="{swatch}" style="--color:{color}"></span>'
        f'{escape(titles(info)[class_id])}</th><td class="bar">'
        f'<span style="--color:{color};--share:{share:.4f}"></span></td><td class="figure">{figure}</td></tr>'
    )


def messages_html(said: str, refused: str = "") -> str:
    """What the page says below the photo: how it is going, and why a photo cannot be used."""
    busy = ' data-busy=""' if said == BUSY else ""
    return f'<p class="said" role="status"{busy}>{said}</p><p class="refused" role="alert">{escape(refused)}</p>'


def result_in_words(segmentation: Segmentation, info: dict[str, Any], seconds: float) -> str:
    """The photo's size, how long it took, whether anything was found, and how sure the model is, as HTML."""
    height, width = segmentation.class_ids.shape
    sentences = [f"{width} &times; {height} pixels, segmented in {seconds:.2f} s."]
    background = background_id(info)
    if background is not None and (segmentation.class_ids == background).all():
        sentences.append(f"<strong>Nothing found: the whole photo is {escape(titles(info)[background])}.</strong>")
    sentences.append(confidence_in_words(float(segmentation.confidence.mean())))
    return " ".join(sentences)


def scale_html(info: dict[str, Any]) -> str:
    """What the colours of the confidence view mean."""
    return (
        f'<p class="scale"><span>unsure, {1 / len(info["classes"]):.0%}</span><span class="ramp"></span>'
        "<span>sure, 100%</span></p>"
    )


def details_html(segmenter: Segmenter) -> str:
    """Which model this is, and how good it was on the photos that it was evaluated on."""
    info, metrics = segmenter.info, segmenter.info.get("metrics")
    name = escape(segmenter.source)
    if segmenter.url:
        name = f'<a href="{escape(segmenter.url)}" target="_blank" rel="noopener">{name}</a>'
    facts = [("Model", name)]
    if segmenter.commit:
        facts.append(("Version", f"<code>{escape(segmenter.commit[:12])}</code>"))
    height, width = sides(info["image_size"])
    tiles = "tiles of " if info.get("tiled") else ""
    facts.append(("Input", f"{tiles}{width} &times; {height} pixels"))
    if metrics:
        facts += [
            (one["label"], _figure(metrics[one["name"]], one["digits"]))
            for one in segmenter.metrics
            if one["name"] in metrics and not one["per_class"]
        ]
        title = (info.get("data") or {}).get("title", info["dataset"])  # models of earlier versions lack it
        facts.append(("Evaluated on", f"{int(metrics['examples'])} images of: {escape(title)}"))
        for one in (metric for metric in segmenter.metrics if metric["per_class"] and metric["name"] in metrics):
            values = metrics[one["name"]]
            named = zip(info["classes"], titles(info))
            shown = (f"{escape(title)} {_figure(values[name], one['digits'])}" for name, title in named)
            facts.append((f"{one['label']} of each class", ", ".join(shown)))
    else:
        facts.append(("Metrics", "not in the model info"))
    return f'<dl class="details">{"".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts)}</dl>'


def purpose(classes: list[str]) -> str:
    """What the app does, in a sentence; many classes are only counted, because the legend names them all."""
    named = classes[0] if len(classes) == 1 else f"{', '.join(classes[:-1])} and {classes[-1]}"
    return f"Each pixel of a photo, sorted into {named if len(classes) <= MOST_NAMED else f'{len(classes)} classes'}."


def _figure(value: float | None, digits: int) -> str:
    return "&ndash;" if value is None else f"{value:.{digits}f}"
