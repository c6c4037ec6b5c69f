"""The plan of a run on Vertex AI: hours and dollars as ranges, with the source of every figure."""

import re

import pytest
import yaml

from beam_jobs.dataflow.estimate import Range
from beam_jobs.google_cloud.prices import PRICES_FILE, load_prices
from schemas.errors import UserError
from schemas.manifest import read_manifest
from tfx_pipeline.vertex.cost import START_SECONDS, Serving, Training, cost
from tfx_pipeline.vertex.plan import main as plan

SIZES = ["--train_records=3680", "--eval_records=3669", "--image_size=128"]
CPU = Training(
    images=360_000,
    measured=0,
    images_per_second=10,
    machine_type="n1-standard-4",
    accelerator_type=None,
    own_machine=True,
)


@pytest.fixture
def planned(write_cloud_config, capsys):
    def planned(*arguments, **changes):
        path = write_cloud_config(**({"region": "us-central1", "encryption_key": None, "tracking": None} | changes))
        assert plan([f"--config={path}", *arguments]) == 0
        text = capsys.readouterr().out
        return {line[:26].strip(): line[26:].strip() for line in text.splitlines() if line[:26].strip()}, text

    return planned


def test_a_plan_says_hours_cost_and_where_each_figure_comes_from(planned):
    lines, text = planned(*SIZES)
    assert re.fullmatch(r"3,680 train, 3,669 eval\s+given", lines["records"])
    assert re.fullmatch(r"3,680\s+1 epochs", lines["photos in training"])
    assert "assumed: a measured run on two cores" in lines["one core, training"]
    assert re.fullmatch(r"USD [\d.]+ to [\d.]+", lines["cost of a run"])
    assert lines["of unchanged data"].endswith("training is cached")
    assert "assumed prices, not read from a price list: " in text


def test_the_trials_of_a_search_and_their_machine_are_counted(write_cloud_config, capsys):
    path = write_cloud_config(region="us-central1", encryption_key=None, tracking=None)
    tuning = {"trials": 9, "epochs": 2, "search": {"learning_rate": [1e-3, 1e-2]}}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"tuning": tuning}))
    assert plan([f"--config={path}", *SIZES]) == 0
    assert re.search(r"photos in training +69,920   19 epochs including the trials\n", capsys.readouterr().out)


def test_another_machine_that_starts_takes_its_time():
    one, two = (cost(CPU._replace(jobs=jobs), 0, None, load_prices(), "us-central1").wall_seconds for jobs in (1, 2))
    assert two.low - one.low == pytest.approx(START_SECONDS.low)
    assert two.high - one.high == pytest.approx(START_SECONDS.high)


def test_a_speed_that_was_measured_elsewhere_is_called_given(planned):
    lines, _ = planned(*SIZES, "--images_per_second=250")
    assert re.fullmatch(r"250 photos/s\s+given", lines["training machine"])


def test_the_endpoint_is_priced_by_the_month(planned):
    lines, _ = planned(*SIZES)
    assert lines["endpoint, a month"].endswith("even without requests")


def test_a_machine_of_known_speed_costs_what_the_price_list_says():
    expected = cost(CPU, 0, None, load_prices(), "us-central1", fixed=Range(100, 100))
    hours = Range(1 + START_SECONDS.low / 3600, 1 + START_SECONDS.high / 3600)
    assert expected.training_hours == pytest.approx(hours)
    assert expected.dollars["training"].low == pytest.approx(hours.low * 0.21849885)
    assert expected.dollars["run"] == (0.03, 0.03)
    assert expected.run.low == pytest.approx(sum(one.low for one in expected.dollars.values()))
    assert {"training_machines.n1-standard-4", "vertex_pipeline_run"} <= set(expected.used)


def test_an_accelerator_is_paid_beside_its_machine_and_makes_training_shorter():
    prices = load_prices()
    gpu = CPU._replace(accelerator_type="NVIDIA_TESLA_T4")
    slow, fast = (cost(one, 0, None, prices, "us-central1") for one in (CPU, gpu))
    assert fast.training_hours.high < slow.training_hours.low
    rate = fast.dollars["training"].low / fast.training_hours.low
    assert rate == pytest.approx(0.21849885 + prices.accelerators["NVIDIA_TESLA_T4"].usd)


def test_other_regions_are_assumed_to_be_dearer():
    here, there = (cost(CPU, 5, None, load_prices(), region) for region in ("us-central1", "europe-west4"))
    assert there.run.low == pytest.approx(here.run.low)
    assert there.run.high > here.run.high


def test_an_endpoint_that_scales_costs_between_its_fewest_and_its_most_machines():
    expected = cost(CPU, 0, Serving("n1-standard-2", None, Range(1, 3)), load_prices(), "us-central1")
    assert expected.serving_month.high == pytest.approx(3 * expected.serving_month.low)
    assert expected.serving_month.low == pytest.approx(730 * 0.1095)


def test_a_machine_without_a_price_is_refused_with_a_remedy(planned, tmp_path):
    table = yaml.safe_load(PRICES_FILE.read_text())
    table["training_machines"] = {"e2-standard-4": table["training_machines"]["e2-standard-4"]}
    (tmp_path / "prices.yaml").write_text(yaml.safe_dump(table))
    with pytest.raises(UserError, match="training_machines: no price of n1-standard-8"):
        planned(*SIZES, f"--prices={tmp_path / 'prices.yaml'}")


def test_records_are_counted_in_the_versions_manifest(planned, stage, toy_version, cloud_config):
    manifest = read_manifest(toy_version)
    stage.buckets.add_folder(toy_version, cloud_config.data)
    lines, _ = planned()
    train, evaluated = (manifest.splits[split].records for split in ("train", "eval"))
    assert lines["records"].startswith(f"{train:,} train, {evaluated:,} eval")


@pytest.mark.proof
def test_a_core_is_timed_here_where_that_is_asked_for(planned):
    lines, _ = planned("--train_records=8", "--eval_records=8", "--image_size=64", "--calibrate")
    speed, _, how = lines["one core, training"].partition(" photos/s")
    assert float(speed) > 0
    assert "measured here" in how


def test_a_model_of_crops_has_no_known_speed(write_cloud_config):
    path = write_cloud_config(encryption_key=None)
    values = yaml.safe_load(path.read_text())
    del values["hub"]
    values["training"]["crop_size"] = 64
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"training\.crop_size: the speed of crop models"):
        plan([f"--config={path}", *SIZES])


def test_half_of_the_sizes_is_refused(planned):
    with pytest.raises(UserError, match="give all three"):
        planned("--train_records=5")
