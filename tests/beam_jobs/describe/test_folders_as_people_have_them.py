"""Folders from cameras, scanners and annotation tools: what can't be used is named with a remedy, never guessed."""

import json
import shlex
import subprocess
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from beam_jobs.describe.command_line import main
from beam_jobs.prepare.command_line import main as prepare_main
from beam_jobs.sources.dataset_file import read_dataset
from schemas.errors import UserError
from tests.beam_jobs.codec.test_sixteen_bits import tiff
from tests.documents import PROJECT_DIR

SCENE = np.zeros((48, 64), np.uint8)
SCENE[8:40, 12:52] = 1
SCENE[16:24, 20:32] = 2
COLORS = np.array([[0, 0, 0], [250, 50, 83], [51, 221, 255]], np.uint8)
NOISE = np.random.default_rng(0).integers(40, 200, (*SCENE.shape, 3), np.uint8)


def save(folder, photo, mask, count=4, photo_name="images/{}.jpg", mask_name="masks/{}.png", **saved):
    """The same photo and mask under several names; returns the folder."""
    for number in range(count):
        for picture, name, more in ((photo, photo_name, saved), (mask, mask_name, {})):
            path = folder / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **more)
    return folder


def describe(folder):
    return main([f"--input={folder}", "--runner=FnApiRunner", "--overwrite"])


def test_masks_of_objects_are_not_taken_for_the_photos_that_an_export_lacks(tmp_path):
    folder = save(
        tmp_path / "cvat",
        COLORS[SCENE] // 2 + 40,
        COLORS[SCENE],
        4,
        "SegmentationObject/{}.png",
        "SegmentationClass/{}.png",
    )
    with pytest.raises(UserError, match="both have masks, and no photos are there"):
        describe(folder)
    save(folder, NOISE, COLORS[SCENE], 4, "photos/{}.jpg", "SegmentationClass/{}.png")
    assert describe(folder) == 0
    assert 'image_path: "photos/{id}.jpg"' in (folder / "dataset.yaml").read_text()


def test_a_mask_drawn_on_the_photo_as_it_is_stored_is_told_from_one_of_another_size(tmp_path, capsys):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert describe(save(tmp_path / "phone", NOISE, SCENE, exif=exif)) == 0
    assert "4 masks that are drawn on the photo as it is stored, not turned upright" in capsys.readouterr().out
    assert describe(save(tmp_path / "resized", NOISE[::2, ::2], SCENE)) == 0
    assert "4 masks of another size than their photo" in capsys.readouterr().out


def test_photos_that_lose_their_content_are_named(tmp_path, capsys):
    faint = save(tmp_path / "night", NOISE // 16, SCENE, 4, "images/{}.png")
    assert describe(faint) == 0
    assert "4 photos that are nearly black" in capsys.readouterr().out
    bands = Image.fromarray(np.dstack([NOISE, NOISE[..., :1]]), "RGBA")
    assert describe(save(tmp_path / "satellite", bands, SCENE, 4, "images/{}.tif")) == 0
    assert "4 photos with a fourth channel that is read as transparency" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("samples", "line"),
    [
        (
            NOISE[..., 0].astype(np.uint16) * 16,
            "photos: {range: [0, 4095]}  # photos of 16 bits have samples from 640",
        ),
        (NOISE[..., 0].astype(np.uint16) + 32_768, "photos: {range: [32808, 32967]}"),
        (NOISE[..., 0].astype(np.uint16) * 300, None),
    ],
    ids=["12 bits", "round zero in the middle", "all 16 bits"],
)
def test_photos_of_16_bits_get_the_range_that_they_use(tmp_path, samples, line):
    folder = save(tmp_path, Image.fromarray(samples), SCENE, 4, "images/{}.tif")
    assert describe(folder) == 0
    text = (folder / "dataset.yaml").read_text()
    assert line in text if line else "photos:" not in text


