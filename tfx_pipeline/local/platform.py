"""This machine as the platform of a pipeline."""

from __future__ import annotations

from tfx_pipeline.local.folder_pusher import FolderPusher
from tfx_pipeline.platforms import Platform


class LocalPlatform(Platform):
    """Pushes with a rename, which buckets do not have; there, TFX's own Pusher copies `saved_model.pb` last."""

    pusher_component = FolderPusher
