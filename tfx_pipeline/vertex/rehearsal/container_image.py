"""Stands in for the container image: the locked packages, and of this project only the contents of its wheel.

No container engine is needed: the project's wheel, built from a copy of just the image's files, is installed into a
separate virtual environment, which sees the packages of the running environment, but not its link to the checkout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from schemas.errors import UserError
from tfx_pipeline.vertex.lineage import GIT_COMMIT, git_commit

PROJECT = Path(__file__).parents[3]
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
PACKAGES = ("schemas", "beam_jobs", "trainer", "tfx_pipeline")


class Image:
    """A virtual environment in place of the container image.

    Attributes:
      packages: Its own folder of packages, which holds this project's alone.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self.packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a container, without those of the launcher's environment."""
        return {
            "PATH": f"{self._folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self._folder / "home"),
            "LANG": "C.UTF-8",
            "PYTHONWARNINGS": "ignore",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "CUDA_VISIBLE_DEVICES": "-1",
            **({GIT_COMMIT: commit} if (commit := git_commit()) else {}),
        }


def build_image(folder: Path, project: Path = PROJECT) -> Image:
    """Creates the environment from scratch.

    Raises:
      UserError: There is no checkout to build from, or the build fails; says why.
    """
    if not (project / FILES[0]).is_file():
        raise UserError(f"{project}: no {FILES[0]}; rehearse in the project's folder")
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "source"
    source.mkdir(parents=True)
    for name in FILES:
        shutil.copy(project / name, source)
    for name in PACKAGES:
        shutil.copytree(project / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    python = [sys.executable, "-m"]
    _run([*python, "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source])
    _run([*python, "venv", "--without-pip", folder / "image"])
    image = Image(folder / "image")
    [wheel] = folder.glob("*.whl")
    _run([*python, "pip", "install", "--quiet", "--no-deps", "--target", image.packages, wheel])
    # One line of a .pth file adds the folder; the .pth files in it, such as the link to the checkout, are not read.
    (image.packages / "locked.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (folder / "image" / "home").mkdir()
    return image


def _run(command: list[str | Path]) -> None:
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    result = subprocess.run([str(one) for one in command], capture_output=True, text=True, env=environment, check=False)
    if result.returncode:
        raise UserError(f"the image can't be built: {' '.join((result.stderr or result.stdout).split())[-400:]}")
