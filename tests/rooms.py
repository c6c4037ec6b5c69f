"""Draws who imports whom inside a package, by its folders: `python -m tests.rooms beam_jobs`.

With `--journeys`, lists the files behind each of the three main journeys instead: all that its entry points import,
directly or not, but for package files without code. `--root` reads another checkout, such as that of version 0.1:

    git worktree add /tmp/0.1 ":/One package per job"~1
    python -m tests.rooms --journeys --root=/tmp/0.1
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

PROJECT_DIR = Path(__file__).parents[1]
PACKAGES = ("schemas", "beam_jobs", "trainer", "tfx_pipeline")
JOURNEYS = {  # entry points: what is run, and what TFX imports by its name; as called now, and in version 0.1
    "photo to shard": ("beam_jobs.prepare.__main__", "beam_jobs.prepare"),
    "record to evaluated model": (
        "tfx_pipeline.local_runner",
        "trainer.run_fn",
        "tfx_pipeline.evaluation.iou_metrics",
        "tfx_pipeline.iou_metrics",
    ),
    "model to Hub and endpoint": (
        "tfx_pipeline.hub.component",
        "tfx_pipeline.components.hf_pusher.component",
        "tfx_pipeline.vertex.pusher",
    ),
}


def imported_modules(path: Path) -> list[str]:
    """Dotted names of all modules, and of what is imported from them, that a file imports; inside functions too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def arrows(package: str) -> dict[str, dict[str, int]]:
    """Room to the rooms that it imports, with the number of imports; a room is a folder or a module of the package."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for path in sorted((PROJECT_DIR / package).rglob("*.py")):
        room = path.relative_to(PROJECT_DIR / package).parts[0].removesuffix(".py")
        for name in imported_modules(path):
            parts = name.split(".")
            if parts[0] == package and len(parts) > 1 and parts[1] != room and room != "__init__":
                found[room][parts[1]] += 1
    return {room: dict(targets) for room, targets in found.items()}


def circle(graph: dict[str, dict[str, int]]) -> list[str]:
    """The rooms of one circle, the first one again at its end; empty where all arrows run downward."""
    done: set[str] = set()

    def search(room: str, way: list[str]) -> list[str]:
        if room in way:
            return [*way[way.index(room) :], room]
        if room in done:
            return []
        for target in sorted(graph.get(room, ())):
            if found := search(target, [*way, room]):
                return found
        done.add(room)
        return []

    return next((found for room in sorted(graph) if (found := search(room, []))), [])


def journey(entries: Sequence[str], root: Path = PROJECT_DIR) -> list[str]:
    """Relative paths of our files that modules import, directly or not, inside functions too; theirs come with them."""
    waiting = [path for name in entries if (path := _module_file(name, root)) is not None]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [file for name in imported_modules(path) if (file := _file_of(name, root)) is not None]
    return sorted(path.relative_to(root).as_posix() for path in found if path.stem != "__init__" or _has_code(path))


def _file_of(name: str, root: Path) -> Path | None:
    """The file of a module of ours, or of the module that has the name; None for other modules."""
    while name and (path := _module_file(name, root)) is None:
        name = name.rpartition(".")[0]
    return path if name else None


def _module_file(name: str, root: Path) -> Path | None:
    if name.split(".")[0] not in PACKAGES:
        return None
    module = root.joinpath(*name.split("."))
    return next((one for one in (module.with_suffix(".py"), module / "__init__.py") if one.is_file()), None)


def _has_code(path: Path) -> bool:
    return any(not isinstance(node, ast.Expr) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def main(arguments: list[str] | None = None) -> int:
    """Prints the rooms and arrows of each package, or the journeys; the exit code is 1 where there is a circle."""
    parser = argparse.ArgumentParser(prog="python -m tests.rooms")
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    parser.add_argument("--journeys", action="store_true")
    parser.add_argument("--root", type=Path, default=PROJECT_DIR, help="of the checkout for --journeys")
    options = parser.parse_args(arguments)
    return print_journeys(options.root.resolve()) if options.journeys else print_arrows(options.packages)


def print_journeys(root: Path) -> int:
    """Prints the number of files of each journey, and their paths."""
    for name, entries in JOURNEYS.items():
        files = journey(entries, root)
        print(f"{name}: {len(files)} files")
        for path in files:
            print(f"  {path}")
    return 0


def print_arrows(packages: Sequence[str]) -> int:
    """Prints the rooms and arrows of each package; returns 1 where there is a circle, else 0."""
    circles = []
    for package in packages:
        graph = arrows(package)
        print(package)
        for room, targets in sorted(graph.items()):
            print(f"  {room} -> {', '.join(f'{target} ({count})' for target, count in sorted(targets.items()))}")
        if found := circle(graph):
            circles.append(f"  circle: {' -> '.join(found)}")
            print(circles[-1])
    return 1 if circles else 0


if __name__ == "__main__":
    sys.exit(main())
