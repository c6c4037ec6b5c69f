"""Summaries on narrow terminals."""

import fcntl
import os
import pty
import struct
import termios

import pytest

from beam_jobs.wrapped_lines import print_lines, wrapped

ROW = "  quarantined       12  mask_lacks_required_class 9, truncated_image 2, empty_image 1"
PATH = "Look at it before training on it: /a/folder/with/a/long/name/data/pets/1.0.0/report.html"


def test_a_row_breaks_between_words_and_continues_below_its_last_column():
    assert wrapped(ROW, 60).splitlines() == [
        "  quarantined       12  mask_lacks_required_class 9,",
        "                        truncated_image 2, empty_image 1",
    ]


@pytest.mark.parametrize(
    "text",
    [ROW, PATH, "error: " + "words " * 40, "      " + "deep " * 30, "(all)  rejected inputs  1 of " + "words " * 9],
)
def test_no_word_is_broken_at_60_columns_and_none_is_lost(text):
    lines = wrapped(text, 60).splitlines()
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= 60 or len(line.split()) == 1 for line in lines)


def test_lines_that_fit_stay_as_they_are():
    text = "one\n\n  two   3  four"
    assert wrapped(text, 60) == text


def test_only_a_terminal_gets_broken_lines(capsys):
    print_lines(ROW)
    assert capsys.readouterr().out == ROW + "\n"
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    with os.fdopen(follower, "w") as terminal:
        print_lines(ROW, terminal)
        shown = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert max(map(len, shown.split("\r\n"))) <= 60
