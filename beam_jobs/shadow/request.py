"""Checks a request for a shadow run before a job is built: two models, the photos, the output."""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.console import heavy_imports
from beam_jobs.predict.request import ANY_PHOTO, check_photos
from beam_jobs.served.listing import records_of
from beam_jobs.served.window import Window, refuse_window, window_of
from beam_jobs.storage.files import StoredFile, files_below
from beam_jobs.storage.models import model_digest
from beam_jobs.storage.versions import absolute_folder, check_output
from schemas.bounded_text import enumerated
from schemas.errors import UserError
from schemas.exported_model import ModelInfo
from schemas.served import PHOTOS_FOLDER, is_photo_path

SERVED, CANDIDATE = "served", "candidate"
MODELS = (SERVED, CANDIDATE)
EVER = Window(0, 1 << 53)


class Model(NamedTuple):
    """One of the two.

    Attributes:
      folder: Of the exported model.
      info: Its model_info.json.
      digest: As records of a log name it.
    """

    folder: str
    info: ModelInfo
    digest: str


class Request(NamedTuple):
    """What is compared.

    Attributes:
      served: The model that answers users.
      candidate: The model that answers nobody yet.
      photos: Folder of photos; empty where a log is read.
      image_path: Pattern below `photos`.
      log: Log of what is served, whose kept photos are answered; empty where a folder of photos is.
      files: Paths of the files of its records below it, in order.
      output: Folder that everything goes to.
      window: Of which records of the log name photos.
      progress_dir: Local folder for the progress files, if it exists.
    """

    served: Model
    candidate: Model
    photos: str
    image_path: str
    log: str
    files: tuple[StoredFile, ...]
    output: str
    window: Window
    progress_dir: str = ""

    @property
    def models(self) -> tuple[Model, Model]:
        """In the order of MODELS."""
        return self.served, self.candidate

    @property
    def classes(self) -> tuple[str, ...]:
        """Of both models."""
        return self.served.info.classes

    @property
    def titles(self) -> tuple[str, ...]:
        """What people call the classes."""
        return self.served.info.class_titles


def make_request(
    model: str,
    candidate: str,
    output: str,
    photos: str | None = None,
    log: str | None = None,
    image_path: str = ANY_PHOTO,
    start: str | None = None,
    end: str | None = None,
) -> Request:
    """Checks everything that can be checked before a job is built.

    Args:
      model: Folder of the exported model that is served.
      candidate: Folder of the one that may follow it.
      output: Folder for `shadow.html`, `shadow.json`, `table/` and `rejected/`.
      photos: Folder of photos; or
      log: a log of what is served, whose kept photos are answered again. Exactly one of the two is given.
      image_path: Pattern below `photos`.
      start, end: Window of the log, such as `2026-11-29T00` in UTC; None for all of it.

    Raises:
      UserError: Names what can't be used, by the option of the command line.
    """
    if bool(photos) == bool(log):
        raise UserError("give either --photos or --log")
    if log and image_path != ANY_PHOTO:
        raise UserError("--image_path: is a pattern below --photos; a log has its own names")
    if photos:
        refuse_window(start, end)
    model, candidate, output = (absolute_folder(one) for one in (model, candidate, output))
    photos, log = (absolute_folder(one) if one else "" for one in (photos, log))
    inputs = {"--model": model, "--candidate": candidate, "--photos": photos, "--log": log}
    check_output(output, inputs)
    files: tuple[StoredFile, ...] = ()
    window = EVER
    if photos:
        check_photos(photos, image_path)
    else:
        found = _files_of(log)
        window = window_of(start, end, found, None)
        files = window.files(found)
        if not files:
            raise UserError(f"--log {log}: holds no records from {window}; give other times, or none")
    served, shadow = _read_model("--model", model), _read_model("--candidate", candidate)
    _check_models(served, shadow)
    return Request(served, shadow, photos, image_path, log, files, output, window)


def _files_of(log: str) -> tuple[StoredFile, ...]:
    """The files of a log's records; UserError where it keeps no photo, or no record that would name one."""
    found, _ = records_of("--log", log)
    names = (one.path.removeprefix(f"{log}/") for one in files_below(f"{log}/{PHOTOS_FOLDER}"))
    if not found or not any(map(is_photo_path, names)):
        what = "keeps no photos" if found else "holds no records"
        raise UserError(
            f"--log {log}: {what}; give --photos=DIR, or let the log keep a sample (cloud.serving.log, --log_photos)"
        )
    return tuple(found)


def _read_model(option: str, folder: str) -> Model:
    with heavy_imports():
        from beam_jobs.predict.model import read_model_info

    return Model(folder, read_model_info(folder, option), model_digest(folder))


def _check_models(served: Model, candidate: Model) -> None:
    """Refuses models that can't be compared, and one that is compared with itself."""
    if served.digest == candidate.digest:
        raise UserError(
            f"--candidate {candidate.folder}: has the weights of --model {served.folder} ({served.digest}); give"
            " another model"
        )
    before, after = served.info.classes, candidate.info.classes
    if before != after:
        raise UserError(
            f"--candidate {candidate.folder}: {_difference(before, after)} those of --model {served.folder}; only"
            " models of the same classes can be compared pixel by pixel"
        )


def _difference(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """How classes differ, as the start of a sentence that ends with whose the earlier ones are."""
    if set(before) == set(after):
        return "its classes have another order than"
    gone, new = ([one for one in own if one not in other] for own, other in ((before, after), (after, before)))
    parts = [f"without {enumerated(gone)}"] if gone else []
    parts += [f"with {enumerated(new)}"] if new else []
    return f"its classes ({', '.join(parts)}) are not"
