"""The contract that a version is published under, as the files that the version holds."""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.prepare.options import PrepareOptions
from schemas.contract import dataset_text
from schemas.derived_schema import derive_schema
from schemas.origin import with_origin


class Contract(NamedTuple):
    """The content of a version's `dataset.yaml` and `schema.pbtxt`.

    The launcher reads it, and it travels with the graph: workers may have another release installed.
    """

    dataset_text: str
    schema_text: str


def contract_of(options: PrepareOptions) -> Contract:
    """The contract of the version that the options name."""
    spec = with_origin(options.description, options.origin)  # the location of this job's files is not part of it
    return Contract(dataset_text(spec), derive_schema(spec, options.keeps_source_masks))
