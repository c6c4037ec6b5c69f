"""`--exclude`: photos that a person leaves out of a version, accounted for."""

import json

import pytest

from beam_jobs.sources.excluded import read_excluded
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.shipped import load_spec
from tests.beam_jobs.jobs import GOOD, prepare
from tests.published import ids_by_split

LEFT_OUT = {"pug_3", "Bengal_4"}


def listed(folder, text):
    path = folder / "left_out"
    path.write_text(text)
    return f"--exclude={path}"


def ids_in(version_dir):
    return set().union(*ids_by_split(version_dir).values())


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "pug_3", "score": 0.1, "detail": "a, b"}\n\n{"id": "Bengal_4", "kind": "shifted"}\n',
        "# looked at in spring\npug_3\nBengal_4\npug_3\n",
        "id,split,score\npug_3,train,0.1\nBengal_4,eval,0.2\n",
        "images/pug_3.jpg\nBengal_4.jpg\n",
    ],
    ids=["JSON Lines", "ids", "table", "paths"],
)
def test_a_list_names_photos_as_label_issues_people_and_tables_do(tmp_path, text):
    path = listed(tmp_path, text).partition("=")[2]
    assert set(read_excluded(path, load_spec("pets"))) == LEFT_OUT


def test_listed_photos_are_left_out_and_accounted_for(photos, tmp_path, capsys):
    lines = "".join(json.dumps({"id": one, "kind": "shifted"}) + "\n" for one in sorted(LEFT_OUT))
    assert prepare(photos, tmp_path / "data", "1.0.0", listed(tmp_path, lines)) == 0
    version_dir = tmp_path / "data/pets/1.0.0"
    manifest = read_manifest(version_dir)
    assert ids_in(version_dir) == set(GOOD) - LEFT_OUT
    assert (manifest.inputs, manifest.published, manifest.quarantined) == (40, 38, {"excluded": 2})
    quarantine = (version_dir / "quarantine/quarantine-00000-of-00001.jsonl").read_text().splitlines()
    assert {json.loads(line)["id"] for line in quarantine} == LEFT_OUT
    assert "a person&#x27;s list says, not a defect" in (version_dir / "report.html").read_text()
    assert "excluded 2" in capsys.readouterr().out


def test_what_is_left_out_counts_as_content_and_not_as_a_reject(photos, tmp_path, capsys):
    half = listed(tmp_path, "\n".join(GOOD[::2]))
    assert prepare(photos, tmp_path / "data", "1.0.0", half) == 0
    assert prepare(photos, tmp_path / "data", "1.0.0", half) == 0
    assert "Already published from the same inputs and options" in capsys.readouterr().out
    with pytest.raises(UserError, match="already published with exclude_sha256="):
        prepare(photos, tmp_path / "data", "1.0.0")


@pytest.mark.proof
def test_a_retry_keeps_out_what_was_left_out(photos, tmp_path):
    assert prepare(photos, tmp_path / "data", "1.0.0", listed(tmp_path, "pug_3\n")) == 0
    assert prepare(photos, tmp_path / "data", "1.1.0", "--retry_quarantined=1.0.0") == 0
    assert read_manifest(tmp_path / "data/pets/1.1.0").quarantined == {"excluded": 1}
    with pytest.raises(UserError, match="exclude: retry_quarantined copies published records"):
        prepare(photos, tmp_path / "data", "1.2.0", "--retry_quarantined=1.0.0", listed(tmp_path, "pug_4\n"))


def test_a_photo_that_is_not_there_is_a_mistake_and_nothing_is_published(photos, tmp_path):
    with pytest.raises(UserError, match=r"--exclude .*left_out: names pug_99, of which the input has neither"):
        prepare(photos, tmp_path / "data", "1.0.0", listed(tmp_path, "pug_3\npug_99\n"))
    assert not (tmp_path / "data/pets/1.0.0").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no photo"),
        ('{"image": "pug_3"}', "line 1: has no `id` of a photo"),
        ('{"id": "../pug_3"}', "line 1: has no `id` of a photo"),
        ('{"id": "pug_3"', "line 1: not valid JSON"),
        ("pug_3\0\n", "line 1: holds zero bytes"),
    ],
)
def test_a_list_that_cannot_be_used_is_reported_before_anything_is_written(photos, tmp_path, text, message):
    with pytest.raises(UserError, match=f"--exclude .*left_out: {message}"):
        prepare(photos, tmp_path / "data", "1.0.0", listed(tmp_path, text))
    with pytest.raises(UserError, match=r"--exclude .*nowhere: can't be read"):
        prepare(photos, tmp_path / "data", "1.0.0", f"--exclude={tmp_path}/nowhere")
    assert not (tmp_path / "data").exists()
