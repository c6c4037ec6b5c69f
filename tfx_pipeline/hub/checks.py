"""Checks of the `hub` section that save hours of training before a push that would fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from beam_jobs.file_names import folded
from beam_jobs.storage.files import read_part
from beam_jobs.storage.ownership import check_claim
from schemas.errors import UserError
from tfx_pipeline.config.hub import DRY_RUN_OWNER, HubConfig, SpaceConfig
from tfx_pipeline.hub.token import read_token
from tfx_pipeline.space.settings import MAX_EXAMPLE_BYTES, example_problem


def hub_problems(hub: HubConfig, has_tflite: bool, on_vertex: bool = False) -> Iterator[str]:
    """One line for each setting of `hub` that would make a push fail.

    Args:
      hub: Where a blessed model goes.
      has_tflite: Whether the training exports TFLite models.
      on_vertex: Whether a step on Vertex AI pushes, which does not have this machine's environment and folders.
    """
    if not on_vertex:
        try:
            if not hub.dry_run:
                read_token(hub.token, look_up_secrets=False)
            else:
                check_claim("hub.dry_run", hub.dry_run, DRY_RUN_OWNER)
        except UserError as error:
            yield str(error)
    if hub.space is not None:
        yield from _space_problems(hub.space, has_tflite)


def _space_problems(space: SpaceConfig, has_tflite: bool) -> Iterator[str]:
    if not has_tflite and (space.kind == "static" or space.runtime == "litert"):
        yield (
            "hub.space: runs the model with LiteRT, and training.export_tflite is false; set that to true, or take "
            "kind gradio with runtime tensorflow"
        )
    uris: dict[str, str] = {}
    for uri in space.examples:
        name = PurePosixPath(uri).name
        if (other := uris.setdefault(folded(name), uri)) != uri:
            yield f"hub.space.examples: {uri}: has the same file name as {other}; rename one of the two"
        if problem := _example_problem(uri, name):
            yield f"hub.space.examples: {uri}: {problem}"


def _example_problem(uri: str, name: str) -> str | None:
    if "://" not in uri and not Path(uri).is_file():
        return "no such file"
    try:
        return example_problem(name, read_part(uri, 0, MAX_EXAMPLE_BYTES + 1))
    except FileNotFoundError:
        return "no such file"
    except OSError as error:
        return f"cannot be read ({error})"
