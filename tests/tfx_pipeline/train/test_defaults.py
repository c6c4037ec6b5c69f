import re

import pytest
import yaml

from schemas.image_size import Sides
from schemas.sealed_text import is_edited
from tfx_pipeline.config.pipeline import PipelineConfig
from tfx_pipeline.preflight import ClassShare
from tfx_pipeline.train.command_line import next_version
from tfx_pipeline.train.defaults import Facts, batch_size, choose_size, configuration_yaml, configure
from trainer.recipes import RECIPES

SHARES = {"pet": ClassShare(0.3, 300), "ground": ClassShare(0.7, 300)}
PETS = Facts("my_pets", "1.0.0", "runs/pets: 1/data", 128, 300, SHARES)


def training_of(facts, offline=False, recipe="fast"):
    text = configuration_yaml(facts, configure(facts, "runs/pets", offline, recipe))
    return PipelineConfig.model_validate(yaml.safe_load(text)).training


def test_the_file_is_a_valid_configuration_with_a_reason_behind_each_value_and_knows_edits():
    text = configuration_yaml(PETS, configure(PETS, "runs/pets", offline=False))
    config = PipelineConfig.model_validate(yaml.safe_load(text))
    assert (config.name, config.data, config.evaluation.min_mean_iou) == ("my-pets", PETS.data, 0)
    values = [line for line in text.splitlines() if ":" in line and not line.endswith(":") and line[0] != "#"]
    assert len(values) > 10
    assert [line for line in values if "  # " not in line] == []
    assert not is_edited(text)
    assert is_edited(text.replace('"fast"', '"good"'))


def test_as_many_photos_as_the_measured_run_had_are_trained_on_as_long():
    training = training_of(PETS)
    assert (training.encoder_weights, training.batch_size, training.encoder_scale) == ("imagenet", 8, 2)
    assert training.epochs + training.fine_tune_epochs == 53  # of 37 steps
    assert training.class_weights == {}


def test_offline_trains_from_scratch_for_more_steps():
    training = training_of(PETS, offline=True)
    assert (training.encoder_weights, training.fine_tune_epochs) == ("none", 0)
    assert training.epochs > 53


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_s_settings_hold_with_its_length_scaled_to_the_photos(name):
    training = training_of(PETS, recipe=name)
    for key, value in RECIPES[name].settings.items():
        if key not in ("epochs", "fine_tune_epochs", "evaluate_every", "batch_size", "encoder_scale"):
            assert getattr(training, key) == value
    free = training.fine_tune_epochs / (training.epochs + training.fine_tune_epochs)
    settings = RECIPES[name].settings
    assert abs(free - settings["fine_tune_epochs"] / (settings["epochs"] + settings["fine_tune_epochs"])) < 0.02


def test_reasons_name_the_weights_that_the_recipe_takes_and_where_the_data_overrides_it():
    reasons = {name: {one.key: one for one in configure(PETS, "runs/pets", False, name)} for name in RECIPES}
    assert reasons["fast"]["training.encoder_weights"].value == "imagenet"
    for name in ("good", "best"):
        assert "training.encoder_weights" not in reasons[name]
        assert reasons[name]["training.encoder"].value == RECIPES[name].settings["encoder"]
        assert "whose own weights are taken" in reasons[name]["training.encoder"].reason
    assert reasons["best"]["training.encoder_scale"].reason.endswith("; the recipe alone would take 1")
    assert reasons["best"]["training.batch_size"].reason.endswith("; the recipe alone would take 16")


def test_numbers_of_steps_are_whole():
    for name in RECIPES:
        text = configuration_yaml(PETS, configure(PETS, "runs/pets", False, name))
        assert re.search(r"about [0-9,]+ are enough", text)


@pytest.mark.parametrize("name", RECIPES)
def test_offline_no_recipe_downloads_an_encoder(name):
    training = training_of(PETS, offline=True, recipe=name)
    assert (training.model, training.encoder, training.encoder_weights) == ("small_unet", "", "none")


def test_many_photos_need_few_epochs_and_few_have_a_bound():
    many, few = training_of(PETS._replace(records=100_000)), training_of(PETS._replace(records=5))
    assert (many.epochs + many.fine_tune_epochs, few.epochs + few.fine_tune_epochs) == (8, 300)
    assert [batch_size(count) for count in (1, 3, 31, 32, 4001)] == [1, 3, 4, 8, 16]


def test_a_class_below_one_percent_brings_weights_and_one_that_is_nowhere_keeps_its_own():
    pixels = {"road": 0.7, "sky": 0.16, "pole": 0.005, "ghost": 0.0, "car": 0.13}
    shares = {name: ClassShare(share, 7) for name, share in pixels.items()}
    facts = PETS._replace(shares=shares)
    assert training_of(facts).class_weights == {"pole": 5.0, "car": 1.06}
    text = configuration_yaml(facts, configure(facts, "runs/pets", offline=False))
    assert "root of median/share, at most 5; below 1% of the pixels: pole 0.50% in 7 photos" in text
    assert training_of(PETS._replace(shares={**shares, "pole": ClassShare(0.01, 7)})).class_weights == {}


def test_the_size_follows_the_photos_up_to_what_a_processor_can_train():
    squares = [[Sides(side, side)] for side in (40, 130, 200, 4000)]
    assert [choose_size(photos)[0] for photos in squares] == [64, 128, 192, 256]
    assert "360 pixels" in choose_size([Sides(one, one) for one in (100, 360, 900)])[1]
    assert choose_size([])[0] == 128
    finer = ["--image_size=384 gives finer masks" in choose_size([Sides(one, one)])[1] for one in (250, 300, 320, 900)]
    assert finer == [False, False, True, True]


def test_the_size_has_the_photos_aspect_where_nearly_all_share_one():
    wide = [Sides(720, 960)] * 19
    assert choose_size([*wide, Sides(900, 600)])[0] == "352x256"
    assert choose_size([Sides(width, height) for height, width in wide])[0] == "256x352"
    size, reason = choose_size([*wide, *[Sides(900, 600)] * 10])
    assert size == 256
    assert "since their shapes differ" in reason
    assert choose_size([Sides(130, 136)] * 3)[0] == 128


def test_a_changed_data_set_is_the_next_minor_version():
    assert (next_version("1.0.0"), next_version("2.9.3")) == ("1.1.0", "2.10.0")
