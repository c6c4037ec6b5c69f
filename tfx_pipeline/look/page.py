"""The page that links versions, runs and models, with what changed from one to the next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from beam_jobs.html.document import document
from beam_jobs.html.labels import counted, split_mark
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import trend
from beam_jobs.html.tables import head_cell, scrolled
from schemas.bounded_text import bounded_lines
from schemas.features import SPLITS
from schemas.metrics import IOU, MEAN_IOU
from schemas.version_files import REPORT_FILE as DATA_REPORT_FILE
from tfx_pipeline.config.output_layout import (
    CONFUSION_FILE,
    PER_IMAGE_FILE,
    PREDICTIONS_FILE,
    REPORT_FILE,
    SERVING_FOLDER,
)
from tfx_pipeline.local.history import FinishedRun
from tfx_pipeline.look.find import Found, Output, Version

TITLE = "What lies in "
SHOWN_RUNS = 20  # of one output folder, the newest; the curve has all
SHOWN_PROBLEMS = 20
PAGES = {
    REPORT_FILE: "evaluation",
    PREDICTIONS_FILE: "predictions",
    PER_IMAGE_FILE: "IoU of every photo",
    CONFUSION_FILE: "confusion matrix",
    SERVING_FOLDER: "serving folder",
}


def look_page(found: Found, root: Path, page: Path) -> str:
    """The page as HTML, whose links are relative to where it will lie.

    Args:
      found: What it shows.
      root: Folder that was looked through.
      page: Path of the page itself.
    """
    home = page.parent.resolve()
    sections = []
    if found.outputs:
        models = [_output(one, root, home) for one in reversed(found.outputs)]
        sections.append(("models", "Models", join(*models)))
    if found.versions:
        data = [_data_set(_place(folder, root), versions, home) for folder, versions in _by_data_set(found.versions)]
        sections.append(("data", "Data", join(*data)))
    lead = f"{counted(len(found.outputs), 'model folder')} and {counted(len(found.versions), 'published version')}"
    title = f"{TITLE}{root}"
    header = join(element("h1", title), element("p", lead, class_="lead"), _problems(found.problems))
    return document(title, header, sections)


def is_look_page(path: Path) -> bool:
    """Whether a file is a page of ours, which the next one may replace."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f"<title>{TITLE}".encode() in file.read(1 << 16)  # the style sheet comes after it


def _problems(problems: Sequence[str]) -> Markup:
    if not problems:
        return join()
    items = [element("li", element("strong", one)) for one in bounded_lines(list(problems), SHOWN_PROBLEMS)]
    return element("div", element("h2", "Could not be read"), element("ul", *items), class_="problems")


def _by_data_set(versions: Sequence[Version]) -> list[tuple[Path, list[Version]]]:
    """Versions of one data set lie beside each other; the same data set elsewhere is another row of versions."""
    folders: dict[Path, list[Version]] = {}
    for one in versions:
        folders.setdefault(one.folder.parent, []).append(one)
    return sorted(folders.items())


def _output(output: Output, root: Path, home: Path) -> Markup:
    """A model folder: its last run, its curve, and the runs before."""
    name = element("h3", _place(output.folder, root))
    links = _links({one: words for one, words in PAGES.items() if (output.folder / one).exists()}, output.folder, home)
    if not output.runs:
        words = "Its runs were finished before runs were noted in history.jsonl; the next one will be shown."
        return join(name, element("p", words, class_="detail"), links)
    last = output.runs[-1]
    figures = element(
        "dl",
        _figure("mean IoU", MEAN_IOU.text(_mean_iou(last)), _interval(last)),
        _figure("worst class", *_worst_class(last)),
        _figure("trained on", f"{last.dataset} {last.version}", f"{last.examples:,} images to evaluate on"),
        class_="figures",
    )
    state = element("p", _verdict(last.blessed), " ", element("span", _day(last.finished), class_="detail"))
    return join(name, state, figures, links, _runs(output.runs))


def _figure(name: str, value: str, note: str) -> Markup:
    return element("div", element("dt", name), element("dd", value, element("p", note, class_="detail")))


def _verdict(blessed: bool) -> Markup:
    text, state = ("Blessed", "published") if blessed else ("Not blessed", "withheld")
    return element("span", text, class_=f"state {state}")


