"""`--fit=letterbox`: records that keep their photos' aspect, with padding that nothing measures."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from beam_jobs.prepare.content_options import content_options
from beam_jobs.prepare.contract import contract_of
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.records import Encoding, copied_photo_hash, make_record, new_photo_hash
from beam_jobs.validate.command_line import main as validate
from schemas import features
from schemas.errors import UserError
from schemas.fitting import LETTERBOX, PADDING, photo_box
from schemas.frozen_model import parse_model
from schemas.manifest import options_sha256, read_manifest
from schemas.shipped import load_spec
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import encode, gradient, scene, trimap, write_pair
from tests.published import ids_by_split, make_manifest

PETS, STREETS = load_spec("pets"), load_spec("streets")
WIDE = (90, 30)  # width and height
IMAGE = (48, 64)  # height and width
BOX = photo_box(WIDE[::-1], IMAGE, LETTERBOX)
LARGER = ("--image_size=96",)
LETTERBOXED = Encoding("64x48", "png", 92, fit=LETTERBOX)
ALONE = Encoding(f"{BOX.width}x{BOX.height}", "png", 92)  # what the photo becomes, without the padding


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def outside(image: np.ndarray) -> np.ndarray:
    """The pixels of the padding."""
    around = np.ones(IMAGE, bool)
    around[BOX.slices] = False
    return image[around]


@pytest.fixture(scope="module")
def both():
    """One photo's record, letterboxed, and that of the photo alone, stretched to the size that it has in the other."""
    photo, mask = encode(gradient(*WIDE), "PNG"), encode(trimap(*WIDE), "PNG")
    return [make_record("pug_1", photo, mask, PETS, encoding, hash_photo=True) for encoding in (LETTERBOXED, ALONE)]


def test_the_photo_lies_in_the_middle_of_grey_and_its_mask_in_the_middle_of_ignored_pixels(both):
    letterboxed, alone = (one.values for one in both)
    for name, padding in ((features.IMAGE, PADDING), (features.MASK, features.IGNORE_ID)):
        image = decoded(letterboxed[name])
        assert image.shape[:2] == IMAGE
        np.testing.assert_array_equal(image[BOX.slices], decoded(alone[name]))
        assert (outside(image) == padding).all()


def test_everything_that_is_measured_of_a_photo_is_measured_without_its_padding(both):
    letterboxed, alone = ({**one.values, "hash": one.photo_hash} for one in both)
    assert {name for name in alone if alone[name] != letterboxed[name]} == {features.IMAGE, features.MASK}


def test_only_pixels_that_the_data_set_ignores_count_as_ignored():
    values = np.zeros(WIDE[::-1], np.uint8)
    values[:, :45] = STREETS.ignore_values[0]
    photo, mask = encode(gradient(*WIDE), "PNG"), encode(Image.fromarray(values), "PNG")
    record = make_record("metro_clear_1", photo, mask, STREETS, LETTERBOXED)
    assert record.values[features.IGNORED_FRACTION] == 0.5


