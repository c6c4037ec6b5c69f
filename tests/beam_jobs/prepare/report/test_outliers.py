"""The photos at the ends of what a data set holds."""

import random

import numpy as np
import pytest

from beam_jobs.codec.png import encode_mask
from beam_jobs.prepare.report.outliers import (
    BRIGHTEST,
    DARKEST,
    KEPT,
    LARGEST,
    ODDEST,
    PIECES,
    Outlier,
    count_pieces,
    find_outliers,
    merge_outliers,
    shown_outliers,
)
from schemas.features import IGNORE_ID

FLAT = np.zeros((8, 8), np.uint8)


def record(name, brightness=0.5, source=(300, 400), mask=FLAT):
    return Outlier(0.0, 0, name, "train", b"", encode_mask(mask), source, brightness)


@pytest.mark.parametrize(
    ("rows", "pieces"),
    [
        (["aaaa", "abba", "aaaa"], 2),
        (["abab", "baba"], 8),
        (["aba", "aba", "aaa"], 2),  # a U is one piece, though it has two tops
        (["a.b", "..b", "c.b"], 3),  # ignored pixels are none
        (["ab", "ab", "bb"], 2),
    ],
)
def test_pieces_are_pixels_of_one_class_that_share_edges(rows, pieces):
    ids = {"a": 0, "b": 1, "c": 2, ".": IGNORE_ID}
    assert count_pieces(np.array([[ids[one] for one in row] for row in rows], np.uint8)) == pieces


def test_masks_in_few_pieces_are_not_hidden_by_those_with_many_tops():
    comb = np.zeros((16, 16), np.uint8)
    comb[:8, ::2] = 1  # eight teeth, all in one piece with the row below them
    comb[8] = 1
    dots = np.zeros((16, 16), np.uint8)
    dots[::4, ::8] = 1
    outliers = find_outliers([record("comb", mask=comb), record("dots", mask=dots), record("flat")])
    assert [(one.image_id, one.value) for one in outliers[PIECES]] == [("comb", 10), ("dots", 9)]


def test_each_end_is_found_in_any_order_and_any_parts_of_the_records():
    checkered = np.indices((8, 8)).sum(0).astype(np.uint8) % 2
    records = [record(f"plain_{number}", 0.4 + number / 1000) for number in range(50)]
    records += [record("dark", 0.02), record("bright", 0.99), record("large", source=(3000, 4000))]
    records += [record("narrow", source=(900, 60)), record("checkered", mask=checkered)]
    expected = {DARKEST: "dark", BRIGHTEST: "bright", LARGEST: "large", ODDEST: "narrow", PIECES: "checkered"}
    found = []
    for seed in range(3):
        mixed = random.Random(seed).sample(records, len(records))
        parts = [find_outliers(mixed[start : start + 7]) for start in range(0, len(mixed), 7)]
        found.append(merge_outliers(parts))
    assert {kind: own[0].image_id for kind, own in found[0].items()} == expected
    assert all(len(own) == KEPT for own in found[0].values())
    assert found[0] == found[1] == found[2]


def test_a_photo_at_two_ends_is_shown_once_with_both():
    outliers = find_outliers([record("only", 0.02, (60, 900))])
    [(one, words)] = shown_outliers(outliers)
    assert one.image_id == "only"
    assert "darkest: brightness 0.02 of white" in words
    assert "odd aspect: 900 × 60 px" in words
