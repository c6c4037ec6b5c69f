"""The spoilt masks of `python -m tests.bench.label_issues`."""

from collections import Counter

import numpy as np

from tests.bench.planted_masks import KINDS, spoil
from tests.trainer.conftest import draw


def test_as_many_masks_as_asked_are_spoilt_in_each_way_and_the_others_stay():
    masks = [draw(index, 48)[1] for index in range(30)]
    spoilt, planted = spoil(masks, 10, seed=0)
    assert Counter(planted.values()) == dict(zip(KINDS, (3, 3, 2, 2)))
    changed = {index for index, (one, other) in enumerate(zip(masks, spoilt)) if not np.array_equal(one, other)}
    assert changed == planted.keys()
    again, planted_again = spoil(masks, 10, seed=0)
    assert planted_again == planted
    np.testing.assert_array_equal(again, spoilt)
