"""What a folder says of its photos is what is published of them."""

import os

import pytest

from schemas.errors import UserError
from schemas.version import verify_version
from tests.beam_jobs.jobs import prepare

OWN = "title: Our dogs & cats\nlicense: CC0-1.0\nsource: https://photos.example.com/dogs\n"


def report(photos, tmp_path) -> str:
    assert prepare(photos, tmp_path / "data") == 0
    return (tmp_path / "data" / "pets" / "1.0.0" / "report.html").read_text()


def test_photos_in_the_layout_of_a_data_set_are_called_what_their_origin_says(photos, tmp_path):
    (photos / "origin.yaml").write_text(OWN)
    page = report(photos, tmp_path)
    assert "Our dogs &amp; cats 1.0.0" in page
    assert "CC0-1.0" in page
    assert "Oxford" not in page
    assert "CC BY-SA" not in page


def test_without_an_origin_they_are_what_the_contract_was_written_for(photos, tmp_path):
    assert "Oxford-IIIT Pet 1.0.0" in report(photos, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\n", "license: Field required"),
        (OWN + "citation: x\n", "citation: Extra inputs"),
        (
            "title: |\n  two\n  lines\nlicense: x\nsource: x\n",
            r"title: must be one line of plain text, without U\+000A",
        ),
        ("[", "origin.yaml: not valid YAML"),
        ("\udcff", "origin.yaml: not valid YAML"),
        ("- x\n", r"origin.yaml: \(whole file\): "),
        (OWN + "# " + 5000 * "x", "has more than 4096 bytes"),
    ],
)
def test_an_origin_that_cannot_be_used_is_one_error_and_nothing_is_written(photos, tmp_path, text, message):
    (photos / "origin.yaml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=message):
        prepare(photos, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_an_origin_that_is_a_folder_is_an_error_that_names_it(photos, tmp_path):
    (photos / "origin.yaml").mkdir()
    with pytest.raises(UserError, match=r"origin\.yaml: can't be read"):
        prepare(photos, tmp_path / "data")


def test_the_version_carries_what_the_origin_says(photos, tmp_path):
    (photos / "origin.yaml").write_text(OWN)
    report(photos, tmp_path)
    spec = verify_version(tmp_path / "data" / "pets" / "1.0.0").spec
    assert (spec.title, spec.license, spec.citation) == ("Our dogs & cats", "CC0-1.0", None)
    (photos / "origin.yaml").write_text(OWN.replace("dogs & cats", "animals"))  # no other content
    assert prepare(photos, tmp_path / "data") == 0


def test_an_origin_that_is_a_named_pipe_is_an_error_and_waits_for_nobody(photos, tmp_path):
    os.mkfifo(photos / "origin.yaml")
    with pytest.raises(UserError, match=r"origin.yaml: can't be read \(is a named pipe, not a file\)"):
        prepare(photos, tmp_path / "data")
    assert not (tmp_path / "data").exists()
