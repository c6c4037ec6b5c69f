"""The monitoring job as one Beam graph: read the reference and the window, measure slices, conclude, select."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsDict, AsIter, AsSingleton, TaggedOutput
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList as Statistics

from beam_jobs.monitor.alarms import judge
from beam_jobs.monitor.novelty import NONE_LEARNT, Learnt, SampleHashes, as_signs, nearest_distances
from beam_jobs.monitor.reading import Account, Answers, LogReader, numbers_schema
from beam_jobs.monitor.repeats import Repeats
from beam_jobs.monitor.request import HOW_TO_MAKE, Identity, Part, Request, parts
from beam_jobs.monitor.selection import LABELLED, Candidate, KeepCandidates, candidates_of, select
from beam_jobs.monitor.slices import MAX_CLIENTS, REFERENCE, SumTallies, Tally, slices_of, tally
from beam_jobs.monitor.summary import Measured, write_outcome
from beam_jobs.monitoring.progress import DoneInputs, report_planned
from beam_jobs.near_duplicates.perceptual_hash import MAX_DISTANCE
from beam_jobs.once import MapOnce
from beam_jobs.statistics.measuring import MeasureSlices
from schemas.errors import UserError
from schemas.features import EVAL, TRAIN
from schemas.served import CLIENT, FEATURE_HASH, HOUR, PHOTO_HASH

ROWS, TALLIES, CANDIDATES, ACCOUNTS = "rows", "tallies", "candidates", "accounts"  # tags of outputs
MODELS, CLIENTS, PLANNED = "models", "clients", "planned"  # kinds of what the survey counts
_SURVEYED_FILES = 2000  # of the window, evenly spread over it: enough to know the largest clients

Surveyed = tuple[str, str]  # a kind of what is counted, and a value of it


class Plan(NamedTuple):
    """What the survey decides: the clients that are slices of their own."""

    clients: tuple[str, ...]


def monitor(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the outcome, as `drift.json` has it."""
    of_reference = [one for one in parts(request) if one.is_reference]
    learnt = learnt_of(pipeline | "NameReference" >> beam.Create(of_reference, reshuffle=True), request)
    surveyed = (
        pipeline
        | "NameSurveyed" >> beam.Create([*_surveyed(request)], reshuffle=True)
        | "Survey" >> beam.FlatMap(_survey, request).with_output_types(tuple[Surveyed, int])
    )
    most = take_largest(surveyed)
    plan = pipeline | "Plan" >> MapOnce(_plan, request, AsDict(most))
    measured = (
        pipeline
        | "NameParts" >> beam.Create([*parts(request)], reshuffle=True)
        | "Measure"
        >> beam.ParDo(MeasurePart(request), AsSingleton(plan), AsDict(learnt)).with_outputs(
            ROWS, TALLIES, CANDIDATES, ACCOUNTS
        )
    )
    statistics, tallies, accounts = summed(measured, request)
    candidates = measured[CANDIDATES] | "KeepCandidates" >> beam.CombineGlobally(KeepCandidates(request.select))
    return pipeline | "Conclude" >> MapOnce(
        _conclude,
        request,
        statistics=AsIter(statistics),
        tallies=AsDict(tallies),
        accounts=AsDict(accounts),
        learnt=AsDict(learnt),
        candidates=AsSingleton(candidates),
    )


def learnt_of(reference: beam.PCollection, request: Request) -> beam.PCollection:
    """Parts of the reference -> (FEATURE_HASH, PHOTO_HASH or LABELLED, Learnt)."""
    return (
        reference
        # (FEATURE_HASH, PHOTO_HASH or LABELLED, uint8 [N, 32])
        | "ReadLearnt" >> beam.FlatMap(_learnt_hashes, request).with_output_types(tuple[str, Any])
        | "SampleHashes" >> beam.CombinePerKey(SampleHashes())
    )


def take_largest(surveyed: beam.PCollection) -> beam.PCollection:
    """(Surveyed, count) -> (kind, the largest counts of it, with their values)."""
    return (
        surveyed
        | "SumSurvey" >> beam.CombinePerKey(sum)
        | "ByKind" >> beam.MapTuple(lambda key, count: (key[0], (count, key[1])))
        | "TakeLargest" >> beam.combiners.Top.LargestPerKey(MAX_CLIENTS)
    )


def summed(measured: Any, request: Request) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
    """Statistics, tallies and accounts of what `MeasurePart` gave, by slice and by log."""
    return (
        measured[ROWS] | "MeasureSlices" >> MeasureSlices(numbers_schema(request.classes)),
        measured[TALLIES] | "SumTallies" >> beam.CombinePerKey(SumTallies(len(request.classes))),
        measured[ACCOUNTS] | "SumAccounts" >> beam.CombinePerKey(Account.sum),
    )


def _learnt_hashes(part: Part, request: Request) -> Iterator[tuple[str, np.ndarray]]:
    """The hashes of train's photos in a part of the reference, and those of all, which need no labels any more."""
    for answers in LogReader(request.classes, request.model).batches(part):
        of_train = np.array([one == TRAIN for one in answers.texts[CLIENT]], bool)
        for name, (hashes, there) in answers.hashes.items():
            yield name, hashes[of_train & there]
        hashes, there = answers.hashes[PHOTO_HASH]
        yield LABELLED, hashes[there]