def test_channels_that_are_not_taken_are_named(tmp_path, capsys):
    folder = tmp_path / "satellite"
    for number in range(4):
        save(folder, NOISE, SCENE, 1, "masks/none.jpg", f"masks/{number}.png")
        (folder / "images").mkdir(exist_ok=True)
        bands = np.dstack([NOISE, NOISE[..., :1]]).astype(np.uint16) * 200
        (folder / f"images/{number}.tif").write_bytes(tiff(bands, extra=0))
    (folder / "masks/none.jpg").unlink()
    assert describe(folder) == 0
    assert "4 photos with more than three channels, of which the first three are taken" in capsys.readouterr().out


def test_masks_that_are_refused_come_with_the_detail(tmp_path):
    half = np.dstack([COLORS[SCENE], np.where(SCENE, 128, 0).astype(np.uint8)])
    with pytest.raises(UserError, match=r"0.png \(1280 pixels are partly transparent; save it without alpha\)"):
        describe(save(tmp_path / "alpha", NOISE, half))


def test_photos_and_masks_beside_each_other_are_counted_apart(tmp_path, capsys):
    folder = save(tmp_path / "hub", NOISE, SCENE, 4, "train/{}.png", "train/{}_mask.png")
    assert describe(folder) == 0
    assert "without a mask" not in capsys.readouterr().out
    assert 'image_path: "train/{id}.png"  # 4 photos' in (folder / "dataset.yaml").read_text()


def test_links_to_two_folders_make_one_data_set(tmp_path):
    save(tmp_path / "apart", NOISE, SCENE, 12, "holiday/{}.jpg", "drawn/{}.png")
    both = tmp_path / "both"
    both.mkdir()
    (both / "photos").symlink_to(tmp_path / "apart" / "holiday")
    (both / "masks").symlink_to(tmp_path / "apart" / "drawn")
    (both / "photos" / "loop").symlink_to(both)
    assert describe(both) == 0
    text = (both / "dataset.yaml").read_text()
    for number, name in enumerate(("ground", "leaf", "spot")):
        text = text.replace(f'{number}: "?"', f"{number}: {name}")
    (both / "dataset.yaml").write_text(text)
    flags = [f"--output={tmp_path / 'data'}", "--version=1.0.0", "--image_size=32", "--near_duplicates=ignore"]
    assert prepare_main([f"--input={both}", *flags, "--runner=FnApiRunner"]) == 0


