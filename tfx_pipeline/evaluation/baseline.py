"""The model that a new one is compared with on the local runner: which, where it is, and whether it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from ml_metadata.metadata_store import MetadataStore
from tfx.components.evaluator import constants
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_artifacts import Model, ModelBlessing
from tfx.utils import path_utils

from schemas.errors import UserError
from schemas.exported_model import EVALUATE, INFO_PATH, read_model_info
from schemas.fitting import Fit

CANDIDATE = "candidate"
PIPELINE_CONTEXT = "pipeline"  # type of the ML Metadata context that all artifacts of one pipeline's name share
PLACE_PARTS = 3  # <step>/<channel>/<execution> under the pipeline's root, unique in one output folder

START_AFRESH = "give another `name` or --output to start without a last blessed model"
REPLACE = f"restore it from a copy, or {START_AFRESH}"

Reads = tuple[Any, ...]


class LatestOtherBlessedModel(ResolverStrategy):
    """Resolves the latest blessed model that the candidate can be compared with.

    TFX's own strategy always takes the latest blessed model. But that may be the candidate itself: a run that changes
    nothing would then evaluate it against itself and push it a second time. A model of another image size cannot read
    this data set's records. And the output folder may have been renamed or mounted elsewhere since.

    Channels: `model`, `model_blessing`, and `candidate`, the model to evaluate.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """Returns the baseline and its blessing, or neither; the candidate passes through.

        Raises:
          UserError: The blessed model is gone.
        """
        [candidate] = input_dict[CANDIDATE]
        others = [model for model in input_dict["model"] if model.id != candidate.id]
        found = last_blessed(others, input_dict["model_blessing"], _root(candidate.uri), model_reads(candidate.uri))
        models, blessings = ([found[0]], [found[1]]) if found else ([], [])
        return {"model": models, "model_blessing": blessings, CANDIDATE: [candidate]}


def last_blessed(
    models: Sequence[Artifact], blessings: Sequence[Artifact], root: Path, reads: Reads
) -> tuple[Artifact, Artifact] | None:
    """Returns the latest blessed one of `models` that reads the same records, relocated under `root`, and its blessing.

    ML Metadata holds absolute paths from the time when a model was made. The database and the models of one output
    folder move together, so only the path below the folder counts. A recorded path may hold another model by now.

    Raises:
      UserError: The latest blessed model is missing, so a new one cannot be compared with it.
    """
    blessing_of = _blessings(blessings)
    for model in sorted(models, key=lambda one: one.id, reverse=True):
        if model.id not in blessing_of:
            continue
        recorded, place = model.uri, root.joinpath(*Path(model.uri).parts[-PLACE_PARTS:])
        if not (Path(path_utils.serving_model_path(str(place))) / INFO_PATH).is_file():
            moved = "" if str(place) == recorded else f" (made as {recorded})"
            raise UserError(
                f"{place}: the last blessed model is not there{moved}, so a new one cannot be compared with it; "
                f"put the folder back, or {START_AFRESH}"
            )
        if model_reads(str(place)) == reads:
            model.uri = str(place)
            return model, blessing_of[model.id]
    return None


def _blessings(blessings: Sequence[Artifact]) -> dict[int, Artifact]:
    """Maps the id of each blessed model to its blessing."""
    return {
        one.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): one
        for one in blessings
        if one.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == 1
    }


def model_reads(model_uri: str) -> Reads:
    """Which records a model reads, by the model info that the trainer stores in it.

    Raises:
      UserError: The model info is missing or damaged.
    """
    path = Path(path_utils.serving_model_path(model_uri)) / INFO_PATH
    try:
        info = read_model_info(path)
    except UserError as error:
        raise UserError(f"{error}; {REPLACE}") from None
    return records_read(info.dataset, info.classes, info.image_size, info.tiled, info.fit)


def records_read(dataset: str, classes: Sequence[str], image_size: int | str, tiled: bool, fit: Fit) -> Reads:
    """What two models must have in common to be compared on one version's records.

    Args:
      dataset: Its name.
      classes: Names in the order of class ids.
      image_size: Of the model's input.
      tiled: Whether that is a tile of an image of any size.
      fit: How photos are fitted into it, see `schemas.fitting`.
    """
    return dataset, tuple(classes), image_size, tiled, fit


def check_last_blessed(store: MetadataStore, pipeline_name: str, root: Path, reads: Reads) -> int:
    """Makes sure, before anything trains, that the baseline is there and can be loaded.

    Args:
      store: ML Metadata of the output folder.
      pipeline_name: Whose models count.
      root: Folder of the pipeline's artifacts.
      reads: What the new model will read.

    Returns:
      How many models are blessed, including those that read other records.

    Raises:
      UserError: It is gone or damaged; names it.
    """
    context = store.get_context_by_type_and_name(PIPELINE_CONTEXT, pipeline_name)
    if context is None:
        return 0
    types = {one.id: one for one in store.get_artifact_types()}
    artifacts: dict[str | None, list[Artifact]] = {Model.TYPE_NAME: [], ModelBlessing.TYPE_NAME: []}
    for one in store.get_artifacts_by_context(context.id):
        if (name := types[one.type_id].name) in artifacts:
            artifacts[name].append(artifact_utils.deserialize_artifact(types[one.type_id], one))
    if found := last_blessed(artifacts[Model.TYPE_NAME], artifacts[ModelBlessing.TYPE_NAME], root, reads):
        _check_loads(path_utils.serving_model_path(found[0].uri))
    return len(_blessings(artifacts[ModelBlessing.TYPE_NAME]))


def _check_loads(folder: str) -> None:
    try:
        signatures = tf.saved_model.load(folder).signatures
    except Exception as error:  # TensorFlow's reader raises OSError, ValueError or its own errors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{folder}: the last blessed model is damaged ({reason}); {REPLACE}") from None
    if EVALUATE not in signatures:
        raise UserError(f"{folder}: the last blessed model has no signature {EVALUATE}; {REPLACE}")


def _root(model_uri: str) -> Path:
    return Path(model_uri).parents[PLACE_PARTS - 1]
