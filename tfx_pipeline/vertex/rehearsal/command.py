"""The rehearsal: builds the image, submits the job, runs it step by step, tries the endpoint, and reports."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import yaml

from beam_jobs.storage.local_paths import local_path
from beam_jobs.storage.locations import refuse_wildcards
from beam_jobs.storage.ownership import claim_folder
from beam_jobs.storage.sole_use import sole_use
from schemas.errors import UserError
from schemas.version import verify_version
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.preflight import check_run
from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.container_image import build_image
from tfx_pipeline.vertex.rehearsal.execution import Step, StepFailed, job_root
from tfx_pipeline.vertex.rehearsal.sample import draw_version, first_photo
from tfx_pipeline.vertex.rehearsal.stage import Stage, raised_stage
from trainer.tuning import TuningConfig
from trainer.weights_file import DOWNLOADED

OWNER = "python -m tfx_pipeline.vertex rehearse"
REQUESTS_FILE = "requests.jsonl"
CONFIG_FILE = "config.yaml"
LOCK_FILE = ".lock"  # while a rehearsal writes there
HUB_FOLDER = "hub"
REHEARSED, FAILED = 0, 1
SUBMISSION, QUESTION = "submission", "ask the endpoint"

ROW = "{:<42}{:<11}{:>8}  {}"


def rehearse(config: CloudPipelineConfig, folder: Path, sample: Path | None, as_configured: bool) -> int:
    """Rehearses the pipeline; returns the exit code.

    Args:
      config: As `load_cloud_config` gives it.
      folder: For everything that the rehearsal writes; files of an earlier one are deleted, except drawn photos.
      sample: Published version to use instead of `config.data`; None for drawn photos.
      as_configured: Train and evaluate as configured, instead of one epoch without floors.

    Raises:
      UserError: The folder holds files that no rehearsal wrote, another one is running there, the sample can't be used,
        the image can't be built, or the training would download its weights.
    """
    source = config.training.weights_source
    if as_configured and (source in DOWNLOADED.get(config.training.model, ()) or "://" in source):
        raise UserError(
            f"training: the encoder's weights {source} are downloaded, but a rehearsal is offline; name a file of"
            " weights, or leave --as_configured out"
        )
    folder = local_path("--folder", folder)
    refuse_wildcards("--folder", str(folder))
    claim_folder("--folder", str(folder), OWNER)
    refusal = f"--folder {folder}: another rehearsal is running there; wait for its end, or choose another folder"
    with sole_use(str(folder / LOCK_FILE), refusal):
        return _rehearse(config, folder, sample, as_configured)


def _rehearse(config: CloudPipelineConfig, folder: Path, sample: Path | None, as_configured: bool) -> int:
    clean(folder)
    changed = offline(config, folder / HUB_FOLDER)
    if not as_configured:
        changed = shortened(changed)
    for line in differences(config, as_configured):
        print(line)
    start = time.monotonic()
    version_dir = (
        local_path("--sample", sample) if sample else draw_version(Path(config.data).parent.name, folder / "sample")
    )
    version = verify_version(version_dir)
    manifest = version.manifest
    check_run(changed.model_copy(update={"data": str(version_dir)}), version, on_vertex=True)
    # A version lies under its own name, so the rehearsed version replaces the configured one next to it.
    data = f"{config.data.rstrip('/').rpartition('/')[0]}/{manifest.version}"
    changed = changed.model_copy(update={"data": data})
    print(f"data: {manifest.dataset} {manifest.version}, {manifest.published} records, as {data}")
    buckets = Buckets(folder / "buckets")
    buckets.add_folder(version_dir, data)
    image = build_image(folder / "image")
    print(f"image: the project's wheel and the locked packages ({time.monotonic() - start:.0f} s with the data)")
    with raised_stage(changed, folder, image, buckets) as stage:
        try:
            steps = perform(stage, changed, folder, print_step)
        except StepFailed as failure:
            print(f"error: {failure}" + (f"\nits log: {failure.log}" if failure.log else ""), file=sys.stderr)
            return FAILED
        finally:
            write_requests(stage, folder / REQUESTS_FILE)
        print(f"\n{table(stage, steps)}\n")
        print(f"{time.monotonic() - start:.0f} s; requests: {folder / REQUESTS_FILE}; buckets: {buckets.root}")
        if stage.proxy.refused:
            hosts = ", ".join(sorted(set(stage.proxy.refused)))
            print(f"refused, because no server here stands in for them: {hosts}")
    return REHEARSED


def clean(folder: Path) -> None:
    """Deletes what an earlier rehearsal left in its folder, except drawn photos."""
    for name in ("buckets", "logs", "scratch", "answers", HUB_FOLDER, "metadata.json", REQUESTS_FILE):
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def offline(config: CloudPipelineConfig, hub_folder: Path) -> CloudPipelineConfig:
    """The configuration without Dataflow, and with a folder on this machine instead of the Hub."""
    hub = config.hub
    if hub is not None:
        space = hub.space and hub.space.model_copy(update={"examples": ()})  # photos in buckets that are not rehearsed
        hub = hub.model_copy(update={"dry_run": str(hub_folder), "space": space})
    return config.model_copy(update={"hub": hub, "cloud": config.cloud.model_copy(update={"evaluation": None})})


def shortened(config: CloudPipelineConfig) -> CloudPipelineConfig:
    """The configuration with as little training as possible, and no floors."""
    training = config.training.model_copy(update={"epochs": 1, "fine_tune_epochs": 0, "encoder_weights": "none"})
    evaluation = config.evaluation.model_copy(update={"min_mean_iou": 0.0, "min_iou": {}, "max_mean_iou_drop": 1.0})
    return config.model_copy(
        update={"training": training, "tuning": config.tuning and _shortened(config.tuning), "evaluation": evaluation}
    )


def _shortened(tuning: TuningConfig) -> TuningConfig:
    """Two trials of one epoch; a search of the second phase's learning rate applies to the first one instead."""
    search = {name.removeprefix("fine_tune_"): space for name, space in tuning.search.items()}
    return tuning.model_copy(update={"trials": 2, "epochs": 1, "fine_tune_epochs": 0, "search": search})


