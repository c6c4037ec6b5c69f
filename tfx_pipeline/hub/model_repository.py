"""The content of the model repository, from an exported model and its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UserError
from schemas.exported_model import (
    EXTRA_FOLDER,
    INFO_FILE,
    INFO_PATH,
    REPOSITORY_FOLDER,
    TFLITE_FILES,
    ModelInfo,
    read_model_info,
)
from tfx_pipeline.config.hub import HubConfig
from tfx_pipeline.evaluation.results import Evaluation
from tfx_pipeline.hub.card_picture import card_picture
from tfx_pipeline.hub.contents import Content, Files, digest
from tfx_pipeline.hub.model_card import CARD_FILE, PICTURE_FILE, model_card, publishable
from tfx_pipeline.hub.properties import DatasetFacts


@dataclass(frozen=True)
class ModelRepository:
    """What is pushed: all files, and their version.

    Attributes:
      files: Paths to contents.
      content_sha256: Digest of all files but the card and its picture.
      tag: `<data set version>-<first 12 digits of the digest>`: the same model always has the same tag.
    """

    files: Files
    content_sha256: str
    tag: str


def model_repository(
    exported: Path,
    hub: HubConfig,
    facts: DatasetFacts,
    evaluation: Evaluation | None,
    test_evaluation: Evaluation | None = None,
    photos: Mapping[str, bytes] | None = None,
) -> ModelRepository:
    """Lays the files of an exported model out as its repository.

    Args:
      exported: Folder of the SavedModel, with `assets.extra/` as the trainer leaves it.
      hub: Names the repository, for the card.
      facts: Of the data that the model was trained on.
      evaluation: Its results; with None, the card says that there are none.
      test_evaluation: Its results on the split `test`, where the version has one.
      photos: File name to content of those that the card shows with their masks; they may be published.

    Raises:
      UserError: The exported model has no model info, or lacks a file that it names; or a photo cannot be read.
    """
    files: dict[str, Content] = {}
    for path in sorted(exported.rglob("*")):
        relative = path.relative_to(exported)
        if path.is_file() and relative.parts[0] != EXTRA_FOLDER:
            files[f"{REPOSITORY_FOLDER}/{relative.as_posix()}"] = path
    info = _published_info(exported / INFO_PATH).model_copy(
        update={"dataset_version": facts.version, "metrics": evaluation.metrics() if evaluation else None}
    )
    files[INFO_FILE] = info.to_json().encode()
    for name in info.tflite or ():
        if name not in TFLITE_FILES or not (exported / EXTRA_FOLDER / name).is_file():
            raise UserError(f"{exported / EXTRA_FOLDER}: its model info names {name}, which is not there; train again")
        files[name] = exported / EXTRA_FOLDER / name
    content_sha256 = digest(files)
    tag = f"{facts.version}-{content_sha256[:12]}"
    if photos:
        files[PICTURE_FILE] = card_picture(exported, info, photos)
    files[CARD_FILE] = model_card(hub, facts, info, evaluation, tag, test_evaluation, bool(photos)).encode()
    return ModelRepository(files, content_sha256, tag)


def _published_info(path: Path) -> ModelInfo:
    """The trainer's model info, without the folders of the machine that it trained on."""
    if not path.is_file():
        raise UserError(f"{path}: missing; HFPusher pushes models that trainer.export has described")
    info = read_model_info(path)
    return info.model_copy(update={"training": publishable(info.training)})
