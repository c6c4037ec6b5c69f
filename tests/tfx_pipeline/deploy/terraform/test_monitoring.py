"""Alerts and dashboard: what a team must know has an alert, which reaches a person and says what to do."""

import json
import re

import hcl2
import pytest

from beam_jobs.monitor.summary import DRIFT_LINE
from tests.tfx_pipeline.deploy.terraform.test_identity import FOLDER, blocks_of_resources, plain

TEXT = (FOLDER / "monitoring.tf").read_text()


@pytest.fixture(scope="module")
def local_values():
    [values] = plain(hcl2.loads(TEXT))["locals"]
    return values


@pytest.mark.parametrize(
    ("key", "metric"),
    [
        ("dataflow_failed", "dataflow.googleapis.com/job/is_failed"),
        ("dataflow_slow", "dataflow.googleapis.com/job/elapsed_time"),
        ("endpoint_errors", "aiplatform.googleapis.com/prediction/online/error_count"),
        ("endpoint_slow", "aiplatform.googleapis.com/prediction/online/prediction_latencies"),
        ("pipeline_slow", "aiplatform.googleapis.com/pipelinejob/duration"),
    ],
)
def test_jobs_pipelines_and_endpoint_are_watched(local_values, key, metric):
    watched = local_values["watched"][key]
    assert watched["metric"] == metric
    assert watched["text"]


def test_a_failed_pipeline_and_a_failed_training_are_reported(local_values):
    assert "PIPELINE_STATE_FAILED" in local_values["logged"]["pipeline_failed"]["filter"]
    assert "ml_job" in local_values["logged"]["training_failed"]["filter"]


def test_the_line_that_the_monitor_logs_of_drift_is_reported(local_values):
    assert f'jsonPayload.message : \\"{DRIFT_LINE}' in local_values["logged"]["drift"]["filter"]


def test_every_alert_reaches_the_mail_and_says_what_to_do():
    policies = {
        name: body for name, body in blocks_of_resources().items() if name.startswith("google_monitoring_alert_policy.")
    }
    assert policies.keys() >= {f"google_monitoring_alert_policy.{one}" for one in ("watched", "logged")}
    for name, body in policies.items():
        assert "notification_channels = google_monitoring_notification_channel.mail[*].id" in body, name
        assert re.search(r"documentation \{\s+content += ", body), name


def test_a_budget_reports_before_it_is_spent():
    budget = blocks_of_resources()["google_billing_budget.month"]
    assert "for_each = [0.5, 0.9, 1.0]" in budget
    assert "data.google_project.this.number" in budget


def test_a_budget_can_be_made_with_a_persons_own_credentials():
    """The Budget API refuses them unless a project is named that the call is billed to."""
    assert "provider = google.billing" in blocks_of_resources()["google_billing_budget.month"]
    [billing] = [one for one in providers() if one.get("alias") == "billing"]
    assert billing["user_project_override"] is True
    assert billing["billing_project"] == "${var.project}"


def providers() -> list[dict]:
    return [one["google"] for one in plain(hcl2.loads((FOLDER / "versions.tf").read_text()))["provider"]]


def test_the_dashboard_shows_what_is_watched(local_values):
    dashboard = (FOLDER / "dashboard.json").read_text()
    assert json.loads(dashboard)["gridLayout"]["widgets"]
    for one in local_values["watched"].values():
        assert one["metric"] in dashboard
    assert "${" not in dashboard  # it is read as it is
