"""The gate: the manifest of a version, and the problems that prevent its publication."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from beam_jobs.codec.mask_colors import find_contradiction, merge_colors
from beam_jobs.prepare.content_options import content_options
from beam_jobs.prepare.contract import Contract
from beam_jobs.prepare.inputs_digest import inputs_sha256
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.shard_writer import WrittenShard
from beam_jobs.prepare.spanning_groups import SpanningGroups
from beam_jobs.prepare.tally import Tally
from beam_jobs.rejections import EXCLUDED, FATAL, MISSING_MASK
from beam_jobs.sources.left_out import LeftOut
from beam_jobs.statistics.validation import Validation, by_cause
from schemas.features import SPLITS, TRAIN
from schemas.manifest import Manifest, Split, options_sha256

DISTRIBUTION = "segmentation-pipeline"
REJECTED_INPUTS = "rejected inputs"  # subject of a problem


class Problem(NamedTuple):
    """One reason to withhold a version, in words."""

    split: str
    subject: str
    description: str


class Decision(NamedTuple):
    """The manifest of what was built, and the problems that prevent its publication, if any.

    `near_duplicates` says whether there was a search for near-duplicates, whose file is then there; `dataset_text` is
    the content of the version's `dataset.yaml`; `left_out` are the files that match no pattern, by kind; `groups` those
    that records name; `listed_at` are lines of lists that name no photo.
    """

    manifest: Manifest
    problems: tuple[Problem, ...]
    listed_only: int
    line_files: tuple[str, ...]
    near_duplicates: bool = False
    dataset_text: str = ""
    left_out: dict[str, LeftOut] = {}  # noqa: RUF012  # never changed in place
    groups: SpanningGroups | None = None
    listed_at: tuple[str, ...] = ()


def make_manifest(
    options: PrepareOptions, contract: Contract, shards: list[WrittenShard], tally: Tally, base: Manifest | None
) -> Manifest:
    """The manifest of everything written; shards may come in any order.

    Args:
      contract: The contract of the version.
      tally: What was planned, and rejected before it was read.
      base: Manifest of the version whose records were all copied, repairs included; None without one.
    """
    splits = {}
    written = {one.split for one in shards}  # copied records keep their splits
    for split in (one for one in SPLITS if one in written or one in options.splits):
        own = sorted((one.shard for one in shards if one.split == split), key=lambda shard: shard.path)
        splits[split] = Split(records=sum(shard.records for shard in own), shards=tuple(own))
    published = sum(split.records for split in splits.values())
    repairs: Counter[str] = Counter(base.repairs if base else {})
    quarantined = Counter(tally.quarantined)
    for one in shards:
        repairs.update(one.repairs)
        quarantined.update(one.quarantined)
    inputs_digest = tally.unread_digest + sum(one.inputs_digest for one in shards)
    return Manifest(
        dataset=options.dataset,
        version=options.version,
        image_size=options.image_size,
        fit=options.encoding.fit,
        splits=splits,
        inputs=published + sum(quarantined.values()),
        published=published,
        quarantined=dict(sorted(quarantined.items())),
        repaired=sum(one.repaired for one in shards) + (base.repaired if base else 0),
        repairs=dict(repairs),
        derived_ids=sum(one.derived_ids for one in shards) + (base.derived_ids if base else 0),
        schema_sha256=_sha256(contract.schema_text),
        dataset_sha256=_sha256(contract.dataset_text),
        inputs_sha256=inputs_sha256(inputs_digest),
        options=content_options(options),
        options_sha256=options_sha256(content_options(options)),
        code_version=importlib.metadata.version(DISTRIBUTION),
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def find_problems(
    manifest: Manifest,
    validation: Validation,
    tally: Tally,
    base: Manifest | None,
    max_rejected: float,
    shards: list[WrittenShard],
) -> Iterator[Problem]:
    """Problems that prevent publication: anomalies, empty splits, palettes that contradict each other, too many
    rejected inputs, an account that does not add up.

    Args:
      tally: What planning has counted, apart from what was written and rejected.
      base: Manifest of the version that this one is built upon, and so has the same inputs; None without one.
      max_rejected: Largest acceptable share of rejected inputs, in [0, 1].
      shards: Everything written, in any order.
    """
    one_side = manifest.options.get("near_duplicates") == "one_side"
    all_near = "; --near_duplicates=one_side keeps together what is near each other" if one_side else ""
    for name, split in manifest.splits.items():
        if not split.records:
            is_drawn = manifest.options.get("eval_fraction") is not None and manifest.splits[TRAIN].records
            few = "; add photos, or give --eval_fraction a larger share, such as 0.4" if is_drawn else ""
            yield Problem(name, "records", f"no record; every split needs one{all_near or few}")
    for finding in by_cause(validation.findings):
        if manifest.splits[finding.split].records:
            yield Problem(finding.split, finding.feature, f"{finding.kind}: {finding.description}")
    for reason in FATAL & set(manifest.quarantined):
        named = "; ".join(f"{one.image_id} ({one.detail})" for one in tally.fatal if one.reason == reason)
        yield Problem("", reason, f"{manifest.quarantined[reason]} with more than one file, such as {named}")
    for source in sorted({source for one in shards for source in one.mask_colors}):
        colors = merge_colors(one.mask_colors[source] for one in shards if source in one.mask_colors)
        if contradiction := find_contradiction(colors):
            yield Problem("", "mask palettes", contradiction)
    excluded = sum(count for reason, count in manifest.quarantined.items() if reason in EXCLUDED)
    considered = manifest.inputs - excluded
    rejected = considered - manifest.published
    if rejected > max_rejected * considered:
        share = f"{rejected} of {considered} inputs ({rejected / considered:.1%}) rejected"
        remedy = _remedy(manifest.quarantined, rejected)
        yield Problem("", REJECTED_INPUTS, f"{share}; --max_rejected_fraction allows {max_rejected:.1%}{remedy}")
    if tally.found != manifest.inputs:
        yield Problem("", "account", f"{tally.found} inputs found, but {manifest.inputs} published or quarantined")
    if base and tally.found != base.inputs:
        yield Problem("", "account", f"{tally.found} inputs found, but {base.version} accounts for {base.inputs}")


def _remedy(quarantined: Mapping[str, int], rejected: int) -> str:
    """What to do where most of the rejected inputs are photos without a mask."""
    unmasked = quarantined.get(MISSING_MASK, 0)
    if 2 * unmasked <= rejected:
        return ""
    return f"; {unmasked} are photos without a mask: `unmasked: leave_out` in dataset.yaml leaves them out, counted"
