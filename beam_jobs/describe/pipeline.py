"""The describe job as a Beam graph, from pairs to one survey of them all."""

from __future__ import annotations

import json

import apache_beam as beam

from beam_jobs.describe.survey import Survey, add_surveys, survey_pair
from beam_jobs.elements import SourceFile
from beam_jobs.storage.files import write_atomically


def survey(pipeline: beam.Pipeline, pairs: list[tuple[str, str]], path: str) -> beam.PCollection:
    """Surveys pairs of photo and mask, and writes one Survey of them as JSON to `path`."""
    return (
        pipeline
        | "NamePairs" >> beam.Create(pairs)
        | "SpreadPairs" >> beam.Reshuffle()
        | "SurveyPairs" >> beam.Map(lambda pair: survey_pair(SourceFile(pair[0], 0), SourceFile(pair[1], 0)))
        | "AddSurveys" >> beam.CombineGlobally(add_surveys)
        | "WriteSurvey" >> beam.Map(lambda one: write_atomically(path, json.dumps(one._asdict()).encode()))
    )


def survey_from_json(data: bytes) -> Survey:
    """Reads what `survey` wrote."""
    return Survey(**json.loads(data))
