"""The demo Space: all files of its repository, for a Gradio Space or one that runs in the visitor's browser."""

from tfx_pipeline.space.repository import space_files
from tfx_pipeline.space.settings import SpaceSettings

__all__ = ["SpaceSettings", "space_files"]