def differences(config: CloudPipelineConfig, as_configured: bool) -> list[str]:
    """How the rehearsal differs from a run on Google Cloud, one sentence each."""
    lines = [
        "Loopback servers stand in for Vertex AI and Cloud Storage, which is a folder; nothing leaves this machine."
    ]
    lines.append(
        "Accounts may do what tfx_pipeline/deploy/terraform/ grants them; your own have the roles of pipeline-runner."
    )
    if (job := config.cloud.training) and job.accelerator_type:
        lines.append(f"Training runs on this machine's CPU, without {job.accelerator_type}.")
    if config.cloud.evaluation is not None:
        lines.append("The Evaluator's Beam job runs in its step instead of on Dataflow.")
    if config.hub is not None:
        lines.append("HFPusher writes its repositories to a folder instead of the Hub, without the Space's examples.")
    if not as_configured and config.tuning is not None:
        lines.append("The search has two trials of one epoch.")
    if not as_configured:
        lines.append("One epoch, encoder from scratch, no floors (--as_configured uses the configuration's).")
    return lines


def perform(stage: Stage, config: CloudPipelineConfig, folder: Path, report: Callable[[Step], None]) -> list[Step]:
    """Submits the job from the image, runs what arrived, and tries the endpoint; StepFailed if any of it fails."""
    steps = [_submit(stage, config, folder)]
    report(steps[0])
    steps += stage.run_job(*stage.submitted_job(), report)
    if stage.service.endpoints:
        steps.append(_ask(stage, config, folder))
        report(steps[-1])
    return steps


def _submit(stage: Stage, config: CloudPipelineConfig, folder: Path) -> Step:
    """Compiles and submits from within the image, with the command that a user would give."""
    path = folder / CONFIG_FILE
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    return stage.run_command(SUBMISSION, "python", "-m", "tfx_pipeline.vertex", "run", f"--config={path}", "--no_wait")


def _ask(stage: Stage, config: CloudPipelineConfig, folder: Path) -> Step:
    """Sends a photo to the endpoint, with the command that a user would give."""
    stage.preload()
    photo = folder / "photo.jpg"
    photo.write_bytes(first_photo(stage.buckets.of_uri(config.data)))
    return stage.run_command(
        QUESTION,
        *("python", "-m", "tfx_pipeline.ask_endpoint", f"--config={folder / CONFIG_FILE}"),
        *(f"--output={folder / 'answers'}", str(photo)),
    )


def print_step(step: Step) -> None:
    """Prints a finished step."""
    print(f"{step.name}: {step.seconds:.1f} s" + (" (cache)" if step.kind == "cache" else ""))


def table(stage: Stage, steps: list[Step]) -> str:
    """A table of steps, seconds, artifacts and calls to Google; `...` stands for the job's own folder."""
    job, spec = stage.submitted_job()
    root = job_root(job, spec)
    lines = [ROW.format("step", "kind", "seconds", "artifacts; calls to Google")]
    for step in steps:
        details = [f"{key}: {one.uri.replace(root, '...')}" for key, group in step.outputs.items() for one in group]
        calls = Counter(call.method for call in stage.service.calls if call.step == step.name)
        if count := stage.storage_requests[step.name]:
            calls["Cloud Storage"] = count
        if calls:
            details.append(", ".join(name + (f" x{count}" if count > 1 else "") for name, count in calls.items()))
        lines.append(
            ROW.format(step.name, step.kind, f"{step.seconds:.1f}", details[0] if details else "nothing found")
        )
        lines += [ROW.format("", "", "", detail) for detail in details[1:]]
    return "\n".join(line.rstrip() for line in lines)


def write_requests(stage: Stage, path: Path) -> None:
    """Writes every request to Vertex AI, one JSON object per line; photos are abbreviated."""
    lines = [
        json.dumps({"step": call.step, "method": call.method, "request": _short(call.request)})
        for call in stage.service.calls
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _short(value):
    if isinstance(value, dict):
        return {key: "..." if key == "b64" else _short(one) for key, one in value.items()}
    return [_short(one) for one in value] if isinstance(value, list) else value
