"""Runs all checks and prints their findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from beam_jobs.dataflow.submission import check_credentials
from schemas.errors import UserError
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.deep import check_devices, check_endpoint, check_leftovers
from tfx_pipeline.vertex.doctor.findings import FAIL, OK, SKIP, Finding
from tfx_pipeline.vertex.doctor.google import Google, Refused
from tfx_pipeline.vertex.doctor.permissions import check_permissions
from tfx_pipeline.vertex.doctor.photos import check_dataflow
from tfx_pipeline.vertex.doctor.places import (
    check_bucket,
    check_image,
    check_secret,
    check_services,
    check_serving_image,
    check_subnetwork,
    check_topic,
)
from tfx_pipeline.vertex.doctor.quota import check_quota
from tfx_pipeline.vertex.doctor.tracking import check_tensorboard

Check = Callable[[CloudPipelineConfig, Google], Iterator[Finding]]
HEALTHY, UNWELL = 0, 1


def check_data(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks the data as a run with this configuration would."""
    from tfx_pipeline.vertex.compile import read_version

    try:
        manifest = read_version(config).manifest
    except UserError as error:
        yield Finding(FAIL, f"data {config.data}", "; ".join(str(error).splitlines()))
    else:
        yield Finding(OK, f"data {config.data}", f"{manifest.dataset} {manifest.version}")


CHECKS: tuple[tuple[str, Check], ...] = (
    ("services", check_services),
    ("permissions", check_permissions),
    ("bucket", check_bucket),
    ("data", check_data),
    ("image", check_image),
    ("serving image", check_serving_image),
    ("subnetwork", check_subnetwork),
    ("quota", check_quota),
    ("secret", check_secret),
    ("TensorBoard", check_tensorboard),
    ("topic", check_topic),
)

DEEP_CHECKS: tuple[tuple[str, Check], ...] = (
    ("left by a deep check that was killed", check_leftovers),
    ("CustomJob", check_devices),
    ("job on Dataflow", check_dataflow),
    ("endpoint", check_endpoint),
)


def examine(config: CloudPipelineConfig, checks: tuple[tuple[str, Check], ...] = CHECKS) -> int:
    """Prints each finding at once; returns HEALTHY, or UNWELL if something must be fixed before a run."""
    check_credentials()
    google = Google()
    counts: Counter[str] = Counter()
    for name, check in checks:
        try:
            for finding in check(config, google):
                counts[finding.state] += 1
                print(finding.line(), flush=True)
        except Refused as refused:
            counts[FAIL] += 1
            print(Finding(FAIL, name, f"Google refuses the check: {refused}").line(), flush=True)
    print(f"{counts[OK]} ok, {counts[FAIL]} to fix" + (f", {counts[SKIP]} not known" if counts[SKIP] else ""))
    return UNWELL if counts[FAIL] else HEALTHY
