"""The plan of a Dataflow job: counted or given, measured or assumed, and never more certain than it is."""

import datetime
import math
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from beam_jobs.dataflow.calibration import count_inputs, images_per_second
from beam_jobs.dataflow.estimate import Assumptions, Range, Workload, estimate
from beam_jobs.dataflow.plan import main as plan
from beam_jobs.google_cloud.machine_shape import MachineShape, machine_shape
from beam_jobs.google_cloud.prices import PRICES_FILE, load_prices
from beam_jobs.prepare.options import PrepareOptions
from schemas.errors import UserError
from tests.beam_jobs.annotated_scenes import Scene, save
from tests.beam_jobs.pictures import write_pair

CERTAIN = Assumptions(Range(1, 1), Range(1, 1), Range(0, 0), Range(0, 0), Range(math.inf, math.inf))


def options(folder):
    return PrepareOptions(dataset="pets", input=str(folder), output="/nowhere", version="0")


def table(tmp_path, **changes):
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(PRICES_FILE.read_text()) | changes))
    return path


def lines(capsys):
    printed = capsys.readouterr().out
    return {line[:26].strip(): line[26:].strip() for line in printed.splitlines() if line[:26].strip()}, printed


def test_photos_are_counted_and_one_core_is_measured_on_them(tmp_path, capsys):
    for number in range(12):
        write_pair(tmp_path, f"pug_{number}")
    assert plan(["--input", str(tmp_path), "--region=us-central1"]) == 0
    rows, _ = lines(capsys)
    assert re.fullmatch(r"12\s+counted", rows["photos"])
    assert rows["one core, the bare work"].endswith("measured on 12 photos here")
    assert re.match(r"USD \d+\.\d\d to \d+\.\d\d", rows["cost"])


def test_without_photos_figures_are_given_or_assumed_and_say_so(capsys):
    assert plan(["--images=1000000", "--region=us-central1"]) == 0
    rows, text = lines(capsys)
    assert re.fullmatch(r"1,000,000\s+given", rows["photos"])
    assert rows["one core, the bare work"].endswith("assumed: `make bench`, 500x375 photos to 128 pixels")
    assert "list prices of us-central1, read 2026-09-08 to 2026-11-29" in text
    assert plan(["--images=1000000", "--images_per_second=100"]) == 0
    rows, text = lines(capsys)
    assert re.fullmatch(r"100 photos/s\s+given", rows["one core"])
    assert "your region: assumed to charge 1 to 1.35 times as much" in text


def test_the_sample_is_the_same_however_many_photos_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr("beam_jobs.dataflow.calibration.SAMPLE", 4)
    for number in range(15):
        write_pair(tmp_path, f"pug_{number}")
    found = count_inputs(options(tmp_path))
    assert found.images == 15
    assert len(found.sample) == 4
    assert found.bytes == sum(path.stat().st_size for path in tmp_path.rglob("pug_*"))
    assert images_per_second(options(tmp_path), found.sample) > 10


def test_a_job_of_known_speed_costs_what_the_price_list_says():
    prices = load_prices()
    work = Workload(images=7_200_000, source_bytes=0, images_per_second=Range(100, 100), shards=1000)
    expected = estimate(work, MachineShape(4, 16), 5, 100, prices, "us-central1", CERTAIN)
    # 72,000 core seconds on 20 vCPUs: an hour, of five workers
    assert expected.workers == 5
    assert expected.wall_seconds == pytest.approx((3600, 3600))
    assert expected.worker_hours == pytest.approx((5, 5))
    assert expected.dollars["vCPUs"] == pytest.approx((20 * 0.056,) * 2)
    assert expected.dollars["memory"] == pytest.approx((80 * 0.003557,) * 2)
    assert expected.dollars["disks"] == pytest.approx((500 * 0.000054,) * 2)
    assert expected.dollars["storage operations"].low == pytest.approx(14.4 * 0.4 + 4000 * 0.000005)
    assert expected.total.low == pytest.approx(sum(one.low for one in expected.dollars.values()))


def test_no_more_workers_are_planned_than_there_are_shards_for():
    work = Workload(images=10_000, source_bytes=0, images_per_second=Range(100, 100), shards=8)
    expected = estimate(work, MachineShape(4, 16), 100, 50, load_prices(), None)
    assert expected.workers == 2
    assert expected.wall_seconds.low < expected.wall_seconds.high


def test_more_workers_take_less_time_and_not_less_money():
    work = Workload(images=1_000_000, source_bytes=0, images_per_second=Range(100, 100), shards=1000)
    few, many = (estimate(work, MachineShape(4, 16), n, 50, load_prices(), None) for n in (2, 20))
    assert many.wall_seconds.low < few.wall_seconds.low
    assert many.total.low >= few.total.low


