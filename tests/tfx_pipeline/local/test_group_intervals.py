"""Confidence intervals where records name groups: whole groups are drawn."""

import hashlib
from collections import defaultdict

import numpy as np
import pytest

from schemas.bootstrap import REPLICATES
from schemas.group_spec import GroupSpec
from schemas.shipped import load_spec
from tests.tfx_pipeline.conftest import BREEDS, RECORDS, publish_toy
from tests.tfx_pipeline.local.toy_runs import GOOD, judged, run_pipeline


def test_the_interval_is_numpys_bootstrap_of_the_groups_and_the_page_says_so(tmp_path):
    spec = load_spec("pets").model_copy(update={"group": GroupSpec(id_pattern="(.+)_[a-z]+_[0-9]+")})
    version = publish_toy(tmp_path, RECORDS, spec)
    run = run_pipeline(version, tmp_path / "output", GOOD)
    sums = defaultdict(lambda: np.zeros((2, 3)))
    for breed, _ in BREEDS:
        for _, truth, predicted in judged(version, GOOD, breed):
            for class_id in range(3):
                sums[breed][0, class_id] += np.sum((truth == class_id) & (predicted == class_id))
                sums[breed][1, class_id] += np.sum((truth == class_id) | (predicted == class_id))
    replicates = np.zeros((REPLICATES, 2, 3))
    for breed, counts in sums.items():
        seed = int.from_bytes(hashlib.sha256(breed.encode()).digest()[:8], "big") >> 1
        replicates += np.random.default_rng(seed).poisson(1.0, REPLICATES)[:, None, None] * counts
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = replicates[:, 0] / replicates[:, 1]
    means = np.nanmean(iou[np.isfinite(iou).any(axis=1)], axis=1)
    assert run.summary["metrics"]["intervals"]["mean_iou"] == pytest.approx(
        np.quantile(means, [0.025, 0.975]), abs=1e-6
    )
    assert "bootstrap over the groups" in (tmp_path / "output" / "evaluation.html").read_text()
