"""Monitoring from its command line: what is served is compared with the model's answers on photos it did not learn."""

import json
import logging
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from apache_beam.metrics import MetricsFilter
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs import Monitor
from schemas.errors import UserError
from schemas.served import HOUR, records_path
from tests.beam_jobs.monitor.served_logs import NOON, answered_splits, draw, monitor, quiet_log, served, write_log

pytestmark = pytest.mark.slow
NOVEL = np.random.default_rng(99)


def drift(output: Path) -> dict:
    return json.loads((output / "drift.json").read_text())


def alarms(output: Path) -> set[tuple[str, str, str]]:
    return {(one["kind"], one["slice"], one["subject"]) for one in drift(output)["alarms"]}


def darker(record):
    return record | {"brightness": record["brightness"] * 0.5}


def without(record, *names):
    return {name: value for name, value in record.items() if name not in names}


def only_shop_1(change):
    return lambda record: change(record) if record["client"] == b"shop_1" else record


def test_a_quiet_day_raises_no_alarm_and_its_figures_are_written(reference, tmp_path, capfd):
    log = quiet_log(tmp_path / "log")
    assert monitor(log, reference, tmp_path / "out") == 0
    printed = capfd.readouterr().out
    assert f"Monitoring {log}, 2026-11-28 12:00 to 2026-11-29 12:00 UTC, the newest of the log" in printed
    assert "300 records of model 1700000000, compared with 200 photos of eval" in printed
    assert printed.endswith("No alarm\n")
    found = drift(tmp_path / "out")
    assert (found["alarms"], found["notes"]) == ([], [])
    assert found["records"]["judged"] == found["slices"]["served"]["photos"] == 300
    assert set(found["slices"]) == {
        "reference",
        "served",
        *(f"client shop_{number}" for number in range(4)),
        *("source app", "source endpoint"),
        *(f"time 2026-11-29 {hour:02d}:00" for hour in (9, 10, 11)),
    }
    assert found["slices"]["reference"]["novel"] <= 0.01
    statistics = tfdv.load_stats_binary(f"{tmp_path}/out/statistics.pb")
    assert {one.name for one in statistics.datasets} == set(found["slices"])
    page = (tmp_path / "out/monitor.html").read_text()
    assert "300 photos from 2026-11-28 12:00 to 2026-11-29 12:00 UTC" in page


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (darker, {"light"}),
        (lambda one: one | {"mean_confidence": one["mean_confidence"] * 0.8}, {"certainty"}),
        (lambda one: one | {"pet_fraction": 0.0}, {"classes", "vanished"}),
        (lambda one: one | {"feature_hash": draw(NOVEL, is_novel=True)["feature_hash"]}, {"novel"}),
    ],
    ids=["dark", "uncertain", "vanished", "novel"],
)
def test_what_has_changed_in_all_photos_is_one_alarm_of_its_kind(reference, tmp_path, capfd, change, kinds):
    log = quiet_log(tmp_path / "log", 120, change=change)
    assert monitor(log, reference, tmp_path / "out") == 1
    assert {kind for kind, _, _ in alarms(tmp_path / "out")} == kinds
    assert {where for _, where, _ in alarms(tmp_path / "out")} == {"served"}  # slices do not repeat it
    assert [line for line in capfd.readouterr().out.splitlines() if line.startswith(f"  {min(kinds)}: ")]
    assert 'class="light bad"' in (tmp_path / "out/monitor.html").read_text()


def test_what_has_changed_for_one_client_is_an_alarm_of_that_slice(reference, tmp_path, capfd):
    log = quiet_log(tmp_path / "log", 400, change=only_shop_1(darker))
    assert monitor(log, reference, tmp_path / "out") == 1
    assert alarms(tmp_path / "out") == {("light", "client shop_1", "")}
    assert "  light (client shop_1): served photos are darker than eval photos: brightness" in capfd.readouterr().out


def test_a_health_check_that_sends_one_photo_all_day_outweighs_nothing(reference, tmp_path, capfd):
    random = np.random.default_rng(1)
    people, (probe,) = [*served(random, 100)], served(random, 1)
    night = [probe | {"brightness": 0.01, "client": b"probe", "time": NOON - 1 - 10_000 * tick} for tick in range(700)]
    assert monitor(write_log(tmp_path / "log", [*people, *night]), reference, tmp_path / "out") == 0
    found = drift(tmp_path / "out")
    assert (found["records"]["judged"], found["records"]["repeated"]) == (102, 698)  # once in each of two hours
    assert "in the same hour: 698 records" in capfd.readouterr().out


