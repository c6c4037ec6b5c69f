"""Who may publish a version in a bucket, where no lock keeps two jobs of it apart.

Before a job moves its first file into a version's place, it writes the manifest that it wants to publish to the claim,
an object that all jobs of the version share. Whoever wrote it last holds the claim, and knows by its generation whether
it still does. Publishing copies the claim to its place as `manifest.json`, provided that the claim is still the job's
own and that no manifest is there: Cloud Storage checks both with the copy. So a job that has lost the claim, however
long it was stopped, can publish nothing; and the one that has taken it may replace what the other has moved.

Why no other job changes what the holder has moved: each write names the generation that it replaces, and its writer
reads that generation first and the claim afterwards. So a job that still finds the claim its own can't replace what its
successor has moved later. At most it adds a file under a name of its own, and takes that back when it looks again.
"""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import CLAIM_FILE
from beam_jobs.storage.cloud_storage import copy_if, delete_if, generation_of, list_generations, write_if

TAKEN = "another job of this version has begun to publish it, so that this one stops; see what becomes of the other"
_TRIES = 20  # of a change, if other jobs keep changing the claim first


class ClaimLost(RuntimeError):
    """Another job of this version publishes it now."""


class Moved(NamedTuple):
    """A file in a version's place.

    Attributes:
      path: Its path or URI.
      generation: In a bucket, that which this job has given it; 0 elsewhere.
      claim: In a bucket, the generation of the claim that it was moved under; 0 elsewhere.
    """

    path: str
    generation: int = 0
    claim: int = 0


def needs_claim(options: PrepareOptions) -> bool:
    """Whether a version is published by claim: in Cloud Storage. On this machine, jobs have a lock."""
    return options.version_dir.startswith("gs://")


def claim_uri(options: PrepareOptions) -> str:
    """Where all jobs of a version keep their claim."""
    return f"{options.staging_root}/{CLAIM_FILE}"


def take_claim(options: PrepareOptions, manifest: bytes) -> int:
    """Takes the claim, from any job that holds it, for a manifest; returns its generation.

    The caller looks afterwards whether the version is published: until then, its holder may have published it.
    """
    uri = claim_uri(options)
    for _ in range(_TRIES):
        if claim := write_if(uri, manifest, generation_of(uri)):
            return claim
    raise ClaimLost(f"{options.version_dir}: {TAKEN}")


def release_claim(options: PrepareOptions, claim: int) -> None:
    """Deletes the claim if it is still of this generation."""
    delete_if(claim_uri(options), claim)


def check_claim(uri: str, claim: int) -> None:
    """Raises ClaimLost where the claim is not of this generation any more."""
    if generation_of(uri) != claim:
        raise ClaimLost(f"{uri}: {TAKEN}")


def move_claimed(uri: str, claim: int, source: str, destination: str) -> Moved:
    """Moves a staged object into the place of a version; moving again what was moved already changes nothing.

    Args:
      uri: Of the claim.
      claim: The generation of it that the caller holds.
      source: URI of the staged object.
      destination: URI of its place, which may have an object that an interrupted job has left.

    Raises:
      ClaimLost: The claim is not the caller's any more.
      RuntimeError: The object is at neither place.
    """
    for _ in range(_TRIES):
        there = generation_of(destination)
        check_claim(uri, claim)
        staged = generation_of(source)
        if not staged and there:
            return Moved(destination, there, claim)
        if not staged:
            raise RuntimeError(f"{source}: is gone, and was not moved; was the staging folder deleted?")
        if generation := copy_if(source, destination, there):
            try:
                check_claim(uri, claim)
            except ClaimLost:
                if not there:
                    delete_if(destination, generation)
                raise
            delete_if(source, staged)
            return Moved(destination, generation, claim)
    raise RuntimeError(f"{destination}: changes all the time; is another job of this version running?")


def list_claimed(uri: str, folder: str, moved: list[Moved]) -> dict[str, tuple[int, int]]:
    """Path to bytes and generation of each object in a version's place; those that this job has moved are still its.

    Raises:
      ClaimLost: The claim is not that of the moves any more, or a moved object was replaced.
    """
    if not moved:
        raise ClaimLost(f"{folder}: {TAKEN}")
    found = list_generations(f"{folder}/")
    for path, generation, _ in moved:
        if path in found and found[path][1] != generation:
            raise ClaimLost(f"{path}: was replaced after this job had moved it; {TAKEN}")
    check_claim(uri, moved[0].claim)
    return found


def publish_claim(uri: str, claim: int, manifest: str) -> bool:
    """Makes the claim the version's manifest; returns whether it was still held and there was no manifest."""
    return bool(copy_if(uri, manifest, generation=0, source_generation=claim))
