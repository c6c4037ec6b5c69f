"""Command line of the pipeline on Vertex AI: `python -m tfx_pipeline.vertex COMMAND --config=FILE`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from beam_jobs.console import CommandLine, Terminated, exit_code, quiet_libraries, show_lines_at_once, stderr_in_file
from beam_jobs.storage.local_paths import local_path
from schemas.errors import UserError
from tfx_pipeline.config.pipeline import CloudPipelineConfig, load_cloud_config

EXIT_PUSHED, EXIT_FAILED, EXIT_NOT_PUSHED, EXIT_CANCELLED = 0, 1, 3, 5  # 4 is the local runner's

EPILOG = f"""\
exit codes:
  {EXIT_PUSHED}  the model is blessed and pushed; with --no_wait, and for other commands: done
  {EXIT_FAILED}  the job, or a step of the rehearsal, failed; for doctor: something must be fixed before a run
  2  the configuration or the data can't be used, or Google refuses
  {EXIT_NOT_PUSHED}  the job succeeded, but the model is not good enough: not blessed, not pushed
  {EXIT_CANCELLED}  the job was cancelled
  130  Ctrl-C ended the waiting; the job continues"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    options = _parser().parse_args(arguments)
    show_lines_at_once()
    quiet_libraries(options.verbose)
    return options.command(options)


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tfx_pipeline.vertex",
        description="Compiles, rehearses and runs the pipeline on Vertex AI.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _command(commands, "compile", _compile, "write the job file; sends nothing").add_argument(
        "--job_file", type=Path, default=Path("runs/vertex/pipeline.json"), metavar="FILE", help="default %(default)s"
    )
    run = _command(commands, "run", _run, "compile, submit, and follow the job to its end")
    run.add_argument("--no_wait", action="store_true", help="end as soon as the job is submitted")
    run.add_argument("--job_id", help="a second job of the same id is refused (default: name and time)")
    doctor = _command(commands, "doctor", _doctor, "check the project on Google Cloud before a run costs money")
    doctor.add_argument(
        "--deep",
        action="store_true",
        help="also start the training machine for minutes, prepare two photos on Dataflow, and try the endpoint",
    )
    rehearse = _command(commands, "rehearse", _rehearse, "run the compiled job on this machine, for free")
    rehearse.add_argument(
        "--folder", type=Path, default=Path("runs/rehearsal"), metavar="DIR", help="default %(default)s"
    )
    rehearse.add_argument(
        "--sample", type=Path, metavar="DIR", help="a published version on this machine (default: drawn photos)"
    )
    rehearse.add_argument(
        "--as_configured", action="store_true", help="train and evaluate as configured (default: one epoch, no floors)"
    )
    endpoint = _command(commands, "endpoint", _endpoint, "show or change what the endpoint serves")
    endpoint.add_argument(
        "action",
        choices=("status", "promote", "rollback", "teardown"),
        help="promote gives the newest model all traffic (python -m beam_jobs.shadow first compares it with the served"
        " one), rollback the one before it; teardown removes the endpoint",
    )
    endpoint.add_argument("--yes", action="store_true", help="remove without confirmation")
    _command(commands, "list", _list, "list the pipeline's jobs and schedules")
    _command(commands, "watch", _watch, "follow a submitted job to its end").add_argument("job_id", metavar="JOB")
    _command(commands, "cancel", _cancel, "cancel a job").add_argument("job_id", metavar="JOB")
    _command(
        commands,
        "schedule",
        _schedule,
        "train regularly, each time on the newest published version",
    ).add_argument("--cron", required=True, help="such as 'TZ=Europe/Berlin 0 3 * * 1'")
    _command(commands, "unschedule", _unschedule, "end a schedule").add_argument("schedule_id", metavar="SCHEDULE")
    return parser


def _command(commands, name: str, function, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=function)
    given = os.environ.get("PIPELINE_CONFIG")
    parser.add_argument(
        "--config", type=Path, default=given, required=not given, metavar="FILE", help="YAML file (or PIPELINE_CONFIG)"
    )
    parser.add_argument(
        "--data",
        default=os.environ.get("PIPELINE_DATA"),
        metavar="gs://BUCKET/.../DATASET/VERSION",
        help="published version, instead of the configuration's (or PIPELINE_DATA)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="overrides a value of the file, such as cloud.project=my-project-1; can be repeated",
    )
    parser.add_argument("--verbose", action="store_true", help="show what the libraries log")
    return parser


def _load(options: argparse.Namespace) -> CloudPipelineConfig:
    return load_cloud_config(Path(options.config), options.data, settings=options.set)


