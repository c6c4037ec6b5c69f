"""What a command does before and beside its work."""

import gc
import sys

import pytest

from beam_jobs.console import heavy_imports


@pytest.fixture(autouse=True)
def unfrozen():
    yield
    gc.unfreeze()


def test_what_heavy_imports_have_made_is_never_looked_at_by_the_garbage_collector(tmp_path, monkeypatch):
    (tmp_path / "heavy_library.py").write_text("objects = [[] for _ in range(100_000)]\n")
    monkeypatch.syspath_prepend(tmp_path)
    gc.unfreeze()
    with heavy_imports():
        assert not gc.isenabled()
        import heavy_library  # noqa: F401
    assert gc.isenabled()
    assert gc.get_freeze_count() > 100_000
    monkeypatch.delitem(sys.modules, "heavy_library")


def test_what_a_process_has_made_meanwhile_is_not_kept_for_ever_where_nothing_is_imported():
    gc.unfreeze()
    with heavy_imports():
        import json  # noqa: F401
    assert gc.get_freeze_count() == 0


def test_garbage_is_collected_again_after_an_import_that_failed():
    with pytest.raises(ImportError), heavy_imports():
        import no_such_library  # noqa: F401
    assert gc.isenabled()
