"""All files of a Space's repository, from its settings."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

import schemas
from schemas import metrics
from schemas.metrics import Figure
from tfx_pipeline.space.browser_runtime import runtime_files
from tfx_pipeline.space.markdown import plain
from tfx_pipeline.space.settings import SpaceSettings

GRADIO_VERSION = "6.31.0"  # the version that the lock installs and the tests use
PYTHON_VERSION = "3.12"
APP_PACKAGE = "segmentation_app"
# What the app also imports, by the folder: of `beam_jobs` what measures and logs an answer.
SHARED = {
    "schemas": ("__init__", "bounded_text", "enlarging", "errors", "features", "fitting", "served"),
    "beam_jobs": ("__init__",),
    "beam_jobs/codec": ("__init__", "luma"),
    "beam_jobs/near_duplicates": ("__init__", "perceptual_hash"),
    "beam_jobs/records": ("__init__", "tf_example", "tfrecord"),
    "beam_jobs/served": (
        "__init__",
        "class_file",
        "folder_log",
        "log_files",
        "log_writer",
        "measures",
        "outbox",
        "retention",
    ),
}
LOOK_FILES = ("look.css", "comparing.js")  # both kinds of Space use them
LICENSE = "apache-2.0"

_HERE, _PACKAGES = Path(__file__).parent, Path(schemas.__file__).parents[1]


def space_files(settings: SpaceSettings) -> dict[str, bytes]:
    """Returns the content of each file by its path in the repository; the same settings give the same bytes.

    Raises:
      UserError: A static Space's runtime for the browser cannot be fetched.
    """
    contents = {
        "README.md": _readme(settings).encode(),
        "space.json": _space_json(settings).encode(),
        **{name: (_HERE / name).read_bytes() for name in LOOK_FILES},
        **{f"examples/{name}": content for name, content in settings.examples.items()},
    }
    if settings.kind == "gradio":
        contents["app.py"] = (_HERE / "templates" / "app.py").read_bytes()
        contents["requirements.txt"] = (_HERE / "templates" / f"requirements-{settings.runtime}.txt").read_bytes()
        contents |= {f"{APP_PACKAGE}/{path.name}": path.read_bytes() for path in _sources(_HERE / APP_PACKAGE)}
        shared = [f"{folder}/{name}.py" for folder, names in SHARED.items() for name in names]
        contents |= {name: (_PACKAGES / name).read_bytes() for name in shared}
    else:
        contents |= {path.name: path.read_bytes() for path in _sources(_HERE / "static_app")}
        contents |= {f"runtime/{name}": content for name, content in runtime_files().items()}
    return dict(sorted(contents.items()))


def _sources(folder: Path) -> list[Path]:
    suffixes = (".py", ".css", ".html", ".js")
    return [path for path in folder.iterdir() if path.suffix in suffixes]


def _space_json(settings: SpaceSettings) -> str:
    """The settings that the app reads when it starts."""
    values = settings.model_dump(include={"title", "model_repo", "model_commit", "runtime"})
    values["endpoint"] = settings.hub
    values["model_page"] = f"{settings.hub}/{settings.model_repo}/tree/{settings.model_commit}"
    values["model_url"] = f"{settings.hub}/{settings.model_repo}/resolve/{settings.model_commit}"
    values["examples"] = sorted(settings.examples)
    values["examples_credit"] = settings.examples_credit
    values["metrics"] = [
        {"name": one.name, "label": Figure(one).title, "per_class": one.per_class, "digits": one.digits}
        for one in metrics.METRICS
    ]
    return json.dumps(values, indent=2, sort_keys=True) + "\n"


def _readme(settings: SpaceSettings) -> str:
    """The README with the front matter that configures the Space on the Hub.

    Source of the keys: the Hub's "Spaces Configuration Reference".
    """
    front = {
        "title": settings.title,
        "emoji": "🖼️",
        "colorFrom": "green",
        "colorTo": "blue",
        "sdk": settings.kind,
    }
    if settings.kind == "gradio":
        front |= {"sdk_version": GRADIO_VERSION, "python_version": PYTHON_VERSION, "app_file": "app.py"}
    else:
        front |= {"app_file": "index.html"}
    front |= {"pinned": False, "license": LICENSE, "models": [settings.model_repo]}
    where = "in your browser: photos stay on your machine" if settings.kind == "static" else "on the Space's machine"
    model = f"[{settings.model_repo}]({json.loads(_space_json(settings))['model_page']})"
    credit = f" Example photos: {plain(settings.examples_credit)}." if settings.examples_credit else ""
    return (
        f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n\n# {plain(settings.title)}\n\n"
        f"Shows the segmentation model {model} at commit `{settings.model_commit}`. It runs {where}.{credit}\n\n"
        "Written by the pipeline that pushed the model; the next push overwrites manual changes.\n"
    )
