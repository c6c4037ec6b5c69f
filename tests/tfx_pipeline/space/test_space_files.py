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

from schemas.errors import UserError
from schemas.exported_model import EXTRA_FOLDER, INFO_FILE, TFLITE_FILE, DataDescription, ModelInfo
from tfx_pipeline.deploy.trigger import __main__ as trigger_command
from tfx_pipeline.space import SpaceSettings, space_files
from tfx_pipeline.space import __main__ as app_command
from tfx_pipeline.space.examples import drawn_examples
from tfx_pipeline.space.file_server import file_server
from tfx_pipeline.space.local_model import find_model
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


INFO = {
    "dataset": "pets",
    "classes": ["pet", "background"],
    "palette": [[0, 0, 0], [255, 255, 255]],
    "image_size": 64,
    "tflite": {
        "model.tflite": {
            "bytes": 5,
            "sha256": "0" * 64,
            "compared_images": 1,
            "equal_pixels": 1.0,
            "max_logit_difference": 0.0,
            "mean_iou_difference": 0.0,
        }
    },
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


def test_a_folder_without_a_model_is_an_error_that_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match=r"no exported model there; `make demo` makes one"):
        find_model(tmp_path, "litert")


def test_the_newest_pushed_version_is_found_in_the_folder_of_a_pipeline(tmp_path):
    for version in ("9", "10"):
        extra = tmp_path / "serving" / version / EXTRA_FOLDER
        extra.mkdir(parents=True)
        (extra / INFO_FILE).write_text("{}")
        (extra / TFLITE_FILE).write_bytes(b"model")
    assert find_model(tmp_path, "litert").name == "10"


def test_a_model_without_tflite_files_opens_with_tensorflow_alone(own_model, tmp_path):
    (own_model / EXTRA_FOLDER / TFLITE_FILE).unlink()
    with pytest.raises(UserError, match=r"exported without TFLite models; .* or open .* with --runtime=tensorflow"):
        find_model(own_model, "litert")
    assert find_model(own_model, "tensorflow") == own_model


@pytest.fixture
def own_model(tmp_path):
    """A folder with what a Space needs of a model, under a name that no repository could have."""
    extra = tmp_path / "my model (2)" / "assets.extra"
    extra.mkdir(parents=True)
    (extra / "model_info.json").write_text(json.dumps(INFO))
    (extra / "model.tflite").write_bytes(b"model")
    return extra.parent


def refusal(root, model, title="Pets"):
    """What is said against writing a Space; it leaves nothing behind."""
    with pytest.raises(UserError) as refused:
        write_local_space(root, model, "gradio", title)
    assert not [path for path in root.parent.iterdir() if path.name.lstrip(".").startswith(root.name)]
    return str(refused.value)


def test_a_model_in_a_folder_of_any_name_is_shown_and_its_files_are_copied(own_model, tmp_path):
    write_local_space(tmp_path / "space", own_model, "gradio", "Pets")
    assert json.loads((tmp_path / "space" / "space.json").read_text())["model_repo"] == "local/my-model-2-"
    written = list((tmp_path / "space").rglob("*"))
    assert (tmp_path / "space" / "model" / "model.tflite").read_bytes() == b"model"
    assert not [path for path in written if path.is_symlink()]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"classes": ["<script>", "b"]}, "classes.0"),
        ({"palette": "x"}, "palette"),
        ({"image_size": "<script>"}, "image_size"),
        ({"tflite": 5}, "tflite"),
        ({"data": []}, "data"),
        ({"data": {"title": "a\nb", "license": "x", "source": "y"}}, "data.title"),
        ({"dataset": "../../etc"}, "dataset"),
        ({"metrics": {"examples": "<script>"}}, "metrics: examples"),
        ({"metrics": {"examples": 5, "mean_iou": "<script>"}}, "metrics: mean_iou"),
        ({"metrics": {"examples": 5, "boundary_f_score": "<script>"}}, "metrics: boundary_f_score"),
        ({"metrics": {"examples": 5, "iou": {"<script>": 0.5}}}, "metrics: iou"),
    ],
)
def test_a_model_info_that_could_become_a_page_of_somebody_else_is_refused(own_model, tmp_path, change, problem):
    path = own_model / "assets.extra" / "model_info.json"
    path.write_text(json.dumps(INFO | change))
    assert refusal(tmp_path / "space", own_model).startswith(f"{path}: {problem}: ")


@pytest.mark.parametrize("title", ["a\nb", "", "x" * 100, "\u200b", "hf_" + "aB3" * 11])
def test_a_title_that_cannot_be_one_is_named_before_anything_is_written(own_model, tmp_path, title):
    said = refusal(tmp_path / "space", own_model, title)
    assert said.startswith("the app: title: ")
    assert "aB3" not in said


def test_a_link_in_a_model_that_leads_out_of_it_is_refused(own_model, tmp_path):
    (tmp_path / "secret").write_text("secret")
    model = own_model / "assets.extra" / "model.tflite"
    model.unlink()
    model.symlink_to(tmp_path / "secret")
    assert f"{model}: leads to {tmp_path / 'secret'}" in refusal(tmp_path / "space", own_model)


def test_a_summary_of_somebody_else_beside_a_model_is_not_taken_for_its_metrics(own_model, tmp_path):
    model = own_model.rename(tmp_path / "5")
    for content in ("no JSON", '{"pushed_to": "/x/5", "metrics": 5}'):
        (tmp_path.parent / "summary.json").write_text(content)
        write_local_space(tmp_path / "space", model, "gradio", "Pets")
        assert json.loads((tmp_path / "space" / "model" / "model_info.json").read_text())["metrics"] is None
        shutil.rmtree(tmp_path / "space")


@pytest.mark.parametrize("place", ["n" * 300, "file/space"])
def test_a_folder_that_cannot_be_written_is_named(own_model, tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--write .*can't be"):
        write_local_space(tmp_path / place, own_model, "gradio", "Pets")


def test_folders_that_only_look_like_numbers_are_no_pushed_models(own_model, tmp_path):
    own_model.rename(tmp_path / "\u00b2")
    with pytest.raises(UserError, match="no exported model there"):
        find_model(tmp_path, "litert")


@pytest.mark.parametrize("port", ["99999", "-1", "many"])
def test_a_port_that_is_none_is_named(capsys, port):
    for command, options in ((app_command, []), (trigger_command, ["--config=x"])):
        with pytest.raises(SystemExit):
            command.main([*options, f"--port={port}"])
        assert f"must be a port from 0 to 65535, got '{port}'" in capsys.readouterr().err


def test_the_command_line_answers_a_missing_model_in_words(tmp_path):
    command = [sys.executable, "-m", "tfx_pipeline.space", f"--model={tmp_path / 'nothing'}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "nothing: no exported model there" in ended.stderr
    assert "Traceback" not in ended.stderr
