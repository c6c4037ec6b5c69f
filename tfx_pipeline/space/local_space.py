"""A Space in a folder on this machine, with its model in a subfolder instead of on the Hub."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from beam_jobs.storage.local_paths import local_path
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from tfx_pipeline.space.examples import drawn_examples
from tfx_pipeline.space.local_model import find_model, read_model
from tfx_pipeline.space.repository import space_files
from tfx_pipeline.space.settings import SpaceSettings

MODEL_FOLDER = "model"


def write_local_space(root: Path, model: Path, kind: str, title: str, runtime: str = "litert") -> Path:
    """Writes every file of the Space into the new folder `root`, and the model's repository into `root/model`.

    Returns:
      The folder of the exported model that is used.

    Raises:
      UserError: The model is missing or can't be used, the title is wrong, or `root` exists or can't be written; then
        nothing is written.
    """
    root = local_path("--write", root)
    if root.exists():
        raise UserError(f"{root}: already exists; choose another folder")
    found = find_model(model)
    info, model_files = read_model(found, "litert" if kind == "static" else runtime)
    values = {
        "kind": kind,
        "model_repo": f"local/{re.sub('[^A-Za-z0-9_.-]+', '-', found.name).lstrip('.-') or 'model'}",
        "model_commit": "local",
        "title": title,
        "runtime": runtime,
    }
    parse_model(SpaceSettings, values, "the app")  # before drawing, which takes seconds
    # Drawings are meaningful examples only for a model that was trained on them.
    examples = drawn_examples(info.dataset) if info.data and info.data.drawn else {}
    files = space_files(parse_model(SpaceSettings, values | {"examples": examples}, "the app"))
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
