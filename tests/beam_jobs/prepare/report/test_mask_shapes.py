"""Masks that are unlike all others, found without a model."""

import io

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.png import encode_mask
from beam_jobs.prepare.report.mask_shapes import KEPT, Extreme, add_shapes, find_odd_masks, measure_masks
from schemas.features import IGNORE_ID
from schemas.shipped import load_spec

SPEC = load_spec("pets")
PET, BACKGROUND, BORDER = range(3)
SIDE = 48


def disc(seed):
    """A mask of a pet of any size and place, with a border around it."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    distance = np.hypot(rows - random.uniform(0.4, 0.6), columns - random.uniform(0.4, 0.6))
    radius = random.uniform(0.15, 0.4)
    return np.where(distance < radius, PET, np.where(distance < radius + 0.06, BORDER, BACKGROUND)).astype(np.uint8)


def record(name, mask, split="train"):
    return Extreme(0.0, name, split, b"", encode_mask(mask))


@pytest.fixture(name="good", scope="module")
def good_records():
    return [record(f"good_{seed}", disc(seed), "eval" if seed % 5 == 0 else "train") for seed in range(200)]


def odd(records):
    return [(one.record.image_id, one.words) for one in find_odd_masks(measure_masks(records), SPEC)]


def test_good_masks_of_any_size_and_place_are_not_named(good):
    assert odd(good) == []


def test_masks_that_are_inside_out_are_named_with_the_class_that_shows_it(good):
    wrong = [record(f"wrong_{seed}", np.array([BACKGROUND, PET, BORDER], np.uint8)[disc(seed)]) for seed in range(20)]
    found = dict(odd(good + wrong))
    assert len(found) >= 10
    assert set(found) <= {one.image_id for one in wrong}
    assert "inside out? background lies inside, and outside in other masks" in found.values()


def test_a_mask_that_has_far_more_of_a_class_than_others_is_named_with_both_shares(good):
    full = record("full", np.full((SIDE, SIDE), BORDER, np.uint8))
    [(name, words)] = odd([*good, full])
    assert name == "full"
    assert words.startswith("100% border, where half of the masks have 1")  # 99.5 % is the most that is told apart


def test_letterboxed_masks_are_measured_without_their_padding(good):
    wide = [one._replace(source=(SIDE, 3 * SIDE)) for one in good]  # as if squashed: 16 of 48 rows show a photo
    padded = []
    for one in wide:
        ids = np.full((SIDE, SIDE), IGNORE_ID, np.uint8)
        ids[16:32] = decoded(one.mask)[::3]
        padded.append(one._replace(mask=encode_mask(ids)))
    alone = [one._replace(mask=encode_mask(decoded(one.mask)[::3])) for one in wide]
    assert measure_masks(padded, "letterbox").counts == measure_masks(alone).counts
    assert measure_masks(padded).counts != measure_masks(alone).counts


def decoded(mask):
    return np.asarray(Image.open(io.BytesIO(mask)))


def test_what_is_found_does_not_depend_on_how_the_records_came_in_batches(good):
    wrong = [record(f"wrong_{seed}", np.full((SIDE, SIDE), seed % 3, np.uint8)) for seed in range(4)]
    records = [*good, *wrong]
    batches = [measure_masks(records[start::7]) for start in range(7)]
    together = add_shapes([add_shapes(batches[3:]), *reversed(batches[:3])])
    assert find_odd_masks(together, SPEC) == find_odd_masks(measure_masks(records), SPEC)
    assert max(map(len, together.extremes.values())) <= KEPT


def test_few_photos_ignored_pixels_and_large_masks_are_no_reason_to_accuse(good):
    assert odd([*good[:10], record("full", np.full((SIDE, SIDE), PET, np.uint8))]) == []
    assert odd([*good, record("ignored", np.full((SIDE, SIDE), IGNORE_ID, np.uint8))]) == []
    assert odd([*good, record("large", np.full((1100, 1000), PET, np.uint8))]) == []
