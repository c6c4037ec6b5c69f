"""What a served model logs of the photos that it answers, in the configuration and for the container."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator, model_validator

from beam_jobs.storage.locations import check_location, wildcard_problem
from schemas.documents import parse_json_object
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model
from schemas.served import TOPIC

VARIABLE = "SERVING_LOG"  # of the container's environment; holds the configuration as JSON


class ServingLog(FrozenModel):
    """The log of what is served: one record for each photo, see `schemas.served`; to a folder, a topic, or both.

    Attributes:
      folder: Where it goes, such as `gs://BUCKET/served/pets`; the account that serves must be allowed to write there.
      topic: Topic of Pub/Sub that each record is published to, `projects/PROJECT/topics/NAME`, for
        `beam_jobs.dataflow.monitor_stream`; the account that serves must be allowed to publish to it.
      photos: Share of the photos that are kept beside the records, in [0, 1]; 0 keeps none.
      retention_days: After how many days all of it is to be deleted; the bucket's rule does it, see Terraform's
        `served_retention_days`.
      readers: Who may read the photos, in words; required, with `retention_days`, where photos are kept.
    """

    folder: str | None = None
    topic: str | None = None
    photos: float = Field(default=0.0, ge=0, le=1)
    retention_days: int | None = Field(default=None, ge=1)
    readers: str = Field(default="", max_length=500)

    @field_validator("folder")
    @classmethod
    def _is_a_folder(cls, folder: str | None) -> str | None:
        if folder is None:
            return None
        if TOPIC.fullmatch(folder):
            raise ValueError("is a topic of Pub/Sub; give it as topic")
        try:
            check_location(folder)
        except UserError as error:
            raise ValueError(str(error).removeprefix(f"{folder}: ")) from None
        folder = folder.rstrip("/")
        if problem := wildcard_problem(folder):
            raise ValueError(problem)
        if not folder:
            raise ValueError("names no folder")
        return folder

    @field_validator("topic")
    @classmethod
    def _is_a_topic(cls, topic: str | None) -> str | None:
        if topic is not None and not TOPIC.fullmatch(topic):
            raise ValueError("write it as projects/PROJECT/topics/NAME")
        return topic

    @model_validator(mode="after")
    def _goes_somewhere(self) -> ServingLog:
        if not self.folder and not self.topic:
            raise ValueError("goes nowhere; give folder, topic, or both")
        if self.photos and not self.folder:
            raise ValueError("photos are kept in a folder, and never published; give folder, too")
        return self

    @model_validator(mode="after")
    def _says_who_reads_photos(self) -> ServingLog:
        if self.photos and not (self.retention_days and self.readers):
            raise ValueError("photos are kept only where retention_days and readers say how long, and who reads them")
        return self

    def variables(self) -> dict[str, str]:
        """The environment variable for the container."""
        return {VARIABLE: self.model_dump_json(exclude_defaults=True)}

    @classmethod
    def from_variables(cls, environment: Mapping[str, str]) -> ServingLog | None:
        """Reads what `variables` gave; None where it is not set. UserError where its value can't be used."""
        text = environment.get(VARIABLE)
        return parse_model(cls, parse_json_object(text.encode(), VARIABLE), VARIABLE) if text else None
