"""Decides whether a new version starts a run by itself, by the rules of `cloud.retraining`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from beam_jobs.served.window import parse_time
from beam_jobs.storage.files import read_file
from beam_jobs.storage.versions import published_versions, read_manifest
from schemas.documents import MAX_JSON_BYTES, parse_json_object
from schemas.errors import UserError
from schemas.manifest import Manifest
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.jobs import last_run
from tfx_pipeline.vertex.lineage import DIGEST_LENGTH

_DIGITS = 16  # 64 bits of the manifest's digest


def job_id_of(config: CloudPipelineConfig, manifest: Manifest) -> str:
    """The run's id, the same for the same pipeline and content, so that Vertex AI refuses a second one."""
    return f"{config.name}-{manifest.sha256[:_DIGITS]}"


def reason_to_wait(config: CloudPipelineConfig, manifest: Manifest, now: datetime) -> str | None:
    """Says why no run may start by itself for a version; None where one may.

    Args:
      config: With `data` as the version; Google's client is set up for it.
      manifest: Of the version.
      now: With a time zone.

    Raises:
      UserError: A file that the rules name can't be used.
      OSError: It can't be read now.
    """
    rules = config.cloud.retraining
    if rules is None:
        return None
    last, job_id = last_run(config), job_id_of(config, manifest)
    if last is not None and last.name == job_id:
        return None  # it has been started; starting it again changes nothing
    started = last.create_time if last is not None else None
    if started is not None and (end := started + timedelta(hours=rules.cool_down_hours)) > now:
        return f"the last run started at {_said(started)}; the next one may start at {_said(end)}"
    if last is not None and rules.min_new_records:
        more = manifest.published - _records_of(config, dict(last.gca_resource.labels).get("manifest_sha256", ""))
        if more < rules.min_new_records:
            return f"{more} records more than the last run had, but {rules.min_new_records} are needed"
    if rules.drift and (problem := _no_drift(rules.drift, started)):
        return problem
    if rules.approval:
        command = f"python -m tfx_pipeline.vertex run --config=FILE --data={config.data} --job_id={job_id}"
        return f"a person must approve it, by starting it: {command}"
    return None


def _records_of(config: CloudPipelineConfig, digest: str) -> int:
    """How many records the version has whose manifest has this digest; 0 where it is no longer there."""
    for folder in published_versions(config.data.rstrip("/").rpartition("/")[0]):
        try:
            manifest = read_manifest(folder)
        except UserError:
            continue  # of another format; it was not what ran last
        if digest and manifest.sha256[:DIGEST_LENGTH] == digest:
            return manifest.published
    return 0


def _no_drift(uri: str, started: datetime | None) -> str | None:
    """Why a report of the monitor asks for no training; None where it does."""
    try:
        report = parse_json_object(read_file(uri, MAX_JSON_BYTES), uri)
    except FileNotFoundError:
        return f"{uri}: the monitor has not reported yet"
    if not _field(report, "alarms", list, uri):
        return f"{uri}: the monitor reports no drift"
    # Logs are files of an hour, and a window ends with its last file: the hour may go on after the report was written.
    last_hour = _time(_field(_field(report, "window", dict, uri), "to", str, uri), uri) - timedelta(hours=1)
    if started is not None and last_hour < started:
        return f"{uri}: the last hour of its window began at {_said(last_hour)}, before the last run started"
    return None


def _field(values: dict[str, Any], name: str, kind: type, uri: str) -> Any:
    if not isinstance(values.get(name), kind):
        raise UserError(f"{uri}: has no {name}; name the drift.json of beam_jobs.monitor")
    return values[name]


def _time(text: str, uri: str) -> datetime:
    return datetime.fromtimestamp(parse_time(f"{uri}: window.to", text) / 1000, timezone.utc)


def _said(time: datetime) -> str:
    return f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
