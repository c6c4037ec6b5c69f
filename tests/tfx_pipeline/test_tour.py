"""The notebook `tfx_pipeline/tour.ipynb`: what is stored, and what it does."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tfx_pipeline

NOTEBOOK = Path(tfx_pipeline.__file__).with_name("tour.ipynb")
MAX_BYTES = 400_000  # GitHub shows larger ones slowly
HAS_JUPYTER = all(map(importlib.util.find_spec, ("nbclient", "nbformat", "ipykernel")))  # TFX brings it on Python 3.10


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(cell):
    """What a cell shows, without figures: its texts, and the kinds of everything else."""
    texts, kinds = [], []
    for output in cell["outputs"]:
        data = output.get("data", {})
        texts.append("".join(output.get("text", data.get("text/html", data.get("text/plain", "")))))
        kinds += sorted(data)
    return re.sub(r"[\d.,]*\d", "#", " ".join("".join(texts).split())).replace("# #", "#"), kinds


def test_the_stored_notebook_ran_from_top_to_bottom_without_a_warning_and_names_no_folder_of_a_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    cells = code_cells(json.loads(text))
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output.get("name", "stdout") for output in outputs} == {"stdout"}
    assert {output["output_type"] for output in outputs} == {"stream", "execute_result"}
    assert re.findall(r"/(?:tmp|home|root|Users|work)/\S*", json.dumps(outputs)) == []
    assert len(text.encode()) < MAX_BYTES


@pytest.mark.proof
@pytest.mark.slow(150)
@pytest.mark.skipif(not HAS_JUPYTER, reason="the environment of this Python has no Jupyter")
def test_the_notebook_runs_from_end_to_end_and_shows_what_is_stored(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    stored, now = (nbformat.read(NOTEBOOK, as_version=4) for _ in range(2))
    NotebookClient(now, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for before, after in zip(code_cells(stored), code_cells(now), strict=True):
        assert shown(after) == shown(before), after["source"]


@pytest.mark.proof
@pytest.mark.skipif(HAS_JUPYTER, reason="the notebook itself is run")
def test_the_cells_run_one_after_the_other_without_jupyter(tmp_path):
    script = "\n".join("".join(cell["source"]) for cell in code_cells(json.loads(NOTEBOOK.read_text(encoding="utf-8"))))
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the same mask: True" in ended.stdout
