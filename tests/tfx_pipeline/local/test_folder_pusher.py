"""A model is pushed whole or not at all, and what a killed push left goes with the next one."""

from pathlib import Path

import pytest
from tfx.proto import pusher_pb2
from tfx.types.standard_artifacts import Model, ModelBlessing, PushedModel
from tfx.utils import proto_utils

from schemas.errors import UserError
from tfx_pipeline.local.folder_pusher import FolderExecutor


@pytest.fixture
def exported(tmp_path) -> Path:
    """A SavedModel as far as the Pusher looks at one."""
    folder = tmp_path / "model" / "Format-Serving"
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "variables.index").write_text("weights")
    (folder / "saved_model.pb").write_text("graph")
    return folder


def push(tmp_path: Path, blessed: bool = True) -> PushedModel:
    model, blessing, pushed = Model(), ModelBlessing(), PushedModel()
    model.uri, blessing.uri, pushed.uri = (str(tmp_path / name) for name in ("model", "blessing", "pushed"))
    blessing.set_int_custom_property("blessed", int(blessed))
    serving = pusher_pb2.PushDestination.Filesystem(base_directory=str(tmp_path / "serving"))
    destination = proto_utils.proto_to_json(pusher_pb2.PushDestination(filesystem=serving))
    FolderExecutor().Do(
        {"model": [model], "model_blessing": [blessing]}, {"pushed_model": [pushed]}, {"push_destination": destination}
    )
    return pushed


def test_a_pushed_model_is_all_that_its_folder_gets(exported, tmp_path):
    pushed = push(tmp_path)
    [served] = (tmp_path / "serving").iterdir()
    assert served.name.isdigit()
    files = sorted(str(path.relative_to(served)) for path in served.rglob("*") if path.is_file())
    assert files == ["saved_model.pb", "variables/variables.index"]
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(served)
    assert pushed.get_string_custom_property("pushed_version") == served.name


def test_a_model_that_is_not_blessed_leaves_nothing(exported, tmp_path):
    assert push(tmp_path, blessed=False).get_int_custom_property("pushed") == 0
    assert list((tmp_path / "serving").iterdir()) == []


def test_a_push_that_breaks_off_leaves_no_half_model_to_be_served_and_the_next_one_tidies_up(exported, tmp_path):
    (exported / "saved_model.pb").unlink()
    (exported / "saved_model.pb").mkdir()  # is copied last, and can't be
    with pytest.raises(Exception, match=r"saved_model\.pb"):
        push(tmp_path)
    assert any((tmp_path / "serving" / ".incoming").rglob("variables.index"))
    assert [path.name for path in (tmp_path / "serving").iterdir()] == [".incoming"]
    (exported / "saved_model.pb").rmdir()
    (exported / "saved_model.pb").write_text("graph")
    push(tmp_path)
    [served] = (tmp_path / "serving").iterdir()
    assert (served / "saved_model.pb").read_text() == "graph"


def test_a_folder_of_the_same_name_that_no_push_has_made_is_left_alone(exported, tmp_path):
    mine = tmp_path / "serving" / ".incoming" / "mine"
    mine.mkdir(parents=True)
    with pytest.raises(UserError, match="nothing says that"):
        push(tmp_path)
    assert mine.is_dir()
