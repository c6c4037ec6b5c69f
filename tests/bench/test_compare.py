"""`make bench-compare`: what a run is said to have lost against a release, on this machine and on another."""

import json

import pytest

from beam_jobs.console import exit_code
from tests.bench.compare import RELEASE, main
from tests.bench.figures import LESS, PER_SECOND, PROCESSOR, RATIO, WALL, Figure
from tests.bench.preparation import figures

FIGURES = [
    Figure("images", 400.0, PER_SECOND, 2),
    Figure("seconds", 20.0, WALL),
    Figure("processor", 30.0, PROCESSOR),
    Figure("of the loop", 0.8, RATIO),
    Figure("memory", 700.0 * 2**20, LESS),
]
IS_BETTER_WITH_MORE = (PER_SECOND, RATIO)


def bench_run(figures=FIGURES, speed=1.0, images=500, part="preparation", spread=0.95):
    one = {"wall": 400 * speed, "processor": 400 * speed, "spread": spread}
    return {
        "image_size": 128,
        "taken": {"date": "2026-11-30", "commit": "abc", "python": "3.10.1", "processor": "a processor", "cores": 2},
        "sizes": {"images": images, "large": 0, "quick": True},
        "yardstick": {"processes_1": one, "processes_2": one},
        "figures": {part: {each.name: each._asdict() for each in figures}},
    }


@pytest.fixture
def compared(tmp_path, capsys):
    def compare(run, release=None, *options):
        for name, content in (("run", run), ("release", bench_run() if release is None else release)):
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / name).write_text(text)
        files = [f"--run={tmp_path / 'run'}", f"--release={tmp_path / 'release'}"]
        code = exit_code(lambda: main([*files, *options]))
        captured = capsys.readouterr()
        return code, captured.out, captured.err.replace("\n", " ")

    return compare


def changed(factors, figures=FIGURES):
    """The figures, those at some places times a factor."""
    return [one._replace(value=one.value * factors.get(place, 1)) for place, one in enumerate(figures)]


def test_the_same_run_is_not_worse_than_itself(compared):
    code, shown, _ = compared(bench_run())
    assert code == 0
    assert "none of 5 is worse by more than 25%" in shown
    assert shown.count(" 1.00\n") == 5


@pytest.mark.parametrize("place", range(len(FIGURES)), ids=[one.name for one in FIGURES])
def test_a_figure_beyond_the_tolerance_is_marked_in_its_own_direction_and_fails_the_command(compared, place):
    worse = 0.7 if FIGURES[place].kind in IS_BETTER_WITH_MORE else 1 / 0.7
    code, shown, _ = compared(bench_run(changed({place: worse})))
    (marked,) = [line for line in shown.splitlines() if "WORSE" in line]
    assert code == 1
    assert FIGURES[place].name in marked
    assert "0.70" in marked
    code, shown, _ = compared(bench_run(changed({place: 1 / worse})))
    assert code == 0
    assert shown.count("better") == 1
    assert compared(bench_run(changed({place: worse})), None, "--tolerance=0.4")[0] == 0


def test_a_machine_of_half_the_speed_is_not_a_slower_program(compared):
    by_kind = {PER_SECOND: 0.5, WALL: 2, PROCESSOR: 2}
    slow = [one._replace(value=one.value * by_kind.get(one.kind, 1)) for one in FIGURES]
    code, shown, _ = compared(bench_run(slow, speed=0.5))
    assert code == 0
    assert "0.50 with 1, 0.50 with 2 processes" in shown
    assert shown.count(" 1.00\n") == 5
    code, shown, _ = compared(bench_run(FIGURES, speed=2.0))  # twice as fast, and yet no faster
    assert code == 1
    assert shown.count("WORSE") == 3


def test_an_unsteady_machine_and_parts_that_were_not_measured_are_said(compared):
    release = bench_run()
    release["figures"]["input"] = release["figures"]["preparation"]
    _, shown, _ = compared(bench_run(spread=0.5), release)
    assert "now: the machine was not steady, at times 0.50 of its best" in shown
    assert "release: the machine" not in shown
    assert "not measured now: input" in shown
    _, shown, _ = compared(release, bench_run())
    assert "not in the release's file: input" in shown


def test_wall_times_of_an_unsteady_machine_are_not_judged_and_processor_time_and_memory_are(compared):
    slow, more = changed({0: 0.5, 1: 2.0, 3: 0.5}), changed({2: 2.0, 4: 2.0})
    assert compared(bench_run(slow, spread=0.5))[0] == 0  # wall times of a machine that had other work
    assert compared(bench_run(slow))[0] == 1
    code, shown, _ = compared(bench_run(more, spread=0.5))
    assert (code, shown.count("WORSE")) == (1, 2)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (bench_run(images=2000), "sizes is images=2000"),
        (bench_run(FIGURES[1:]), "preparation lacks 'images'"),
        (bench_run([*FIGURES, Figure("more", 1.0, RATIO)]), "preparation lacks 'more'"),
        (bench_run([FIGURES[0]._replace(kind=WALL), *FIGURES[1:]]), "'images' is another kind of figure"),
        (bench_run(part="input"), "has no part of"),
        (bench_run([FIGURES[0]._replace(processes=8), *FIGURES[1:]]), "the yardstick lacks 8 processes"),
        (bench_run([FIGURES[0]._replace(value=0.0), *FIGURES[1:]]), "figures.preparation.images.value"),
        ({"image_size": 128, "machine": "x86_64"}, "is no run of make bench"),
        ("{", "run: "),
        ("[]", "must be a JSON object"),
    ],
)
def test_what_cannot_be_compared_is_named_in_one_line(compared, run, said):
    code, shown, error = compared(run)
    assert (code, shown) == (2, "")
    assert said in error
    assert error.startswith("error: ")


@pytest.mark.parametrize("name", ["run", "release"])
def test_a_missing_file_is_named_with_what_writes_it(tmp_path, capsys, name):
    files = {"run": "run.json", "release": "release.json"} | {name: "none.json"}
    for one in {"run.json", "release.json"} & {*files.values()}:
        (tmp_path / one).write_text(json.dumps(bench_run()))
    assert exit_code(lambda: main([f"--{key}={tmp_path / file}" for key, file in files.items()])) == 2
    error = capsys.readouterr().err.replace("\n", " ")
    assert "none.json: no such file; make bench" in error


def test_a_senseless_tolerance_is_refused(compared):
    code, _, error = compared(bench_run(), None, "--tolerance=2")
    assert code == 2
    assert "--tolerance 2: must lie between 0 and 1" in error


def test_the_release_that_is_kept_is_not_worse_than_itself_and_has_the_figures_that_a_run_has_now(capsys):
    kept = json.loads(RELEASE.read_text())
    assert main([f"--run={RELEASE}"]) == 0
    count = sum(map(len, kept["figures"].values()))
    assert f"none of {count} is worse" in capsys.readouterr().out
    assert kept["figures"]["preparation"] == {one.name: one._asdict() for one in figures(kept["preparation"])}
