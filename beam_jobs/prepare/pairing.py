"""Lists the input, and plans one record for each id from its photo, mask and split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from beam_jobs import rejections
from beam_jobs.coders import declare
from beam_jobs.elements import PAIR_STAGE, PlannedRecord, SourceFile, TableRow, spell_out
from beam_jobs.monitoring.metrics import count_list
from beam_jobs.prepare.annotations import read_annotations
from beam_jobs.prepare.joining import EXCLUDED, LEFT_OUT, LISTED, LISTED_AT, NO_ID, Found
from beam_jobs.prepare.listing import (
    ANNOTATIONS,
    LISTS,
    MASKS,
    PAIRS,
    TABLES,
    Listing,
    Wanted,
    left_out_files,
    list_files,
    plan_listings,
)
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.tables import read_table
from beam_jobs.rejections import Rejection
from beam_jobs.sources.input_files import check_listed
from beam_jobs.sources.left_out import LeftOut
from beam_jobs.sources.pair_tables import read_pairs
from beam_jobs.sources.split_lists import photo_listed, read_split_list, splits_of_column
from schemas.bounded_text import enumerated
from schemas.errors import UserError
from schemas.spec import DatasetSpec

FILES, TABLE = "files", "table"
UNPAIRED = "masks that the table of pairs does not name"


declare(Wanted)
declare(Listing)


class ListInput(beam.PTransform):
    """Lists the files that the options name. Returns PCollections of Founds: all files, and what is in lists."""

    def __init__(self, options: PrepareOptions):
        super().__init__()
        self._options = options

    def expand(self, pipeline: beam.Pipeline) -> tuple[beam.PCollection, ...]:
        found = (
            pipeline
            | "NameInput" >> beam.Create([self._options.without_ids()])
            | "PlanListings" >> beam.FlatMap(plan_listings).with_output_types(Listing)
            | "SpreadListings" >> beam.Reshuffle()
            | "ListFiles" >> beam.ParDo(_ListFiles()).with_outputs(LISTS, ANNOTATIONS, PAIRS, TABLE, main=FILES)
        )
        facts = [found[FILES]]
        if self._options.spec.pairs:
            named = found[PAIRS] | "SpreadPairs" >> beam.Reshuffle()
            rows = named | "ReadPairs" >> beam.FlatMap(read_pairs, self._options.input, self._options.spec)
            facts = [(found[FILES], rows) | "PairByTable" >> _PairByTable()]
        if self._options.split == "official":
            listed = (
                found[LISTS]
                | "SpreadLists" >> beam.Reshuffle()
                | "ReadLists" >> beam.FlatMap(_read_split_list, self._options.spec)
            )
            facts.append(listed)
        if self._options.spec.masks.annotations:
            spread = found[ANNOTATIONS] | "SpreadAnnotations" >> beam.Reshuffle()
            facts.append(spread | "ReadAnnotations" >> beam.FlatMap(read_annotations, self._options.spec))
        if self._options.spec.tables:
            spread = found[TABLE] | "SpreadTables" >> beam.Reshuffle()
            facts.append(spread | "ReadTables" >> beam.FlatMap(read_table, self._options.spec))
        if self._options.excluded:
            named = [Found(EXCLUDED, one, str(self._options.exclude)) for one in self._options.excluded]
            facts.append(pipeline | "NameExcluded" >> beam.Create(named))
        return tuple(facts)


class _ListFiles(beam.DoFn):
    """Listing -> Found of each photo and mask, and of what is left out.

    Other outputs: (split, SourceFile) of lists, annotations and tables of pairs, (kind, SourceFile) of other tables.
    """

    def process(self, listing: Listing) -> Iterator[Found | TaggedOutput]:
        left_out = left_out_files(listing)
        for wanted, image_id, source in list_files(listing, left_out):
            if wanted.kind in TABLES:
                yield TaggedOutput(TABLE, (wanted.kind, source))
            elif wanted.kind in (LISTS, ANNOTATIONS, PAIRS):
                yield TaggedOutput(wanted.kind, (wanted.split, source))
            else:
                yield Found(wanted.kind, image_id, source)
                if wanted.split:
                    yield Found(LISTED, image_id, wanted.split)
        if left_out.kinds:
            yield Found(LEFT_OUT, NO_ID, left_out.kinds)


class _PairByTable(beam.PTransform):
    """Founds and (id of a mask, id of its photo) -> Founds in which each mask has the id of its photo."""

    def expand(self, inputs: tuple[beam.PCollection, beam.PCollection]) -> beam.PCollection:
        files, rows = inputs
        masks = files | "TakeMasks" >> beam.FlatMap(_mask_by_id).with_output_types(tuple[str, SourceFile])
        others = files | "TakeOthers" >> beam.Filter(lambda one: one.kind != MASKS)
        paired = (
            {FILES: masks, PAIRS: rows}
            | "GroupByMask" >> beam.CoGroupByKey()
            | "GivePhotosMasks" >> beam.FlatMap(_give_photos_masks)
        )
        return (others, paired) | "GatherPaired" >> beam.Flatten()


def _mask_by_id(found: Found) -> Iterator[tuple[str, SourceFile]]:
    if found.kind == MASKS and isinstance(found.value, SourceFile):
        yield found.image_id, found.value


def _give_photos_masks(element: tuple[str, dict[str, Iterable]]) -> Iterator[Found]:
    _, found = element
    files, photos = list(found[FILES]), set(found[PAIRS])
    for photo_id in photos:
        for file in files:
            yield Found(MASKS, photo_id, file)
    if files and not photos:
        yield Found(LEFT_OUT, NO_ID, {UNPAIRED: LeftOut(len(files), (str(files[0]),))})


def _read_split_list(element: tuple[str, SourceFile], spec: DatasetSpec) -> Iterator[Found]:
    split, source = element
    forms: set[str] = set()
    entries = list(read_split_list(source))
    splits = splits_of_column(entries)
    for entry in entries:
        if entry.split and splits[entry.split] != split:
            continue
        image_id, form = photo_listed(entry.name, spec.image_path, spec.named_path)
        forms.add(form)
        yield Found(LISTED, image_id, split)
        yield Found(LISTED_AT, image_id, spell_out(f"{source}: line {entry.line}: {entry.name}"))
    for form in forms:
        count_list(form)


def group_of(spec: DatasetSpec, image_id: str, images: list[SourceFile], rows: list[TableRow]) -> str:
    """The group of an id with the photos and the rows of a table that were found for it; its hash decides the split."""
    if rows:
        return min(row.value for row in rows)
    return spec.group_of(image_id, str(images[0]) if images else "")


def pair(
    image_id: str, images: list[SourceFile], masks: list[SourceFile], splits: list[str], spec: DatasetSpec
) -> PlannedRecord:
    """Plans the record of one id.

    Args:
      images, masks: All files that have the id, sorted.
      splits: All splits that claim it, sorted.
      spec: Says whether lists name the photos of splits, and whether photos without a mask are left out.

    Raises:
      rejections.InputRejected: There is not exactly one of each, one is refused unread, or the id is no valid name
        of a record.
    """
    if not image_id:
        problem = rejections.UNSAFE_ID, "nothing is left of the name where the pattern has {id}; rename the file"
    elif doubles := next((files for files in (images, masks) if len(files) > 1), None):
        problem = rejections.DUPLICATE_ID, enumerated(doubles, " and ", most=2)
    elif not masks and spec.unmasked == "leave_out":
        problem = rejections.UNMASKED, "photo without a mask, which `unmasked: leave_out` leaves out"
    elif not masks and not splits and spec.official_splits:  # many photos of VOC have no mask, and no list names them
        problem = rejections.NOT_LISTED, "photo without a mask, in none of the official lists"
    elif not masks:
        problem = rejections.MISSING_MASK, "photo without a mask"
    elif not images:
        problem = rejections.MISSING_IMAGE, "mask without a photo"
    elif not splits:
        problem = rejections.NOT_LISTED, "in none of the official lists"
    elif len(splits) > 1:
        problem = rejections.LISTED_TWICE, " and ".join(splits)
    else:
        check_listed(images[0])
        check_listed(masks[0])
        return PlannedRecord(image_id, images[0], masks[0], splits[0])
    raise rejections.InputRejected(*problem)


def check_excluded(image_id: str, exclude: str, is_known: bool) -> None:
    """Refuses a photo that `exclude`, the file of `--exclude`, names.

    Raises:
      rejections.InputRejected: The photo is known, so it is left out.
      UserError: It is not.
    """
    if not is_known:
        raise UserError(
            f"--exclude {exclude}: names {image_id}, of which the input has neither photo nor mask; correct or remove"
            " the line"
        )
    raise rejections.InputRejected(rejections.LEFT_OUT_BY_LIST, "named by the file of --exclude")


def reject(
    image_id: str,
    images: list[SourceFile],
    masks: list[SourceFile],
    splits: list[str],
    error: rejections.InputRejected,
) -> Rejection:
    """The line of the quarantine for an id that can't be planned."""
    image, mask = (files[0] if files else None for files in (images, masks))
    split = splits[0] if len(splits) == 1 else ""
    return Rejection(image_id, image, mask, split, PAIR_STAGE, error.reason, error.detail)