def test_a_covered_camera_is_no_health_check(reference, tmp_path):
    """What is black has no hash, and so is not recognized."""
    black = {"brightness": 0.01, "contrast": 0.001}
    log = quiet_log(tmp_path / "log", 60, change=lambda one: without(one, "photo_hash", "feature_hash") | black)
    assert monitor(log, reference, tmp_path / "out") == 1
    assert drift(tmp_path / "out")["records"]["repeated"] == 0
    assert ("light", "served", "") in alarms(tmp_path / "out")


def test_larger_photos_are_a_note_and_no_alarm(reference, tmp_path, capfd):
    log = quiet_log(tmp_path / "log", 60, change=lambda one: one | {"source_width": 4000, "source_height": 3000})
    assert monitor(log, reference, tmp_path / "out") == 0
    assert "Note: served photos are larger than eval photos: 4000x3000 on average, eval" in capfd.readouterr().out


def test_a_few_photos_are_not_judged(reference, tmp_path, capfd):
    log = quiet_log(tmp_path / "log", 20, change=darker)
    assert monitor(log, reference, tmp_path / "out") == 0
    assert "Note: too few to judge: the window has 20 records, 30 are needed" in capfd.readouterr().out
    assert drift(tmp_path / "out")["slices"]["served"]["alarms"] is None


def test_only_the_window_is_read_and_records_of_other_times_are_counted(reference, tmp_path, capfd):
    log = quiet_log(tmp_path / "log")
    options = "--from=2026-11-29T10:30", "--to=2026-11-29T11:00Z"
    assert monitor(log, reference, tmp_path / "out", *options) == 0
    found = drift(tmp_path / "out")
    assert found["window"] == {"from": "2026-11-29T10:30Z", "to": "2026-11-29T11:00Z", "is_newest": False}
    assert found["records"]["files"] == 1
    assert 0 < found["records"]["judged"] < 100
    assert found["records"]["outside"] == found["records"]["read"] - found["records"]["judged"]
    outside = found["records"]["outside"]
    assert f"Note: left out, of another time than the window: {outside} records of its files" in capfd.readouterr().out


def test_damaged_and_foreign_files_and_records_are_named_and_the_others_are_judged(reference, tmp_path, capfd):
    wrong = [draw(np.random.default_rng(3)) | {"time": NOON - 1, "model": b"1700000000"} for _ in range(4)]
    wrong[1] |= {"source": b"somebody"}
    wrong[2] |= {"source": b"app", "brightness": 2.0}
    wrong[3] |= {"source": b"app", "brightness": b"dark"}
    log = write_log(tmp_path / "log", [*served(np.random.default_rng(1), 100), *wrong])
    damaged = log / records_path(NOON - HOUR, "0" * 12, 0)
    damaged.write_bytes((log / records_path(NOON - HOUR, "4f6c2f0d9b1e", 2)).read_bytes()[:1000])
    (log / "records/notes.txt").write_text("foreign")
    assert monitor(log, reference, tmp_path / "out") == 0
    records = drift(tmp_path / "out")["records"]
    assert records["unusable"] == 4
    assert records["judged"] == 100
    assert records["problems"] == 5
    printed = capfd.readouterr().out
    assert "0.tfrecord: record 3 at byte" in printed or "0.tfrecord: record 2 at byte" in printed
    assert "left out, not of a log: 1 file, as records/notes.txt" in printed


def test_records_of_other_models_are_left_out_and_a_reference_of_another_model_is_refused(reference, tmp_path, capfd):
    def some_by_another(record):
        return record | {"model": b"1600000000"} if record["time"] % 10 == 0 else record

    log = quiet_log(tmp_path / "log", change=some_by_another)
    assert monitor(log, reference, tmp_path / "out") == 0
    assert "left out, of other models: " in capfd.readouterr().out
    other = quiet_log(tmp_path / "other", change=lambda record: record | {"model": b"1800000000"})
    with pytest.raises(UserError, match=r"is of model 1700000000 \(.*\), but most records .* are of 1800000000"):
        monitor(other, reference, tmp_path / "out")


def test_a_reference_that_each_release_adds_to_is_that_of_the_newest_model(tmp_path, capfd):
    older = (one | {"model": b"1600000000", "time": one["time"] - 48 * HOUR} for one in _splits(0))
    reference = write_log(write_log(tmp_path / "reference", older), _splits(1), writer="0" * 12)
    assert monitor(quiet_log(tmp_path / "log", 60), reference, tmp_path / "out") == 0
    assert drift(tmp_path / "out")["reference"]["judged"] == 40
    assert "left out, of other models in the reference: 80 records of 1600000000" in capfd.readouterr().out