@pytest.mark.parametrize(
    ("machine_type", "shape"),
    [("e2-standard-4", (4, 16)), ("n1-standard-8", (8, 30)), ("n2-highmem-2", (2, 16)), ("e2-highcpu-8", (8, 8))],
)
def test_a_machine_types_name_tells_its_shape(machine_type, shape):
    assert machine_shape(machine_type) == shape


def test_old_prices_are_warned_of_and_unread_ones_are_called_assumed():
    prices, day = load_prices(), datetime.date(2026, 9, 8)
    fresh = prices.notes(["dataflow_vcpu_hour"], day)
    assert not [line for line in fresh if line.startswith("warning")]
    old = prices.notes(["dataflow_vcpu_hour"], day + datetime.timedelta(prices.stale_after_days + 1))
    assert f"warning: read more than {prices.stale_after_days} days ago, look them up again: dataflow_vcpu_hour" in old
    (assumed,) = prices.notes(["accelerators.NVIDIA_TESLA_T4"], day)
    assert assumed == "assumed prices, not read from a price list: accelerators.NVIDIA_TESLA_T4"


def test_an_edited_table_is_used(tmp_path, capsys):
    free = {name: price | {"usd": 0.0} for name, price in yaml.safe_load(PRICES_FILE.read_text())["prices"].items()}
    assert plan(["--images=1000", f"--prices={table(tmp_path, prices=free)}"]) == 0
    rows, _ = lines(capsys)
    assert rows["cost"] == "USD 0.00 to 0.00"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stale_after_days": 0}, "stale_after_days"),
        ({"sources": {}}, "source 'dataflow' is not among the sources"),
        ({"other_regions": [2, 1]}, "other_regions: give the least, then the most"),
    ],
)
def test_a_table_that_was_edited_wrongly_is_refused(tmp_path, changes, problem):
    with pytest.raises(UserError, match=problem):
        load_prices(table(tmp_path, **changes))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "--input or --images"),
        (["--images=0"], "images"),
        (["--images=5", "--worker_machine_type=huge"], "huge: its name does not state its shape"),
        (["--images=5", "--prices=/nowhere.yaml"], "/nowhere.yaml: can't be read"),
        (["--images=5", "--region=mars"], "region"),
        (["--input=/nowhere/photos"], "--input /nowhere/photos"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_a_remedy(arguments, problem):
    with pytest.raises(UserError, match=problem):
        plan(arguments)


@pytest.mark.parametrize("kind", ["coco_polygons", "panoptic", "yolo", "class_folders"])
def test_photos_with_annotations_are_counted_and_measured_too(tmp_path, kind):
    mask = np.zeros((20, 30), np.uint8)
    mask[2:12, 3:14], mask[8:18, 16:28] = 1, 2
    scenes = [Scene(f"photo_{number}", np.zeros((20, 30, 3), np.uint8), mask) for number in range(3)]
    given = PrepareOptions(input=str(save(tmp_path / "scenes", kind, scenes)), output="/nowhere", version="0")
    found = count_inputs(given)
    assert (found.images, sorted(found.sample)) == (3, ["photo_0", "photo_1", "photo_2"])
    assert images_per_second(given, found.sample) > 0


def test_the_listing_of_a_folder_takes_as_long_as_one_worker_needs():
    work = Workload(images=7_200_000, source_bytes=0, images_per_second=Range(100, 100), shards=1000)
    arguments = work, MachineShape(4, 16), 5, 100, load_prices(), "us-central1"
    at_once = estimate(*arguments, CERTAIN)
    listed = estimate(*arguments, CERTAIN._replace(listed_per_second=Range(1_000, 2_000)))
    assert listed.wall_seconds == pytest.approx((3600 + 3600, 3600 + 7200))
    assert listed.worker_hours == pytest.approx((at_once.worker_hours.low + 2, at_once.worker_hours.high + 4))


def test_more_shards_than_a_split_may_have_are_said_before_the_job_lists_anything(capsys):
    assert plan(["--images=1000000000", "--region=us-central1"]) == 0
    assert "a split has 99,999 shards at most; use larger --shard_bytes" in capsys.readouterr().out
    assert plan(["--images=1000000000", "--region=us-central1", "--shard_bytes=256MiB"]) == 0
    assert "shards at most" not in capsys.readouterr().out


def test_the_page_quotes_what_the_plan_prints(capsys):
    page = (Path(__file__).parents[2] / "bench/README.md").read_text()
    quoted = re.findall(
        r"^\| `python -m beam_jobs\.dataflow\.plan ([^`]+)` \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE
    )
    assert len(quoted) == 2
    for arguments, wall, cost in quoted:
        assert plan(arguments.split()) == 0
        rows, _ = lines(capsys)
        assert (wall, cost) == (rows["wall time"], rows["cost"])
