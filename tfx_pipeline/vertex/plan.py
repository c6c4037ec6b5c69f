"""Command line that estimates, before anything is submitted, the hours and cost of a run on Vertex AI."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from pydantic import Field

from beam_jobs.console import CommandLine, exit_code, quiet_libraries
from beam_jobs.dataflow.estimate import ASSUMED, COUNTED, GIVEN, MEASURED, Range, duration
from beam_jobs.google_cloud.prices import PRICES_FILE, load_prices
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model
from schemas.image_size import ImageSize, scaled, sides
from tfx_pipeline.config.pipeline import CloudPipelineConfig, load_cloud_config
from tfx_pipeline.vertex.cost import STEP_MACHINE, Cost, Serving, Training, cost, speed
from trainer.config import TrainingConfig
from trainer.requirements import Surroundings, check_training

# 300 photos, 52 epochs, 14 minutes on two cores at 128 pixels, evaluation included: tests/bench/README.md, "Pets".
CORE_IMAGES_PER_SECOND, CORE_IMAGE_SIZE, CORE_ENCODER_SCALE = 9.3, 128, 2
SHORT_STEPS = 5  # ImportSchemaGen, LastBlessedModel, Evaluator, Pusher, HFPusher; importers start no machine
CALIBRATION_STEPS, WARM_UP_STEPS = 8, 2


class PlanOptions(FrozenModel):
    """Values that the user gives instead of having them read or measured."""

    train_records: int | None = Field(default=None, ge=1)
    eval_records: int | None = Field(default=None, ge=1)
    image_size: ImageSize | None = None
    images_per_second: float | None = Field(default=None, gt=0)


class Version(FrozenModel):
    """What the plan needs to know about a data set version, and where that comes from."""

    train_records: int
    eval_records: int
    image_size: ImageSize
    num_classes: int
    how: str


def main(arguments: list[str] | None = None) -> int:
    """Prints the plan; UserError if configuration, data or price table are unusable."""
    known = _parser().parse_args(arguments)
    quiet_libraries(known.verbose)
    names = PlanOptions.model_fields
    given = parse_model(PlanOptions, {n: v for n in names if (v := getattr(known, n)) is not None}, "options")
    config, prices = load_cloud_config(known.config, known.data), load_prices(known.prices)
    version = _version(config, given)
    training, rate, lines = _training(config, version, given, known.calibrate)
    serving = _serving(config)
    expected = cost(training, SHORT_STEPS, serving, prices, config.cloud.region, rate)
    _print_plan(config, version, lines, training, expected)
    for line in prices.notes(expected.used, datetime.date.today()):
        print(line)
    low, high = prices.region_factor(config.cloud.region)
    if high != 1:
        print(f"{config.cloud.region}: assumed to charge {low:g} to {high:g} times as much; edit {known.prices.name}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tfx_pipeline.vertex.plan",
        description="Estimates time and cost of a run of the pipeline on Vertex AI. Submits nothing.",
        epilog="exit codes: 0 estimated, 2 unusable configuration, data or price table",
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the pipeline's YAML file")
    parser.add_argument("--data", help="published version, instead of the configuration's; its manifest is read")
    parser.add_argument("--train_records", help="with --eval_records and --image_size, instead of reading a manifest")
    parser.add_argument("--eval_records", help="see --train_records")
    parser.add_argument("--image_size", help="see --train_records; pixels of a side, or WIDTHxHEIGHT")
    parser.add_argument("--images_per_second", help="of the whole training machine, if you have measured it")
    parser.add_argument("--calibrate", action="store_true", help="measure some training steps here (about a minute)")
    parser.add_argument("--prices", type=Path, default=PRICES_FILE, help="price table (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="show what the libraries log")
    return parser


def _version(config: CloudPipelineConfig, given: PlanOptions) -> Version:
    """Takes the version from the options, or from the manifest in the bucket."""
    numbers = train_records, eval_records, image_size = given.train_records, given.eval_records, given.image_size
    if train_records and eval_records and image_size:
        check_training(config.training, Surroundings(image_size, None, train_records))
        return Version(
            train_records=train_records, eval_records=eval_records, image_size=image_size, num_classes=3, how=GIVEN
        )
    if any(numbers):
        raise UserError("--train_records, --eval_records, --image_size: give all three, or none to read the manifest")
    from schemas.features import EVAL, TRAIN
    from tfx_pipeline.vertex.compile import read_version

    manifest, spec = read_version(config)
    return Version(
        train_records=manifest.splits[TRAIN].records,
        eval_records=manifest.splits[EVAL].records,
        image_size=manifest.image_size,
        num_classes=len(spec.classes),
        how=f"{COUNTED}: manifest of {manifest.dataset} {manifest.version}",
    )


def _training(
    config: CloudPipelineConfig, version: Version, given: PlanOptions, calibrate: bool
) -> tuple[Training, Range | None, list[tuple[str, str, str]]]:
    """The work, the speed if it was given, and lines that explain where the speed comes from."""
    settings, job = config.training, config.cloud.training
    if job and job.replicas * job.accelerator_count > 1:
        raise UserError(
            "cloud.training: the speed of several machines or accelerators is not known; plan with one of each"
        )
    if settings.crop_size:
        raise UserError("training.crop_size: the speed of crop models, which predict tile by tile, is not known")
    epochs, evaluations = _epochs_and_evaluations(config)
    core, how = _core_speed(settings, version, calibrate and not given.images_per_second)
    training = Training(
        images=version.train_records * epochs,
        measured=version.eval_records * (evaluations + 2),  # and by Evaluator, this model and the last blessed one
        images_per_second=core,
        machine_type=job.machine_type if job else STEP_MACHINE,
        accelerator_type=job.accelerator_type if job else None,
        own_machine=job is not None,
        jobs=2 if config.tuning else 1,
    )
    if given.images_per_second:
        rate = Range(given.images_per_second * 0.8, given.images_per_second * 1.1)
        return training, rate, [("training machine", f"{given.images_per_second:,.3g} photos/s", GIVEN)]
    of_machine = speed(training)
    return (
        training,
        None,
        [
            ("one core, training", f"{core:.3g} photos/s", how),
            ("training machine", f"{of_machine.low:,.3g} to {of_machine.high:,.3g} photos/s", f"{ASSUMED} from that"),
        ],
    )


def _epochs_and_evaluations(config: CloudPipelineConfig) -> tuple[int, int]:
    """Epochs over the training split, and evaluations in between, including those of all trials."""
    trainings = [(config.training, 1)]
    if config.tuning is not None:
        trainings.append((config.tuning.trial_training(config.training), config.tuning.trials))
    epochs = evaluations = 0
    for one, times in trainings:
        phases = (one.epochs, one.fine_tune_epochs)
        epochs += times * sum(phases)
        evaluations += times * sum(-(-phase // one.evaluate_every) for phase in phases)
    return epochs, evaluations


def _core_speed(settings: TrainingConfig, version: Version, calibrate: bool) -> tuple[float, str]:
    """Photos per second that one core trains on, and where that figure comes from."""
    if calibrate:
        return _measured_speed(
            settings, version
        ), f"{MEASURED} here, {CALIBRATION_STEPS} steps of {settings.batch_size}"
    seen = sides(scaled(version.image_size, settings.encoder_scale)).pixels
    pixels = (CORE_IMAGE_SIZE * CORE_ENCODER_SCALE) ** 2 / seen
    return CORE_IMAGES_PER_SECOND * pixels, f"{ASSUMED}: a measured run on two cores, scaled by pixels; or --calibrate"


def _measured_speed(settings: TrainingConfig, version: Version) -> float:
    """Trains on noise for some steps; measures processor time, so that other programs do not count."""
    import time

    import keras
    import numpy as np

    from trainer.losses import segmentation_loss
    from trainer.models import build_model

    without_weights = settings.model_copy(update={"encoder_weights": "none", "fine_tune_epochs": 0})
    model = build_model(without_weights, version.image_size, version.num_classes)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3),
        loss=segmentation_loss(),
        jit_compile=False,  # pyright: ignore[reportArgumentType]  # Keras documents False; its default is a string
    )
    shape, batch = sides(version.image_size), settings.batch_size
    noise = np.random.default_rng(0)
    photos = noise.uniform(-1, 1, (batch, *shape, 3)).astype("float32")
    masks = noise.integers(0, version.num_classes, (batch, *shape)).astype("uint8")
    for _ in range(WARM_UP_STEPS):
        model.train_on_batch(photos, masks)
    start = time.process_time()
    for _ in range(CALIBRATION_STEPS):
        model.train_on_batch(photos, masks)
    return CALIBRATION_STEPS * batch / (time.process_time() - start)


def _serving(config: CloudPipelineConfig) -> Serving | None:
    one = config.cloud.serving
    return one and Serving(one.machine_type, one.accelerator_type, Range(one.min_replicas, one.max_replicas))


def _print_plan(
    config: CloudPipelineConfig, version: Version, lines: list[tuple[str, str, str]], training: Training, expected: Cost
) -> None:
    machine = training.machine_type + (f" with {training.accelerator_type}" if training.accelerator_type else "")
    rows = [
        ("records", f"{version.train_records:,} train, {version.eval_records:,} eval", version.how),
        ("image size", f"{version.image_size}", version.how),
        (
            "photos in training",
            f"{training.images:,}",
            f"{_epochs_and_evaluations(config)[0]} epochs" + (" including the trials" if config.tuning else ""),
        ),
        *lines,
        ("trains on", machine, "a CustomJob" if training.own_machine else "the pipeline's own step"),
        ("start of a machine", "2 to 10 min", ASSUMED),
    ]
    for name, value, how in rows:
        print(f"{name:<26}{value:>28}   {how}")
    print()
    print(f"{'wall time':<26}{duration(expected.wall_seconds.low)} to {duration(expected.wall_seconds.high)}")
    print(f"{'training hours':<26}{expected.training_hours.low:.2g} to {expected.training_hours.high:.2g}")
    for name, dollars in expected.dollars.items():
        print(f"{'  ' + name:<26}{_dollars(dollars)}")
    print(f"{'cost of a run':<26}{_dollars(expected.run)}")
    unchanged = expected.dollars["run"].plus(Range(0, expected.dollars["other steps"].high))
    print(f"{'  of unchanged data':<26}{_dollars(unchanged)}: training is cached")
    if config.cloud.evaluation:
        print("Dataflow workers for the evaluation cost extra; python -m beam_jobs.dataflow.plan shows their prices.")
    if expected.serving_month:
        print(f"{'endpoint, a month':<26}{_dollars(expected.serving_month)}, even without requests")
    print()


def _dollars(values: Range) -> str:
    return f"USD {values.low:,.2f}" + (f" to {values.high:,.2f}" if values.high != values.low else "")


if __name__ == "__main__":
    sys.exit(exit_code(main))
