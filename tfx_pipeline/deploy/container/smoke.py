"""Proves, inside the image, that launcher and workers agree: run it there before the image is pushed.

    docker run --rm --entrypoint python HOST/PATH:TAG -m tfx_pipeline.deploy.container.smoke

In any other environment it shows what the image would lack.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, metadata, resources
from importlib.util import find_spec
from pathlib import Path

from beam_jobs.console import exit_code, heavy_imports, quiet_libraries
from tfx_pipeline.deploy.container.lock_file import normalized, pinned

LOCKS = Path(__file__).with_name("locks")
PROGRAMS = ("opt/apache/beam/boot", "opt/google/dataflow/python_template_launcher")
# What the services start: Vertex AI's steps and training jobs, Dataflow's workers, and what these load by name.
MODULES = (
    "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor",
    "tfx.scripts.run_executor",
    "apache_beam.runners.worker.sdk_worker_main",
    "beam_jobs.flex_template.launch",
    "beam_jobs.prepare.pipeline",
    "tfx_pipeline.serving.service",
    "google.pubsub_v1",
    "tfx_pipeline.deploy.trigger",
    "trainer.run_fn",
)
# Environment variable: what it must hold.
DRIVER = {
    "PATH": "/usr/local/nvidia/bin",
    "LD_LIBRARY_PATH": "/usr/local/nvidia/lib64",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "NVIDIA_DRIVER_CAPABILITIES": "compute",
}
DEVELOPERS = ("pytest", "ruff")
DISTRIBUTION = "segmentation-pipeline"
COMPILERS = ("g++", "gcc", "cc")
MOST_SHOWN = 5

Problems = Iterator[str]


def main(arguments: list[str] | None = None) -> int:
    """Prints one line per check; returns 1 if something would fail on a worker."""
    parser = argparse.ArgumentParser(
        prog="python -m tfx_pipeline.deploy.container.smoke",
        description="Checks that an image holds what Dataflow and Vertex AI start in it, in the locked versions.",
        epilog="exit codes: 0 all checks pass, 1 something would fail on a worker",
        allow_abbrev=False,
    )
    parser.add_argument("--root", type=Path, default=Path("/"), help="where the image's files lie (default /)")
    known = parser.parse_args(arguments)
    quiet_libraries(verbose=False)
    checks: dict[str, Callable[[], Problems]] = {
        "installed packages are the locked ones": packages_differ,
        "Beam is the worker's": lambda: beam_differs(os.environ.get("BEAM_WORKER_VERSION")),
        "what the services start is there": lambda: programs_missing(known.root, os.environ),
        "a GPU's driver would be found": lambda: driver_unreachable(os.environ),
        "what the programs load can be imported": modules_missing,
        "data sets and configurations are there": data_missing,
        "no compiler and no developers' tools": tools_left,
    }
    failed = 0
    for name, check in checks.items():
        problems = list(check())
        failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok':6}  {name}")
        for problem in problems[:MOST_SHOWN]:
            print(f"        {problem}")
        if len(problems) > MOST_SHOWN:
            print(f"        and {len(problems) - MOST_SHOWN} more")
    return 1 if failed else 0


def packages_differ() -> Problems:
    """Packages that are missing, differ from the version locked for this Python, or are not in the lock."""
    lock = LOCKS / f"{sys.version_info.major}.{sys.version_info.minor}.lock"
    if not lock.is_file():
        yield f"{lock.name}: there is no lock for Python {platform.python_version()}"
        return
    installed = {normalized(one.metadata["Name"]): one.version for one in metadata.distributions()}
    for name, version in pinned(lock).items():
        if installed.get(name) != version:
            yield f"{name}: locked {version}, installed {installed.get(name, 'not at all')}"


def beam_differs(worker: str | None) -> Problems:
    """Whether the launcher's Beam differs from the worker's, whose version the Dockerfile passes on."""
    if worker is None:
        yield "BEAM_WORKER_VERSION is not set, so this image is not ours, or is an older one"
    elif (launcher := metadata.version("apache-beam")) != worker:
        yield f"apache-beam is {launcher}, the worker in /opt/apache/beam is {worker}"


def programs_missing(root: Path, environment: os._Environ | dict[str, str]) -> Problems:
    """Programs that Dataflow starts and that are missing or not executable."""
    for program in PROGRAMS:
        if not os.access(root / program, os.X_OK):
            yield f"/{program}: missing or not executable"
    launched = environment.get("FLEX_TEMPLATE_PYTHON_PY_FILE", "")
    if not Path(launched).is_file():
        yield f"FLEX_TEMPLATE_PYTHON_PY_FILE: {launched or 'not set'}: no such file"


def driver_unreachable(environment: os._Environ | dict[str, str]) -> Problems:
    """Missing variables that NVIDIA's runtime needs to mount the driver on Vertex AI, and TensorFlow to find it."""
    for name, needed in DRIVER.items():
        if needed not in re.split("[:,]", environment.get(name, "")):
            yield f"{name}: lacks {needed}, so that training would use the CPU"


def modules_missing() -> Problems:
    """Modules that a service needs and that can't be imported, with the reason."""
    for module in MODULES:
        try:
            with heavy_imports():
                import_module(module)
        except Exception as error:  # any error while a library is imported is a finding
            yield f"{module}: {type(error).__name__}: {error}"


def data_missing() -> Problems:
    """Data files that the package lacks."""
    from schemas.errors import UserError
    from schemas.shipped import available_datasets, load_spec
    from tfx_pipeline.space.browser_runtime import runtime_files

    if not (datasets := available_datasets()):
        yield "schemas: no data set"
    for dataset in datasets:
        load_spec(dataset)
    try:
        runtime_files()
    except UserError as error:
        yield f"the static Space's runtime: {error}"
    configs = resources.files("tfx_pipeline").joinpath("configs")
    if not configs.is_dir() or not any(one.name.endswith(".yaml") for one in configs.iterdir()):
        yield "tfx_pipeline/configs: no configuration"


def tools_left() -> Problems:
    """Tools in the image that only build or test the project."""
    for compiler in COMPILERS:
        if place := shutil.which(compiler):
            yield f"{place}: a compiler"
    for module in DEVELOPERS:
        if find_spec(module):
            yield f"{module}: installed"
    if [file for file in metadata.files(DISTRIBUTION) or () if file.parts[0] == "tests"]:
        yield "tests/: installed with the package"


if __name__ == "__main__":
    sys.exit(exit_code(main))