def _surveyed(request: Request) -> Iterator[Part]:
    """An even sample of the window's files."""
    step = max(1, -(-len(request.files) // _SURVEYED_FILES))
    yield from (one for one in parts(request._replace(files=request.files[::step])) if not one.is_reference)


def _survey(part: Part, request: Request) -> Iterator[tuple[Surveyed, int]]:
    reader = LogReader(request.classes, request.model)
    clients: Counter[str] = Counter()
    own = 0
    for answers in reader.batches(part):
        own += len(answers.time)
        clients.update(filter(None, answers.texts[CLIENT]))
    for client, count in clients.items():
        yield (CLIENTS, client), count
    for identity, count in reader.models.items():
        yield (MODELS, f"{identity.model}\n{identity.trained_on}"), count
    yield (PLANNED, ""), own  # records of other models are not measured


def _plan(request: Request, most: Mapping[str, list[tuple[int, str]]]) -> Plan:
    """Refuses a reference of another model than the window's, before anything is measured."""
    models = {Identity(*text.split("\n", 1)): count for count, text in most.get(MODELS, [])}
    own = sum(count for one, count in models.items() if one.fits(request.model))
    largest = max(models, key=lambda one: (models[one], one), default=request.model)
    if models and not largest.fits(request.model) and models[largest] > own:
        raise UserError(
            f"--reference {request.reference}: is of model {request.model}, but most records of the window are of"
            f" {largest}; {HOW_TO_MAKE}, or name a window of that model with --from and --to"
        )
    ((own_records, _),) = most.get(PLANNED, [(0, "")])
    surveyed = sum(len(one.files) for one in _surveyed(request))
    report_planned(request.progress_dir, "window", round(own_records * len(request.files) / max(1, surveyed)))
    return Plan(tuple(client for _, client in most.get(CLIENTS, [])))


class MeasurePart(beam.DoFn):
    """Part -> by tag: (slice, RecordBatch), (slice, Tally), Candidate, (log, Account)."""

    def __init__(self, request: Request):
        self._request = request

    def setup(self) -> None:
        self._done = DoneInputs(self._request.progress_dir)

    def teardown(self) -> None:
        self._done.close()

    def process(self, part: Part, plan: Plan, learnt: Mapping[str, Learnt]) -> Iterator[TaggedOutput]:
        signs = {name: as_signs(one.array) for name, one in learnt.items() if one.hashes}
        reader = LogReader(self._request.classes, self._request.model)
        tallies: dict[str, Tally] = {}
        repeats = Repeats(HOUR)
        judged = outside = repeated = 0
        for answers in reader.batches(part):
            if not part.is_reference:
                for _ in answers.time:
                    self._done.add()
            asked = self._is_asked_for(answers, part)
            inside = np.flatnonzero(asked if part.is_reference else asked & repeats.is_new(answers))
            judged, outside = judged + len(inside), outside + int((~asked).sum())
            repeated += int(asked.sum()) - len(inside)
            if not len(inside):
                continue
            answers = answers.take(inside)
            distances = _distances(answers, FEATURE_HASH, signs)
            apart = _distances(answers, PHOTO_HASH, signs)
            near = np.where(apart < 0, -1, apart <= MAX_DISTANCE)
            everyone = [(REFERENCE, np.arange(len(inside)))]
            for name, rows in everyone if part.is_reference else self._slices(answers, part, plan):
                yield TaggedOutput(ROWS, (name, answers.take(rows).rows))
                one = tally(answers.take(rows), self._request.classes, distances[rows], near[rows])
                tallies[name] = tallies[name] + one if name in tallies else one
            if self._request.select and not part.is_reference:
                for candidate in candidates_of(answers, distances, signs.get(LABELLED), self._request.select):
                    yield TaggedOutput(CANDIDATES, candidate)
        for name, one in tallies.items():
            yield TaggedOutput(TALLIES, (name, one))
        yield TaggedOutput(ACCOUNTS, (part.log, reader.account(judged, outside, repeated)))

    def _is_asked_for(self, answers: Answers, part: Part) -> np.ndarray:
        """bool [N]: of the window; of the reference, photos of eval."""
        if part.is_reference:
            return np.array([one == EVAL for one in answers.texts[CLIENT]], bool)
        window = part.window or self._request.window
        return (answers.time >= window.start) & (answers.time < window.end)

    def _slices(self, answers: Answers, part: Part, plan: Plan) -> Iterator[tuple[str, np.ndarray]]:
        return slices_of(answers, part.window or self._request.window, plan.clients)


def _distances(answers: Answers, feature: str, signs: Mapping[str, np.ndarray]) -> np.ndarray:
    """int64 [N]: to the nearest hash of train; -1 where one of the two is missing."""
    hashes, there = answers.hashes[feature]
    found = np.full(len(there), -1, np.int64)
    if feature in signs:
        found[there] = nearest_distances(hashes[there], signs[feature])
    return found


def _conclude(
    request: Request,
    statistics: Iterable[Statistics],
    tallies: Mapping[str, Tally],
    accounts: Mapping[str, Account],
    learnt: Mapping[str, Learnt],
    candidates: list[Candidate],
) -> dict:
    """Judges, writes everything, and returns the outcome."""
    merged = Statistics()
    for one in statistics:
        merged.MergeFrom(one)
    known = {name: learnt.get(name, NONE_LEARNT) for name in (FEATURE_HASH, PHOTO_HASH)}
    measured = Measured.of(merged, tallies, accounts, known)
    judgement = judge(measured.summaries, tallies, request.classes, request.titles)
    selected = select(request, candidates, measured) if request.select else None
    return write_outcome(request, measured, judgement, selected)
