"""Which model a new one is compared with, on the local runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.types import Artifact
from tfx.utils import path_utils

from schemas.documents import read_json_object
from trainer.export import MODEL_INFO_PATH

CANDIDATE = "candidate"


class LatestOtherBlessedModel(LatestBlessedModelStrategy):
    """Resolves the latest blessed model that the candidate can be compared with.

    TFX's own strategy takes the latest blessed model, whatever it is. But the candidate itself may be that model: a run
    that changes nothing would then evaluate it against itself and push it a second time. A model of another image size
    cannot read this data set's records. And the model's folder may have been deleted.

    Channels: `model` and `model_blessing` as in the base class, and `candidate`, the model to be judged.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """See the base class; the candidate passes through."""
        [candidate] = input_dict[CANDIDATE]
        comparable = {
            "model": [model for model in input_dict["model"] if _comparable(model, candidate)],
            "model_blessing": list(input_dict["model_blessing"]),
        }
        return {**super().resolve_artifacts(store, comparable), CANDIDATE: [candidate]}


def _comparable(model: Artifact, candidate: Artifact) -> bool:
    if model.id == candidate.id or not Path(path_utils.serving_model_path(model.uri)).is_dir():
        return False
    return _reads(model) == _reads(candidate)


def _reads(model: Artifact) -> tuple[Any, ...]:
    """What records a model reads, from the information that the trainer stores in it."""
    path = Path(path_utils.serving_model_path(model.uri)) / MODEL_INFO_PATH
    info = read_json_object(path) if path.is_file() else {}
    return tuple(info.get(key) for key in ("dataset", "classes", "image_size", "tiled"))
