import pytest

from schemas.errors import UserError
from schemas.frozen_model import parse_model
from trainer.config import TrainingConfig
from trainer.recipes import RECIPES


def test_the_defaults_survive_a_round_trip_through_plain_values():
    config = TrainingConfig()
    assert TrainingConfig(**config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("epochs", 10**6),
        ("fine_tune_epochs", 10**6),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("encoder_width", 0.4),
        ("epoch", 3),
    ],
)
def test_a_wrong_key_or_value_is_an_error_that_names_the_key(key, value):
    with pytest.raises(UserError, match=rf"config\.yaml: {key}: "):
        parse_model(TrainingConfig, {key: value}, "config.yaml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", True),
        ("learning_rate", True),
        ("encoder_scale", True),
        ("seed", False),
    ],
)
def test_true_and_false_are_no_numbers(key, value):
    with pytest.raises(UserError, match=rf"config\.yaml: {key}: must be a number, not true or false"):
        parse_model(TrainingConfig, {key: value}, "config.yaml")


def test_true_and_false_stay_what_they_are_where_they_may_stand():
    config = parse_model(TrainingConfig, {"augment": False, "cache": True}, "config.yaml")
    assert (config.augment, config.cache) == (False, True)


def test_fine_tuning_an_encoder_without_weights_is_refused():
    with pytest.raises(UserError, match="fine_tune_epochs must be 0"):
        parse_model(TrainingConfig, {"encoder_weights": "none", "fine_tune_epochs": 1}, "config.yaml")


def test_an_unknown_model_is_an_error_that_lists_the_known_ones():
    with pytest.raises(
        UserError,
        match=r"config\.yaml: model: no model 'vgg'; there are: deeplabv3plus, preset, segformer, small_unet, unet",
    ):
        parse_model(TrainingConfig, {"model": "vgg"}, "config.yaml")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_gives_its_settings_and_every_other_setting_overrides_them(name):
    config = TrainingConfig(recipe=name)
    assert config.model_dump(include=set(RECIPES[name].settings)) == RECIPES[name].settings
    longer = TrainingConfig(recipe=name, epochs=77)
    assert longer == config.model_copy(update={"epochs": 77})
    assert TrainingConfig(**longer.model_dump(mode="json")) == longer


def test_an_unknown_recipe_is_an_error_that_lists_the_known_ones():
    with pytest.raises(UserError, match=r"config\.yaml: recipe: no recipe 'great'; there are: fast, good, best"):
        parse_model(TrainingConfig, {"recipe": "great"}, "config.yaml")
    with pytest.raises(UserError, match=r"config\.yaml: recipe: "):
        parse_model(TrainingConfig, {"recipe": ["fast"]}, "config.yaml")


def test_the_small_unet_starts_from_scratch_at_the_images_own_size_where_nothing_is_set():
    config = TrainingConfig(model="small_unet")
    assert (config.encoder_is_pretrained, config.fine_tune_epochs, config.encoder_scale) == (False, 0, 1)
    assert TrainingConfig(model="small_unet", recipe="fast", epochs=3, encoder_weights="none").epochs == 3


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"encoder": "hf://timm/tf_efficientnet_lite0.in1k"}, "encoder: small_unet has its own"),
        ({"encoder_weights": "imagenet"}, "encoder_weights: there are none for small_unet"),
        ({"encoder_scale": 2}, "encoder_scale: small_unet sees images at their size"),
        ({"fine_tune_epochs": 4}, "fine_tune_epochs must be 0"),
    ],
)
def test_what_the_small_unet_cannot_take_is_refused_with_the_remedy(values, reason):
    with pytest.raises(UserError, match=reason):
        parse_model(TrainingConfig, {"model": "small_unet", **values}, "config.yaml")
