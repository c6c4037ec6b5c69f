"""Which blessed model a candidate is compared with."""

import shutil
from pathlib import Path

import pytest
from tfx.types.standard_artifacts import Model, ModelBlessing

from schemas.errors import UserError
from schemas.exported_model import INFO_PATH, ModelInfo
from tfx_pipeline.evaluation.baseline import LatestOtherBlessedModel


@pytest.fixture
def add_model(tmp_path):
    """Makes a model artifact with its folder in `output/`; ids count up, as in ML Metadata."""
    models = []

    def add(image_size: int = 128) -> Model:
        model = Model()
        model.id = len(models) + 1
        model.uri = str(tmp_path / "output" / "pipeline" / "Trainer" / "model" / str(model.id))
        path = Path(model.uri) / "Format-Serving" / INFO_PATH
        path.parent.mkdir(parents=True)
        colors = ((255, 0, 0), (0, 0, 255))
        info = ModelInfo(dataset="pets", classes=("pet", "background"), palette=colors, image_size=image_size)
        path.write_text(info.to_json())
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


def test_a_last_blessed_model_whose_folder_is_gone_is_an_error_that_names_it(add_model):
    kept, gone, candidate = add_model(), add_model(), add_model()
    shutil.rmtree(gone.uri)
    with pytest.raises(UserError, match=f"{gone.uri}: the last blessed model is not there, .*put the folder back"):
        resolve(candidate, [kept, gone, candidate], [blessing_of(kept), blessing_of(gone)])


def test_an_older_blessed_model_may_be_deleted(add_model):
    gone, kept, candidate = add_model(), add_model(), add_model()
    shutil.rmtree(gone.uri)
    assert resolve(candidate, [gone, kept, candidate], [blessing_of(gone), blessing_of(kept)]) == [kept.id]


def test_in_an_output_that_was_renamed_its_own_model_is_taken_whatever_lies_at_the_old_place(add_model, tmp_path):
    blessed, candidate = add_model(image_size=128), add_model(image_size=128)
    recorded = blessed.uri
    (tmp_path / "output").rename(tmp_path / "renamed")
    other = add_model(image_size=64)  # by now the old place belongs to another output, and its models have the same ids
    Path(other.uri).rename(recorded)
    candidate.uri = candidate.uri.replace("/output/", "/renamed/")
    assert resolve(candidate, [blessed, candidate], [blessing_of(blessed)]) == [blessed.id]
    assert blessed.uri == recorded.replace("/output/", "/renamed/")


def test_damaged_information_of_a_blessed_model_is_an_error_that_names_it(add_model):
    blessed, candidate = add_model(), add_model()
    info = Path(blessed.uri) / "Format-Serving" / INFO_PATH
    info.write_text("{")
    with pytest.raises(UserError, match=f"{info}: not valid JSON.*restore it from a copy"):
        resolve(candidate, [blessed, candidate], [blessing_of(blessed)])
