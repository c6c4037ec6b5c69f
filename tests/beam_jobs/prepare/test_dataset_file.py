import pytest
from PIL import Image

from beam_jobs.prepare.command_line import main
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.sources.dataset_file import read_dataset
from schemas.errors import UserError
from schemas.version import verify_version

LEAVES = """
image_path: photos/{id}.png
mask_path: masks/{id}.png
classes: {0: ground, 1: Leaf}
"""


@pytest.fixture
def leaves(tmp_path):
    """A folder of photos and masks that describes itself."""
    folder = tmp_path / "My leaves"
    for kind, mode in (("photos", "RGB"), ("masks", "L")):
        (folder / kind).mkdir(parents=True)
        for number in range(20):
            picture = Image.new(mode, (40, 30), (number * 10, 90, 40) if mode == "RGB" else 0)
            picture.paste((10, 200, number) if mode == "RGB" else 1, (number, 5, number + 15, 25))
            picture.save(folder / kind / f"leaf_{number}.png")
    (folder / "dataset.yaml").write_text(LEAVES)
    return folder


def prepare(folder, *more):
    flags = ["--version=1.0.0", "--image_size=32", f"--input={folder}", "--runner=FnApiRunner", *more]
    return main([*flags, f"--output={folder.parent / 'data'}"])


def test_photos_with_a_dataset_file_beside_them_need_nothing_else(leaves):
    assert prepare(leaves) == 0
    version = verify_version(leaves.parent / "data" / "my_leaves" / "1.0.0")
    assert (version.spec.class_names, version.manifest.published) == (("ground", "leaf"), 20)
    (leaves / "dataset.yaml").unlink()
    assert verify_version(leaves.parent / "data" / "my_leaves" / "1.0.0").spec == version.spec


def test_the_dataset_file_may_lie_anywhere_and_have_any_name(leaves, tmp_path):
    elsewhere = tmp_path / "leaves.yaml"
    (leaves / "dataset.yaml").rename(elsewhere)
    elsewhere.write_text(f"name: leaves\n{LEAVES}")
    options = PrepareOptions(dataset=str(elsewhere), input=str(leaves), output=str(tmp_path), version="1")
    assert (options.dataset, options.spec.class_names) == ("leaves", ("ground", "leaf"))
    elsewhere.unlink()
    assert options.spec.class_names == ("ground", "leaf")  # as a worker sees it


def test_the_folder_of_a_dataset_file_names_it_as_well_as_its_path(leaves):
    assert read_dataset(str(leaves)) == read_dataset(str(leaves / "dataset.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LEAVES.replace("Leaf", '"?"'), r"dataset.yaml: .*classes.1: still '\?'"),
        (LEAVES.replace("masks/{id}.png", "masks"), "mask_path: needs {id}"),
        ("classes: [", "not valid YAML"),
        (None, "no data set of this name ships .*; give the path of a dataset.yaml"),
    ],
)
def test_a_missing_or_wrong_dataset_file_publishes_nothing(leaves, text, message):
    (leaves / "dataset.yaml").unlink()
    if text is not None:
        (leaves / "dataset.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        prepare(leaves)
    assert not (leaves.parent / "data").exists()
