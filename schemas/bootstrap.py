"""Confidence intervals of what is measured over photos, the same wherever one is given.

They are those of the percentile bootstrap (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993), with
Poisson weights, so that one pass over any number of photos is enough (N. Chamandy et al., "Estimating Uncertainty for
Massive Data Streams", 2012). A photo's weights follow from its fingerprint: the same photos give the same interval, on
any runner and in any order.
"""

from __future__ import annotations

import hashlib

import numpy as np

REPLICATES = 400  # of the bootstrap
CONFIDENCE = 0.95
BOUNDS = {"low": (1 - CONFIDENCE) / 2, "high": (1 + CONFIDENCE) / 2}


def fingerprint_of(name: bytes) -> int:
    """A 63-bit hash of what is drawn together: a photo's id, or the name of its group."""
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") >> 1


def weights_of(fingerprint: int) -> np.ndarray:
    """How often each replicate draws a photo: int64 [REPLICATES]."""
    return np.random.default_rng(fingerprint).poisson(1.0, REPLICATES)
