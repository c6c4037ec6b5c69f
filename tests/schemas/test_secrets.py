"""Secrets are refused where they must not be, and no message repeats one."""

import pytest

from beam_jobs.console import exit_code
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model
from schemas.secrets import find_secrets, redacted

# Of the forms that services issue, made up here.
SECRETS = [
    "hf_" + "aB3" * 11,
    "hf_" + "abcdefgh" * 4,
    "ghp_" + "A1b2" * 9,
    "AIza" + "x" * 35,
    "ya29." + "a0" * 20,
    "AKIA" + "ABCDEFGH" * 2,
    "GOCSPX-" + "a" * 28,
    "-----BEGIN PRIVATE KEY-----\nMII",
]
URLS = [
    "https://me:s3cret@host/x",
    "http://:s3cret@localhost:80/",
    "https://me:s3/cr@et@host",
    "gs://u:s3cret@bucket/x",
]
HARMLESS = [
    "runs/hf_pusher/output",
    "hf_classification",
    "gs://bucket/a@b",
    "http://localhost:8080/x",
    "HF_TOKEN",
    "projects/p/secrets/hub/versions/latest",
    "europe-docker.pkg.dev/p/r/i@sha256:" + "0" * 64,
    "pipeline@project.iam.gserviceaccount.com",
]


class Section(FrozenModel):
    names: tuple[str, ...] = ()
    by_name: dict[str, str] = {}  # noqa: RUF012 (pydantic copies it)


@pytest.mark.parametrize("secret", SECRETS + URLS)
def test_a_secret_is_refused_at_any_depth_and_not_repeated(secret):
    for values, key in (({"names": ["x", secret]}, "names.1"), ({"by_name": {"a": secret}}, "by_name.a")):
        with pytest.raises(UserError) as raised:
            parse_model(Section, values, "config.yaml")
        message = str(raised.value)
        assert message.startswith(f"config.yaml: {key}: ")
        assert "give the name of an environment variable in capitals, such as HF_TOKEN" in message
        assert secret not in message
        assert "s3" not in message
    assert [key for key, _ in find_secrets({secret: 1})] == ["(key)"]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_a_secret_is_accepted(text):
    assert parse_model(Section, {"names": [text]}, "config.yaml").names == (text,)
    if text != "hf_classification":  # hidden rather than shown
        assert redacted(f"{text}: no such folder") == f"{text}: no such folder"


@pytest.mark.parametrize("secret", SECRETS + URLS)
def test_a_wrong_value_that_holds_a_secret_is_not_repeated(secret):
    with pytest.raises(UserError) as raised:
        parse_model(Section, {"names": [], "colour": f"x {secret}"}, "config.yaml")
    assert "config.yaml: colour: Extra inputs" in str(raised.value)
    assert secret not in str(raised.value)
    assert "s3" not in str(raised.value)


@pytest.mark.parametrize("secret", SECRETS[:-1] + URLS)
def test_no_command_line_prints_a_secret(secret, capsys):
    def refuse():
        raise UserError(f"--input {secret}: no such folder; give another")

    assert exit_code(refuse) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: --input ")
    assert secret not in err
    assert "s3" not in err


def test_a_hundred_mistakes_are_named_in_a_few_lines():
    with pytest.raises(UserError) as raised:
        parse_model(Section, {f"key{number}": "x" * 10_000 for number in range(100)}, "config.yaml")
    lines = str(raised.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "config.yaml: and 80 more"
    assert max(map(len, lines)) < 400
