"""Which workers train together, read from TF_CONFIG, which Vertex AI sets on each; without TensorFlow.

The form is TensorFlow's: https://www.tensorflow.org/guide/distributed_training#TF_CONFIG.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from schemas.documents import parse_json
from schemas.errors import UserError

TF_CONFIG = "TF_CONFIG"  # environment variable with JSON


def worker_count(environment: Mapping[str, str] = os.environ) -> int:
    """How many workers there are, including this one."""
    cluster = _cluster(environment).get("cluster", {})
    return max(1, sum(len(cluster.get(kind, ())) for kind in ("chief", "master", "worker")))


def worker_index(environment: Mapping[str, str] = os.environ) -> int:
    """Which worker this process is, in the order of TF_CONFIG; 0, the chief, writes what a run leaves behind."""
    cluster, task = _cluster(environment).get("cluster", {}), _cluster(environment).get("task", {})
    before = {"worker": len(cluster.get("chief", ())) + len(cluster.get("master", ()))}.get(task.get("type"), 0)
    return before + int(task.get("index", 0))


def _cluster(environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        cluster = parse_json(environment.get(TF_CONFIG) or "{}", TF_CONFIG)
    except UserError as error:
        raise UserError(f"{error}; unset it to train on this machine alone") from None
    return cluster if isinstance(cluster, dict) else {}
