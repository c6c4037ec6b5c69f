"""What a shadow run prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from beam_jobs.html.lights import LOOK
from beam_jobs.shadow.limits import lights_of
from schemas.bounded_text import enumerated

_ENDPOINT = "python -m tfx_pipeline.vertex endpoint"
PROMOTE, ROLLBACK = f"{_ENDPOINT} promote --config=my.yaml", f"{_ENDPOINT} rollback --config=my.yaml"


def outcome_lines(outcome: dict[str, Any], titles: dict[str, str], seconds: float) -> Iterator[str]:
    """The outcome for people, a line for each light; `!` marks those to look at."""
    photos = outcome["photos"]
    yield f"  {photos['compared']:,} photos in {seconds:.1f} seconds, {photos['rejected']:,} rejected"
    for light in lights_of(outcome, titles):
        yield f"  {'!' if light.state == LOOK else ' '} {light.name}: {light.text}"
    if photos["problems"]:
        found = [f"{one['file']}: {one['problem']}" for one in photos["first_problems"]]
        yield f"Note: {photos['problems']:,} problems in the log: {enumerated(found, '; ')}"
