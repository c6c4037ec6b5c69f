"""What tables beside the photos say of each photo: read, joined by id, and checked before a shard is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from beam_jobs.elements import PlannedRecord, SourceFile, TableRow, spell_out
from beam_jobs.prepare.joining import GROUPED, LISTED_AT, Found
from beam_jobs.prepare.tally import Tally, add_tallies
from beam_jobs.rejections import NO_ROW, ROWS_DIFFER, InputRejected
from beam_jobs.sources.photo_tables import ValueColumn, read_photo_table
from beam_jobs.sources.split_lists import photo_listed
from schemas.bounded_text import enumerated
from schemas.errors import UserError
from schemas.lines import MAX_LINE, check_line
from schemas.spec import DatasetSpec

_USUAL = frozenset(
    ("group", "group_id", "patient", "patient_id", "subject", "subject_id", "case", "case_id", "video", "video_id")
) | {"clip", "sequence", "scene", "scene_id", "tile", "site"}


def read_table(element: tuple[str, SourceFile], spec: DatasetSpec) -> Iterator[Found]:
    """What a table says of each photo.

    Args:
      element: The kind of the table, and where it is.
      spec: Says which of its columns is read; has the patterns of photos and masks, which give the ids.

    Raises:
      UserError: It is not such a table, or a value is no name of a group.
    """
    _, source = element
    column = ValueColumn("group", _USUAL, spec.group.column if spec.group else None)
    for row in read_photo_table(source, column):
        place = spell_out(f"{source}: line {row.line}: {row.name}")
        _check_name(row.value, place)
        image_id, _ = photo_listed(row.name, spec.image_path, spec.mask_path)
        yield Found(GROUPED, image_id, TableRow(row.value, place))


def lines_of(found: dict[str, list]) -> list[str]:
    """The lines of lists and tables that name an id."""
    return [*found[LISTED_AT], *(row.place for row in found[GROUPED])]


def with_tables(plan: PlannedRecord, found: dict[str, list], spec: DatasetSpec) -> PlannedRecord:
    """The plan with what the tables of the data set say of it.

    Raises:
      InputRejected: They say nothing, or two things; `check_tables` then ends the job.
    """
    if spec.group_table is None:
        return plan
    rows: list[TableRow] = sorted(found[GROUPED], key=lambda row: (row.value, row.place))
    values = {row.value for row in rows}
    if not values:
        raise InputRejected(NO_ROW, str(plan.image))
    if len(values) > 1:
        first = {row.value: row.place for row in reversed(rows)}
        raise InputRejected(ROWS_DIFFER, enumerated([f"{place}, {value}" for value, place in sorted(first.items())]))
    return plan._replace(group=values.pop())


def check_tables(tallies: Iterable[Tally], spec: DatasetSpec) -> None:
    """Checks that tables say one thing of each photo.

    Raises:
      UserError: Photos have no row, or several that differ; names the first ones.
    """
    if spec.group_table is None:
        return
    tally = add_tallies(tallies)
    for reason, problem, remedy in (
        (ROWS_DIFFER, "rows that differ for", "keep one row for each"),
        (NO_ROW, "no row for", "add a row for each of them"),
    ):
        count = tally.quarantined.get(reason)
        if count:
            named = enumerated([f"{one.image_id} ({one.detail})" for one in tally.fatal if one.reason == reason])
            unknown = [line for line in tally.listed_at if spec.group_table in line] if reason == NO_ROW else []
            note = f"; lines that name no photo: {enumerated(unknown, most=2)}" if unknown else ""
            photos = "1 photo" if count == 1 else f"{count:,} photos"
            raise UserError(f"{spec.group_table}: {problem} {photos}, such as {named}; {remedy}{note}")


def _check_name(group: str, place: str) -> None:
    try:
        if len(check_line(group)) > MAX_LINE:
            raise ValueError(f"has at most {MAX_LINE} characters")
    except ValueError as error:
        raise UserError(f"{place}: the name of a group {error}") from None
