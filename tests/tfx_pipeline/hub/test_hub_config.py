"""The `hub:` section: what is accepted, what is refused, and that no message repeats a token."""

import pytest

from schemas.errors import UserError
from tests.tfx_pipeline.hub.api import WRITE_TOKEN
from tfx_pipeline.config.hub import HubConfig
from tfx_pipeline.config.pipeline import load_config
from tfx_pipeline.hub.token import read_token
from tfx_pipeline.local_runner import EXIT_USER_ERROR, main

SPACE = {"repo": "acme/demo", "title": "Pets"}


def refusal(write_config, **hub) -> str:
    with pytest.raises(UserError) as raised:
        load_config(write_config(hub={"model_repo": "acme/pets", **hub}))
    return str(raised.value)


def test_a_repository_is_enough(write_config):
    hub = load_config(write_config(hub={"model_repo": "acme/pets"})).hub
    assert (hub.endpoint, hub.token, hub.branch, hub.visibility) == (
        "https://huggingface.co",
        "HF_TOKEN",
        "main",
        "public",
    )
    assert (hub.space, hub.dry_run) == (None, None)


def test_a_secret_manager_version_can_name_the_token():
    name = "projects/my-project/secrets/hub-token/versions/latest"
    assert HubConfig(model_repo="acme/pets", token=name).token == name


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"model_repo": "pets"}, "hub.model_repo: String should match pattern"),
        ({"model_repo": "acme/pets--x"}, "hub.model_repo: owner and name hold no"),
        ({"model_repo": "acme-/pets"}, "hub.model_repo: owner and name hold no"),
        ({"model_repo": f"acme/{'p' * 92}"}, "hub.model_repo: String should have at most 96 characters"),
        ({"endpoint": "http://hub.example.com"}, "hub.endpoint: String should match pattern"),
        ({"endpoint": "https://user:word@hub.example.com"}, "hub.endpoint: String should match pattern"),
        ({"branch": "../main"}, "hub.branch: String should match pattern"),
        ({"visibility": "secret"}, "hub.visibility: Input should be 'public' or 'private'"),
        ({"space": {"repo": "acme/demo"}}, "hub.space.title: Field required"),
        ({"space": SPACE | {"kind": "docker"}}, "hub.space.kind: Input should be 'gradio' or 'static'"),
        ({"space": SPACE | {"hardware": "t4-small"}}, "hub.space.hardware: Extra inputs are not permitted"),
        ({"space": SPACE, "visibility": "private"}, "which cannot read a private model"),
    ],
)
def test_a_wrong_value_is_named(write_config, section, message):
    assert message in refusal(write_config, **section)


@pytest.mark.parametrize(
    "section",
    [
        {"token": WRITE_TOKEN},
        {"token": "0123456789abcdef0123456789abcdef"},
        {"hf_token": WRITE_TOKEN},
        {"model_repo": WRITE_TOKEN},
        {"branch": f"/{WRITE_TOKEN}"},
    ],
)
def test_a_token_in_the_place_of_its_name_is_refused_and_not_repeated(write_config, section):
    [secret] = section.values()
    message = refusal(write_config, **section)
    assert secret.strip("/") not in message


def test_a_token_is_called_one(write_config):
    message = refusal(write_config, token=WRITE_TOKEN)
    assert "hub.token: looks like the secret itself" in message
    assert "give the name of an environment variable in capitals, such as HF_TOKEN" in message


def test_a_variable_that_is_not_set_is_reported_before_anything_starts(write_config, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MY_HUB_TOKEN", raising=False)
    config = write_config(hub={"model_repo": "acme/pets", "token": "MY_HUB_TOKEN"})
    assert main(["--config", str(config)]) == EXIT_USER_ERROR
    assert "hub.token: the environment variable MY_HUB_TOKEN is not set" in capsys.readouterr().err
    monkeypatch.setenv("MY_HUB_TOKEN", "two words")
    assert main(["--config", str(config)]) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert "hub.token: what MY_HUB_TOKEN holds is not a token" in error
    assert "two words" not in error
    assert not (tmp_path / "output").exists()


def test_an_example_photo_that_is_missing_is_reported_before_anything_starts(write_config, capsys, tmp_path):
    space = SPACE | {"examples": [str(tmp_path / "cat.jpg")]}
    config = write_config(hub={"model_repo": "acme/pets", "dry_run": str(tmp_path / "hub"), "space": space})
    assert main(["--config", str(config)]) == EXIT_USER_ERROR
    assert f"hub.space.examples: {tmp_path / 'cat.jpg'}: no such file" in capsys.readouterr().err


JPEG = b"\xff\xd8\xff and so on"


@pytest.mark.parametrize(
    ("names", "content", "message"),
    [
        (["cat [1].jpg"], JPEG, "must be the plain file name of a JPEG, PNG, GIF or WebP"),
        (["cat.jpg"], bytes(4) + b"ftypheic and so on", "is a HEIC or AVIF file by its content"),
        (["cat.jpg"], b"", "is not a JPEG, PNG, GIF or WebP by its content"),
        (["cat.jpg"], JPEG + bytes(2 << 20), "has more than 2097152 bytes"),
        (["one/cat.jpg", "two/CAT.jpg"], JPEG, "two/CAT.jpg: has the same file name as "),
    ],
)
def test_an_example_photo_that_a_space_cannot_show_is_reported_before_anything_starts(
    write_config, capsys, tmp_path, names, content, message
):
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    hub = {"model_repo": "acme/pets", "dry_run": str(tmp_path / "hub")}
    config = write_config(hub=hub | {"space": SPACE | {"examples": [str(path) for path in paths]}})
    assert main(["--config", str(config)]) == EXIT_USER_ERROR
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: hub.space.examples: {paths[-1]}: ")
    assert message in line
    assert not (tmp_path / "output").exists()


def test_a_space_without_the_model_that_it_runs_is_refused_before_anything_starts(write_config, capsys, tmp_path):
    config = write_config(hub={"model_repo": "acme/pets", "dry_run": str(tmp_path / "hub"), "space": SPACE})
    assert main(["--config", str(config), "--set=training.export_tflite=false"]) == EXIT_USER_ERROR
    assert "hub.space: runs the model with LiteRT, and training.export_tflite is false" in capsys.readouterr().err


def test_a_folder_of_somebody_elses_is_refused_for_a_dry_run_before_anything_starts(write_config, capsys, tmp_path):
    (tmp_path / "hub" / "model").mkdir(parents=True)
    (tmp_path / "hub" / "model" / "notes.txt").write_text("mine")
    config = write_config(hub={"model_repo": "acme/pets", "dry_run": str(tmp_path / "hub")})
    assert main(["--config", str(config)]) == EXIT_USER_ERROR
    assert f"hub.dry_run {tmp_path / 'hub'}: holds files, and nothing says that" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "hf_ümlaut"])
def test_what_is_no_token_is_refused_and_not_repeated(monkeypatch, value):
    monkeypatch.setenv("MY_HUB_TOKEN", value)
    with pytest.raises(UserError, match="what MY_HUB_TOKEN holds is not a token") as raised:
        read_token("MY_HUB_TOKEN")
    assert value not in str(raised.value)
