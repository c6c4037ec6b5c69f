"""Whether the Hub could install what a Gradio Space asks for; asks the package index, so that it is a proof."""

import subprocess
import sys
from pathlib import Path

import pytest

from tfx_pipeline.space import SpaceSettings, space_files
from tfx_pipeline.space.repository import GRADIO_VERSION, PYTHON_VERSION

# What the Hub adds to a Space's own list (its build log shows it).
ADDED_BY_THE_HUB = (f"gradio[oauth,mcp]=={GRADIO_VERSION}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces")


@pytest.mark.proof
@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
def test_the_requirements_of_a_space_resolve_together_with_what_the_hub_installs(runtime, tmp_path):
    settings = SpaceSettings(kind="gradio", model_repo="a/b", model_commit="0" * 40, title="Pets", runtime=runtime)
    requirements = space_files(settings)["requirements.txt"].decode()
    wanted = tmp_path / "requirements.in"
    wanted.write_text(requirements + "\n".join(ADDED_BY_THE_HUB) + "\n")
    uv = Path(sys.executable).with_name("uv")
    platform = ("--python-version", PYTHON_VERSION, "--python-platform", "x86_64-manylinux_2_28")
    command = [uv, "pip", "compile", "--quiet", "--no-annotate", "--only-binary=:all:", *platform, wanted]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    resolved = set(ended.stdout.split())
    assert set(requirements.split()) <= resolved
