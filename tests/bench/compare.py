"""`make bench-compare`: a run of `make bench` against that of a release. The machines may differ.

A speed is divided by the yardstick's of the same run, with as many processes; ratios and bytes are compared as they
are. What that cannot take away: another processor may be faster at one kind of work and not at another, and no two runs
of one commit agree exactly. So trust a ratio beyond the tolerance on the machine of the release, and elsewhere take it
as a reason to run both commits there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, PositiveFloat

from beam_jobs.console import CommandLine, exit_code
from schemas.documents import parse_json_object, read_document
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model
from tests.bench.figures import LESS, PER_SECOND, PROCESSOR, RATIO, WALL, Figure, better
from tests.bench.table import MIB

RELEASE = Path(__file__).with_name("release.json")
RUN = Path("runs/bench.json")
TOLERANCE = 0.25  # two runs of one commit differ by less in processor time, as tests/bench/README.md says
MAX_BYTES = 4 << 20  # of a file
BUSY = (PROCESSOR, LESS)  # kinds of figures that are judged where a machine was not steady, too
_SHAPE = ("image_size", "sizes")


class _Taken(FrozenModel):
    date: str
    commit: str
    python: str
    processor: str
    cores: int


class _Sizes(FrozenModel):
    images: int
    large: int
    quick: bool


class _Speed(FrozenModel):
    wall: PositiveFloat
    processor: PositiveFloat
    spread: PositiveFloat


class _Figure(FrozenModel):
    name: str
    value: PositiveFloat
    kind: Literal["per second", "wall", "processor", "ratio", "less"]
    processes: int = Field(ge=1)


class BenchRun(FrozenModel):
    """What is compared of a file that `make bench` wrote."""

    image_size: int
    taken: _Taken
    sizes: _Sizes
    yardstick: dict[str, _Speed]
    figures: dict[str, dict[str, _Figure]]


class Compared(NamedTuple):
    """A figure of both runs; `ratio` is 1 where it is as before, and less where it is worse."""

    part: str
    old: Figure
    new: Figure
    ratio: float


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 1 where a figure is worse than the tolerance allows."""
    options = _parser().parse_args(arguments)
    if not 0 < options.tolerance < 1:
        raise UserError(f"--tolerance {options.tolerance:g}: must lie between 0 and 1, such as {TOLERANCE:g}")
    release = read_run(options.release, "make bench writes one: --output=FILE of python -m tests.bench")
    run = read_run(options.run, "make bench writes it")
    compared = list(compare(release, run, str(options.release), str(options.run)))
    judged = is_steady(release, options.tolerance) and is_steady(run, options.tolerance)
    worse = [one for one in compared if one.ratio < 1 - options.tolerance and (judged or one.new.kind in BUSY)]
    _print_table(release, run, compared, worse, options.tolerance)
    return 1 if worse else 0


def is_steady(run: BenchRun, tolerance: float) -> bool:
    """Whether the yardstick was as fast all the time, but for the tolerance. Else wall times say nothing."""
    return min(one.spread for one in run.yardstick.values()) >= 1 - tolerance


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tests.bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit codes: 0 nothing is worse, 1 something is, 2 the files can't be compared",
        allow_abbrev=False,
    )
    parser.add_argument("--run", type=Path, default=RUN, help="what make bench wrote (default %(default)s)")
    parser.add_argument("--release", type=Path, default=RELEASE, help="that of a release (default: the one kept here)")
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="how much worse is noise (default %(default)s)"
    )
    return parser


def read_run(path: Path, remedy: str) -> BenchRun:
    """Reads what `make bench` wrote.

    Raises:
      UserError: It is missing, or has not the shape of one.
    """
    try:
        data = read_document(path, MAX_BYTES)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {remedy}") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror or error}); {remedy}") from None
    values = parse_json_object(data, str(path), MAX_BYTES)
    if "figures" not in values or "yardstick" not in values:
        raise UserError(f"{path}: is no run of make bench, or one from before there were comparisons; {remedy}")
    return parse_model(BenchRun, {name: values.get(name) for name in BenchRun.model_fields}, str(path))


