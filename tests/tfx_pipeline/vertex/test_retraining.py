"""When a new version starts a run by itself, decided against Google's client and a loopback server."""

import json
import shutil
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
import yaml

from beam_jobs.served.window import in_iso
from beam_jobs.storage.versions import read_manifest as stored_manifest
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.served import HOUR
from schemas.version_files import MANIFEST_FILE
from tests.beam_jobs.monitor.served_logs import NOON, make_reference, monitor, quiet_log
from tests.tfx_pipeline.conftest import REHEARSAL_CONFIG
from tfx_pipeline.config.pipeline import load_cloud_config
from tfx_pipeline.deploy.trigger.submission import submit_version
from tfx_pipeline.vertex import jobs
from tfx_pipeline.vertex.rehearsal.access import TRIGGER
from tfx_pipeline.vertex.retraining import job_id_of, reason_to_wait

ACCOUNT = TRIGGER
DRIFT = "gs://rehearsal-bucket/monitor/drift.json"
ROOT = "gs://rehearsal-bucket/data/pets"


@pytest.fixture
def publish(stage, toy_version):
    """Puts versions into the bucket; the first one was trained on just now."""

    def put(version):
        place = stage.buckets.of_uri(f"{ROOT}/{version}")
        shutil.copytree(toy_version, place)
        manifest = json.loads((place / MANIFEST_FILE).read_text()) | {"version": version}
        (place / MANIFEST_FILE).write_text(json.dumps(manifest))
        return read_manifest(place)

    def clear():
        for folder in (ROOT, "gs://rehearsal-bucket/monitor"):
            shutil.rmtree(stage.buckets.of_uri(folder), ignore_errors=True)
        stage.service.pipeline_jobs.clear()

    clear()
    yield put
    clear()


@pytest.fixture
def configured(tmp_path):
    """Writes the rehearsal's configuration with rules for retraining."""

    def write(**rules):
        values = yaml.safe_load(REHEARSAL_CONFIG.read_text())
        values["cloud"]["retraining"] = rules
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


def report(stage, alarms, end):
    """Puts a report of the monitor into the bucket."""
    path = stage.buckets.of_uri(DRIFT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"alarms": alarms, "window": {"to": in_iso(round(end.timestamp() * 1000))}}))


def waits(config_file, version, hours=0.0):
    """Why a version waits some hours from now; None if it does not."""
    config = load_cloud_config(config_file, f"{ROOT}/{version}")
    with jobs.vertex_ai(config):
        now = datetime.now(timezone.utc) + timedelta(hours=hours)
        return reason_to_wait(config, stored_manifest(f"{ROOT}/{version}"), now)


def test_without_rules_and_without_an_earlier_run_nothing_waits(stage, publish, configured):
    publish("1.0.0")
    assert waits(REHEARSAL_CONFIG, "1.0.0") is None
    assert waits(configured(min_new_records=50, cool_down_hours=24), "1.0.0") is None


def test_the_trigger_starts_one_run_and_the_next_version_waits_for_the_end_of_the_cool_down(stage, publish, configured):
    publish("1.0.0")
    rules = configured(cool_down_hours=24)
    first = submit_version(rules, f"{ROOT}/1.0.0")
    assert (first.made, first.waits) == (True, "")
    again = submit_version(rules, f"{ROOT}/1.0.0")
    assert (again.made, again.waits) == (False, "")  # the same event again
    publish("1.1.0")
    later = submit_version(rules, f"{ROOT}/1.1.0")
    assert "the next one may start at" in later.waits
    assert len(stage.service.pipeline_jobs) == 1
    assert waits(rules, "1.1.0", hours=25) is None


def test_a_version_with_few_new_records_waits(stage, publish, configured):
    publish("1.0.0")
    rules = configured(min_new_records=5)
    submit_version(rules, f"{ROOT}/1.0.0")
    publish("1.1.0")
    assert waits(rules, "1.1.0") == "0 records more than the last run had, but 5 are needed"
    assert waits(configured(min_new_records=0), "1.1.0") is None


def test_a_run_waits_for_drift_that_was_seen_after_the_last_one(stage, publish, configured):
    publish("1.0.0")
    rules = configured(drift=DRIFT)
    assert "has not reported yet" in waits(rules, "1.0.0")
    now = datetime.now(timezone.utc)
    report(stage, [], now)
    assert "reports no drift" in waits(rules, "1.0.0")
    report(stage, [{"kind": "light"}], now - timedelta(hours=1))
    assert submit_version(rules, f"{ROOT}/1.0.0").made
    publish("1.1.0")
    assert "before the last run started" in waits(rules, "1.1.0")
    in_this_hour = now + timedelta(minutes=59)  # such as a report from before the run
    report(stage, [{"kind": "light"}], in_this_hour)
    assert "before the last run started" in waits(rules, "1.1.0")
    report(stage, [{"kind": "light"}], now + timedelta(hours=2))
    assert waits(rules, "1.1.0") is None


@pytest.mark.proof
def test_dark_photos_that_the_monitor_sees_let_the_trigger_start_a_run_and_the_next_one_waits_for_new_ones(
    stage, publish, configured, tmp_path
):
    publish("1.0.0")
    rules, output = configured(drift=DRIFT), stage.buckets.of_uri(DRIFT).parent
    reference = make_reference(tmp_path / "reference")

    def darker(record, days=0):
        return record | {"brightness": record["brightness"] * 0.5, "time": record["time"] + days * 24 * HOUR}

    assert monitor(quiet_log(tmp_path / "quiet", 60), reference, output) == 0
    assert "reports no drift" in submit_version(rules, f"{ROOT}/1.0.0").waits
    assert monitor(quiet_log(tmp_path / "dark", 60, change=darker), reference, output) == 1
    assert submit_version(rules, f"{ROOT}/1.0.0").made
    publish("1.1.0")
    assert "before the last run started" in submit_version(rules, f"{ROOT}/1.1.0").waits
    # Two days on, for the last hour of a log that ends at noon tomorrow may have begun before this one.
    days = (datetime.now(timezone.utc) - datetime.fromtimestamp(NOON / 1000, timezone.utc)).days + 2
    assert monitor(quiet_log(tmp_path / "later", 60, change=partial(darker, days=days)), reference, output) == 1
    assert submit_version(rules, f"{ROOT}/1.1.0").made


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", "{}", '{"alarms": [1]}', '{"alarms": [1], "window": {"to": "soon"}}']
)
def test_a_file_that_is_no_report_is_refused(stage, publish, configured, text):
    publish("1.0.0")
    path = stage.buckets.of_uri(DRIFT)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(UserError, match=r"drift\.json"):
        waits(configured(drift=DRIFT), "1.0.0")


def test_a_person_who_must_approve_is_told_the_command_and_their_run_is_not_started_twice(stage, publish, configured):
    manifest = publish("1.0.0")
    rules = configured(approval=True)
    config = load_cloud_config(rules, f"{ROOT}/1.0.0")
    said = submit_version(rules, f"{ROOT}/1.0.0").waits
    assert said.endswith(f"run --config=FILE --data={ROOT}/1.0.0 --job_id={job_id_of(config, manifest)}")
    assert stage.service.pipeline_jobs == {}
