"""What the comparison prints."""

from __future__ import annotations

from collections.abc import Iterator

from beam_jobs.compare.changes import MOVED
from beam_jobs.compare.summary import UNCHANGED
from schemas.bounded_text import enumerated

SHOWN = 8  # classes
_LEAST_SHARE = 0.0005  # a change of a class's share that is named: it shows in tenths of a percent


def summary_lines(summary: dict, seconds: float) -> Iterator[str]:
    """The summary for people."""
    before, after = summary["from"], summary["to"]
    counts = [f"{one['records']:,} ({_splits(one)})" for one in (before, after)]
    yield f"  {' and '.join(counts)} records, {seconds:.1f} seconds"
    for kind, count in summary["records"].items():
        if count or kind == UNCHANGED:
            yield f"  {kind.replace('_', ' '):<15}{count:>8,}  {_detail(kind, count, summary)}".rstrip()
    if pixels := summary["class_pixels"]:
        ordered = sorted(pixels.items(), key=lambda item: (-abs(item[1]), item[0]))
        words = [f"{name} {count:+,}" for name, count in ordered]
        yield f"Pixels in changed masks: {enumerated(words, most=SHOWN)}"
    if shares := summary["class_shares"]:
        changed = {name: both for name, both in shares.items() if abs(both[1] - both[0]) >= _LEAST_SHARE}
        ordered = sorted(changed, key=lambda name: (-abs(shares[name][1] - shares[name][0]), name))
        words = [f"{name} {shares[name][0]:.1%} to {shares[name][1]:.1%}" for name in ordered]
        yield f"Classes' mean share of a photo: {enumerated(words, most=SHOWN) or 'as before'}"
    for note in summary["notes"]:
        yield f"Note: {note}"


def _splits(version: dict) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in version["splits"].items())


def _detail(kind: str, count: int, summary: dict) -> str:
    """What is said beside a count: the splits of moved records, and examples of all others."""
    if kind == MOVED:
        return ", ".join(f"{words} {number:,}" for words, number in summary["moves"].items())
    examples = summary["examples"].get(kind, [])
    named = [f"{one['id']} ({one['detail']})" if one["detail"] else one["id"] for one in examples]
    more = f" and {count - len(named):,} more" if count > len(named) > 0 else ""
    return ", ".join(named) + more
