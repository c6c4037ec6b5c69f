"""Groups the pictures of a folder: those in folders that are alike but for their split, or for one part of the path."""

from __future__ import annotations

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from beam_jobs.describe.names import NUMBERED_BY_TASK, PICTURES, is_telling, split_template, without_split
from schemas.path_pattern import is_system_name

ANY = "*"  # in place of an extension
MAX_NAMES = 20_000  # of one folder, to find the pattern by
MAX_SIBLINGS = 20_000  # folders that one `*` may stand for
MANY = 12  # siblings from which on none is looked at alone: all groups are compared with each other
_SAME_EXTENSION = {"jpeg": "jpg"}  # as patterns match them


class Group(NamedTuple):
    """Files of one kind: folders that are alike but for their split, or for one part, and one extension.

    Attributes:
      folder: Of all of them, with `{split}` where they differ by split, and `*` where they differ by anything else;
        empty for the input folder.
      extension: In lower case.
    """

    folder: str
    extension: str


Names = dict[tuple[str, ...], dict[str, str]]  # (split, what `*` stands for) to stem to path


def group_names(paths: Iterable[str]) -> dict[Group, Names]:
    """The pictures among files, in each of the groups that they may belong to.

    Args:
      paths: Relative to the input folder, in any order.
    """
    groups: dict[Group, Names] = defaultdict(lambda: defaultdict(dict))
    for path in paths:
        folder, name = posixpath.split(path)
        stem, _, extension = unicodedata.normalize("NFC", name).rpartition(".")  # as ids are
        if NUMBERED_BY_TASK.search(name):  # a photo of the same number has nothing to do with it
            continue
        if not stem or any(map(is_system_name, path.split("/"))) or extension.lower() not in PICTURES:
            continue
        template, split = split_template(folder)
        names = groups[Group(template, _SAME_EXTENSION.get(extension.lower(), extension.lower()))][(split,)]
        if len(names) < MAX_NAMES:
            names[stem] = path
    groups.update(_of_any_extension(groups))
    families = _families(groups)
    many = {one for own in families.values() if len(own) > MANY for _, one in own}
    return {
        **{group: names for group, names in groups.items() if group not in many},
        **{family: _names_of(own, groups) for family, own in families.items()},
    }


def _of_any_extension(groups: dict[Group, Names]) -> dict[Group, Names]:
    """For each folder, its pictures of every extension, where no two of them have one name, as a photo and mask do."""
    members: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        members[group.folder].append(group)
    found: dict[Group, Names] = {}
    for folder, own in members.items():
        names: Names = defaultdict(dict)
        for group in own:
            for key, stems in groups[group].items():
                names[key].update(stems)
        if len(own) > 1 and all(sum(len(groups[one].get(key, ())) for one in own) == len(names[key]) for key in names):
            found[Group(folder, ANY)] = names
    return found


def _families(groups: Mapping[Group, Names]) -> dict[Group, list[tuple[str, Group]]]:
    """Folders that differ in one part alone, such as a city, with that part, unless it says what the folder has."""
    members: dict[Group, list[tuple[str, Group]]] = defaultdict(list)
    for group in groups:
        parts = group.folder.split("/") if group.folder else []
        for index, part in enumerate(parts):
            if "{split}" not in part and not is_telling(part):
                family = "/".join([*parts[:index], "*", *parts[index + 1 :]])
                members[Group(family, group.extension)].append((unicodedata.normalize("NFC", part), group))
    return {family: own for family, own in members.items() if 1 < len(own) <= MAX_SIBLINGS}


def _names_of(family: list[tuple[str, Group]], groups: Mapping[Group, Names]) -> Names:
    return {(*key, part): names for part, group in family for key, names in groups[group].items()}


def without_splits(names: Names) -> Names | None:
    """The same files under stems that have AGAIN in place of their split, as in `21_training`; None if one lacks it."""
    found: Names = {}
    for key, stems in names.items():
        found[key] = {}
        for stem, path in stems.items():
            shorter = without_split(stem, key[0])
            if shorter is None:
                return None
            found[key][shorter] = path
    return found


def by_splits_of(names: Names, others: Names) -> Names:
    """Names in folders without a split, under each split that the others have in folders of the same kind."""
    splits = dict.fromkeys(key[0] for key in others)
    return {(split, *key[1:]): stems for key, stems in names.items() for split in splits}


def of_any_split(names: Names) -> Names:
    """Names without their splits; empty where two splits have the same one."""
    flat: Names = defaultdict(dict)
    for key, stems in names.items():
        merged = flat[("", *key[1:])]
        if merged.keys() & stems.keys():
            return {}
        merged.update(stems)
    return flat
