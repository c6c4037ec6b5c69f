"""At which sizes an evaluation counts pixels, in words for the page and the model card."""

from __future__ import annotations

from schemas.image_size import pixels_text
from tfx_pipeline.evaluation.results import Evaluation


def size_in_words(evaluation: Evaluation, image_size: int | str) -> str:
    """A sentence that says at which sizes the figures count pixels, of a version of that image size."""
    if not image_size:
        return "Pixels are counted at the photos' own size."
    sentence = f"Pixels are counted at the size of the records, {pixels_text(image_size)}"
    if not evaluation.at_own_size:
        return f"{sentence}."
    own = "there, answers are enlarged as people see them, and compared with the masks as they were given"
    return f"{sentence}, which decides what is blessed, and at the photos' own size: {own}."
