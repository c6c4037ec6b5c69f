"""Which blessed model a candidate is compared with."""

import json
import shutil

import pytest
from tfx.types.standard_artifacts import Model, ModelBlessing

from tfx_pipeline.baseline import LatestOtherBlessedModel


@pytest.fixture
def add_model(tmp_path):
    """Makes a model artifact with its folder; ids count up, as in ML Metadata."""
    models = []

    def add(image_size: int = 128) -> Model:
        model = Model()
        model.id = len(models) + 1
        model.uri = str(tmp_path / f"model_{model.id}")
        info = tmp_path / f"model_{model.id}" / "Format-Serving" / "assets.extra" / "model_info.json"
        info.parent.mkdir(parents=True)
        info.write_text(json.dumps({"dataset": "pets", "classes": ["pet"], "image_size": image_size}))
        models.append(model)
        return model

    return add


def blessing_of(model: Model, blessed: bool = True) -> ModelBlessing:
    blessing = ModelBlessing()
    blessing.id = 100 + model.id
    blessing.set_int_custom_property("current_model_id", model.id)
    blessing.set_int_custom_property("blessed", int(blessed))
    return blessing


def resolve(candidate: Model, models: list[Model], blessings: list[ModelBlessing]) -> list[int]:
    """Ids of the models that the candidate is compared with: one or none."""
    channels = {"model": models, "model_blessing": blessings, "candidate": [candidate]}
    resolved = LatestOtherBlessedModel().resolve_artifacts(None, channels)
    assert resolved["candidate"] == [candidate]
    return [model.id for model in resolved["model"]]


def test_the_latest_blessed_model_is_taken(add_model):
    first, second, unblessed, candidate = add_model(), add_model(), add_model(), add_model()
    blessings = [blessing_of(first), blessing_of(second), blessing_of(unblessed, blessed=False)]
    assert resolve(candidate, [first, second, unblessed, candidate], blessings) == [second.id]


def test_a_first_model_is_compared_with_none(add_model):
    candidate = add_model()
    assert resolve(candidate, [candidate], []) == []


def test_a_blessed_model_is_not_compared_with_itself(add_model):
    earlier, candidate = add_model(), add_model()
    blessings = [blessing_of(earlier), blessing_of(candidate)]
    assert resolve(candidate, [earlier, candidate], blessings) == [earlier.id]


def test_a_model_of_another_image_size_is_passed_over(add_model):
    comparable, other, candidate = add_model(128), add_model(64), add_model(128)
    blessings = [blessing_of(comparable), blessing_of(other)]
    assert resolve(candidate, [comparable, other, candidate], blessings) == [comparable.id]


def test_a_model_whose_folder_was_deleted_is_passed_over(add_model):
    kept, deleted, candidate = add_model(), add_model(), add_model()
    shutil.rmtree(deleted.uri)
    blessings = [blessing_of(kept), blessing_of(deleted)]
    assert resolve(candidate, [kept, deleted, candidate], blessings) == [kept.id]
