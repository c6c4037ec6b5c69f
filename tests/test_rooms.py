"""Who may import whom: rooms depend downward only, and a Dataflow worker needs neither TFX nor Keras."""

import sys
from functools import cache

import pytest

from tests.rooms import JOURNEYS, PROJECT_DIR, arrows, circle, imported_modules, journey

MAY_IMPORT = {
    "schemas": set(),
    "beam_jobs": {"schemas"},
    "trainer": {"schemas"},
    "tfx_pipeline": {"schemas", "beam_jobs", "trainer"},
}
OURS = {*MAY_IMPORT, "tests"}
FOREIGN = {  # libraries that a room must do without
    "schemas": {"apache_beam", "keras", "tensorflow", "tfx"},
    "beam_jobs": {"keras", "keras_hub", "keras_tuner", "tensorflow_model_analysis", "tfx"},
    "trainer": {"apache_beam", "tensorflow_model_analysis"},
    "tfx_pipeline": set(),
}


@cache
def imports(room):
    """(file, package) for each import anywhere in a room, inside functions too."""
    return [
        (path.relative_to(PROJECT_DIR).as_posix(), name.split(".")[0])
        for path in sorted((PROJECT_DIR / room).rglob("*.py"))
        for name in imported_modules(path)
    ]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room):
    upward = OURS - MAY_IMPORT[room] - {room}
    assert [one for one in imports(room) if one[1] in upward] == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_does_without_the_libraries_of_others(room):
    assert [one for one in imports(room) if one[1] in FOREIGN[room]] == []


def test_only_the_search_for_hyperparameters_knows_tfx_in_the_trainer():
    assert {path for path, package in imports("trainer") if package == "tfx"} == {"trainer/tuner_fn.py"}


@pytest.mark.parametrize("room", ["schemas", "beam_jobs", "trainer", "tfx_pipeline"])
def test_the_folders_of_a_room_import_downward_only(room):
    assert circle(arrows(room)) == []


def test_a_model_reaches_hub_and_endpoint_without_what_decodes_and_prepares_photos():
    files = journey(JOURNEYS["model to Hub and endpoint"])
    assert {"tfx_pipeline/hub/push.py", "tfx_pipeline/vertex/endpoint.py", "schemas/exported_model.py"} <= set(files)
    assert [one for one in files if one.startswith(("beam_jobs/codec/", "beam_jobs/prepare/", "trainer/models/"))] == []


def test_nothing_beside_the_runners_hides_a_module_of_python():
    """`tfx run create` runs `tfx_pipeline/local_runner.py` by path: its folder comes first when Python imports."""
    names = {path.stem for path in (PROJECT_DIR / "tfx_pipeline").iterdir()}
    assert not names & sys.stdlib_module_names
