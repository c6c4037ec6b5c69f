"""The jobs as transforms for any Beam pipeline: each adds its whole graph and emits one element once all is written.

Only the command lines add: the lock against a second job of the same version on this machine, progress,
`metrics.json` and exit codes. Beam decides how a failure is shown.
"""

from __future__ import annotations

import apache_beam as beam

from beam_jobs.compare.pipeline import compare
from beam_jobs.compare.request import check_output
from beam_jobs.compare.request import make_request as compare_request
from beam_jobs.monitor.pipeline import monitor
from beam_jobs.monitor.request import make_request as monitor_request
from beam_jobs.predict.pipeline import predict
from beam_jobs.predict.request import ANY_PHOTO
from beam_jobs.predict.request import make_request as predict_request
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.pipeline import prepare
from beam_jobs.prepare.retry_options import with_base_options
from beam_jobs.shadow.pipeline import shadow
from beam_jobs.shadow.request import make_request as shadow_request
from beam_jobs.storage.versions import absolute_folder, require_baseline
from beam_jobs.validate.pipeline import validate
from beam_jobs.validate.request import make_request as validate_request
from beam_jobs.validate.request import read_checked
from schemas.frozen_model import parse_model


class Prepare(beam.PTransform):
    """Pipeline -> the folder that was written to: `options.version_dir`, or, of a withheld version, `rejected_dir`.

    A version that is already published with the same content is left as it is, and its folder is the element.

    Args:
      options: What to prepare.

    Raises:
      UserError: The baseline, or the version whose rejected inputs are tried again, can't be used.
    """

    def __init__(self, options: PrepareOptions):
        super().__init__()
        self._options = parse_model(
            PrepareOptions, with_base_options(options.model_dump(exclude_unset=True)), "options"
        )
        if self._options.baseline_dir:
            require_baseline(self._options.baseline_dir, self._options.dataset)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return prepare(pipeline, self._options)


class Validate(beam.PTransform):
    """Pipeline -> the `beam_jobs.validate.pipeline.Outcome`, whose `findings` are empty where nothing is wrong.

    Args:
      version_dir: Folder of a published version, local or `gs://`.
      output: Folder for anomalies and `validation.json`.
      baseline_dir: Folder of an earlier version of the data set that drift is measured against.
      schema: Path of a schema to use instead of the version's own.

    Raises:
      UserError: One of them can't be used.
    """

    def __init__(self, version_dir: str, output: str, baseline_dir: str | None = None, schema: str | None = None):
        super().__init__()
        version_dir, output = absolute_folder(version_dir), absolute_folder(output)
        baseline_dir = absolute_folder(baseline_dir) if baseline_dir else None
        manifest = read_checked(version_dir, baseline_dir, output)
        self._request = validate_request(version_dir, manifest, schema, baseline_dir, output, progress_dir="")

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return validate(pipeline, self._request)


class Compare(beam.PTransform):
    """Pipeline -> the summary of what changed from one published version to another, as `summary.json` has it.

    Args:
      before, after: Folders of published versions of one data set, local or `gs://`.
      output: Folder for `changes/`, `changes.html` and `summary.json`; files of these names in it are overwritten.

    Raises:
      UserError: One of them can't be used.
    """

    def __init__(self, before: str, after: str, output: str):
        super().__init__()
        output = absolute_folder(output)
        request = compare_request(before, after)
        check_output(request, output)
        self._request = request._replace(output=output)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return compare(pipeline, self._request)


class Predict(beam.PTransform):
    """Pipeline -> the path of the summary, beside which are the masks and the table.

    Args:
      model: Folder of an exported model. A model is code: use only one that you trust.
      output: Folder for everything that is written.
      photos: Folder of photos, or
      version_dir: a published version, whose masks are the truth.
      image_path: Pattern below `photos`.
      split: Of the version; None for all.
      log: Folder that a record of each answer is added to, see `schemas.served`; None for none.
      log_photos: Share of the photos that are kept there.

    Raises:
      UserError: One of them can't be used.
    """

    def __init__(
        self,
        model: str,
        output: str,
        photos: str | None = None,
        version_dir: str | None = None,
        image_path: str = ANY_PHOTO,
        split: str | None = None,
        log: str | None = None,
        log_photos: float = 0.0,
    ):
        super().__init__()
        self._request = predict_request(model, output, photos, image_path, version_dir, split, log, log_photos)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return predict(pipeline, self._request)


class Monitor(beam.PTransform):
    """Pipeline -> how what is served differs from the reference, as `drift.json` has it.

    Args:
      log: Folder of what is served, local or `gs://`.
      reference: Folder of the log of the model's answers on its train and eval photos.
      output: Folder for everything that is written; files of the same names in it are overwritten.
      start, end: The window, such as `2026-11-29T00` in UTC; None for the newest 24 hours of the log.
      select: How many of the kept photos to copy for labelling.

    Raises:
      UserError: One of them can't be used.
    """

    def __init__(
        self, log: str, reference: str, output: str, start: str | None = None, end: str | None = None, select: int = 0
    ):
        super().__init__()
        self._request = monitor_request(log, reference, output, start, end, select)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return monitor(pipeline, self._request)


class Shadow(beam.PTransform):
    """Pipeline -> how the answers of a candidate differ from those of the served model, as `shadow.json` has it.

    Args:
      model: Folder of the exported model that is served. A model is code: use only ones that you trust.
      candidate: Folder of the one that may follow it.
      output: Folder for everything that is written; files of the same names in it are overwritten.
      photos: Folder of photos, or
      log: a log of what is served, see `schemas.served`, whose kept photos are answered again.
      image_path: Pattern below `photos`.
      start, end: Window of the log, such as `2026-11-29T00` in UTC; None for all of it.

    Raises:
      UserError: One of them can't be used.
    """

    def __init__(
        self,
        model: str,
        candidate: str,
        output: str,
        photos: str | None = None,
        log: str | None = None,
        image_path: str = ANY_PHOTO,
        start: str | None = None,
        end: str | None = None,
    ):
        super().__init__()
        self._request = shadow_request(model, candidate, output, photos, log, image_path, start, end)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return shadow(pipeline, self._request)
