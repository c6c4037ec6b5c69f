"""The comparison as one Beam graph: read both versions once, pair their records, look at those that differ."""

from __future__ import annotations

from collections.abc import Iterable

import apache_beam as beam
from apache_beam.pvalue import AsIter, AsSingleton

from beam_jobs.compare.changes import Change, FindChanges
from beam_jobs.compare.entries import ReadEntries
from beam_jobs.compare.pairing import PairRecords
from beam_jobs.compare.request import Request
from beam_jobs.compare.summary import SumUp, Totals, write_summary
from beam_jobs.line_files import WriteLineFiles
from beam_jobs.once import MapOnce

CHANGES_FOLDER = "changes"


def compare(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the summary, which is also written."""
    changes = (
        pipeline
        | "ReadEntries" >> ReadEntries(request)
        | "PairRecords" >> PairRecords(request)
        | "SpreadPairs" >> beam.Reshuffle()
        | "FindChanges" >> beam.ParDo(FindChanges(request))
    )
    totals = changes | "SumUp" >> beam.CombineGlobally(SumUp())
    files = (
        changes
        | "NameFolder" >> beam.Map(_name_folder).with_output_types(tuple[str, Change])
        | "WriteChanges" >> WriteLineFiles(request.output, totals | "CountLines" >> beam.Map(_line_counts))
    )
    return pipeline | "Summarize" >> MapOnce(_summarize, request, AsSingleton(totals), AsIter(files))


def _name_folder(change: Change) -> tuple[str, Change]:
    return CHANGES_FOLDER, change


def _line_counts(totals: Totals) -> dict[str, int]:
    return {CHANGES_FOLDER: totals["changes"]}


def _summarize(request: Request, totals: Totals, files: Iterable[str]) -> dict:
    return write_summary(request, totals, files)
