import json
import re
import shutil
import subprocess
import sys
import threading
from importlib import metadata
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml
from pydantic import ValidationError

from schemas.exported_model import EXTRA_FOLDER, INFO_FILE, TFLITE_FILE, DataDescription, ModelInfo
from tfx_pipeline.space import SpaceSettings, space_files
from tfx_pipeline.space.examples import drawn_examples
from tfx_pipeline.space.file_server import file_server
from tfx_pipeline.space.local_space import write_local_space
from tfx_pipeline.space.repository import GRADIO_VERSION
from tfx_pipeline.space.settings import example_problem

needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is missing: apt-get install npm")
JPEG = b"\xff\xd8\xff and so on"
SETTINGS = {
    "kind": "gradio",
    "model_repo": "someone/pets",
    "model_commit": "0123456789abcdef0123456789abcdef01234567",
    "title": "Pets: segmented",
}


def front_matter(files):
    opening, front, _ = files["README.md"].decode().split("---\n", 2)
    assert opening == ""
    return yaml.safe_load(front)


@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
def test_a_gradio_space_says_how_the_hub_runs_it(runtime):
    files = space_files(SpaceSettings(**SETTINGS, runtime=runtime))
    front = front_matter(files)
    assert (front["sdk"], front["app_file"], front["models"]) == ("gradio", "app.py", ["someone/pets"])
    assert front["sdk_version"] == GRADIO_VERSION == metadata.version("gradio")
    assert isinstance(front["python_version"], str)
    assert front["title"] == SETTINGS["title"]
    pinned = files["requirements.txt"].decode().splitlines()
    assert all("==" in line for line in pinned)
    assert any(line.startswith("tensorflow-cpu" if runtime == "tensorflow" else "ai-edge-litert") for line in pinned)
    assert json.loads(files["space.json"])["model_commit"] == SETTINGS["model_commit"]


def test_the_same_settings_give_the_same_bytes():
    settings = SpaceSettings(**SETTINGS, examples={"cat.jpg": JPEG})
    assert space_files(settings) == space_files(settings)
    assert space_files(settings)["examples/cat.jpg"] == JPEG


