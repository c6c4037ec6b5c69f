"""Reads the descriptions of the data sets that another one merges, so that it says all of them itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.lines import MAX_LINE
from schemas.merge_spec import ANY_ID, SOURCE, SOURCE_PATTERN
from schemas.shipped import available_datasets
from schemas.shorthand import UNSTATED
from schemas.spec import DatasetSpec
from schemas.table_spec import check_listed_path


def with_sources(values: dict[str, Any], path: str, folder: str, read: Callable[[str], DatasetSpec]) -> dict[str, Any]:
    """Completes what a `dataset.yaml` with `merge` says from the data sets that it names.

    Args:
      values: What it says.
      path: Names it in messages.
      folder: That the data sets lie below, local or `gs://`.
      read: Reads the description that lies in a folder, or that a name or path stands for.

    Raises:
      UserError: A data set is not named as it must be, or can't be read.
    """
    merge = values["merge"]
    if not isinstance(merge, dict):
        raise UserError(f"{path}: merge: must name data sets, each with its classes, as in merge: {{camvid: {{...}}}}")
    sources = {}
    for name, source in merge.items():
        source = {"input": name} if source is None else source
        if not isinstance(source, dict):
            raise UserError(f"{path}: merge.{name}: must have classes, and input where its folder is not {name}")
        sources[name] = {"input": name, **source}
        sources[name]["dataset"] = _description(name, sources[name], f"{path}: merge.{name}", folder, read)
    specs = [one["dataset"] for one in sources.values()]
    derived = {
        "classes": _all_classes(specs),
        "image_path": ANY_ID,
        "mask_path": ANY_ID,
        "fit": specs[0].fit if len({one.fit for one in specs}) == 1 else None,
        "photos": specs[0].photos if len({one.photo_range for one in specs}) == 1 else None,
        "split": "official" if any(one.split == "official" for one in specs) else "hash",
        "slices": [{"name": SOURCE, "id_pattern": SOURCE_PATTERN}],
        "license": _joined({one.name: one.license for one in specs}),
        "source": _joined({one.name: one.source for one in specs}),
    }
    return {**derived, **values, "merge": sources}


def _all_classes(specs: Iterable[DatasetSpec]) -> list[str]:
    """The classes of all data sets, as people write them, in the order in which they come first."""
    titles: dict[str, str] = {}
    for spec in specs:
        for one in spec.classes:
            titles.setdefault(one.name, one.shown)
    return list(titles.values())


def _description(
    name: str, source: dict[str, Any], place: str, folder: str, read: Callable[[str], DatasetSpec]
) -> DatasetSpec:
    named = source.get("dataset", source["input"])
    if isinstance(named, dict):
        return parse_model(DatasetSpec, {"name": name, **named}, f"{place}.dataset")
    if named in available_datasets() and "dataset" in source:
        return read(named)
    try:
        path = f"{folder}/{check_listed_path(str(named))}"
    except ValueError as error:
        raise UserError(f"{place}: {named!r} {error}") from None
    try:
        return read(path)
    except UserError as error:
        raise UserError(f"{place}: {str(error).removeprefix('--dataset ')}") from None


def _joined(stated: dict[str, str]) -> str:
    """What each data set says, after its name; too long a text is cut after the last that fits."""
    parts: Iterable[str] = dict.fromkeys(f"{name}: {text}" for name, text in stated.items() if text != UNSTATED)
    joined = ""
    for part in parts:
        longer = f"{joined}; {part}" if joined else part
        if len(longer) > MAX_LINE:
            break
        joined = longer
    return joined or UNSTATED
