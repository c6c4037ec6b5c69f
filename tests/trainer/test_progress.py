import io
from types import SimpleNamespace

import pytest

from trainer import progress
from trainer.progress import EpochLog


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the log's clock shows, which a test sets."""
    shown = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: shown[0]))
    return shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_slow_epoch_reports_its_steps_each_minute_and_what_the_whole_training_takes_at_least(clock):
    lines = []
    log = EpochLog(34, lines.append)
    log.begin()
    for step in range(1, 46):
        clock[0] = 14.0 * step
        log.step(1, step, 45, 8)
    assert lines[0] == ("epoch   1/34  step 5/45  0.571 images/s  9 min left, at least 5.9 h with the other epochs")
    assert len(lines) == 9


def test_the_last_epoch_speaks_of_no_others(clock):
    lines = []
    log = EpochLog(2, lines.append)
    log.begin()
    clock[0] = 61.0
    log.step(2, 1, 2, 8)
    assert lines == ["epoch   2/2  step 1/2  0.131 images/s  61 s left"]


def test_a_quick_epoch_is_one_line_in_a_log(clock):
    lines = []
    log = EpochLog(1, lines.append)
    log.begin()
    clock[0] = 59.0
    log.step(1, 1, 1, 8)
    log.end(1, 0.5, 0.75, 0.6)
    assert lines == ["epoch   1/1  loss 0.500   59.0 s  eval loss 0.600  mean IoU 0.750"]


def test_a_terminal_shows_steps_in_one_line_that_the_epoch_replaces(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    log = EpochLog(1, None)
    log.begin()
    clock[0] = 1.0
    log.step(1, 1, 2, 8)
    log.end(1, 0.5, None, None)
    _, live, line = terminal.getvalue().split("\r")
    assert live == "epoch   1/1  step 1/2  8 images/s  1 s left\x1b[K"
    assert line == "\x1b[Kepoch   1/1  loss 0.500    1.0 s\n"
