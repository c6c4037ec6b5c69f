"""Draws who imports whom inside a package, by its folders: `python -m tests.rooms beam_jobs`."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path

PROJECT_DIR = Path(__file__).parents[1]


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


def main(packages: list[str]) -> int:
    """Prints the rooms and arrows of each package; the exit code is 1 where there is a circle."""
    circles = []
    for package in packages or ["schemas", "beam_jobs", "trainer", "tfx_pipeline"]:
        graph = arrows(package)
        print(package)
        for room, targets in sorted(graph.items()):
            print(f"  {room} -> {', '.join(f'{target} ({count})' for target, count in sorted(targets.items()))}")
        if found := circle(graph):
            circles.append(f"  circle: {' -> '.join(found)}")
            print(circles[-1])
    return 1 if circles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
