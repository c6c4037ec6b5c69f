"""The digest of source code that TFX's cache depends on."""

import pytest

from tfx_pipeline.source_digest import source_sha256


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "toy_package"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
    (folder / "inner" / "model.py").write_text("WIDTH = 1\n")
    (folder / "settings.yaml").write_text("a: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_digest_stays_the_same_while_the_source_does(package):
    before = source_sha256("toy_package")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "model.pyc").write_bytes(b"compiled")
    assert source_sha256("toy_package") == before


@pytest.mark.parametrize("file", ["inner/model.py", "settings.yaml", "new.py", "page.css"])
def test_a_changed_or_new_source_file_changes_the_digest(package, file):
    before = source_sha256("toy_package")
    (package / file).write_text("WIDTH = 2\n")
    assert source_sha256("toy_package") != before


def test_a_renamed_source_file_changes_the_digest(package):
    before = source_sha256("toy_package")
    (package / "inner" / "model.py").rename(package / "inner" / "network.py")
    assert source_sha256("toy_package") != before


def test_the_content_of_an_extra_file_counts(package, tmp_path):
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"one")
    before = source_sha256("toy_package", files=[str(weights)])
    weights.write_bytes(b"two")
    assert source_sha256("toy_package", files=[str(weights)]) != before


def test_a_missing_module_is_named():
    with pytest.raises(ModuleNotFoundError, match="toy_module_that_is_not_there"):
        source_sha256("toy_module_that_is_not_there")
