"""The digest of all inputs: independent of order, so the same on any runner, and cheap to compute again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import apache_beam as beam

from beam_jobs.elements import PLANNED, TALLIES
from beam_jobs.packing import Pack, unpack_plans
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import naming_input, read_contents


def fingerprint(image_id: str, *contents: bytes) -> int:
    """One input's share of the digest, which is the sum of these."""
    digest = hashlib.sha256(image_id.encode())
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return int.from_bytes(digest.digest(), "big")


def listed_fingerprint(image_id: str, split: str) -> int:
    """The fingerprint of a line in an official list: it decides the split, and is in no other file."""
    return fingerprint(image_id, b"listed", split.encode())


def table_fingerprint(image_id: str, what: str, value: str) -> int:
    """The fingerprint of what a table says of an input."""
    return fingerprint(image_id, what.encode(), value.encode())


def unread_fingerprint(image_id: str, reason: str) -> int:
    """The fingerprint of an input that was rejected before it was read."""
    return fingerprint(image_id, reason.encode())


def inputs_sha256(total: int) -> str:
    """The sum of all fingerprints as a manifest states it."""
    return f"{total % 2**256:064x}"


class DigestInputs(beam.PTransform):
    """Reads every input once, without decoding it, and returns the digest for a manifest."""

    def __init__(self, plan: beam.PTransform):
        super().__init__()
        self._plan = plan

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        plan = pipeline | "PlanRecords" >> self._plan
        packed = plan[PLANNED] | "PackPlans" >> beam.ParDo(Pack()).with_output_types(bytes)
        read = packed | "SpreadReads" >> beam.Reshuffle() | "Fingerprint" >> beam.FlatMap(_fingerprint_files)
        unread = plan[TALLIES] | "TakeUnread" >> beam.Map(lambda tally: tally.unread_digest)
        return (
            (read, unread)
            | "Gather" >> beam.Flatten()
            | "Sum" >> beam.CombineGlobally(sum)
            | "Format" >> beam.Map(inputs_sha256)
        )


def _fingerprint_files(packed: bytes) -> Iterator[int]:
    for plan in unpack_plans(packed):
        try:
            with naming_input(plan.image_id, *plan.sources):
                yield fingerprint(plan.image_id, *read_contents(plan))
        except InputRejected as error:
            yield unread_fingerprint(plan.image_id, error.reason)
