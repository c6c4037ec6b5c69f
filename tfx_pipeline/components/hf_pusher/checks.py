"""What can be found wrong before the hours of training, instead of after them."""

from __future__ import annotations

from pathlib import Path

from beam_jobs.storage.ownership import check_claim
from schemas.errors import UserError
from tfx_pipeline.components.hf_pusher.config import DRY_RUN_OWNER, HubConfig
from tfx_pipeline.components.hf_pusher.token import check_variable


def check_hub(hub: HubConfig) -> None:
    """Checks what `hub` names on this machine: the token's variable or the dry run's folder, and the example photos.

    Raises:
      UserError: Names what is missing, or in the way.
    """
    if hub.dry_run:
        check_claim("hub.dry_run", hub.dry_run, DRY_RUN_OWNER)
    else:
        check_variable(hub.token)
    for path in hub.space.examples if hub.space else ():
        if "://" not in path and not Path(path).is_file():
            raise UserError(f"hub.space.examples: {path}: no such file")
