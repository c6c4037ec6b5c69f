"""The shadow run as one Beam graph: find and read photos, answer them with both models, compare, conclude."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.pvalue import AsDict, AsIter, AsSingleton

from beam_jobs.line_files import WriteFolders
from beam_jobs.once import MapOnce
from beam_jobs.predict.finding import PHOTOS, REJECTED
from beam_jobs.predict.model import SegmentationModel
from beam_jobs.shadow.comparing import COMPARED, DRAFTS, PAIRS, ROWS, ComparePair, ReadPair, hand_over
from beam_jobs.shadow.figures import SumCompared, Sums
from beam_jobs.shadow.finding import BY_CLIENT, PROBLEMS, FindPairs, FoundPhoto
from beam_jobs.shadow.gallery import Draft, KeepLeast
from beam_jobs.shadow.request import Model, Request
from beam_jobs.shadow.summary import REJECTED_FOLDER, TABLE_FOLDER, Account, write_outcome

MAX_CLIENTS = 20  # slices: the clients with the most photos
_PROBLEMS_NAMED = 5

Listed = tuple[str, Any]  # a folder and a Line of its files


def shadow(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the outcome, as `shadow.json` has it.

    A photo stays on its worker from its file to the comparison: the candidate answers right after the served model.
    """
    found = pipeline | "FindPhotos" >> FindPairs(request)
    clients = (
        found[PHOTOS]
        | "TakeClients" >> beam.FlatMap(_clients).with_output_types(str)
        | "CountClients" >> beam.combiners.Count.PerElement()
        | "LargestFirst" >> beam.MapTuple(lambda name, count: (count, name))
        | "TakeLargest" >> beam.combiners.Top.Largest(MAX_CLIENTS)
        | "ForgetCounts" >> beam.Map(lambda largest: [name for _, name in largest])
    )
    read = found[PHOTOS] | "ReadPhotos" >> beam.ParDo(ReadPair(request)).with_outputs(REJECTED, main=PAIRS)
    compared = (
        read[PAIRS]  # (Waiting, ReadyPhoto)
        | "AskServed" >> RunInference(_handler(request.served))
        | "HandOver" >> beam.Map(hand_over)  # (Answered, ReadyPhoto)
        | "AskCandidate" >> RunInference(_handler(request.candidate))
        | "Compare" >> beam.ParDo(ComparePair(request), AsSingleton(clients)).with_outputs(ROWS, COMPARED, DRAFTS)
    )
    rejected = (found[REJECTED], read[REJECTED]) | "GatherRejected" >> beam.Flatten()
    lines = (
        compared[ROWS] | "NameTable" >> beam.Map(lambda row: (TABLE_FOLDER, row)).with_output_types(Listed),
        rejected | "NameRejectedFolder" >> beam.Map(lambda one: (REJECTED_FOLDER, one)).with_output_types(Listed),
    ) | "GatherLines" >> beam.Flatten()
    files = lines | "WriteLines" >> WriteFolders(request.output, (TABLE_FOLDER, REJECTED_FOLDER))
    sums = compared[COMPARED] | "SumUp" >> beam.CombinePerKey(SumCompared(len(request.classes)))
    least = compared[DRAFTS] | "KeepLeast" >> beam.CombineGlobally(KeepLeast())
    return pipeline | "Conclude" >> MapOnce(
        _conclude,
        request,
        sums=AsDict(sums),
        least=AsSingleton(least),
        rejected=AsSingleton(rejected | "CountRejected" >> beam.combiners.Count.Globally()),
        problems=AsSingleton(found[PROBLEMS] | "CountProblems" >> beam.combiners.Count.Globally()),
        first_problems=AsSingleton(found[PROBLEMS] | "FirstProblems" >> beam.combiners.Top.Smallest(_PROBLEMS_NAMED)),
        files=AsIter(files),
    )


def _handler(model: Model) -> KeyedModelHandler:
    """Answers photo by photo with what is measured of the answer; the key is what goes with the photo."""
    return KeyedModelHandler(SegmentationModel(model.folder, model.info, measures=True, alone=True))


def _clients(found: FoundPhoto) -> list[str]:
    return [one for one in found.slices if one.startswith(f"{BY_CLIENT} ")]


def _conclude(
    request: Request,
    sums: Mapping[str, Sums],
    least: list[Draft],
    rejected: int,
    problems: int,
    first_problems: list[tuple[str, str]],
    files: Iterable[str],
) -> dict:
    """Writes everything but the lines, and returns the outcome."""
    account = Account(rejected, problems, tuple(first_problems), tuple(sorted(files)))
    return write_outcome(request, sums, least, account)