def _runs(runs: Sequence[FinishedRun]) -> Markup:
    """The curve of the mean IoU and a row for each run, the newest first."""
    if len(runs) < 2:
        return join()
    values = [_mean_iou(one) for one in runs]
    known = [one for one in values if one is not None]
    spoken = f"Mean IoU of {len(runs):,} runs"
    if known:
        spoken += f", from {MEAN_IOU.text(min(known))} to {MEAN_IOU.text(max(known))}"
    rows = []
    for index in range(len(runs) - 1, max(-1, len(runs) - 1 - SHOWN_RUNS), -1):
        one, before = runs[index], runs[index - 1] if index else None
        cells = [
            element("th", _day(one.finished), scope="row"),
            element("td", f"{one.dataset} {one.version}"),
            element("td", MEAN_IOU.text(_mean_iou(one)), class_="number"),
            element("td", _change(one, before), class_="number"),
            element("td", "blessed" if one.blessed else "not blessed"),
        ]
        rows.append(element("tr", *cells))
    heads = [
        element("th", text, scope="col", class_=kind)
        for text, kind in (("run", ""), ("data", ""), ("mean IoU", "number"), ("change", "number"), ("verdict", ""))
    ]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    curve = trend(values, [one.blessed for one in runs], spoken)
    return join(curve, scrolled(table, "Runs"))


def _change(run: FinishedRun, before: FinishedRun | None) -> str:
    """By how much the mean IoU differs from the run before; on other data, that is said."""
    now, then = _mean_iou(run), _mean_iou(before) if before else None
    if now is None or then is None:
        return ""
    other = "" if before and before.manifest_sha256 == run.manifest_sha256 else ", other data"
    return f"{now - then:+.3f}{other}"


def _data_set(name: str, versions: Sequence[Version], home: Path) -> Markup:
    """A table of a data set's versions, the newest first."""
    splits = [split for split in SPLITS if any(split in one.manifest.splits for one in versions)]
    rows = []
    for index in range(len(versions) - 1, -1, -1):
        one, manifest = versions[index], versions[index].manifest
        before = versions[index - 1].manifest if index else None
        change = f"{manifest.published - before.published:+,}" if before else ""
        counts = [manifest.splits[split].records if split in manifest.splits else 0 for split in splits]
        cells = [
            element("th", manifest.version, scope="row"),
            *(element("td", f"{count:,}", class_="number") for count in counts),
            element("td", change, class_="number"),
            element("td", f"{sum(manifest.quarantined.values()):,}", class_="number"),
            element("td", f"{manifest.image_size}" if manifest.image_size else "own", class_="number"),
            element("td", _day(one.written)),
            element("td", _report(one.folder, home)),
        ]
        rows.append(element("tr", *cells))
    heads = [
        element("th", "version", scope="col"),
        *(element("th", split_mark(split), scope="col", class_="number") for split in splits),
        *(element("th", one, scope="col", class_="number") for one in ("change", "rejected", "pixels")),
        *map(head_cell, ("written", "")),
    ]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    return join(element("h3", name), scrolled(table, f"Versions in {name}"))


def _report(folder: Path, home: Path) -> Markup:
    path = folder / DATA_REPORT_FILE
    return element("a", "report", href=_relative(path.resolve(), home)) if path.exists() else join()


def _links(files: dict[str, str], folder: Path, home: Path) -> Markup:
    links = [element("a", words, href=_relative(folder.resolve() / name, home)) for name, words in files.items()]
    return element("nav", *links, aria_label=f"Files of {folder.name}") if links else join()


def _relative(path: Path, home: Path) -> str:
    """A link from a page in `home`: quoted, and with a leading ./ so that no name is taken for a scheme."""
    return "./" + quote(os.path.relpath(path, home))


def _place(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix() if folder != root and folder.is_relative_to(root) else folder.as_posix()


def _mean_iou(run: FinishedRun) -> float | None:
    return run.metrics.get(MEAN_IOU.name)


def _worst_class(run: FinishedRun) -> tuple[str, str]:
    classes = {
        name.removeprefix(f"{IOU.name}_"): value
        for name, value in run.metrics.items()
        if name.startswith(f"{IOU.name}_") and value is not None
    }
    if not classes:
        return "none", "no class has an IoU"
    worst = min(classes, key=lambda name: classes[name])
    return worst, f"IoU {IOU.text(classes[worst])}"


def _interval(run: FinishedRun) -> str:
    return f"95 % from {MEAN_IOU.text(run.interval[0])} to {MEAN_IOU.text(run.interval[1])}" if run.interval else ""


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
