"""Run lengths in CSV files, as Kaggle has them: exact, or refused with the line that is wrong."""

import json

import numpy as np
import pytest

from beam_jobs.codec.annotations.run_lengths import from_pairs
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.annotations.coco import Annotation
from beam_jobs.sources.annotations.rle_table import read_rle_table
from beam_jobs.sources.dataset_file import parse_description
from schemas.errors import UserError
from tests.beam_jobs.annotated_scenes import pairs_of


@pytest.mark.parametrize("along", ["columns", "rows"])
def test_pairs_count_pixels_from_1_down_the_columns_or_along_the_rows(along):
    expected = np.zeros((3, 4), bool)
    expected[0, 1] = expected[1, 1] = True
    assert pairs_of(expected, along) == {"columns": "4 2", "rows": "2 1 6 1"}[along]
    for seed in range(20):
        expected = np.random.default_rng(seed).random((7, 9)) < 0.5
        np.testing.assert_array_equal(from_pairs(pairs_of(expected, along), 9, 7, along, "car"), expected)
    assert from_pairs("1 5 6 7", 4, 3, along, "car").all()  # one begins where the other ends


@pytest.mark.parametrize("text", ["1", "0 3", "1 0", "5 3 6 2", "9 1 2 1", "12 2", "1 x", "-1", "1 2.0", ""])
def test_pairs_that_are_not_exact_are_rejected(text):
    with pytest.raises(InputRejected):
        from_pairs(text, 4, 3, "columns", "car")


def read(text: str) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Names of the photos, and photo, category and run lengths of each annotation; read in pieces of three bytes."""
    data = text.encode()
    found = list(read_rle_table((data[at : at + 3] for at in range(0, len(data), 3)), "a.csv", "columns"))
    rows = [one for one in found if isinstance(one, Annotation)]
    values = [(one.number, json.loads(one.text)["category"], json.loads(one.text)["pairs"]) for one in rows]
    return [one.name for one in found if not isinstance(one, Annotation)], values


TABLES = {
    "Airbus": ("ImageId,EncodedPixels\na.jpg,1 3 10 5\nb.jpg,\na.jpg,20 1\n", ["object", "object"]),
    "Severstal": ("ImageId,ClassId,EncodedPixels\r\na.jpg,3,1 3 10 5\r\nb.jpg,,\r\na.jpg,1,20 1", ["3", "1"]),
    "Clouds": (
        '\ufeffImage_Label,EncodedPixels\na.jpg_Fish,"1 3 10 5"\nb.jpg_Fish,\na.jpg_Größe,20 1\n',
        ["Fish", "Größe"],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read_as_competitions_write_them(name):
    text, (first, second) = TABLES[name]
    assert read(text) == (["a.jpg", "b.jpg"], [("a.jpg", first, "1 3 10 5"), ("a.jpg", second, "20 1")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,z\na,1\n", r"a.csv: needs a heading .* got 'id,z'"),
        ("", "needs a heading"),
        ("ImageId,EncodedPixels\na.jpg\n", "line 2: has 1 columns"),
        ("ImageId,EncodedPixels\n,1 3\n", "line 2: names no photo"),
    ],
)
def test_other_tables_are_refused_with_the_line(text, message):
    with pytest.raises(UserError, match=message):
        read(text)


def test_the_way_that_pixels_are_counted_must_be_said():
    text = (
        "name: a\nimage_path: a/{id}.png\nclasses: [car]\nmasks: {format: rle, annotations: a.csv, unlabelled: ground"
    )
    with pytest.raises(UserError, match="pixels: only with format: rle, which needs it: columns where"):
        parse_description(f"{text}}}".encode(), "dataset.yaml")
    assert parse_description(f"{text}, pixels: rows}}".encode(), "dataset.yaml").masks.pixels == "rows"
