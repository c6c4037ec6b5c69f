"""Real photos as examples: from the eval split of the model's own version, where the licence allows it."""

import io
import json

import pytest
from PIL import Image

from beam_jobs.prepare.command_line import main as prepare
from schemas.errors import UserError
from schemas.exported_model import INFO_PATH, read_model_info
from schemas.manifest import read_manifest
from schemas.version import read_version
from tests.beam_jobs.pictures import trimap, write_pair
from tests.tfx_pipeline.space.conftest import encoded, photo
from tfx_pipeline.space import SpaceSettings, space_files
from tfx_pipeline.space.eval_examples import eval_examples, is_open

WIDTH, HEIGHT = 240, 120


@pytest.fixture(scope="module", params=["stretch", "letterbox"])
def version(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    for number in range(12):
        buffer = io.BytesIO()
        trimap(WIDTH, HEIGHT).save(buffer, "PNG")
        write_pair(folder / "photos", f"pug_{number}", encoded(photo(number, WIDTH, HEIGHT)), buffer.getvalue())
    if request.param == "letterbox":
        (folder / "photos" / "origin.yaml").write_text("{title: Our pets, license: All rights reserved, source: us}")
    given = [f"--input={folder / 'photos'}", f"--output={folder / 'data'}", "--dataset=pets", "--version=1.0.0"]
    options = ["--image_size=64", f"--fit={request.param}", "--split=hash", "--eval_fraction=0.5"]
    assert prepare([*given, *options, "--near_duplicates=ignore"]) == 0
    return folder / "data" / "pets" / "1.0.0"


@pytest.fixture
def info(exported, version):
    """Of a model that was trained on the version."""
    digest = read_manifest(version).sha256
    return read_model_info(exported / INFO_PATH).model_copy(update={"manifest_sha256": digest})


def test_examples_are_eval_photos_in_their_own_aspect_with_credit(version, info):
    examples = eval_examples(version, info, to_publish=False, count=2)
    assert list(examples.photos) == ["photo_1.jpg", "photo_2.jpg"]
    for content in examples.photos.values():
        image = Image.open(io.BytesIO(content))
        assert image.width == 2 * image.height
        assert min(image.resize((8, 4)).convert("L").getdata()) != 128  # no padding
    assert examples.credit in ("Oxford-IIIT Pet (CC BY-SA 4.0)", "Our pets (All rights reserved)")
    settings = {"kind": "gradio", "model_repo": "a/b", "model_commit": "0" * 40, "title": "Pets"}
    files = space_files(SpaceSettings(**settings, examples=examples.photos, examples_credit=examples.credit))
    assert json.loads(files["space.json"])["examples_credit"] == examples.credit
    assert f"Example photos: {examples.credit[:8]}" in files["README.md"].decode()


def test_photos_of_another_version_are_refused_because_the_model_may_know_them(version, info):
    with pytest.raises(UserError, match="trained on another version"):
        eval_examples(version, info.model_copy(update={"manifest_sha256": "0" * 64}), to_publish=False)


def test_photos_that_are_not_open_are_shown_on_this_machine_but_not_published(version, info):
    if read_version(version).spec.license == "CC BY-SA 4.0":
        assert len(eval_examples(version, info, to_publish=True).photos) == 4
        return
    with pytest.raises(
        UserError, match=r"All rights reserved.* is not known to let you publish them; leave --data out"
    ):
        eval_examples(version, info, to_publish=True)


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        *(
            (one, True)
            for one in ("CC BY-SA 4.0", "cc-by-4.0", "CC0-1.0", "Public domain", "Apache-2.0", "MIT", "PDDL")
        ),
        *((one, False) for one in ("not stated", "CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC BY-ND 4.0", "mitigated")),
    ],
)
def test_open_licences_are_those_that_let_anybody_publish(licence, expected):
    assert is_open(licence) == expected