def test_the_hash_of_a_photo_is_the_same_in_every_pass(both):
    letterboxed, alone = both
    photo = encode(gradient(*WIDE), "PNG")
    assert letterboxed.photo_hash == alone.photo_hash == new_photo_hash(photo, LETTERBOXED)
    assert copied_photo_hash(letterboxed.values, LETTERBOX) == letterboxed.photo_hash


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The root of a version that has each photo twice, wide and square: near-duplicates of other padding."""
    folder = tmp_path_factory.mktemp("letterbox")
    for number in range(12):
        for breed, size in (("pug", (400, 160)), ("Bengal", (200, 200))):
            photo = encode(scene(number).resize(size), "JPEG", quality=95)
            write_pair(folder / "photos", f"{breed}_{number}", photo, encode(trimap(*size), "PNG"))
    assert prepare(folder / "photos", folder, "1.0.0", *LARGER, "--fit=letterbox") == 0
    return folder


def torn_apart(version) -> int:
    """How many photos of eval have their copy in train."""
    splits = ids_by_split(version)
    number = {split: {one.rpartition("_")[2] for one in ids} for split, ids in splits.items()}
    return len(number["eval"] & number["train"])


def near_duplicates(version) -> int:
    """How many photos of eval have a near-duplicate in train, as the preparation found."""
    lines = (version / "near_duplicates.jsonl").read_text().splitlines()
    return len({json.loads(line)["eval"] for line in lines})


@pytest.mark.slow
def test_a_version_says_how_its_photos_were_fitted_and_validation_finds_nothing_wrong_with_it(published, tmp_path):
    version = published / "pets" / "1.0.0"
    manifest = read_manifest(version)
    assert (manifest.fit, manifest.options["fit"], manifest.image_size) == (LETTERBOX, LETTERBOX, 96)
    assert "scaled to fit, the rest padded" in (version / "report.html").read_text()
    assert validate([f"--version_dir={version}", f"--output={tmp_path / 'out'}"]) == 0
    found = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert [leak["photos"] for leak in found["leaks"]] == [torn_apart(version)] == [near_duplicates(version)]
    assert torn_apart(version) > 1


@pytest.mark.slow
def test_the_same_command_changes_nothing_and_another_fit_needs_another_version(published, capsys):
    assert prepare(published / "photos", published, "1.0.0", *LARGER, "--fit=letterbox") == 0
    assert "Already published from the same inputs" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"already published with fit=letterbox \(now None\)"):
        prepare(published / "photos", published, "1.0.0", *LARGER)


@pytest.mark.proof
def test_a_retry_letterboxes_as_the_version_that_it_copies_did(published):
    assert prepare(published / "photos", published, "1.1.0", *LARGER, "--retry_quarantined=1.0.0") == 0
    one, other = (read_manifest(published / "pets" / version) for version in ("1.0.0", "1.1.0"))
    assert other.fit == LETTERBOX
    assert other.splits == one.splits
    version = published / "pets" / "1.1.0"
    assert near_duplicates(version) == torn_apart(version)


def options_of(tmp_path, described: str | None, **values) -> PrepareOptions:
    line = [] if described is None else [f"fit: {described}"]
    lines = ["name: leaves", "image_path: 'a/{id}.jpg'", "mask_path: 'b/{id}.png'", "classes: [leaf, ground]", *line]
    (tmp_path / "dataset.yaml").write_text("\n".join(lines))
    return parse_model(PrepareOptions, {"input": str(tmp_path), "output": "/data", "version": "1.0.0", **values}, "x")


def test_the_option_decides_then_the_description_and_without_both_photos_are_stretched(tmp_path):
    assert options_of(tmp_path, "letterbox").encoding.fit == "letterbox"
    assert options_of(tmp_path, "letterbox", fit="stretch").encoding.fit == "stretch"
    assert options_of(tmp_path, None, fit="letterbox").encoding.fit == "letterbox"
    stretched = options_of(tmp_path, None)
    assert stretched.encoding.fit == "stretch"
    assert "fit" not in content_options(stretched)  # so that versions keep their bytes
    assert "fit" not in contract_of(stretched).dataset_text


def test_letterboxing_into_no_size_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(UserError, match="fit: letterbox needs an image_size to fit photos into, such as 256"):
        options_of(tmp_path, "letterbox", image_size=0)
    with pytest.raises(UserError, match=r"fit: .*'stretch' or 'letterbox', got 'crop'"):
        options_of(tmp_path, "crop")


def test_a_manifest_whose_options_say_another_fit_is_refused(published):
    manifest = read_manifest(published / "pets" / "1.0.0")
    with pytest.raises(ValueError, match=r"fit: stretch, but options\.fit is letterbox"):
        make_manifest(manifest.splits, options={"fit": LETTERBOX}, options_sha256=options_sha256({"fit": LETTERBOX}))
    assert '"fit"' not in make_manifest(manifest.splits).to_json()  # as stretched versions always were
