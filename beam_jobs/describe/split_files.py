"""Finds the lists that say which photos are in which split, and the photos that lack a mask."""

from __future__ import annotations

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from beam_jobs.elements import SourceFile, spell_out
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.sources.split_lists import Entry, photo_listed, read_split_list, splits_of_column
from schemas.bounded_text import clipped, printable
from schemas.errors import UserError
from schemas.features import EVAL, TEST, TRAIN
from schemas.image_ids import image_id_of
from schemas.path_pattern import SPLIT_NAMES, PathPattern, is_system_name

TEXTS = ("txt", "lst", "list")
TABLES = ("csv", "tsv")
MAX_FAMILIES = 12  # of lists that are read
MAX_BYTES = 16 << 20  # 16 MiB, of a list that is read
_BOTH = ("trainval", "train_val")  # lists of what is later divided: for training, where nothing else is
_NAME = re.compile(rf"(?i)(?<![a-z])({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})(?![a-z])")
_SHARE = 0.5  # of the entries that must be photos with a mask
_MAX_SHARED = 0.01  # of the photos that may be in two lists
_MAX_UNMASKED = float(PrepareOptions.model_fields["max_rejected_fraction"].default)


class SplitLists(NamedTuple):
    """Lists that fit the photos.

    Attributes:
      paths: Split to its list, for `official_splits`; a table may be that of all splits.
      counts: Split to the number of photos with a mask that its list names.
      ids: Of all photos that the lists name, with a mask or without.
    """

    paths: dict[str, str]
    counts: dict[str, int]
    ids: frozenset[str]


