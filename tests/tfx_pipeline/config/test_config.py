"""Configuration files: what is accepted, and what a mistake in one says."""

from pathlib import Path

import pytest
import yaml

import tfx_pipeline
from schemas.errors import UserError
from schemas.shipped import load_spec
from tfx_pipeline.config.pipeline import EvaluationConfig, check_evaluation, load_config

CONFIGS = Path(tfx_pipeline.__file__).parent / "configs"
PACKAGED_CONFIGS = sorted(path for path in CONFIGS.glob("*.yaml") if not path.name.endswith(".example.yaml"))


@pytest.mark.parametrize("path", PACKAGED_CONFIGS, ids=lambda path: path.name)
def test_a_packaged_configuration_is_valid(path):
    config = load_config(path)
    check_evaluation(config.evaluation, load_spec(Path(config.data).parent.name))


def test_data_and_output_take_the_place_of_the_files_values(write_config):
    config = load_config(write_config(), data="other/data", output="other/output")
    assert (config.data, config.output) == ("other/data", "other/output")


def test_a_relative_path_stays_as_it_is_written(write_config):
    assert load_config(write_config(data="runs/data")).data == "runs/data"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainning": {}}, "trainning: Extra inputs are not permitted"),
        ({"training": {"epoch": 3}}, "training.epoch: Extra inputs are not permitted, got 3"),
        ({"training": {"epochs": "many"}}, "training.epochs: Input should be a valid integer"),
        (
            {"evaluation": {"min_mean_iou": 65}},
            "evaluation.min_mean_iou: Input should be less than or equal to 1, got 65",
        ),
        ({"evaluation": {}}, "evaluation.min_mean_iou: Field required"),
        ({"evaluation": {"min_mean_iou": 0.5, "min_iou": {"pet": 2}}}, "evaluation.min_iou.pet: Input should be less"),
        ({"name": "My Pipeline"}, "name: String should match pattern"),
        ({"name": "p" * 64}, "name: String should have at most 63 characters"),
        ({"data": ""}, "data: String should have at least 1 character"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_file(write_config, changes, message):
    path = write_config(**changes)
    with pytest.raises(UserError) as raised:
        load_config(path)
    assert f"{path}: {message}" in str(raised.value)


def test_every_mistake_of_a_file_is_named_at_once(write_config):
    with pytest.raises(UserError) as raised:
        load_config(write_config(name="", data=""))
    assert len(str(raised.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.yaml: cannot read the configuration: No such file"):
        load_config(tmp_path / "absent.yaml")


@pytest.mark.parametrize("text", ["training: {epochs: 3", "\ttraining: 3", "\udcff"])
def test_a_file_that_is_no_yaml_is_named(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"config\.yaml: not valid YAML"):
        load_config(path)


@pytest.mark.parametrize("text", ["", "- a\n- list\n", "just text"])
def test_a_file_without_keys_is_named(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml: \(whole file\)"):
        load_config(path, data="data")


def test_a_floor_of_an_unknown_class_is_named_with_the_known_ones():
    with pytest.raises(UserError, match=r"evaluation\.min_iou: .* has no dog; it has pet, background, border"):
        check_evaluation(EvaluationConfig(min_mean_iou=0.5, min_iou={"dog": 0.5}), load_spec("pets"))


def test_an_unknown_slice_is_named_with_the_known_ones():
    with pytest.raises(UserError, match=r"evaluation\.slices: .* has no colour; it has breed, species"):
        check_evaluation(EvaluationConfig(min_mean_iou=0.5, slices=("colour",)), load_spec("pets"))


def test_a_configuration_survives_a_round_trip_through_yaml(write_config, tmp_path):
    config = load_config(write_config())
    copy = tmp_path / "copy.yaml"
    copy.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert load_config(copy) == config


def test_single_values_can_be_set_without_editing_the_file(write_config):
    config = load_config(write_config(), settings=["name=other", "evaluation.min_mean_iou=0.25", "training.epochs=7"])
    assert (config.name, config.evaluation.min_mean_iou, config.training.epochs) == ("other", 0.25, 7)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("name", "--set name: give KEY=VALUE"),
        ("=x", "--set =x: give KEY=VALUE"),
        ("name.first=x", "name is not a section"),
        ("training.epoch=3", "training.epoch"),
        ("training.epochs=many", "training.epochs"),
        ("training..epochs=8", "--set training..epochs=8: give KEY=VALUE"),
        ("name=[a", "--set name: not valid YAML"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(write_config, setting, problem):
    with pytest.raises(UserError, match=problem):
        load_config(write_config(), settings=[setting])


def test_a_value_that_is_set_has_its_type_as_in_the_file(write_config):
    settings = ["training.encoder_scale=1", "training.augment=false", "training.class_weights={pet: 2.5}"]
    config = load_config(write_config(), settings=settings)
    assert (config.training.encoder_scale, config.training.augment) == (1, False)
    assert config.training.class_weights == {"pet": 2.5}
