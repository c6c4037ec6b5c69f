"""What a preparation job on Dataflow needs: worker hours, wall time and dollars, as ranges. Pure arithmetic.

Every figure says where it comes from: counted or measured here, given by the user, or assumed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from beam_jobs.google_cloud.machine_shape import MachineShape
from beam_jobs.google_cloud.prices import PriceTable

COUNTED, MEASURED, GIVEN, ASSUMED = "counted", "measured", "given", "assumed"
PRICES_USED = (
    "dataflow_vcpu_hour",
    "dataflow_memory_gb_hour",
    "dataflow_disk_gb_hour",
    "dataflow_shuffle_gb",
    "storage_read",
    "storage_write",
)
SECONDS_PER_HOUR = 3600
READS_PER_IMAGE = 2  # photo and mask
SHUFFLED_BYTES_PER_IMAGE = 2_000  # ids, places, hashes and statistics; image bytes are never shuffled
WRITES_PER_SHARD = 4  # write, move, and its bookkeeping


class Range(NamedTuple):
    """The lowest and highest expected value."""

    low: float
    high: float

    def times(self, other: Range | float) -> Range:
        """The product, end by end."""
        low, high = other if isinstance(other, Range) else (other, other)
        return Range(self.low * low, self.high * high)

    def plus(self, other: Range | float) -> Range:
        """The sum, end by end."""
        low, high = other if isinstance(other, Range) else (other, other)
        return Range(self.low + low, self.high + high)


class Assumptions(NamedTuple):
    """What neither the input nor a measurement shows.

    Attributes:
      vcpu_share: Speed of a vCPU, a hyper-thread, relative to the measured core.
      waiting: Time including waits for storage and the slowest worker, as a multiple of the work's time.
      start_seconds: From submission until workers start to work: machines, image, imports.
      end_seconds: Statistics, report, moving of shards.
      listed_per_second: Files that one worker lists, which alone lists a folder or an archive: waiting for each page of
        a bucket's list, to what its core can do, see tests/bench/README.md, "Scale".
    """

    vcpu_share: Range = Range(0.5, 1.0)
    waiting: Range = Range(1.0, 1.6)
    start_seconds: Range = Range(180, 480)
    end_seconds: Range = Range(30, 180)
    listed_per_second: Range = Range(3_000, 20_000)


ASSUMPTIONS = Assumptions()
# Measured on two cores, see tests/bench/README.md, "Preparation": what one process does in a bare loop, and the whole
# graph's share of that with 2,000 and with 20,000 photos. Imports are in neither: start and end are counted apart.
BENCH_IMAGES_PER_SECOND = 485.0
GRAPH_SHARE = Range(0.67, 0.88)


class Workload(NamedTuple):
    """The work, and how fast one core does it.

    Attributes:
      images: Photos with masks.
      source_bytes: Bytes of all of them.
      images_per_second: Of one core, the whole graph included; the least and the most.
      shards: Number of files to write, which bounds the number of busy workers.
    """

    images: int
    source_bytes: int
    images_per_second: Range
    shards: int


class Estimate(NamedTuple):
    """The estimate; amounts are in the price table's currency."""

    workers: int
    worker_hours: Range
    wall_seconds: Range
    dollars: dict[str, Range]

    @property
    def total(self) -> Range:
        """Dollars for everything."""
        return Range(sum(one.low for one in self.dollars.values()), sum(one.high for one in self.dollars.values()))


def estimate(
    workload: Workload,
    shape: MachineShape,
    max_workers: int,
    disk_gb: int,
    prices: PriceTable,
    region: str | None,
    assumptions: Assumptions = ASSUMPTIONS,
) -> Estimate:
    """Calculates worker hours, wall time and costs.

    Args:
      workload: What is to be done.
      shape: Of each worker; Beam's Python worker uses every vCPU.
      max_workers: The most workers that the job may have.
      disk_gb: Boot disk of each worker in gigabytes.
      prices: The price table.
      region: Where the job runs; None stands for any region.
      assumptions: What is not known.
    """
    workers = max(1, min(max_workers, math.ceil(workload.shards / shape.vcpus)))
    core_seconds = Range(*(workload.images / speed for speed in reversed(workload.images_per_second)))
    slots = min(workload.shards, workers * shape.vcpus)
    share = assumptions.vcpu_share
    working = Range(1 / share.high, 1 / share.low).times(core_seconds).times(1 / slots).times(assumptions.waiting)
    # One worker lists the photos, and another one the masks.
    listing = Range(*(workload.images / speed for speed in reversed(assumptions.listed_per_second)))
    wall = assumptions.start_seconds.plus(listing).plus(working).plus(assumptions.end_seconds)
    # Machines cost from their start; at least one runs from the beginning, all of them while there is work.
    paid_start = Range(assumptions.start_seconds.low / 2, assumptions.start_seconds.high)
    paid = paid_start.plus(working).plus(assumptions.end_seconds).times(workers).plus(listing.times(READS_PER_IMAGE))
    worker_hours = paid.times(1 / SECONDS_PER_HOUR)
    factor = Range(*prices.region_factor(region))
    usd = {name: prices.prices[name].usd for name in PRICES_USED}
    operations = READS_PER_IMAGE * workload.images * usd["storage_read"]
    operations += WRITES_PER_SHARD * workload.shards * usd["storage_write"]
    shuffled = SHUFFLED_BYTES_PER_IMAGE * workload.images / 1e9
    dollars = {
        "vCPUs": worker_hours.times(shape.vcpus * usd["dataflow_vcpu_hour"]).times(factor),
        "memory": worker_hours.times(shape.memory_gb * usd["dataflow_memory_gb_hour"]).times(factor),
        "disks": worker_hours.times(disk_gb * usd["dataflow_disk_gb_hour"]).times(factor),
        "shuffle": Range(1, 3).times(shuffled * usd["dataflow_shuffle_gb"]).times(factor),
        "storage operations": Range(1, 2).times(operations).times(factor),
    }
    return Estimate(workers, worker_hours, wall, dollars)


def duration(seconds: float) -> str:
    """Such as `45 s`, `12 min` or `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
