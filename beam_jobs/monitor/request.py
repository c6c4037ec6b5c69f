"""Checks a request to monitor before a job is built: the log and its window, the reference, the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from beam_jobs.console import heavy_imports
from beam_jobs.served.listing import read_together, records_of
from beam_jobs.served.shown_classes import ShownClasses, read_shown_classes
from beam_jobs.served.window import Window, window_of
from beam_jobs.storage.files import StoredFile, open_file
from beam_jobs.storage.local_paths import real_folder
from beam_jobs.storage.versions import absolute_folder, check_output
from schemas.errors import UserError
from schemas.features import EVAL, FRACTION_SUFFIX, TRAIN
from schemas.served import (
    CLIENT,
    HOUR,
    MODEL,
    PREDICT,
    SOURCE,
    TRAINED_ON,
)

DEFAULT_HOURS = 24  # the newest of the log
MAX_SELECTED = 1000  # photos to label
HOW_TO_MAKE = "python -m beam_jobs.predict --version_dir=VERSION --log=REFERENCE writes it"


class Identity(NamedTuple):
    """What answered: version of the model, and manifest_sha256 of what it was trained on, empty if unknown."""

    model: str
    trained_on: str

    def __str__(self) -> str:
        return f"{self.model} (trained on {self.trained_on[:12]})" if self.trained_on else self.model

    def fits(self, other: Identity) -> bool:
        """Whether both may be one model."""
        known = self.trained_on and other.trained_on
        return self.model == other.model and (not known or self.trained_on == other.trained_on)


class Request(NamedTuple):
    """What is monitored.

    Attributes:
      log: Folder of the log.
      reference: Folder of the log of the version's splits.
      window: Of which records are read.
      is_newest: Whether the window is the newest DEFAULT_HOURS because none was named.
      files: Paths of the window's files below the log, in order.
      reference_files: Those of the reference.
      left_out: Files among the log's records that are none of its own: how many, and the first one.
      classes: Names, sorted.
      model: That answered the reference's photos.
      select: How many photos to label; 0 for none.
      output: Folder that everything goes to.
      shown: How pages and alarms show the classes.
      progress_dir: Local folder for the progress files, if it exists.
    """

    log: str
    reference: str
    window: Window
    is_newest: bool
    files: tuple[StoredFile, ...]
    reference_files: tuple[StoredFile, ...]
    left_out: tuple[int, str]
    classes: tuple[str, ...]
    model: Identity
    select: int
    output: str
    shown: ShownClasses
    progress_dir: str = ""

    @property
    def titles(self) -> dict[str, str]:
        """What people call the classes, in the order of `classes`."""
        return {one: self.shown.titles[one] for one in self.classes}


class Part(NamedTuple):
    """Records that one worker reads together.

    Attributes:
      log: Folder of the log, or the subscription that they came from.
      files: Paths below the folder.
      is_reference: Whether they are of the reference.
      records: What a stream has in place of files: the id and the bytes of each.
      window: Of these; None for the request's.
    """

    log: str
    files: tuple[str, ...]
    is_reference: bool
    records: tuple[tuple[str, bytes], ...] = ()
    window: Window | None = None


def make_request(
    log: str, reference: str, output: str, start: str | None = None, end: str | None = None, select: int = 0
) -> Request:
    """Lists both logs and reads a record of the reference.

    Args:
      log: Folder of what is served, local or `gs://`.
      reference: Folder of the log of the splits of the version that the model was trained on.
      output: Folder for `monitor.html`, `drift.json`, `statistics.pb` and `to_label/`.
      start, end: The window, such as `2026-11-29T00`, in UTC; `end` itself is not part of it.
      select: How many photos to label.

    Raises:
      UserError: Names what can't be used, by the option of the command line.
    """
    log, reference, output = absolute_folder(log), absolute_folder(reference), absolute_folder(output)
    check_output(output, {"--log": log, "--reference": reference})
    if real_folder(log) == real_folder(reference):
        raise UserError(f"--reference {reference}: is the log itself; {HOW_TO_MAKE}")
    if not 0 <= select <= MAX_SELECTED:
        raise UserError(f"--select={select}: must be from 0 to {MAX_SELECTED:,}")
    found, left_out = records_of("--log", log)
    window = window_of(start, end, found, DEFAULT_HOURS)
    kept, _ = records_of("--reference", reference)
    classes, model = _first_answer(reference, kept)
    return Request(
        log,
        reference,
        window,
        not (start or end),
        window.files(found),
        (*kept,),
        left_out,
        classes,
        model,
        select,
        output,
        _shown(classes, model, reference, log),
    )


def reference_request(log: str, reference: str, output: str) -> Request:
    """The request of a stream: without a window or files of its own; `log` names where its records come from."""
    reference, output = absolute_folder(reference), absolute_folder(output)
    check_output(output, {"--reference": reference})
    kept, _ = records_of("--reference", reference)
    classes, model = _first_answer(reference, kept)
    shown = _shown(classes, model, reference)
    return Request(log, reference, Window(0, HOUR), False, (), (*kept,), (0, ""), classes, model, 0, output, shown)


def _shown(classes: Sequence[str], model: Identity, *logs: str) -> ShownClasses:
    return read_shown_classes(classes, ((log, model.model) for log in logs))


def parts(request: Request) -> Iterator[Part]:
    """All files of both logs; neighbours in time together."""
    for folder, files in ((request.log, request.files), (request.reference, request.reference_files)):
        for some in read_together(files):
            yield Part(folder, tuple(some), folder == request.reference)


def _first_answer(reference: str, files: Sequence[StoredFile]) -> tuple[tuple[str, ...], Identity]:
    """The classes and the model of a reference, as its newest file says them: each release may add to the same log."""
    classes, model, source, client = newest_record("--reference", reference, files, HOW_TO_MAKE)
    if source != PREDICT:
        raise UserError(
            f"--reference {reference}: was written by {source!r}, of client {client!r}; it must hold the model's"
            f" answers on {TRAIN} and {EVAL} photos: {HOW_TO_MAKE}"
        )
    return classes, model


def newest_record(
    option: str, log: str, files: Sequence[StoredFile], remedy: str
) -> tuple[tuple[str, ...], Identity, str, str]:
    """The classes, sorted, the model, the source and the client that the first record of a log's newest file names.

    The client is empty where the record has none.

    Raises:
      UserError: Names the option and the remedy where there is no record, or it is none of a log.
    """
    with heavy_imports():
        from beam_jobs.records.published_records import bytes_of, parse_record
        from beam_jobs.records.tfrecord import DamagedTFRecord, TFRecordReader

    for one in reversed(files):
        try:
            with open_file(f"{log}/{one.path}") as file:
                first = next(iter(TFRecordReader(file)), None)
            if first is None:
                continue
            record = parse_record(first)
            source = bytes_of(record, SOURCE).decode()
            client = bytes_of(record, CLIENT).decode() if CLIENT in record else ""  # not every caller says what it is
            model = Identity(bytes_of(record, MODEL).decode(), bytes_of(record, TRAINED_ON).decode())
        except (OSError, ValueError, KeyError, TypeError, DamagedTFRecord) as error:
            raise UserError(f"{option} {log}/{one.path}: can't be used ({error}); {remedy}") from None
        names = sorted(name.removesuffix(FRACTION_SUFFIX) for name in record if name.endswith(FRACTION_SUFFIX))
        return tuple(names), model, source, client
    raise UserError(f"{option} {log}: holds no records; {remedy}")
