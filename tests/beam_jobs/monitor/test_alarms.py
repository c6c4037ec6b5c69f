"""What is an alarm, and that chance is none: many windows are drawn from what the reference was drawn from."""

import numpy as np
import pytest

from beam_jobs.monitor.alarms import Judgement, judge
from beam_jobs.monitor.chance import Count, is_chance, standard_errors
from beam_jobs.monitor.slices import REFERENCE, Tally
from beam_jobs.statistics.split_summary import Numbers, SplitSummary
from tests.beam_jobs.monitor.served_logs import CLASSES, draw

QUIET_WINDOWS = 60  # of each size


def counted(photos: int, **shows: int) -> Tally:
    """Photos that all show every class but those named."""
    return Tally.nothing(0)._replace(photos=photos, shows=np.array([shows.get(name, photos) for name in CLASSES]))


def compared(now: Tally, before: Tally, titles: dict[str, str] | None = None) -> Judgement:
    summaries = {name: SplitSummary(one.photos, {}, {}, {}) for name, one in (("served", now), (REFERENCE, before))}
    return judge(summaries, {"served": now, REFERENCE: before}, CLASSES, titles)


def test_a_class_that_is_nearly_gone_has_vanished_and_one_that_is_suddenly_there_has_exploded():
    (gone,) = compared(counted(300, pet=9), counted(200, pet=100)).alarms
    assert gone.text == "the share of photos that show pet fell to 3.0 %, eval 50.0 %"
    assert (gone.kind, gone.subject, gone.measured, gone.limit) == ("vanished", "pet", 0.03, 0.05)
    told = compared(counted(300, pet=9), counted(200, pet=100), {"background": "B", "border": "E", "pet": "Katze"})
    assert told.alarms[0].text == "the share of photos that show Katze fell to 3.0 %, eval 50.0 %"
    assert told.alarms[0].subject == "pet"  # for programs
    (new,) = compared(counted(300, pet=60), counted(200, pet=0)).alarms
    assert new.text == "the share of photos that show pet rose to 20.0 %, eval 0.0 %"
    (more,) = compared(counted(300, pet=210), counted(200, pet=60)).alarms
    assert (more.kind, more.limit) == ("exploded", pytest.approx(0.6))


def at(*distances: int) -> Tally:
    """Photos at these distances from train, over and over, 300 in all."""
    counts = np.bincount(np.tile(distances, 300 // len(distances)), minlength=257)
    return counted(300)._replace(hashed=300, distances=counts)


def test_photos_are_novel_where_some_are_far_from_train_or_all_are_a_little_farther():
    usual = at(*range(10, 30))
    (some,) = compared(at(*range(10, 28), 60, 60), usual).alarms
    assert (some.kind, some.text) == ("novel", "10.0 % of the photos are unlike every photo of train, eval 0.0 %")
    (all_of_them,) = compared(at(*[25, 26] * 10), usual).alarms
    assert (all_of_them.kind, all_of_them.text) == (
        "novel",
        "the photos are less like those of train: 25.5 bits from the nearest on average, eval 19.5",
    )
    assert compared(at(*range(11, 31)), usual).alarms == ()
    assert compared(at(10, 11), usual).alarms == ()  # nearer


@pytest.mark.parametrize(("now", "before"), [(20, 50), (120, 50), (2, 0)], ids=["fewer", "more", "two of them"])
def test_other_shares_are_no_alarm(now, before):
    assert compared(counted(300, pet=now), counted(200, pet=before)).alarms == ()


def test_a_rare_class_that_a_few_photos_do_not_show_has_not_vanished():
    assert compared(counted(40, pet=0), counted(200, pet=10)).alarms == ()


def test_too_few_photos_or_too_small_a_reference_is_not_judged():
    found = compared(counted(29, pet=0), counted(200))
    assert (found.alarms, found.too_few) == ((), ("served",))
    assert compared(counted(300, pet=0), counted(29)).too_few == ("served",)


def test_chance_is_what_the_exact_test_and_students_distribution_say():
    assert not is_chance(Count(0, 30), Count(30, 30), 1)
    assert is_chance(Count(0, 30), Count(10, 100), 1)  # 6.5 %
    assert is_chance(Count(0, 0), Count(10, 100), 1)
    assert not is_chance(Count(500_000, 1_000_000), Count(1_900, 3_000), 500)
    assert standard_errors(1, 29) == pytest.approx(3.659, abs=0.001)  # the 99.95th percentile
    assert standard_errors(300, 200) == pytest.approx(4.784, abs=0.001)


@pytest.mark.parametrize("photos", [50, 200, pytest.param(2000, marks=pytest.mark.proof)])
def test_quiet_windows_raise_no_alarm_in_any_slice(photos):
    random = np.random.default_rng(photos)
    drawn = [draw(random) for _ in range(4000)]
    alarms = []
    for _ in range(QUIET_WINDOWS):
        reference, served = (random.choice(len(drawn), size) for size in (200, photos))
        slices = {REFERENCE: reference, "served": served}
        for kind, count in (("source", 3), ("time", 24), ("client", 20)):
            member = random.integers(0, count, photos)
            slices |= {f"{kind} {number}": served[member == number] for number in range(count)}
        measured = {name: measure([drawn[one] for one in chosen]) for name, chosen in slices.items() if len(chosen)}
        summaries, tallies = ({name: one[part] for name, one in measured.items()} for part in (0, 1))
        alarms += judge(summaries, tallies, CLASSES).alarms
    assert alarms == []


def measure(records: list[dict]) -> tuple[SplitSummary, Tally]:
    """What the job measures of records, without distances."""
    columns = {name: np.array([one[name] for one in records]) for name in records[0] if not name.endswith("_hash")}
    numbers = {
        name: Numbers(len(values), 0, values.mean(), values.std(), values.min(), 0, values.max(), ())
        for name, values in columns.items()
    }
    shows = {name: int((columns[f"{name}_fraction"] >= 0.001).sum()) for name in CLASSES}
    return SplitSummary(len(records), numbers, {}, {}), counted(len(records), **shows)
