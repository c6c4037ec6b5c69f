"""Has a model answer what is to be monitored, in one pipeline: a folder of photos, a version's splits, or both.

The answers become logs below the output: what was served, and the reference.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, NamedTuple

from beam_jobs.console import heavy_imports
from beam_jobs.predict.request import Request as PredictRequest
from beam_jobs.predict.request import make_request
from beam_jobs.served.window import refuse_window
from beam_jobs.storage.files import delete_files, exists, files_below, read_file
from beam_jobs.storage.versions import absolute_folder
from schemas.errors import UserError
from schemas.version_files import MANIFEST_FILE

if TYPE_CHECKING:
    import apache_beam as beam

SERVED_FOLDER, REFERENCE_FOLDER = "served", "reference"  # below the output
LABEL_FOLDER, PHOTOS_FOLDER, PROPOSALS_FOLDER = "to_label", "photos", "proposals"


class Answering(NamedTuple):
    """What a model answers.

    Attributes:
      photos: A folder of photos; None where a log is monitored.
      version: The splits of a version; None where the reference is a log already.
      output: Below which the logs are written.
      progress_dir: Folder for the progress files.
    """

    photos: PredictRequest | None
    version: PredictRequest | None
    output: str
    progress_dir: str = ""

    @property
    def requests(self) -> list[PredictRequest]:
        """Those that there are."""
        return [one for one in (self.photos, self.version) if one]


def answering_of(options: argparse.Namespace) -> Answering | None:
    """What a command line wants a model to answer; None where both logs are there.

    Raises:
      UserError: Names what can't be used, by the option of the command line.
    """
    reference, output = absolute_folder(options.reference), absolute_folder(options.output)
    is_version = exists(f"{reference}/{MANIFEST_FILE}")
    if not options.photos and not is_version:
        if options.model and not options.select:
            raise UserError(
                "--model: answers --photos, a version as --reference, or photos of --select; give one of them"
            )
        if options.model:
            with heavy_imports():
                from beam_jobs.predict.model import read_model_info
            read_model_info(absolute_folder(options.model))  # of masks that are written in the end
        return None
    if not options.model:
        what = f"--photos {options.photos}" if options.photos else f"--reference {reference}, a published version,"
        raise UserError(f"{what} must be answered by a model first; give --model=DIR, too")
    if options.photos:
        refuse_window(options.start, options.end)
    served, kept = f"{output}/{SERVED_FOLDER}", f"{output}/{REFERENCE_FOLDER}"
    photos = version = None
    if options.photos:
        photos = make_request(options.model, output, options.photos, options.image_path, writes_masks=False)
        # photos to label are chosen of those that a log keeps
        photos = photos._replace(log=served, log_photos=1.0 if options.select else 0.0)
    if is_version:
        version = make_request(options.model, output, version_dir=reference, writes_masks=False)._replace(log=kept)
    return Answering(photos, version, output)


def delete_answers(output: str) -> None:
    """Deletes the logs that an earlier run left below an output that is marked as ours."""
    for folder in (SERVED_FOLDER, REFERENCE_FOLDER):
        delete_files([one.path for one in files_below(f"{output}/{folder}")])


def begin_answering(answering: Answering) -> None:
    """Makes the logs ready, empty but for what they keep."""
    from beam_jobs.predict.log import begin_log

    delete_answers(answering.output)
    for one in answering.requests:
        begin_log(one.log, one.log_photos, one.model_dir, one.info)


def selected_photos(model: str, output: str) -> PredictRequest:
    """The request for masks of the photos that were chosen to be labelled."""
    folder = f"{absolute_folder(output)}/{LABEL_FOLDER}"
    return make_request(model, f"{folder}/{PROPOSALS_FOLDER}", f"{folder}/{PHOTOS_FOLDER}")


def propose(request: PredictRequest) -> int:
    """Writes the masks of such a request as annotation tools take them; how many photos have one."""
    from beam_jobs.monitor.proposals import COCO_FILE, write_proposals

    folder = request.output.rpartition("/")[0]
    images = json.loads(read_file(f"{folder}/{COCO_FILE}"))["images"]
    return write_proposals(folder, images, f"{request.output}/masks", request.info.classes)


def build_answering(pipeline: beam.Pipeline, answering: Answering) -> None:
    """Adds the graph that writes both logs, and which photos could not be read."""
    from beam_jobs.predict.pipeline import log_answers

    log_answers(pipeline, [one._replace(progress_dir=answering.progress_dir) for one in answering.requests])