def _splits(seed):
    return answered_splits(np.random.default_rng(seed), train=40, evaluation=40)


def test_a_log_without_hashes_or_confidence_is_judged_by_the_rest(reference, tmp_path, capfd):
    names = "feature_hash", "photo_hash", "mean_confidence", "mean_entropy", "uncertain_share"
    log = quiet_log(tmp_path / "log", 60, change=lambda one: without(one, *names))
    assert monitor(log, reference, tmp_path / "out") == 0
    assert drift(tmp_path / "out")["slices"]["served"]["novel"] is None
    assert "Not measured" in (tmp_path / "out/monitor.html").read_text()


def test_nothing_served_is_said_and_fails(reference, tmp_path, capfd):
    log = quiet_log(tmp_path / "log", 60)
    for options in ("--from=2026-12-24T00", "--to=2026-12-25T00"), ("--to=2026-11-01T00",):
        assert monitor(log, reference, tmp_path / "out", *options) == 1
        assert "nothing was served from" in capfd.readouterr().err
    (tmp_path / "empty").mkdir()
    assert monitor(tmp_path / "empty", reference, tmp_path / "out") == 1


@pytest.mark.proof
def test_the_same_log_gives_the_same_files_with_workers_and_in_a_bucket(reference, bucket, storage, tmp_path):
    log = quiet_log(tmp_path / "log", 200, change=only_shop_1(darker))
    assert monitor(log, reference, tmp_path / "one") == 1
    workers = "--direct_running_mode=multi_processing", "--direct_num_workers=2"
    assert monitor(log, reference, tmp_path / "two", *workers) == 1
    for name in ("drift.json", "monitor.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    storage.put_folder(log, f"{bucket}/log")
    storage.put_folder(reference, f"{bucket}/reference")
    assert monitor(f"{bucket}/log", f"{bucket}/reference", f"{bucket}/out") == 1
    theirs = json.loads(storage.get(f"{bucket}/out/drift.json"))
    assert theirs["alarms"] == drift(tmp_path / "one")["alarms"]
    assert theirs["slices"] == drift(tmp_path / "one")["slices"]


def test_the_transform_gives_the_outcome_and_counts_and_logs_for_google_cloud(reference, tmp_path, caplog):
    log = quiet_log(tmp_path / "log", 60, change=darker)
    pipeline = beam.Pipeline(runner="FnApiRunner")
    outcome = pipeline | Monitor(str(log), str(reference), f"{tmp_path}/out")
    assert_that(outcome | beam.Map(lambda one: [alarm["kind"] for alarm in one["alarms"]]), equal_to([["light"]]))
    with caplog.at_level(logging.WARNING, "drift"):
        result = pipeline.run()
        result.wait_until_finish()
    lines = [one.getMessage() for one in caplog.records if one.name == "drift"]
    assert lines[0].startswith("drift: served photos are darker")
    counters = result.metrics().query(MetricsFilter().with_namespace("monitor"))["counters"]
    found = {one.key.metric.name: one.committed for one in counters}
    assert (found["records"], found["alarms"]) == (60, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"log": "nowhere"}, "--log .*nowhere: no such folder"),
        ({"reference": "empty"}, "--reference .*empty: holds no records; python -m beam_jobs.predict"),
        ({"reference": "log"}, "--reference .*log: is the log itself"),
        ({"output": "log/out"}, "--output .*log/out: lies in --log"),
        ({"output": "own"}, "--output .*own: holds files, and nothing says that beam_jobs.monitor made it"),
        ({"more": "--from=yesterday"}, "--from=yesterday: not a time; write it as 2026-11-29T00"),
        ({"more": "--select=-1"}, "--select=-1: must be from 0 to 1,000"),
    ],
)
def test_what_cannot_be_used_is_named(reference, tmp_path, options, message):
    quiet_log(tmp_path / "log", 2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "own/drift.json").write_text("somebody's")
    log, output = (tmp_path / options.get(name, name) for name in ("log", "output"))
    kept = tmp_path / options["reference"] if "reference" in options else reference
    with pytest.raises(UserError, match=message):
        monitor(log, kept, output, *([options["more"]] if "more" in options else []))


def test_a_log_of_what_was_served_is_no_reference(reference, tmp_path):
    log = quiet_log(tmp_path / "log", 2)
    other = quiet_log(tmp_path / "other", 2)
    with pytest.raises(UserError, match=r"was written by '(app|endpoint)', of client 'shop_.'"):
        monitor(log, other, tmp_path / "out")
