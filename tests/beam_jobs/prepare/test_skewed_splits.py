"""Splits that differ by nature, by city or by video, are published, and the difference is said in words."""

import html
import re
from pathlib import Path

import pytest
from PIL import ImageEnhance

from beam_jobs.validate.command_line import main as validate
from tests.beam_jobs.pictures import encode, scene, trimap
from tests.beam_jobs.prepare.test_three_splits import TRIMAPS, publish

PHOTOS = 24
DARKER = "eval photos are darker and have less contrast than train photos: brightness "


@pytest.fixture
def videos(tmp_path) -> Path:
    """A video by day that lists put into train, and one by night that they put into eval."""
    for split, light in (("train", 1.0), ("eval", 0.3)):
        names = [f"{split}_{number}" for number in range(PHOTOS)]
        for number, name in enumerate(names):
            photo = tmp_path / "photos" / "images" / f"{name}.jpg"
            photo.parent.mkdir(parents=True, exist_ok=True)
            drawn = ImageEnhance.Brightness(scene(number)).enhance(light)
            photo.write_bytes(encode(drawn, "JPEG"))
            mask = tmp_path / "photos" / "masks" / f"{name}.png"
            mask.parent.mkdir(exist_ok=True)
            mask.write_bytes(encode(trimap(300, 200), "PNG"))
        (tmp_path / "photos" / f"{split}.txt").write_text("\n".join(names))
    return tmp_path


DESCRIBED = TRIMAPS | {
    "image_path": "images/{id}.jpg",
    "official_splits": {"train": "train.txt", "eval": "eval.txt"},
    "split": "official",
    "group": {"id_pattern": "(train|eval)_.*"},
}


def test_a_split_by_video_is_published_and_its_skew_is_said_in_words(videos, capsys):
    assert publish(videos, DESCRIBED) == 0
    version = videos / "data" / "frames" / "1.0.0"
    assert f"  differences {1:>8}  {DARKER}" in capsys.readouterr().out
    page = html.unescape((version / "report.html").read_text())
    assert DARKER in page
    assert re.search(r'<a href="#differences" class="light look">.*?differ in light<', page)
    assert validate([f"--version_dir={version}"]) == 0
    said = capsys.readouterr().out
    assert f"Note: {DARKER}" in said
    assert said.endswith("No anomaly\n")
