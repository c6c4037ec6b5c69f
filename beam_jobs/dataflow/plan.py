"""Command line that estimates, before anything starts, what a preparation job on Dataflow needs and costs."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from beam_jobs.console import CommandLine, exit_code, quiet_libraries
from beam_jobs.dataflow.estimate import (
    ASSUMED,
    ASSUMPTIONS,
    BENCH_IMAGES_PER_SECOND,
    COUNTED,
    GIVEN,
    GRAPH_SHARE,
    MEASURED,
    PRICES_USED,
    Estimate,
    Range,
    Workload,
    duration,
    estimate,
)
from beam_jobs.google_cloud.dataflow_options import FORMS, DataflowOptions
from beam_jobs.google_cloud.machine_shape import MachineShape, machine_shape
from beam_jobs.google_cloud.prices import PRICES_FILE, PriceTable, load_prices
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.runners.job_arguments import add_verbose
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model
from schemas.version_files import MAX_SHARDS

BENCH = "`make bench`, 500x375 photos to 128 pixels"
NOWHERE = "/nowhere"  # of options that are checked but not used
ANY_IMAGE_BYTES = 150_000  # of a photo of about 500x375 pixels, and its mask


class PlanOptions(FrozenModel):
    """Values given instead of counted and measured ones."""

    images: int | None = Field(default=None, ge=1)
    image_bytes: int = Field(default=ANY_IMAGE_BYTES, ge=1)
    images_per_second: float | None = Field(default=None, gt=0)
    region: str | None = Field(default=None, pattern=f"^{FORMS['region'][0]}$")


class Figure(NamedTuple):
    """One line of what the plan starts from."""

    name: str
    value: str
    how: str


def main(arguments: list[str] | None = None) -> int:
    """Prints the plan; UserError where options or input are unusable."""
    known = _parser().parse_args(arguments)
    quiet_libraries(known.verbose)
    values = {name: value for name, value in vars(known).items() if value is not None}
    given = parse_model(
        PlanOptions, {name: values[name] for name in PlanOptions.model_fields if name in values}, "options"
    )
    if known.input is None and given.images is None:
        raise UserError("--input or --images: give the photos' place, or how many there are")
    prepare = _prepare_options(values, given)
    shape, prices = machine_shape(known.worker_machine_type), load_prices(known.prices)
    workload, figures = _workload(prepare, given, counts=known.input is not None)
    expected = estimate(workload, shape, known.max_num_workers, known.disk_size_gb, prices, given.region)
    _tell(figures, workload, shape, known, expected)
    for line in [*prices.notes(PRICES_USED, datetime.date.today()), *_region_note(prices, given.region)]:
        print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = {name: field.default for name, field in DataflowOptions.model_fields.items()}
    parser = CommandLine(
        prog="python -m beam_jobs.dataflow.plan",
        description="Estimates what a preparation job on Dataflow needs and costs. Starts nothing, and asks "
        "Google only for the list of a gs:// input.",
        epilog="exit codes: 0 printed, 2 unusable options or input",
        allow_abbrev=False,
    )
    parser.add_argument("--dataset", default="pets", help="data set of schemas/ (default %(default)s)")
    parser.add_argument("--input", help="folder, gs:// address or archives' folder, to count and to measure on")
    parser.add_argument("--images", help="number of photos, in place of counting")
    parser.add_argument("--image_bytes", help=f"bytes of photo and mask, with --images (default {ANY_IMAGE_BYTES})")
    parser.add_argument("--images_per_second", help="of one core, in place of measuring on a sample of the input")
    parser.add_argument("--image_size", help="as for beam_jobs.prepare (default 128)")
    parser.add_argument("--shard_bytes", help="as for beam_jobs.prepare (default 64MiB)")
    parser.add_argument("--image_path", help="as for beam_jobs.prepare")
    parser.add_argument("--mask_path", help="as for beam_jobs.prepare")
    parser.add_argument("--region", help="where the job would run (default: any)")
    for name, kind in (("worker_machine_type", str), ("max_num_workers", int), ("disk_size_gb", int)):
        parser.add_argument(f"--{name}", type=kind, default=defaults[name], help="default %(default)s")
    parser.add_argument("--prices", type=Path, default=PRICES_FILE, help="price table (default: %(default)s)")
    add_verbose(parser)
    return parser


def _prepare_options(values: dict[str, Any], given: PlanOptions) -> PrepareOptions:
    """The job's options, as far as they decide how much work there is."""
    names = ("dataset", "input", "image_size", "shard_bytes", "image_path", "mask_path")
    job = {"input": NOWHERE, "output": NOWHERE, "version": "0"} | {n: values[n] for n in names if n in values}
    # Lists decide on splits, not on the amount of work.
    return parse_model(PrepareOptions, job | {"split": "hash"}, "options")


