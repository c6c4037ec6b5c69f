"""What a training is refused for before it starts."""

import pytest

from schemas.errors import UserError
from trainer.config import TrainingConfig
from trainer.requirements import Surroundings, check_training, search_problems, training_problems
from trainer.training import train
from trainer.tuning import TuningConfig

CLASSES = ("pet", "background", "border")
FROM_SCRATCH = {"encoder_weights": "none", "fine_tune_epochs": 0, "encoder_scale": 1}


def problems(image_size: int = 64, replicas: int = 1, **training) -> list[str]:
    config = TrainingConfig(**{**FROM_SCRATCH, **training})
    return list(training_problems(config, Surroundings(image_size, CLASSES, train_records=100, replicas=replicas)))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"class_weights": {"pet": 2, "sofa": 2}},
            "class_weights: no class sofa; there are pet, background, border",
        ),
        ({"batch_size": 101}, "batch_size 101 is more than the 100 training records; lower it"),
        ({"image_size": 48}, "image_size 48 x encoder_scale 1 must be a multiple of 32 for model unet"),
        (
            {"image_size": 32, "model": "segformer"},
            "image_size 32 x encoder_scale 1 must be a multiple of 32, at least 64, for model segformer",
        ),
        ({"image_size": "96x48"}, "image_size 96x48 x encoder_scale 1 must be a multiple of 32 for model unet"),
        (
            {"crop_size": 96, "image_size": "128x64"},
            "training.crop_size 96 is more than the version's image_size 128x64",
        ),
        ({"image_size": 0}, "this version keeps the original sizes (image_size 0): set `training.crop_size`"),
        ({"crop_size": 96}, "training.crop_size 96 is more than the version's image_size 64"),
        ({"average_scales": [0.5, 1.1]}, "average_scales: 1.1 of image_size 64 is 64, once more; leave it out"),
        (
            {"image_size": 64, "model": "segformer", "average_scales": [0.5]},
            "average_scales: 0.5 of image_size 64 is 32, too small for model segformer",
        ),
        ({"batch_size": 6, "replicas": 4}, "batch_size 6 cannot be shared by 4 replicas; make it a multiple"),
    ],
)
def test_a_training_that_its_data_or_machines_cannot_have_is_named(values, problem):
    [found] = problems(**values)
    assert found.startswith(problem)


def test_all_problems_are_named_at_once():
    assert len(problems(class_weights={"sofa": 1}, batch_size=200, image_size=48)) == 3


@pytest.mark.parametrize(("batch_size", "replicas"), [(1, 1), (4, 4)])
def test_one_image_for_a_normalization_over_the_whole_image_is_refused(batch_size, replicas):
    [problem] = problems(model="deeplabv3plus", batch_size=batch_size, replicas=replicas)
    assert f"batch_size {batch_size}: deeplabv3plus normalizes over the images of a batch" in problem
    assert problem.endswith(f"give at least {2 * replicas}")


def test_one_image_is_refused_where_an_encoder_from_scratch_has_features_of_one_pixel():
    [problem] = problems(image_size=32, batch_size=1)
    assert problem.endswith("give at least 2")
    assert problems(image_size=32, batch_size=1, crop_size=32) == [problem]


@pytest.mark.parametrize(
    "values",
    [
        {"model": "deeplabv3plus", "batch_size": 2},
        {"model": "deeplabv3plus", "batch_size": 8, "replicas": 4},
        {"model": "unet", "batch_size": 1},
        {"model": "unet", "image_size": 32, "batch_size": 1, "encoder_weights": "imagenet"},  # keeps its statistics
        {"model": "segformer", "batch_size": 1},
    ],
)
def test_two_values_are_enough_for_a_normalization(values):
    assert problems(**values) == []


def test_a_training_checks_its_requirements_itself(write_shards):
    shards = write_shards([0, 1], 64)
    with pytest.raises(UserError, match="deeplabv3plus normalizes over the images of a batch"):
        train(TrainingConfig(**FROM_SCRATCH, model="deeplabv3plus", batch_size=1), shards, shards, 64, 3)


def test_the_values_that_a_search_would_fail_at_are_named():
    search = {"model": ["unet", "deeplabv3plus"], "batch_size": [1, 8, 101]}
    tuning = TuningConfig(trials=3, epochs=1, search=search)
    found = list(search_problems(tuning, TrainingConfig(**FROM_SCRATCH), Surroundings(64, CLASSES, train_records=100)))
    assert [one.split(": ")[1] for one in found] == ["model unet, batch_size 101", "model deeplabv3plus, batch_size 1"]


def test_a_range_of_batch_sizes_must_suit_the_replicas_that_share_a_batch():
    def found(step):
        tuning = TuningConfig(trials=3, epochs=1, search={"batch_size": {"min": 4, "max": 16, "step": step}})
        surroundings = Surroundings(64, CLASSES, train_records=100, replicas=4)
        return list(search_problems(tuning, TrainingConfig(**FROM_SCRATCH), surroundings))

    assert found(4) == []
    assert found(2) == ["tuning.search: batch_size: 4 replicas share a batch; give a range with step 4, or a list"]


def test_a_training_without_problems_passes():
    check_training(TrainingConfig(**FROM_SCRATCH), Surroundings(64, CLASSES, train_records=8))
