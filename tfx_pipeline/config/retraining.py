"""When a new version of the data set starts a training by itself."""

from __future__ import annotations

from pydantic import Field, field_validator

from beam_jobs.storage.locations import wildcard_problem
from schemas.frozen_model import FrozenModel


class Retraining(FrozenModel):
    """What must hold before trigger and schedule start a run; a person can start one at any time.

    Attributes:
      min_new_records: How many records more than the version of the last run the new one must have.
      cool_down_hours: How long after the start of the last run none is started.
      drift: `drift.json` of `beam_jobs.monitor`, in a bucket: a run is started only while it has alarms, of a window
        that ends after the last run was started. None starts runs without drift, too.
      approval: Whether a person starts each run, with the command that the log names.
    """

    min_new_records: int = Field(default=0, ge=0)
    cool_down_hours: float = Field(default=0.0, ge=0, le=24 * 365)
    drift: str | None = Field(default=None, pattern=r"^gs://[^/]+/.+\.json$")
    approval: bool = False

    @field_validator("drift")
    @classmethod
    def _is_one_file(cls, drift: str | None) -> str | None:
        if drift and (problem := wildcard_problem(drift)):
            raise ValueError(problem)
        return drift
