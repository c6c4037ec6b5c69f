"""Training code that is not ours reads a published version in one line."""

import subprocess
import sys

import numpy as np
import pytest

import trainer
from schemas.errors import UserError
from schemas.version_files import MANIFEST_FILE, SCHEMA_FILE
from tests.published import publish
from tests.trainer.conftest import draw, record_of

SIZE = 32


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """Five drawn records to train on, in two shards, and two to evaluate on."""

    def records(*numbers):
        return tuple(record_of(*draw(number, SIZE), f"photo_{number}") for number in numbers)

    shards = {"train": (records(0, 1, 2), records(3, 4)), "eval": (records(5, 6),)}
    return publish(tmp_path_factory.mktemp("published"), records=shards)


def test_a_split_is_read_with_ids_pixels_and_the_names_of_its_classes(version):
    photos = trainer.load_split(version, with_ids=True)
    assert (photos.class_names, photos.ignored_id) == (("pet", "background", "border"), 255)
    found = {image_id.numpy().decode(): (image, mask) for image_id, image, mask in photos.dataset}
    assert sorted(found) == [f"photo_{number}" for number in range(5)]
    for number in range(5):
        image, mask = draw(number, SIZE)
        np.testing.assert_array_equal(found[f"photo_{number}"][0], image)
        np.testing.assert_array_equal(found[f"photo_{number}"][1], mask)


def test_keras_knows_how_many_batches_an_epoch_has(version):
    dataset = trainer.load_split(version, "eval").dataset.batch(2)
    assert len(dataset) == 1
    assert [spec.shape.as_list() for spec in dataset.element_spec] == [[None, SIZE, SIZE, 3], [None, SIZE, SIZE]]


def test_a_version_behind_a_scheme_gives_the_same(version):
    [here], [there] = (
        list(trainer.load_split(folder, "eval").dataset.batch(2)) for folder in (version, f"file://{version}/")
    )
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_split_that_is_not_there_is_named_with_those_that_are(version):
    with pytest.raises(UserError, match=r"has no split 'test', but eval, train"):
        trainer.load_split(version, "test")


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("lost", [MANIFEST_FILE, SCHEMA_FILE])
def test_a_version_that_lacks_a_file_is_a_mistake_that_names_it(tmp_path, scheme, lost):
    version = publish(tmp_path)
    (version / lost).unlink()
    with pytest.raises(UserError, match=lost):
        trainer.load_split(f"{scheme}{version}")


def test_importing_the_trainer_does_not_wait_for_tensorflow():
    code = "import sys, trainer; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
