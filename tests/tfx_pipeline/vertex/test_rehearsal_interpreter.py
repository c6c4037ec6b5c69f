"""What a forked command has of its own, how it ends, and that nothing of it stays."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tfx_pipeline.vertex.rehearsal import interpreter as module
from tfx_pipeline.vertex.rehearsal.interpreter import Interpreter

PATH = f"{sysconfig.get_path('scripts')}{os.pathsep}/usr/bin{os.pathsep}/bin"
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8"}
SECONDS = 60.0


@pytest.fixture
def interpreter(tmp_path):
    interpreter = Interpreter(ENVIRONMENT, tmp_path / "interpreter.log", library="decimal")
    yield interpreter
    interpreter.stop()


@pytest.fixture
def program(tmp_path):
    """Writes a module into a folder of its own; returns the command that runs it, and the folder."""

    def write(code: str, name: str = "program") -> tuple[list[str], Path]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(code)
        return ["python", "-m", name], folder

    return write


@pytest.fixture
def run(interpreter, tmp_path):
    """Runs a command; returns its exit code and what it printed."""

    def run(command: list[str], folder: Path, **variables: str) -> tuple[int, str]:
        log = tmp_path / "command.log"
        with interpreter.running(command, folder, ENVIRONMENT | variables, log) as fork:
            code = fork.wait(SECONDS)
        return code, log.read_text()

    return run


def exists(process: int) -> bool:
    """Whether a process still runs."""
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_command_has_its_own_arguments_folder_and_environment(run, program):
    command, folder = program(
        "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['COLOR'], sorted(os.environ), __name__)"
    )
    code, out = run([*command, "--one", "two words"], folder, COLOR="red")
    assert code == 0
    assert out == f"['--one', 'two words'] {folder} red ['COLOR', 'LANG', 'PATH'] __main__\n"


def test_the_library_is_there_before_the_command_starts_and_none_of_this_project(run, program):
    command, folder = program(
        "import sys; print('decimal' in sys.modules, [one for one in sys.modules if one.startswith('tfx_pipeline')])"
    )
    assert run(command, folder) == (0, "True []\n")


def test_each_command_reads_its_modules_anew(run, program):
    command, folder = program("import part; print(part.VALUE)")
    for value in (1, 22):
        (folder / "part.py").write_text(f"VALUE = {value}\n")
        assert run(command, folder) == (0, f"{value}\n")


def test_an_error_an_exit_and_what_runs_at_exit_are_those_of_a_process(run, program):
    failing, folder = program(
        "import atexit; atexit.register(print, 'at exit'); raise ValueError('planted')", "failing"
    )
    code, out = run(failing, folder)
    assert code == 1
    assert "ValueError: planted\n" in out
    assert out.endswith("at exit\n")
    leaving, folder = program("raise SystemExit(7)", "leaving")
    assert run(leaving, folder) == (7, "")
    killed, folder = program("import os; os.kill(os.getpid(), 9)", "killed")
    assert run(killed, folder) == (-signal.SIGKILL, "")


def test_a_command_of_another_kind_runs_and_one_that_is_not_there_is_named(run, tmp_path):
    assert run(["sh", "-c", "echo $0 $COLOR", "from"], tmp_path, COLOR="blue") == (0, "from blue\n")
    code, out = run(["no-such-command"], tmp_path)
    assert code == 1
    assert "FileNotFoundError: " in out


def test_two_commands_run_at_the_same_time(interpreter, program, tmp_path):
    waiting, folder = program(
        "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)", "waiting"
    )
    with interpreter.running(waiting, folder, ENVIRONMENT, tmp_path / "waiting.log") as first:
        with interpreter.running(["touch", "go"], folder, ENVIRONMENT, tmp_path / "go.log") as second:
            assert second.wait(SECONDS) == 0
        assert first.wait(SECONDS) == 0


def test_a_command_that_takes_too_long_is_killed_with_its_children(interpreter, program, tmp_path):
    command, folder = program(
        "import os, pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "pathlib.Path('ids').write_text(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(600)\n"
    )
    with interpreter.running(command, folder, ENVIRONMENT, tmp_path / "slow.log") as fork:
        wait_until(lambda: (folder / "ids").is_file() and " " in (folder / "ids").read_text())
        with pytest.raises(TimeoutError):
            fork.wait(0.05)
    processes = [int(one) for one in (folder / "ids").read_text().split()]
    wait_until(lambda: not any(map(exists, processes)))


def test_an_interpreter_whose_rehearsal_was_killed_ends(tmp_path):
    started = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "process = subprocess.Popen([sys.executable, *sys.argv[1:]], stdout=subprocess.PIPE)\n"
            "process.stdout.readline()\n"
            "print(process.pid, flush=True)\n"
            "time.sleep(600)\n",
            module.__file__,
            "decimal",
            str(tmp_path / "socket"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    process = int(started.stdout.readline())
    assert exists(process)
    started.kill()
    started.communicate()
    wait_until(lambda: not exists(process))


def test_an_image_whose_python_does_not_start_is_named(tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    (tmp_path / "python").chmod(0o755)
    log = tmp_path / "interpreter.log"
    broken = Interpreter({"PATH": f"{tmp_path}:/bin"}, log)
    with (
        pytest.raises(ChildProcessError, match=r"the image's Python does not start, see .*interpreter\.log"),
        broken.running(["python", "-m", "this"], tmp_path, ENVIRONMENT, tmp_path / "command.log"),
    ):
        pass
    broken.stop()
    assert log.read_text() == "broken\n"
