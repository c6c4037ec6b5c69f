"""TFX's Pusher into a folder on this machine, where a model appears atomically.

TFX's own executor copies file by file into `serving/<seconds>/`, which a server may be watching; if killed, it leaves
half a model there forever.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tfx.components.pusher.component import Pusher
from tfx.components.pusher.executor import Executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import PUSH_DESTINATION_KEY, PUSHED_MODEL_KEY
from tfx.utils import proto_utils

from beam_jobs.storage.ownership import claim_folder, delete_marked_folder, is_marked

INCOMING_FOLDER = ".incoming"  # not a number, so TensorFlow Serving does not take it for a version
OWNER = "tfx_pipeline Pusher"


class FolderExecutor(Executor):
    """Copies the model next to its destination, and renames the copy."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the base class."""
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[PUSH_DESTINATION_KEY], destination)
        serving = Path(destination.filesystem.base_directory)
        incoming = serving / INCOMING_FOLDER
        if is_marked(str(incoming), OWNER):  # left by a killed push
            delete_marked_folder(str(incoming))
        claim_folder("serving", str(incoming), OWNER)
        destination.filesystem.base_directory = str(incoming)
        beside = exec_properties | {PUSH_DESTINATION_KEY: proto_utils.proto_to_json(destination)}
        super().Do(input_dict, output_dict, beside)
        for model in sorted(path for path in incoming.iterdir() if path.is_dir()):
            os.rename(model, serving / model.name)
            pushed = artifact_utils.get_single_instance(output_dict[PUSHED_MODEL_KEY])
            self._MarkPushed(pushed, pushed_destination=str(serving / model.name), pushed_version=model.name)
        delete_marked_folder(str(incoming))


class FolderPusher(Pusher):
    """TFX's Pusher, with an executor that renames what it has copied."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(FolderExecutor)
