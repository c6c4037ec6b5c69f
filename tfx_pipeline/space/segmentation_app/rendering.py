"""What the visitor sees of a result: overlays, legend, mask file, and facts about the model."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .model import Segmenter
from .resizing import sides

BACKGROUND = "background"  # left out of the overlay, because it would hide the photo
MOST_NAMED = 5  # classes
SHOWN_SIDE = 1600  # pixels; larger photos are scaled down for display, but their masks are not


def hex_color(rgb: list[int]) -> str:
    """An RGB colour of 0..255 as CSS writes it."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def titles(info: dict[str, Any]) -> list[str]:
    """What people call the classes, in the order of class ids; models lack it where that is their names."""
    return info.get("titles") or info["classes"]


def annotated(photo: np.ndarray, class_ids: np.ndarray, info: dict[str, Any]) -> tuple[Image.Image, list]:
    """The photo and, for each class but the background that appears in it, its mask float [H, W] and its title."""
    shown = Image.fromarray(photo)
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    ids = np.asarray(Image.fromarray(class_ids).resize(shown.size, Image.Resampling.NEAREST))
    named = enumerate(zip(info["classes"], titles(info)))
    present = [(index, title) for index, (name, title) in named if name != BACKGROUND and (ids == index).any()]
    return shown, [((ids == index).astype(np.float32), title) for index, title in present]


def shares(class_ids: np.ndarray, classes: list[str]) -> dict[str, float]:
    """Class name to its share of the pixels, in the order of class ids."""
    counts = np.bincount(class_ids.ravel(), minlength=len(classes))
    return {name: round(float(counts[index] / class_ids.size), 4) for index, name in enumerate(classes)}


def write_mask(class_ids: np.ndarray, size: tuple[int, int], palette: list[list[int]], path: Path) -> None:
    """Writes class ids as a PNG of the photo's width and height; the palette only decides how they are displayed."""
    mask = Image.fromarray(class_ids).resize(size, Image.Resampling.NEAREST)
    mask.putpalette([value for color in palette for value in color])
    mask.save(path, "PNG")


def legend_html(result: dict[str, Any] | None, info: dict[str, Any]) -> str:
    """The legend: each class with its colour, its share as a bar and in percent; and how long it took."""
    rows = []
    for name, title, color in zip(info["classes"], titles(info), info["palette"]):
        share = result["shares"][name] if result else 0.0
        figure = f"{share:.1%}" if result else "&ndash;"
        swatch = "swatch hollow" if name == BACKGROUND else "swatch"
        rows.append(
            f'<tr><th scope="row"><span class="{swatch}" style="--color:{hex_color(color)}"></span>{escape(title)}</th>'
            f'<td class="bar"><span style="--color:{hex_color(color)};--share:{share:.4f}"></span></td>'
            f'<td class="figure">{figure}</td></tr>'
        )
    said = "Choose a photo to see its classes."
    if result:
        said = f"{result['width']} &times; {result['height']} pixels, segmented in {result['seconds']:.2f} s"
    return (
        f'<table class="legend"><caption>Share of the pixels</caption><tbody>{"".join(rows)}</tbody></table>'
        f'<p class="said" role="status">{said}</p>'
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
    facts.append(("Input", f"{width} &times; {height} pixels"))
    if metrics:
        facts += [
            (one["label"], _figure(metrics[one["name"]], one["digits"]))
            for one in segmenter.metrics
            if one["name"] in metrics and not one["per_class"]
        ]
        title = info.get("data", {}).get("title", info["dataset"])  # models of earlier versions lack it
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
