"""Whole preparations of hostile folders: what can be published is, nothing is lost, nothing else is touched."""

import contextlib
import hashlib
import io
import json
import os
import random
import re
import shutil
from pathlib import Path

import pytest

from beam_jobs.elements import spell_out
from beam_jobs.prepare.command_line import main
from schemas.errors import UserError
from schemas.image_ids import image_id_of
from schemas.manifest import read_manifest
from schemas.version import verify_version
from tests.beam_jobs.archives import pack
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import scene, trimap
from tests.fuzz import archives, documents, pictures
from tests.fuzz.cases import check_sentence, seeded

pytestmark = [pytest.mark.proof, pytest.mark.slow(40)]

GOOD = [f"Bengal_{number}" for number in range(12)] + [f"pug_{number}" for number in range(12)]
HOSTILE = 60
NAMES = (
    "pug_1 .jpg",
    " pug_200.jpg",
    "pug_201\n.jpg",
    "pug_\x1b[2J.jpg",
    "pug_*.jpg",
    "pug_[1].jpg",
    "pug_?.jpg",
    "pug_%s{id}.jpg",
    "'; rm -rf $HOME;'.jpg",
    "-rf.jpg",
    ".hidden.jpg",
    "..jpg",
    "...jpg",
    "pug_202..jpg",
    "pug_\u202egpj.jpg",
    "pug_o\u0308.jpg",
    "pug_é.jpg",
    "写真_1.jpg",
    "x" * 250 + ".jpg",
    "nobreed.jpg",
)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """Good photos, and a version that is published from them."""
    folder = tmp_path_factory.mktemp("good")
    for index, image_id in enumerate(GOOD):
        image = scene(index).resize((40, 24))
        _write(folder, f"{image_id}.jpg", pictures.encode(image, "JPEG"), pictures.encode(trimap(40, 24), "PNG"))
    return folder