def _workload(options: PrepareOptions, given: PlanOptions, counts: bool) -> tuple[Workload, list[Figure]]:
    """The work, and the source of each figure."""
    from beam_jobs.dataflow.calibration import count_inputs, images_per_second
    from beam_jobs.records.sharding import SplitSize, expected_record_bytes, shard_count

    found = None
    if counts:
        try:
            found = count_inputs(options, lambda files: print(f"  {files:,} files seen", file=sys.stderr, flush=True))
        except OSError as error:
            raise UserError(f"--input {options.input}: can't be listed ({error}); check its name and rights") from None
    images = given.images or (found.images if found else 0)
    size = found.bytes / found.images if found and found.images else float(given.image_bytes)
    figures = [
        Figure("photos", f"{images:,}", GIVEN if given.images else COUNTED),
        Figure(
            "photo and mask",
            f"{size / 1000:,.0f} kB",
            COUNTED if found else GIVEN if given.image_bytes != ANY_IMAGE_BYTES else ASSUMED,
        ),
    ]
    if given.images_per_second:
        speed = Range(given.images_per_second, given.images_per_second)
        figures.append(Figure("one core", f"{given.images_per_second:,.0f} photos/s", GIVEN))
    else:
        bare, how = BENCH_IMAGES_PER_SECOND, f"{ASSUMED}: {BENCH}"
        if found and found.sample:
            bare, how = images_per_second(options, found.sample), f"{MEASURED} on {len(found.sample)} photos here"
        speed = GRAPH_SHARE.times(bare)
        figures.append(Figure("one core, the bare work", f"{bare:,.0f} photos/s", how))
        figures.append(Figure("one core, the whole job", f"{speed.low:,.0f} to {speed.high:,.0f} photos/s", ASSUMED))
    split = SplitSize(images, int(images * size))
    shards = shard_count(
        split, expected_record_bytes(options.image_size, options.image_format, split), options.shard_bytes
    )
    figures.append(Figure("shards", f"{shards:,}", "calculated; no more vCPUs than shards work at once"))
    return Workload(images, int(images * size), speed, shards), figures


def _tell(
    figures: list[Figure], workload: Workload, shape: MachineShape, known: argparse.Namespace, expected: Estimate
) -> None:
    figures.append(Figure("a vCPU's share of a core", _span(ASSUMPTIONS.vcpu_share), ASSUMED))
    figures.append(Figure("waiting for storage", f"times {_span(ASSUMPTIONS.waiting)}", ASSUMED))
    listed = ASSUMPTIONS.listed_per_second
    figures.append(
        Figure(
            "listing a folder", f"{listed.low:,.0f} to {listed.high:,.0f} files/s", f"{ASSUMED}; one worker lists it"
        )
    )
    start = ASSUMPTIONS.start_seconds.plus(ASSUMPTIONS.end_seconds)
    figures.append(Figure("start and end", f"{duration(start.low)} to {duration(start.high)}", ASSUMED))
    for figure in figures:
        print(f"{figure.name:<26}{figure.value:>28}   {figure.how}")
    machine = f"{expected.workers} of at most {known.max_num_workers} {known.worker_machine_type}"
    print(
        f"{'workers':<26}{machine:>28}   {shape.vcpus} vCPUs, {shape.memory_gb:g} GB, {known.disk_size_gb} GB disk each"
    )
    if expected.workers < known.max_num_workers and workload.shards > 1:
        print(f"{'':<26}more workers would have no shard to write; use smaller --shard_bytes for more shards")
    if workload.shards > MAX_SHARDS:
        print(f"{'':<26}a split has {MAX_SHARDS:,} shards at most; use larger --shard_bytes where one would have more")
    print()
    low, high = expected.wall_seconds
    print(f"{'wall time':<26}{duration(low)} to {duration(high)}")
    print(f"{'worker hours':<26}{_span(expected.worker_hours)}")
    for name, dollars in expected.dollars.items():
        print(f"{'  ' + name:<26}{_dollars(dollars)}")
    print(f"{'cost':<26}{_dollars(expected.total)}")
    print()


def _region_note(prices: PriceTable, region: str | None) -> list[str]:
    low, high = prices.region_factor(region)
    if (low, high) == (1.0, 1.0):
        return []
    return [f"{region or 'your region'}: assumed to charge {low:g} to {high:g} times as much; edit {PRICES_FILE.name}"]


def _span(values: Range) -> str:
    return f"{values.low:.3g} to {values.high:.3g}"


def _dollars(values: Range) -> str:
    return f"USD {values.low:,.2f} to {values.high:,.2f}"


if __name__ == "__main__":
    sys.exit(exit_code(main))
