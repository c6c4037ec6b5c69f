"""What describe says of its findings, and which command comes next."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from beam_jobs.describe.layout import Layout
from beam_jobs.wrapped_lines import print_lines
from schemas.version_files import DATASET_FILE

if TYPE_CHECKING:
    from beam_jobs.describe.survey import Survey

FIRST_VERSION = "1.0.0"


def folders_as_classes(layout: Layout) -> str:
    """What to write where folders such as `cat/masks/` and `dog/masks/` say of which class the one object is."""
    start = layout.mask_path.partition("*/")[0].count("/")
    names = sorted({mask.split("/")[start] for _, mask in layout.pairs})
    few = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    by_class = layout.mask_path.replace("*/", "{class}/", 1)
    return (
        f'folders {few}: where these are classes, write mask_path: "{by_class}", masks: {{format: layers, unlabelled:'
        f" background}} and classes: [{few}]"
    )


def say_what_next(folder: str, target: str, page: str, asked: int) -> None:
    """Prints which files were written, what is left to fill in (`asked` classes), and the commands that follow."""
    print_lines(f"Written: {target}\n         {page}")
    if asked:
        print_lines(f"To do: name {asked} class{'es' if asked > 1 else ''} in {DATASET_FILE}; the page shows them")
    place = shlex.quote(folder)
    elsewhere = f" --dataset={shlex.quote(target)}" if posixpath.dirname(target) != folder else ""
    options = f" OPTIONS={_for_make(elsewhere[1:])}" if elsewhere else ""
    print(f"Then: make train INPUT={_for_make(folder)}{options}")
    prepare = f"python -m beam_jobs.prepare --input={place}{elsewhere} --output=DATA --version={FIRST_VERSION}"
    print(f"or, the data alone: {prepare}")


def _for_make(text: str) -> str:
    """A value on the command line of make, which takes $ for a variable."""
    return shlex.quote(text.replace("$", "$$"))


def problems_of(survey: Survey) -> list[str]:
    """What is wrong with how many pairs, one that shows it, and the remedy where one is known."""
    from beam_jobs.describe.survey import REMEDIES

    return [
        f"{count} {what}, such as {survey.examples[what]}" + (f"; {REMEDIES[what]}" if what in REMEDIES else "")
        for what, count in survey.problems.items()
    ]
