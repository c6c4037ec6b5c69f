"""Reads the Dockerfile of the image: its stages, and their instructions with the build arguments filled in."""

import re
from pathlib import Path

from tfx_pipeline.deploy import container as image

IMAGE_DIR = Path(image.__file__).parent
PROJECT_DIR = IMAGE_DIR.parents[2]
DOCKERFILE = IMAGE_DIR / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """(keyword, the rest) of each instruction; comments are gone and continued lines are joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def build_arguments() -> dict[str, str]:
    """Default of each build argument."""
    return dict(rest.split("=", 1) for keyword, rest in instructions() if keyword == "ARG" and "=" in rest)


def stage(name: str) -> list[tuple[str, str]]:
    """The instructions of one stage, after its FROM."""
    found, inside = [], False
    for keyword, rest in instructions():
        if keyword == "FROM":
            inside = rest.endswith(f" AS {name}")
        elif inside:
            found.append((keyword, rest))
    return found
