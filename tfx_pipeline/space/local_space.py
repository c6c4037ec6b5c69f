"""A Space in a folder of this machine, with its model beside it instead of on the Hub."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.errors import UserError
from tfx_pipeline.space.examples import drawn_examples
from tfx_pipeline.space.local_model import find_model, lay_out
from tfx_pipeline.space.repository import space_files
from tfx_pipeline.space.settings import SpaceSettings

MODEL_FOLDER = "model"


def write_local_space(root: Path, model: Path, kind: str, title: str, runtime: str = "litert") -> Path:
    """Writes every file of the Space into the new folder `root`, and the model's repository into `root/model`.

    Returns:
      The folder of the exported model that was taken.

    Raises:
      UserError: No model, or `root` is there already.
    """
    if root.exists():
        raise UserError(f"{root}: is there already; choose another folder")
    found = find_model(model)
    info = lay_out(found, root / MODEL_FOLDER)
    # Drawings say something of a model only where it was trained on them.
    examples = drawn_examples(info.dataset) if info.data and info.data.drawn else {}
    settings = SpaceSettings(
        kind=kind,
        model_repo=f"local/{found.name}",
        model_commit="local",
        title=title,
        runtime=runtime,
        examples=examples,
    )
    files = space_files(settings)
    space = json.loads(files["space.json"]) | {"model_url": MODEL_FOLDER, "model_page": None}
    files["space.json"] = json.dumps(space).encode()
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return found
