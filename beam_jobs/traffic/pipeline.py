"""The comparison of two models of a log as one Beam graph: read, sum by model, conclude."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsDict, TaggedOutput

from beam_jobs.monitor.reading import Account, LogReader
from beam_jobs.monitor.repeats import Repeats
from beam_jobs.monitor.request import Identity, Part
from beam_jobs.once import MapOnce
from beam_jobs.served.listing import read_together
from beam_jobs.traffic.figures import AddSums, Sums, sums_of
from beam_jobs.traffic.request import Request
from beam_jobs.traffic.summary import write_outcome
from schemas.served import HOUR

SUMS, ACCOUNTS = "sums", "accounts"  # tags of outputs


def traffic(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the outcome, as `traffic.json` has it."""
    parts = [Part(request.log, tuple(paths), False) for paths in read_together(request.files)]
    read = (
        pipeline
        | "NameParts" >> beam.Create(parts, reshuffle=True)
        | "SumParts" >> beam.ParDo(_SumPart(request)).with_outputs(SUMS, ACCOUNTS)
    )
    sums = read[SUMS] | "SumModels" >> beam.CombinePerKey(AddSums())  # (model and trained_on, Sums)
    accounts = read[ACCOUNTS] | "SumAccounts" >> beam.CombinePerKey(Account.sum)
    return pipeline | "Conclude" >> MapOnce(_conclude, request, AsDict(sums), AsDict(accounts))


class _SumPart(beam.DoFn):
    """Part -> by tag: (model and trained_on, Sums), (log, Account)."""

    def __init__(self, request: Request):
        self._request = request

    def process(self, part: Part) -> Iterator[TaggedOutput]:
        request, repeats = self._request, Repeats(HOUR)
        reader = LogReader(request.classes, None)
        sums: dict[tuple[str, str], Sums] = {}
        judged = outside = repeated = 0
        for answers in reader.batches(part):
            inside = (answers.time >= request.window.start) & (answers.time < request.window.end)
            new = inside & repeats.is_new(answers)
            judged, outside = judged + int(new.sum()), outside + int((~inside).sum())
            repeated += int((inside & ~new).sum())
            identities = np.array([f"{one.model}\n{one.trained_on}" for one in answers.identities()], object)
            for name in sorted(set(identities[new])):
                own = sums_of(answers.take(np.flatnonzero(new & (identities == name))), request.classes)
                model, trained_on = name.split("\n", 1)
                key = model, trained_on
                sums[key] = sums[key] + own if key in sums else own
        for key, own in sums.items():
            yield TaggedOutput(SUMS, (key, own))
        yield TaggedOutput(ACCOUNTS, (part.log, reader.account(judged, outside, repeated)))


def _conclude(
    request: Request, sums: Mapping[tuple[str, str], Sums], accounts: Mapping[str, Account]
) -> dict[str, Any]:
    """Chooses the two models, writes everything, and returns the outcome."""
    models = {Identity(*key): own for key, own in sums.items()}
    return write_outcome(request, models, accounts.get(request.log, Account()))
