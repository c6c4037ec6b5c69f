"""What pages show in words and colours."""

import pytest

from beam_jobs.html.labels import legend, photo_name
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


@pytest.mark.parametrize(
    ("image_id", "shown"),
    [
        ("pug_1", "pug_1"),
        ("b~2FIMG~201", '<span title="id b~2FIMG~201">b/IMG 1</span>'),
        ("写真", "写真"),
        ("a~3Cb~3E", '<span title="id a~3Cb~3E">a&lt;b&gt;</span>'),
        ("a~E2~80~AEb", "a~E2~80~AEb"),  # would turn the letters around
    ],
)
def test_a_caption_is_the_photo_s_name_as_written_and_safe_to_show(image_id, shown):
    assert str(photo_name(image_id)) == shown


def test_the_legend_shows_class_names_as_people_write_them():
    shown = str(legend(DatasetSpec.model_validate({**FILES, "classes": ["Fußgänger", "道路"]})))
    assert "Fußgänger</li>" in shown
    assert "道路</li>" in shown
