import keras
import numpy as np
import pytest

from schemas.errors import UserError
from trainer.config import MODELS, TrainingConfig
from trainer.models import BUILDERS, build_model


def config(**values):
    return TrainingConfig(**{"encoder_weights": "none", "encoder_scale": 1, "fine_tune_epochs": 0, **values})


def test_logits_have_the_height_and_width_of_a_rectangle():
    assert build_model(config(model="deeplabv3plus"), "96x64", 5).output_shape == (None, 64, 96, 5)


@pytest.mark.parametrize(("scale", "sides"), [(1, (48, 32)), (2, (96, 64))])
def test_the_unet_s_decoder_ends_at_the_encoder_s_finest_features_and_its_logits_at_the_image_s_size(scale, sides):
    model = build_model(config(encoder_scale=scale), "64x96", 5)
    assert model.get_layer("logits").output.shape[1:3] == sides
    assert model.output_shape == (None, 96, 64, 5)


def test_the_small_unet_gives_each_pixel_logits_of_its_own_although_its_features_have_half_the_sides():
    keras.utils.set_random_seed(1)
    model = build_model(config(model="small_unet"), "64x96", 5)
    assert model.get_layer("encoder").outputs[0].shape[1:3] == (48, 32)
    logits = model(np.ones((1, 96, 64, 3), np.float32)).numpy()
    assert logits.shape == (1, 96, 64, 5)
    middle = logits[0, 48:50, 32:34].reshape(4, 5)  # features are the same there: enlarged, so were logits
    assert np.abs(middle[:, np.newaxis] - middle)[~np.eye(4, dtype=bool)].min() > 0


def test_segformer_s_own_encoder_refuses_a_rectangle():
    with pytest.raises(UserError, match="image_size 96x64: segformer's own encoder takes squares only"):
        build_model(config(model="segformer"), "96x64", 5)


def test_a_weights_file_fills_the_encoder(weights_file):
    keras.utils.set_random_seed(1)
    encoder = build_model(config(encoder_weights=weights_file), 64, 3).get_layer("encoder")
    with np.load(f"{weights_file}.npz") as saved:
        for loaded, expected in zip(encoder.get_weights(), saved.values(), strict=True):
            np.testing.assert_array_equal(loaded, expected)


def test_a_missing_weights_file_is_an_error_that_names_it():
    with pytest.raises(UserError, match=r"encoder_weights: no file 'nowhere\.weights\.h5'"):
        build_model(config(encoder_weights="nowhere.weights.h5"), 64, 3)


def test_weights_of_another_width_are_an_error_that_names_file_and_width(weights_file):
    with pytest.raises(UserError, match=r"encoder_weights: .*0\.35_no_top.* cannot be used with encoder_width 0\.5"):
        build_model(config(encoder_weights=weights_file, encoder_width=0.5), 64, 3)


def test_a_file_that_holds_no_weights_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "broken.weights.h5"
    path.write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"broken\.weights\.h5"):
        build_model(config(encoder_weights=str(path)), 64, 3)


def test_an_image_size_that_the_encoder_cannot_halve_five_times_is_an_error():
    with pytest.raises(UserError, match="image_size 72 x encoder_scale 1 must be a multiple of 32"):
        build_model(config(), 72, 3)


def test_the_registry_builds_the_models_that_a_configuration_can_name():
    assert tuple(sorted(BUILDERS)) == MODELS
