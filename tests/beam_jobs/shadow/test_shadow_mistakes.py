"""What a shadow run refuses before it starts."""

import json
import shutil

import pytest

from schemas.errors import UserError
from schemas.exported_model import INFO_PATH
from schemas.served import photo_path
from tests.beam_jobs.monitor.served_logs import NOON, WRITER, make_reference
from tests.beam_jobs.shadow.two_models import photo, shadow, write_photo


@pytest.fixture
def photos(tmp_path):
    write_photo(tmp_path / "photos/one.png", photo(0))
    return tmp_path / "photos"


def with_classes(models, folder, classes):
    """Both models, the candidate with other classes."""
    shutil.copytree(models, folder)
    path = folder / "candidate" / INFO_PATH
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, "classes": classes}))
    return folder


@pytest.mark.parametrize(
    ("classes", "difference"),
    [
        (["pet", "border", "background"], "its classes have another order than"),
        (["pet", "background", "edge"], r"its classes \(without border, with edge\) are not"),
    ],
)
def test_models_of_other_classes_are_refused_by_name(models, photos, tmp_path, classes, difference):
    both = with_classes(models, tmp_path / "models", classes)
    message = f"--candidate {both}/candidate: {difference} those of --model {both}/served"
    with pytest.raises(UserError, match=message):
        shadow(both, tmp_path / "out", f"--photos={photos}")
    assert not (tmp_path / "out").exists()


def test_a_model_is_not_compared_with_a_copy_of_itself(models, photos, tmp_path):
    shutil.copytree(models, tmp_path / "models")
    shutil.copytree(models / "served", tmp_path / "models/copy")
    with pytest.raises(UserError, match=r"--candidate .*/copy: has the weights of --model .*/served \([0-9a-f]{12}\)"):
        shadow(tmp_path / "models", tmp_path / "out", f"--photos={photos}", candidate="copy")


def test_what_holds_no_photo_is_refused(models, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"--photos .*/empty: no file matches"):
        shadow(models, tmp_path / "out", f"--photos={tmp_path / 'empty'}")
    with pytest.raises(UserError, match=r"--log .*/empty: holds no records"):
        shadow(models, tmp_path / "out", f"--log={tmp_path / 'empty'}")
    with pytest.raises(UserError, match=r"--log .*/nowhere: no such folder"):
        shadow(models, tmp_path / "out", f"--log={tmp_path / 'nowhere'}")


def test_a_window_without_records_and_one_of_photos_without_times_are_refused(models, photos, tmp_path):
    log = make_reference(tmp_path / "log", 1, 1)
    kept = log / photo_path(NOON, WRITER, 0, "png")
    write_photo(kept, photo(0))
    with pytest.raises(
        UserError, match=r"--log .*/log: holds no records from 2026-11-29 12:00 to 2026-11-30 12:00 UTC"
    ):
        shadow(models, tmp_path / "out", f"--log={log}", "--from=2026-11-29T12", "--to=2026-11-30T12")
    with pytest.raises(UserError, match="--from, --to: choose records of a --log"):
        shadow(models, tmp_path / "out", f"--photos={photos}", "--to=2026-11-30")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_model_is_named_by_its_option(models, photos, tmp_path):
    with pytest.raises(UserError, match=r"--candidate .*/nothing: no exported model"):
        shadow(models, tmp_path / "out", f"--photos={photos}", candidate="nothing")


def test_an_output_among_the_photos_or_of_someone_else_is_refused(models, photos, tmp_path):
    with pytest.raises(UserError, match=r"lies in .*/photos, which is read"):
        shadow(models, photos / "out", f"--photos={photos}")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("keep me")
    with pytest.raises(UserError, match="holds files"):
        shadow(models, tmp_path / "mine", f"--photos={photos}")