def _compile(options: argparse.Namespace) -> int:
    path = local_path("--job_file", options.job_file)
    if path.is_dir():
        raise UserError(f"--job_file {options.job_file}: is a folder; name a file, such as {path / 'pipeline.json'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # before compiling, which takes seconds
    except OSError as error:
        raise UserError(f"--job_file {options.job_file}: can't be written ({error.strerror}); name another") from None
    _compile_to(_load(options), path, options.verbose)
    print(f"Wrote {options.job_file}")
    return 0


def _compile_to(config: CloudPipelineConfig, path: Path, verbose: bool) -> None:
    from tfx_pipeline.vertex.compile import compile_job, read_version

    version = read_version(config)
    manifest = version.manifest
    counts = ", ".join(f"{split.records} {name}" for name, split in manifest.splits.items())
    print(f"pipeline {config.name}: {manifest.dataset} {manifest.version} ({counts}), manifest {manifest.sha256[:12]}")
    with nullcontext() if verbose else stderr_in_file(Path(os.devnull)):  # TensorFlow's C++ code logs that it starts
        compile_job(config, version, path)


def _run(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex import jobs

    config = _load(options)
    with tempfile.TemporaryDirectory() as folder, jobs.vertex_ai(config):
        path = Path(folder) / "pipeline.json"
        _compile_to(config, path, options.verbose)
        job = jobs.load_job(config, path, options.job_id)
        jobs.submit(config, job)
        print(f"Job {job.job_id}: {jobs.console_link(config, job.job_id)}")
        if options.no_wait:
            return 0
        return _follow(options, config, job.job_id)


def _watch(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex import jobs

    config = _load(options)
    with jobs.vertex_ai(config):
        return _follow(options, config, options.job_id)


def _follow(options: argparse.Namespace, config: CloudPipelineConfig, job_id: str) -> int:
    from tfx_pipeline.vertex import jobs

    try:
        job = jobs.follow(job_id)
    except (KeyboardInterrupt, Terminated):
        command = f"python -m tfx_pipeline.vertex {{}} --config={options.config} {job_id}"
        print(f"Watch it: {command.format('watch')}\nCancel it: {command.format('cancel')}", file=sys.stderr)
        raise
    state = jobs.outcome(config, job)
    if state != jobs.SUCCEEDED:
        return EXIT_CANCELLED if state == jobs.CANCELLED else EXIT_FAILED
    place = jobs.pushed_to(job)
    print(f"blessed, pushed to {place}" if place else "not blessed, not pushed; see the Evaluator's metrics")
    return EXIT_PUSHED if place else EXIT_NOT_PUSHED


def _doctor(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex.doctor.report import CHECKS, DEEP_CHECKS, examine

    return examine(_load(options), CHECKS + (DEEP_CHECKS if options.deep else ()))


def _rehearse(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex.rehearsal.command import rehearse

    return rehearse(_load(options), options.folder, options.sample, options.as_configured)


def _endpoint(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex import endpoint, jobs

    config = _load(options)
    with jobs.vertex_ai(config):
        if options.action != "status":
            change = {"promote": endpoint.promote, "rollback": endpoint.rollback, "teardown": endpoint.teardown}
            if not change[options.action](config, endpoint.asking(options.yes)):
                print("nothing changed")
                return 0
        if options.action != "teardown":
            endpoint.status(config)
    return 0


def _list(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex import jobs

    config = _load(options)
    with jobs.vertex_ai(config):
        print("\n".join(jobs.list_jobs(config)) or f"no jobs of pipeline {config.name}")
    return 0


def _cancel(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex import jobs

    with jobs.vertex_ai(_load(options)):
        jobs.cancel(options.job_id)
    print(f"Asked to cancel {options.job_id}")
    return 0


def _schedule(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex import jobs
    from tfx_pipeline.vertex.schedule import write_schedule_job

    config = _load(options)
    with tempfile.TemporaryDirectory() as folder, jobs.vertex_ai(config):
        _compile_to(config, Path(folder) / "pipeline.json", options.verbose)  # errors show now, not at night
        path = Path(folder) / "schedule.json"
        write_schedule_job(config, path)
        print(f"Schedule {jobs.schedule(config, jobs.load_job(config, path), options.cron)}: {options.cron}")
    return 0


def _unschedule(options: argparse.Namespace) -> int:
    from tfx_pipeline.vertex import jobs

    with jobs.vertex_ai(_load(options)):
        jobs.delete_schedule(options.schedule_id)
    print(f"Ended schedule {options.schedule_id}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a submitted job continues"))
