"""What holds for every test and for the processes that it starts."""

import fcntl
import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beam_jobs.console import heavy_imports

# Python looks for cycles whenever there are 700 more objects; each of hundreds of Beam graphs has many times as many,
# and spent an eighth of its processor time on that.
gc.set_threshold(50_000, 20, 50)
# What tests call with make is no part of the `make test` that started them: it prints no folders and keeps no options.
for _variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(_variable, None)
# A shell that starts the tests in the background has Ctrl-C ignored; tests that interrupt need what people have.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SLOW_SECONDS = 10  # of a file with a test marked `slow` that does not say how many it takes


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Iterator[None]:
    """Imports the test files, and with them TensorFlow, Beam and TFX, as the command lines do: a quarter faster."""
    with heavy_imports():
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs the files that take longest first, so that no worker is left with one of them when the others are done."""
    seconds: dict[Path, int] = {}
    for item in items:
        if marker := item.get_closest_marker("slow"):
            seconds[item.path] = max(seconds.get(item.path, 0), *(marker.args or (SLOW_SECONDS,)))
    items.sort(key=lambda item: -seconds.get(item.path, 0))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Gives a folder that is made once for all workers of a test run: only to be read, or copied by who changes it.

    Its arguments are the folder's name and a function that makes the folder at a path.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / name).exists():
                make(shared / f"{name}.making")
                (shared / f"{name}.making").rename(shared / name)
        return shared / name

    return folder
