"""The rehearsal from drift to a better model, small: what is served turns dark, and the next model has learnt it."""

import pytest

from tests.bench.closed_loop import Plan, rehearse

SMALL = Plan(trained=200, pool=90, judged=40, window=40, quiet=2, shares=(0.8,), night=90, labelled=60, epochs=12)


@pytest.mark.proof
@pytest.mark.slow(180)
def test_darkness_raises_the_alarm_and_its_photos_are_chosen_labelled_and_trained_on(tmp_path):
    outcome = rehearse(tmp_path, SMALL)
    assert outcome.false_alarms == 0
    assert outcome.alarm_at == 0.8
    assert "photos are darker" in outcome.alarms[0]
    photos, by_night = outcome.chosen
    assert (
        by_night == photos > 15
    )  # 23 to 60: photos that look alike to the encoder are chosen once, and processors differ
    # So few labels do not make each processor's model better; `python -m tests.bench.closed_loop` measures that.
    assert all(0 < score < 1 for score in (*outcome.night, *outcome.day))