EXPORTS = {
    "Label Studio": (
        ["photos/{}.jpg", "masks/task-{}-annotation-3-by-1-tag-cat-0.png"],
        "name them masks/CLASS/PHOTO.png",
    ),
    "arrays": (["images/{}.jpg", "masks/{}.npy"], "save each mask as a PNG"),
    "photos alone": (["holiday/{}.jpg"], "Give --input the folder that has both"),
    "VIA": (["{}.jpg", "via_region_data.json"], "export it there as COCO"),
    "other annotations": (
        ["{}.jpg", "regions.json"],
        "LabelMe, Supervisely, CVAT for images and YOLO are read",
    ),
    "archives": (["photos.zip", "masks.zip"], "unpack them"),
    "other names": (["photos/a{}.jpg", "masks/{}x.png"], "Give each mask its photo's name"),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_where_nothing_pairs_the_remedy_fits_what_is_there(tmp_path, name):
    files, remedy = EXPORTS[name]
    for number in range(3):
        for file in files:
            path = tmp_path / file.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    with pytest.raises(UserError, match=remedy):
        describe(tmp_path)


@pytest.mark.parametrize(
    ("name", "command"),
    [("my set.zip", "unzip -q '.*/my set.zip' -d unpacked"), ("a.tar.gz", "tar -xf .* -C unpacked")],
)
def test_an_archive_in_place_of_a_folder_comes_with_the_command_that_unpacks_it(tmp_path, name, command):
    (tmp_path / name).write_bytes(b"PK")
    flags = ["--dataset=pets", f"--output={tmp_path / 'data'}", "--version=1.0.0"]
    for run in (describe, lambda folder: prepare_main([f"--input={folder}", *flags])):
        with pytest.raises(UserError, match=f"is a file, not a folder; unpack it, mkdir unpacked && {command}"):
            run(tmp_path / name)


def test_palettes_that_differ_are_said_before_anybody_names_sixteen_values(tmp_path, capsys):
    folder = save(tmp_path / "drawn", NOISE, SCENE)
    for number, colors in enumerate((COLORS, COLORS[::-1], COLORS, COLORS)):
        mask = Image.fromarray(SCENE).convert("P")
        mask.putpalette(colors.tobytes())
        mask.save(folder / f"masks/{number}.png")
    assert describe(folder) == 0
    assert "2 of the values have another colour in the palettes of other masks, such as 0" in capsys.readouterr().out
    assert "# TO DO: 2 of the values have another colour" in (folder / "dataset.yaml").read_text()


def test_masks_of_one_value_are_said_to_teach_nothing(tmp_path, capsys):
    folder = save(tmp_path / "full", NOISE, np.ones_like(SCENE))
    assert describe(folder) == 0
    assert "all masks are 1 everywhere: a model needs two classes" in capsys.readouterr().out
    (folder / "dataset.yaml").write_text((folder / "dataset.yaml").read_text().replace('"?"', "leaf"))
    with pytest.raises(UserError, match="classes: a model needs at least two to tell apart, such as background; got 1"):
        read_dataset(str(folder))


def test_zero_is_asked_for_where_it_covers_less_than_the_other_value(tmp_path):
    folder = save(tmp_path / "inverted", NOISE, np.where(SCENE == 2, 0, 255).astype(np.uint8))
    assert describe(folder) == 0
    assert '  0: "?"' in (folder / "dataset.yaml").read_text()


def test_names_that_a_tool_writes_as_urls_mean_the_photos_and_a_name_with_a_percent_sign_means_itself(tmp_path, capsys):
    photos = ["Foto Ä 1.jpg", "50%25 off.jpg"]
    for kind, listed in (("urls", [quote(name) for name in photos]), ("names", photos)):
        folder = tmp_path / kind
        document = {"images": [], "annotations": [], "categories": [{"id": 0, "name": "leaf"}]}
        for number, (name, written) in enumerate(zip(photos, listed)):
            (folder / "images").mkdir(parents=True, exist_ok=True)
            Image.fromarray(NOISE).save(folder / "images" / name)
            document["images"].append({"id": number, "file_name": f"images/{written}", "width": 64, "height": 48})
            outline = {"image_id": number, "category_id": 0, "segmentation": [[8, 8, 40, 8, 40, 40, 8, 40]]}
            document["annotations"].append({"id": number, **outline})
        (folder / "result.json").write_text(json.dumps(document))
        assert describe(folder) == 0
        assert read_dataset(str(folder)).masks.names == ("url" if kind == "urls" else None)
        assert "2 photos drawn" in capsys.readouterr().out


@pytest.mark.parametrize("beside", ["depth", "thermal", "normals"])
def test_depth_beside_photos_is_not_taken_for_them_and_named_as_another_choice(tmp_path, capsys, beside):
    folder = save(tmp_path / "rooms", NOISE, SCENE, 4, "rgb/{}.png", "label/{}.png")
    save(folder, NOISE[..., 0], SCENE, 4, f"{beside}/{{}}.png", "label/{}.png")
    assert describe(folder) == 0
    assert 'image_path: "rgb/{id}.png"' in (folder / "dataset.yaml").read_text()
    assert f"{beside}/{{id}}.png pairs with the masks as well" in capsys.readouterr().out


def test_photos_of_several_extensions_are_all_taken(tmp_path, capsys):
    folder = save(tmp_path / "mixed", NOISE, SCENE)
    for number, extension in ((1, "png"), (2, "JPG")):
        (folder / f"images/{number}.jpg").unlink()
        Image.fromarray(NOISE).save(folder / f"images/{number}.{extension}")
    assert describe(folder) == 0
    assert "4 pairs: images/{id}.* and masks/{id}.png" in capsys.readouterr().out


def test_grey_levels_without_a_step_are_two_classes_and_not_two_hundred(tmp_path, capsys):
    levels = np.tile(np.linspace(0, 250, 64).astype(np.uint8), (48, 1)) + np.arange(48, dtype=np.uint8)[:, None] % 5
    folder = save(tmp_path / "probabilities", NOISE, levels)
    for number in range(4):
        Image.fromarray(levels + np.uint8(number)).save(folder / f"masks/{number}.png")
    assert describe(folder) == 0
    assert "the masks are grey levels, cut in the middle here" in capsys.readouterr().out
    assert "masks: {threshold: 128}" in (folder / "dataset.yaml").read_text()


def test_boxes_are_one_line_and_not_one_for_each_photo(tmp_path):
    for number in range(4):
        for name, text in (("images/{}.jpg", ""), ("labels/{}.txt", "0 0.5 0.5 0.2 0.2\n")):
            path = tmp_path / name.format(number)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text) if text else Image.fromarray(NOISE).save(path)
    with pytest.raises(
        UserError, match=r"can be read: 4 times unusable annotation, such as \d: line 1 is a box[^;]*; [^;]*$"
    ):
        describe(tmp_path)


