"""Reads the project's pages: their headings, links, code and commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

PROJECT_DIR = Path(__file__).parents[1]
ROOMS = ("beam_jobs", "schemas", "tests", "tfx_pipeline", "trainer")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`([^`\n]+)`")
OPTION = re.compile(r"(?<![\w-])--([a-z]\w*)")  # options of other programs may have hyphens
OWN_PATH = re.compile(rf"(?<![\w/.-])(?:\.github|{'|'.join(ROOMS)})/[^\s`'\"),;:|\]]*")
PLACEHOLDER = re.compile(r"NAME|[<>{}*$]")  # of a path that is not meant literally


class Command(NamedTuple):
    """A command of one of our modules.

    Attributes:
      module: Such as `tfx_pipeline.vertex`.
      subcommand: Such as `run`; empty where there is none.
      options: Names without the two hyphens.
    """

    module: str
    subcommand: str
    options: tuple[str, ...]


def pages() -> list[Path]:
    """Every Markdown file and notebook of the project."""
    folders = [PROJECT_DIR / name for name in (".github", *ROOMS)]
    below = [path for folder in folders for kind in ("*.md", "*.ipynb") for path in folder.rglob(kind)]
    return sorted([*PROJECT_DIR.glob("*.md"), *(path for path in below if "node_modules" not in path.parts)])


def read_page(path: Path) -> str:
    """The Markdown of a page; of a notebook, that of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")


def fenced(text: str, language: str) -> list[str]:
    """The contents of the fenced blocks of a language."""
    return [content for name, content in FENCE.findall(text) if name == language]


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def links(text: str) -> list[str]:
    """Targets of links and pictures that lead to this project, not to the web."""
    prose = INLINE_CODE.sub("", FENCE.sub("", text))
    return [one for one in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:", one)]


def own_paths(text: str) -> set[str]:
    """Paths of this project's files and folders that a text names, wherever in it."""
    return {path.rstrip(".") for path in OWN_PATH.findall(text) if not PLACEHOLDER.search(path)}


def code(text: str) -> list[str]:
    """Pieces of code: inline ones, and lines of indented blocks without comments, continued lines joined."""
    text = FENCE.sub("", text)
    block = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    return [*joined_lines(block), *INLINE_CODE.findall(text)]


def joined_lines(block: str) -> list[str]:
    """Lines without their comments; a line that ends in a backslash continues in the next."""
    return [re.sub(r"(?<!\S)#.*", "", line).strip() for line in re.sub(r"\\\n\s*", "", block).splitlines()]


def module_command(line: str) -> Command | None:
    """The command of our own that a line runs; None for any other line."""
    found = re.search(rf"python -m ((?:{'|'.join(ROOMS)})\b[\w.]*)(?: ([a-z]+)(?!\S))?", line)
    return Command(found[1], found[2] or "", tuple(OPTION.findall(line[found.end(1) :]))) if found else None


def make_commands(line: str) -> list[tuple[str, list[str], list[str]]]:
    """(target, variables, options in their values) of each call of make in a line."""
    return [
        (target, re.findall(r"([A-Z]+)=", rest), OPTION.findall(rest))
        for target, rest in re.findall(r"\bmake ([a-z][a-z-]*)((?: [A-Z]+=(?:\"[^\"]*\"|\S*))*)", line)
    ]