@pytest.mark.parametrize(
    "name",
    ["cat 2.jpg", "_DSC1234.JPG", "IMG 1 (2).jpeg", "a@2x.png", "Über.webp", "U\u0308ber.jpg", "写真.jpg", "हिन्दी.gif"],
)
def test_an_example_may_have_any_name_that_cameras_phones_and_people_give(tmp_path, name):
    assert example_problem(name, JPEG) is None
    files = space_files(SpaceSettings(**SETTINGS, examples={name: JPEG}))
    assert json.loads(files["space.json"])["examples"] == [name]
    (tmp_path / name).write_bytes(files[f"examples/{name}"])
    with file_server(tmp_path, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{quote(name, safe='')}"  # as the app in the browser writes it
        with urlopen(address, timeout=10) as answer:
            assert answer.read() == JPEG
        server.shutdown()


@pytest.mark.parametrize(
    "name",
    [
        *(".cat.jpg", "-cat.jpg", " cat.jpg", ".jpg", "a/cat.jpg", "a\\cat.jpg", "cat\n.jpg", "cat*.jpg", "cat[1].jpg"),
        *(
            "cat#1.jpg",
            "100%.jpg",
            "a<b>.jpg",
            "cat\u202egpj.jpg",
            "cat\u200b.jpg",
            "cat\udc80.jpg",
            "写" * 80 + ".jpg",
        ),
    ],
)
def test_an_example_s_name_that_hides_something_or_leads_elsewhere_is_refused(name):
    assert "plain file name" in (example_problem(name, JPEG) or "")


def test_a_gradio_space_carries_all_that_it_imports_of_the_pipeline():
    files = space_files(SpaceSettings(**SETTINGS))
    sources = {name: content.decode() for name, content in files.items() if name.endswith(".py")}
    assert set(sources) > {"app.py", "segmentation_app/interface.py", "segmentation_app/resizing.py"}
    rooms = re.compile(r"^\s*(?:from|import) ((?:tfx_pipeline|trainer|beam_jobs|schemas)[\w.]*)", re.MULTILINE)
    own = [text for name, text in sources.items() if name != "beam_jobs/__init__.py"]  # it imports nothing when it is
    imported = {f"{module.replace('.', '/')}.py" for text in own for module in rooms.findall(text)}
    shared = {name for name in sources if name.startswith(("beam_jobs/", "schemas/"))}
    assert imported == {name for name in shared if not name.endswith("__init__.py")}


def test_what_logs_answers_in_a_space_needs_no_more_than_its_files_and_its_requirements(tmp_path):
    for name, content in space_files(SpaceSettings(**SETTINGS)).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    code = "import sys, segmentation_app.served_log, beam_jobs; print(beam_jobs.__file__, 'apache_beam' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == [str(tmp_path / "beam_jobs" / "__init__.py"), "False"], ran.stderr


@needs_npm
def test_a_static_space_carries_its_runtime_and_names_the_model_by_commit():
    files = space_files(SpaceSettings(**SETTINGS | {"kind": "static"}, endpoint="http://localhost:7777"))
    front = front_matter(files)
    assert (front["sdk"], front["app_file"], "sdk_version" in front) == ("static", "index.html", False)
    assert files["runtime/wasm/litert_wasm_internal.wasm"].startswith(b"\0asm")
    url = f"http://localhost:7777/someone/pets/resolve/{SETTINGS['model_commit']}"
    assert json.loads(files["space.json"])["model_url"] == url
    texts = {name: content.decode() for name, content in files.items() if "/" not in name and name != "README.md"}
    assert not [name for name, text in texts.items() if "https://" in text.replace("https://huggingface.co", "")]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"examples": {"../../cat.jpg": JPEG}}, "examples"),
        ({"examples": {"notes.txt": JPEG}}, "examples"),
        ({"examples": {"cat.jpg": b""}}, "examples"),
        ({"examples": {"cat.jpg": b"x"}}, "examples"),
        ({"model_repo": "no-owner"}, "model_repo"),
        ({"model_commit": "main branch"}, "model_commit"),
        ({"endpoint": "ftp://somewhere"}, "endpoint"),
        ({"kind": "docker"}, "kind"),
    ],
)
def test_settings_that_cannot_be_published_are_refused(changes, key):
    with pytest.raises(ValidationError, match=key):
        SpaceSettings(**SETTINGS | changes)


def test_drawn_examples_are_small_and_the_same_each_time():
    examples = drawn_examples("pets", count=2)
    assert examples == drawn_examples("pets", count=2)
    assert len(examples) == 2
    assert all(len(content) < 100_000 for content in examples.values())
    SpaceSettings(**SETTINGS, examples=examples)


@pytest.mark.parametrize("drawn", [None, False, True])
def test_drawings_are_examples_only_for_a_model_that_was_trained_on_drawings(tmp_path, drawn):
    extra = tmp_path / "model" / EXTRA_FOLDER
    extra.mkdir(parents=True)
    info = ModelInfo(dataset="pets", classes=("pet", "background"), palette=((0, 0, 0), (9, 9, 9)), image_size=32)
    if drawn is not None:  # models of earlier versions do not say
        data = DataDescription(title="Pets", license="CC0-1.0", source="us", drawn=drawn)
        info = info.model_copy(update={"data": data})
    (extra / INFO_FILE).write_text(info.to_json())
    (extra / TFLITE_FILE).write_bytes(b"model")
    write_local_space(tmp_path / "space", tmp_path / "model", "gradio", "Pets")
    assert (tmp_path / "space" / "examples").exists() == bool(drawn)


def test_a_title_stays_text_in_the_readme():
    readme = space_files(SpaceSettings(**SETTINGS | {"title": "<b>Pets</b> [x](https://a.example)"}))[
        "README.md"
    ].decode()
    assert "# \\<b\\>Pets\\<" in readme
