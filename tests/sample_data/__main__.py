"""Command line: `python -m tests.sample_data --output=DIR`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from beam_jobs.console import exit_code


def main(arguments: list[str] | None = None) -> int:
    """Writes the folder and returns 0; raises a UserError for what the user can fix."""
    options = _parser().parse_args(arguments)
    # Imported here so that --help answers at once.
    from schemas.shipped import load_spec
    from tests.sample_data.defects import kinds_of
    from tests.sample_data.writer import Settings, write_sample

    names = ("dataset", "count", "seed", "eval_fraction", "min_side", "max_side", "defects")
    started = time.monotonic()
    settings = Settings(**{name: getattr(options, name) for name in names})
    written = write_sample(options.output, settings, options.workers, _Progress())
    kinds = kinds_of(load_spec(settings.dataset)) if settings.defects else ()
    content = f"{settings.count} pictures" + (f" and {len(kinds)} defective ones" if kinds else "")
    if written:
        print(f"wrote {content} to {options.output} in {time.monotonic() - started:.0f} s")
    else:
        print(f"{options.output}: {content} are already there")
    return 0


class _Progress:
    """On a terminal one line that changes, elsewhere a line for every quarter; both on standard error."""

    def __init__(self) -> None:
        self._quarter = 0

    def __call__(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\rdrawing {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif 4 * done // total > self._quarter:
            self._quarter = 4 * done // total
            print(f"drawing {done}/{total}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sample_data",
        description="Draw photos with their masks in a data set's layout: pets (cats and dogs, as in Oxford-IIIT Pet) "
        "or streets (many classes, wide photos, pixels without a class).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--output", type=Path, required=True, help="folder to make")
    add("--dataset", default="pets", help="pets or streets")
    add("--count", type=int, default=300, help="number of good pictures")
    add("--seed", type=int, default=1, help="picture n depends on the seed and n alone")
    add("--eval_fraction", type=float, default=0.2, help="part of the pictures in the official test list")
    add("--min_side", type=int, default=0, help="shortest side of a photo, pixels; 0 is the data set's own")
    add("--max_side", type=int, default=0, help="longest side of a photo, pixels; 0 is the data set's own")
    add("--defects", action="store_true", help="add one defective input of each kind")
    add("--workers", type=int, default=os.cpu_count(), help="processes to draw with")
    return parser


if __name__ == "__main__":
    sys.exit(exit_code(main))
