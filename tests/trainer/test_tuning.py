"""The `tuning` section: what it refuses, and what its trials train."""

import pytest
from pydantic import ValidationError

from schemas.errors import UserError
from schemas.frozen_model import parse_model
from trainer.config import TrainingConfig
from trainer.tuning import Range, TuningConfig, chosen_training

SEARCH = {"learning_rate": {"min": 1e-4, "max": 1e-2, "log": True}, "loss": ["cross_entropy", "cross_entropy_dice"]}


def refusal(search: dict, **values) -> str:
    with pytest.raises(UserError) as raised:
        parse_model(TuningConfig, {"trials": 4, "epochs": 1, "search": search, **values}, "config.yaml")
    return str(raised.value)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"learningrate": [1e-3, 1e-2]}, "search: learningrate: training has no such setting; search among model, "),
        ({"seed": [1, 2]}, "search: seed: cannot be searched; set training.seed, or search among model, "),
        ({"distribution": ["auto", "single"]}, "search: distribution: cannot be searched"),
        ({"checkpoint_steps": [1, 2]}, "search: checkpoint_steps: cannot be searched"),
        ({"export_tflite": [True, False]}, "search: export_tflite: cannot be searched"),
        ({"epochs": [1, 2]}, "search: epochs: cannot be searched"),
        ({"learning_rate": [0.001, 2]}, "search: learning_rate: Input should be less than or equal to 1, got 2"),
        ({"learning_rate": {"min": 0, "max": 1}}, "search: learning_rate: Input should be greater than 0, got 0"),
        ({"batch_size": {"min": 2.5, "max": 8}}, "search: batch_size: Input should be a valid integer"),
        ({"batch_size": {"min": 2, "max": 8, "step": 1.5}}, "search: batch_size: step must be whole, got 1.5"),
        ({"loss": ["cross_entropy", "hinge"]}, "search: loss: Input should be 'cross_entropy', "),
        ({"loss": {"min": 0, "max": 1}}, "search: loss: cannot have a range; give a list of values"),
        ({"loss": ["cross_entropy", "cross_entropy"]}, "search: loss: give at least two different values"),
        ({"weight_decay": {"min": 1, "max": 0}}, "search.weight_decay.range: min must be less than max, got 1 and 0"),
        ({"weight_decay": {"min": 0, "max": 1, "log": True}}, "search.weight_decay.range: a range with log needs"),
        ({"weight_decay": {"min": 0, "max": 1, "steps": 1}}, "search.weight_decay.range.steps: Extra inputs"),
        ({"weight_decay": 0.5}, "search.weight_decay.range: Input should be a valid dictionary or instance of Range"),
        ({"fine_tune_learning_rate": [0.1, 0.2]}, "(whole file): search: fine_tune_learning_rate changes nothing"),
        ({}, "search: Dictionary should have at least 1 item"),
    ],
)
def test_what_cannot_be_searched_is_named(search, message):
    assert f"config.yaml: {message}" in refusal(search)


def test_every_wrong_entry_is_named_at_once():
    message = refusal({"seed": [1, 2], "loss": ["hinge", "cross_entropy"]})
    assert "seed: cannot be searched" in message
    assert "loss: Input should be" in message


@pytest.mark.parametrize(("key", "value"), [("trials", 1), ("epochs", 0), ("fine_tune_epochs", -1)])
def test_a_wrong_number_is_named(key, value):
    assert f"config.yaml: {key}: Input should be greater than" in refusal(SEARCH, **{key: value})


def test_values_are_kept_as_the_training_has_them():
    tuning = TuningConfig(
        trials=2,
        epochs=1,
        search={
            "learning_rate": ["1e-3", 1],
            "encoder_width": [1, 0.5],
            "augment": [True, False],
            "batch_size": {"min": 2, "max": 8.0},
        },
    )
    assert [type(one) for one in tuning.candidates("learning_rate")] == [float, float]
    assert [type(one) for one in tuning.candidates("encoder_width")] == [float, float]
    assert tuning.candidates("augment") == (True, False)
    assert tuning.search["batch_size"] == Range(min=2, max=8)
    assert isinstance(tuning.search["batch_size"].max, int)


def test_the_section_survives_a_round_trip_through_plain_values():
    tuning = TuningConfig(trials=2, epochs=1, search=SEARCH)
    assert TuningConfig(**tuning.model_dump(mode="json")) == tuning


def test_trials_do_not_depend_on_what_only_the_final_training_does():
    tuning = TuningConfig(trials=2, epochs=3, fine_tune_epochs=1, search=SEARCH)
    plain = tuning.trial_training(TrainingConfig())
    other = TrainingConfig(epochs=50, fine_tune_epochs=9, average_mirrored=True, distribution="multi_worker")
    assert tuning.trial_training(other) == plain
    assert (plain.epochs, plain.fine_tune_epochs) == (3, 1)
    assert tuning.trial_training(TrainingConfig(seed=1)) != plain


def test_chosen_values_take_the_place_of_the_configured():
    training = TrainingConfig(decoder_filters=16)
    chosen = chosen_training(training, {"learning_rate": 0.01})
    assert (chosen.learning_rate, chosen.decoder_filters) == (0.01, 16)
    with pytest.raises(ValidationError):
        chosen_training(training, {"learning_rate": 7})
