"""Affixes: what stands before and behind an id in the names of photos and of masks."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from itertools import product

Affix = tuple[str, str]  # what stands before and behind an id

SAMPLE = 1000  # names of a group by which affixes are chosen
_MAX_ENDINGS = 8  # of the names of a group that are tried
_MIN_ENDING = 0.1  # of these names that share an ending


def likely_affixes(photos: list[str], masks: list[str]) -> list[tuple[Affix, Affix]]:
    """Candidates for the affixes around the id in the names of photos and of masks."""
    none = ("", "")
    candidates: list[tuple[Affix, Affix]] = [(none, none)]
    known = set(photos)
    for stem in sorted(masks)[:200]:  # x and x_mask, mask_x
        for cut in (match.start() for match in re.finditer(r"[_.\- ]", stem)):
            if stem[:cut] in known:
                candidates.append((none, ("", stem[cut:])))
            if stem[cut + 1 :] in known:
                candidates.append((none, (stem[: cut + 1], "")))
    candidates += product(_frames(photos), _frames(masks))  # x_leftImg8bit and x_gtFine_labelIds
    candidates += product([none, *_endings(photos)], [none, *_endings(masks)])
    firsts = Counter(match[0] for stem in {*photos, *masks} if (match := re.match(r".+?[_.\- ]", stem)))
    common = [(first, "") for first, count in firsts.most_common(4) if count > len(photos) / 4]  # img_x and mask_x
    candidates += [(own, other) for own in common for other in common if own != other]
    return list(dict.fromkeys(candidates))


def affix_rank(affixes: tuple[Affix, Affix]) -> tuple[object, ...]:
    """Sort key: short affixes first, so that ids stay long."""
    return sum(map(len, (*affixes[0], *affixes[1]))), affixes


def _endings(stems: list[str]) -> list[Affix]:
    """Endings with a letter that many of the names share, such as `_color`, the most common first."""
    counts: Counter[str] = Counter()
    few = sorted(stems)[:: max(1, len(stems) // SAMPLE)]
    for stem in few:
        counts.update(stem[match.start() :] for match in re.finditer(r"(?<!^)[_.\- ](?=[^_.\- ]*[^\W\d])", stem))
    least = max(2, _MIN_ENDING * len(few))
    found = [("", ending) for ending, count in counts.most_common() if count >= least]
    return found[:_MAX_ENDINGS]


def _frames(stems: list[str]) -> list[Affix]:
    """Common prefixes and suffixes of all names, cut at the end of a word."""
    if not stems:
        return [("", "")]
    prefix = posixpath.commonprefix([min(stems), max(stems)])
    backwards = [one[::-1] for one in stems]
    suffix = posixpath.commonprefix([min(backwards), max(backwards)])[::-1]
    prefix = prefix[: max((prefix.rfind(one) for one in "_.- "), default=-1) + 1]
    starts = [suffix.find(one) for one in "_.- " if one in suffix]
    suffix = suffix[min(starts) :] if starts else ""
    return list(dict.fromkeys([("", ""), ("", suffix), (prefix, ""), (prefix, suffix)]))


def without_affix(affix: Affix, stem: str) -> str | None:
    """The id in a name; None where it lacks the affix."""
    prefix, suffix = affix
    if len(stem) <= len(prefix) + len(suffix) or not (stem.startswith(prefix) and stem.endswith(suffix)):
        return None
    return stem[len(prefix) : len(stem) - len(suffix)]


def with_affix(affix: Affix, image_id: str) -> str:
    """The name of an id."""
    return f"{affix[0]}{image_id}{affix[1]}"
