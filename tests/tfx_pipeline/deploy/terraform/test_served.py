"""The Terraform of what watches what is served: a topic for the stream, and the batch monitor by the clock."""

import re

import hcl2
import pytest
import yaml

from beam_jobs.monitor.command_line import add_arguments
from beam_jobs.monitor.stream.request import SUBSCRIPTION
from beam_jobs.monitor.terminal import count_line
from schemas.served import TOPIC
from tests.tfx_pipeline.deploy.terraform.test_identity import FOLDER, blocks_of_resources, plain


@pytest.fixture(scope="module")
def grants():
    return [
        (one["account"], one["role"], one["place"])
        for one in yaml.safe_load((FOLDER / "grants.yaml").read_text())["grants"]
    ]


@pytest.fixture(scope="module")
def job():
    """The task of the monitor by the clock."""
    for one in plain(hcl2.loads((FOLDER / "served.tf").read_text()))["resource"]:
        if found := one.get("google_cloud_run_v2_job"):
            return found["monitor"]["template"][0]["template"][0]
    raise AssertionError("no job")


def test_the_served_model_may_publish_to_the_topic_and_the_worker_may_read_the_subscription_and_nobody_else(grants):
    publishers = [one for one in grants if one[1] == "roles/pubsub.publisher"]
    subscribers = [one for one in grants if one[1] == "roles/pubsub.subscriber"]
    assert publishers == [("endpoint", "roles/pubsub.publisher", "topic")]
    assert subscribers == [("dataflow-worker", "roles/pubsub.subscriber", "subscription")]


def test_there_is_neither_stream_nor_monitor_unless_a_variable_asks_for_it():
    variables = {}
    for one in plain(hcl2.loads((FOLDER / "variables.tf").read_text()))["variable"]:
        variables |= one
    assert variables["served_stream"]["default"] is False
    assert variables["monitor_image"]["default"] in (None, "null")
    blocks = blocks_of_resources()
    text = (FOLDER / "served.tf").read_text()
    ours = {f"{kind}.{name}" for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)}
    assert len(ours) == 5
    for name in ours:
        assert re.search(r"count = var\.(served_stream \? 1 : 0|monitor_image == null \? 0 : 1)", blocks[name]), name


def test_records_stay_in_the_region_and_wait_for_a_week_where_no_job_reads_them():
    blocks = blocks_of_resources()
    assert "allowed_persistence_regions = [var.region]" in blocks["google_pubsub_topic.served"]
    subscription = blocks["google_pubsub_subscription.served"]
    assert 'message_retention_duration = "604800s"' in subscription
    assert 'ttl = ""' in subscription
    assert "dead_letter_policy" not in subscription  # Dataflow does not support them
    assert "google_pubsub_subscription.served[0].name" in blocks["google_monitoring_alert_policy.unwatched"]


def test_the_names_are_such_as_the_commands_take():
    for kind, pattern in (("topic", TOPIC), ("subscription", SUBSCRIPTION)):
        [name] = re.findall(r' name += "(.*)"', blocks_of_resources()[f"google_pubsub_{kind}.served"])
        assert pattern.fullmatch(f"projects/my-project-1/{kind}s/{name}")


def test_the_monitor_by_the_clock_is_a_command_that_exists(job):
    from beam_jobs.console import CommandLine

    container = job["containers"][0]
    assert container["command"] == ["python", "-m", "beam_jobs.monitor"]
    parser = CommandLine(prog="monitor")
    add_arguments(parser, may_answer=True)
    options = parser.parse_args(container["args"])
    assert all(place.startswith("gs://") for place in (options.log, options.reference, options.output))
    assert job["max_retries"] == 0  # alarms are exit code 1


def test_the_clock_starts_the_job_as_an_account_that_may(grants):
    schedule = blocks_of_resources()["google_cloud_scheduler_job.monitor"]
    assert "https://run.googleapis.com/v2/${google_cloud_run_v2_job.monitor[0].id}:run" in schedule
    assert 'google_service_account.this["monitor"].email' in schedule
    assert ("monitor", "roles/run.invoker", "job") in grants


def test_the_mail_comes_with_alarms_and_failures_and_not_without():
    [values] = plain(hcl2.loads((FOLDER / "monitoring.tf").read_text()))["locals"]
    [pattern] = re.findall(r'textPayload =~ \\"(.*)\\', values["logged"]["monitor"]["filter"])
    lines = [
        count_line(1),
        count_line(12),
        "error: gs://bucket/served: nothing was served",
        count_line(0),
        "  light: ...",
    ]
    assert [bool(re.search(pattern, line)) for line in lines] == [True, True, True, False, False]
