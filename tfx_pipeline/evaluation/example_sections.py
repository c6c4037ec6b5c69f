"""The pictures of the evaluation page: the worst of all, the worst of each class, and the best."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from beam_jobs.html.class_png import class_png
from beam_jobs.html.labels import file_link, legend, photo_name, swatch
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.pictures import Picture, caption_link, display_size, same_again, triple, viewed
from schemas.colors import color_table
from schemas.spec import DatasetSpec
from tfx_pipeline.config.output_layout import PER_IMAGE_FILE
from tfx_pipeline.evaluation.eval_predictions import Prediction, Predictions

SHOWN_CLASSES = 40  # of the worst by class; the table has all
PICTURE_SIDE = 320  # pixels
_JPEG_QUALITY = 80


def example_sections(predictions: Predictions, spec: DatasetSpec) -> list[tuple[str, str, Markup]]:
    """(anchor, heading, content) of the worst, the worst by class, and the best."""
    examples = _Examples(spec)
    count = f"Of all {predictions.count:,} images: photo, truth and prediction. "
    table = join(count, file_link(PER_IMAGE_FILE), " has the figures of each.")
    worst = examples.shown("worst", predictions.worst, table)
    by_class = examples.worst_by_class(predictions)
    best = examples.shown("best", predictions.best, join(count))
    sections = [("worst", "Worst examples", worst), ("best", "Best examples", best)]
    return [sections[0], *([("worst-of-class", "Worst by class", by_class)] if by_class else []), sections[1]]


class _Examples:
    """Draws predictions; of an image that was drawn before, the page repeats the picture and not its bytes."""

    def __init__(self, spec: DatasetSpec):
        self._spec = spec
        self._colors = color_table(spec.palette)
        self._drawn: dict[str, tuple[str, Picture]] = {}  # image id to the name of its figure, and what it shows

    def shown(self, name: str, predictions: Sequence[Prediction], note: Markup) -> Markup:
        class_ids = _class_ids(predictions)
        legend_of_shown = legend(self._spec, class_ids=class_ids) if predictions else join()
        return join(element("p", note), legend_of_shown, self._figures(name, predictions, "mean IoU"))

    def worst_by_class(self, predictions: Predictions) -> Markup | None:
        """None where no image shows a class."""
        shown = [
            (class_id, one, kept)
            for class_id, (one, kept) in enumerate(zip(self._spec.classes, predictions.worst_of_class))
            if kept
        ]
        parts = [
            element(
                "div",
                element("h3", swatch(one.color), one.shown),
                self._figures(f"worst-{class_id}", kept, f"IoU of {one.shown}", one.shown),
            )
            for class_id, one, kept in shown[:SHOWN_CLASSES]
        ]
        if all(len(kept) == 1 for _, _, kept in shown):
            parts = [element("div", *parts, class_="near")]  # side by side
        if not parts:
            return None
        hidden = len(shown) - len(shown[:SHOWN_CLASSES])
        more = [element("p", f"{hidden} more classes are in ", file_link(PER_IMAGE_FILE), ".")] if hidden else []
        note = element("p", "Of the images that show a class, those with the lowest IoU of it.")
        shown_ids = _class_ids(one for _, _, kept in shown[:SHOWN_CLASSES] for one in kept)
        return join(note, legend(self._spec, class_ids=shown_ids), *parts, *more)

    def _figures(self, name: str, predictions: Sequence[Prediction], figure: str, about: str = "") -> Markup:
        figures = [self._figure(f"{name}-{rank}", one, figure, about) for rank, one in enumerate(predictions, start=1)]
        return element("div", *figures, class_="near")

    def _figure(self, name: str, one: Prediction, figure: str, about: str) -> Markup:
        if one.image_id in self._drawn:
            first, picture = self._drawn[one.image_id]
            pictures = same_again(first, picture)
        else:
            picture = self._picture(one)
            self._drawn[one.image_id] = name, picture
            pictures = triple(name, picture)
        caption = [caption_link(name, photo_name(one.image_id)), f" - {figure} {one.iou:.2f}"]
        return viewed(name, pictures, caption, about)

    def _picture(self, one: Prediction) -> Picture:
        photo = Image.fromarray(one.photo)
        photo.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=_JPEG_QUALITY)
        size = display_size(photo.size, one.source)
        masks = (class_png(ids, self._colors) for ids in (one.truth, one.predicted))
        return Picture(one.image_id, *size, buffer.getvalue(), *masks)


def _class_ids(predictions: Iterable[Prediction]) -> set[int]:
    """The class ids that some predictions and their truths show."""
    return {int(one) for each in predictions for mask in (each.truth, each.predicted) for one in np.unique(mask)}
