"""What the running apps give to people who want more than to segment a photo: nothing, in the same words each time."""

import os
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.tfx_pipeline.space.browser import needs_npm
from tests.tfx_pipeline.space.conftest import encoded, photo
from tests.tfx_pipeline.space.processes import serving
from tfx_pipeline.space.file_server import file_server
from tfx_pipeline.space.local_space import write_local_space

pytestmark = [pytest.mark.proof, pytest.mark.slow(60)]

NOT_UPLOADED = "This photo was not uploaded here. Upload it first."
FILE = {"_type": "gradio.FileData"}  # what a value says of itself to be taken for a file


@pytest.fixture(scope="module")
def app(open_space):
    with httpx.Client(base_url=open_space("gradio"), timeout=60) as client:
        yield client


def ask(app: httpx.Client, value: object) -> str:
    """What the API answers to a photo."""
    event = app.post("/gradio_api/call/segment", json={"data": [value]}).raise_for_status().json()["event_id"]
    return app.get(f"/gradio_api/call/segment/{event}").text


def upload(app: httpx.Client, data: bytes, name: str = "photo.jpg") -> str:
    """The path of the uploaded file on the server."""
    return app.post("/gradio_api/upload", files={"files": (name, data)}).raise_for_status().json()[0]


@pytest.fixture
def secret(tmp_path) -> Path:
    """A photo that was not uploaded."""
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded(photo()))
    return path


def test_an_uploaded_photo_is_segmented(app):
    path = upload(app, encoded(photo()))
    for value in ({"path": path}, {"path": path, "meta": FILE}):
        assert "event: complete" in ask(app, value)


def test_a_path_that_was_not_uploaded_gives_the_same_answer_whether_it_exists_or_not(app, secret, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    folder = Path(upload(app, encoded(photo()))).parent
    (tmp_path / "link.jpg").symlink_to(secret)
    paths = [secret, tmp_path / "none.jpg", "/etc/passwd", "/dev/ptmx", "/dev/zero", pipe, tmp_path, folder, "", "\0"]
    paths += [f"{folder}/../../../../../../../../../../{secret}", folder / "none.jpg", tmp_path / "link.jpg", "~"]
    [answer] = {ask(app, {"path": str(path)}) for path in paths}
    assert NOT_UPLOADED in answer


def test_a_path_that_says_it_is_a_file_is_refused_without_a_word_on_whether_it_exists(app, secret, tmp_path):
    paths = [secret, tmp_path / "none.jpg", "/dev/ptmx"]
    assert len({ask(app, {"path": str(path), "meta": FILE}) for path in paths}) == 1
    assert "event: error" in ask(app, {"path": str(secret), "meta": FILE})


def test_a_link_in_the_upload_folder_does_not_lead_out_of_it(app, secret):
    link = Path(upload(app, encoded(photo()))).with_name("link.jpg")
    link.symlink_to(secret)
    assert NOT_UPLOADED in ask(app, {"path": str(link)})


def test_the_app_fetches_no_address(app):
    for address in ("https://example.com/photo.jpg", "http://127.0.0.1:1/photo.jpg"):
        for value in (
            {"path": address},
            {"path": address, "meta": FILE},
            {"path": address, "url": address, "meta": FILE},
        ):
            assert NOT_UPLOADED in ask(app, value)
        assert '"url"' not in ask(app, {"url": address})
        for route in ("file=", "file/", "proxy="):
            assert app.get(f"/gradio_api/{route}{address}").status_code == 404


def test_a_page_whose_components_have_changed_takes_nothing_but_uploads_either(app, secret):
    """Gradio makes components anew in each session where they change, such as a button that was disabled."""
    session = f"of-{secret.parent.name}"
    functions = [one for one in app.get("/config").json()["dependencies"] if one["backend_fn"]]
    photo_path = upload(app, encoded(photo()))
    for value in ({"path": photo_path, "meta": FILE}, None):  # the page shows a photo, then it is taken away
        for function in functions:
            run(app, session, function, value)
    with_input = [one for one in functions if one["inputs"]]
    assert len(with_input) >= 8
    for value in ({"path": str(secret), "meta": FILE}, {"path": str(secret)}):
        answers = [run(app, session, function, value) for function in with_input]
        assert [one for one in answers if "data:image" in one or secret.name in one] == []
    address = "http://127.0.0.1:1/photo.jpg"
    for value in ({"path": address, "meta": FILE}, {"path": address, "url": address, "meta": FILE}):
        answers = [run(app, session, function, value) for function in with_input]
        assert [one for one in answers if NOT_UPLOADED not in one] == []


def run(app: httpx.Client, session: str, function: dict, value: object) -> str:
    """What a function of the page answers in a visitor's session, with a value for each of its inputs."""
    data = {"data": [value] * len(function["inputs"]), "fn_index": function["id"], "session_hash": session}
    app.post("/gradio_api/queue/join", json=data).raise_for_status()
    return app.get("/gradio_api/queue/data", params={"session_hash": session}).text


def test_files_of_the_server_cannot_be_downloaded(app, secret):
    for path in (secret, "/etc/passwd", "space.json", "app.py", "/dev/ptmx", secret.parent / "none"):
        assert app.get(f"/gradio_api/file={path}").status_code == 403


def test_what_is_larger_than_a_photo_is_not_taken(app):
    answer = app.post("/gradio_api/upload", files={"files": ("photo.jpg", bytes(41_000_000))})
    assert answer.status_code == 413


@pytest.mark.parametrize("kind", ["gradio", pytest.param("static", marks=needs_npm)])
def test_an_app_on_this_machine_answers_in_its_own_name_only(open_space, kind):
    address = open_space(kind)
    port = urlsplit(address).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "127.0.0.1", f"[::1]:{port}"):
        assert httpx.get(address, headers={"Host": host}).status_code == 200
    for host in (
        "rebound.example.com",
        f"rebound.example.com:{port}",
        "127.0.0.1.example.com",
        "localhost.example",
        "x][",
    ):
        assert httpx.get(address, headers={"Host": host}).status_code == 403
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 403 " in connection.recv(100)