class SplitFacts(NamedTuple):
    """What `describe` writes about splits and photos without a mask.

    Attributes:
      photos: How many there are.
      masked: How many of them have a mask.
      lists: The lists that name them; None where folders say the split, or nothing does.
      unmasked: Photos without a mask, of those that lists name where there are lists.
      misfits: Why each set of lists does not fit, where none does.
    """

    photos: int
    masked: int
    lists: SplitLists | None
    unmasked: int
    misfits: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The lines of `dataset.yaml`, with the reason for each."""
        for misfit in self.misfits:  # a file's name may have several lines
            yield f"# Note: no split is taken from {clipped(' '.join(printable(misfit).split()))}"
        considered = self.photos
        if self.lists:
            considered = len(self.lists.ids)
            listed = sum(self.lists.counts.values())
            share = f"{considered:,} of {self.photos:,} photos ({considered / max(1, self.photos):.0%}) are listed"
            rest = self.masked - listed
            others = "; the others have no mask" if self.photos > considered else ""
            if rest > 0:
                others = f"; {rest:,} others have a mask, too, and are left out"
            yield f"official_splits:  # {share}{others}"
            for split, path in self.lists.paths.items():
                yield f"  {split}: {json.dumps(path, ensure_ascii=False)}  # {self.lists.counts[split]:,} with a mask"
            yield "split: official  # as the lists say; `hash` would split all photos by hashes of the ids"
        if self.unmasked > _MAX_UNMASKED * considered:
            yield f"unmasked: leave_out  # {self.unmasked:,} of {considered:,} photos have no mask; counted, not used"


def split_facts(
    folder: str, sizes: Mapping[str, int], image_path: str, mask_path: str | None, paired: Sequence[str] = ()
) -> SplitFacts:
    """Looks for lists, and for photos without a mask.

    Args:
      folder: The input folder.
      sizes: Relative path of each file in it to its bytes.
      image_path, mask_path: Patterns; without `mask_path`, every photo counts as one with a mask.
      paired: The photos that have a mask, where a table says it; masks then have other names.
    """
    image = PathPattern(image_path)
    mask = PathPattern(mask_path) if mask_path else None
    masks = _ids(sizes, mask) if mask else {}
    narrow = set(masks.values()) if mask and mask.literal_length > image.literal_length else set()
    photos = {one for one, path in _ids(sizes, image).items() if path not in narrow}
    masked = photos & (_ids(paired, image) if paired else masks).keys() if mask else photos
    misfits: list[str] = []
    lists = None
    if not image.names_splits:
        named_path = None if paired else mask_path
        lists = find_split_lists(folder, sizes, image_path, named_path, photos, masked, misfits)
    considered = lists.ids if lists else photos
    return SplitFacts(len(photos), len(masked), lists, len(considered - masked), () if lists else tuple(misfits))


def find_split_lists(
    folder: str,
    sizes: Mapping[str, int],
    image_path: str,
    mask_path: str | None,
    photos: set[str],
    masked: set[str],
    misfits: list[str],
) -> SplitLists | None:
    """The lists that name the photos with a mask best; None where none names them, or splits overlap.

    Args:
      folder, sizes, image_path, mask_path: As for `split_facts`.
      photos, masked: Ids of all photos, and of those with a mask.
      misfits: Takes why each set of lists does not fit.
    """
    best: tuple[float, SplitLists] | None = None
    for family in _families(sizes, photos):
        try:
            files = [SourceFile(f"{folder}/{path}", sizes[path]) for path in family.values()]
            named = {path: list(read_split_list(file)) for path, file in zip(family.values(), files)}
        except UserError as error:
            if "" not in family:  # other tables may be of anything
                misfits.append(str(error))
            continue
        by_split: dict[str, tuple[str, set[str]]] = {}
        for split, path, entries in _lists_of(family, named):
            by_split[split] = path, {photo_listed(one.name, image_path, mask_path).image_id for one in entries}
        found = _fitting(by_split, photos, masked)
        if isinstance(found, str):
            if by_split:  # other tables say nothing about splits
                names = " and ".join(dict.fromkeys(path for path, _ in by_split.values()))
                misfits.append(f"{names}: {found}")
            continue
        named_ids = set().union(*(ids for _, ids in by_split.values()))
        fit = sum(found.counts.values()) / len(named_ids | masked)
        if best is None or fit > best[0]:
            best = fit, found
    return best[1] if best else None


def _ids(sizes: Iterable[str], pattern: PathPattern) -> dict[str, str]:
    """Id to one of the paths that have it."""
    found = ((pattern.id_of(path), path) for path in sizes)
    return {image_id_of(spell_out(one)): path for one, path in found if one is not None}


def _families(sizes: Mapping[str, int], photos: set[str]) -> list[dict[str, str]]:
    """Lists that are alike but for the name of a split, name to path; tables have no such name.

    The plainest names come first: VOC has one list for each of its classes beside `train.txt`.
    """
    families: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for path in sorted(sizes):
        above, name = posixpath.split(path)
        stem, _, extension = name.rpartition(".")
        if any(map(is_system_name, path.split("/"))) or sizes[path] > MAX_BYTES or stem in photos:
            continue
        match = list(_NAME.finditer(stem))
        if extension.lower() in (*TEXTS, *TABLES) and match:
            last = match[-1]
            families[above, f"{stem[: last.start()]}*{stem[last.end() :]}.{extension}"][last[1].lower()] = path
        elif extension.lower() in TABLES:
            families[above, name][""] = path
    several = [key for key, family in families.items() if len(family) > 1 or "" in family]
    plainest = sorted(several, key=lambda key: (len(key[1]), key[0].count("/"), key))
    return [families[key] for key in plainest[:MAX_FAMILIES]]


def _lists_of(family: dict[str, str], named: dict[str, list[Entry]]) -> Iterator[tuple[str, str, list[Entry]]]:
    """Split, its list, and the entries of it."""
    if "" in family:  # one table, whose column says the split
        path = family[""]
        splits = splits_of_column(named[path])
        for split in (TRAIN, EVAL, TEST):
            if own := [one for one in named[path] if splits.get(one.split) == split]:
                yield split, path, own
        return
    names = {name: SPLIT_NAMES.get(name) for name in family}
    splits = {split: family[name] for name, split in names.items() if split and name not in _BOTH}
    for name in _BOTH:
        if name in family:
            splits.setdefault(TRAIN, family[name])
    for split in (TRAIN, EVAL, TEST):
        if split in splits:
            yield split, splits[split], named[splits[split]]


def _fitting(by_split: dict[str, tuple[str, set[str]]], photos: set[str], masked: set[str]) -> SplitLists | str:
    """The lists that name photos with a mask, without others, such as VOC's `test`; or why they do not fit."""
    kept = {split: (path, ids) for split, (path, ids) in by_split.items() if 2 * len(ids & masked) > len(ids)}
    if EVAL not in kept and TEST in kept:  # as in folders: `test` is eval where nothing else is
        path, ids = kept.pop(TEST)
        if EVAL in by_split and by_split[EVAL][0] == path:  # a table, whose column says otherwise
            return "most photos of eval have no mask"
        kept[EVAL] = path, ids
    if missing := {TRAIN, EVAL} - kept.keys():
        return f"nothing there names photos with a mask for {' and '.join(sorted(missing))}"
    listed = [ids & photos for _, ids in kept.values()]
    union = frozenset().union(*listed)
    shared = sum(map(len, listed)) - len(union)
    if shared > _MAX_SHARED * len(union):
        return f"{shared:,} photos are in two splits"
    order = [split for split in (TRAIN, EVAL, TEST) if split in kept]
    paths = {split: kept[split][0] for split in order}
    return SplitLists(paths, {split: len(kept[split][1] & masked) for split in order}, union)
