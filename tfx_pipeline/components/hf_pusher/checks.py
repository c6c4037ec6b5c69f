"""What can be found wrong before the hours of training, instead of after them."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import UserError
from tfx_pipeline.components.hf_pusher.config import HubConfig
from tfx_pipeline.components.hf_pusher.token import check_variable


def check_hub(hub: HubConfig) -> None:
    """Checks what `hub` names on this machine: the token's environment variable and the example photos.

    Raises:
      UserError: Names what is missing.
    """
    if not hub.dry_run:
        check_variable(hub.token)
    for path in hub.space.examples if hub.space else ():
        if "://" not in path and not Path(path).is_file():
            raise UserError(f"hub.space.examples: {path}: no such file")
