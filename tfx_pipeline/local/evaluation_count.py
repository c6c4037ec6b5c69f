"""How many models were evaluated on the test split of one version: a count that lies with the output."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.documents import read_json_object
from schemas.errors import UserError
from schemas.manifest import Manifest
from tfx_pipeline.config.output_layout import TEST_EVALUATIONS_FILE
from tfx_pipeline.text_file import write_text_atomically

_PLACE_PARTS = 4  # <step>/<channel>/<execution>/<folder>: the same when the output folder is moved


def count_test_evaluations(output: Path, manifest: Manifest, model: str) -> int:
    """Records that a model was evaluated on a version's test split, and counts such models of this output folder.

    Args:
      output: Where `test_evaluations.json` lies: the digest of each version's manifest, with the places of the models.
      manifest: Of the version.
      model: Folder of the exported model; one that is recorded already counts once.

    Raises:
      UserError: The file cannot be read.
    """
    path = output / TEST_EVALUATIONS_FILE
    models = read_json_object(path) if path.exists() else {}
    known = models.setdefault(manifest.sha256, [])
    if not isinstance(known, list):
        raise UserError(f"{path}: must hold a list of models for each version; move it away to count from 1 again")
    place = "/".join(Path(model).parts[-_PLACE_PARTS:])
    if place not in known:
        known.append(place)
        write_text_atomically(path, json.dumps(models, indent=2, sort_keys=True) + "\n")
    return len(known)
