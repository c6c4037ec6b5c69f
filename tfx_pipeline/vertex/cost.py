"""Estimates time and cost of a run on Vertex AI, as ranges; the arithmetic is that of beam_jobs.dataflow.estimate."""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.dataflow.estimate import SECONDS_PER_HOUR, Range
from beam_jobs.google_cloud.machine_shape import machine_shape
from beam_jobs.google_cloud.prices import Price, PriceTable
from schemas.errors import UserError

HOURS_PER_MONTH = 730
STEP_MACHINE = "e2-standard-4"  # the default machine of a step on Vertex AI Pipelines
PIPELINE_RUN = "vertex_pipeline_run"

# Assumed: how much faster than one CPU core an accelerator trains these small models. Wide, because it is not measured.
ACCELERATOR_SPEED = {
    "NVIDIA_TESLA_T4": Range(20, 80),
    "NVIDIA_TESLA_P4": Range(15, 60),
    "NVIDIA_TESLA_P100": Range(20, 90),
    "NVIDIA_TESLA_V100": Range(30, 150),
    "NVIDIA_L4": Range(30, 150),
    "NVIDIA_TESLA_A100": Range(50, 300),
    "NVIDIA_A100_80GB": Range(50, 300),
    "NVIDIA_H100_80GB": Range(60, 400),
}
CPU_SHARE = Range(0.3, 0.9)  # assumed: what a vCPU adds, relative to the measured core; threads wait for each other
START_SECONDS = Range(120, 600)  # assumed, for each machine: provisioning, pulling the image, imports
SHORT_STEP_SECONDS = Range(60, 300)  # assumed: a step that copies or registers


class Training(NamedTuple):
    """The work of a training, and its machine.

    Attributes:
      images: Photos that pass through training, over all epochs.
      measured: Photos that are only evaluated: between epochs, by Evaluator, for the last model.
      images_per_second: Of one core in training; evaluation is assumed to be three times as fast.
      machine_type: Machine that trains.
      accelerator_type: One of ACCELERATOR_SPEED; None trains on the CPU.
      own_machine: Whether a CustomJob trains while a step waits for it.
      jobs: How many machines start one after the other: two with a search before the training.
    """

    images: int
    measured: int
    images_per_second: float
    machine_type: str
    accelerator_type: str | None
    own_machine: bool
    jobs: int = 1


class Serving(NamedTuple):
    """The endpoint's machines."""

    machine_type: str
    accelerator_type: str | None
    replicas: Range


class Cost(NamedTuple):
    """Hours, and dollars of a run and of a month of serving; `used` names the prices."""

    training_hours: Range
    wall_seconds: Range
    dollars: dict[str, Range]
    serving_month: Range | None
    used: tuple[str, ...]

    @property
    def run(self) -> Range:
        """Dollars of one run."""
        return Range(sum(one.low for one in self.dollars.values()), sum(one.high for one in self.dollars.values()))


def speed(training: Training) -> Range:
    """Photos per second in training, of the machine's vCPUs or its accelerator."""
    if training.accelerator_type:
        if training.accelerator_type not in ACCELERATOR_SPEED:
            raise UserError(f"{training.accelerator_type}: its speed is not known; give --images_per_second for it")
        return ACCELERATOR_SPEED[training.accelerator_type].times(training.images_per_second)
    return CPU_SHARE.times(machine_shape(training.machine_type).vcpus * training.images_per_second)


def cost(
    training: Training, steps: int, serving: Serving | None, prices: PriceTable, region: str, fixed: Range | None = None
) -> Cost:
    """Calculates hours and dollars.

    Args:
      training: The work, and its machine.
      steps: Number of short steps: those that register, copy and decide, on one machine each.
      serving: The endpoint; None for none.
      prices: The price table.
      region: Where it runs.
      fixed: Photos per second of the training machine, if they were measured on it.

    Raises:
      UserError: A machine or an accelerator has no price in the table, or no known speed.
    """
    rate = fixed or speed(training)
    work = training.images + training.measured / 3
    training_seconds = Range(work / rate.high, work / rate.low).plus(START_SECONDS.times(training.jobs))
    step_seconds = START_SECONDS.plus(SHORT_STEP_SECONDS)
    # Except for those that register, the steps depend on each other; they wait for one machine after the other.
    wall = training_seconds.plus(step_seconds.times(steps * 0.75))
    factor = Range(*prices.region_factor(region))
    used: list[str] = [PIPELINE_RUN]
    training_hours = training_seconds.times(1 / SECONDS_PER_HOUR)
    rent = _rent(prices, "training_machines", training.machine_type, training.accelerator_type, used)
    waiting = Range(0, 0)
    if training.own_machine:
        waiting = training_hours.times(_price(prices, "training_machines", STEP_MACHINE, used).usd)
    short = step_seconds.times(steps / SECONDS_PER_HOUR)
    dollars = {
        "training": training_hours.times(rent).times(factor),
        "step that waits for it": waiting.times(factor),
        "other steps": short.times(_price(prices, "training_machines", STEP_MACHINE, used).usd).times(factor),
        "run": Range(1, 1).times(prices.prices[PIPELINE_RUN].usd),
    }
    month = None
    if serving:
        hour = _rent(prices, "serving_machines", serving.machine_type, serving.accelerator_type, used)
        month = serving.replicas.times(hour * HOURS_PER_MONTH).times(factor)
    return Cost(training_hours, wall, {k: v for k, v in dollars.items() if v.high}, month, tuple(used))


def _rent(prices: PriceTable, table: str, machine_type: str, accelerator_type: str | None, used: list[str]) -> float:
    """Dollars per hour for a machine with its accelerator; prices of G2 and A2 machines include theirs."""
    dollars = _price(prices, table, machine_type, used).usd
    if accelerator_type and not machine_type.startswith(("g2-", "a2-")):
        dollars += _price(prices, "accelerators", accelerator_type, used).usd
    return dollars


def _price(prices: PriceTable, table: str, name: str, used: list[str]) -> Price:
    if name not in getattr(prices, table):
        raise UserError(f"{table}: no price of {name} in the price table; look it up and add it, with the day")
    used.append(f"{table}.{name}")
    return getattr(prices, table)[name]