def test_splits_are_no_groups(tmp_path):
    folder = tmp_path / "splits"
    for split in ("train", "val"):
        save(folder, NOISE, SCENE, 6, f"images/{split}/{{}}.jpg", f"masks/{split}/{{}}.png")
    assert describe(folder) == 0
    assert "slices:" not in (folder / "dataset.yaml").read_text()


def test_the_command_that_comes_next_works_for_any_name_of_a_folder(tmp_path, capsys):
    folder = save(tmp_path / """Bob's "best" $HOME set, v1""", NOISE, SCENE)
    target = tmp_path / "it's elsewhere"
    assert main([f"--input={folder}", f"--output={target}", "--runner=FnApiRunner"]) == 0
    command = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Then: "))
    dry = command.removeprefix("Then: ").replace("make", "make --dry-run --assume-old=env", 1)
    run = subprocess.run(["sh", "-c", dry], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    words = shlex.split(run.stdout.partition("tfx_pipeline.train")[2].replace("\\\n", " "))
    assert words == [f"--input={folder}", f"--dataset={target}/dataset.yaml"]


def test_folders_that_may_be_the_classes_are_named_with_what_to_write_then(tmp_path, capsys):
    folder, binary = tmp_path / "animals", (SCENE > 0).astype(np.uint8) * 255
    for name in ("cat", "dog"):
        save(folder, NOISE, binary, 12, f"{name}/images/{name}{{}}.jpg", f"{name}/masks/{name}{{}}.png")
    assert describe(folder) == 0
    note = next(line for line in capsys.readouterr().out.splitlines() if "folders cat, dog" in line)
    keys = note.partition("write ")[2]
    written = keys.replace(", masks:", "\nmasks:").replace(" and classes:", "\nclasses:")
    (folder / "dataset.yaml").write_text(f'image_path: "*/images/{{id}}.jpg"\n{written}\n')
    flags = [f"--output={tmp_path / 'data'}", "--version=1.0.0", "--image_size=32", "--near_duplicates=ignore"]
    assert prepare_main([f"--input={folder}", *flags, "--runner=FnApiRunner"]) == 0


def test_so_few_photos_that_none_is_left_to_evaluate_come_with_the_remedy(tmp_path, capsys):
    folder = save(tmp_path / "few", NOISE, SCENE, 2)
    (folder / "dataset.yaml").write_text(
        "image_path: images/{id}.jpg\nmask_path: masks/{id}.png\nclasses: [ground, leaf, spot]\n"
    )
    flags = [f"--output={tmp_path / 'data'}", "--version=1.0.0", "--image_size=32", "--eval_fraction=0.001"]
    assert prepare_main([f"--input={folder}", *flags, "--runner=FnApiRunner"]) == 1
    assert "no record; every split needs one; add photos, or give --eval_fraction" in capsys.readouterr().err