def compare(release: BenchRun, run: BenchRun, release_name: str, run_name: str) -> Iterator[Compared]:
    """Each figure of the parts that both runs have.

    Raises:
      UserError: They measured other things, or other amounts of them, or the yardstick lacks a number of processes.
    """
    for name in _SHAPE:
        if getattr(release, name) != getattr(run, name):
            raise UserError(
                f"{run_name}: {name} is {getattr(run, name)}, and {getattr(release, name)} in {release_name}; run make"
                " bench with the same options"
            )
    parts = [part for part in release.figures if part in run.figures]
    if not parts:
        raise UserError(f"{run_name}: has no part of {release_name}, {', '.join(release.figures)}; run make bench")
    for part in parts:
        old, new = release.figures[part], run.figures[part]
        if different := sorted(old.keys() ^ new.keys()):
            lacks = run_name if different[0] in old else release_name
            raise UserError(f"{lacks}: {part} lacks {different[0]!r}; both need the same cores and the same commands")
        for name, before in old.items():
            earlier, now = (Figure(**one.model_dump()) for one in (before, new[name]))
            if earlier.kind != now.kind:
                raise UserError(f"{run_name}: {part}, {name!r} is another kind of figure than in {release_name}")
            faster = _speed(run, now, run_name) / _speed(release, earlier, release_name)
            yield Compared(part, earlier, now, better(now, earlier, faster))


def _speed(run: BenchRun, figure: Figure, name: str) -> float:
    """The yardstick's, by the time and the number of processes that the figure has; 1 where it has none."""
    if figure.kind in (RATIO, LESS):
        return 1.0
    speed = run.yardstick.get(f"processes_{figure.processes}")
    if speed is None:
        raise UserError(f"{name}: the yardstick lacks {figure.processes} processes; run make bench again")
    return speed.processor if figure.kind == PROCESSOR else speed.wall


def _print_table(
    release: BenchRun, run: BenchRun, compared: list[Compared], worse: list[Compared], tolerance: float
) -> None:
    for label, one in (("release", release), ("now", run)):
        taken = one.taken
        where = f"{taken.processor}, {taken.cores} cores, Python {taken.python}"
        print(f"{label:<8}{taken.date}  {taken.commit:<14}  {one.sizes.images:,} photos; {where}")
    speeds = [
        f"{after.wall / before.wall:.2f} with {name.rpartition('_')[2]}"
        for name, before in release.yardstick.items()
        if (after := run.yardstick.get(name))
    ]
    print(f"The yardstick is this many times as fast now: {', '.join(speeds)} processes.\n")
    print(f"{'':<46}{'release':>14}{'now':>14}{'ratio':>8}")
    part = ""
    for one in compared:
        if part != one.part:
            part = one.part
            print(part)
        mark = "  WORSE" if one in worse else "  better" if one.ratio > 1 / (1 - tolerance) else ""
        print(f"  {one.new.name:<44}{_shown(one.old):>14}{_shown(one.new):>14}{one.ratio:>8.2f}{mark}")
    print()
    for label, each in (("release", release), ("now", run)):
        if not is_steady(each, tolerance):
            spread = min(one.spread for one in each.yardstick.values())
            print(f"{label}: the machine was not steady, at times {spread:.2f} of its best; wall times are not judged")
    for name in sorted(release.figures.keys() - run.figures.keys()):
        print(f"not measured now: {name}")
    for name in sorted(run.figures.keys() - release.figures.keys()):
        print(f"not in the release's file: {name}")
    verdict = f"{len(worse)} of {len(compared)} figures are worse" if worse else f"none of {len(compared)} is worse"
    print(f"{verdict} by more than {tolerance:.0%}, for the machine's speed")


def _shown(figure: Figure) -> str:
    if figure.kind == LESS:
        return f"{figure.value / MIB:,.1f} MiB" if figure.value > MIB else f"{figure.value:,.0f} B"
    units = {PER_SECOND: "/s", WALL: " s", RATIO: "", PROCESSOR: ""}
    return f"{figure.value:,.2f}{units[figure.kind]}"


if __name__ == "__main__":
    sys.exit(exit_code(main))
