"""YAML and JSON from outside: what they can hold, and that no document costs more than its bytes."""

import time

import pytest

from schemas.documents import MAX_DEPTH, MAX_JSON_BYTES, MAX_YAML_BYTES, parse_json, parse_yaml, read_yaml
from schemas.errors import UserError

BILLION_LAUGHS = "a0: &a0 [ha]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BILLION_LAUGHS, r"in line 2: \*a0 refers to another value"),
        ("a: &a [*a]", r"in line 1: \*a refers to another value"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", r"in line 3: \*a refers to another value"),
        ("[" * 100_000, f"in line 1: nested deeper than {MAX_DEPTH} levels"),
        ("a:\n" + "".join(" " * n + "a:\n" for n in range(1, 300)), f"nested deeper than {MAX_DEPTH}"),
        ("- " * 5_000, f"nested deeper than {MAX_DEPTH}"),
        ("epochs: 3\nname: x\nepochs: 4\n", "in line 3: the key 'epochs' is there twice"),
        ("a: {1: x, true: y}", "is there twice"),
        ("? [a]\n: 1", "a key must be a text or a number"),
        ("a: 2026-02-30", "in line 1: day is out of range"),
        ("a: 0b_", "in line 1: invalid literal"),
        ("a: " + "9" * 100_000, "a number is too long"),
        ("a: " + ":".join(["1"] * 50_000), "a number is too long"),
        ("a: !!python/object/apply:os.system [ls]", "tags such as !!python/object/apply:os.system are not"),
        ("a: !!set {x, y}", "tags such as !!set are not supported"),
        ("a: !!binary aaaa", "tags such as !!binary are not supported"),
        ("a: !!timestamp 12", "tags such as !!timestamp are not supported"),
        ("a: !!int ''", "tags such as !!int are not supported"),
        ('a: "\\ud800"', "a character that is not allowed"),
        ('a: "x\\0y"', "a character that is not allowed"),
        ("a: \x07", "unacceptable character"),
        ("a: 1\n---\nb: 2\n", "in line 2: "),
        ("a: {b", "in line 1: "),
        (b"\xff\xfe\xff", "not valid YAML"),
        ("# " + "x" * MAX_YAML_BYTES, f"larger than {MAX_YAML_BYTES:,} bytes"),
    ],
)
def test_yaml_that_is_none_or_too_much_is_refused_in_one_line(text, problem):
    start = time.monotonic()
    with pytest.raises(UserError, match=rf"^a\.yaml: .*{problem}") as raised:
        parse_yaml(text, "a.yaml")
    assert time.monotonic() - start < 5
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, f"nested deeper than {MAX_DEPTH} levels"),
        ('{"a":' * 100_000, f"nested deeper than {MAX_DEPTH} levels"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), f"nested deeper than {MAX_DEPTH} levels"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("[NaN]", "NaN is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("[1e999]", "a number is too large"),
        ("[" + "9" * 500_000 + "]", "a number has 500000 digits"),
        ('{"a": 1', "line 1 column"),
        ("", "line 1 column 1"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (" " * (MAX_JSON_BYTES + 1), f"larger than {MAX_JSON_BYTES:,} bytes"),
    ],
)
def test_json_that_is_none_or_too_much_is_refused_in_one_line(text, problem):
    start = time.monotonic()
    with pytest.raises(UserError, match=rf"^a\.json: .*{problem}") as raised:
        parse_json(text, "a.json")
    assert time.monotonic() - start < 5
    assert len(str(raised.value).splitlines()) == 1


def test_ordinary_documents_are_read_as_they_stand(tmp_path):
    values = {"text": "ö", "number": 1, "share": 0.5, "none": None, "list": [True, {"deep": []}]}
    text = "text: ö\nnumber: 1\nshare: 0.5\nnone:\nlist: [true, {deep: []}]\n"
    (tmp_path / "a.yaml").write_text("\ufeff" + text, encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == parse_yaml(text, "a.yaml") == values
    assert parse_json('{"text": "ö", "number": 1, "list": [true, {"deep": []}]}', "a.json")["list"] == values["list"]


def test_no_more_of_a_file_is_read_than_a_document_may_have(tmp_path):
    with open(tmp_path / "a.yaml", "wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing
    with pytest.raises(UserError, match="larger than"):
        read_yaml(tmp_path / "a.yaml")
