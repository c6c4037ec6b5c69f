"""What a command does before and beside its work."""

import gc
import importlib.metadata
import os
import subprocess
import sys

import pytest

from beam_jobs.console import CommandLine, exit_code, heavy_imports
from schemas.errors import UserError


@pytest.fixture(autouse=True)
def unfrozen():
    """Starts each test with nothing frozen, and leaves what this process has imported frozen, as it was."""
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.freeze()


def test_what_heavy_imports_have_made_is_never_looked_at_by_the_garbage_collector(tmp_path, monkeypatch):
    (tmp_path / "heavy_library.py").write_text("objects = [[] for _ in range(100_000)]\n")
    monkeypatch.syspath_prepend(tmp_path)
    with heavy_imports():
        assert not gc.isenabled()
        import heavy_library  # noqa: F401
    assert gc.isenabled()
    assert gc.get_freeze_count() > 100_000
    monkeypatch.delitem(sys.modules, "heavy_library")


def test_libraries_that_ask_for_the_installed_distributions_get_one_list_of_them(monkeypatch):
    listed = []
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: listed.append(1) or {"numpy": ["numpy"]})
    list_all = importlib.metadata.packages_distributions
    with heavy_imports():
        answers = [importlib.metadata.packages_distributions() for _ in range(15)]
    assert answers == 15 * [{"numpy": ["numpy"]}]
    assert listed == [1]
    assert importlib.metadata.packages_distributions is list_all


def test_what_a_process_has_made_meanwhile_is_not_kept_for_ever_where_nothing_is_imported():
    with heavy_imports():
        import json  # noqa: F401
    assert gc.get_freeze_count() == 0


def test_of_a_mistake_with_many_lines_the_first_are_said_and_the_others_counted(capsys):
    def mistake() -> int:
        raise UserError("\n".join(f"config.yaml: key_{number}: {'x' * 5_000}; remove it" for number in range(10_000)))

    assert exit_code(mistake) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: config.yaml: key_0: xxx")
    assert lines[0].endswith("xxx; remove it")
    assert lines[-1] == "error: and 9,980 more"
    assert len(lines) == 21
    assert max(map(len, lines)) < 1_100


def test_garbage_is_collected_again_after_an_import_that_failed():
    with pytest.raises(ImportError), heavy_imports():
        import no_such_library  # noqa: F401
    assert gc.isenabled()


@pytest.mark.parametrize("typed", ["hf_abcdefghijklmnopqrstuvwxyz", "https://user:geheim@host/x"])
def test_a_parser_repeats_no_secret_that_was_typed_in_a_wrong_place(typed, capsys):
    parser = CommandLine()
    parser.add_argument("--number", type=int)
    for arguments in (["--number", typed], [typed], [f"--nothing={typed}"]):
        with pytest.raises(SystemExit):
            parser.parse_args(arguments)
        said = capsys.readouterr().err
        assert "***" in said
        assert typed not in said
        assert "geheim" not in said


@pytest.mark.parametrize("printed", [1, 100_000], ids=["in a buffer at the end", "more than a pipe holds"])
@pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_command_whose_reader_has_gone_ends_quietly(printed, unbuffered):
    code = f"""
import sys
from beam_jobs.console import exit_code

def command():
    sys.stdin.read()  # until the reader has gone
    for _ in range({printed}):
        print("a line")
    return 0

sys.exit(exit_code(command))
"""
    started = [sys.executable, "-c", code]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | unbuffered
    command = subprocess.Popen(
        started, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    command.stdout.close()
    command.stdin.close()
    assert command.stderr.read() == b""
    assert command.wait() == 141  # as shells report SIGPIPE


def test_another_broken_pipe_is_no_reader_that_has_gone():
    def command() -> int:
        raise BrokenPipeError("a connection")

    with pytest.raises(BrokenPipeError, match="a connection"):
        exit_code(command)
