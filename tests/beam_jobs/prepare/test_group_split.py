"""Near-duplicates in the preparation job: listed, reported, shown, and optionally kept in the same split."""

import contextlib
import io
import json
from pathlib import Path

import pytest
from PIL import ImageOps

from beam_jobs.elements import SourceFile
from beam_jobs.near_duplicates.perceptual_hash import MAX_DISTANCE
from beam_jobs.prepare.records import Encoding, new_photo_hash
from beam_jobs.sources.split_lists import read_split_list
from schemas.manifest import read_manifest
from schemas.version_files import NEAR_DUPLICATES_FILE
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.near_duplicates.test_near_duplicates import distance
from tests.beam_jobs.pictures import encode, scene, trimap, write_pair
from tests.published import ids_by_split

pytestmark = pytest.mark.slow

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "pets"


def jpeg(image, quality=92):
    return encode(image, "JPEG", quality=quality)


# Original and copy, which their ids put in different splits; and in the same split.
COPIED = {"Bengal_3": "pug_8", "Bengal_5": "pug_10", "Bengal_11": "pug_9"}
SAME_SIDE = {"Bengal_7": "pug_1"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Thirty different photos, a photo that can't be decoded, and copies of some that are to be found."""
    folder = tmp_path_factory.mktemp("photos")
    for index in range(30):
        write_pair(folder, f"Bengal_{index}", jpeg(scene(index)), encode(trimap(300, 200), "PNG"))
    for original, copy in {**COPIED, **SAME_SIDE}.items():
        image = ImageOps.mirror(scene(int(original.split("_")[1]))).resize((240, 160))
        write_pair(folder, copy, jpeg(image, 70), encode(trimap(240, 160), "PNG"))
    write_pair(folder, "pug_99", b"no photo")
    return folder


def run(photos: Path, output: Path, *options: str) -> tuple[Path, str]:
    """The folder of the published version, and what the job said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert prepare(photos, output, "1.0.0", "--eval_fraction=0.5", *options) == 0
    return output / "pets" / "1.0.0", said.getvalue()


@pytest.fixture(scope="module")
def reported(photos, tmp_path_factory) -> tuple[Path, str]:
    return run(photos, tmp_path_factory.mktemp("reported"))


@pytest.fixture(scope="module")
def group_split(photos, tmp_path_factory) -> tuple[Path, str]:
    return run(photos, tmp_path_factory.mktemp("group_split"), "--near_duplicates=one_side")


def pairs_of(version: Path) -> set[frozenset[str]]:
    lines = (version / "near_duplicates.jsonl").read_text().splitlines()
    return {frozenset((entry["train"], entry["eval"])) for entry in map(json.loads, lines)}


def test_pairs_across_the_splits_are_listed_reported_and_shown(reported):
    version, said = reported
    assert pairs_of(version) == {frozenset(pair) for pair in COPIED.items()}
    copies, photos = len(COPIED), read_manifest(version).splits["eval"].records
    share = f"{copies / photos:.1%}"
    assert f"{copies}  of {photos} eval photos have a near-duplicate in train ({share}): near_duplicates.jsonl" in said
    page = (version / "report.html").read_text()
    section = page[page.index('<section id="near">') : page.index('<section id="quarantine">')]
    assert f"{copies} of {photos} eval photos</strong> ({copies / photos:.1%}".replace("%", " %") in section
    assert section.count("<img") == 6
    assert all(f'alt="photo {image_id}"' in section for pair in COPIED.items() for image_id in pair)


def test_a_withheld_version_lists_its_near_duplicates_too(photos, tmp_path):
    assert prepare(photos, tmp_path, "1.0.0", "--eval_fraction=0.5", "--max_rejected_fraction=0") == 1
    assert len(pairs_of(tmp_path / "pets" / "_rejected" / "1.0.0")) == len(COPIED)


def test_where_nobody_looks_nothing_is_said_and_the_records_are_the_same(photos, reported, tmp_path):
    version, said = run(photos, tmp_path, "--near_duplicates=ignore")
    assert not (version / NEAR_DUPLICATES_FILE).exists()
    assert 'id="near"' not in (version / "report.html").read_text()
    assert "near-duplicates" not in said
    assert (version / "manifest.json").read_bytes() == (reported[0] / "manifest.json").read_bytes()


def test_a_group_split_moves_copies_to_the_split_of_their_first_id(reported, group_split):
    before, after = ids_by_split(reported[0]), ids_by_split(group_split[0])
    for original, copy in COPIED.items():
        (split,) = (name for name, members in before.items() if original in members)
        assert {original, copy} <= after[split]
    moved = set(COPIED.values())
    assert all(before[name] - moved == after[name] - moved for name in before)
    assert read_manifest(group_split[0]).options["near_duplicates"] == "one_side"


def test_after_a_group_split_the_list_is_there_and_empty(group_split):
    version, said = group_split
    assert (version / NEAR_DUPLICATES_FILE).read_bytes() == b""
    assert "eval photos have a near-duplicate in train; 3 photos moved to keep others together" in said
    assert "3 photos were moved" in (version / "report.html").read_text()


def test_a_group_split_leaves_a_photo_that_cannot_be_decoded_to_be_rejected(group_split):
    assert read_manifest(group_split[0]).quarantined == {"not_an_image": 1}


def test_a_group_split_gives_the_same_bytes_though_all_work_is_done_twice(photos, group_split, tmp_path):
    twice, _ = run(photos, tmp_path, "--near_duplicates=one_side", "--direct_runner_bundle_repeat=1")
    for name in ("manifest.json", NEAR_DUPLICATES_FILE, "report.html"):
        assert (group_split[0] / name).read_bytes() == (twice / name).read_bytes()


FRAMES = 60


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """Two videos, each a slow pan over a scene, and some photos of other scenes."""
    folder = tmp_path_factory.mktemp("videos")
    for video, name in enumerate(("Bengal", "pug")):
        wide = scene(100 + video).resize((600, 400))
        for index in range(FRAMES):
            frame = wide.crop((2 * index, index, 2 * index + 300, index + 200))
            write_pair(folder, f"{name}_{index}", jpeg(frame), encode(trimap(300, 200), "PNG"))
    for index in range(20):
        write_pair(folder, f"boxer_{index}", jpeg(scene(index)), encode(trimap(300, 200), "PNG"))
    return folder


def test_of_videos_the_share_of_eval_that_train_has_seen_is_reported(videos, tmp_path):
    version, said = run(videos, tmp_path)
    frames = sum(not image_id.startswith("boxer") for image_id in ids_by_split(version)["eval"])
    photos = read_manifest(version).splits["eval"].records
    assert f"{frames}  of {photos} eval photos have a near-duplicate in train ({frames / photos:.1%})" in said
    assert f"{frames} of {photos} eval photos</strong>" in (version / "report.html").read_text()
    assert len({json.loads(line)["eval"] for line in (version / NEAR_DUPLICATES_FILE).open()}) == frames


def test_copies_of_the_same_bytes_end_in_one_split_too(tmp_path):
    for index in range(12):
        for name in (f"Bengal_{index}", f"pug_{index}"):
            write_pair(tmp_path / "photos", name, jpeg(scene(index)), encode(trimap(300, 200), "PNG"))
    version, said = run(tmp_path / "photos", tmp_path, "--near_duplicates=one_side")
    assert "0  of" in said
    for members in ids_by_split(version).values():
        breeds = [{name.split("_")[1] for name in members if name.startswith(breed)} for breed in ("Bengal", "pug")]
        assert breeds[0] == breeds[1] != set()


def test_after_a_group_split_no_pair_is_left_across_the_splits_though_all_are_compared(videos, tmp_path):
    version, said = run(videos, tmp_path, "--near_duplicates=one_side")
    assert (version / NEAR_DUPLICATES_FILE).read_bytes() == b""
    assert "near-duplicates    0  of " in said
    assert read_manifest(version).splits["eval"].records > FRAMES
    encoding = Encoding(image_size=32, image_format="jpeg", jpeg_quality=92)
    train, evaluated = (
        [new_photo_hash((videos / f"images/{image_id}.jpg").read_bytes(), encoding) for image_id in members]
        for members in (ids_by_split(version)["train"], ids_by_split(version)["eval"])
    )
    assert min(distance(one, other) for one in train for other in evaluated) > MAX_DISTANCE


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """Real photos that are known as near-duplicates, and some that are not, with the official lists."""
    if not REAL.is_dir():
        pytest.skip("the real photos are not here")
    folder = tmp_path_factory.mktemp("real")
    near = (11, 177, 122, 172, 151, 99, 24, 56, 40, 63)
    others = (100, 101, 102, 103, 104, 105, 106, 107, 108, 109)
    for image_id in [f"Abyssinian_{number}" for number in near + others]:
        photo, mask = REAL / f"images/{image_id}.jpg", REAL / f"annotations/trimaps/{image_id}.png"
        write_pair(folder, image_id, photo.read_bytes(), mask.read_bytes())
    for name in ("trainval.txt", "test.txt"):
        (folder / "annotations" / name).write_bytes((REAL / "annotations" / name).read_bytes())
    return folder


def test_the_real_pair_across_the_official_lists_ends_in_the_same_split(real, tmp_path):
    pair = {"Abyssinian_151", "Abyssinian_99"}
    train = {one.name for one in read_split_list(SourceFile(str(real / "annotations/trainval.txt"), 0))}
    assert len(pair & train) == 1
    version, said = run(real, tmp_path, "--split=official", "--near_duplicates=one_side")
    assert pair <= ids_by_split(version)["train"]
    assert "near-duplicates    0  of " in said
    assert "eval photos have a near-duplicate in train; 1 photo moved" in said
