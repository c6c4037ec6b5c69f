"""A search without the pipeline around it: seeded, resumed, and not ended by a trial that diverges."""

import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from schemas.errors import UserError
from schemas.shipped import load_spec
from trainer.tuner_fn import TrainingTuner, tuner_fn

pytestmark = [pytest.mark.proof, pytest.mark.slow(80)]

SIZE = 32


@pytest.fixture(scope="module")
def eight_images(write_shards):
    return write_shards(list(range(8)), SIZE)


@pytest.fixture
def prepare(eight_images, tmp_path):
    """Prepares a search, of the model that is quickest to trace where it names none; its folder is `tmp_path`."""

    def tuner(search: dict, trials: int = 2, **training) -> tuple[TrainingTuner, dict]:
        pattern = str(Path(eight_images[0]).parent / "*")
        own = {"model": "small_unet"}
        if "encoder_weights" in training:
            own = {"encoder_scale": 1, "decoder_filters": 8, "fine_tune_epochs": 0}
        arguments = SimpleNamespace(
            train_files=[pattern],
            eval_files=[pattern],
            working_dir=str(tmp_path),
            custom_config={
                "dataset": load_spec("pets").model_dump(mode="json"),
                "image_size": SIZE,
                "manifest_sha256": "1" * 64,
                "source_sha256": "2" * 64,
                "training": {**own, "batch_size": 4, **training},
                "tuning": {"trials": trials, "epochs": 1, "search": search},
            },
        )
        return tuner_fn(arguments)

    return tuner


def search(prepared) -> str:
    """Runs a search and returns what it printed."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        prepared.tuner.search_space_summary()
        prepared.tuner.search(**prepared.fit_kwargs)
        prepared.tuner.results_summary()
    return printed.getvalue()


@pytest.fixture(scope="module")
def broken_weights(tmp_path_factory) -> str:
    """Weights whose last convolution, which U-Net uses and DeepLab does not, makes no numbers."""
    backbone = keras.applications.MobileNetV2(input_shape=(SIZE, SIZE, 3), alpha=0.35, include_top=False, weights=None)
    layer = backbone.get_layer("Conv_1")
    layer.set_weights([np.full_like(one, np.nan) for one in layer.get_weights()])
    path = str(tmp_path_factory.mktemp("broken") / "broken.weights.h5")
    backbone.save_weights(path)
    return path


def test_a_trial_that_diverges_fails_alone(prepare, broken_weights, tmp_path):
    prepared = prepare({"model": ["unet", "deeplabv3plus"]}, encoder_weights=broken_weights)
    printed = search(prepared)
    status = {one.hyperparameters.values["model"]: one.status for one in prepared.tuner.oracle.trials.values()}
    assert status == {"unet": "FAILED", "deeplabv3plus": "COMPLETED"}
    assert "model unet  diverged  " in printed
    assert printed.endswith("best: model deeplabv3plus\n")
    assert list(tmp_path.iterdir()) == []


def test_a_search_whose_trials_all_diverge_names_the_remedy(prepare, tmp_path):
    # Sums of such weights are too large for a float32.
    prepared = prepare({"learning_rate": [1e-3, 1e-2]}, class_weights={"background": 3e38})
    with pytest.raises(UserError, match=r"tuning\.search: all 2 trials failed; search among lower learning rates"):
        search(prepared)
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_was_killed_resumes_after_its_last_finished_trial(prepare, tmp_path):
    space = {"learning_rate": {"min": 1e-4, "max": 1e-2, "log": True}}

    class Killed(BaseException):
        pass

    first = prepare(space)

    def report_then_die(trial):
        type(first.tuner).on_trial_end(first.tuner, trial)
        raise Killed

    first.tuner.on_trial_end = report_then_die
    with pytest.raises(Killed):
        search(first)
    [done] = first.tuner.oracle.trials.values()

    again = prepare(space)
    lines = search(again).splitlines()
    assert lines[:2] == ["up to 2 trials of 1 epochs: learning_rate 0.0001 to 0.01", "resuming after trial 1"]
    assert [line.split("  ")[0] for line in lines[2:]] == ["trial 2/2", lines[-1]]
    assert again.tuner.oracle.trials["0"].score == done.score
    assert list(tmp_path.iterdir()) == []


def test_a_half_written_search_starts_anew(prepare, tmp_path):
    space = {"learning_rate": [1e-3, 1e-2]}
    prepare(space).tuner.save()
    [state] = tmp_path.rglob("oracle.json")
    state.write_text(state.read_text()[:20])
    assert prepare(space).tuner.oracle.trials == {}
    assert not state.exists()


def test_an_error_that_is_no_divergence_ends_the_search_with_its_own_message(prepare, tmp_path):
    prepared = prepare({"learning_rate": [1e-3, 1e-2]})
    prepared.fit_kwargs["train_shards"] = [str(tmp_path / "gone")]
    with pytest.raises(tf.errors.NotFoundError, match="No such file or directory"):
        search(prepared)


def test_training_without_a_search_does_not_import_kerastuner():
    code = "import sys, trainer.run_fn; print('keras_tuner' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


def test_the_same_seed_tries_the_same_values(prepare):
    space = {"learning_rate": {"min": 1e-4, "max": 1e-2, "log": True}, "augment": [True, False], "batch_size": [2, 4]}

    def values(**training) -> list[dict]:
        oracle = prepare(space, trials=4, **training).tuner.oracle
        return [oracle.populate_space(str(number))["values"] for number in range(4)]

    assert values(seed=5) == values(seed=5) != values(seed=6)


def test_a_candidate_that_cannot_be_trained_is_refused_before_the_first_trial(prepare, weights_file):
    with pytest.raises(UserError, match=r"tuning\.search: batch_size 9: .* is more than the 8 training records"):
        prepare({"batch_size": [4, 9]})
    with pytest.raises(
        UserError, match=r"tuning\.search: encoder_width 0\.5: encoder_weights: .* has encoder_width 0\.35"
    ):
        prepare({"encoder_width": [0.35, 0.5]}, encoder_weights=weights_file)