def test_a_page_of_another_website_cannot_even_upload(app):
    for origin in ("https://evil.example.com", "http://127.0.0.1:1", "null"):
        answer = app.post("/gradio_api/upload", files={"files": ("x", b"x")}, headers={"Origin": origin})
        assert answer.status_code == 403
    own = app.post(
        "/gradio_api/upload", files={"files": ("x", b"x")}, headers={"Origin": str(app.base_url).rstrip("/")}
    )
    assert own.status_code == 200


def test_a_server_of_files_follows_no_link_and_lists_no_folder(tmp_path):
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "space"
    (folder / "model").mkdir(parents=True)
    (folder / "index.html").write_text("page")
    (folder / "model" / "link").symlink_to(tmp_path / "secret")
    (folder / "model" / "out").symlink_to(tmp_path)
    with file_server(folder, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert httpx.get(f"{address}/").text == "page"
        paths = ("model/", "model/link", "model/out/secret", "..%2fsecret", "%00", "n" * 5000, "model/out/")
        assert {httpx.get(f"{address}/{path}").status_code for path in paths} == {404}
        server.shutdown()


def segment_and_find(address: str, headers: dict[str, str]) -> Path:
    """Has a photo segmented, and where it lies meanwhile."""
    with httpx.Client(base_url=address, timeout=60, headers=headers) as app:
        path = Path(upload(app, encoded(photo())))
        assert "event: complete" in ask(app, {"path": str(path)})
    assert path.is_file()
    return path


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_photo_outlives_the_app(exported, tmp_path):
    command = ("-m", "tfx_pipeline.space", f"--model={exported}", "--port=0")
    with serving(*command, environment={"TMPDIR": str(tmp_path)}, terminate=True) as address:
        assert tmp_path in segment_and_find(address, {}).parents
    assert files_below(tmp_path) == []


def test_a_space_on_the_hub_answers_in_its_name_there_and_no_photo_outlives_it(exported, tmp_path):
    write_local_space(tmp_path / "space", exported, "gradio", "Pets")
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    environment = {"SYSTEM": "spaces", "SPACE_ID": "acme/pets", "HF_HUB_OFFLINE": "1", "TMPDIR": str(uploads)}
    with serving("app.py", folder=tmp_path / "space", environment=environment, terminate=True) as address:
        headers = {"Host": "acme-pets.hf.space", "Origin": "https://huggingface.co"}
        assert uploads in segment_and_find(address, headers).parents
    assert files_below(uploads) == []
