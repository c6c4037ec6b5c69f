"""Writes what a model calls its classes into the log of what is served, which holds their names alone.

It is copied into a Space, as `log_files` is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from beam_jobs.served.log_files import WriteFile, unwritable
from schemas.served import classes_path


def write_classes(
    folder: str,
    model: str,
    classes: Sequence[str],
    titles: Sequence[str],
    palette: Sequence[Sequence[int]],
    write: WriteFile,
) -> None:
    """Writes the file of a model, the same each time, so that several who answer with it may share a log.

    Args:
      folder: The log.
      model: As `beam_jobs.storage.models.model_digest` names it.
      classes, titles, palette: In the order of class ids, as `model_info.json` has them; colours are RGB in 0..255.
      write: Writes a file.

    Raises:
      UserError: Nothing can be written there.
    """
    values = {"classes": [*classes], "titles": [*titles], "palette": [[*color] for color in palette]}
    try:
        write(f"{folder}/{classes_path(model)}", (json.dumps(values, indent=2) + "\n").encode())
    except (OSError, ValueError) as error:
        raise unwritable(folder, error) from None
