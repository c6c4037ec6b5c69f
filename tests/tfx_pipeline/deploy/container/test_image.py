"""The image: what its Dockerfile names exists, its steps work in an empty place, and the smoke command finds faults."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tfx_pipeline.deploy.container.dockerfile import (
    DOCKERFILE,
    IMAGE_DIR,
    PROJECT_DIR,
    build_arguments,
    instructions,
    stage,
)
from tfx_pipeline.deploy.container.lock_file import pinned
from tfx_pipeline.deploy.container.smoke import (
    DRIVER,
    LOCKS,
    beam_differs,
    driver_unreachable,
    packages_differ,
    programs_missing,
)

PYTHONS = ("3.10", "3.13")
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
BIN = Path(sys.executable).parent


def run(*command, **settings):
    return subprocess.run(command, capture_output=True, text=True, check=False, **settings)


def image_variables() -> dict[str, str]:
    """The environment variables that the last stage sets, as the Dockerfile has them."""
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(rest for keyword, rest in stage("image") if keyword == "ENV")))


def test_the_dockerfile_passes_the_linter():
    linted = run(BIN / "hadolint", DOCKERFILE)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_build_passes_the_schema_of_cloud_build():
    checked = run(BIN / "check-jsonschema", "--builtin-schema=vendor.cloudbuild", IMAGE_DIR / "cloudbuild.yaml")
    assert checked.returncode == 0, checked.stdout


def test_the_images_beam_is_the_one_that_is_locked():
    arguments = build_arguments()
    assert arguments["BEAM_VERSION"] == pinned(LOCKS / f"{arguments['PYTHON_MINOR']}.lock")["apache-beam"]
    comment = re.search(r"PYTHON_MINOR=(3\.13) .*BEAM_VERSION=(\S+)", DOCKERFILE.read_text())
    assert comment[2] == pinned(LOCKS / f"{comment[1]}.lock")["apache-beam"]


def image_build(*variables):
    """What `make image` would run, with further variables of make."""
    places = ("PROJECT=my-project-1", "REGION=europe-west1", "BUCKET=my-bucket")
    return run("make", "-n", "image", *places, *variables, cwd=PROJECT_DIR)


def test_make_and_cloud_build_agree_with_the_dockerfile():
    arguments = build_arguments()
    defaults = yaml.safe_load((IMAGE_DIR / "cloudbuild.yaml").read_text())["substitutions"]
    assert defaults == {
        f"_{name}": arguments[name] for name in ("PYTHON_MINOR", "PYTHON_TAG", "BEAM_VERSION", "ACCELERATOR")
    } | {"_COMMIT": ""}
    assert re.search(r"^ARG COMMIT=$", DOCKERFILE.read_text(), re.MULTILINE)
    made = image_build("PYTHON=python3.10")
    for name, value in defaults.items():
        assert f"{name}={value}" in made.stdout
    makefile = (PROJECT_DIR / "Makefile").read_text()
    assert re.search(r"uv==(\S+)", DOCKERFILE.read_text())[1] == re.search(r"UV_VERSION := (\S+)", makefile)[1]


@pytest.mark.parametrize(
    ("accelerator", "python", "tag"),
    [("cpu", "3.10", "1.0"), ("gpu", "3.10", "1.0-gpu"), ("gpu", "3.13", "1.0-py3.13-gpu")],
)
def test_each_variant_of_a_commit_has_a_tag_of_its_own(accelerator, python, tag):
    variant = (f"ACCELERATOR={accelerator}", f"PYTHON_VERSION={python}")
    made = image_build("TAG=1.0", *variant)
    assert f",_TAG={tag}," in made.stdout


def test_the_build_can_run_in_another_region_and_shows_its_log():
    made = image_build("BUILD_REGION=us-central1").stdout
    assert made.startswith("gcloud beta builds submit ")  # without beta, logs that are not in a bucket are not shown
    assert "--region=us-central1 " in made.replace('"', "")
    assert "_IMAGE=europe-west1-docker.pkg.dev/" in made


def test_the_image_lets_tensorflow_find_the_driver_of_a_gpu():
    variables = image_variables()
    assert list(driver_unreachable(variables)) == []
    for name in ("PATH", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"):
        [problem] = driver_unreachable(variables | {name: "/usr/bin"})
        assert problem.startswith(f"{name}: lacks ")


@pytest.mark.parametrize("python", PYTHONS)
def test_the_images_lock_is_a_part_of_the_projects(python):
    project, image, gpu = (
        pinned(PROJECT_DIR / f"requirements-{python}.lock"),
        pinned(LOCKS / f"{python}.lock"),
        pinned(LOCKS / f"{python}-gpu.lock"),
    )
    assert image.items() <= project.items()
    assert {"pytest", "ruff", "tensorflow-datasets"} <= project.keys() - image.keys()
    assert all(name.startswith("nvidia-") for name in gpu)
    assert "nvidia-cudnn-cu12" in gpu
    for lock in (f"{python}.lock", f"{python}-gpu.lock"):
        text = (LOCKS / lock).read_text()
        assert text.count("==") == len(re.findall(r"==.*\\\n    --hash=sha256:[0-9a-f]{64}", text))


def test_every_base_image_has_a_version():
    arguments = build_arguments()
    stages = {"beam", "launcher", "builder", "image", "service", "serving"}
    for keyword, rest in instructions():
        if keyword == "FROM" and (name := rest.split()[0]) not in stages:
            name = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], name)
            assert re.fullmatch(r"[a-z0-9./_-]+(3\.\d+_sdk)?:\d[\w.-]+", name), name


def test_what_is_copied_exists_and_is_let_into_the_build():
    allowed = {
        line[1:] for line in DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    sources = {source for keyword, rest in stage("builder") if keyword == "COPY" for source in rest.split()[:-1]}
    assert "tests" not in allowed | sources
    for source in sources:
        assert (PROJECT_DIR / source).exists()
        assert source.split("/")[0] in allowed


def test_the_last_stage_has_no_compiler_and_the_service_no_root():
    commands = [rest for keyword, rest in stage("image") + stage("service") + stage("serving") if keyword == "RUN"]
    assert not [command for command in commands if re.search(r"\b(apt-get|pip)\b", command)]
    assert ("USER", "10001") in stage("service")
    assert ("USER", "10001") in stage("serving")


def test_the_smoke_command_tells_a_package_of_another_version(monkeypatch, tmp_path):
    (tmp_path / f"{OWN}.lock").write_text("numpy==0.0.1 \\\n    --hash=sha256:0\nno-such-package==1.0\n")
    monkeypatch.setattr("tfx_pipeline.deploy.container.smoke.LOCKS", tmp_path)
    problems = list(packages_differ())
    assert problems[0].startswith("numpy: locked 0.0.1, installed ")
    assert problems[1] == "no-such-package: locked 1.0, installed not at all"


def test_the_smoke_command_tells_a_worker_of_another_beam():
    (problem,) = beam_differs("2.1.0")
    assert problem.endswith("the worker in /opt/apache/beam is 2.1.0")
    assert list(beam_differs(pinned(PROJECT_DIR / f"requirements-{OWN}.lock")["apache-beam"])) == []


def test_the_smoke_command_tells_programs_that_dataflow_would_not_find(tmp_path):
    worker = tmp_path / "opt/apache/beam/boot"
    worker.parent.mkdir(parents=True)
    worker.write_text("")
    problems = list(programs_missing(tmp_path, {"FLEX_TEMPLATE_PYTHON_PY_FILE": str(tmp_path / "launch.py")}))
    assert [problem.partition(":")[0] for problem in problems] == [
        "/opt/apache/beam/boot",
        "/opt/google/dataflow/python_template_launcher",
        "FLEX_TEMPLATE_PYTHON_PY_FILE",
    ]
    worker.chmod(0o755)
    assert "/opt/apache/beam/boot" not in str(list(programs_missing(tmp_path, {})))


@pytest.mark.proof
@pytest.mark.slow(110)
def test_the_builders_steps_work_with_only_what_they_copy(tmp_path):
    """The commands of the Dockerfile, as they stand there, in a new folder and a new environment.

    Left out: the system's packages, and uv's settings for its cache, so that 3 GB are not fetched again.
    """
    build, prefix, outside = tmp_path / "build", tmp_path / "local", tmp_path / "outside"
    build.mkdir()
    outside.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)  # the steps fetch their own
    arguments = build_arguments() | {"PYTHON_MINOR": OWN}
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment = plain | arguments | {"PATH": f"{prefix / 'bin'}:/usr/bin:/bin"}
    ran, folder = 0, build
    for keyword, rest in stage("builder"):
        if keyword == "COPY":
            *sources, target = rest.split()
            for source in sources:
                place = build / target / (Path(source).name if target.endswith("/") else "")
                copy = shutil.copytree if (PROJECT_DIR / source).is_dir() else shutil.copy
                skip = {"ignore": shutil.ignore_patterns("__pycache__")} if copy is shutil.copytree else {}
                copy(PROJECT_DIR / source, place, **skip)
        elif keyword == "WORKDIR":
            folder = {"/build": build, "/": outside}[rest]
        elif keyword == "RUN" and not rest.startswith("apt-get "):
            command = rest.replace("/usr/local", str(prefix))
            ended = run("/bin/sh", "-ec", command, cwd=folder, env=environment)
            assert ended.returncode == 0, f"{rest}\n{ended.stdout}{ended.stderr}"
            ran += 1
    assert ran == 5

    arguments["PATH"] = str(prefix / "bin")  # without npm, as in the last stage
    filled = {
        name: re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], value)
        for name, value in image_variables().items()
    }
    filled |= {name: value.replace("/usr/local", str(prefix)) for name, value in filled.items() if name not in DRIVER}
    filled["BEAM_WORKER_VERSION"] = pinned(LOCKS / f"{OWN}.lock")["apache-beam"]
    shutil.rmtree(build)
    smoke = run(
        prefix / "bin/python", "-m", "tfx_pipeline.deploy.container.smoke", cwd=outside, env=environment | filled
    )
    lines = smoke.stdout.splitlines()
    failed = {line[8:] for line in lines if line.startswith("FAILED")}
    # The two programs come from Google's images.
    assert failed == {"what the services start is there"}, smoke.stdout
    assert not [line for line in lines if "FLEX_TEMPLATE" in line or line.endswith(": installed")]
    assert sum(line.startswith("ok") for line in lines) == 6
