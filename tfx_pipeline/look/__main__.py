"""Writes one page of links to all versions and models: `python -m tfx_pipeline.look --root=runs`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from beam_jobs.console import CommandLine, exit_code
from beam_jobs.wrapped_lines import print_lines
from schemas.errors import UserError
from tfx_pipeline.text_file import write_text_atomically

PAGE_FILE = "index.html"


def main(arguments: list[str] | None = None) -> int:
    """Looks, writes the page, and returns the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: _look(options.root, options.output or options.root / PAGE_FILE))


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tfx_pipeline.look",
        description="Writes one page that links every published version and every model below a folder.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), metavar="DIR", help="folder to look through (default: runs)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"page to write (default: DIR/{PAGE_FILE})")
    return parser


def _look(root: Path, page: Path) -> int:
    from tfx_pipeline.look.find import find
    from tfx_pipeline.look.page import is_look_page, look_page

    found = find(root)
    if not (found.versions or found.outputs or found.problems):
        raise UserError(f"{root}: no published version and no trained model; make demo, or make train INPUT=my_photos")
    if page.exists() and not is_look_page(page):
        raise UserError(f"{page}: exists, and this command did not write it; give --output=FILE")
    text = look_page(found, root, page)
    try:
        write_text_atomically(page, text)
    except OSError as error:
        raise UserError(f"{page}: can't be written ({error.strerror}); give --output=FILE") from None
    for problem in found.problems:
        print_lines(f"note: {problem}", sys.stderr)
    print_lines(f"Open in a browser: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
