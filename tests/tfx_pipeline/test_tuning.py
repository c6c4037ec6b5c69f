"""A search through the whole pipeline: the better trial's values are trained, reported, and not searched for again."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.errors import UserError
from schemas.exported_model import INFO_PATH
from schemas.version import read_version
from tfx_pipeline import local_runner
from tfx_pipeline.config.pipeline import load_config
from tfx_pipeline.local.platform import LocalPlatform
from tfx_pipeline.pipeline import create_pipeline, trainer_config, tuner_config

RATES = (1e-6, 3e-3)  # the first one learns nothing
TRAINING = {
    "model": "small_unet",
    "epochs": 1,
    "batch_size": 4,
    "learning_rate": 1e-5,
    "export_tflite": False,
}
TUNING = {"trials": 2, "epochs": 1, "search": {"learning_rate": list(RATES)}}


@dataclass(frozen=True)
class Run:
    """What one run printed and left."""

    out: str
    err: str
    summary: dict

    @property
    def model_info(self) -> dict:
        return json.loads((Path(self.summary["model"]) / INFO_PATH).read_text())


def run_pipeline(config_file: Path) -> Run:
    config, version = local_runner.check_inputs(load_config(config_file))
    output = Path(config.output)
    local_runner.make_output_folder(output)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        local_runner.run(config, version, verbose=False)
    return Run(out.getvalue(), err.getvalue(), json.loads((output / "summary.json").read_text()))


@pytest.fixture
def refusal(write_config):
    """What the command line says about a `tuning` section."""

    def load(training=TRAINING, **changes) -> str:
        with pytest.raises(UserError) as raised:
            load_config(write_config(training=training, tuning=TUNING | changes))
        return str(raised.value)

    return load


def test_a_search_that_is_impossible_is_named_with_its_file_and_key(refusal):
    assert "config.yaml: tuning.search: seed: cannot be searched; set training.seed" in refusal(search={"seed": [1]})
    assert "config.yaml: tuning.trials: Input should be greater" in refusal(trials=0)


def test_trials_that_do_not_fit_the_training_are_refused(refusal):
    message = "config.yaml: tuning: fine_tune_epochs must be 0 with encoder_weights none"
    assert message in refusal(fine_tune_epochs=1)


def test_a_mistake_in_the_training_is_reported_beside_a_good_search(refusal):
    assert "config.yaml: training.epochs: Input should be greater" in refusal(training=TRAINING | {"epochs": 0})


def test_another_search_is_another_cache_key_and_a_longer_final_training_is_not(write_config, toy_version):
    version = read_version(toy_version)

    def key(training=(), **tuning) -> dict:
        config = load_config(write_config(training=TRAINING | dict(training), tuning=TUNING | tuning))
        return tuner_config(config, config.tuning, version)

    assert key() == key() == key(training={"epochs": 9, "export_tflite": True})
    assert key() != key(trials=3)
    assert key() != key(search={"learning_rate": [1e-6, 2e-3]})
    assert key() != key(training={"batch_size": 2})


def test_the_tuner_comes_only_with_its_section(write_config, toy_version):
    version = read_version(toy_version)
    plain, tuned = load_config(write_config()), load_config(write_config(training=TRAINING, tuning=TUNING))
    assert trainer_config(tuned.model_copy(update={"training": plain.training}), version) == trainer_config(
        plain, version
    )
    ids = {one.id for one in create_pipeline(plain, version, LocalPlatform()).components}
    components = {one.id: one for one in create_pipeline(tuned, version, LocalPlatform()).components}
    assert components.keys() - ids == {"Tuner"}
    assert components["Trainer"].inputs["hyperparameters"] is components["Tuner"].outputs["best_hyperparameters"]


@pytest.mark.proof
@pytest.mark.slow(50)
def test_the_better_trials_value_is_trained_and_reported_and_not_searched_for_again(write_config, tmp_path):
    config_file = write_config(training=TRAINING, tuning=TUNING, evaluation={"min_mean_iou": 0.0})
    run = run_pipeline(config_file)
    assert run.err == ""
    trials = run.summary["tuning"]["trials"]
    assert sorted(trial["values"]["learning_rate"] for trial in trials) == sorted(RATES)
    assert trials[0]["mean_iou"] > trials[1]["mean_iou"]
    assert run.summary["tuning"]["chosen"] == trials[0]["values"]
    assert run.model_info["training"]["learning_rate"] == trials[0]["values"]["learning_rate"]
    assert run.model_info["tuned"] == ["learning_rate"]
    # The final training is the winning trial's over again.
    assert run.summary["metrics"]["mean_iou"] == pytest.approx(trials[0]["mean_iou"], abs=1e-3)

    lines = run.out.splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith("trial ")] == ["trial 1/2", "trial 2/2"]
    assert "tuning: the best of 2 trials on the eval split, so the figures above are optimistic" in lines
    assert not any("Search" in line or "Trial" in line for line in lines)
    left = [path for path in (tmp_path / "output").rglob("*") if path.name in ("oracle.json", "trial.json")]
    assert left == []

    again = run_pipeline(config_file)
    assert "Tuner: up to date" in again.out
    assert "Trainer: up to date" in again.out
    assert "trial 1/2" not in again.out
    assert again.summary["tuning"] == run.summary["tuning"]
