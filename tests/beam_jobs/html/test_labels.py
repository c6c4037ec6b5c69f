"""What pages show in words and colours."""

import pytest

from beam_jobs.html.labels import legend
from schemas.spec import DatasetSpec

FILES = {"name": "streets", "image_path": "images/{id}.jpg", "mask_path": "masks/{id}.png"}


@pytest.mark.parametrize(
    "classes",
    [{0: "sky", 7: "road", 11: "ignore"}, {"#4682b4": "sky", "#804080": "road", "#000000": "ignore"}],
    ids=["by value", "by colour"],
)
def test_the_legend_names_classes_and_ignored_pixels_however_masks_are_read(classes):
    shown = str(legend(DatasetSpec.model_validate({**FILES, "classes": classes})))
    assert [name for name in ("sky", "road", "ignored") if f"{name}</li>" in shown] == ["sky", "road", "ignored"]
