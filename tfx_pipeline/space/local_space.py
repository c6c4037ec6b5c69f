"""A Space in a folder on this machine, with its model in a subfolder instead of on the Hub."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from beam_jobs.storage.local_paths import local_path
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from tfx_pipeline.space.eval_examples import eval_examples
from tfx_pipeline.space.examples import drawn_examples
from tfx_pipeline.space.local_model import find_model, read_model
from tfx_pipeline.space.repository import space_files
from tfx_pipeline.space.settings import SpaceSettings

MODEL_FOLDER = "model"


def write_local_space(
    root: Path,
    model: Path,
    kind: str,
    title: str,
    runtime: str = "litert",
    data: Path | None = None,
    to_publish: bool = False,
) -> Path:
    """Writes every file of the Space into the new folder `root`, and the model's repository into `root/model`.

    Args:
      root, model: Folders; see `find_model`.
      kind, title, runtime: See `SpaceSettings`.
      data: The model's version, whose eval photos are the examples.
      to_publish: Whether those may be published.

    Returns:
      The folder of the exported model that is used.

    Raises:
      UserError: The model is missing or can't be used, the title is wrong, or `root` exists or can't be written; then
        nothing is written.
    """
    root = local_path("--write", root)
    if root.exists():
        raise UserError(f"{root}: already exists; choose another folder")
    needed = "litert" if kind == "static" else runtime
    found = find_model(model, needed)
    info, model_files = read_model(found, needed)
    values: dict[str, Any] = {
        "kind": kind,
        "model_repo": f"local/{re.sub('[^A-Za-z0-9_.-]+', '-', found.name).lstrip('.-') or 'model'}",
        "model_commit": "local",
        "title": title,
        "runtime": runtime,
    }
    parse_model(SpaceSettings, values, "the app")  # before drawing, which takes seconds
    if data is not None:
        found_examples = eval_examples(local_path("--data", data), info, to_publish)
        values |= {"examples": found_examples.photos, "examples_credit": found_examples.credit}
    elif info.data and info.data.drawn:  # drawings are meaningful examples only for a model that was trained on them
        values["examples"] = drawn_examples(info.dataset)
    files = space_files(parse_model(SpaceSettings, values, "the app"))
    space = json.loads(files["space.json"]) | {"model_url": MODEL_FOLDER, "model_page": None}
    files["space.json"] = json.dumps(space).encode()
    try:
        _write(files | {f"{MODEL_FOLDER}/{name}": content for name, content in model_files.items()}, root)
    except OSError as error:
        raise UserError(f"--write {root}: can't be written ({error.strerror}); choose another folder") from None
    return found


def _write(files: Mapping[str, bytes | Path], root: Path) -> None:
    """Creates a new folder atomically, with contents and copies of files."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}-") as folder:
        made = Path(folder, "space")
        for name, content in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                shutil.copyfile(content, path)
        os.rename(made, root)
