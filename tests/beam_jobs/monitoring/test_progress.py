"""What a person sees of a job that is running, and the files behind it."""

import fcntl
import io
import os
import struct
import termios

import pytest

from beam_jobs.monitoring.progress import (
    DoneInputs,
    Progress,
    make_progress_folder,
    read_progress,
    report_planned,
    report_publishing,
)
from beam_jobs.monitoring.progress_display import Bar, Lines, has_columns, shown_progress
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.pipeline import prepare as add_job
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.supervision import supervised_pipeline

LISTING = Progress(0, None, False)


def test_what_every_worker_has_done_is_added_up(tmp_path):
    folder = make_progress_folder(str(tmp_path))
    assert read_progress(folder) == LISTING
    report_planned(str(tmp_path), "train", 5)
    report_planned(str(tmp_path), "eval", 2)
    one, other = DoneInputs(str(tmp_path)), DoneInputs(str(tmp_path))
    for done in (one, one, other):
        done.add()
    assert read_progress(folder) == Progress(3, 7, False)
    for _ in range(9):  # a bundle that is tried again
        other.add()
    report_publishing(str(tmp_path))
    assert read_progress(folder) == Progress(7, 7, True)
    one.close()
    other.close()


def test_where_nobody_watches_nothing_is_written(tmp_path):
    report_planned(str(tmp_path), "train", 5)
    report_publishing(str(tmp_path))
    done = DoneInputs(str(tmp_path))
    done.add()
    done.close()
    assert os.listdir(tmp_path) == []
    assert read_progress(tmp_path / "progress") == LISTING


@pytest.mark.parametrize("repeat", [0, 1])
def test_a_job_tells_every_input_and_every_stage(photos, tmp_path, repeat):
    options = PrepareOptions(dataset="pets", input=str(photos), output=str(tmp_path), version="1", image_size=32)
    folder = make_progress_folder(options.staging_dir)
    in_the_way = tmp_path / "pets" / "1" / "schema.pbtxt" / "a folder"
    in_the_way.mkdir(parents=True)  # so that the job fails when it publishes, and the staging folder stays
    flags = parse_beam_flags([f"--direct_runner_bundle_repeat={repeat}"])
    with pytest.raises(Exception, match=r"schema\.pbtxt"), supervised_pipeline(flags) as pipeline:
        add_job(pipeline, options)
    assert read_progress(folder) == Progress(40, 40, True)


def test_a_terminal_gets_one_line_with_rate_and_stage():
    stream = io.StringIO()
    bar = Bar(stream)
    for second, progress in enumerate([LISTING, Progress(0, 40, False), Progress(10, 40, False)]):
        bar.show(progress, second)
    assert "Writing:  25%" in stream.getvalue()
    assert "10/40" in stream.getvalue()
    assert "images/s" in stream.getvalue()
    bar.show(Progress(40, 40, False), 3)
    assert "Statistics and validation: 100%" in stream.getvalue()
    bar.show(Progress(40, 40, True), 4)
    assert "Publishing: 100%" in stream.getvalue()
    bar.close()
    assert "\n" not in stream.getvalue().rstrip()


def test_a_job_whose_files_have_gone_with_its_end_does_not_start_over_on_the_screen():
    stream, other = io.StringIO(), io.StringIO()
    bar, lines = Bar(stream), Lines(other, now=0.0)
    for display in (bar, lines):
        display.show(Progress(40, 40, True), 100)
        display.show(LISTING, 200)
    assert "Publishing: 100%" in stream.getvalue().splitlines()[-1].rpartition("\r")[2]
    assert other.getvalue() == "Publishing\n"
    bar.close()


@pytest.mark.parametrize(("columns", "seen"), [(80, True), (0, False)])
def test_a_terminal_without_width_gets_lines_too(columns, seen):
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))  # rows, columns, pixels
    with open(leader, "rb"), open(follower, "w") as terminal:
        assert has_columns(terminal) is seen


def test_a_file_gets_a_line_for_every_tenth_and_every_stage():
    stream = io.StringIO()
    lines = Lines(stream, now=0.0)
    lines.show(LISTING, 1)
    for second in range(100):
        lines.show(Progress(second * 10, 1000, False), 10 + second)
    lines.show(Progress(1000, 1000, False), 112)
    lines.show(Progress(1000, 1000, True), 120)
    printed = stream.getvalue().splitlines()
    assert printed[0] == "Writing: 0%, 0 of 1000 images"
    assert printed[1:10] == [
        f"Writing: {tens}0%, {tens}00 of 1000 images, 10 images/s, {duration} left"
        for tens, duration in enumerate(
            ["1 min 30 s", "1 min 20 s", "1 min 10 s", "1 min 00 s", "50 s", "40 s", "30 s", "20 s", "10 s"], 1
        )
    ]
    assert printed[10:] == ["Statistics and validation", "Publishing"]


def test_a_quick_job_prints_no_line_and_a_slow_one_is_never_silent():
    stream = io.StringIO()
    quick = Lines(stream, now=0.0)
    for second, progress in enumerate([LISTING, Progress(10, 40, False), Progress(40, 40, True)]):
        quick.show(progress, float(second))
    assert stream.getvalue() == ""
    slow = Lines(stream, now=0.0)
    for second in range(600):
        slow.show(LISTING, float(second))
    assert stream.getvalue() == "Starting and listing\n" * 9


def test_the_files_that_tell_progress_go_with_the_job(tmp_path):
    with shown_progress(str(tmp_path)):
        assert (tmp_path / "progress").is_dir()
    assert os.listdir(tmp_path) == []
