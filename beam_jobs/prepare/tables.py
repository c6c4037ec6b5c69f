"""What tables beside the photos say of each photo: read, joined by id, and checked before a shard is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from beam_jobs.elements import PlannedRecord, SourceFile, TableRow, spell_out
from beam_jobs.prepare.joining import GROUPED, LISTED_AT, WEIGHED, Found
from beam_jobs.prepare.listing import GROUP_TABLE, WEIGHT_TABLE
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.tally import Tally, add_tallies
from beam_jobs.rejections import GROUPS_DIFFER, NO_GROUP, NO_WEIGHT, WEIGHTS_DIFFER, InputRejected
from beam_jobs.sources.photo_tables import GROUP_COLUMNS, ValueColumn, read_photo_table
from beam_jobs.sources.split_lists import photo_listed
from schemas.bounded_text import clipped, enumerated
from schemas.errors import UserError
from schemas.features import TRAIN
from schemas.lines import MAX_LINE, check_line
from schemas.spec import DatasetSpec
from schemas.table_spec import MAX_WEIGHT

_WEIGHT_COLUMNS = frozenset(("weight", "weights", "sample_weight"))
_NUMBER = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class _Table(NamedTuple):
    """One table of a data set.

    Attributes:
      path: Below the input folder.
      column: Which of its columns is read.
      fact: Kind of what it says of an id.
      no_row, rows_differ: Why a photo is rejected.
      parse: The value in one form, so that equal ones are equal; ValueError says what is wrong with it.
      default: The value of photos without a row; None where each needs one.
    """

    path: str
    column: ValueColumn
    fact: str
    no_row: str
    rows_differ: str
    parse: Callable[[str], str]
    default: str | None = None


def _tables(spec: DatasetSpec) -> dict[str, _Table]:
    """The tables of a data set, by the kind of file."""
    tables = {}
    if spec.group is not None and spec.group.table:
        column = ValueColumn("group", "group", GROUP_COLUMNS, spec.group.column)
        tables[GROUP_TABLE] = _Table(spec.group.table, column, GROUPED, NO_GROUP, GROUPS_DIFFER, _group)
    if spec.weights:
        column = ValueColumn("weights", "weight", _WEIGHT_COLUMNS, spec.weights.column)
        default = None if spec.weights.default is None else repr(spec.weights.default)
        reasons = NO_WEIGHT, WEIGHTS_DIFFER
        tables[WEIGHT_TABLE] = _Table(spec.weights.table, column, WEIGHED, *reasons, _weight, default)
    return tables


def read_table(element: tuple[str, SourceFile], spec: DatasetSpec) -> Iterator[Found]:
    """What a table says of each photo.

    Args:
      element: The kind of the table, and where it is.
      spec: Says which of its columns is read; has the patterns of photos and masks, which give the ids.

    Raises:
      UserError: It is not such a table, or a value is no name of a group, or no weight.
    """
    kind, source = element
    table = _tables(spec)[kind]
    for row in read_photo_table(source, table.column):
        place = spell_out(f"{source}: line {row.line}: {row.name}")
        try:
            value = table.parse(row.value)
        except ValueError as error:
            raise UserError(f"{place}: {error}") from None
        image_id, _ = photo_listed(row.name, spec.image_path, spec.named_path)
        yield Found(table.fact, image_id, TableRow(value, place))


def lines_of(found: dict[str, list]) -> list[str]:
    """The lines of lists and tables that name an id."""
    return [*found[LISTED_AT], *(row.place for fact in (GROUPED, WEIGHED) for row in found[fact])]


def with_tables(plan: PlannedRecord, found: dict[str, list], spec: DatasetSpec) -> PlannedRecord:
    """The plan with what the tables of the data set say of it.

    Raises:
      InputRejected: They say nothing, or two things; `check_tables` then ends the job.
    """
    for table in _tables(spec).values():
        value = _value_of(table, found[table.fact], str(plan.image))
        plan = plan._replace(group=value) if table.fact == GROUPED else plan._replace(weight=float(value))
    return plan


def _value_of(table: _Table, rows: list[TableRow], photo: str) -> str:
    first = {row.value: row.place for row in sorted(rows, key=lambda row: row.place, reverse=True)}
    if len(first) > 1:
        named = enumerated([f"{place}, {value}" for value, place in sorted(first.items())])
        raise InputRejected(table.rows_differ, named)
    value = next(iter(first), table.default)
    if value is None:
        raise InputRejected(table.no_row, photo)
    return value


def check_tables(tallies: Iterable[Tally], options: PrepareOptions) -> None:
    """Checks that tables say one thing of each photo, and that weights leave something to learn from.

    Raises:
      UserError: Photos have no row, or several that differ; names the first ones.
    """
    tables = _tables(options.spec).values()
    tally = add_tallies(tallies)
    for table in tables:
        default = ", or give weights.default" if table.fact == WEIGHED else ""
        _check_rows(tally, table, table.rows_differ, "rows that differ for", "keep one row for each")
        _check_rows(tally, table, table.no_row, "no row for", f"add a row for each of them{default}")
        planned = TRAIN in tally.sizes and not options.base_dir  # copied records have their weights
        if table.fact == WEIGHED and planned and not tally.weighed:
            raise UserError(f"{table.path}: gives every photo of train the weight 0, so nothing is left to learn from")


def _check_rows(tally: Tally, table: _Table, reason: str, problem: str, remedy: str) -> None:
    count = tally.quarantined.get(reason)
    if not count:
        return
    named = enumerated([f"{one.image_id} ({one.detail})" for one in tally.fatal if one.reason == reason])
    unknown = [line for line in tally.listed_at if table.path in line] if reason == table.no_row else []
    note = f"; lines that name no photo: {enumerated(unknown, most=2)}" if unknown else ""
    photos = "1 photo" if count == 1 else f"{count:,} photos"
    raise UserError(f"{table.path}: {problem} {photos}, such as {named}; {remedy}{note}")


def _group(text: str) -> str:
    try:
        if len(check_line(text)) > MAX_LINE:
            raise ValueError(f"has at most {MAX_LINE} characters")
    except ValueError as error:
        raise ValueError(f"the name of a group {error}") from None
    return text


def _weight(text: str) -> str:
    weight = float(text) if _NUMBER.fullmatch(text) else -1.0
    if weight and not 1 / MAX_WEIGHT <= weight <= MAX_WEIGHT:
        bounds = f"0, or from {1 / MAX_WEIGHT:g} to {MAX_WEIGHT:,.0f}"
        raise ValueError(f"a weight is a number such as 0.5, {bounds}; got {clipped(text, 60)!r}")
    return repr(weight)
