"""Checks that the quota is enough for the configured machines. Current usage is known only for Dataflow."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from beam_jobs.google_cloud.machine_shape import machine_shape
from tfx_pipeline.config.cloud import CloudConfig, EvaluationWorkers
from tfx_pipeline.config.machines import Machine
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.findings import FAIL, OK, SKIP, Finding
from tfx_pipeline.vertex.doctor.google import Google, Refused

UNLIMITED = -1
QUOTA_PAGE = "https://console.cloud.google.com/iam-admin/quotas"
# Accelerators whose name in Vertex AI's quota does not follow from their type; see GOOGLE.md.
_SHORTER = {
    "nvidia_h100_80gb": "nvidia_h100",
    "nvidia_h100_mega_80gb": "nvidia_h100_mega",
    "nvidia_h200_141gb": "nvidia_h200",
}


def check_quota(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """One finding for each quota that training, serving, and Dataflow's workers use."""
    cloud = config.cloud
    if (job := cloud.training) is not None:
        kind = "custom_model_training_preemptible" if job.spot else "custom_model_training"
        yield from _of_vertex(config, "training", kind, job, job.replicas, google)
    if (serving := cloud.serving) is not None:
        yield from _of_vertex(config, "serving", "custom_model_serving", serving, serving.max_replicas, google)
    if cloud.evaluation is not None:
        yield _of_dataflow(cloud, cloud.evaluation, google)


def quota_metrics(kind: str, machine: Machine) -> dict[str, int]:
    """Vertex AI's names for the quotas that a machine uses, and how much of each: processors, and accelerators."""
    family = machine.machine_type.partition("-")[0]
    infix = "" if family in ("n1", "e2") else f"_{family}"
    metrics = {f"aiplatform.googleapis.com/{kind}{infix}_cpus": machine_shape(machine.machine_type).vcpus}
    if machine.accelerator_type:
        name = machine.accelerator_type.lower().replace("nvidia_tesla_", "nvidia_")
        metrics[f"aiplatform.googleapis.com/{kind}_{_SHORTER.get(name, name)}_gpus"] = machine.accelerator_count
    return metrics


def _of_vertex(
    config: CloudPipelineConfig, what: str, kind: str, machine: Machine, machines: int, google: Google
) -> Iterator[Finding]:
    for metric, each in quota_metrics(kind, machine).items():
        yield _of_metric(config, what, metric, each * machines, google)


def _of_metric(config: CloudPipelineConfig, what: str, metric: str, needed: int, google: Google) -> Finding:
    project, region = config.cloud.project, config.cloud.region
    subject, short = f"quota for {what}", metric.partition("/")[2]
    service = f"projects/{project}/services/aiplatform.googleapis.com"
    try:
        answer = google.get(
            f"https://serviceusage.googleapis.com/v1beta1/{service}/consumerQuotaMetrics/{quote(metric, safe='')}"
        )
    except Refused as refused:
        return Finding(SKIP, subject, f"could not check {short} ({refused}); see {QUOTA_PAGE}?project={project}")
    limit = _limit(answer, region)
    if limit is None:
        return Finding(SKIP, subject, f"could not check {short}, it shows no limit for {region}; see {QUOTA_PAGE}")
    if limit in (UNLIMITED,) or limit >= needed:
        amount = "unlimited" if limit == UNLIMITED else f"{limit}"
        return Finding(OK, subject, f"{needed} of {amount} {short} in {region}, if nothing else uses them")
    return Finding(
        FAIL,
        subject,
        f"{needed} {short} needed in {region}, {limit} allowed; request more: {QUOTA_PAGE}?project={project}",
    )


def _limit(answer: dict, region: str) -> int | None:
    """The limit in a region: the smallest of its own, or of those for regions without one."""
    limits = []
    for one in answer.get("consumerQuotaLimits", []):
        buckets = one.get("quotaBuckets", [])
        own = [bucket for bucket in buckets if bucket.get("dimensions", {}).get("region") == region]
        general = [bucket for bucket in buckets if not bucket.get("dimensions")]
        limits += [int(bucket.get("effectiveLimit", 0)) for bucket in (own or general)]
    known = [one for one in limits if one != UNLIMITED]
    return min(known) if known else UNLIMITED if limits else None


def _of_dataflow(cloud: CloudConfig, workers: EvaluationWorkers, google: Google) -> Finding:
    """Compute Engine's CPUs: the limit minus those in use."""
    subject, needed = "quota for Dataflow", workers.max_num_workers * machine_shape(workers.worker_machine_type).vcpus
    try:
        answer = google.get(
            f"https://compute.googleapis.com/compute/v1/projects/{cloud.project}/regions/{cloud.region}"
        )
    except Refused as refused:
        return Finding(SKIP, subject, f"{refused}; get roles/compute.networkViewer")
    free = next((int(one["limit"] - one["usage"]) for one in answer.get("quotas", []) if one["metric"] == "CPUS"), 0)
    if free >= needed:
        return Finding(OK, subject, f"{needed} of {free} free CPUS in {cloud.region}")
    return Finding(
        FAIL,
        subject,
        f"{needed} CPUS needed in {cloud.region}, {free} free; lower cloud.evaluation.max_num_workers, or request more:"
        f" {QUOTA_PAGE}?project={cloud.project}",
    )
