"""The sample data that the project draws itself: layout, determinism, defects, and what a person meets."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beam_jobs.sources.dataset_file import read_origin
from schemas.class_ids import ids_of_mask_values
from schemas.errors import UserError
from schemas.origin import ORIGIN_FILE
from schemas.shipped import load_spec
from tests.sample_data.coats import BREEDS
from tests.sample_data.defects import kinds_of, wrong_mask_value
from tests.sample_data.pet_layout import PetLayout
from tests.sample_data.pet_scenes import BACKGROUND, BORDER, PET, draw_scene, trimap
from tests.sample_data.scenes import SCENES
from tests.sample_data.writer import Settings, write_sample

PETS, STREETS = load_spec("pets"), load_spec("streets")
KINDS = kinds_of(PETS)
GOOD = 20
SMALL = {"min_side": 96, "max_side": 160}


def _write(output: Path, workers: int = 1, **changes) -> Path:
    write_sample(output, Settings(**{"count": GOOD, **SMALL, **changes}), workers, lambda done, total: None)
    return output


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tests.sample_data", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return _write(tmp_path_factory.mktemp("sample") / "pets", defects=True)


@pytest.fixture(scope="module")
def defective(folder) -> dict[str, str]:
    return {kind: image_id for image_id, kind in json.loads((folder / "defects.json").read_text()).items()}


def _photo(folder: Path, image_id: str) -> Image.Image:
    return Image.open(folder / "images" / f"{image_id}.jpg")


def _mask(folder: Path, image_id: str) -> np.ndarray:
    return np.asarray(Image.open(folder / "annotations" / "trimaps" / f"{image_id}.png"))


def _list(folder: Path, name: str) -> list[list[str]]:
    lines = (folder / "annotations" / f"{name}.txt").read_text().splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


def test_every_good_picture_has_a_jpeg_and_a_mask_of_its_size_with_all_three_values(folder, defective):
    good = {words[0] for words in _list(folder, "list")} - set(defective.values())
    assert len(good) == GOOD
    for image_id in good:
        photo, mask = _photo(folder, image_id), _mask(folder, image_id)
        assert (photo.format, photo.mode) == ("JPEG", "RGB")
        assert photo.size == mask.shape[::-1]
        assert SMALL["min_side"] <= min(photo.size) <= max(photo.size) <= SMALL["max_side"]
        assert set(np.unique(mask)) == {PET, BACKGROUND, BORDER}


def test_the_lists_have_the_official_form_and_split_every_id_once(folder):
    everything = _list(folder, "list")
    assert ["Abyssinian_1", "1", "1", "1"] in everything
    assert ["american_bulldog_1", "2", "2", "1"] in everything
    assert ["Bengal_1", "6", "1", "2"] in everything
    train, test = _list(folder, "trainval"), _list(folder, "test")
    assert sorted(train + test) == sorted(everything)
    assert len(test) == int(0.2 * (GOOD + len(KINDS)))


def test_breeds_and_species_are_those_of_the_contract():
    for name, breed in BREEDS.items():
        assert PETS.slices_of(f"{name}_1") == {"breed": name, "species": breed.species}
    assert sorted(PetLayout(PETS, 0.2).breeds) == sorted((name, breed.species) for name, breed in BREEDS.items())


def test_every_breed_can_be_drawn():
    for name in BREEDS:
        photo, mask = draw_scene(np.random.default_rng(3), f"{name}_1", (96, 128))
        assert photo.dtype == mask.dtype == np.uint8
        assert photo.shape == (*mask.shape, 3)
        assert photo.std() > 10


def test_the_same_settings_give_the_same_bytes_with_any_number_of_processes(folder, tmp_path):
    assert _digests(_write(tmp_path / "again", workers=2, defects=True)) == _digests(folder)


def test_a_picture_does_not_depend_on_how_many_are_drawn(folder, tmp_path):
    few = _digests(_write(tmp_path / "few", count=3))
    many = _digests(folder)
    pictures = [path for path in few if path.endswith((".jpg", ".png"))]
    assert len(pictures) == 6
    assert all(few[path] == many[path] for path in pictures)


def test_another_seed_gives_other_pictures(folder, tmp_path):
    other = _digests(_write(tmp_path / "other", count=2, seed=2))
    assert other["images/Abyssinian_1.jpg"] != _digests(folder)["images/Abyssinian_1.jpg"]


def test_the_border_follows_the_outline_on_both_sides():
    pet = np.zeros((100, 200), bool)
    pet[30:80, 50:150] = True
    mask = trimap(pet)
    row = mask[55]
    assert Counter(row[40:60].tolist()) == {BACKGROUND: 7, BORDER: 6, PET: 7}
    assert (mask[~pet] != PET).all()
    assert (mask[pet] != BACKGROUND).all()


def test_each_kind_of_defect_is_planted_once(defective):
    assert sorted(defective) == sorted(KINDS)


@pytest.mark.parametrize(
    ("kind", "form", "mode"),
    [("gif", "GIF", "P"), ("png", "PNG", "RGB"), ("rgba", "PNG", "RGBA"), ("cmyk", "JPEG", "CMYK"),
     ("grey", "JPEG", "L")],
)  # fmt: skip
def test_a_photo_in_another_format_is_named_jpg(folder, defective, kind, form, mode):
    photo = _photo(folder, defective[kind])
    photo.load()
    assert (photo.format, photo.mode) == (form, mode)
    assert photo.size == _mask(folder, defective[kind]).shape[::-1]


def test_a_truncated_jpeg_opens_but_does_not_decode(folder, defective):
    photo = _photo(folder, defective["truncated_jpeg"])
    with pytest.raises(OSError, match="truncated"):
        photo.load()


def test_the_mask_of_a_rotated_photo_fits_its_upright_view(folder, defective):
    image_id = defective["exif_rotated"]
    photo = _photo(folder, image_id)
    assert photo.getexif()[0x0112] == 6
    assert photo.size == _mask(folder, image_id).shape


def test_missing_and_empty_files_are_named_in_the_lists(folder, defective):
    listed = {words[0] for words in _list(folder, "list")}
    assert {defective[kind] for kind in ("missing_image", "missing_mask", "empty_image")} <= listed
    assert not (folder / "images" / f"{defective['missing_image']}.jpg").exists()
    assert not (folder / "annotations" / "trimaps" / f"{defective['missing_mask']}.png").exists()
    assert (folder / "images" / f"{defective['empty_image']}.jpg").stat().st_size == 0


def test_masks_are_spoiled_as_their_kind_says(folder, defective):
    assert wrong_mask_value(PETS) in _mask(folder, defective["mask_value"])
    assert set(np.unique(_mask(folder, defective["mask_background_only"]))) == {BACKGROUND}
    image_id = defective["mask_size"]
    assert _mask(folder, image_id).shape < _photo(folder, image_id).size[::-1]


def test_the_command_writes_once_and_then_says_that_it_is_there(tmp_path):
    arguments = (f"--output={tmp_path / 'pets'}", "--count=2", "--min_side=96", "--max_side=128", "--workers=1")
    first, second = _run(*arguments), _run(*arguments)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "wrote 2 pictures" in first.stdout
    assert "already there" in second.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count=0"], "count must be 1 or more, got 0"),
        (["--eval_fraction=1.5"], "eval_fraction must be in [0, 1), got 1.5"),
        (["--dataset=clouds"], "no sample data for 'clouds'; can draw: pets, streets"),
        (["--min_side=400", "--max_side=300"], "min_side"),
    ],
)
def test_a_wrong_option_is_one_clear_line(tmp_path, arguments, message):
    result = _run(f"--output={tmp_path / 'pets'}", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_content_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        _write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_run_leaves_nothing_behind(tmp_path):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path / "pets", Settings(count=4, **SMALL), 1, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_photos_have_the_sides_of_their_data_set_where_none_are_asked_for():
    assert {name: (Settings(dataset=name).min_side, Settings(dataset=name).max_side) for name in SCENES} == {
        "pets": (180, 500),
        "streets": (200, 960),
    }


@pytest.fixture(scope="module")
def streets(tmp_path_factory) -> Path:
    sides = {"min_side": 100, "max_side": 240}
    return _write(tmp_path_factory.mktemp("sample") / "streets", dataset="streets", defects=True, **sides)


def _street_files(streets: Path, image_id: str) -> tuple[Image.Image, np.ndarray]:
    photo = Image.open(streets / "leftImg" / f"{image_id}_leftImg.jpg")
    return photo, np.asarray(Image.open(streets / "labelIds" / f"{image_id}_labelIds.png"))


@pytest.fixture(scope="module")
def street_ids(streets) -> dict[str, list[str]]:
    """Ids of the good pictures by the list that names them."""
    defective = json.loads((streets / "defects.json").read_text())
    lists = {name: (streets / f"{name}.txt").read_text().split() for name in ("train", "val")}
    return {name: [image_id for image_id in ids if image_id not in defective] for name, ids in lists.items()}


def test_street_photos_are_wide_and_their_masks_hold_known_values_only(streets, street_ids):
    seen = set()
    for image_id in street_ids["train"] + street_ids["val"]:
        photo, mask = _street_files(streets, image_id)
        assert (photo.format, photo.mode) == ("JPEG", "RGB")
        assert photo.size == mask.shape[::-1]
        assert 1.7 < photo.width / photo.height < 2.1
        assert np.asarray(photo).std() > 10
        seen |= set(np.unique(mask).tolist())
    assert seen == set(ids_of_mask_values(STREETS))


def test_street_ids_give_every_city_and_all_conditions_in_both_lists():
    layout = SCENES["streets"].layout(STREETS, 0.2)
    for split in ("train", "eval"):
        slices = [STREETS.slices_of(layout.image_id(n)) for n in range(105) if layout.split(n) == split]
        assert [len({one[name] for one in slices}) for name in ("city", "conditions")] == [7, 3]


def test_a_street_does_not_depend_on_how_many_are_drawn_or_by_how_many_processes(streets, tmp_path):
    sides = {"min_side": 100, "max_side": 240}
    few = _digests(_write(tmp_path / "few", workers=2, dataset="streets", count=9, **sides))
    many = _digests(streets)
    pictures = [path for path in few if path.endswith((".jpg", ".png"))]
    assert len(pictures) == 18
    assert all(few[path] == many[path] for path in pictures)


def test_the_defects_of_streets_are_those_that_fit_ignored_values_and_no_required_class(streets):
    kinds = {kind: image_id for image_id, kind in json.loads((streets / "defects.json").read_text()).items()}
    assert set(KINDS) ^ set(kinds) == {"mask_background_only", "mask_all_ignored"}
    assert set(np.unique(_street_files(streets, kinds["mask_all_ignored"])[1])) <= set(STREETS.ignore_values)
    assert wrong_mask_value(STREETS) in _street_files(streets, kinds["mask_value"])[1]
    assert wrong_mask_value(STREETS) not in ids_of_mask_values(STREETS)


@pytest.mark.parametrize("dataset", SCENES)
def test_drawings_say_what_they_are(tmp_path, dataset):
    output = tmp_path / dataset
    write_sample(output, Settings(dataset, count=1), 1, lambda done, total: None)
    origin = read_origin(str(output))
    assert origin.title == SCENES[dataset].title
    assert origin.drawn
    assert "no photos" in origin.source
    (output / ORIGIN_FILE).unlink()  # as an earlier release left the folder
    assert not write_sample(output, Settings(dataset, count=1), 1, lambda done, total: None)
    assert read_origin(str(output)) == origin