def _write(folder: Path, name: str, photo: bytes, mask: bytes) -> None:
    for path, data in ((f"images/{name}", photo), (f"annotations/trimaps/{name[:-4]}.png", mask)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # this file system has no such names
            (folder / path).write_bytes(data)


def digests(folder: Path) -> dict[str, str]:
    """What every file below a folder holds, and where every link leads."""
    found = {}
    for root, _, names in os.walk(os.fsencode(folder)):
        for name in names:
            path = os.path.join(root, name)
            if os.path.islink(path):
                found[path] = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def run(photos: Path, output: Path, *options: str) -> tuple[int, str]:
    """Exit code and everything that was said, of a job beside a version that is published already."""
    said = io.StringIO()
    places = [f"--input={photos}", f"--output={output}", "--version=2.0.0", "--image_size=32", *options]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main(["--dataset=pets", *places, "--max_rejected_fraction=1"])
        except UserError as error:
            code = 2
            print(error)
    return code, said.getvalue()


def check_run(photos: Path, output: Path, *options: str) -> tuple[int, str]:
    """Runs a job and checks what holds for each: other versions and the input are untouched, no temporary is left.

    Returns:
      The exit code, and what was said where nothing is published.
    """
    before, input_before = digests(output), digests(photos)
    code, said = run(photos, output, *options)
    assert "Traceback" not in said
    assert digests(photos) == input_before
    after = digests(output)
    assert {path: after.get(path) for path in before} == before
    new = {os.fsdecode(path) for path in after.keys() - before.keys()}
    failed = code == 2 or "error: the job failed" in said
    folder = output / "pets" / ("2.0.0" if code == 0 else "_staging" if failed else "_rejected/2.0.0")
    assert [path for path in new if not path.startswith((f"{folder}/", f"{folder}."))] == []
    if not failed:
        assert not [path for path in new if path.endswith(".tmp")]
        assert not (output / "pets" / "_staging").exists()
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", path.removeprefix(str(output))) for path in new)
    if failed:
        check_sentence(said)
    if code == 0:
        check_account(folder, photos)
    return code, said


def check_account(folder: Path, photos: Path) -> None:
    """Checks that a version has each input once, published or rejected for a reason that can be read."""
    manifest = verify_version(folder).manifest
    assert manifest.inputs == manifest.published + sum(manifest.quarantined.values())
    lines = [json.loads(line) for path in (folder / "quarantine").iterdir() for line in path.read_bytes().splitlines()]
    assert len(lines) == sum(manifest.quarantined.values())
    for line in lines:
        check_sentence(line["detail"])
        for uri in (line["image_uri"], line["mask_uri"]):
            assert not uri or os.path.normpath(uri).startswith(str(photos))
    assert not list(folder.rglob("*.tmp"))


def check_that_it_starts_over(good: Path, output: Path) -> None:
    """Checks that a failed job blocks no later one, and that nothing of it is left in the end."""
    assert prepare(good, output, "2.0.0", "--near_duplicates=ignore") == 0
    assert not (output / "pets" / "_staging").exists()


def ids_in(photos: Path) -> set[str]:
    """Ids of all files that lie where photos and masks belong."""
    names = [*os.listdir(photos / "images"), *os.listdir(photos / "annotations" / "trimaps")]
    return {os.path.splitext(name)[0] for name in names if not name.startswith(".")}


@pytest.fixture
def output(good, tmp_path) -> Path:
    """A root with a published version."""
    assert prepare(good, tmp_path / "data", "1.0.0", "--near_duplicates=ignore") == 0
    return tmp_path / "data"


@seeded
def test_a_folder_of_hostile_photos_masks_and_names(good, output, tmp_path, seed):
    rng = random.Random(f"folder {seed}")
    photos = tmp_path / "photos"
    shutil.copytree(good, photos)
    photo, mask = (good / "images/pug_0.jpg").read_bytes(), pictures.good_masks()[0]
    for number in range(HOSTILE):
        hostile = pictures.hostile_photo(rng) if number % 2 else photo
        _write(photos, f"pug_{100 + number}.jpg", hostile, mask if number % 2 else pictures.hostile_mask(rng))
    for name in NAMES:
        _write(photos, name, photo, mask)
    (photos / "images" / "pug_300.jpg").symlink_to("nowhere.jpg")
    (photos / "images" / "pug_301.jpg").symlink_to("pug_301.jpg")
    (photos / "images" / "pug_302.jpg").symlink_to("/dev/zero")
    (photos / "images" / "pug_303.jpg").mkdir()
    os.mkfifo(photos / "images" / "pug_304.jpg")
    with contextlib.suppress(OSError):
        (photos / "images" / os.fsdecode(b"pug_\xff\xfe.jpg")).write_bytes(photo)
    code, said = check_run(photos, output)
    assert code == 0, said
    manifest = read_manifest(output / "pets/2.0.0")
    assert manifest.published >= len(GOOD)
    assert manifest.inputs >= len({image_id_of(spell_out(one)) for one in ids_in(photos)} - {"pug_303"})


@seeded
@pytest.mark.parametrize("number", range(4))
def test_a_folder_with_hostile_lists(good, output, tmp_path, seed, number):
    rng = random.Random(f"lists {seed}:{number}")
    photos = tmp_path / "photos"
    shutil.copytree(good, photos)
    for name, ids in (("trainval", GOOD[::2]), ("test", GOOD[1::2])):
        (photos / "annotations" / f"{name}.txt").write_bytes(documents.hostile_list(rng, ids))
    code, said = check_run(photos, output, "--split=official")
    if code and "Withheld" not in said:  # a split may have lost all of its ids
        assert "trainval.txt" in said or "test.txt" in said
        check_that_it_starts_over(good, output)


@seeded
@pytest.mark.parametrize("number", range(4))
def test_a_folder_with_hostile_archives(good, output, tmp_path, seed, number):
    rng = random.Random(f"archives {seed}:{number}")
    folder = pack(good, tmp_path / "packed")
    members = [(f"images/{path.name}", path.read_bytes()) for path in sorted((good / "images").iterdir())]
    (folder / "images.tar.gz").write_bytes(archives.hostile_archive(rng, members))
    code, said = check_run(folder, output)
    if code and "Withheld" not in said:
        assert "images.tar.gz" in said
        check_that_it_starts_over(good, output)
